"""Least squares of logistic curves, for many weightings of the same cells at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.inference import Floats

STEPS, CLOSE = 60, 1e-7
RIDGE = 1e-9  # keeps the equations solvable if a parameter has no cells


class Cells(NamedTuple):
    """Cells of a curve y = 1/(1 + exp(−η)) with η = offset + design · θ.

    Attributes:
        design: [n, p].
        offset: [n].
        y: Measured values, [n].
        cluster: Number of each cell's cluster from 0, [n].
    """

    design: Floats
    offset: Floats
    y: Floats
    cluster: NDArray[np.int64]


def curve(cells: Cells, parameters: Floats) -> Floats:
    """Return the predicted values [b, n] for parameters [b, p]. A NaN parameter affects only the cells that use it."""
    unknown = np.isnan(parameters)
    eta = np.where(unknown, 0.0, parameters) @ cells.design.T + cells.offset
    eta[(unknown.astype(float) @ (cells.design != 0).T.astype(float)) > 0] = np.nan
    return logistic(eta)


def logistic(eta: Floats) -> Floats:
    """Return 1/(1 + exp(−η)).

    >>> float(logistic(np.array(0.0)))
    0.5
    """
    found: Floats = 0.5 * (1.0 + np.tanh(0.5 * np.asarray(eta)))
    return found


def fit(cells: Cells, weights: Floats, starts: Floats) -> Floats:
    """Minimise Σ w (y − curve)² for each weighting by Levenberg and Marquardt's method.

    Args:
        cells: n cells with p parameters.
        weights: Weights of the cells, not negative, [b, n].
        starts: The best end of these starts counts, [s, p].

    Returns:
        Parameters, [b, p]. NaN if no cell with a weight depends on the parameter.

    Source: Marquardt (1963).
    """
    b, (s, p) = len(weights), starts.shape
    if not p:
        return np.empty((b, 0))
    theta, w = np.tile(starts, (b, 1)), np.repeat(weights, s, axis=0)
    squares = (cells.design[:, :, None] * cells.design[:, None, :]).reshape(len(cells.y), p * p)
    damping = np.full(b * s, 1e-2)
    values = logistic(theta @ cells.design.T + cells.offset)
    loss = (w * (cells.y - values) ** 2).sum(axis=1)
    todo = np.arange(b * s)
    for _ in range(STEPS):
        v, here = values[todo], w[todo]
        slope = v * (1 - v)
        a = ((here * slope**2) @ squares).reshape(-1, p, p)
        gradient = (here * slope * (cells.y - v)) @ cells.design
        diagonal = np.einsum("bii->bi", a)
        added = damping[todo, None] * diagonal + RIDGE * (1e-6 + diagonal.max(axis=1, keepdims=True))
        a = a + np.eye(p) * added[:, None]
        step = np.linalg.solve(a, gradient[:, :, None])[:, :, 0].clip(-3, 3)
        new = logistic((theta[todo] + step) @ cells.design.T + cells.offset)
        new_loss = (here * (cells.y - new) ** 2).sum(axis=1)
        better = new_loss <= loss[todo]
        kept = todo[better]
        theta[kept], values[kept], loss[kept] = theta[kept] + step[better], new[better], new_loss[better]
        damping[todo] = np.where(better, damping[todo] / 4, damping[todo] * 4)
        small = np.abs(step).max(axis=1) < CLOSE
        todo = todo[~small & (damping[todo] < 1e12)]
        if not todo.size:
            break
    best = loss.reshape(b, s).argmin(axis=1)
    found: Floats = theta.reshape(b, s, p)[np.arange(b), best]
    found[(weights @ (cells.design != 0)) <= 0] = np.nan
    return found


def standard_errors(cells: Cells, weights: Floats, parameters: Floats, times: Floats) -> Floats:
    """Return the standard errors of fitted parameters, [b, p], for cells that depend on each other within a cluster.

    Args:
        cells: The cells.
        weights: Weights of the cells, [b, n].
        parameters: Fitted parameters, [b, p].
        times: How often each cluster counts in each weighting, [b, clusters]. A cluster that is drawn twice counts as
            two clusters. Weights hold these numbers already.

    Returns:
        NaN with fewer than two clusters.

    Source: Liang and Zeger (1986), with the factor G/(G − 1) for G clusters.
    """
    b, p = parameters.shape
    if not p:
        return np.empty((b, 0))
    values = np.nan_to_num(curve(cells, parameters))
    slope = values * (1 - values)
    squares = (cells.design[:, :, None] * cells.design[:, None, :]).reshape(len(cells.y), p * p)
    a = ((weights * slope**2) @ squares).reshape(b, p, p)
    diagonal = np.einsum("bii->bi", a)
    inverse = np.linalg.inv(a + np.eye(p) * (RIDGE * (1e-6 + diagonal.max(axis=1, keepdims=True)))[:, None])
    member = np.eye(times.shape[1])[cells.cluster]  # [n, clusters]
    pull = weights * slope * (cells.y - values)
    scores = np.einsum("bn,np,nc->bcp", pull, cells.design, member, optimize=True)
    each = times[:, :, None] > 0
    single = np.divide(scores, times[:, :, None], out=np.zeros_like(scores), where=each)
    middle = np.einsum("bc,bcp,bcq->bpq", times, single, single, optimize=True)
    groups = times.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(groups > 1, groups / (groups - 1), np.nan)
        found: Floats = np.sqrt(np.einsum("bii->bi", inverse @ middle @ inverse) * factor[:, None])
    found[np.isnan(parameters)] = np.nan
    return found
