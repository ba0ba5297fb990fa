"""Readouts: the functions that turn a latent into the input of tasks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.core.names import distinct
from benchmark.core.rng import generator
from benchmark.latents.draws import PairScores, draw
from benchmark.latents.latents import Epochs, Latents, ReadoutKind, noisy_mean
from benchmark.latents.noise_by_hand import PADDINGS, STRENGTHS, by_profile, isotropic, padded

_SMALLEST = np.float32(1e-8)  # σ may be 0, and 0 has no logarithm


@dataclass(frozen=True, slots=True)
class Readout:
    """A way to turn a latent into the input of tasks.

    Attributes:
        name: Name in studies, records and tables.
        spread: Whether it reads the spread of the posterior. A point has no such readout.
        every_draw: Whether each of the study's draws is scored, or only one.
        read: A function of a latent and a random generator.
        gives: The kind of the result. Only some tasks take kinds other than a matrix.
        by_hand: Whether it adds noise by hand. Only latents with a dimension of their own have such readouts.
        most_draws: Most draws to score. None if a study decides alone.
        decodes: The readout whose latents are decoded, in the same draws. Empty if nothing is decoded.
    """

    name: str
    spread: bool
    every_draw: bool
    read: Callable[[Latents, np.random.Generator], Matrix | PairScores | Epochs]
    gives: ReadoutKind = "matrix"
    by_hand: bool = False
    most_draws: int | None = None
    decodes: str = ""

    @property
    def undecoded(self) -> str:
        """Name of the readout whose latents are decoded, or else of this one. Its random streams are used."""
        return self.decodes or self.name

    def draws(self, asked: int) -> range:
        """The draws to score if a study asks for ``asked`` draws."""
        return range(min(asked, self.most_draws or asked) if self.every_draw else 1)


def read_out(latents: Latents, readout: Readout, *, seed: int, draw: int) -> Matrix | PairScores | Epochs:
    """Apply a readout. Each pair of seed and draw has a random stream of its own.

    Returns:
        Latents [n, d], or [n, 2d] with log σ, decoded features [n, f], the expected scores of pairs, or the latents of
        several epochs.

    Raises:
        ValueError: if the readout needs a spread, training passes or a decoder, and the latent has none.
    """
    read = readout.read(latents, generator(seed, "readout", readout.undecoded, draw))
    return decoded(latents, read) if readout.decodes else read


def decoded(latents: Latents, z: Any) -> NDArray[np.float32]:
    """Decode what another readout has read of the latents.

    Args:
        latents: The latents with their decoder.
        z: A mean or a draw, [n, d].

    Returns:
        Features, [n, f].

    Raises:
        ValueError: if no decoder was kept with the latents.
    """
    if latents.decode is None:
        raise ValueError("no decoder of features was kept of this latent")
    return latents.decode(z)


def reads_passes(readouts: Collection[str]) -> bool:
    """Whether a readout among these names needs the training passes.

    >>> reads_passes(["mean", "epochs-mean"])
    True
    """
    return "epochs" in _kinds(readouts)


def reads_features(readouts: Collection[str]) -> bool:
    """Whether a readout among these names needs the decoder.

    >>> reads_features(["mean", "epochs-mean"])
    False
    """
    return "features" in _kinds(readouts)


def _kinds(readouts: Collection[str]) -> set[ReadoutKind]:
    return {readout.gives for readout in READOUTS if readout.name in readouts}


def _mean(latents: Latents, _rng: np.random.Generator) -> Matrix:
    return latents.mean


def _mean_and_log_std(latents: Latents, _rng: np.random.Generator) -> Matrix:
    """μ and log max(σ, 1e-8), [n, 2d]. On the sphere, with one σ = √((1 − A²)/d) a row, [n, d + 1]."""
    mean, std = noisy_mean(latents), latents.std
    if std is None:
        std = np.sqrt((1.0 - (mean**2).sum(axis=1, keepdims=True)).clip(0.0) / mean.shape[1])
    return np.concatenate([mean, np.log(np.maximum(std, _SMALLEST))], axis=1)


def _expected(latents: Latents, rng: np.random.Generator) -> PairScores:
    noisy_mean(latents)  # refuses a point
    return PairScores(latents, seed=int(rng.integers(2**63)))


def _pass_means(latents: Latents, _rng: np.random.Generator) -> Epochs:
    return Epochs(tuple(mean for mean, _ in _passes(latents)))


def _pass_samples(latents: Latents, _rng: np.random.Generator) -> Epochs:
    drawn = tuple(drawn for _, drawn in _passes(latents) if drawn is not None)
    if not drawn:
        raise ValueError("the training drew samples for mini-batches, not for all rows at once")
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


READOUTS: tuple[Readout, ...] = distinct(
    "readout",
    Readout("mean", spread=False, every_draw=False, read=_mean),
    Readout("sampled", spread=True, every_draw=True, read=_average(1)),
    Readout("averaged-4", spread=True, every_draw=False, read=_average(4)),
    Readout("averaged-16", spread=True, every_draw=False, read=_average(16)),
    Readout("mean+logsigma", spread=True, every_draw=False, read=_mean_and_log_std),
    Readout("expected", spread=True, every_draw=False, read=_expected, gives="pairs"),
    *(Readout(f"noise-{x:g}", spread=False, every_draw=True, read=isotropic(x), by_hand=True) for x in STRENGTHS),
    *(Readout(f"own-noise-{x:g}", spread=True, every_draw=True, read=by_profile(x), by_hand=True) for x in STRENGTHS),
    *(Readout(f"padded-{k}", spread=False, every_draw=True, read=padded(k), by_hand=True) for k in PADDINGS),
    Readout("decoded-mean", spread=False, every_draw=False, read=_mean, gives="features", decodes="mean"),
    Readout(
        "decoded-sample",
        spread=True,
        every_draw=True,
        read=_average(1),
        gives="features",
        most_draws=3,  # reconstructions are wide
        decodes="sampled",
    ),
    Readout("epochs-mean", spread=False, every_draw=False, read=_pass_means, gives="epochs"),
    Readout("epochs-sampled", spread=True, every_draw=False, read=_pass_samples, gives="epochs"),
)
