"""Sums over all n² logits z_a·z_b in blocks on and above the diagonal, since what is below is their transpose."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

_ROWS = {"cpu": 128, "cuda": 2048}  # of a block: it fits a processor's second-level cache, and fills a GPU
_WIDE = 8  # a block has so many times more columns than rows


def softplus_of_all_pairs(z: Tensor, block: int | None = None) -> Tensor:
    """Σ softplus(z_a·z_b) over all ordered pairs of rows of z [r, n, d]; [r] in float64.

    In blocks of ``block`` rows, the device's choice if not given; memory is O(r·n·d + block²), and stays taken until
    ``forget_blocks``.
    """
    return torch.cat([blocks.softplus(part) for blocks, part in _parts(z, block)])


def gradient_of_all_pairs(z: Tensor, block: int | None = None) -> Tensor:
    """The gradient of ``softplus_of_all_pairs``, 2 Σ_b g(z_i·z_b) z_b with g the logistic function; [r, n, d]."""
    return torch.cat([blocks.gradient(part) for blocks, part in _parts(z, block)])


def _parts(z: Tensor, block: int | None) -> Iterator[tuple[UpperBlocks, Tensor]]:
    """As many replicas at a time as fit where one of a large n does."""
    n, d = z.shape[1:]
    block = block or _ROWS[z.device.type]
    rows, columns = min(n, block), min(n, _WIDE * block)
    for part in torch.split(z, _WIDE * block**2 // (rows * columns)):
        yield _upper_blocks(len(part), n, d, rows, columns, z.dtype, z.device), part


class _Columns(NamedTuple):
    """What blocks with the same columns read and add to; the ``own`` first of them lie on the diagonal."""

    half: Tensor  # [r, w, d]
    across: Tensor  # [r, d, w]
    logits: Tensor  # [r, h, w]
    own: int
    beyond: Tensor  # logits without their own, [r, h, w − own]
    sums_beyond: Tensor  # [r, d, w − own]


class _Rows(NamedTuple):
    """What blocks with the same rows read and add to, and all of those blocks."""

    half: Tensor  # [r, h, d]
    across: Tensor  # [r, d, h]
    sums: Tensor  # [r, h, d]
    blocks: tuple[_Columns, ...]


class UpperBlocks:
    """Memory and views for r replicas of n rows, made once for all steps: a view takes as long as a small product.

    The first block of a row ends where a column of blocks does, so that all but it share their views.

    With t = tanh(l/2), softplus(l) = l/2 + |l|/2 + log 2 − log(1 + |t|), and its slope g(l) = (1 + t)/2. So tanh, which
    takes half the time of g, serves both, and Σ l/2 is in closed form. Little cancels, since the mean of z_a·z_b over
    all pairs is a square.
    """

    def __init__(
        self, r: int, n: int, d: int, rows: int, columns: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        def empty(*shape: int) -> Tensor:
            return torch.empty(r, *shape, dtype=dtype, device=device)

        self.half, self.across = empty(n, d), empty(d, n)  # z/√2, whose inner products are half the logits
        self.sums, self.sums_across = empty(n, d), empty(d, n)  # Σ_b tanh(z_i·z_b/2) z_b/√2, in two parts
        memory = empty(rows * columns)

        def between(left: int, right: int, height: int, own: int) -> _Columns:
            logits = memory[:, : height * (right - left)].view(r, height, right - left)
            whole, beyond = slice(left, right), slice(left + own, right)
            return _Columns(
                self.half[:, whole],
                self.across[:, :, whole],
                logits,
                own,
                logits[:, :, own:],
                self.sums_across[:, :, beyond],
            )

        ends = [min(n, left + columns) for left in range(0, n, columns)]
        shared = [between(left, end, rows, 0) for left, end in zip(range(0, n, columns), ends, strict=True)]
        self.rows = []
        for top in range(0, n, rows):
            column, bottom = top // columns, min(top + rows, n)
            first = between(top, ends[column], bottom - top, bottom - top)
            i = slice(top, bottom)
            views = (self.half[:, i], self.across[:, :, i], self.sums[:, i])
            self.rows.append(_Rows(*views, (first, *shared[column + 1 :])))

    def softplus(self, z: Tensor) -> Tensor:
        """As ``softplus_of_all_pairs``, of z [r, n, d]."""
        self._take(z)
        total = 0.5 * z.sum(1, dtype=torch.float64).square().sum(1) + z.shape[1] ** 2 * math.log(2.0)
        for row in self.rows:
            for block in row.blocks:
                torch.bmm(row.half, block.across, out=block.logits).abs_()
                total += _twice_but_once(block.logits, block.own)
                block.logits.tanh_().add_(1.0).log_()
                total -= _twice_but_once(block.logits, block.own)
        return total

    def gradient(self, z: Tensor) -> Tensor:
        """As ``gradient_of_all_pairs``, of z [r, n, d]."""
        self._take(z)
        self.sums.zero_()
        self.sums_across.zero_()
        for row in self.rows:
            for block in row.blocks:
                torch.bmm(row.half, block.across, out=block.logits).tanh_()
                row.sums.baddbmm_(block.logits, block.half)
                block.sums_beyond.baddbmm_(row.across, block.beyond)
        return (self.sums + self.sums_across.mT).mul_(math.sqrt(2.0)).add_(z.sum(1, keepdim=True))

    def _take(self, z: Tensor) -> None:
        torch.mul(z, math.sqrt(0.5), out=self.half)
        self.across.copy_(self.half.mT)


def _twice_but_once(costs: Tensor, own: int) -> Tensor:
    """The sum of [r, h, w], everything twice but for the ``own`` first columns, which hold both directions; [r]."""
    once = costs[:, :, :own].sum((1, 2)).double() if own else 0.0
    return 2.0 * costs.sum((1, 2)).double() - once


_upper_blocks = lru_cache(maxsize=2)(UpperBlocks)


def forget_blocks() -> None:
    """Let go of the memory that was kept from step to step."""
    _upper_blocks.cache_clear()
