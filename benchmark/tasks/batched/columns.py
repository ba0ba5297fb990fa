"""The scalings of tasks, for many latents at once. They are computed in double precision."""

from __future__ import annotations

import torch
from torch import Tensor


def unchanged_latents(x: Tensor) -> Tensor:
    """Return ``x``."""
    return x


def mean_and_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column over the rows, as scikit-learn's StandardScaler computes them.

    A column whose variance is within the rounding error of a constant has scale 1. Source of that bound: Chan, Golub
    and LeVeque (1983), as in scikit-learn.

    Args:
        x: Latents, [b, n, d].

    Returns:
        Both in double precision, [b, 1, d].
    """
    n, wide = x.shape[1], x.double()
    mean = wide.mean(dim=1, keepdim=True)
    centred = wide - mean
    mean_square = centred.square().sum(dim=1, keepdim=True)
    variance = (mean_square - centred.sum(dim=1, keepdim=True).square() / n) / n
    rounding = torch.finfo(torch.float64).eps
    constant = variance <= n * rounding * variance + (n * mean * rounding).square()
    return mean, torch.where(constant, 1.0, variance.sqrt())


def standardised_latents(x: Tensor) -> Tensor:
    """Centre every column and divide it by its standard deviation. A constant column becomes zero.

    Args:
        x: Latents, [b, n, d].

    Returns:
        Single precision, [b, n, d].

    >>> standardised_latents(torch.tensor([[[0.0, 5.0], [4.0, 5.0]]])).tolist()
    [[[-1.0, 0.0], [1.0, 0.0]]]
    """
    mean, scale = mean_and_scale(x)
    return ((x - mean) / scale).float()


def unit_norm_latents(x: Tensor) -> Tensor:
    """Divide every row by its Euclidean length. A row of zeros stays zero.

    Args:
        x: Latents, [b, n, d].

    Returns:
        Single precision, [b, n, d].

    >>> unit_norm_latents(torch.tensor([[[0.0, 2.0], [0.0, 0.0]]])).tolist()
    [[[0.0, 1.0], [0.0, 0.0]]]
    """
    wide = x.double()  # the square of a float32 can overflow or vanish
    lengths = wide.square().sum(dim=-1, keepdim=True).sqrt()
    return (wide / torch.where(lengths > 0, lengths, 1.0)).float()
