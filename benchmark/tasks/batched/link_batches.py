"""Link prediction for many latents at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.arrays import Integers
from benchmark.datasets import EdgeSplit
from benchmark.latents.draws import PairScores
from benchmark.latents.placed_readouts import PlacedPairs
from benchmark.tasks.batched.chunks import budget_of, chunks
from benchmark.tasks.batched.groups import for_each_case, in_groups, of_repeats, placed
from benchmark.tasks.batched.newton import bytes_of_fit, fit_classifiers
from benchmark.tasks.batched.ranks import ranking_scores
from benchmark.tasks.task import Case


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    on_host: tuple[Integers, ...]  # edges, then the non-edges of each repeat, [·, 2]
    on_device: Tensor  # all of them, [m, 2]

    @classmethod
    def of(cls, parts: Sequence[Integers], device: str) -> _Pairs:
        return cls(tuple(parts), torch.tensor(np.concatenate(parts), device=device))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(map(len, self.on_host))

    def rankings(self, scores: Tensor) -> list[list[dict[str, float]]]:
        """The metrics of each latent and repeat, from the scores of the pairs, [b, m]."""
        positive, *negatives = torch.split(scores, list(self.sizes), dim=1)
        by_repeat = (ranking_scores(positive, negative) for negative in negatives)
        return [list(of_latent) for of_latent in zip(*by_repeat, strict=True)]


def _held_out(repeats: Sequence[Sequence[int]], cases: Sequence[Case], device: str) -> list[_Pairs]:
    """The test edges and non-edges of the repeats of each latent."""

    def made(key: tuple[EdgeSplit, tuple[int, ...]]) -> _Pairs:
        split, numbers = key
        return _Pairs.of([split.test, *map(split.test_negatives_of, numbers)], device)

    return for_each_case([(cases[places[0]].edges, tuple(cases[i].repeat for i in places)) for places in repeats], made)


def _products(latent: NDArray[np.float32] | Tensor, pairs: _Pairs, device: str) -> Tensor:
    """z_i ⊙ z_j of each pair in single precision, [m, d]."""
    left, right = placed(latent, device)[pairs.on_device].unbind(dim=1)
    return left * right


def inner_product_batches(
    latents: Sequence[Tensor | PairScores | PlacedPairs], cases: Sequence[Case], device: str
) -> list[dict[str, float]]:
    """The metrics of ``link_prediction.inner_product`` for each latent. Products are summed in double precision.

    Expected scores are drawn where the readout was made, so that every way of scoring has the same draws. The repeats
    of a latent share them.

    Args:
        latents: Latents, float32 [n, d], or expected scores of pairs.
        cases: The case of each latent.
        device: "cpu" or "cuda".

    Raises:
        ValueError: if a dataset has no edges.
    """

    def scores(latent: Tensor | PairScores | PlacedPairs, pairs: _Pairs) -> Tensor:
        if isinstance(latent, PlacedPairs):
            return latent.log_odds(pairs.on_device)
        if isinstance(latent, PairScores):
            return torch.tensor(np.concatenate(latent.log_odds_of(pairs.on_host)), device=device)
        return _products(latent, pairs, device).sum(dim=1, dtype=torch.float64)

    def score(repeats: list[list[int]]) -> list[list[dict[str, float]]]:
        held_out = _held_out(repeats, cases, device)

        def of_group(group: list[int]) -> list[list[dict[str, float]]]:
            pairs, found = held_out[group[0]], []
            for chunk in chunks(len(group), 80 * len(pairs.on_device), budget_of(device)):
                found += pairs.rankings(
                    torch.stack([scores(latents[repeats[i][0]], held_out[i]) for i in group[chunk]])
                )
            return found

        return in_groups([each.sizes for each in held_out], of_group)

    return of_repeats(latents, cases, score)


def hadamard_batches(latents: Sequence[Tensor], cases: Sequence[Case], device: str) -> list[dict[str, float]]:
    """The metrics of ``link_prediction.hadamard`` for each latent. One classifier serves the repeats of a latent.

    Args:
        latents: Latents, float32 [n, d].
        cases: The case of each latent.
        device: "cpu" or "cuda".

    Raises:
        ValueError: if a dataset has no edges.
    """

    def score(repeats: list[list[int]]) -> list[list[dict[str, float]]]:
        first = [latents[places[0]] for places in repeats]
        train = for_each_case(
            [cases[places[0]].edges for places in repeats],
            lambda split: _Pairs.of([split.train, split.train_negatives], device),
        )
        held_out = _held_out(repeats, cases, device)

        def of_group(group: list[int]) -> list[list[dict[str, float]]]:
            found = []
            edges, non_edges = train[group[0]].sizes
            truth = torch.arange(edges + non_edges, device=device) < edges
            tested, width = len(held_out[group[0]].on_device), first[group[0]].shape[1]
            need = bytes_of_fit(len(truth), width, 2, device) + 8 * tested * width
            for chunk in chunks(len(group), need, budget_of(device)):
                some = group[chunk]
                x, z = (
                    torch.stack([_products(first[i], pairs[i], device) for i in some]) for pairs in (train, held_out)
                )
                decision = fit_classifiers(x, truth.long().expand(len(some), -1), 2).decision(z)[..., 0]
                found += held_out[group[0]].rankings(decision)
            return found

        shapes = [(a.sizes, b.sizes, each.shape[1]) for a, b, each in zip(train, held_out, first, strict=True)]
        return in_groups(shapes, of_group)

    return of_repeats(latents, cases, score)
