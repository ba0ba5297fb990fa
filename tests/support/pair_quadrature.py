"""Expected scores of pairs by quadrature."""

from itertools import product

import numpy as np
from scipy.special import expit

PAIRS = np.array([[0, 1], [2, 7], [3, 4], [8, 9]])


def by_quadrature(mean, std, i, j):
    """E[g(z_i·z_j)] by Gauss and Hermite in all 2d dimensions."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(14)
    weights = weights / weights.sum()
    centres, spreads = np.concatenate([mean[i], mean[j]]), np.concatenate([std[i], std[j]])
    grid = centres + spreads * np.array(list(product(nodes, repeat=len(centres))))
    left, right = np.split(grid, 2, axis=1)
    return np.prod(list(product(weights, repeat=len(centres))), axis=1) @ expit((left * right).sum(1))
