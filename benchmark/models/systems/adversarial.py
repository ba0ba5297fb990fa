"""The aggregated latents drawn to the prior N(0, I) without a KL: by a discrepancy, or by an adversary."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmark.models.numerics.layers import Linear, Streams, hidden_layers
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws, Encoding, Loss, Player
from benchmark.training.posteriors import sample, standard_normal


def prior_discrepancy(z: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Unbiased MMD² between the rows of z [r, b, d] and as many samples from N(0, I); [r], 0 for a single row.

    Kernel C/(C + ‖x − y‖²) with C = 2d, the inverse multiquadric of Tolstikhin et al. (2018), section 4; algorithm 2.
    """
    rows, width = z.shape[1], 2.0 * z.shape[2]
    if rows < 2:
        return torch.zeros_like(z[:, 0, 0])
    prior = standard_normal(z, generators)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        """Summed over all pairs; [r]. Squared distances without a root, whose gradient is infinite at 0."""
        squares = x.square().sum(-1)[:, :, None] + y.square().sum(-1)[:, None, :] - 2.0 * x @ y.transpose(1, 2)
        return (width / (width + squares.clamp(min=0.0))).sum((1, 2))

    own = kernel(z, z) + kernel(prior, prior) - 2.0 * rows  # without the diagonals, which are 1
    return own / (rows * (rows - 1)) - 2.0 * kernel(z, prior) / rows**2


class Discriminator(nn.Module):
    """Tells latents from samples of N(0, I): d–hidden with ReLU, then one logit a row. Pan et al. (2018), section 3."""

    def __init__(self, streams: Streams, latent: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        widths = (latent, *hidden)
        self.hidden = hidden_layers("discriminator", widths, partial(Linear, streams))
        self.output = Linear(streams, "discriminator.output", widths[-1], 1)

    def forward(self, z: Tensor) -> Tensor:
        """The logit that z comes from the prior; [r, n]."""
        for layer in self.hidden:
            z = layer(z).relu()
        logit: Tensor = self.output(z)
        return logit.squeeze(-1)


def adversaries(
    model: Encoding, encoder: Sequence[nn.Parameter], discriminator: Discriminator, rate: float
) -> tuple[Player, Player]:
    """The two players that step after the autoencoder in every epoch, each with an Adam of its own.

    The discriminator minimises −log D(prior) − log(1 − D(z)), then the encoder −log D(z); z is a sample of the
    posterior. Pan et al. (2018), eq. 8 and algorithm 1 with one discriminator step, as their code has it.
    """

    def discriminating(inputs: Inputs, draws: Draws, *, value: bool) -> Loss:  # noqa: ARG001, it costs nothing here
        with torch.no_grad():
            z = sample(model.encode(inputs), draws.noise)
        real, fake = discriminator(standard_normal(z, draws.prior)), discriminator(z)
        return Loss.of_cost((softplus(-real) + softplus(fake)).mean(-1))

    def deceiving(inputs: Inputs, draws: Draws, *, value: bool) -> Loss:  # noqa: ARG001
        return Loss.of_cost(softplus(-discriminator(sample(model.encode(inputs), draws.noise))).mean(-1))

    return (
        Player(discriminating, tuple(discriminator.parameters()), rate),
        Player(deceiving, encoder, rate),
    )
