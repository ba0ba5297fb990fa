"""Adversarial regularisation: a discriminator pulls the aggregated latents to the prior N(0, I)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmark.models.numerics.layers import Linear, Streams, hidden_layers
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Decoder, Encoding, Loss, Player, Step
from benchmark.training.posteriors import sample, standard_normal


class Discriminator(nn.Module):
    """A network that tells samples of N(0, I) from latents: hidden layers with ReLU, then one logit per row.

    Pan et al. (2018), section 3.

    Args:
        streams: Random generators for the initial weights.
        latent: Latent dimension d, the input width.
        hidden: Widths of the hidden layers.
    """

    def __init__(self, streams: Streams, latent: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        widths = (latent, *hidden)
        self.hidden = hidden_layers("discriminator", widths, partial(Linear, streams))
        self.output = Linear(streams, "discriminator.output", widths[-1], 1)

    def forward(self, z: Tensor) -> Tensor:
        """Compute the logit that each row of z, [r, n, d], comes from the prior; [r, n]."""
        for layer in self.hidden:
            z = layer(z).relu()
        logit: Tensor = self.output(z)
        return logit.squeeze(-1)


class Adversarial(Encoding, Protocol):
    """A network with an encoder that an adversary trains too."""

    @property
    def decoder(self) -> Decoder:
        """The part that scores latents against the inputs."""


def adversaries(
    model: Adversarial,
    encoder: Sequence[nn.Parameter],
    discriminator: Discriminator,
    *,
    learning_rate: float,
    reconstruction: float = 0.0,
) -> tuple[Player, Player]:
    """Make the two players that step after the autoencoder on every batch, each with an Adam of its own.

    First the discriminator minimises −log D(prior) − log(1 − D(z)). Then the encoder minimises −log D(z), which is all
    in Makhzani et al. (2016), section 2. The public code of Pan et al. (2018) adds the reconstruction to the last loss,
    for arga alone and not for arvga. z is a sample of the posterior.

    Args:
        model: Encodes inputs into posteriors.
        encoder: Parameters of the encoder.
        discriminator: Tells latents from samples of the prior.
        learning_rate: Learning rate of both players.
        reconstruction: Weight of the reconstruction, in nats per row, in the encoder's loss.

    Returns:
        The discriminator's player and the encoder's player.
    """

    def discriminating(inputs: Inputs, step: Step) -> Loss:
        """The discriminator's loss."""
        with torch.no_grad():
            z = sample(model.encode(inputs), step.draws.noise)
        real, fake = discriminator(standard_normal(z, step.draws.prior)), discriminator(z)
        return Loss.of_cost((softplus(-real) + softplus(fake)).mean(-1))

    def deceiving(inputs: Inputs, step: Step) -> Loss:
        """The encoder's loss."""
        z = sample(model.encode(inputs), step.draws.noise)
        cost = softplus(-discriminator(z)).mean(-1)
        if reconstruction:
            cost = cost + reconstruction * model.decoder.reconstruction(z, inputs, step)
        return Loss.of_cost(cost)

    return (
        Player(discriminating, tuple(discriminator.parameters()), learning_rate),
        Player(deceiving, encoder, learning_rate),
    )
