"""Autoencoder: the system of most models, made of encoder, posterior, decoder and objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.models.parts.encoders import Encoder
from benchmark.models.parts.posterior_families import Noisy, PosteriorFamily
from benchmark.models.parts.priors import prior_discrepancy
from benchmark.models.settings import Settings
from benchmark.models.systems.adversarial import Discriminator, adversaries
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Decoder, Draws, Loss, Phase, RowDecoder, Step
from benchmark.training.posteriors import PointMass, Posterior, divergence, draw, sampled_divergence, spread
from benchmark.training.sparse import SparseMatrix


class Autoencoder(nn.Module):
    """Minimises reconstruction + β · divergence + penalties, in nats per row.

    The divergence of a Gaussian is KL(q(z|x) ‖ N(0, I)). SGVB's estimator B has it in closed form, Kingma and Welling
    (2014), eq. 10; estimator A takes log q(z|x) − log p(z) at L samples a row, eq. 6. Under IW the total is −log of the
    mean over K samples of p(x|z) p(z)^β / q(z|x)^β, Burda et al. (2016), eq. 8; it is less than the sum of both terms.
    The divergence of a point, if the model has a β, is the share of the KL that falls on μ alone: ½‖z‖².

    Args:
        encoder: From inputs to the outputs of its heads.
        posterior: From these outputs to posteriors.
        decoder: Scores latents against the inputs.
        settings: Hyperparameters of the objective.
        rows: Rows of the data, which a β of 1/n² needs.
        discriminator: An adversary of the encoder that trains beside it.
        pretraining: Gives the phases before the last.
    """

    def __init__(
        self,
        encoder: Encoder,
        posterior: PosteriorFamily,
        decoder: Decoder,
        settings: Settings,
        rows: int,
        discriminator: Discriminator | None = None,
        pretraining: Callable[[Autoencoder], tuple[Phase, ...]] | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.discriminator = discriminator
        self.posterior = posterior
        self.decoder = decoder
        self.settings = settings
        self.beta = settings.beta_for(rows)
        self.pretraining = pretraining

    def phases(self) -> tuple[Phase, ...]:
        """The phases of pre-training if there are any, then one that trains the whole model."""
        before = () if self.pretraining is None else self.pretraining(self)
        if self.discriminator is None:
            return (*before, Phase(LAST, self.loss, tuple(self.parameters())))
        rate = self.settings.adversary_rate or self.settings.learning_rate
        encoder, decoder = (tuple(p for _, p in part.named_parameters()) for part in (self.encoder, self.decoder))
        others = adversaries(self, encoder, self.discriminator, rate)
        return (*before, Phase(LAST, self.loss, (*encoder, *decoder), others))

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""
        return self.posterior.of(self.encoder(inputs))

    def loss(self, inputs: Inputs, step: Step) -> Loss:
        """Nats per row, each [r]. The clean inputs are reconstructed, also if corrupted ones were encoded."""
        outputs = self.encoder(self._corrupted(inputs, step.draws))
        drawn = self.posterior.of(outputs)
        if isinstance(drawn, PointMass):
            reconstruction = self.decoder.reconstruction(drawn.mean, inputs, step)
            none = torch.zeros_like(reconstruction)
            half_norm = none if self.beta is None else 0.5 * drawn.mean.square().sum(-1).mean(-1)
            return Loss(reconstruction + self._penalties(half_norm, drawn, step), reconstruction, half_norm, none)
        paid, floor = self.posterior.penalised(outputs, drawn), self.posterior.floor
        if self.settings.estimator == "IW":
            return self._importance_weighted(inputs, step, drawn, paid)
        reconstructions, divergences = [], []
        for _ in range(self.settings.samples or 1):
            z, noise = draw(drawn, step.draws.noise)
            reconstructions.append(self.decoder.reconstruction(z, inputs, step))
            if self.settings.estimator == "A":
                divergences.append(sampled_divergence(paid, noise, floor=floor))
        reconstruction = torch.stack(reconstructions).mean(0)
        kl = (torch.stack(divergences).mean(0) if divergences else divergence(paid, floor=floor)).mean(-1)
        return Loss(reconstruction + self._penalties(kl, drawn, step), reconstruction, kl, spread(drawn))

    def _weight(self, step: Step) -> float:
        """β at this step; 0 if it is unset."""
        schedule = self.settings.beta_schedule
        factor = 1.0 if schedule is None else schedule.factor(step.progress)
        return factor * (self.beta or 0.0)

    def _importance_weighted(self, inputs: Inputs, step: Step, drawn: Noisy, paid: Noisy) -> Loss:
        """The bound by K samples a row. Its divergence is the rest of the bound beside the mean reconstruction."""
        if not isinstance(self.decoder, RowDecoder):
            raise ValueError("importance weights need the nats of every row, and the decoder has those of pairs")
        samples, beta = self.settings.samples or 1, self._weight(step)
        costs, divergences = [], []
        for _ in range(samples):
            z, noise = draw(drawn, step.draws.noise)
            costs.append(self.decoder.costs(z, inputs))
            divergences.append(sampled_divergence(paid, noise, floor=self.posterior.floor))
        cost = torch.stack(costs)  # [K, r, n]
        weights = -(cost + beta * torch.stack(divergences) if beta else cost)
        bound = (math.log(samples) - weights.logsumexp(0)).mean(-1)
        reconstruction = cost.mean((0, 2))
        none = torch.zeros_like(bound)
        rest = (bound - reconstruction) / beta if beta else none
        return Loss(bound + self._penalties(none, drawn, step), reconstruction, rest, spread(drawn))

    def _penalties(self, divergence: Tensor, q: Posterior, step: Step) -> Tensor:
        """β · divergence and the other penalties of the settings; [r]."""
        beta = self._weight(step)
        total = beta * divergence if beta else torch.zeros_like(divergence)  # 0 · inf is not 0
        if self.settings.sparsity:
            total = total + self.settings.sparsity * q.mean.abs().sum(-1).mean(-1)
        if self.settings.discrepancy:
            total = total + self.settings.discrepancy * prior_discrepancy(q.mean, step.draws.prior)
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
