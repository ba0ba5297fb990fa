"""k-means as fused Triton kernels. Neither distances nor the assignment of an iteration are written to memory.

One program takes one start of one latent and a strip of 1,024 rows, tile by tile. The sums of strips are written, and
then added in a fixed order, so every result is the same to the bit at every call. Strips do not depend on the batch,
so the sums of a latent do not either.

A number in float32 is the sum of two numbers that TF32 represents, up to 2^-22 of it. So a product takes three products
in TF32, or two if one factor is 0 or 1. The kernels split the numbers themselves: "tf32x3" would split zeros and ones
too, and check for NaN, which takes four times as many instructions.

This module needs Triton, so ``fused_lloyd`` imports it only if it can be used. The kernels have run in Triton's
interpreter and were compiled for cards since Ampere. They have not run on a card yet: neither time nor accuracy is
measured.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

STRIP = 1024  # rows of a program
_PER_WARP = 1024  # numbers of all padded centers; more do not fit in the registers of a warp


def strips(n: int) -> int:
    """The strips of n rows.

    >>> strips(1025)
    2
    """
    return -(-n // STRIP)


def fused_sums(x: Tensor, centers: Tensor, moving: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the rows nearest to each center. The first of equally near centers takes a row.

    Args:
        x: Rows, [b, n, d], contiguous and in float32 on a GPU. Triton's interpreter takes all on a CPU.
        centers: Centers, [b, s, k, d].
        moving: 1 for a start that still moves, int32 [b, s]. The sums of other starts are 0 and cost nothing.

    Returns:
        Sums in float32, [b, s, k, d], and numbers of rows, [b, s, k].
    """
    b, s, k, d = centers.shape
    sums = x.new_empty(b, s, strips(x.shape[1]), k, d)
    counts = x.new_empty(sums.shape[:-1])
    _launch(_sum_rows, x, centers, moving, sums, counts)
    return sums.sum(2, dtype=torch.float64).float(), counts.sum(2)


def fused_labels(x: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest center of each row, and the sum of the squared distances.

    Args:
        x: Rows, as for ``fused_sums``.
        centers: Centers, [b, s, k, d].

    Returns:
        Numbers of centers, int32 [b, s, n], and the inertia of each start, float64 [b, s].
    """
    b, s = centers.shape[:2]
    n = x.shape[1]
    labels = x.new_empty(b, s, n, dtype=torch.int32)
    inertia = x.new_empty(b, s, strips(n), dtype=torch.float64)
    _launch(_label_rows, x, centers, labels, inertia)
    return labels, inertia.sum(2)


def fused_potentials(x: Tensor, places: Tensor, nearest: Tensor) -> Tensor:
    """Sum the squared distances that would be left if a candidate became a center.

    Args:
        x: Rows, as for ``fused_sums``.
        places: Candidates of each start, [b, s, t, d].
        nearest: Squared distance of each row from the centers so far, [b, s, strips, STRIP]. Rows from n on are not
            read.

    Returns:
        Σ min(nearest, squared distance from the candidate), float64 [b, s, t].
    """
    b, s, t = places.shape[:3]
    potentials = x.new_empty(b, s, strips(x.shape[1]), t, dtype=torch.float64)
    _launch(_sum_candidates, x, places, nearest, potentials)
    return potentials.sum(2)


def fused_approach(x: Tensor, place: Tensor, nearest: Tensor) -> Tensor:
    """Add one center to each start: lower ``nearest`` in place, and sum it over strips.

    The distance is Σ (x − c)², so it is exactly 0 for the row that became the center.

    Args:
        x: Rows, as for ``fused_sums``.
        place: The new center of each start, [b, s, d].
        nearest: Squared distance of each row from the centers before, [b, s, strips, STRIP]; infinite before the first.
            Rows from n on are neither read nor written.

    Returns:
        Sum of ``nearest`` over each strip, float64 [b, s, strips].
    """
    b, s, d = place.shape
    sums = x.new_empty(b, s, strips(x.shape[1]), dtype=torch.float64)
    _launch(_approach, x, place.view(b, s, 1, d), nearest, sums)
    return sums


def padded(size: int) -> int:
    """The next power of two, and at least 16, as products of tiles need.

    >>> padded(17)
    32
    """
    return max(16, 1 << (size - 1).bit_length())


def _launch(kernel: Any, x: Tensor, centers: Tensor, *others: Tensor) -> None:
    """Run a kernel on rows [b, n, d] and centers [b, s, k, d], with one program per latent, start and strip."""
    b, s, k, d = centers.shape
    n, width = x.shape[1], padded(d)
    grid = (strips(n), s, b)
    wide = padded(k)
    kernel[grid](
        x, centers.contiguous(), *others, n, d, k, STRIP, rows_of_tile(width, wide), width, wide, **options(width, wide)
    )


def rows_of_tile(width: int, wide: int) -> int:
    """The rows of a tile: 16 for the largest centers, so that cards with 99 KiB of shared memory suffice; else 32.

    Args:
        width: Padded d.
        wide: Padded k.
    """
    return 16 if width * wide > 4 * _PER_WARP else 32


def options(width: int, wide: int) -> dict[str, Any]:
    """Triton's options for the compilation of a kernel.

    Args:
        width: Padded d.
        wide: Padded k.
    """
    numbers = width * wide
    return {
        "num_warps": min(8, max(1, numbers // _PER_WARP)),
        "num_stages": 1 if numbers > 4 * _PER_WARP else 3,  # buffers of further stages take shared memory
        "enable_fp_fusion": True,  # Triton 3.9 warns unless fusion of products and sums is chosen
    }


@triton.jit
def _own_start():  # type: ignore[no-untyped-def]
    """The number of this program's start among those of all latents."""
    return tl.program_id(2).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)


