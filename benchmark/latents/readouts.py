"""Readouts: how a latent becomes what tasks receive."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.core.rng import generator
from benchmark.latents.latents import Epochs, Latents, PairScores, ReadoutKind, draw, noisy_mean

_SMALLEST = np.float32(1e-8)  # the floor of σ under its logarithm, for a σ of 0 is legal


def _mean(latents: Latents, rng: np.random.Generator) -> Matrix:  # noqa: ARG001, a mean draws nothing
    return latents.mean


def _mean_and_log_std(latents: Latents, rng: np.random.Generator) -> Matrix:  # noqa: ARG001, nor does this
    """[n, 2d]: μ, then log max(σ, 1e-8); on a sphere [n, d + 1], for there is one σ, √((1 − A²)/d)."""
    mean, std = noisy_mean(latents), latents.std
    if std is None:
        std = np.sqrt((1.0 - (mean**2).sum(axis=1, keepdims=True)).clip(0.0) / mean.shape[1])
    return np.concatenate([mean, np.log(np.maximum(std, _SMALLEST))], axis=1)


def _expected(latents: Latents, rng: np.random.Generator) -> PairScores:
    noisy_mean(latents)
    return PairScores(latents, seed=int(rng.integers(2**63)))


def _pass_means(latents: Latents, rng: np.random.Generator) -> Epochs:  # noqa: ARG001, training has drawn already
    return Epochs(tuple(mean for mean, _ in _passes(latents)))


def _pass_samples(latents: Latents, rng: np.random.Generator) -> Epochs:  # noqa: ARG001, nor does this
    drawn = tuple(drawn for _, drawn in _passes(latents) if drawn is not None)
    if not drawn:
        raise ValueError("mini-batches were drawn for, not all rows at once")
    return Epochs(drawn)


def _passes(latents: Latents) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32] | None], ...]:
    if not latents.passes:
        raise ValueError("no training passes were kept of this latent")
    return latents.passes


def _average(samples: int) -> Callable[[Latents, np.random.Generator], Matrix]:
    def read(latents: Latents, rng: np.random.Generator) -> Matrix:
        mean, std = noisy_mean(latents), latents.std
        if std is None:
            return np.mean([draw(latents, rng) for _ in range(samples)], axis=0, dtype=np.float32)
        noise = np.zeros_like(mean)
        for _ in range(samples):
            noise += rng.standard_normal(mean.shape, dtype=np.float32)
        return mean + std * (noise / np.float32(samples))

    return read


@dataclass(frozen=True, slots=True)
class Readout:
    """How a latent becomes what tasks receive: one matrix, the scores of pairs, or a matrix for each of some epochs."""

    name: str
    spread: bool  # reads the spread, which a point has not
    every_draw: bool  # scored once for each of the study's draws, or once
    read: Callable[[Latents, np.random.Generator], Matrix | PairScores | Epochs]
    gives: ReadoutKind = "matrix"  # all but matrices only some tasks take

    def draws(self, asked: int) -> range:
        """The draws to score where a study asks for ``asked``."""
        return range(asked if self.every_draw else 1)


READOUTS = (
    Readout("mean", spread=False, every_draw=False, read=_mean),
    Readout("sampled", spread=True, every_draw=True, read=_average(1)),
    Readout("averaged-4", spread=True, every_draw=False, read=_average(4)),
    Readout("averaged-16", spread=True, every_draw=False, read=_average(16)),
    Readout("mean+logsigma", spread=True, every_draw=False, read=_mean_and_log_std),
    Readout("expected", spread=True, every_draw=False, read=_expected, gives="pairs"),
    Readout("epochs-mean", spread=False, every_draw=False, read=_pass_means, gives="epochs"),
    Readout("epochs-sampled", spread=True, every_draw=False, read=_pass_samples, gives="epochs"),
)


def reads_passes(readouts: Collection[str]) -> bool:
    """Whether any of these, by name, is of training passes."""
    return any(readout.gives == "epochs" for readout in READOUTS if readout.name in readouts)


def read_out(latents: Latents, readout: Readout, *, seed: int, draw: int) -> Matrix | PairScores | Epochs:
    """What the tasks receive: [n, d], [n, 2d] with log σ, PairScores, or Epochs.

    Noise has its own stream of seed and draw.

    ValueError where the readout reads σ and the posterior is a point.
    """
    return readout.read(latents, generator(seed, "readout", readout.name, draw))
