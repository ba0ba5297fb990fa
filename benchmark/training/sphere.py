"""von Mises–Fisher posteriors on the unit sphere: samples, divergence, and the Bessel functions that both need.

The density of z is proportional to exp(κ μ·z), ‖z‖ = ‖μ‖ = 1. Davidson et al. (2018), arXiv 1804.00891.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_ORDER = 64.0  # from which the uniform expansion of a Bessel function is exact to 1e-11 with four terms
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_REACH = 12.0  # of an integral's tail, in scales of the density
_LARGE = 1e3  # concentration over d from which the variance of μ·z is that of its expansion, to 1e-6
_POINT = 1e12  # concentration from which a draw is the mean direction
_SHORT = 1e-12


def bessel(concentration: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """A(κ) = I_{d/2}(κ)/I_{d/2−1}(κ), the length of the mean of z in d dimensions, and A(κ)/κ; float64, as κ ≥ 0.

    The ratio of orders beyond 64 is that of their uniform expansions (Debye's, Abramowitz and Stegun 9.7.7), and those
    below follow by the backward recurrence, which is stable, in s = 2A/κ, so that κ = 0 is no exception.
    """
    return _ratio_and_normaliser(concentration, d)[:2]


def log_normaliser(concentration: Tensor, d: int) -> Tensor:
    """ln of the mean of exp(κ μ·z) over the uniform sphere, ln Γ(d/2) I_{d/2−1}(κ) (2/κ)^{d/2−1}; 0 at κ = 0."""
    return _ratio_and_normaliser(concentration, d)[2]


def _ratio_and_normaliser(concentration: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
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
    """ln I_order(κ) − order·ln(κ/2), by the uniform expansion for large orders."""
    root = (kappa.square() + order**2).sqrt()
    power = order * (2.0 / (order + root)).log()
    return root + power - 0.5 * (2 * math.pi * root).log() + _series(order, root).log()


def _ratio(kappa: Tensor, order: float) -> Tensor:
    """s = (2/κ)·I_{order+1}(κ)/I_order(κ): what ``_log_bessel`` of both differ by, without the difference of two logs.

    Those are as large as κ, of which the difference would keep but 16 digits less those of κ.
    """
    root, next_root = ((kappa.square() + each**2).sqrt() for each in (order, order + 1))
    step = (2 * order + 1) / (root + next_root)
    powers = (2.0 / (order + 1 + next_root)).log() + order * (-(1 + step) / (order + 1 + next_root)).log1p()
    series = _series(order + 1, next_root).log() - _series(order, root).log()
    return (step + powers - 0.5 * (step / root).log1p() + series).exp()


def _series(order: float, root: Tensor) -> Tensor:
    """1 + Σ u_k(p)/order^k, p = order/√(order² + κ²)."""
    p = order / root
    terms = (
        (3 * p - 5 * p**3) / 24,
        (81 * p**2 - 462 * p**4 + 385 * p**6) / 1152,
        (30375 * p**3 - 369603 * p**5 + 765765 * p**7 - 425425 * p**9) / 414720,
        (4465125 * p**4 - 94121676 * p**6 + 349922430 * p**8 - 446185740 * p**10 + 185910725 * p**12) / 39813120,
    )
    return 1.0 + torch.stack([term / order**power for power, term in enumerate(terms, 1)]).sum(0)


def divergence_from_uniform(concentration: Tensor, d: int) -> Tensor:
    """KL(vMF(μ, κ) ‖ uniform sphere) = κ A(κ) − ``log_normaliser``, in nats, in the shape of κ. Slope κ A′(κ)."""
    result: Tensor = _Divergence.apply(concentration, d)  # type: ignore[no-untyped-call]
    return result


class _Divergence(torch.autograd.Function):
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
    """A′(κ) = 1 − A² − (d − 1)A/κ, the variance of μ·z; by the expansion in 1/κ where the terms all but cancel."""
    exact = 1.0 - length.square() - (d - 1) * per_kappa
    inverse = 1.0 / kappa.clamp(min=1.0)
    expanded = (d - 1) * inverse.square() * (0.5 - 0.25 * (d - 3) * inverse)
    return torch.where(kappa > _LARGE * d, expanded, exact)


def unit(x: Tensor) -> Tensor:
    """Rows of x [r, n, d] at length 1; all coordinates equal, and without a gradient, where a row is 0."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.where(length > _SHORT, x / length.clamp(min=_SHORT), torch.full_like(x, x.shape[-1] ** -0.5))


def cosines(concentration: Tensor, d: int, generators: Sequence[torch.Generator]) -> Tensor:
    """μ·z of one draw a row, in the shape of κ [r, n, 1]: Wood's (1994) rejection, with the gradient of the exact law.

    What is accepted depends on κ, so the proposal's own derivative would leave a part of the gradient out. Its
    derivative here is −(∂F/∂κ)/f of the distribution F and density f that it has, Figurnov et al. (2018), eq. 5.
    """
    kappas = concentration.detach().double()  # in which 1 − w of a large κ is not rounded away
    drawn = torch.stack([_wood(kappa, d, g) for kappa, g in zip(kappas, generators, strict=True)])
    result: Tensor = _Cosine.apply(concentration, drawn.to(concentration.dtype), d)  # type: ignore[no-untyped-call]
    return result


def _wood(kappa: Tensor, d: int, generator: torch.Generator) -> Tensor:
    """Wood (1994), as Davidson et al. (2018), algorithm 1: proposals for all rows until each has one; [n, 1].

    1 beyond a concentration of 1e12, and NaN where it is NaN: of a diverged training, which must end. The first
    coordinate t of a random direction makes the proposal, for (1 + t)/2 is Beta((d − 1)/2, (d − 1)/2).
    """
    b = (d - 1) / (2 * kappa + (4 * kappa.square() + (d - 1) ** 2).sqrt())
    x = (1 - b) / (1 + b)
    log_constant = kappa * x + (d - 1) * (4 * b / (1 + b).square()).log()  # 1 − x²
    found, missing = torch.where(kappa.isnan(), kappa, torch.ones_like(kappa)), kappa < _POINT
    while bool(missing.any()):
        normal = torch.randn(len(kappa), d, generator=generator, dtype=kappa.dtype, device=kappa.device)
        beta = 0.5 * (1 + normal[:, :1] / normal.norm(dim=1, keepdim=True))
        uniform = torch.rand(kappa.shape, generator=generator, dtype=kappa.dtype, device=kappa.device)
        w = (1 - (1 + b) * beta) / (1 - (1 - b) * beta)
        good = kappa * w + (d - 1) * (1 - x * w).log() - log_constant >= uniform.log()
        found = torch.where(missing & good, w, found)
        missing = missing & ~good
    return found


class _Cosine(torch.autograd.Function):
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
    """dw/dκ at a fixed probability F(w; κ), in float64 and the shape of both; 0 at the ends.

    −∫(cos θ − A) sin^{d−2}θ e^{κ cos θ} dθ over the tail beyond w, by Gauss and Legendre's quadrature in the angle θ,
    over the density at w. The tail is that on the far side of the mode, within which the density only falls.
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
        log: Tensor = kappa * at.cos() + power * at.sin().clamp(min=1e-300).log()
        return log

    relative = (log_density(theta, kappa[..., None]) - log_density(angle, kappa)[..., None]).exp()
    length = bessel(kappa, d)[0]
    integral = (relative * (theta.cos() - length[..., None]) * weights).sum(-1) * half
    slope = -angle.sin() * integral  # of either tail, since the whole integral is 0 and each runs away from the angle
    return torch.where(angle.sin() > 1e-12, slope, torch.zeros_like(slope))


def on_sphere(direction: Tensor, cosine: Tensor, noise: Tensor) -> Tensor:
    """z with μ·z = ``cosine`` [r, n, 1] and the rest of it around μ = ``direction`` [r, n, d]; of length 1.

    It is uniform around μ where ``noise`` [r, n, d] is standard normal.
    """
    aside = noise
    for _ in range(2):  # once leaves little but rounding where the noise lies along μ
        aside = aside - (aside * direction).sum(-1, keepdim=True) * direction
        aside = aside / torch.linalg.vector_norm(aside, dim=-1, keepdim=True).clamp(min=_SHORT)
    z: Tensor = cosine * direction + (1.0 - cosine.square()).clamp(min=1e-12).sqrt() * aside
    return z
