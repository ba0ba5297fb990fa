"""The von Mises–Fisher distribution on the unit sphere: draws, divergence and Bessel functions, with gradients.

The density at z is proportional to exp(κ μ·z), with ‖z‖ = ‖μ‖ = 1. μ is the mean direction. κ ≥ 0 is the
concentration; κ = 0 is the uniform distribution. Davidson et al. (2018), arXiv 1804.00891.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from benchmark.training.random_streams import RandomStreams

_ORDER = 64.0  # from this order on, four terms of the uniform expansion are exact to 1e-11
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_REACH = 12.0  # length of an integrated tail, in widths 1/√(κ + d − 1) of the density
_LARGE = 1e3  # above this κ/d, the expansion of the variance of μ·z is exact to 1e-6
_POINT = 1e12  # from this concentration on, a draw is the mean direction
_SHORT = 1e-12  # a vector shorter than this counts as 0


def bessel(concentration: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Compute the mean of the cosine μ·z, A(κ) = I_{d/2}(κ)/I_{d/2−1}(κ). It is also the length of E[z].

    Orders of 64 and more use Debye's uniform expansion (Abramowitz and Stegun, 9.7.7). Smaller orders follow by the
    backward recurrence, which is stable. The recurrence runs in s = 2A/κ, because s is finite at κ = 0.

    Args:
        concentration: κ ≥ 0, any shape.
        d: Coordinates of z, at least 2.

    Returns:
        A(κ) and A(κ)/κ in float64, both in the shape of κ. At κ = 0 they are 0 and 1/d.

    >>> length, per_kappa = bessel(torch.tensor([0.0, 2.0]), 3)
    >>> [round(each, 4) for each in length.tolist()], [round(each, 4) for each in per_kappa.tolist()]
    ([0.0, 0.5373], [0.3333, 0.2687])
    """
    return _ratio_and_normaliser(concentration, d)[:2]


def log_normaliser(concentration: Tensor, d: int) -> Tensor:
    """Compute the log of the mean of exp(κ μ·z) over the uniform sphere, ln[Γ(d/2) I_{d/2−1}(κ) (2/κ)^{d/2−1}].

    Relative to the uniform distribution, the log density at z is κ μ·z − ``log_normaliser(κ, d)``.

    Args:
        concentration: κ ≥ 0, any shape.
        d: Coordinates of z, at least 2.

    Returns:
        Nats in float64, in the shape of κ; 0 at κ = 0.

    >>> round(log_normaliser(torch.tensor([2.0]), 3).item(), 4)
    0.5952
    """
    return _ratio_and_normaliser(concentration, d)[2]


