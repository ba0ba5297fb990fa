"""Draws from the posterior of latents, and scores of pairs that are averaged over draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.latents.latents import Latents, noisy_mean

PAIRS_AT_ONCE = 16_384
_POINT = 1e12  # from this concentration on a draw is the mean direction


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """Expected link scores E[g(z_i·z_j)] of pairs under the posterior, with the logistic function g.

    The expectation is a mean over joint draws of all latents. Every call uses the same draws.

    Attributes:
        latents: The posterior.
        seed: Seed of the draws.
        draws: Number of draws.
        keys: Seeds of counter-based streams, one for each draw, if a GPU reads out. They replace ``seed``.
    """

    latents: Latents
    seed: int = 0
    draws: int = 64
    keys: tuple[int, ...] = ()

    def log_odds(self, pairs: Integers) -> NDArray[np.float64]:
        """ln E[g] − ln E[1 − g] of each pair. With σ = 0 it is z_i·z_j.

        The log odds rank pairs like E[g], and also tell pairs apart if E[g] rounds to 0 or 1. Memory is O(n·d + m).

        Args:
            pairs: Row numbers, [m, 2].

        Returns:
            Log odds, [m].
        """
        return self.log_odds_of([pairs])[0]

    def log_odds_of(self, parts: Sequence[Integers]) -> list[NDArray[np.float64]]:
        """The ``log_odds`` of several lists of pairs, from one pass over the draws."""
        if self.keys:
            from benchmark.latents.placed_readouts import log_odds_on_host  # imports torch

            return [log_odds_on_host(self.latents, self.keys, pairs) for pairs in parts]
        rng = np.random.default_rng(self.seed)
        odds = [(np.full(len(pairs), -np.inf), np.full(len(pairs), -np.inf)) for pairs in parts]
        for _ in range(self.draws):
            z = draw(self.latents, rng)
            for place, pairs in enumerate(parts):
                linked, unlinked = odds[place]
                score = _inner_products(z, pairs)
                log_g = -np.logaddexp(0.0, -score)
                odds[place] = np.logaddexp(linked, log_g), np.logaddexp(unlinked, log_g - score)
        return [linked - unlinked for linked, unlinked in odds]


def _inner_products(z: NDArray[np.float32], pairs: Integers) -> NDArray[np.float64]:
    scores = np.empty(len(pairs))
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        i, j = pairs[start : start + PAIRS_AT_ONCE].T
        scores[start : start + PAIRS_AT_ONCE] = np.einsum("md,md->m", z[i], z[j], dtype=np.float64)
    return scores


def draw(latents: Latents, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw one sample of every row.

    Returns:
        Samples, [n, d].

    Raises:
        ValueError: if the posterior is a point.
    """
    mean = noisy_mean(latents)
    if latents.std is not None:
        return mean + latents.std * rng.standard_normal(mean.shape, dtype=np.float32)
    concentration = np.asarray(latents.concentration, dtype=np.float64)
    direction = mean.astype(np.float64)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    cosine = cosines(concentration, mean.shape[1], rng)[:, None]
    aside = rng.standard_normal(mean.shape)
    aside -= (aside * direction).sum(axis=1, keepdims=True) * direction
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    return np.asarray(cosine * direction + np.sqrt(1.0 - cosine**2) * aside, dtype=np.float32)


def cosines(concentration: NDArray[np.float64], d: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """μ·z of one draw from each von Mises–Fisher distribution in d dimensions.

    Rows are proposed again until each is accepted. The first coordinate of a random direction makes the proposal.
    Source: Wood (1994), VM*.

    Args:
        concentration: Concentrations, [n]. From 1e12 on the result is 1.
        d: Number of dimensions.
        rng: Generator of the proposals.

    Returns:
        Cosines, [n].
    """
    b = (d - 1) / (2 * concentration + np.sqrt(4 * concentration**2 + (d - 1) ** 2))
    x = (1 - b) / (1 + b)
    log_constant = concentration * x + (d - 1) * np.log(4 * b / (1 + b) ** 2)
    found, missing = np.ones_like(concentration), np.flatnonzero(concentration < _POINT)
    while len(missing):
        normal = rng.standard_normal((len(missing), d))
        beta = 0.5 * (1 + normal[:, 0] / np.linalg.norm(normal, axis=1))
        w = (1 - (1 + b[missing]) * beta) / (1 - (1 - b[missing]) * beta)
        height = concentration[missing] * w + (d - 1) * np.log(1 - x[missing] * w) - log_constant[missing]
        good = height >= np.log(rng.random(len(missing)))
        found[missing[good]] = w[good]
        missing = missing[~good]
    return found
