"""A mixture of Gaussians as the prior of latents."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.training.posteriors import DiagonalGaussian, Posterior, standard_normal
from benchmark.training.random_streams import RandomStreams

DRAWS = 16  # samples per row of the rate; one estimate may be negative
_ROWS = 1024  # rows of a block


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of K diagonal Gaussians with equal weights, one mixture for every replica.

    Args:
        mean: Means of the components, [r, K, d].
        std: Their standard deviations, [r, K, d], above 0.
    """

    mean: Tensor
    std: Tensor

    def log_density(self, z: Tensor) -> Tensor:
        """Compute log p(z) of latents z, [r, n, d]; nats, [r, n].

        >>> mixture = Mixture(torch.zeros(1, 2, 1), torch.ones(1, 2, 1))
        >>> round(mixture.log_density(torch.zeros(1, 1, 1)).item(), 4)  # −½ log 2π
        -0.9189
        """
        scaled = (z[:, :, None] - self.mean[:, None]) / self.std[:, None]  # [r, n, K, d]
        constant = self.std.log().sum(-1) + 0.5 * z.shape[-1] * math.log(2 * math.pi)
        return (-0.5 * scaled.square().sum(-1) - constant[:, None]).logsumexp(-1) - math.log(self.mean.shape[1])

    def samples(self, replica: int, count: int, rng: np.random.Generator) -> Tensor:
        """Draw latents from the mixture of one replica.

        Args:
            replica: Number of the replica.
            count: Number of draws, m.
            rng: Generator of the draws.

        Returns:
            [m, d].
        """
        chosen = torch.as_tensor(rng.integers(self.mean.shape[1], size=count), device=self.mean.device)
        mean, std = (part[replica].detach()[chosen] for part in (self.mean, self.std))
        return mean + std * torch.as_tensor(rng.standard_normal(mean.shape), device=mean.device)

    def divergence(self, q: Posterior) -> Tensor:
        """Raise ValueError: the divergence of a Gaussian from a mixture has no closed form."""
        raise ValueError(f"the divergence of a {type(q).__name__} from a mixture has no closed form; use draws of q")

    def sampled_divergence(self, q: Posterior, noise: Tensor) -> Tensor:
        """Compute log q(z|x) − log p(z) at one draw z of every row. Its mean over draws is the divergence.

        Args:
            q: Gaussian posteriors of all rows.
            noise: (z − μ)/σ, [r, n, d], as ``draw`` returns it with z.

        Returns:
            Nats per row, [r, n].

        Raises:
            ValueError: if the posteriors are not Gaussian.
        """
        if not isinstance(q, DiagonalGaussian):
            raise ValueError(f"a mixture of Gaussians is a prior of Gaussian posteriors, got a {type(q).__name__}")
        constant = 0.5 * noise.shape[-1] * math.log(2 * math.pi)
        own = -(0.5 * noise.square() + q.std.log()).sum(-1) - constant
        return own - self.log_density(torch.addcmul(q.mean, q.std, noise))

    @torch.no_grad()
    def rates(self, q: Posterior, streams: RandomStreams) -> Tensor:
        """Estimate the divergence of the posteriors from the mixture by 16 draws of every row.

        Args:
            q: Gaussian posteriors of all rows.
            streams: One per replica.

        Returns:
            Nats per row, averaged over draws, [r, n].

        Raises:
            ValueError: if the posteriors are not Gaussian.
        """
        if not isinstance(q, DiagonalGaussian):
            raise ValueError(f"a mixture of Gaussians is a prior of Gaussian posteriors, got a {type(q).__name__}")
        total = torch.zeros_like(q.mean[:, :, 0])
        for _ in range(DRAWS):
            noise = standard_normal(q.mean, streams)
            for start in range(0, q.mean.shape[1], _ROWS):
                block = slice(start, start + _ROWS)
                part = DiagonalGaussian(q.mean[:, block], q.std[:, block])
                total[:, block] += self.sampled_divergence(part, noise[:, block])
        return total / DRAWS
