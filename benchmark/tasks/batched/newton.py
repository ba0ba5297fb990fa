"""Logistic regression for many latents at once: scikit-learn's objective, solved to a small gradient.

The objective is the sum of log losses plus half the squared weights (C = 1). Intercepts are not penalised. Two classes
have one vector of weights, more classes have one each and a softmax, as in scikit-learn's LogisticRegression.
scikit-learn stops at a gradient of 1e-4 a row, here it is 1e-9. So the two can differ in rows near a boundary.

This file has never run on a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from benchmark.tasks.batched.columns import mean_and_scale

_GRADIENT = 1e-9  # largest entry of the gradient, a row
_STEPS, _PRODUCTS, _HALVINGS = 100, 20, 30
_PRECISION = 0.1  # of a step's linear system
_ENOUGH = 1e-4  # of the decrease that the slope promises, Armijo (1966)


@dataclass(frozen=True, slots=True, eq=False)
class Classifiers:
    """Fitted classifiers, one for each latent. All parts are in double precision.

    Attributes:
        mean: Mean of each column of the training rows, [b, 1, d].
        scale: Standard deviation of each column of the training rows, [b, 1, d].
        weights: Weights and, last, intercepts, [b, c, d + 1]; c is 1 for two classes and k for more.
    """

    mean: Tensor
    scale: Tensor
    weights: Tensor

    @torch.no_grad()
    def decision(self, x: Tensor) -> Tensor:
        """Scores of rows [b, n, d] for each class, or for the second of two classes; [b, n, c]."""
        return ((x - self.mean) / self.scale) @ self.weights[..., :-1].mT + self.weights[:, None, :, -1]

    def predicted(self, x: Tensor) -> Tensor:
        """The class of each row of [b, n, d], as int64 [b, n]. Of equal classes the first counts."""
        scores = self.decision(x)
        return (scores[..., 0] > 0).long() if scores.shape[-1] == 1 else scores.argmax(dim=-1)


def fit_classifiers(x: Tensor, y: Tensor, k: int) -> Classifiers:
    """Fit a classifier to the standardised training rows of each latent.

    Args:
        x: Training rows, [b, n, d].
        y: Class numbers from 0 to k − 1, int64 [b, n].
        k: Number of classes, 2 or more.
    """
    mean, scale = mean_and_scale(x)
    return Classifiers(mean, scale, minimise((x - mean) / scale, y, k))


def bytes_of_fit(n: int, d: int, k: int) -> int:
    """The bytes that the fit of one latent with n training rows needs at once, roughly."""
    return n * (32 * (d + 1) + 64 * k) + 16 * k * (d + 1) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Training rows in double and single precision, and the state of the weights."""

    x: Tensor  # [b, n, d + 1], with a column of ones
    single: Tensor  # x in single precision
    truth: Tensor  # 1 at each row's class, [b, n, c]
    weights: Tensor  # [b, c, d + 1]
    value: Tensor  # the objective, [b]
    chances: Tensor  # the chance of each class, [b, n, c]

    def at(self, weights: Tensor) -> _Problem:
        """The same rows with other weights."""
        scores = self.x @ weights.mT
        if scores.shape[-1] == 1:
            losses = (torch.nn.functional.softplus(scores) - self.truth * scores).sum(dim=(1, 2))
            chances = scores.sigmoid()
        else:
            total = scores.logsumexp(dim=-1, keepdim=True)
            losses = total.sum(dim=(1, 2)) - (self.truth * scores).sum(dim=(1, 2))
            chances = (scores - total).exp_()
        value = losses + weights[..., :-1].square().sum(dim=(1, 2)) / 2
        return replace(self, weights=weights, value=value, chances=chances)

    def only(self, kept: Tensor) -> _Problem:
        """A part of the latents."""
        return _Problem(*(part[kept] for part in self._parts()))

    def better(self, other: _Problem, chosen: Tensor) -> _Problem:
        """``other`` for the chosen latents, [b], and this one for the rest."""
        mixed = (
            torch.where(chosen.view(-1, *[1] * (mine.dim() - 1)), its, mine)
            for mine, its in ((self.weights, other.weights), (self.value, other.value), (self.chances, other.chances))
        )
        return _Problem(self.x, self.single, self.truth, *mixed)

    def _parts(self) -> tuple[Tensor, ...]:
        return self.x, self.single, self.truth, self.weights, self.value, self.chances

    def gradient(self) -> Tensor:
        """Gradient of the objective, [b, c, d + 1]."""
        gradient = (self.chances - self.truth).mT @ self.x
        gradient[..., :-1] += self.weights[..., :-1]
        return gradient


