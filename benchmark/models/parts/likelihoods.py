"""Likelihoods of features and of pairs of nodes, in nats. ``numerics.pairs`` computes the likelihoods of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, softplus

LEAST_VARIANCE = 1e-6  # of a Gaussian whose variance is the mean squared residual


def bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """Compute the Bernoulli cross-entropy of features and logits, summed over features.

    For values strictly between 0 and 1, such as grey levels, it is not the negative log of a normalised density.

    Args:
        x: Features from 0 to 1, [n, f] or [r, n, f].
        logits: [r, n, f].

    Returns:
        Nats, [r, n].

    >>> round(bernoulli(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 1, 2)).item(), 4)  # 2 log 2
    1.3863
    """
    return binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)


def gaussian(x: Tensor, mean: Tensor, log_variance: Tensor | None = None) -> Tensor:
    """Compute the negative log-likelihood of a Gaussian without its constant, ½ Σ((x − x̂)²/v + log v) over features.

    Args:
        x: Features, [n, f] or [r, n, f].
        mean: x̂, [r, n, f].
        log_variance: log v, [r, n, f]. Default: v = 1.

    Returns:
        Nats, [r, n].

    >>> gaussian(torch.tensor([[1.0, 3.0]]), torch.tensor([[[0.0, 1.0]]])).tolist()
    [[2.5]]
    """
    squares = (x - mean).square()
    if log_variance is None:
        return 0.5 * squares.sum(-1)
    return 0.5 * (squares * (-log_variance).exp() + log_variance).sum(-1)


def learned_gaussian(x: Tensor, mean: Tensor) -> Tensor:
    """Compute ½ Σ((x − x̂)²/v + log v) with the most likely v for all rows and features: the mean squared residual.

    v is set to its optimum in closed form at every step, and is at least 1e-6. A trained v would lag behind the means
    by thousands of steps. Rybkin et al. (2021), eq. 5.

    Args:
        x: Features, [n, f] or [r, n, f].
        mean: x̂, [r, n, f].

    Returns:
        Nats, [r, n].

    >>> learned_gaussian(torch.tensor([[1.0, -1.0]]), torch.zeros(1, 1, 2)).tolist()  # v = 1
    [[1.0]]
    """
    squares = (x - mean).square()
    variance = squares.detach().mean((-2, -1), keepdim=True).clamp(min=LEAST_VARIANCE)
    return 0.5 * (squares / variance + variance.log()).sum(-1)


def sigmoid_gaussian(x: Tensor, logits: Tensor) -> Tensor:
    """Compute ½‖x − x̂‖² with means x̂ = sigmoid(logits), summed over features. It is f/2 times the mean squared error.

    Args:
        x: Features from 0 to 1, [n, f] or [r, n, f].
        logits: [r, n, f].

    Returns:
        Nats, [r, n].
    """
    return gaussian(x, logits.sigmoid())


def negative_binomial(x: Tensor, logits: Tensor, raw: Tensor) -> Tensor:
    """Compute the negative log-probability of counts under a negative binomial, summed over features.

    The mean of row i and feature j is m_ij = (total of row i) · softmax(logits_i)_j, and the dispersion of feature j is
    θ_j = softplus(raw_j). The variance is m + m²/θ. A feature costs lgΓ(θ) + lgΓ(x + 1) − lgΓ(x + θ) − θ log(θ/(θ + m))
    − x log(m/(θ + m)). It is computed from log m, and its lgΓ in float64, because they nearly cancel for large counts.
    Lopez et al. (2018), doi 10.1038/s41592-018-0229-2, with the total in place of a latent size, and without batches.

    Args:
        x: Counts, [n, f] or [r, n, f]. Totals are taken over these f features.
        logits: [r, n, f].
        raw: [r, 1, f].

    Returns:
        Nats, [r, n]. A row without counts costs nothing.

    >>> round(negative_binomial(torch.tensor([[1.0]]), torch.zeros(1, 1, 1), torch.tensor([[[0.5413]]])).item(), 3)
    1.386
    """
    totals = x.sum(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
    log_mean = totals.log() + log_softmax(logits, -1)
    dispersion, counts = softplus(raw.double()), x.double()
    factor = dispersion.lgamma() + (counts + 1.0).lgamma() - (counts + dispersion).lgamma()
    log_ratio = log_mean - dispersion.log().to(x.dtype)  # log(m/θ)
    powers = dispersion.to(x.dtype) * softplus(log_ratio) + x * softplus(-log_ratio)
    return (factor.to(x.dtype) + powers).sum(-1)


def balanced(nodes: int, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the weights of Kipf and Welling, by which edges and non-edges have the same total weight.

    The weight of the positive pairs is (n² − 2m)/(2m), and the norm of the sum is n²/(2(n² − 2m)). arXiv 1611.07308
    and its code.

    Args:
        nodes: n.
        edges: m, the undirected edges of each replica, [r].

    Returns:
        Weight of the positive pairs and norm, each [r].

    >>> weight, norm = balanced(10, torch.tensor([10.0]))
    >>> weight.tolist(), norm.tolist()
    ([4.0], [0.625])
    """
    pairs, ones = float(nodes) ** 2, 2.0 * edges
    return (pairs - ones) / ones, pairs / (2.0 * (pairs - ones))


