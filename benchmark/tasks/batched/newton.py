"""Logistic regression for many latents at once: scikit-learn's objective, solved to a small gradient.

The objective is the sum of log losses plus half the squared weights (C = 1). Intercepts are not penalised. Two classes
have one vector of weights, more classes have one each and a softmax, as in scikit-learn's LogisticRegression.
scikit-learn stops at a gradient of 1e-4 a row, here it is 1e-9. So the two can differ in rows near a boundary.

Each Newton step solves a linear system with the Hessian, [c · (d + 1)]². A small Hessian is built and factored, which
takes few launches and fewer steps. A large one is only multiplied, in conjugate gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.tasks.batched.columns import mean_and_scale

_GRADIENT = 1e-9  # largest entry of the gradient, a row
_STEPS, _PRODUCTS, _HALVINGS = 100, 20, 30
_PRECISION = 0.1  # of a step's linear system, by conjugate gradients
_SINGLE = 1 << 14  # sums over more rows can err by more than the penalty in single precision
_PRODUCTS_A_LOOK = {"cpu": 1, "cuda": 4}  # at each look the host waits for a GPU
_SAFETY = {torch.float32: 1e-5, torch.float64: 1e-12}  # of the diagonal of a Hessian, against rounding
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
    rows = (x - mean) / scale
    if x.shape[2] <= x.shape[1]:
        return Classifiers(mean, scale, minimise(rows, y, k))
    coordinates, directions = _in_row_space(rows)
    found = minimise(coordinates, y, k)
    return Classifiers(mean, scale, torch.cat([found[..., :-1] @ directions, found[..., -1:]], dim=-1))


def _in_row_space(x: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of rows in an orthonormal basis of their span, [b, n, n], and the basis, [b, n, d].

    The optimal weights are sums of rows, because other directions cost without a gain. So wide rows need no more
    weights than there are rows. The basis comes from x·xᵀ = L·Lᵀ, whose diagonal is raised by 1e-10 of its mean, since
    centred rows depend on each other.

    Args:
        x: Rows in double precision, [b, n, d] with d above n.
    """
    gram = x @ x.mT
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    diagonal += 1e-10 * diagonal.mean(dim=-1, keepdim=True) + torch.finfo(x.dtype).tiny
    coordinates: Tensor = torch.linalg.cholesky(gram)
    return coordinates, torch.linalg.solve_triangular(coordinates, x, upper=False)


def _is_factored(n: int, size: int, device: str) -> bool:
    """Whether a Hessian with ``size`` rows is factored. Otherwise conjugate gradients multiply it some 12 times a step.

    Building it from n training rows takes 2 · n · size² operations, and the factor takes size³ / 3.

    On a CPU operations count. On one core the fit took 0.27 to 0.9 of the time of products within these limits. It took
    1.1 to 4 times as long with 255 to 650 rows, and with few training rows beside many rows.

    A GPU waits for launches. A step by products took 11 ms on an H100. With 1,500 training rows and 512 rows, 100
    latents take 80 · 10⁹ operations, which is less time. Beyond 512 rows each latent needs more than 8 MiB, and the
    batched triangular solver of CUDA gets slow.
    """
    return size <= 512 if device == "cuda" else size <= 192 and size**2 <= 64 * n and n <= _SINGLE


