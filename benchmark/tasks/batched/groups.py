"""Things that are made once for several latents, and latents of equal shape that are scored together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets import Split
from benchmark.latents.placed_readouts import PlacedFeatures
from benchmark.tasks.task import Case

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


def for_each_case(cases: Sequence[Key], make: Callable[[Key], Made]) -> list[Made]:
    """Apply ``make`` once to each different case, or part of one, and return the results in the order of ``cases``."""
    made = {case: make(case) for case in dict.fromkeys(cases)}
    return [made[case] for case in cases]


def of_repeats(
    latents: Sequence[object], cases: Sequence[Case], score: Callable[[list[list[int]]], list[list[Made]]]
) -> list[Made]:
    """Score the repeats of each latent together, and return the scores in the order of ``cases``.

    Args:
        latents: The latent of each case. Repeats of a latent are the same object.
        cases: The cases.
        score: From the positions of the repeats of each latent, to the scores of each of them.
    """
    places: dict[tuple[int, Split], list[int]] = {}
    for position, (latent, case) in enumerate(zip(latents, cases, strict=True)):
        places.setdefault((id(latent), case.split), []).append(position)
    repeats = list(places.values())
    found: dict[int, Made] = {}
    for positions, scores in zip(repeats, score(repeats), strict=True):
        found |= zip(positions, scores, strict=True)
    return [found[position] for position in range(len(cases))]


def in_groups(keys: Sequence[Hashable], score: Callable[[list[int]], list[Made]]) -> list[Made]:
    """Score the positions with equal keys together, and return the scores in the order of ``keys``.

    >>> in_groups("aba", lambda group: [{"size": len(group)} for _ in group])
    [{'size': 2}, {'size': 1}, {'size': 2}]
    """
    groups: dict[Hashable, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    found: dict[int, Made] = {}
    for group in groups.values():
        found |= zip(group, score(group), strict=True)
    return [found[position] for position in range(len(keys))]


def placed(latent: NDArray[np.float32] | Tensor | PlacedFeatures, device: str) -> Tensor:
    """A latent on a device, [n, d]. A latent that is there already is not copied. Features are decoded there."""
    if isinstance(latent, PlacedFeatures):
        return latent.decoded()
    if isinstance(latent, Tensor):
        return latent.to(device)
    return torch.tensor(np.ascontiguousarray(latent), device=device)  # torch refuses negative strides
