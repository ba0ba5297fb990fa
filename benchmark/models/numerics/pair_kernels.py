"""Sums over all n² logits z_a·z_b as fused Triton kernels. No logit is written to memory.

One program takes a tile of rows and goes over all columns, as in flash attention. All n² pairs are computed: a kernel
that used the symmetry would need sums over several programs, in no fixed order.

This module needs Triton, so ``all_pairs`` imports it only if it can be used. The kernels have run in Triton's
interpreter and were compiled for cards since Ampere. They have not run on a card yet: neither time nor accuracy of
"tf32x3" is measured.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_TILES = {16: (128, 64), 32: (64, 64), 64: (64, 32), 128: (32, 32)}  # padded d: rows and columns of a tile
_PRECISION = {"cuda": "tf32x3", "cpu": "ieee"}  # three TF32 products are as exact as one in float32; CPU: interpreter


def fused_softplus(z: Tensor) -> Tensor:
    """Sum softplus(z_a·z_b) over all n² ordered pairs of rows.

    Memory is O(r·n). The sum is the same to the bit at every call.

    Args:
        z: [r, n, d] in float32, with d up to 128, on a GPU. Triton's interpreter takes z on a CPU.

    Returns:
        [r] in float64.
    """
    r, n, d = z.shape
    programs = triton.cdiv(n, _TILES[_width(d)][0])
    sums = torch.empty(r, programs, dtype=torch.float64, device=z.device)
    _launch(_sum_softplus, z, sums)
    return sums.sum(1)


def fused_gradient(z: Tensor) -> Tensor:
    """Compute the gradient of ``fused_softplus``: 2 Σ_b g(z_i·z_b) z_b for row i, with g the logistic function.

    It is the same to the bit at every call.

    Args:
        z: [r, n, d] in float32, with d up to 128, on a GPU. Triton's interpreter takes z on a CPU.

    Returns:
        [r, n, d].
    """
    gradient = torch.empty(z.shape, dtype=z.dtype, device=z.device)
    _launch(_sum_slopes, z, gradient)
    return gradient


def _width(d: int) -> int:
    """The columns of a tile of z: d, padded to a power of two and at least 16, as products of tiles need."""
    return max(16, 1 << (d - 1).bit_length())


def _launch(kernel: Any, z: Tensor, sums: Tensor) -> None:
    """Run a kernel on z, [r, n, d], with one program per replica and tile of rows."""
    r, n, d = z.shape
    width = _width(d)
    rows, columns = _TILES[width]
    precision = _PRECISION[z.device.type]
    # Triton 3.9 warns unless fusion of products and sums is chosen
    kernel[triton.cdiv(n, rows), r](z.contiguous(), sums, n, d, width, rows, columns, precision, enable_fp_fusion=True)


@triton.jit  # type: ignore[untyped-decorator]
def _rows_of(z, rows, n, d: tl.constexpr, width: tl.constexpr):  # type: ignore[no-untyped-def]
    """Load rows of z, [len(rows), width]. Rows from n on and columns from d on are 0."""
    columns = tl.arange(0, width)
    inside = (rows[:, None] < n) & (columns[None, :] < d)
    return tl.load(z + rows[:, None] * d + columns[None, :], mask=inside, other=0.0)


@triton.jit  # type: ignore[untyped-decorator]
def _sum_softplus(  # type: ignore[no-untyped-def]
    z,
    sums,
    n,
    d: tl.constexpr,
    width: tl.constexpr,
    height: tl.constexpr,
    across: tl.constexpr,
    precision: tl.constexpr,
):
    """Write Σ softplus(z_a·z_b) over ``height`` rows a and all rows b to its place of ``sums``, [r, programs]."""
    replica = tl.program_id(1).to(tl.int64)  # r·n·d may exceed 32 bits
    z += replica * n * d
    rows = tl.program_id(0) * height + tl.arange(0, height)
    own = _rows_of(z, rows, n, d, width)
    total = tl.zeros((height,), dtype=tl.float64)
    for left in range(0, n, across):
        columns = left + tl.arange(0, across)
        others = _rows_of(z, columns, n, d, width)
        logits = tl.dot(own, tl.trans(others), input_precision=precision)
        costs = tl.maximum(logits, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(logits)))
        total += tl.sum(tl.where(columns[None, :] < n, costs, 0.0), 1).to(tl.float64)
    total = tl.sum(tl.where(rows < n, total, 0.0), 0)
    tl.store(sums + replica * tl.num_programs(0) + tl.program_id(0), total)


@triton.jit  # type: ignore[untyped-decorator]
def _sum_slopes(  # type: ignore[no-untyped-def]
    z,
    sums,
    n,
    d: tl.constexpr,
    width: tl.constexpr,
    height: tl.constexpr,
    across: tl.constexpr,
    precision: tl.constexpr,
):
    """Write 2 Σ_b g(z_a·z_b) z_b of ``height`` rows a to ``sums``, [r, n, d].

    Rows b from n on are 0 and add nothing, so they need no mask.
    """
    replica = tl.program_id(1).to(tl.int64)
    z += replica * n * d
    sums += replica * n * d
    rows = tl.program_id(0) * height + tl.arange(0, height)
    own = _rows_of(z, rows, n, d, width)
    total = tl.zeros((height, width), dtype=tl.float32)
    for left in range(0, n, across):
        others = _rows_of(z, left + tl.arange(0, across), n, d, width)
        logits = tl.dot(own, tl.trans(others), input_precision=precision)
        total = tl.dot(1.0 / (1.0 + tl.exp(-logits)), others, total, input_precision=precision)
    columns = tl.arange(0, width)
    inside = (rows[:, None] < n) & (columns[None, :] < d)
    tl.store(sums + rows[:, None] * d + columns[None, :], 2.0 * total, mask=inside)
