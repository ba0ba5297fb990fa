"""Independent named streams of random numbers, so that no draw depends on any other."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def stream(seed: int, *purpose: object) -> int:
    """A 63-bit number that names the stream of ``purpose`` under ``seed``; equal arguments, equal number."""
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """A numpy generator of its own for ``purpose`` under ``seed``."""
    return np.random.default_rng(stream(seed, *purpose))


def torch_generators(seeds: tuple[int, ...], *purpose: object, device: str) -> list[torch.Generator]:
    """One torch generator a replica on ``device``: the stream of ``purpose`` under each seed."""
    import torch  # here, so that datasets, splits and readouts need numpy alone

    return [torch.Generator(device).manual_seed(stream(seed, *purpose)) for seed in seeds]
