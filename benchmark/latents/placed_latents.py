"""Latents on the device that trained them. A run on a GPU reads out these."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.latents.latents import Latents
from benchmark.training.posteriors import DiagonalGaussian, Posterior, VonMisesFisher, sample
from benchmark.training.random_streams import RandomStreams


@dataclass(frozen=True, slots=True, eq=False)
class PlacedLatents:
    """The posterior of every row in r replicas, on a device. ``Latents`` has the same for one replica on the host.

    Attributes:
        mean: Posterior means, [r, n, d].
        std: Standard deviations of a Gaussian, [r, n, d].
        concentration: Concentrations κ on the sphere, [r, n].
    """

    mean: Tensor
    std: Tensor | None = None
    concentration: Tensor | None = None

    @classmethod
    def of_posterior(cls, q: Posterior) -> PlacedLatents:
        """Take the tensors of a posterior, without a copy."""
        std = q.std.detach() if isinstance(q, DiagonalGaussian) else None
        concentration = q.concentration.detach()[..., 0] if isinstance(q, VonMisesFisher) else None
        return cls(q.mean.detach(), std, concentration)

    @classmethod
    def of_latents(cls, latents: Latents, device: str) -> PlacedLatents:
        """Copy the latents of one replica to a device.

        Raises:
            ValueError: if the means are sparse.
        """

        def placed(part: np.ndarray) -> Tensor:
            return torch.tensor(np.ascontiguousarray(part), device=device)[None]

        if not isinstance(latents.mean, np.ndarray):
            raise ValueError("sparse latents are read out on the host")
        std, concentration = (None if part is None else placed(part) for part in (latents.std, latents.concentration))
        return cls(placed(latents.mean), std, concentration)

    @classmethod
    def joined(cls, parts: Sequence[PlacedLatents]) -> PlacedLatents:
        """Put latents of one form together, one replica after the other."""
        stds = [part.std for part in parts if part.std is not None]
        concentrations = [part.concentration for part in parts if part.concentration is not None]
        return cls(
            torch.cat([part.mean for part in parts]),
            torch.cat(stds) if stds else None,
            torch.cat(concentrations) if concentrations else None,
        )

    @property
    def form(self) -> Hashable:
        """The kind of the posterior and the shape of one replica. Latents of one form can be joined."""
        return self.std is None, self.concentration is None, self.mean.shape[1:]

    @property
    def noisy(self) -> bool:
        """Whether the posterior has a spread."""
        return self.std is not None or self.concentration is not None

    def chosen(self, replicas: slice | list[int]) -> PlacedLatents:
        """The latents of some replicas. A slice copies nothing."""
        return self._each(lambda part: part[replicas])

    def repeated(self, times: int) -> PlacedLatents:
        """One replica many times, without a copy."""
        return self._each(lambda part: part.expand(times, *part.shape[1:]))

    def _each(self, change: Callable[[Tensor], Tensor]) -> PlacedLatents:
        """Apply a function to all tensors."""
        std, concentration = (None if part is None else change(part) for part in (self.std, self.concentration))
        return PlacedLatents(change(self.mean), std, concentration)

    def drawn(self, streams: RandomStreams, samples: int = 1) -> Tensor:
        """Average some samples of every row, [r, n, d].

        On the sphere, mean directions follow from the means, so saved latents give the same samples.

        Args:
            streams: One per replica.
            samples: Number of samples. With 1, the result is the sample itself.

        Raises:
            ValueError: if the posterior is a point.
        """
        mean = self.mean
        if self.std is not None:
            noise = _sum(lambda: streams.normal(mean.shape[1:], mean.dtype), samples)
            return torch.addcmul(mean, self.std, noise.div_(samples))
        if self.concentration is None:
            raise ValueError("a point has no samples and no σ")
        direction = mean.double()
        direction = direction / torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
        q = VonMisesFisher(direction, self.concentration.double()[..., None])
        return _sum(lambda: sample(q, streams), samples).div_(samples).to(mean.dtype)


def _sum(draw: Callable[[], Tensor], times: int) -> Tensor:
    """Add up some draws in the order in which they are made."""
    total = draw()
    for _ in range(times - 1):
        total += draw()
    return total