def bytes_of_fit(n: int, d: int, k: int, device: str) -> int:
    """The bytes that the fit of one latent with n training rows needs at once on a device, roughly."""
    wide = 16 * n * d + 24 * n * n if d > n else 0
    d = min(n, d)
    rows, size = wide + n * (32 * (d + 1) + 64 * k), (d + 1) * (1 if k == 2 else k)
    if _is_factored(n, size, device):
        return rows + n * size * (4 if n <= _SINGLE else 8) + 32 * size**2
    return rows + 16 * (d + 1) * size


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Training rows, and the state of the weights. All parts but ``rows`` are in double precision."""

    x: Tensor  # [b, n, d + 1], with a column of ones
    rows: Tensor  # x in the precision of the Hessian
    truth: Tensor  # 1 at each row's class, [b, n, c]
    weights: Tensor  # [b, c, d + 1]
    value: Tensor  # the objective, [b]
    gradient: Tensor  # of the objective, [b, c, d + 1]
    chances: Tensor  # the chance of each class, [b, n, c]

    def at(self, weights: Tensor) -> _Problem:
        """The same rows with other weights."""
        scores = self.x @ weights.mT
        if scores.shape[-1] == 1:
            losses = (torch.nn.functional.softplus(scores) - self.truth * scores).sum(dim=(1, 2))
            chances = scores.sigmoid_()
        else:
            logs = scores.log_softmax(dim=-1)
            losses = -(self.truth * logs).sum(dim=(1, 2))
            chances = logs.exp_()
        value = losses + weights[..., :-1].square().sum(dim=(1, 2)) / 2
        gradient = (chances - self.truth).mT @ self.x
        gradient[..., :-1] += weights[..., :-1]
        return _Problem(self.x, self.rows, self.truth, weights, value, gradient, chances)

    def going(self) -> Tensor:
        """Whether the gradient of each latent is too large to stop, [b]."""
        return self.gradient.abs().amax(dim=(1, 2)) > _GRADIENT * self.x.shape[1]

    def only(self, kept: Tensor) -> _Problem:
        """The latents with the numbers ``kept``."""
        return _Problem(*(part[kept] for part in (self.x, self.rows, self.truth, *self._state())))

    def better(self, other: _Problem, chosen: Tensor) -> _Problem:
        """``other`` for the chosen latents, [b], and this one for the rest."""
        mixed = (
            torch.where(chosen.view(-1, *[1] * (mine.dim() - 1)), its, mine)
            for mine, its in zip(self._state(), other._state(), strict=True)
        )
        return _Problem(self.x, self.rows, self.truth, *mixed)

    def _state(self) -> tuple[Tensor, ...]:
        return self.weights, self.value, self.gradient, self.chances


@torch.no_grad()
def minimise(x: Tensor, y: Tensor, k: int) -> Tensor:
    """Minimise the objective by Newton's method with a line search.

    A small Hessian is factored. For a large one, conjugate gradients solve each step's linear system to a tenth, with
    the diagonal blocks of the Hessian as preconditioner. The Hessian is in single precision if there are at most 16,384
    rows. The gradient and the objective are in double precision. Latents that are done leave the batch. The host waits
    for a GPU once a step, unless the Hessian is large or a full step too long.

    Source: Nocedal and Wright (2006), algorithms 3.2 and 7.1.

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
    c = truth.shape[-1]
    step_of = _solved if _is_factored(n, c * (d + 1), x.device.type) else _solved_roughly
    rows = wide if step_of is _solved and n > _SINGLE else wide.float()
    start = x.new_zeros(b, c, d + 1)
    now = _Problem(wide, rows, truth, start, start, start, truth).at(start)
    found, latent = start.clone(), torch.arange(b, device=x.device)
    going: list[bool] = now.going().tolist()
    for _ in range(_STEPS):
        if not all(going):
            found[latent] = now.weights
            if not any(going):
                return found
            kept = torch.tensor([i for i, goes in enumerate(going) if goes], dtype=torch.int64, device=x.device)
            latent, now = latent[kept], now.only(kept)
        now, going = _searched(now, step_of(now))
    found[latent] = now.weights
    return found


