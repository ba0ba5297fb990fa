"""Independent named streams of random numbers. The draws of one stream never change those of another."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def stream(seed: int, *purpose: object) -> int:
    """The 63-bit seed of the stream for a purpose. Equal arguments give equal numbers.

    Args:
        seed: Seed of the repetition.
        purpose: Words and numbers that name the stream, such as ``"split", fingerprint``.

    >>> stream(0, "split") == stream(0, "split"), stream(0, "split") == stream(1, "split")
    (True, False)
    """
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """A numpy generator for the stream of a purpose.

    >>> generator(0, "split").integers(100, size=3).tolist() == generator(0, "split").integers(100, size=3).tolist()
    True
    """
    return np.random.default_rng(stream(seed, *purpose))


def torch_generators(seeds: tuple[int, ...], *purpose: object, device: str) -> list[torch.Generator]:
    """One torch generator for each seed, on a device ("cpu" or "cuda").

    >>> [each.initial_seed() == stream(3, "noise") for each in torch_generators((3,), "noise", device="cpu")]
    [True]
    """
    import torch  # here, because datasets, splits and readouts need only numpy

    return [torch.Generator(device).manual_seed(stream(seed, *purpose)) for seed in seeds]
