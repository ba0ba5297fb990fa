"""Priors of latents, and the distance of all latents together from N(0, I) without a KL divergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from benchmark.models.numerics.layers import Streams
from benchmark.models.parts.posterior_families import Noisy
from benchmark.training.inputs import Inputs
from benchmark.training.mixture import Mixture
from benchmark.training.posteriors import DiagonalGaussian, Posterior, divergence, sampled_divergence, standard_normal
from benchmark.training.random_streams import RandomStreams
from benchmark.training.sparse import SparseMatrix


class Prior(Protocol):
    """A distribution of latents. A divergence of posteriors from it is part of the objective."""

    def divergence(self, q: Noisy) -> Tensor:
        """Compute the divergence of every posterior in closed form: nats per row, [r, n]."""

    def sampled_divergence(self, q: Noisy, noise: Tensor) -> Tensor:
        """Compute log q(z|x) − log p(z) at one draw of every row, from the noise of the draw: nats per row, [r, n]."""


@dataclass(frozen=True, slots=True)
class StandardPrior:
    """N(0, I) for Gaussian posteriors, and the uniform distribution for posteriors on the sphere.

    Args:
        floor: Added to σ² inside the logarithm of the divergence.
    """

    floor: float = 0.0

    def divergence(self, q: Noisy) -> Tensor:
        """Compute the divergence of every posterior in closed form: nats per row, [r, n]."""
        return divergence(q, floor=self.floor)

    def sampled_divergence(self, q: Noisy, noise: Tensor) -> Tensor:
        """Compute log q(z|x) − log p(z) at one draw of every row, from the noise of the draw: nats per row, [r, n]."""
        return sampled_divergence(q, noise, floor=self.floor)


class PseudoInputs(nn.Module):
    """Learned rows of features. Their posteriors, in equal parts, are the prior of all latents.

    They start at random rows of the data, and stay between the smallest and the largest value of each feature. A value
    that leaves this range is set to its end before the next step. The source's code clips values too, but inside the
    network: a value outside the range then gets no gradient and never returns.

    Args:
        streams: Random generators for the first rows.
        features: The data, [n, f], or the rows of each replica, [r, n, f].
        count: K, the number of pseudo-inputs. There are never more than n.

    Source: Tomczak and Welling (2018), arXiv 1705.07120, eq. 9.
    """

    low: Tensor
    high: Tensor

    def __init__(self, streams: Streams, features: Tensor, count: int) -> None:
        super().__init__()
        x = features.detach().cpu()
        chosen = torch.stack([torch.randperm(x.shape[-2], generator=each)[:count] for each in streams("prior.rows")])
        self.rows = nn.Parameter(x.expand(len(chosen), -1, -1).take_along_dim(chosen[..., None], 1))  # [r, K, f]
        self.register_buffer("low", x.amin(-2, keepdim=True))
        self.register_buffer("high", x.amax(-2, keepdim=True))

    def prior(self, encode: Callable[[Inputs], Posterior]) -> Mixture:
        """Encode the pseudo-inputs into the components of the prior.

        Args:
            encode: The model's encoder, from inputs to Gaussian posteriors.
        """
        with torch.no_grad():
            self.rows.clamp_(self.low, self.high)
        q = encode(Inputs(self.rows, None, len(self.rows)))
        if not isinstance(q, DiagonalGaussian):
            raise ValueError(f"a prior of pseudo-inputs needs Gaussian posteriors, got a {type(q).__name__}")
        return Mixture(q.mean, q.std)


@dataclass(frozen=True, slots=True)
class PriorSpec:
    """A prior as a part of a model.

    Args:
        name: Printed in the table of models.
        learned: Whether the prior is a mixture of the posteriors of learned pseudo-inputs. Its divergence is then
            estimated by draws.
    """

    name: str
    learned: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the settings that the prior adds to a model."""
        return ("pseudo_inputs",) if self.learned else ()

    def build(self, streams: Streams, inputs: Inputs, count: int | None) -> PseudoInputs | None:
        """Make the pseudo-inputs from the features of the inputs; None if nothing is learned.

        Args:
            streams: Random generators for the first rows.
            inputs: All rows of the data.
            count: K, the number of pseudo-inputs.
        """
        if not self.learned:
            return None
        if isinstance(inputs.features, SparseMatrix) or count is None:
            raise ValueError("pseudo-inputs need dense features and the setting pseudo_inputs")
        return PseudoInputs(streams, inputs.features, count)


STANDARD_PRIOR = PriorSpec("N(0, I), or uniform on the sphere")
PSEUDO_INPUTS = PriorSpec("mixture of the posteriors of learned pseudo-inputs", learned=True)


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