def _searched(now: _Problem, step: Tensor) -> tuple[_Problem, list[bool]]:
    """Go along a step [b, c, d + 1], halved until the objective falls enough. Also say which latents are not done.

    The host waits for a GPU once for each tried length.
    """
    slope, rounding = (step * now.gradient).sum(dim=(1, 2)), 1e-13 * now.value.abs()
    best, length, going = now, 1.0, list[bool]()
    waiting = torch.ones_like(now.value, dtype=torch.bool)
    for _ in range(_HALVINGS):
        tried = now.at(now.weights - length * step)
        good = waiting & (tried.value <= now.value - _ENOUGH * length * slope + rounding)
        best, waiting = best.better(tried, good), waiting & ~good
        left, going = torch.stack([waiting, best.going()]).tolist()
        if not any(left):
            break
        length /= 2
    return best, going


def _solved(now: _Problem) -> Tensor:
    """Solve H·step = gradient by a Cholesky factor of the Hessian H; [b, c, d + 1]."""
    factor, _ = torch.linalg.cholesky_ex(_hessian(now.rows, now.chances.to(now.rows.dtype)))
    right = now.gradient.flatten(1)[..., None]
    for triangle, upper in ((factor, False), (factor.mT, True)):
        right = torch.linalg.solve_triangular(triangle, right, upper=upper)
    return right.view_as(now.gradient)


def _hessian(x: Tensor, chances: Tensor) -> Tensor:
    """The Hessian in double precision, a little larger on its diagonal, [b, c · (d + 1), c · (d + 1)].

    The block of classes i and j is −Σ pᵢ·pⱼ·x·xᵀ. A diagonal block is minus the sum of the others in its row,
    because pᵢ·(1 − pᵢ) = Σ pᵢ·pⱼ. A common shift of all intercepts changes no chance, so the Hessian is raised in this
    direction, in which no gradient points.

    Args:
        x: Rows with a column of ones, [b, n, d + 1].
        chances: The chance of each class, [b, n, c].
    """
    (b, n, c), wide = chances.shape, x.shape[-1]
    if c == 1:
        hessian = ((chances * (1 - chances) * x).mT @ x).double()
    else:
        weighted = (chances[..., None] * x[..., None, :]).view(b, n, c * wide)
        blocks = (weighted.mT @ weighted).view(b, c, wide, c, wide)
        diagonal_blocks = blocks.diagonal(dim1=1, dim2=3)  # [b, d + 1, d + 1, c]
        diagonal_blocks.zero_()
        others = blocks.sum(dim=3)
        blocks.neg_()
        diagonal_blocks.copy_(others.permute(0, 2, 3, 1))
        blocks[:, :, -1, :, -1] += 1.0
        hessian = blocks.view(b, c * wide, c * wide).double()
    _raise(hessian.diagonal(dim1=1, dim2=2).view(b, c, wide), _SAFETY[x.dtype])
    return hessian


def _raise(diagonal: Tensor, safety: float) -> None:
    """Add the penalty to the diagonal of a Hessian, [·, c, d + 1], and a little for rounding, to keep it positive."""
    diagonal[..., :-1] += 1.0
    diagonal *= 1 + safety
    diagonal += 1e-6


def _solved_roughly(now: _Problem) -> Tensor:
    """Solve H·step = gradient for the Hessian H by conjugate gradients, to a tenth; [b, c, d + 1]."""
    x, chances, gradient = now.rows, now.chances.float(), now.gradient
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
    for product_number in range(_PRODUCTS):
        product = times_hessian(direction)
        length = left / (direction * product).sum(dim=(1, 2)).clamp(min=1e-30)
        step += torch.where(rough, length, 0.0)[:, None, None] * direction
        residual = residual - length[:, None, None] * product
        solved = preconditioned(residual)
        before, left = left, (residual * solved).sum(dim=(1, 2))
        rough &= left > _PRECISION**2 * start
        if product_number % _PRODUCTS_A_LOOK[x.device.type] == 0 and not bool(rough.any()):
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
    _raise(blocks.diagonal(dim1=-2, dim2=-1), _SAFETY[x.dtype])
    factors: Tensor = torch.linalg.cholesky(blocks)
    return factors
