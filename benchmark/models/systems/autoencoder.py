"""The autoencoder behind most models, made of encoder, posterior, decoder and objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.models.parts.encoders import Encoder
from benchmark.models.parts.posterior_families import Noisy, PosteriorFamily
from benchmark.models.parts.priors import Prior, PseudoInputs, StandardPrior, prior_discrepancy
from benchmark.models.settings import Settings
from benchmark.models.systems.adversarial import Discriminator, adversaries
from benchmark.training.inputs import Inputs
from benchmark.training.mixture import Mixture
from benchmark.training.phases import LAST, Decoder, Draws, Loss, Phase, RowDecoder, Step
from benchmark.training.posteriors import (
    DiagonalGaussian,
    PointMass,
    Posterior,
    divergence_by_dimension,
    draw,
    sampled_divergence_by_dimension,
    spread,
)
from benchmark.training.schedules import Scalar
from benchmark.training.sparse import SparseMatrix


class Autoencoder(nn.Module):
    """A network that minimises reconstruction + β · divergence + penalties, in nats per row.

    The divergence of a noisy posterior is KL(q(z|x) ‖ p(z)) from the model's prior, by one of three estimators:

    - B, the closed form: Kingma and Welling (2014), eq. 10;
    - A, log q(z|x) − log p(z) averaged over L samples per row: eq. 6 there;
    - IW, the importance-weighted bound: the total is −log of the mean over K samples of p(x|z) p(z)^β / q(z|x)^β.
      Burda et al. (2016), eq. 8. The total is less than the sum of both terms.

    With free bits λ, the loss pays Σ_j max(λ, KL_j) instead of the divergence Σ_j KL_j, where KL_j is the mean over the
    rows of a batch for latent dimension j. A dimension below λ has no gradient from it. Kingma et al. (2016), eq. 15.

    The divergence of a point is ½‖z‖², the part of the KL divergence that depends on μ alone. It counts only if the
    model has a β.

    Args:
        encoder: From inputs to the outputs of its heads.
        posterior: From these outputs to posteriors.
        decoder: Scores latents against the inputs.
        settings: Hyperparameters of the objective.
        rows: Rows of the data, which a β of 1/n² needs.
        discriminator: An adversary of the encoder that trains beside it.
        pseudo_inputs: Their posteriors are the prior. Default: the prior is N(0, I), or uniform on the sphere.
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
        pseudo_inputs: PseudoInputs | None = None,
        pretraining: Callable[[Autoencoder], tuple[Phase, ...]] | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.discriminator = discriminator
        self.pseudo_inputs = pseudo_inputs
        self.posterior = posterior
        self.decoder = decoder
        self.settings = settings
        self.beta = settings.beta_for(rows)
        self.adversary_reconstruction = settings.adversary_reconstruction_for(rows)
        self.pretraining = pretraining

    @property
    def uncapturable(self) -> str:
        """Why a step cannot be captured as a CUDA graph: the first reason of posterior and encoder. Empty if it can."""
        silent = "the encoder does not say whether a step waits for the device"  # one of a plugin, for example
        return self.posterior.uncapturable or getattr(self.encoder, "uncapturable", silent)

    def phases(self) -> tuple[Phase, ...]:
        """The phases of pre-training, if there are any, then the phase that trains the whole network."""
        before = () if self.pretraining is None else self.pretraining(self)
        if self.discriminator is None:
            return (*before, Phase(LAST, self.loss, tuple(self.parameters())))
        rate = self.settings.adversary_rate or self.settings.learning_rate
        encoder, decoder = (tuple(p for _, p in part.named_parameters()) for part in (self.encoder, self.decoder))
        prior = () if self.pseudo_inputs is None else tuple(self.pseudo_inputs.parameters())
        others = adversaries(
            self, encoder, self.discriminator, learning_rate=rate, reconstruction=self.adversary_reconstruction
        )
        steps = self.settings.autoencoder_steps or 1
        return (*before, Phase(LAST, self.loss, (*encoder, *decoder, *prior), others, steps=steps))

    def encode(self, inputs: Inputs) -> Posterior:
        """Compute the posterior of every row, [r, n, d]. No noise is drawn."""
        return self.posterior.of(self.encoder(inputs))

    def mixture(self) -> Mixture | None:
        """The prior of the present weights if it is learned; None if it is N(0, I) or uniform on the sphere."""
        return None if self.pseudo_inputs is None else self.pseudo_inputs.prior(self.encode)

    def loss(self, inputs: Inputs, step: Step) -> Loss:
        """Estimate the objective in nats per row, each part [r].

        With corruption, corrupted inputs are encoded and the clean inputs are reconstructed.
        """
        outputs = self.encoder(self._corrupted(inputs, step.draws))
        drawn = self.posterior.of(outputs)
        if isinstance(drawn, PointMass):
            reconstruction = self.decoder.reconstruction(drawn.mean, inputs, step)
            none = torch.zeros_like(reconstruction)
            half_norm = none if self.beta is None else 0.5 * drawn.mean.square().sum(-1).mean(-1)
            return Loss(reconstruction + self._penalties(half_norm, drawn, step), reconstruction, half_norm, none)
        paid, prior = self.posterior.penalised(outputs, drawn), self.mixture() or StandardPrior(self.posterior.floor)
        if self.settings.estimator == "IW":
            return self._importance_weighted(inputs, step, drawn, paid, prior)
        reconstructions, noises = [], []
        for _ in range(self.settings.samples or 1):
            z, noise = draw(drawn, step.draws.noise)
            reconstructions.append(self.decoder.reconstruction(z, inputs, step))
            noises.append(noise)
        reconstruction = torch.stack(reconstructions).mean(0)
        kl, priced = self._divergence(paid, noises if self.settings.estimator == "A" else [], prior)
        return Loss(reconstruction + self._penalties(priced, drawn, step), reconstruction, kl, spread(drawn))

    def _divergence(self, q: Noisy, noises: Sequence[Tensor], prior: Prior) -> tuple[Tensor, Tensor]:
        """The divergence averaged over rows, and the same with each dimension at least the free bits; each [r].

        ``noises`` are those of the draws of estimator A. Without any, the closed form is taken.
        """
        least = self.settings.free_bits
        if least is None:
            sampled = [prior.sampled_divergence(q, noise) for noise in noises]
            kl = (torch.stack(sampled).mean(0) if sampled else prior.divergence(q)).mean(-1)
            return kl, kl
        if not isinstance(q, DiagonalGaussian) or not isinstance(prior, StandardPrior):
            raise ValueError("free bits need Gaussian posteriors and the prior N(0, I)")
        terms = [sampled_divergence_by_dimension(q, noise, floor=prior.floor) for noise in noises]
        each = (torch.stack(terms).mean(0) if terms else divergence_by_dimension(q, floor=prior.floor)).mean(-2)
        return each.sum(-1), each.clamp(min=least).sum(-1)

    def _weight(self, step: Step) -> Scalar:
        """β at this step, times its schedule; 0 if unset."""
        schedule = self.settings.beta_schedule
        if schedule is None or not self.beta:
            return self.beta or 0.0
        return self.beta * schedule.factor(step.progress)

    def _importance_weighted(self, inputs: Inputs, step: Step, drawn: Noisy, paid: Noisy, prior: Prior) -> Loss:
        """The importance-weighted bound by K samples per row.

        The divergence of the loss is the bound minus the mean reconstruction, over β.
        """
        if not isinstance(self.decoder, RowDecoder):
            raise ValueError("estimator 'IW' needs the nats of every row, and this decoder scores pairs; use A or B")
        samples, beta = self.settings.samples or 1, self._weight(step)
        costs, divergences = [], []
        for _ in range(samples):
            z, noise = draw(drawn, step.draws.noise)
            costs.append(self.decoder.costs(z, inputs))
            divergences.append(prior.sampled_divergence(paid, noise))
        cost = torch.stack(costs)  # [K, r, n]
        weights = -(cost + _weighted(beta, torch.stack(divergences)))  # [K, r, n]
        bound = (math.log(samples) - weights.logsumexp(0)).mean(-1)
        reconstruction = cost.mean((0, 2))
        none = torch.zeros_like(bound)
        rest = _over(bound - reconstruction, beta)
        return Loss(bound + self._penalties(none, drawn, step), reconstruction, rest, spread(drawn))

    def _penalties(self, divergence: Tensor, q: Posterior, step: Step) -> Tensor:
        """β · divergence and the other penalties of the settings; [r]."""
        total = _weighted(self._weight(step), divergence)
        if self.settings.sparsity:
            total = total + self.settings.sparsity * q.mean.abs().sum(-1).mean(-1)
        if self.settings.discrepancy:
            total = total + self.settings.discrepancy * prior_discrepancy(q.mean, step.draws.prior)
        if self.settings.decoder_l2:
            weights = (weight for name, weight in self.decoder.named_parameters() if name.endswith("weight"))
            total = total + 0.5 * self.settings.decoder_l2 * sum(weight.square().sum((1, 2)) for weight in weights)
        return total

    def _corrupted(self, inputs: Inputs, draws: Draws) -> Inputs:
        """The inputs with a random share of the features set to 0, drawn for each replica."""
        share, x = self.settings.corruption, inputs.features
        if not share:
            return inputs
        if isinstance(x, SparseMatrix):
            raise ValueError("corruption needs dense features: pass dense=True to Inputs.of")
        return replace(inputs, features=x * (draws.corruption.uniform(x.shape[-2:], x.dtype) >= share))


def _weighted(beta: Scalar, divergence: Tensor) -> Tensor:
    """β · divergence. It is 0 if β is 0, also for an infinite divergence.

    With a tensor the gradient of an infinite divergence is NaN at β = 0. A training with such a divergence has diverged
    in the steps before, because captured steps are never the first ones.
    """
    if isinstance(beta, Tensor):
        return (beta * divergence).masked_fill(beta == 0.0, 0.0)
    return beta * divergence if beta else torch.zeros_like(divergence)


def _over(difference: Tensor, beta: Scalar) -> Tensor:
    """difference / β. It is 0 if β is 0."""
    if isinstance(beta, Tensor):
        return (difference / beta).masked_fill(beta == 0.0, 0.0)
    return difference / beta if beta else torch.zeros_like(difference)
