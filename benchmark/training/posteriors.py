"""Inputs, posteriors and the face of a model; every tensor has a leading replica axis r."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.training.sphere import bessel, cosines, divergence_from_uniform, log_normaliser, on_sphere


@dataclass(frozen=True, slots=True)
class PointMass:
    """Deterministic latents: a posterior without spread."""

    mean: Tensor  # [r, n, d]


@dataclass(frozen=True, slots=True)
class DiagonalGaussian:
    """Independent normal posteriors, one per row and latent dimension of every replica."""

    mean: Tensor  # [r, n, d]
    std: Tensor  # [r, n, d], not negative; exactly 0 is a point


@dataclass(frozen=True, slots=True)
class VonMisesFisher:
    """Posteriors on the unit sphere, one per row of every replica: density ∝ exp(κ μ·z). Davidson et al. (2018)."""

    direction: Tensor  # μ [r, n, d], of length 1
    concentration: Tensor  # κ [r, n, 1], not negative

    @property
    def mean(self) -> Tensor:
        """E[z] = A(κ) μ, within the sphere; [r, n, d]."""
        length, _ = bessel(self.concentration, self.direction.shape[-1])
        return length.to(self.direction.dtype) * self.direction


Posterior = PointMass | DiagonalGaussian | VonMisesFisher


def standard_normal(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal noise in the shape of ``like`` [r, n, d]; replica i draws from generator i alone."""
    return torch.stack(
        [torch.randn(like.shape[1:], generator=g, device=like.device, dtype=like.dtype) for g in generators]
    )


def sample(q: Posterior, generators: Sequence[torch.Generator]) -> Tensor:
    """One reparameterised draw, [r, n, d]; a point is its own draw."""
    return q.mean if isinstance(q, PointMass) else draw(q, generators)[0]


def draw(q: DiagonalGaussian | VonMisesFisher, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """One reparameterised draw [r, n, d], and what ``sampled_divergence`` wants of it.

    That is the standard normal noise of a Gaussian, and of a von Mises–Fisher posterior μ·z [r, n, 1].
    """
    if isinstance(q, VonMisesFisher):
        cosine = cosines(q.concentration, q.direction.shape[-1], generators)
        return on_sphere(q.direction, cosine, standard_normal(q.direction, generators)), cosine
    noise = standard_normal(q.mean, generators)
    return torch.addcmul(q.mean, q.std, noise), noise


def spread(q: Posterior) -> Tensor:
    """The mean over rows and dimensions of σ, 0 for a point; on a sphere σ² is the variance around the mean, over d."""
    if isinstance(q, PointMass):
        return torch.zeros_like(q.mean[:, 0, 0])
    if isinstance(q, DiagonalGaussian):
        return q.std.detach().mean((1, 2))
    d = q.direction.shape[-1]
    length, _ = bessel(q.concentration.detach(), d)
    return ((1.0 - length.square()).clamp(min=0.0) / d).sqrt().mean((1, 2)).to(q.direction.dtype)


def divergence(q: DiagonalGaussian | VonMisesFisher, *, floor: float = 0.0) -> Tensor:
    """KL from the prior, N(0, I) or uniform on the sphere, in nats; [r, n]. Kingma and Welling (2014), appendix B.

    Infinite where σ is exactly 0, unless the variance in the logarithm is given a ``floor`` that is added to it.
    """
    if isinstance(q, VonMisesFisher):
        return divergence_from_uniform(q.concentration, q.direction.shape[-1]).squeeze(-1)
    return 0.5 * (q.mean.square() + q.std.square() - _log_variance(q, floor) - 1.0).sum(-1)


def sampled_divergence(q: DiagonalGaussian | VonMisesFisher, noise: Tensor, *, floor: float = 0.0) -> Tensor:
    """log q(z|x) − log p(z) at a draw, in nats; [r, n]. ``noise`` is what ``draw`` gave beside it.

    Its expectation is ``divergence``. The regularising part of SGVB's estimator A, Kingma and Welling (2014), eq. 6.
    """
    if isinstance(q, VonMisesFisher):
        normaliser = log_normaliser(q.concentration, q.direction.shape[-1]).to(noise.dtype)
        return (q.concentration * noise - normaliser).squeeze(-1)
    z = torch.addcmul(q.mean, q.std, noise)
    return 0.5 * (z.square() - noise.square() - _log_variance(q, floor)).sum(-1)


def _log_variance(q: DiagonalGaussian, floor: float) -> Tensor:
    return (q.std.square() + floor).log() if floor else 2.0 * q.std.log()


def with_noise_of(point: PointMass, noisy: DiagonalGaussian) -> DiagonalGaussian:
    """The point with isotropic noise of the other's signal-to-noise ratio ΣVar(μ_j)/ΣE[σ_j²], in each replica.

    The variance over rows of the point's dimensions, summed, over d·σ² is that ratio. Where the other's means do not
    vary at all the noise drowns the point: σ is then a million times its spread.
    """
    signal, mean = noisy.mean.var(1, correction=0).sum(-1), point.mean
    ratio = signal / noisy.std.square().mean(1).sum(-1)
    ratio = torch.where(ratio.isnan(), torch.zeros_like(ratio), ratio).clamp(min=1e-12)  # neither signal nor noise
    std = (mean.var(1, correction=0).sum(-1) / (mean.shape[-1] * ratio)).sqrt()
    return DiagonalGaussian(mean, std[:, None, None].expand_as(mean).contiguous())
