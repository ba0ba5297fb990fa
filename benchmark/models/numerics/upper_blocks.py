"""Sums over all n² logits z_a·z_b, computed in blocks. By symmetry, blocks below the diagonal are not needed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

_ROWS = {"cpu": 128, "cuda": 2048}  # rows of a block: it fits a processor's second-level cache, or fills a GPU
_WIDE = 8  # columns of a block over its rows


def softplus_in_blocks(z: Tensor, block: int | None = None) -> Tensor:
    """Sum softplus(z_a·z_b) over all n² ordered pairs of rows.

    Memory is O(r·n·d + block²). It is kept for the next step, until ``forget_blocks`` is called.

    Args:
        z: [r, n, d].
        block: Rows of a block. Default: a size that suits the device.

    Returns:
        [r] in float64.
    """
    return torch.cat([blocks.softplus(part) for blocks, part in _parts(z, block)])


def gradient_in_blocks(z: Tensor, block: int | None = None) -> Tensor:
    """Compute the gradient of ``softplus_in_blocks``: 2 Σ_b g(z_i·z_b) z_b for row i, with g the logistic function.

    Args:
        z: [r, n, d].
        block: Rows of a block. Default: a size that suits the device.

    Returns:
        [r, n, d].
    """
    return torch.cat([blocks.gradient(part) for blocks, part in _parts(z, block)])


def _parts(z: Tensor, block: int | None) -> Iterator[tuple[UpperBlocks, Tensor]]:
    """Split z into groups of replicas, each with the workspace that computes its sums.

    A group has as many replicas as fit in the memory of one full-sized block.
    """
    n, d = z.shape[1:]
    block = block or _ROWS[z.device.type]
    rows, columns = min(n, block), min(n, _WIDE * block)
    for part in torch.split(z, _WIDE * block**2 // (rows * columns)):
        yield _upper_blocks(len(part), n, d, rows, columns, z.dtype, z.device), part


class _Columns(NamedTuple):
    """Views for one block of h rows and w columns: its inputs, its logits and its sums."""

    half: Tensor  # rows of z/√2 for these columns, [r, w, d]
    across: Tensor  # the same, transposed, [r, d, w]
    logits: Tensor  # [r, h, w]
    own: int  # the first columns, which belong to the rows of the block: its square part on the diagonal
    beyond: Tensor  # logits without the own columns, [r, h, w − own]
    sums_beyond: Tensor  # sums of these columns, [r, d, w − own]


class _Rows(NamedTuple):
    """Views for all blocks with the same h rows, and those blocks."""

    half: Tensor  # rows of z/√2, [r, h, d]
    across: Tensor  # the same, transposed, [r, d, h]
    sums: Tensor  # sums of these rows, [r, h, d]
    blocks: tuple[_Columns, ...]


class UpperBlocks:
    """A workspace for the sums of r replicas of n rows: memory, and views of it.

    The views are made once for all steps, because making a view takes as long as a small product. The first block of a
    row of blocks ends at the edge of a column of blocks. All other blocks of that column therefore share their views.

    With t = tanh(l/2), softplus(l) = l/2 + |l|/2 + log 2 − log(1 + |t|), and its slope is g(l) = (1 + t)/2. Both need
    only tanh, which takes half the time of g. The sum of l/2 is in closed form, a square, so little cancels.

    Args:
        r: Replicas.
        n: Rows of each replica.
        d: Latent dimensions.
        rows: Rows of a block, h.
        columns: Columns of a block, w.
        dtype: Type of z.
        device: Device of z.
    """

    def __init__(
        self, r: int, n: int, d: int, rows: int, columns: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        def empty(*shape: int) -> Tensor:
            """Memory of r replicas."""
            return torch.empty(r, *shape, dtype=dtype, device=device)

        self.half, self.across = empty(n, d), empty(d, n)  # z/√2, whose inner products are half the logits
        self.sums, self.sums_across = empty(n, d), empty(d, n)  # Σ_b tanh(z_i·z_b/2) z_b/√2, in two parts
        memory = empty(rows * columns)

        def between(left: int, right: int, height: int, own: int) -> _Columns:
            """The views of one block, from its first column to the column after its last."""
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
        """Sum softplus over all pairs of rows of z, [r, n, d]; see ``softplus_in_blocks``. Returns [r]."""
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
        """Compute the gradient at z, [r, n, d]; see ``gradient_in_blocks``. Returns [r, n, d]."""
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
        """Copy z/√2 into the workspace, as it is and transposed."""
        torch.mul(z, math.sqrt(0.5), out=self.half)
        self.across.copy_(self.half.mT)


def _twice_but_once(costs: Tensor, own: int) -> Tensor:
    """Sum costs [r, h, w] over both directions of every pair; [r] in float64.

    The first ``own`` columns hold both directions already and count once. All others count twice.
    """
    once = costs[:, :, :own].sum((1, 2)).double() if own else 0.0
    return 2.0 * costs.sum((1, 2)).double() - once


_upper_blocks = lru_cache(maxsize=2)(UpperBlocks)


def forget_blocks() -> None:
    """Free the memory that the sums over all pairs keep from step to step."""
    _upper_blocks.cache_clear()
