"""Things that are made once for several latents, and latents of equal shape that are scored together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.latents.placed_readouts import PlacedFeatures
from benchmark.tasks.task import Case

Made = TypeVar("Made")


def for_each_case(cases: Sequence[Case], make: Callable[[Case], Made]) -> list[Made]:
    """Apply ``make`` once to each different case, and return the results in the order of ``cases``."""
    made = {case: make(case) for case in dict.fromkeys(cases)}
    return [made[case] for case in cases]


def in_groups(keys: Sequence[Hashable], score: Callable[[list[int]], list[dict[str, float]]]) -> list[dict[str, float]]:
    """Score the positions with equal keys together, and return the scores in the order of ``keys``.

    >>> in_groups("aba", lambda group: [{"size": len(group)} for _ in group])
    [{'size': 2}, {'size': 1}, {'size': 2}]
    """
    groups: dict[Hashable, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    found: dict[int, dict[str, float]] = {}
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
