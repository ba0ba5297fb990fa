"""Priors without a KL divergence: how far the aggregated latents are from N(0, I)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.training.posteriors import standard_normal


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
