"""Latents of one trained replica, and their readouts; from here on all is numpy."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmark.errors import InputError
from benchmark.files import write_atomically
from benchmark.rng import generator

if TYPE_CHECKING:
    from benchmark.models import Posterior

Matrix: TypeAlias = "NDArray[np.float32] | sp.csr_array"


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """Posterior of every row in one replica; ``std`` is None for a point."""

    mean: Matrix  # [n, d]; sparse only for controls on sparse features
    std: NDArray[np.float32] | None = None  # [n, d]

    @property
    def finite(self) -> bool:
        """Whether every mean and standard deviation is a number."""
        values = self.mean if isinstance(self.mean, np.ndarray) else self.mean.data
        return bool(np.isfinite(values).all() and (self.std is None or np.isfinite(self.std).all()))

    @property
    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        """What is saved, dense."""
        mean = self.mean if isinstance(self.mean, np.ndarray) else self.mean.toarray()
        return {"mean": mean} if self.std is None else {"mean": mean, "std": self.std}

    @property
    def digest(self) -> str:
        """Of the content: no two latents share a file name that ends in it."""
        content = b"".join(np.ascontiguousarray(array).tobytes() for array in self._arrays.values())
        return hashlib.sha256(content).hexdigest()[:12]

    def save(self, path: Path) -> None:
        """Write ``path`` (.npz) whole or not at all; ``numpy.load(path)["mean"]`` and ``["std"]`` read it back."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self._arrays)  # type: ignore[arg-type]
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Latents:
        """What ``save`` wrote; InputError where the file is damaged."""
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                return cls(arrays["mean"], arrays.get("std"))
        except (OSError, ValueError, KeyError, EOFError, NotImplementedError, BadZipFile, zlib.error) as error:
            raise InputError(f"{path}: not a readable latent file ({error})") from None


def of_posterior(q: Posterior) -> list[Latents]:
    """The latents of each replica of a posterior whose tensors are [r, n, d]."""
    means = q.mean.detach().cpu().numpy()
    if not hasattr(q, "std"):
        return [Latents(mean) for mean in means]
    return [Latents(mean, std) for mean, std in zip(means, q.std.detach().cpu().numpy(), strict=True)]


def _mean(latents: Latents, rng: np.random.Generator) -> Matrix:  # noqa: ARG001, a mean draws nothing
    return latents.mean


def _average(samples: int) -> Callable[[Latents, np.random.Generator], Matrix]:
    def read(latents: Latents, rng: np.random.Generator) -> Matrix:
        mean, std = latents.mean, latents.std
        if std is None or not isinstance(mean, np.ndarray):
            raise ValueError("a point has no samples")
        noise = np.zeros_like(mean)
        for _ in range(samples):
            noise += rng.standard_normal(mean.shape, dtype=np.float32)
        return mean + std * (noise / np.float32(samples))

    return read


@dataclass(frozen=True, slots=True)
class Readout:
    """How a latent becomes one matrix: ``noisy`` ones draw, and only a Gaussian posterior has them."""

    name: str
    noisy: bool
    every_draw: bool  # scored once for each of the study's draws, or once
    read: Callable[[Latents, np.random.Generator], Matrix]

    def draws(self, asked: int) -> range:
        """The draws to score where a study asks for ``asked``."""
        return range(asked if self.every_draw else 1)


READOUTS = (
    Readout("mean", noisy=False, every_draw=False, read=_mean),
    Readout("sampled", noisy=True, every_draw=True, read=_average(1)),
    Readout("averaged-4", noisy=True, every_draw=False, read=_average(4)),
)


def read_out(latents: Latents, readout: Readout, *, seed: int, draw: int) -> Matrix:
    """The matrix [n, d] that the tasks receive; a draw's noise comes from its own stream of the seed."""
    return readout.read(latents, generator(seed, "readout", readout.name, draw))
