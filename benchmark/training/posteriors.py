"""Posteriors of all rows: points, diagonal Gaussians and von Mises–Fisher distributions; draws and KL divergences."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.training.random_streams import RandomStreams
from benchmark.training.sphere import bessel, cosines, divergence_from_uniform, log_normaliser, on_sphere


@dataclass(frozen=True, slots=True)
class PointMass:
    """Deterministic latents: a posterior without spread."""

    mean: Tensor  # the latents, [r, n, d]


@dataclass(frozen=True, slots=True)
class DiagonalGaussian:
    """Independent normal posteriors, one per row and latent dimension of every replica."""

    mean: Tensor  # μ, [r, n, d]
    std: Tensor  # σ, [r, n, d], not negative; exactly 0 is a point


@dataclass(frozen=True, slots=True)
class VonMisesFisher:
    """Posteriors on the unit sphere, one per row of every replica: density ∝ exp(κ μ·z). Davidson et al. (2018)."""

    direction: Tensor  # μ, [r, n, d], of length 1
    concentration: Tensor  # κ, [r, n, 1], not negative; 0 is uniform on the sphere

    @property
    def mean(self) -> Tensor:
        """E[z] = A(κ) μ, [r, n, d]. Its length A(κ) is below 1; see ``sphere.bessel``."""
        length, _ = bessel(self.concentration, self.direction.shape[-1])
        return length.to(self.direction.dtype) * self.direction


Posterior = PointMass | DiagonalGaussian | VonMisesFisher


def standard_normal(like: Tensor, streams: RandomStreams) -> Tensor:
    """Draw standard normal noise. Replica i draws from stream i alone.

    Args:
        like: Gives shape [r, n, d] and dtype.
        streams: One per replica, on the device of ``like``.

    Returns:
        [r, n, d].
    """
    return streams.normal(like.shape[1:], like.dtype)


def sample(q: Posterior, streams: RandomStreams) -> Tensor:
    """Draw once from every posterior, by reparameterisation. A point is its own draw.

    Args:
        q: Posteriors of all rows.
        streams: One per replica.

    Returns:
        z, [r, n, d], differentiable in the parameters of q.
    """
    return q.mean if isinstance(q, PointMass) else draw(q, streams)[0]


def draw(q: DiagonalGaussian | VonMisesFisher, streams: RandomStreams) -> tuple[Tensor, Tensor]:
    """Draw once from every posterior, and keep the noise behind the draw.

    Args:
        q: Posteriors of all rows.
        streams: One per replica.

    Returns:
        z, [r, n, d], and the noise that ``sampled_divergence`` needs. For a Gaussian the noise is (z − μ)/σ,
        [r, n, d]. For a von Mises–Fisher posterior it is the cosine μ·z, [r, n, 1].
    """
    if isinstance(q, VonMisesFisher):
        cosine = cosines(q.concentration, q.direction.shape[-1], streams)
        return on_sphere(q.direction, cosine, standard_normal(q.direction, streams)), cosine
    noise = standard_normal(q.mean, streams)
    return torch.addcmul(q.mean, q.std, noise), noise


def spread(q: Posterior) -> Tensor:
    """Average σ over rows and dimensions. It is 0 for a point.

    On a sphere, σ² of a row is (1 − A(κ)²)/d: the variance of z around its mean, per dimension.

    Returns:
        [r], without a gradient.

    >>> spread(DiagonalGaussian(torch.zeros(1, 2, 2), torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))).tolist()
    [2.5]
    """
    if isinstance(q, PointMass):
        return torch.zeros_like(q.mean[:, 0, 0])
    if isinstance(q, DiagonalGaussian):
        return q.std.detach().mean((1, 2))
    d = q.direction.shape[-1]
    length, _ = bessel(q.concentration.detach(), d)
    return ((1.0 - length.square()).clamp(min=0.0) / d).sqrt().mean((1, 2)).to(q.direction.dtype)


def divergence(q: DiagonalGaussian | VonMisesFisher, *, floor: float = 0.0) -> Tensor:
    """Compute the KL divergence of every posterior from the prior, in closed form.

    The prior of a Gaussian is N(0, I). The prior of a von Mises–Fisher posterior is uniform on the sphere.

    Args:
        q: Posteriors of all rows.
        floor: Added to σ² inside the logarithm, for Gaussians. With 0, a σ of exactly 0 gives infinity.

    Returns:
        Nats per row, [r, n], summed over latent dimensions.

    Source: Kingma and Welling (2014), appendix B; Davidson et al. (2018).

    >>> divergence(DiagonalGaussian(torch.tensor([[[0.0, 0.0], [0.0, 2.0]]]), torch.ones(1, 2, 2))).tolist()
    [[0.0, 2.0]]
    """
    if isinstance(q, VonMisesFisher):
        return divergence_from_uniform(q.concentration, q.direction.shape[-1]).squeeze(-1)
    return divergence_by_dimension(q, floor=floor).sum(-1)


def divergence_by_dimension(q: DiagonalGaussian, *, floor: float = 0.0) -> Tensor:
    """Compute the terms of ``divergence`` for a Gaussian: nats of every row and latent dimension, [r, n, d]."""
    return 0.5 * (q.mean.square() + q.std.square() - _log_variance(q, floor) - 1.0)


def sampled_divergence(q: DiagonalGaussian | VonMisesFisher, noise: Tensor, *, floor: float = 0.0) -> Tensor:
    """Compute log q(z|x) − log p(z) at one draw z of every row. Its expectation over draws is ``divergence``.

    Args:
        q: Posteriors of all rows.
        noise: The noise that ``draw`` returned with z.
        floor: Added to σ² inside the logarithm, for Gaussians.

    Returns:
        Nats per row, [r, n].

    Source: the regularising part of SGVB's estimator A, Kingma and Welling (2014), eq. 6.
    """
    if isinstance(q, VonMisesFisher):
        normaliser = log_normaliser(q.concentration, q.direction.shape[-1]).to(noise.dtype)
        return (q.concentration * noise - normaliser).squeeze(-1)
    return sampled_divergence_by_dimension(q, noise, floor=floor).sum(-1)


def sampled_divergence_by_dimension(q: DiagonalGaussian, noise: Tensor, *, floor: float = 0.0) -> Tensor:
    """Compute the terms of ``sampled_divergence`` for a Gaussian: nats of every row and dimension, [r, n, d]."""
    z = torch.addcmul(q.mean, q.std, noise)
    return 0.5 * (z.square() - noise.square() - _log_variance(q, floor))


def _log_variance(q: DiagonalGaussian, floor: float) -> Tensor:
    """log(σ² + floor), [r, n, d]."""
    return (q.std.square() + floor).log() if floor else 2.0 * q.std.log()


def with_noise_of(point: PointMass, noisy: DiagonalGaussian, *, ranked: bool = False) -> DiagonalGaussian:
    """Add noise to deterministic latents, at the signal-to-noise ratio of a Gaussian posterior.

    The ratio is Σ_j Var(μ_j)/Σ_j E[σ_j²], with variance and mean over rows. Every replica has its own ratio and its own
    σ_j, equal for all rows. If the Gaussian's means do not vary at all, the ratio counts as 1e-12, and noise drowns the
    latents.

    Args:
        point: Latents that get the noise, [r, n, d].
        noisy: The posterior that says how much.
        ranked: Whether the dimensions share the noise as those of the posterior do: the dimension of ``point`` with the
            largest variance gets the share of the posterior's dimension whose mean has the largest variance, and so
            on. Otherwise all dimensions get the same noise.

    Returns:
        Posteriors with the means of ``point``, and σ equal for all rows of a replica.

    >>> z = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]])
    >>> with_noise_of(PointMass(3.0 * z), DiagonalGaussian(z, 0.5 * torch.ones(1, 2, 2))).std.tolist()
    [[[1.5, 1.5], [1.5, 1.5]]]
    """
    signal, mean = noisy.mean.var(1, correction=0).sum(-1), point.mean
    ratio = signal / noisy.std.square().mean(1).sum(-1)
    ratio = torch.where(ratio.isnan(), torch.zeros_like(ratio), ratio).clamp(min=1e-12)  # NaN is 0/0
    std = (mean.var(1, correction=0).sum(-1) / (mean.shape[-1] * ratio)).sqrt()[:, None]
    if ranked:
        noise = noisy.std.square().mean(1)
        share = noise / noise.mean(-1, keepdim=True).clamp(min=torch.finfo(noise.dtype).tiny)
        order = noisy.mean.var(1, correction=0).argsort(dim=-1, descending=True, stable=True)
        places = mean.var(1, correction=0).argsort(dim=-1, descending=True, stable=True)
        std = std * torch.empty_like(share).scatter_(-1, places, share.gather(-1, order)).sqrt()
    return DiagonalGaussian(mean, std[:, None].expand_as(mean).contiguous())
