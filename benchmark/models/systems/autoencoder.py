"""The model of most rows: encoder, posterior, decoder and objective; a variational one bounds the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmark.models.parts.encoders import Encoder
from benchmark.models.settings import Settings
from benchmark.models.systems.adversarial import Discriminator, prior_discrepancy
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Decoder, Draws, Loss, RowDecoder
from benchmark.training.posteriors import (
    DiagonalGaussian,
    PointMass,
    Posterior,
    VonMisesFisher,
    divergence,
    draw,
    sampled_divergence,
    spread,
)
from benchmark.training.sparse import SparseMatrix
from benchmark.training.sphere import unit

Noisy: TypeAlias = DiagonalGaussian | VonMisesFisher


@dataclass(frozen=True, slots=True)
class PosteriorFamily:
    """How the raw outputs of an encoder's heads become a posterior.

    ``std`` is the σ that is drawn with, as a function of the last head; a point has none. ``divergence_std`` is the σ
    that the KL is computed of, where a source mixes the two up, and ``floor`` is added to σ² in the KL's logarithm. A
    ``spherical`` one has the direction of the first head and the concentration softplus(h) + 1 of its one other unit.
    """

    name: str
    heads: tuple[str, ...]
    std: Callable[[Tensor], Tensor] | None = None
    divergence_std: Callable[[Tensor], Tensor] | None = None
    floor: float = 0.0
    spherical: bool = False

    @property
    def noisy(self) -> bool:
        """Whether its latents have a spread to sample from."""
        return self.std is not None or self.spherical

    def widths(self, latent: int) -> tuple[tuple[str, int], ...]:
        """The heads of an encoder to ``latent`` dimensions, each with its width."""
        return tuple((head, 1 if head == "concentration" else latent) for head in self.heads)

    def of(self, outputs: list[Tensor]) -> Posterior:
        """The posterior that is drawn from, and that readouts and diagnostics see."""
        if self.spherical:
            return VonMisesFisher(unit(outputs[0]), softplus(outputs[1]) + 1.0)
        return PointMass(outputs[0]) if self.std is None else DiagonalGaussian(outputs[0], self.std(outputs[-1]))

    def penalised(self, outputs: list[Tensor], drawn: Noisy) -> Noisy:
        """The posterior whose KL is paid, under estimator A at samples of its own: the drawn one, but for mistakes."""
        if self.divergence_std is None:
            return drawn
        return DiagonalGaussian(outputs[0], self.divergence_std(outputs[-1]))


def _from_log_variance(h: Tensor) -> Tensor:
    return (0.5 * h).exp()


def _as_printed(h: Tensor) -> Tensor:
    return 0.5 * h.exp()


def _direct(h: Tensor) -> Tensor:
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


class Autoencoder(nn.Module):
    """Minimises reconstruction + β · divergence + penalties, in nats per row.

    The divergence of a Gaussian is KL(q(z|x) ‖ N(0, I)): in closed form under SGVB's estimator B, Kingma and Welling
    (2014), eq. 10, or log q(z|x) − log p(z) at the samples under A, eq. 6; L samples a row. Under IW the total is less
    than the sum of both: −log of the mean over K samples of p(x|z) p(z)^β / q(z|x)^β, Burda et al. (2016), eq. 8. That
    of a point, where the row has a β, is what the KL asks of μ alone: ½‖z‖².
    """

    def __init__(
        self,
        encoder: Encoder,
        posterior: PosteriorFamily,
        decoder: Decoder,
        settings: Settings,
        rows: int,
        discriminator: Discriminator | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.discriminator = discriminator
        self.posterior = posterior
        self.decoder = decoder
        self.settings = settings
        self.beta = settings.beta_for(rows)

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""
        return self.posterior.of(self.encoder(inputs))

    def loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:
        """Nats per row, each [r]; the clean inputs are to be reconstructed, whatever was encoded."""
        outputs = self.encoder(self._corrupted(inputs, draws))
        drawn = self.posterior.of(outputs)
        if isinstance(drawn, PointMass):
            reconstruction = self.decoder.reconstruction(drawn.mean, inputs, draws, value=value)
            none = torch.zeros_like(reconstruction)
            half_norm = none if self.beta is None else 0.5 * drawn.mean.square().sum(-1).mean(-1)
            return Loss(reconstruction + self._penalties(half_norm, drawn, draws), reconstruction, half_norm, none)
        paid, floor = self.posterior.penalised(outputs, drawn), self.posterior.floor
        if self.settings.estimator == "IW":
            return self._importance_weighted(inputs, draws, drawn, paid)
        reconstructions, divergences = [], []
        for _ in range(self.settings.samples or 1):
            z, noise = draw(drawn, draws.noise)
            reconstructions.append(self.decoder.reconstruction(z, inputs, draws, value=value))
            if self.settings.estimator == "A":
                divergences.append(sampled_divergence(paid, noise, floor=floor))
        reconstruction = torch.stack(reconstructions).mean(0)
        kl = (torch.stack(divergences).mean(0) if divergences else divergence(paid, floor=floor)).mean(-1)
        return Loss(reconstruction + self._penalties(kl, drawn, draws), reconstruction, kl, spread(drawn))

    def _importance_weighted(self, inputs: Inputs, draws: Draws, drawn: Noisy, paid: Noisy) -> Loss:
        """The bound by K samples a row; its reconstruction is their mean, its divergence what is left of the bound."""
        if not isinstance(self.decoder, RowDecoder):
            raise ValueError("importance weights need the nats of every row, and the decoder has those of pairs")
        samples = self.settings.samples or 1
        costs, divergences = [], []
        for _ in range(samples):
            z, noise = draw(drawn, draws.noise)
            costs.append(self.decoder.costs(z, inputs))
            divergences.append(sampled_divergence(paid, noise, floor=self.posterior.floor))
        cost = torch.stack(costs)  # [K, r, n]
        weights = -(cost + self.beta * torch.stack(divergences) if self.beta else cost)
        bound = (math.log(samples) - weights.logsumexp(0)).mean(-1)
        reconstruction = cost.mean((0, 2))
        none = torch.zeros_like(bound)
        rest = (bound - reconstruction) / self.beta if self.beta else none
        return Loss(bound + self._penalties(none, drawn, draws), reconstruction, rest, spread(drawn))

    def _penalties(self, divergence: Tensor, q: Posterior, draws: Draws) -> Tensor:
        """β · divergence, and what else the settings ask for; [r]."""
        total = self.beta * divergence if self.beta else torch.zeros_like(divergence)  # 0 · inf is not 0
        if self.settings.sparsity:
            total = total + self.settings.sparsity * q.mean.abs().sum(-1).mean(-1)
        if self.settings.discrepancy:
            total = total + self.settings.discrepancy * prior_discrepancy(q.mean, draws.prior)
        if self.settings.decoder_l2:
            weights = (weight for name, weight in self.decoder.named_parameters() if name.endswith("weight"))
            total = total + 0.5 * self.settings.decoder_l2 * sum(weight.square().sum((1, 2)) for weight in weights)
        return total

    def _corrupted(self, inputs: Inputs, draws: Draws) -> Inputs:
        """The inputs with a share of the features set to 0, drawn anew for every replica."""
        share, x = self.settings.corruption, inputs.features
        if not share:
            return inputs
        if isinstance(x, SparseMatrix):
            raise ValueError("corruption needs dense features")
        masks = [
            torch.rand(x.shape[-2:], generator=g, device=x.device, dtype=x.dtype) >= share for g in draws.corruption
        ]
        return replace(inputs, features=x * torch.stack(masks))
