"""Chunks of a batch that fit into a budget of memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch

_CPU = 4 << 20  # the largest temporary should stay in the cache: k-means on cs takes 1.7 times as long with 64 MiB
_SHARE = 16  # of the memory of a GPU


def budget_of(device: str) -> int:
    """The bytes that the temporaries of one chunk may take on a device: 4 MiB on a CPU, a sixteenth of a GPU."""
    return _CPU if device == "cpu" else torch.cuda.get_device_properties(device).total_memory // _SHARE


def chunks(count: int, each: int, budget: int) -> Iterator[slice]:
    """Divide ``count`` things that take ``each`` bytes into chunks of at most ``budget`` bytes, or of one thing.

    >>> list(chunks(5, each=4, budget=9))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, budget // each)
    return (slice(start, min(count, start + size)) for start in range(0, count, size))