def _ratio_and_normaliser(concentration: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
    """A(κ), A(κ)/κ and ``log_normaliser``, which share the same recurrence."""
    kappa = concentration.double()
    order = d / 2 - 1
    steps = max(0, math.ceil(_ORDER - order))
    top = order + steps
    ratio = _ratio(kappa, top)
    product = torch.zeros_like(kappa)
    for step in range(steps):
        ratio = 2.0 / (2.0 * (top - step) + 0.5 * kappa.square() * ratio)
        product = product + ratio.log()
    return 0.5 * kappa * ratio, 0.5 * ratio, _log_bessel(kappa, top) - product + math.lgamma(order + 1)


def _log_bessel(kappa: Tensor, order: float) -> Tensor:
    """ln I_order(κ) − order·ln(κ/2), by the uniform expansion for large orders. It is finite at κ = 0."""
    root = (kappa.square() + order**2).sqrt()
    power = order * (2.0 / (order + root)).log()
    return root + power - 0.5 * (2 * math.pi * root).log() + _series(order, root).log()


def _ratio(kappa: Tensor, order: float) -> Tensor:
    """s = (2/κ)·I_{order+1}(κ)/I_order(κ), by the uniform expansion for large orders.

    Each term of the two expansions is subtracted by itself. The difference of two ``_log_bessel`` would lose digits,
    because each of them is as large as κ.
    """
    root, next_root = ((kappa.square() + each**2).sqrt() for each in (order, order + 1))
    step = (2 * order + 1) / (root + next_root)
    powers = (2.0 / (order + 1 + next_root)).log() + order * (-(1 + step) / (order + 1 + next_root)).log1p()
    series = _series(order + 1, next_root).log() - _series(order, root).log()
    return (step + powers - 0.5 * (step / root).log1p() + series).exp()


def _series(order: float, root: Tensor) -> Tensor:
    """The series of the uniform expansion, 1 + Σ_k u_k(p)/order^k with p = order/√(order² + κ²), for k from 1 to 4."""
    p = order / root
    terms = (
        (3 * p - 5 * p**3) / 24,
        (81 * p**2 - 462 * p**4 + 385 * p**6) / 1152,
        (30375 * p**3 - 369603 * p**5 + 765765 * p**7 - 425425 * p**9) / 414720,
        (4465125 * p**4 - 94121676 * p**6 + 349922430 * p**8 - 446185740 * p**10 + 185910725 * p**12) / 39813120,
    )
    return 1.0 + torch.stack([term / order**power for power, term in enumerate(terms, 1)]).sum(0)


def divergence_from_uniform(concentration: Tensor, d: int) -> Tensor:
    """Compute the KL divergence of the von Mises–Fisher distribution from the uniform one on the sphere.

    The divergence is κ A(κ) − ``log_normaliser(κ, d)``. The gradient is its closed form κ A′(κ).

    Args:
        concentration: κ ≥ 0, any shape.
        d: Coordinates of z, at least 2.

    Returns:
        Nats, in the shape and dtype of κ.

    >>> round(divergence_from_uniform(torch.tensor([10.0]), 3).item(), 3)
    1.996
    """
    result: Tensor = _Divergence.apply(concentration, d)  # type: ignore[no-untyped-call]
    return result


class _Divergence(torch.autograd.Function):
    """``divergence_from_uniform`` with its gradient in closed form."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor, d: int) -> Tensor:
        kappa = concentration.double()
        length, per_kappa, normaliser = _ratio_and_normaliser(kappa, d)
        ctx.save_for_backward(kappa * _slope(kappa, length, per_kappa, d))
        return (kappa * length - normaliser).to(concentration.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return upstream * slope.to(upstream.dtype), None


def _slope(kappa: Tensor, length: Tensor, per_kappa: Tensor, d: int) -> Tensor:
    """A′(κ) = 1 − A² − (d − 1)A/κ, the variance of μ·z.

    For large κ the terms nearly cancel, and an expansion in 1/κ takes their place.
    """
    exact = 1.0 - length.square() - (d - 1) * per_kappa
    inverse = 1.0 / kappa.clamp(min=1.0)
    expanded = (d - 1) * inverse.square() * (0.5 - 0.25 * (d - 3) * inverse)
    return torch.where(kappa > _LARGE * d, expanded, exact)


def unit(x: Tensor) -> Tensor:
    """Scale every row to length 1. A row of zeros becomes d equal coordinates, and its gradient is 0.

    Args:
        x: [r, n, d].

    Returns:
        [r, n, d].

    >>> unit(torch.tensor([[[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]]])).tolist()
    [[[0.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5]]]
    """
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.where(length > _SHORT, x / length.clamp(min=_SHORT), torch.full_like(x, x.shape[-1] ** -0.5))


def cosines(concentration: Tensor, d: int, streams: RandomStreams) -> Tensor:
    """Draw the cosine μ·z of one von Mises–Fisher draw per row.

    Wood's (1994) rejection sampler makes the draws. The gradient in κ is −(∂F/∂κ)/f, with F the distribution function
    of the cosine and f its density: Figurnov et al. (2018), eq. 5. The derivative of the accepted proposal would be
    biased, because acceptance depends on κ too.

    Replicas are drawn one after the other, because each proposes until its own rows have accepted. The host waits for
    the device after every proposal, so these draws cannot be part of a CUDA graph.

    Args:
        concentration: κ ≥ 0, [r, n, 1].
        d: Coordinates of z, at least 2.
        streams: One per replica, on the device of κ.

    Returns:
        Cosines from −1 to 1, [r, n, 1].
    """
    kappas = concentration.detach().double()  # in float32, 1 − w of a large κ would round to 0
    drawn = torch.stack([_wood(kappa, d, streams[replica]) for replica, kappa in enumerate(kappas)])
    result: Tensor = _Cosine.apply(concentration, drawn.to(concentration.dtype), d)  # type: ignore[no-untyped-call]
    return result


def _wood(kappa: Tensor, d: int, own: RandomStreams) -> Tensor:
    """Cosines of one replica, [n, 1], by Wood's sampler as in Davidson et al. (2018), algorithm 1.

    Each round proposes a cosine for every row, until every row has accepted one. A proposal needs a draw from
    Beta((d − 1)/2, (d − 1)/2), the distribution of (1 + t)/2 for the first coordinate t of a random direction.
    The cosine is 1 if κ is 1e12 or more, and NaN if κ is NaN, because sampling must end for a diverged training too.
    """
    b = (d - 1) / (2 * kappa + (4 * kappa.square() + (d - 1) ** 2).sqrt())
    x = (1 - b) / (1 + b)
    log_constant = kappa * x + (d - 1) * (4 * b / (1 + b).square()).log()  # 1 − x²
    found, missing = torch.where(kappa.isnan(), kappa, torch.ones_like(kappa)), kappa < _POINT
    while bool(missing.any()):
        (normal,) = own.normal((len(kappa), d), kappa.dtype)
        beta = 0.5 * (1 + normal[:, :1] / normal.norm(dim=1, keepdim=True))
        (uniform,) = own.uniform(kappa.shape, kappa.dtype)
        w = (1 - (1 + b) * beta) / (1 - (1 - b) * beta)
        good = kappa * w + (d - 1) * (1 - x * w).log() - log_constant >= uniform.log()
        found = torch.where(missing & good, w, found)
        missing = missing & ~good
    return found


class _Cosine(torch.autograd.Function):
    """The drawn cosines, with ``cosine_slope`` as their gradient in κ."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor, drawn: Tensor, d: int) -> Tensor:
        ctx.save_for_backward(concentration, drawn)
        ctx.d = d
        return drawn.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        concentration, drawn = ctx.saved_tensors
        slope = cosine_slope(drawn.double(), concentration.double(), ctx.d)
        return upstream * slope.to(upstream.dtype), None, None


def cosine_slope(w: Tensor, kappa: Tensor, d: int) -> Tensor:
    """Compute dw/dκ of a drawn cosine w, with the probability F(w; κ) held fixed.

    The slope is −∫(cos θ − A) sin^{d−2}θ e^{κ cos θ} dθ over one tail of the angle θ, divided by the density at w. The
    tail starts at w and points away from the mode, so the density only falls along it. The integral is computed by
    Gauss–Legendre quadrature. Figurnov et al. (2018), eq. 5.

    Args:
        w: Cosines from −1 to 1 in float64, any shape.
        kappa: κ ≥ 0 in float64, in the shape of w.
        d: Coordinates of z, at least 2.

    Returns:
        Slopes in float64, in the shape of w; 0 at w = ±1.

    >>> w, kappa = torch.tensor([0.5], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    >>> round(cosine_slope(w, kappa, 3).item(), 6)  # (1 − w²)/(d − 1) at κ = 0
    0.375
    """
    angle = w.clamp(-1.0, 1.0).arccos()
    power = d - 2
    mode = (2 * kappa / (power + (power**2 + 4 * kappa.square()).sqrt()).clamp(min=1e-300)).clamp(max=1.0).arccos()
    far = angle >= mode
    reach = _REACH / (kappa + d - 1).sqrt()
    other = torch.where(far, (angle + reach).clamp(max=math.pi), (angle - reach).clamp(min=0.0))
    nodes, weights = (torch.tensor(each, device=w.device) for each in (_NODES, _WEIGHTS))
    half = 0.5 * (other - angle)
    theta = angle[..., None] + half[..., None] * (nodes + 1.0)

    def log_density(at: Tensor, kappa: Tensor) -> Tensor:
        """Log density of the angle, up to a constant."""
        log: Tensor = kappa * at.cos() + power * at.sin().clamp(min=1e-300).log()
        return log

    relative = (log_density(theta, kappa[..., None]) - log_density(angle, kappa)[..., None]).exp()
    length = bessel(kappa, d)[0]
    integral = (relative * (theta.cos() - length[..., None]) * weights).sum(-1) * half
    slope = -angle.sin() * integral  # the same from either tail, because the integral over all angles is 0
    return torch.where(angle.sin() > 1e-12, slope, torch.zeros_like(slope))


def on_sphere(direction: Tensor, cosine: Tensor, noise: Tensor) -> Tensor:
    """Build points z on the unit sphere from their cosines μ·z and from noise.

    The noise, projected at right angles to μ, says on which side of μ the point lies. If the noise is standard normal,
    z is uniform around μ.

    Args:
        direction: μ of length 1, [r, n, d].
        cosine: μ·z, [r, n, 1].
        noise: [r, n, d].

    Returns:
        z of length 1, [r, n, d].

    >>> mu, noise = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.3, 2.0]]])
    >>> on_sphere(mu, torch.zeros(1, 1, 1), noise).tolist()
    [[[0.0, 1.0]]]
    """
    aside = noise
    for _ in range(2):  # twice, because one projection of noise along μ leaves little but rounding errors
        aside = aside - (aside * direction).sum(-1, keepdim=True) * direction
        aside = aside / torch.linalg.vector_norm(aside, dim=-1, keepdim=True).clamp(min=_SHORT)
    z: Tensor = cosine * direction + (1.0 - cosine.square()).clamp(min=1e-12).sqrt() * aside
    return z