def unweighted(_nodes: int, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Give positive pairs the weight 1 and the sum the norm 1, each [r]."""
    return torch.ones_like(edges), torch.ones_like(edges)


@dataclass(frozen=True, slots=True)
class FeatureLikelihood:
    """A likelihood of features.

    Args:
        name: Printed in the table of models.
        negative_log: Negative log-likelihood of every row in nats, [r, n], from x and the decoder's output. Its third
            argument is the log of the variance if ``decoded_variance``, and the raw dispersion if ``counts``.
        mean: From the decoder's output to the expected features x̂. For counts, x̂ is a share of the row's total.
        unit_interval: Whether features must lie in [0, 1].
        decoded_variance: Whether the decoder has a second output for the log of the variance.
        counts: Whether features must be counts. The decoder then learns a dispersion for each feature.
    """

    name: str
    negative_log: Callable[..., Tensor]
    mean: Callable[[Tensor], Tensor]
    unit_interval: bool
    decoded_variance: bool = False
    counts: bool = False


@dataclass(frozen=True, slots=True)
class PairLikelihood:
    """A likelihood of the n² ordered pairs of nodes.

    Args:
        name: Printed in the table of models.
        weights: Weight of the positive pairs and norm, each [r], from the number of nodes and of edges. None if pairs
            are sampled: all edges and as many non-edges.
        loops: Whether the target is A + I, else A.
        unit_interval: Whether features must lie in [0, 1].
    """

    name: str
    weights: Callable[[int, Tensor], tuple[Tensor, Tensor]] | None
    loops: bool = True
    unit_interval: bool = False


def _as_it_is(output: Tensor) -> Tensor:
    """The output itself, for likelihoods without a link function."""
    return output


def _shares(logits: Tensor) -> Tensor:
    """The expected share of each feature in the row's total."""
    return logits.softmax(-1)


BERNOULLI = FeatureLikelihood("bernoulli", bernoulli, torch.sigmoid, unit_interval=True)
GAUSSIAN = FeatureLikelihood("gaussian", gaussian, _as_it_is, unit_interval=False)
GAUSSIAN_LEARNED = FeatureLikelihood("gaussian-learned", learned_gaussian, _as_it_is, unit_interval=False)
GAUSSIAN_OUTPUT = FeatureLikelihood("gaussian-output", gaussian, _as_it_is, unit_interval=False, decoded_variance=True)
SIGMOID_GAUSSIAN = FeatureLikelihood("gaussian-sigmoid", sigmoid_gaussian, torch.sigmoid, unit_interval=True)
NEGATIVE_BINOMIAL = FeatureLikelihood("negative-binomial", negative_binomial, _shares, unit_interval=False, counts=True)
FEATURE_LIKELIHOODS = (BERNOULLI, GAUSSIAN, GAUSSIAN_LEARNED, GAUSSIAN_OUTPUT, SIGMOID_GAUSSIAN, NEGATIVE_BINOMIAL)

BERNOULLI_BALANCED = PairLikelihood("bernoulli-balanced", balanced)
BERNOULLI_PAIRS = PairLikelihood("bernoulli", unweighted)
BERNOULLI_OFF_DIAGONAL = PairLikelihood("bernoulli, target A", unweighted, loops=False)
BERNOULLI_SAMPLED = PairLikelihood("bernoulli-sampled", None)
