"""Schedules of β, each with a text form such as ``warm-up:0.5``, and the decay of learning rates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

Scalar: TypeAlias = float | Tensor
"""A number. In a captured step it is a tensor without dimensions, in float64, which the next step changes."""

_NUMBER = r"([0-9]*\.?[0-9]+)"


@dataclass(frozen=True, slots=True)
class WarmUp:
    """β rises linearly from 0 over a share of the optimiser steps and then stays constant: ``warm-up:0.5``.

    Source: Bowman et al. (2016) and Sønderby et al. (2016).

    >>> [WarmUp(0.5).factor(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    """

    share: float  # of the steps, above 0 and up to 1

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"warm-up:{self.share:g}: the share of the steps must be above 0 and at most 1")

    def __str__(self) -> str:
        return f"warm-up:{self.share:g}"

    def factor(self, progress: Scalar) -> Scalar:
        """Compute the factor of β after a share ``progress`` of the steps. Both are from 0 to 1."""
        return _at_most_one(progress / self.share)


@dataclass(frozen=True, slots=True)
class Cyclical:
    """β rises from 0 over the first half of every cycle and then stays constant until the next: ``cyclical:4``.

    Source: Fu et al. (2019), arXiv 1903.10145, eq. 6 and 7 with R = 0.5.

    >>> [Cyclical(4).factor(progress) for progress in (0.0, 0.0625, 0.125, 0.24, 0.25, 1.0)]
    [0.0, 0.5, 1.0, 1.0, 0.0, 1.0]
    """

    cycles: int

    def __post_init__(self) -> None:
        if self.cycles < 1:
            raise ValueError(f"cyclical:{self.cycles}: the number of cycles must be at least 1")

    def __str__(self) -> str:
        return f"cyclical:{self.cycles}"

    def factor(self, progress: Scalar) -> Scalar:
        """Compute the factor of β after a share ``progress`` of the steps. Both are from 0 to 1."""
        ramp = _at_most_one(2.0 * (progress * self.cycles % 1.0))
        if isinstance(progress, Tensor) and isinstance(ramp, Tensor):
            return ramp.masked_fill(progress >= 1.0, 1.0)
        return 1.0 if progress >= 1.0 else ramp


def _at_most_one(value: Scalar) -> Scalar:
    return value.clamp(max=1.0) if isinstance(value, Tensor) else min(1.0, value)


Schedule: TypeAlias = WarmUp | Cyclical


def decayed(progress: Scalar, share: float) -> Scalar:
    """Compute the factor of a learning rate that falls linearly to 0 over the last ``share`` of the steps.

    Args:
        progress: Share of the steps already taken, from 0 to 1.
        share: Above 0 and up to 1.

    >>> [decayed(progress, 0.5) for progress in (0.0, 0.5, 0.75, 1.0)]
    [1.0, 1.0, 0.5, 0.0]
    """
    left = (1.0 - progress) / share
    return left.clamp(max=1.0) if isinstance(left, Tensor) else min(1.0, left)


def parse_schedule(text: str) -> Schedule:
    """Read a schedule of β from its text.

    Args:
        text: "warm-up:SHARE" with a share of the optimiser steps above 0 and at most 1, or "cyclical:CYCLES" with at
            least 1 cycle.

    Raises:
        ValueError: If the text is of neither form, or a number is out of range.

    >>> str(parse_schedule("warm-up:0.50"))
    'warm-up:0.5'
    """
    if found := re.fullmatch(rf"warm-up:{_NUMBER}", text, flags=re.ASCII):
        return WarmUp(float(found[1]))
    if found := re.fullmatch(r"cyclical:([0-9]{1,4})", text, flags=re.ASCII):
        return Cyclical(int(found[1]))
    raise ValueError(f"unknown schedule {text!r}; use warm-up:SHARE, such as warm-up:0.5, or cyclical:CYCLES")
