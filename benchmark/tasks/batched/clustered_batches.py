"""The k-means tasks for many latents at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.tasks.batched.chunks import budget_of, chunks
from benchmark.tasks.batched.contingency import clustering_scores, tables
from benchmark.tasks.batched.groups import for_each_case, in_groups, placed
from benchmark.tasks.batched.lloyd import cluster
from benchmark.tasks.batched.lloyd_rules import start_draws
from benchmark.tasks.clustering import number_of_starts, seed_of_starts
from benchmark.tasks.task import Case


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    rows: Tensor  # numbers of the rows with a label
    y: Tensor  # their classes
    classes: int


def k_means_batches(
    latents: Sequence[Tensor], cases: Sequence[Case], device: str, *, prepare: Callable[[Tensor], Tensor]
) -> list[dict[str, float]]:
    """The metrics of ``clustering.k_means`` for each latent.

    Args:
        latents: Latents, float32 [n, d].
        cases: The case of each latent.
        device: "cpu" or "cuda".
        prepare: Scaling of the labelled rows, [b, n, d].

    Raises:
        ValueError: if a dataset has no labels.
    """
    budget = budget_of(device)

    def labelled(case: Case) -> _Labelled:
        rows = case.labelled
        y = case.labels[rows]
        return _Labelled(torch.tensor(rows, device=device), torch.tensor(y, device=device), int(y.max()) + 1)

    known = for_each_case(cases, labelled)

    def score(group: list[int]) -> list[dict[str, float]]:
        k, columns, found = known[group[0]].classes, latents[group[0]].shape[1], []
        starts = number_of_starts(columns)
        draws = for_each_case(
            [cases[i] for i in group],
            lambda case: torch.tensor(start_draws(seed_of_starts(case), k, starts), device=device),
        )
        for chunk in chunks(len(group), 12 * len(known[group[0]].rows) * columns, budget):
            z = torch.stack([placed(latents[i], device)[known[i].rows] for i in group[chunk]])
            clusters, _ = cluster(z, k, torch.stack(draws[chunk]), prepare=prepare, budget=budget)
            counts = tables(torch.stack([known[i].y for i in group[chunk]]), clusters, k)
            found += clustering_scores(counts, budget=budget)
        return found

    shapes = [(len(of.rows), each.shape[1], of.classes) for of, each in zip(known, latents, strict=True)]
    return in_groups(shapes, score)
