"""Distance of the latents of all rows together from the prior N(0, I), without a KL divergence."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.training.posteriors import standard_normal
from benchmark.training.random_streams import RandomStreams


def prior_discrepancy(z: Tensor, streams: RandomStreams) -> Tensor:
    """Estimate the squared maximum mean discrepancy (MMD²) between the rows of z and N(0, I), without bias.

    The kernel is the inverse multiquadric C/(C + ‖x − y‖²) with C = 2d. The prior is represented by as many samples as
    z has rows. Tolstikhin et al. (2018), section 4 and algorithm 2.

    Args:
        z: Latents of a batch, [r, b, d].
        streams: One per replica, for the samples of the prior.

    Returns:
        [r]; 0 for a single row. Estimates may be negative.
    """
    rows, width = z.shape[1], 2.0 * z.shape[2]
    if rows < 2:
        return torch.zeros_like(z[:, 0, 0])
    prior = standard_normal(z, streams)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        """Sum the kernel over all pairs of rows; [r]. No root is taken, because its gradient is infinite at 0."""
        squares = x.square().sum(-1)[:, :, None] + y.square().sum(-1)[:, None, :] - 2.0 * x @ y.transpose(1, 2)
        return (width / (width + squares.clamp(min=0.0))).sum((1, 2))

    own = kernel(z, z) + kernel(prior, prior) - 2.0 * rows  # without the diagonals, which are 1
    return own / (rows * (rows - 1)) - 2.0 * kernel(z, prior) / rows**2