@torch.no_grad()
def minimise(x: Tensor, y: Tensor, k: int) -> Tensor:
    """Minimise the objective by Newton's method with a line search.

    Conjugate gradients solve each step's linear system to a tenth, with the diagonal blocks of the Hessian as
    preconditioner. The Hessian is in single precision, and the gradient and the objective are in double precision.
    Latents that are done leave the batch. Source: Nocedal and Wright (2006), algorithm 7.1.

    Args:
        x: Standardised rows in double precision, [b, n, d].
        y: Class numbers from 0 to k − 1, int64 [b, n].
        k: Number of classes, 2 or more.

    Returns:
        Weights and, last, intercepts, [b, c, d + 1].
    """
    b, n, d = x.shape
    truth = y[..., None].to(x.dtype) if k == 2 else torch.nn.functional.one_hot(y, k).to(x.dtype)
    wide = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
    found = x.new_zeros(b, truth.shape[-1], d + 1)
    now = _Problem(wide, wide.float(), truth, found, x.new_zeros(b), truth).at(found)
    found = found.clone()
    latent = torch.arange(b, device=x.device)
    for _ in range(_STEPS):
        gradient = now.gradient()
        going = gradient.abs().amax(dim=(1, 2)) > _GRADIENT * n
        found[latent] = now.weights
        if not bool(going.all()):
            latent, now, gradient = latent[going], now.only(going), gradient[going]
            if len(latent) == 0:
                break
        now = _searched(now, gradient, _step(now, gradient))
    return found


def _searched(now: _Problem, gradient: Tensor, step: Tensor) -> _Problem:
    """Go along a step [b, c, d + 1], halved until the objective falls enough."""
    slope, length = (step * gradient).sum(dim=(1, 2)), torch.ones_like(now.value)
    best = now
    waiting = torch.ones_like(now.value, dtype=torch.bool)
    for _ in range(_HALVINGS):
        tried = now.at(now.weights - length[:, None, None] * step)
        rounding = 1e-13 * now.value.abs()
        good = waiting & (tried.value <= now.value - _ENOUGH * length * slope + rounding)
        best, waiting = best.better(tried, good), waiting & ~good
        if not bool(waiting.any()):
            break
        length = torch.where(waiting, length / 2, length)
    return best


def _step(now: _Problem, gradient: Tensor) -> Tensor:
    """Solve H·step = gradient for the Hessian H, roughly; [b, c, d + 1]."""
    x, chances = now.single, now.chances.float()
    each = chances * (1 - chances)
    factor = _preconditioner(x, each)

    def times_hessian(direction: Tensor) -> Tensor:
        change = x @ direction.mT
        if change.shape[-1] == 1:
            change *= each
        else:
            change = chances * (change - (chances * change).sum(dim=-1, keepdim=True))
        product = change.mT @ x
        product[..., :-1] += direction[..., :-1]
        return product

    def preconditioned(residual: Tensor) -> Tensor:
        return torch.cholesky_solve(residual[..., None], factor).squeeze(-1)

    scale = gradient.abs().amax(dim=(1, 2), keepdim=True)  # a gradient near the optimum is small for float32
    residual = (gradient / scale).float()
    direction = solved = preconditioned(residual)
    step = torch.zeros_like(residual)
    left = start = (residual * solved).sum(dim=(1, 2))
    rough = torch.ones_like(left, dtype=torch.bool)  # a latent that is solved waits for the others
    for _ in range(_PRODUCTS):
        product = times_hessian(direction)
        length = left / (direction * product).sum(dim=(1, 2)).clamp(min=1e-30)
        step += torch.where(rough, length, 0.0)[:, None, None] * direction
        residual = residual - length[:, None, None] * product
        solved = preconditioned(residual)
        before, left = left, (residual * solved).sum(dim=(1, 2))
        rough &= left > _PRECISION**2 * start
        if not bool(rough.any()):
            break
        direction = solved + (left / before.clamp(min=1e-30))[:, None, None] * direction
    return step.double() * scale


def _preconditioner(x: Tensor, each: Tensor) -> Tensor:
    """Cholesky factors of the Hessian's block of each class, [b, c, d + 1, d + 1].

    Args:
        x: Rows with a column of ones, [b, n, d + 1].
        each: p·(1 − p) of each class, [b, n, c].
    """
    blocks = torch.stack([x.mT @ (x * weight[..., None]) for weight in each.unbind(dim=-1)], dim=1)
    diagonal = blocks.diagonal(dim1=-2, dim2=-1)
    diagonal[..., :-1] += 1.0
    diagonal *= 1 + 1e-5  # rounding could take the smallest eigenvalue below zero
    diagonal += 1e-6
    factors: Tensor = torch.linalg.cholesky(blocks)
    return factors
