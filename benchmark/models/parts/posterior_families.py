"""Posterior families: from the raw outputs of an encoder's heads to posteriors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import softplus

from benchmark.training.posteriors import DiagonalGaussian, PointMass, Posterior, VonMisesFisher
from benchmark.training.sphere import unit

Noisy: TypeAlias = DiagonalGaussian | VonMisesFisher


@dataclass(frozen=True, slots=True)
class PosteriorFamily:
    """The map from the raw outputs of an encoder's heads to posteriors.

    Args:
        name: Printed in the table of models.
        heads: Names of the encoder's heads; weights are drawn under these names.
        std: The σ of samples as a function of the last head. None for a point, and for a spherical family.
        divergence_std: The σ of the KL divergence, if a source uses another one than for samples.
        floor: Added to σ² inside the logarithm of the KL divergence.
        spherical: A von Mises–Fisher family. The first head gives the direction, the single unit of the other gives
            the concentration softplus(h) + 1.
    """

    name: str
    heads: tuple[str, ...]
    std: Callable[[Tensor], Tensor] | None = None
    divergence_std: Callable[[Tensor], Tensor] | None = None
    floor: float = 0.0
    spherical: bool = False

    @property
    def noisy(self) -> bool:
        """Whether latents have a spread to sample from."""
        return self.std is not None or self.spherical

    @property
    def uncapturable(self) -> str:
        """Why a step cannot be captured as a CUDA graph; see ``Network``."""
        return (
            "draws on a sphere are proposed until all are accepted, which the host must see" if self.spherical else ""
        )

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the settings that the family adds to a model."""
        weight = ("beta", "beta_schedule")
        return (*weight, "estimator", "samples", "free_bits") if self.noisy else weight

    @property
    def plain(self) -> bool:
        """Whether posteriors are Gaussian, and their divergence is that of the drawn posterior, without a floor."""
        return self.std is not None and self.divergence_std is None and not self.floor

    def widths(self, latent: int) -> tuple[tuple[str, int], ...]:
        """Names and widths of the heads of an encoder with ``latent`` latent dimensions.

        >>> LOG_VARIANCE.widths(16)
        (('mean', 16), ('scale', 16))
        """
        return tuple((head, 1 if head == "concentration" else latent) for head in self.heads)

    def of(self, outputs: list[Tensor]) -> Posterior:
        """Make the posterior that samples, readouts and diagnostics see.

        Args:
            outputs: Output of each head, [r, n, width].
        """
        if self.spherical:
            return VonMisesFisher(unit(outputs[0]), softplus(outputs[1]) + 1.0)
        return PointMass(outputs[0]) if self.std is None else DiagonalGaussian(outputs[0], self.std(outputs[-1]))

    def penalised(self, outputs: list[Tensor], drawn: Noisy) -> Noisy:
        """Make the posterior for the KL divergence. It differs from the drawn one only if a source confuses the two σ.

        Args:
            outputs: Output of each head, [r, n, width].
            drawn: The posterior that ``of`` made from these outputs.
        """
        if self.divergence_std is None:
            return drawn
        return DiagonalGaussian(outputs[0], self.divergence_std(outputs[-1]))


def _from_log_variance(h: Tensor) -> Tensor:
    """σ if h is log σ²."""
    return (0.5 * h).exp()


def _as_printed(h: Tensor) -> Tensor:
    """σ in the published code of the claim's models."""
    return 0.5 * h.exp()


def _direct(h: Tensor) -> Tensor:
    """σ if h is σ itself."""
    return h


POINT = PosteriorFamily("point", ("mean",))
FIXED = PosteriorFamily("gaussian, σ = 1", ("mean",), torch.ones_like)
LOG_VARIANCE = PosteriorFamily("gaussian, h = log σ²", ("mean", "scale"), _from_log_variance)
LOG_STD = PosteriorFamily("gaussian, h = log σ", ("mean", "scale"), torch.exp)
AS_PRINTED = PosteriorFamily(
    "gaussian, σ = 0.5·exp(h), KL of h = log σ²", ("mean", "scale"), _as_printed, divergence_std=_from_log_variance
)
VON_MISES_FISHER = PosteriorFamily("von Mises–Fisher, κ = softplus(h) + 1", ("mean", "concentration"), spherical=True)
DIRECT = PosteriorFamily("gaussian, σ = h ≥ 0, KL of log(1e-8 + σ²)", ("mean", "scale"), _direct, floor=1e-8)
