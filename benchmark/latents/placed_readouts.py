"""Readouts on the device that trained the latents, for all replicas at once.

Draws come from counter-based streams. So they are other numbers than those of ``readouts.read_out``, with the same
distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from benchmark.core.arrays import Integers
from benchmark.core.rng import stream
from benchmark.latents.latents import Latents
from benchmark.latents.noise_by_hand import PADDINGS, STRENGTHS
from benchmark.latents.placed_latents import PlacedLatents
from benchmark.latents.replica_decoders import PlacedDecoder
from benchmark.training.random_streams import CounterStreams, RandomStreams

LARGEST = 1e15  # of a latent; squares of much larger numbers overflow in single precision
_DRAWS = 64  # of expected link scores
_SMALLEST = 1e-8  # σ may be 0, and 0 has no logarithm
_BYTES = 1 << 28  # most memory of the draws that expected link scores hold at a time


@dataclass(frozen=True, slots=True, eq=False)
class PlacedPairs:
    """Expected link scores of one replica, on its device. ``draws.PairScores`` has the definition.

    Attributes:
        latents: The posterior, with r = 1.
        keys: The seed of the stream of each joint draw of all latents.
    """

    latents: PlacedLatents
    keys: tuple[int, ...]

    def log_odds(self, pairs: Tensor) -> Tensor:
        """ln E[g] − ln E[1 − g] of each pair, with the logistic function g.

        Args:
            pairs: Row numbers on the device of the latents, [m, 2].

        Returns:
            Log odds in float64, [m].
        """
        left, right = pairs.unbind(dim=1)
        linked, unlinked = torch.full((2, len(pairs)), -torch.inf, dtype=torch.float64, device=pairs.device)
        for streams in self._streams(len(pairs)):
            z = self.latents.repeated(len(streams)).drawn(streams)
            score = (z[:, left].double() * z[:, right].double()).sum(dim=-1)
            linked = torch.logaddexp(linked, logsigmoid(score).logsumexp(0))
            unlinked = torch.logaddexp(unlinked, logsigmoid(-score).logsumexp(0))
        odds: Tensor = linked - unlinked
        return odds

    def _streams(self, pairs: int) -> Iterator[CounterStreams]:
        """The streams of all draws, in chunks. Each draw has a stream of its own, so chunks do not change numbers."""
        _, n, d = self.latents.mean.shape
        at_once = max(1, _BYTES // (d * (8 * n + 24 * pairs)))
        for first in range(0, len(self.keys), at_once):
            keys = torch.tensor(self.keys[first : first + at_once], device=self.latents.mean.device)
            yield CounterStreams(keys, torch.zeros_like(keys))


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFeatures:
    """Decoded features of one replica, on its device. They are wide, so each scoring decodes them anew.

    Attributes:
        z: The latents, [n, d].
        decode: The decoder on the same device.
    """

    z: Tensor
    decode: PlacedDecoder

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features."""
        return len(self.z), self.decode.features

    def decoded(self) -> Tensor:
        """The features, float32 [n, f].

        Raises:
            ValueError: if a feature is not finite, or too large for its square.
        """
        features = self.decode(self.z)
        if not bool(features.abs().amax() < LARGEST):
            raise ValueError("decoded features are not finite, or beyond 1e15")
        return features


def log_odds_on_host(latents: Latents, keys: tuple[int, ...], pairs: Integers) -> NDArray[np.float64]:
    """Compute ``PlacedPairs.log_odds`` on the host, from and to numpy. A GPU gives the same up to rounding."""
    placed = PlacedPairs(PlacedLatents.of_latents(latents, "cpu"), keys)
    odds: NDArray[np.float64] = placed.log_odds(torch.tensor(pairs)).numpy()
    return odds


def read_out_placed(
    latents: PlacedLatents, readout: str, *, seeds: Sequence[int], draw: int
) -> Tensor | list[PlacedPairs]:
    """Apply a readout to all replicas. Each seed and draw has a stream of its own, whatever replicas are beside it.

    Args:
        latents: The latents of r replicas.
        readout: Name of a readout. Readouts of training passes are left to ``readouts.read_out``.
        seeds: The seed of each replica.
        draw: Number of the draw.

    Returns:
        [r, n, d], or [r, n, 2d] with log σ, or [r, n, d + k] with k dimensions of noise, or the expected link scores of
        each replica.

    Raises:
        ValueError: if the readout needs a spread, and the latents are points.
    """
    if readout == "expected":
        _check_spread(latents)
        return [
            PlacedPairs(latents.chosen(slice(place, place + 1)), _keys(seed, readout, draw))
            for place, seed in enumerate(seeds)
        ]
    return _FORMS[readout](latents, CounterStreams.of(seeds, "readout", readout, draw, device=latents.mean.device.type))


