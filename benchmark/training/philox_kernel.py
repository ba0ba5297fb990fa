"""Random numbers of Philox4x32-10 for all replicas in one launch of a Triton kernel.

This module needs Triton, so ``philox`` imports it only if it can be used. The kernel has run in Triton's interpreter,
and was compiled for cards since Ampere. It has not run on a card yet.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCKS = 256  # blocks of four words that one program computes


def filled(normal: bool, keys: Tensor, draws: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Draw the numbers of ``philox.drawn`` in one launch.

    Args:
        normal: Whether the numbers are normal, or else uniform.
        keys: The key of each replica, int64 [r].
        draws: The number of the draw of each replica, int64 [r].
        size: Numbers of each replica.
        dtype: float32 or float64.

    Returns:
        [r, size], on the device of the keys. Triton's interpreter takes keys on a CPU.
    """
    out = torch.empty(len(keys), size, dtype=dtype, device=keys.device)
    double = dtype == torch.float64
    programs = triton.cdiv(size, _BLOCKS * (2 if double else 4))
    if programs:
        # Triton 3.9 warns unless fusion of products and sums is chosen
        _fill[programs, len(keys)](out, keys, draws, size, normal, double, _BLOCKS, enable_fp_fusion=True)
    return out


@triton.jit
def _box_muller(one, other):  # type: ignore[no-untyped-def]
    """Two independent normal numbers from two uniform ones."""
    radius, angle = tl.sqrt(-2.0 * tl.log(one)), other * 6.283185307179586
    return radius * tl.cos(angle), radius * tl.sin(angle)


@triton.jit
def _double(high, low):  # type: ignore[no-untyped-def]
    """A uniform number in double precision from two words, between 0 and 1, both excluded."""
    bits = (high.to(tl.int64) << 20) | (low.to(tl.int64) >> 12)
    return (bits.to(tl.float64) + 0.5) * 2.0**-52


@triton.jit
def _single(word):  # type: ignore[no-untyped-def]
    """A uniform number in single precision from a word, between 0 and 1, both excluded."""
    return ((word >> 9).to(tl.float32) + 0.5) * 2.0**-23


@triton.jit
def _above_zero(word):  # type: ignore[no-untyped-def]
    """A number above 0 and up to 1 from a word. It has smaller steps near 0, so normal numbers reach 6.6."""
    return word.to(tl.float32) * 2.0**-32 + 2.0**-33


@triton.jit(do_not_specialize=["size"])  # type: ignore[untyped-decorator]
def _fill(  # type: ignore[no-untyped-def]
    out,
    keys,
    draws,
    size,
    normal: tl.constexpr,
    double: tl.constexpr,
    blocks: tl.constexpr,
):
    """Write the numbers of ``blocks`` blocks of one replica to its row of ``out``, [r, size]."""
    replica = tl.program_id(1).to(tl.int64)
    key, draw = tl.load(keys + replica), tl.load(draws + replica)
    block = tl.program_id(0).to(tl.int64) * blocks + tl.arange(0, blocks)
    draw += tl.zeros_like(block)
    # the conversion to 32 bits drops the high word
    a, b, c, d = tl.philox(
        key, block.to(tl.uint32), (block >> 32).to(tl.uint32), draw.to(tl.uint32), (draw >> 32).to(tl.uint32)
    )
    if double:
        one, other = _double(a, b), _double(c, d)
        if normal:
            one, other = _box_muller(one, other)
        numbers = tl.interleave(one, other)
        place = tl.program_id(0).to(tl.int64) * blocks * 2 + tl.arange(0, 2 * blocks)
    else:
        if normal:
            one, other = _box_muller(_above_zero(a), _above_zero(b))
            three, four = _box_muller(_above_zero(c), _above_zero(d))
        else:
            one, other, three, four = _single(a), _single(b), _single(c), _single(d)
        numbers = tl.interleave(tl.interleave(one, three), tl.interleave(other, four))
        place = tl.program_id(0).to(tl.int64) * blocks * 4 + tl.arange(0, 4 * blocks)
    tl.store(out + replica * size + place, numbers, mask=place < size)
