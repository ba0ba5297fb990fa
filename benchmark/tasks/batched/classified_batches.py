"""Node classification for many latents at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.core.arrays import Integers
from benchmark.tasks.batched.chunks import budget_of, chunks
from benchmark.tasks.batched.contingency import f1, tables
from benchmark.tasks.batched.groups import for_each_case, in_groups, placed
from benchmark.tasks.batched.neighbour_votes import voted_classes
from benchmark.tasks.batched.newton import bytes_of_fit, fit_classifiers
from benchmark.tasks.classification import Probe
from benchmark.tasks.task import Case, NodePart


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    train: Tensor  # numbers of the training rows
    test: Tensor  # numbers of the test rows
    known: Tensor  # the classes of the training rows, sorted
    y: Tensor  # the place of each training row's class in ``known``
    truth: Tensor  # the classes of the test rows
    classes: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.train), len(self.test), len(self.known), self.classes


def classification_batches(
    latents: Sequence[Tensor],
    cases: Sequence[Case],
    device: str,
    *,
    part: NodePart,
    probe: Probe = "logistic-regression",
) -> list[dict[str, float]]:
    """The metrics of ``classification.classify`` for each latent.

    Args:
        latents: Latents, float32 [n, d].
        cases: The case of each latent.
        device: "cpu" or "cuda".
        part: The node split.
        probe: The classifier.

    Raises:
        ValueError: if a dataset has no labels or no such split, or if the training rows of logistic regression have
            one class.
    """
    votes = probe == "k-nearest-neighbours"

    def parts_of(case: Case) -> _Parts:
        y, rows = case.labels, case.rows(part)
        known, numbered = np.unique(y[rows.train], return_inverse=True)
        if len(known) < 2 and not votes:
            raise ValueError(f"all training rows have class {known[0]}, and logistic regression needs two classes")
        return _Parts(
            train=torch.tensor(rows.train, device=device),
            test=torch.tensor(rows.test, device=device),
            known=torch.tensor(known, device=device),
            y=torch.tensor(numbered, device=device),
            truth=torch.tensor(y[rows.test], device=device),
            classes=int(y.max()) + 1,
        )

    parts = for_each_case(cases, parts_of)

    def score(group: list[int]) -> list[dict[str, float]]:
        n, t, k, classes = parts[group[0]].shape
        rows, d = latents[group[0]].shape
        need = 4 * d * rows + 24 * d * (n + t) + (0 if votes else bytes_of_fit(n, d, k, device))
        budget, found = budget_of(device), []
        for chunk in chunks(len(group), need, budget):
            some = [parts[i] for i in group[chunk]]
            z = torch.stack([placed(latents[i], device) for i in group[chunk]])
            train = z.take_along_dim(torch.stack([each.train for each in some])[..., None], dim=1)
            test = z.take_along_dim(torch.stack([each.test for each in some])[..., None], dim=1)
            y = torch.stack([each.y for each in some])
            if votes:
                places = voted_classes(train, y, test, k, budget=budget)
            else:
                places = fit_classifiers(train, y, k).predicted(test)
            predicted = torch.stack([each.known for each in some]).gather(1, places)
            truth = torch.stack([each.truth for each in some])
            found += [_scores(table) for table in tables(truth, predicted, classes).cpu().numpy()]
        return found

    return in_groups([(*of.shape, *each.shape) for of, each in zip(parts, latents, strict=True)], score)


def _scores(table: Integers) -> dict[str, float]:
    tested = table.sum(axis=1) > 0
    return {"accuracy": float(np.trace(table)) / int(table.sum()), "macro-f1": float(f1(table)[tested].mean())}