@triton.jit  # type: ignore[untyped-decorator]
def _rows_of(x, rows, n, d, width: tl.constexpr):  # type: ignore[no-untyped-def]
    """Load rows of a matrix [n, d] as [len(rows), width]. Rows from n on and columns from d on are 0."""
    columns = tl.arange(0, width)
    inside = (rows[:, None] < n) & (columns[None, :] < d)
    return tl.load(x + rows[:, None] * d + columns[None, :], mask=inside, other=0.0)


@triton.jit
def _coarse(numbers):  # type: ignore[no-untyped-def]
    """The upper bits of numbers, which TF32 represents. The rest is represented up to 2^-22 of the number."""
    return (numbers.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)


@triton.jit
def _scores(own, places, squares):  # type: ignore[no-untyped-def]
    """‖c‖² − 2 x·c for a tile of rows and all centers: the squared distance less ‖x‖²."""
    factors = tl.trans(-2.0 * places)
    coarse, coarse_factors = _coarse(own), _coarse(factors)
    products = tl.dot(own - coarse, coarse_factors, input_precision="tf32")
    products = tl.dot(coarse, factors - coarse_factors, products, input_precision="tf32")
    return tl.dot(coarse, coarse_factors, products, input_precision="tf32") + squares[None, :]


@triton.jit  # type: ignore[untyped-decorator]
def _squares(places, k, wide: tl.constexpr):  # type: ignore[no-untyped-def]
    """‖c‖² of each center. Centers from k on are infinitely far."""
    return tl.where(tl.arange(0, wide) < k, tl.sum(places * places, 1), float("inf"))


@triton.jit  # type: ignore[untyped-decorator]
def _sum_rows(  # type: ignore[no-untyped-def]
    x,
    centers,
    moving,
    sums,
    counts,
    n,
    d,
    k,
    strip: tl.constexpr,
    height: tl.constexpr,
    width: tl.constexpr,
    wide: tl.constexpr,
):
    """Write the sums and numbers of a strip's rows by nearest center to [b, s, strips, k, d] and [b, s, strips, k]."""
    start = _own_start()
    x += tl.program_id(2).to(tl.int64) * n * d
    numbers = tl.arange(0, wide)
    places = _rows_of(centers + start * k * d, numbers, k, d, width)
    squares = _squares(places, k, wide)
    total = tl.zeros((wide, width), dtype=tl.float32)
    count = tl.zeros((wide, height), dtype=tl.float32)
    first = tl.program_id(0) * strip
    for left in range(first, tl.minimum(first + strip * tl.load(moving + start), n), height):
        rows = left + tl.arange(0, height)
        own = _rows_of(x, rows, n, d, width)
        nearest = tl.argmin(_scores(own, places, squares), 1, tie_break_left=True)
        nearest = tl.where(rows < n, nearest, wide)
        mine = (numbers[:, None] == nearest[None, :]).to(tl.float32)
        coarse = _coarse(own)
        total = tl.dot(mine, own - coarse, total, input_precision="tf32")
        total = tl.dot(mine, coarse, total, input_precision="tf32")
        count += mine
    place = (start * tl.num_programs(0) + tl.program_id(0)) * k + numbers
    columns = tl.arange(0, width)
    inside = (numbers[:, None] < k) & (columns[None, :] < d)
    tl.store(sums + place[:, None] * d + columns[None, :], total, mask=inside)
    tl.store(counts + place, tl.sum(count, 1), mask=numbers < k)


