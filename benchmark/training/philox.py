"""The counter-based random numbers of Philox4x32-10: in one Triton kernel on a GPU that runs it, else in torch.

A block of four 32-bit words is a function of a key of 64 bits and a counter of 128 bits. Here the key is the seed of a
stream. The low half of the counter numbers the blocks of a draw, and the high half numbers the draws of the stream. So
every number can be computed by itself, in any order. Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2,
3".
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from benchmark.training.fused_kernels import largest_difference, why_no_kernels

Distribution: TypeAlias = Literal["uniform", "normal"]
FourWords: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]

_LAWS: tuple[Distribution, ...] = ("uniform", "normal")
_WORD = 2**32
_MASK = _WORD - 1
_MULTIPLIERS = (0xD2511F53 - _WORD, 0xCD9E8D57 - _WORD)  # less 2³², so that products with a word fit in int64
_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10


def philox(counter: FourWords, key: tuple[Tensor, Tensor]) -> FourWords:
    """Compute blocks of four random words.

    Args:
        counter: The four words of each counter, the lowest first, in int64. Shapes may broadcast.
        key: The two words of each key, the lower first, in int64.

    Returns:
        The four words of each block, from 0 to 2³² − 1, in int64.

    Source: Salmon et al. (2011), section 3.3, and Random123.

    >>> zero = torch.zeros(1, dtype=torch.int64)
    >>> [f"{word.item():08x}" for word in philox((zero, zero, zero, zero), (zero, zero))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    a, b, c, d = counter
    low, high = key
    for _ in range(_ROUNDS):
        (up_a, down_a), (up_c, down_c) = _times(_MULTIPLIERS[0], a), _times(_MULTIPLIERS[1], c)
        a, b, c, d = up_c ^ b ^ low, down_c, up_a ^ d ^ high, down_a
        low, high = low + _STEPS[0] & _MASK, high + _STEPS[1] & _MASK
    return a, b, c, d


def _times(less: int, word: Tensor) -> tuple[Tensor, Tensor]:
    """The high and the low word of (less + 2³²) · word."""
    result = less * word
    return (result >> 32) + word, result & _MASK


def drawn(law: Distribution, keys: Tensor, draws: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Draw numbers for each replica. A replica's numbers depend on its own key and draw alone.

    The first numbers of a draw are the same for every size. The Triton kernel makes them all in one launch.

    Args:
        law: "uniform" between 0 and 1, both excluded, or "normal" with mean 0 and variance 1.
        keys: The key of each replica, int64 [r], not negative.
        draws: The number of the draw of each replica, int64 [r], not negative, on the device of the keys.
        size: Numbers of each replica.
        dtype: float32 or float64.

    Returns:
        [r, size].
    """
    if keys.is_cuda and not why_torch(keys.device.index):
        from benchmark.training.philox_kernel import filled  # needs Triton

        return filled(law == "normal", keys, draws, size, dtype)
    return drawn_by_torch(law, keys, draws, size, dtype)


def drawn_by_torch(law: Distribution, keys: Tensor, draws: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Draw the numbers of ``drawn`` with torch alone. The kernel is compared with this form.

    Uniform numbers are equal to those of the kernel to the bit. Normal numbers differ by rounding.
    """
    of_block = 4 if dtype == torch.float32 else 2
    blocks = torch.arange(-(-size // of_block), device=keys.device)
    key, draw = keys[:, None], draws[:, None]
    words = philox((blocks & _MASK, blocks >> 32, draw & _MASK, draw >> 32), (key & _MASK, key >> 32))
    if dtype == torch.float32:
        numbers = _normals(*words) if law == "normal" else [((word >> 9).float() + 0.5) * 2.0**-23 for word in words]
    else:
        uniform = [((high << 20 | low >> 12).double() + 0.5) * 2.0**-52 for high, low in (words[:2], words[2:])]
        numbers = _box_muller(*uniform) if law == "normal" else uniform
    return torch.stack(numbers, dim=-1).flatten(1)[:, :size].contiguous()


def _normals(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> list[Tensor]:
    """Four normal numbers in float32 from four words. A word becomes a number above 0 and up to 1."""
    one, other, three, four = (word.float() * 2.0**-32 + 2.0**-33 for word in (a, b, c, d))
    return [*_box_muller(one, other), *_box_muller(three, four)]


def _box_muller(one: Tensor, other: Tensor) -> list[Tensor]:
    """Two independent normal numbers from two uniform ones. Box and Muller (1958)."""
    radius, angle = (-2.0 * one.log()).sqrt(), 2.0 * math.pi * other
    return [radius * angle.cos(), radius * angle.sin()]


@cache
def why_torch(device: int = 0) -> str:
    """Say why a GPU draws by torch, in many launches. An empty text means that the GPU runs the kernel.

    Args:
        device: Number of the GPU.
    """
    return why_no_kernels(device, _largest_error)


def _largest_error(device: torch.device) -> float:
    """The largest relative difference of the kernel from torch, over all laws and types."""
    from benchmark.training.philox_kernel import filled

    keys = torch.tensor([0, 2**63 - 1, 12345678901234], device=device)
    draws = torch.tensor([0, 2**40 + 3, 7], device=device)
    return largest_difference(
        (filled(law == "normal", keys, draws, 999, dtype), drawn_by_torch(law, keys, draws, 999, dtype))
        for law, dtype in product(_LAWS, (torch.float32, torch.float64))
    )
