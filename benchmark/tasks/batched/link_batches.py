"""Link prediction for many latents at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.arrays import Integers
from benchmark.latents.draws import PairScores
from benchmark.latents.placed_readouts import PlacedPairs
from benchmark.tasks.batched.chunks import budget_of, chunks
from benchmark.tasks.batched.groups import for_each_case, in_groups, placed
from benchmark.tasks.batched.newton import bytes_of_fit, fit_classifiers
from benchmark.tasks.batched.ranks import ranking_scores
from benchmark.tasks.task import Case


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    on_host: Integers  # edges, then non-edges, [p + q, 2]
    on_device: Tensor
    edges: int

    @property
    def sizes(self) -> tuple[int, int]:
        return self.edges, len(self.on_host) - self.edges


def _pairs(cases: Sequence[Case], device: str, *, test: bool) -> list[_Pairs]:
    def made(case: Case) -> _Pairs:
        split = case.edges
        parts = (split.test, case.test_negatives) if test else (split.train, split.train_negatives)
        both = np.concatenate(parts)
        return _Pairs(both, torch.tensor(both, device=device), len(parts[0]))

    return for_each_case(cases, made)


def _products(latent: NDArray[np.float32] | Tensor, pairs: _Pairs, device: str) -> Tensor:
    """z_i ⊙ z_j of each pair in single precision, [p + q, d]."""
    left, right = placed(latent, device)[pairs.on_device].unbind(dim=1)
    return left * right


def inner_product_batches(
    latents: Sequence[Tensor | PairScores | PlacedPairs], cases: Sequence[Case], device: str
) -> list[dict[str, float]]:
    """The metrics of ``link_prediction.inner_product`` for each latent. Products are summed in double precision.

    Expected scores are drawn where the readout was made, so that every way of scoring has the same draws.

    Args:
        latents: Latents, float32 [n, d], or expected scores of pairs.
        cases: The case of each latent.
        device: "cpu" or "cuda".

    Raises:
        ValueError: if a dataset has no edges.
    """
    pairs = _pairs(cases, device, test=True)

    def scores(i: int) -> Tensor:
        latent = latents[i]
        if isinstance(latent, PlacedPairs):
            return latent.log_odds(pairs[i].on_device)
        if isinstance(latent, PairScores):
            return torch.tensor(latent.log_odds(pairs[i].on_host), device=device)
        return _products(latent, pairs[i], device).sum(dim=1, dtype=torch.float64)

    def score(group: list[int]) -> list[dict[str, float]]:
        found, edges = [], pairs[group[0]].edges
        for chunk in chunks(len(group), 80 * len(pairs[group[0]].on_host), budget_of(device)):
            ranked = torch.stack([scores(i) for i in group[chunk]])
            found += ranking_scores(ranked[:, :edges], ranked[:, edges:])
        return found

    return in_groups([each.sizes for each in pairs], score)


def hadamard_batches(latents: Sequence[Tensor], cases: Sequence[Case], device: str) -> list[dict[str, float]]:
    """The metrics of ``link_prediction.hadamard`` for each latent.

    Args:
        latents: Latents, float32 [n, d].
        cases: The case of each latent.
        device: "cpu" or "cuda".

    Raises:
        ValueError: if a dataset has no edges.
    """
    train, test = (_pairs(cases, device, test=part) for part in (False, True))

    def score(group: list[int]) -> list[dict[str, float]]:
        found = []
        edges, non_edges = train[group[0]].sizes
        truth = torch.arange(edges + non_edges, device=device) < edges
        need = bytes_of_fit(len(truth), latents[group[0]].shape[1], 2, device)
        for chunk in chunks(len(group), need, budget_of(device)):
            some = group[chunk]
            x, held_out = (
                torch.stack([_products(latents[i], pairs[i], device) for i in some]) for pairs in (train, test)
            )
            decision = fit_classifiers(x, truth.long().expand(len(some), -1), 2).decision(held_out)[..., 0]
            held_out_edges = test[group[0]].edges
            found += ranking_scores(decision[:, :held_out_edges], decision[:, held_out_edges:])
        return found

    shapes = [(*a.sizes, *b.sizes, each.shape[1]) for a, b, each in zip(train, test, latents, strict=True)]
    return in_groups(shapes, score)