@triton.jit  # type: ignore[untyped-decorator]
def _label_rows(  # type: ignore[no-untyped-def]
    x,
    centers,
    labels,
    inertia,
    n,
    d,
    k,
    strip: tl.constexpr,
    height: tl.constexpr,
    width: tl.constexpr,
    wide: tl.constexpr,
):
    """Write the nearest center of a strip's rows to [b, s, n], and the sum of their squared distances."""
    start = _own_start()
    x += tl.program_id(2).to(tl.int64) * n * d
    places = _rows_of(centers + start * k * d, tl.arange(0, wide), k, d, width)
    squares = _squares(places, k, wide)
    total = tl.zeros((height,), dtype=tl.float64)
    first = tl.program_id(0) * strip
    for left in range(first, tl.minimum(first + strip, n), height):
        rows = left + tl.arange(0, height)
        own = _rows_of(x, rows, n, d, width)
        scores = _scores(own, places, squares)
        tl.store(labels + start * n + rows, tl.argmin(scores, 1, tie_break_left=True).to(tl.int32), mask=rows < n)
        distances = tl.min(scores, 1) + tl.sum(own * own, 1)
        total += tl.where(rows < n, distances, 0.0).to(tl.float64)
    tl.store(inertia + start * tl.num_programs(0) + tl.program_id(0), tl.sum(total, 0))


@triton.jit  # type: ignore[untyped-decorator]
def _sum_candidates(  # type: ignore[no-untyped-def]
    x,
    candidates,
    nearest,
    potentials,
    n,
    d,
    k,
    strip: tl.constexpr,
    height: tl.constexpr,
    width: tl.constexpr,
    wide: tl.constexpr,
):
    """Write Σ min(nearest, distance) of a strip's rows for each of ``k`` candidates to [b, s, strips, k]."""
    start = _own_start()
    x += tl.program_id(2).to(tl.int64) * n * d
    numbers = tl.arange(0, wide)
    places = _rows_of(candidates + start * k * d, numbers, k, d, width)
    squares = _squares(places, k, wide)
    total = tl.zeros((wide,), dtype=tl.float64)
    first = tl.program_id(0) * strip
    for left in range(first, tl.minimum(first + strip, n), height):
        rows = left + tl.arange(0, height)
        own = _rows_of(x, rows, n, d, width)
        before = tl.load(nearest + start * tl.num_programs(0) * strip + rows, mask=rows < n, other=0.0)
        distances = _scores(own, places, squares) + tl.sum(own * own, 1)[:, None]
        total += tl.sum(tl.minimum(before[:, None], tl.maximum(distances, 0.0)), 0).to(tl.float64)
    place = (start * tl.num_programs(0) + tl.program_id(0)) * k + numbers
    tl.store(potentials + place, total, mask=numbers < k)


@triton.jit  # type: ignore[untyped-decorator]
def _approach(  # type: ignore[no-untyped-def]
    x,
    centers,
    nearest,
    sums,
    n,
    d,
    k,  # noqa: ARG001
    strip: tl.constexpr,
    height: tl.constexpr,
    width: tl.constexpr,
    wide: tl.constexpr,  # noqa: ARG001
):
    """Lower ``nearest``, [b, s, strips, STRIP], of a strip's rows by one center, and write its sum to [b, s, strips].

    ``k`` is 1. The last arguments are those of all kernels.
    """
    start = _own_start()
    x += tl.program_id(2).to(tl.int64) * n * d
    columns = tl.arange(0, width)
    center = tl.load(centers + start * d + columns, mask=columns < d, other=0.0)
    total = tl.zeros((height,), dtype=tl.float64)
    first = tl.program_id(0) * strip
    for left in range(first, tl.minimum(first + strip, n), height):
        rows = left + tl.arange(0, height)
        apart = _rows_of(x, rows, n, d, width) - center[None, :]
        before = tl.load(nearest + start * tl.num_programs(0) * strip + rows, mask=rows < n, other=0.0)
        after = tl.minimum(before, tl.sum(apart * apart, 1))
        tl.store(nearest + start * tl.num_programs(0) * strip + rows, after, mask=rows < n)
        total += after.to(tl.float64)
    tl.store(sums + start * tl.num_programs(0) + tl.program_id(0), tl.sum(total, 0))