def _keys(seed: int, readout: str, draw: int) -> tuple[int, ...]:
    """The seeds of the streams of all joint draws."""
    return tuple(stream(seed, "readout", readout, draw, number) for number in range(_DRAWS))


def _check_spread(latents: PlacedLatents) -> None:
    """Raise ValueError if the latents are points."""
    if not latents.noisy:
        raise ValueError("a point has no samples and no σ")


def _mean(latents: PlacedLatents, _streams: RandomStreams) -> Tensor:
    return latents.mean


def _mean_and_log_std(latents: PlacedLatents, _streams: RandomStreams) -> Tensor:
    """μ and log max(σ, 1e-8), [r, n, 2d]. On the sphere, with one σ = √((1 − A²)/d) a row, [r, n, d + 1]."""
    _check_spread(latents)
    mean, std = latents.mean, latents.std
    if std is None:
        std = ((1.0 - mean.square().sum(dim=-1, keepdim=True)).clamp(min=0.0) / mean.shape[-1]).sqrt()
    return torch.cat([mean, std.clamp(min=_SMALLEST).log()], dim=-1)


def _average(samples: int) -> Callable[[PlacedLatents, RandomStreams], Tensor]:
    return partial(PlacedLatents.drawn, samples=samples)


def _isotropic(latents: PlacedLatents, streams: RandomStreams, strength: float) -> Tensor:
    """The means with noise of one variance in all dimensions. See ``noise_by_hand.isotropic``."""
    return _with_noise(latents.mean, torch.ones_like(latents.mean[:, 0]).double(), strength, streams)


def _by_profile(latents: PlacedLatents, streams: RandomStreams, strength: float) -> Tensor:
    """The means with noise in proportion to E[σ_j²]. See ``noise_by_hand.by_profile``."""
    _check_spread(latents)
    if latents.std is None:
        return _isotropic(latents, streams, strength)
    return _with_noise(latents.mean, latents.std.double().square().mean(dim=1), strength, streams)


def _with_noise(mean: Tensor, profile: Tensor, strength: float, streams: RandomStreams) -> Tensor:
    """Add noise with variances in proportion to ``profile``, [r, d]."""
    d, total = mean.shape[-1], profile.sum(dim=-1, keepdim=True)
    share = torch.where(total > 0, profile / total, 1.0 / d)
    signal = _variances(mean).sum(dim=-1, keepdim=True)
    std = (share * signal * math.sqrt(d) / strength).sqrt().to(mean.dtype)
    return torch.addcmul(mean, std[:, None], streams.normal(mean.shape[1:], mean.dtype))


def _padded(latents: PlacedLatents, streams: RandomStreams, dimensions: int) -> Tensor:
    """The means with dimensions of pure noise behind them. See ``noise_by_hand.padded``."""
    mean = latents.mean
    scale = _variances(mean).mean(dim=-1).sqrt().to(mean.dtype)
    return torch.cat([mean, scale[:, None, None] * streams.normal((mean.shape[1], dimensions), mean.dtype)], dim=-1)


def _variances(mean: Tensor) -> Tensor:
    """The variance of each dimension over the rows, float64 [r, d]."""
    return mean.double().var(dim=1, correction=0)


_FORMS: Mapping[str, Callable[[PlacedLatents, RandomStreams], Tensor]] = {
    "mean": _mean,
    "sampled": _average(1),
    "averaged-4": _average(4),
    "averaged-16": _average(16),
    "mean+logsigma": _mean_and_log_std,
    **{f"noise-{x:g}": partial(_isotropic, strength=x) for x in STRENGTHS},
    **{f"own-noise-{x:g}": partial(_by_profile, strength=x) for x in STRENGTHS},
    **{f"padded-{k}": partial(_padded, dimensions=k) for k in PADDINGS},
}
