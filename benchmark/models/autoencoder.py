"""The model of most rows: encoder, posterior, decoder and β; a variational one maximises the evidence lower bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.models.base import DiagonalGaussian, Inputs, Loss, PointMass, Posterior, divergence, sample
from benchmark.models.decoders import Decoder
from benchmark.models.encoders import Encoder


@dataclass(frozen=True, slots=True)
class PosteriorFamily:
    """How the raw outputs of an encoder's heads become a posterior."""

    name: str
    heads: tuple[str, ...]
    of: Callable[..., Posterior]

    @property
    def variational(self) -> bool:
        return len(self.heads) > 1


def _log_variance(mean: Tensor, h: Tensor) -> DiagonalGaussian:
    return DiagonalGaussian(mean, (0.5 * h).exp())


def _log_std(mean: Tensor, h: Tensor) -> DiagonalGaussian:
    return DiagonalGaussian(mean, h.exp())


POINT = PosteriorFamily("point", ("mean",), PointMass)
LOG_VARIANCE = PosteriorFamily("gaussian, h = log σ²", ("mean", "scale"), _log_variance)
LOG_STD = PosteriorFamily("gaussian, h = log σ", ("mean", "scale"), _log_std)


class Autoencoder(nn.Module):
    """Minimises reconstruction + β · KL(q(z|x) ‖ N(0, I)), in nats per row, or the reconstruction alone for a point.

    One sample a row and the KL in closed form: the SGVB estimator B of Kingma and Welling (2014), eq. 10.
    """

    def __init__(self, encoder: Encoder, posterior: PosteriorFamily, decoder: Decoder, beta: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.posterior = posterior
        self.decoder = decoder
        self.beta = beta

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""
        return self.posterior.of(*self.encoder(inputs))

    def loss(self, inputs: Inputs, generators: Sequence[torch.Generator], *, value: bool) -> Loss:
        """Nats per row, each [r]; replica i draws its noise from generator i."""
        q = self.encode(inputs)
        reconstruction = self.decoder.reconstruction(sample(q, generators), inputs, value=value)
        if isinstance(q, PointMass):
            return Loss(reconstruction, reconstruction, torch.zeros_like(reconstruction))
        kl = divergence(q).mean(-1)
        return Loss(reconstruction + self.beta * kl, reconstruction, kl)
