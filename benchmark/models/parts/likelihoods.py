"""Likelihoods, for features and for pairs of nodes; in nats. Those of pairs are computed in ``pairs``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy with logits, summed over features; [..., n]. No normalised likelihood for grey levels in [0, 1]."""
    return binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)


def gaussian(x: Tensor, mean: Tensor, log_variance: Tensor | None = None) -> Tensor:
    """½ Σ((x − x̂)²/v + log v), the negative log-likelihood without its constant, v = 1 if not given; [..., n]."""
    squares = (x - mean).square()
    if log_variance is None:
        return 0.5 * squares.sum(-1)
    return 0.5 * (squares * (-log_variance).exp() + log_variance).sum(-1)


def learned_gaussian(x: Tensor, mean: Tensor) -> Tensor:
    """½ Σ((x − x̂)²/v + log v), v the most likely for all rows and features, the mean squared residual; [..., n].

    The optimum in closed form, at every step, of what as a parameter would lag behind the means by thousands of steps.
    At least 1e-6. Rybkin et al. (2021), eq. 5.
    """
    squares = (x - mean).square()
    variance = squares.detach().mean((-2, -1), keepdim=True).clamp(min=1e-6)
    return 0.5 * (squares / variance + variance.log()).sum(-1)


def sigmoid_gaussian(x: Tensor, logits: Tensor) -> Tensor:
    """½‖x − x̂‖² of means between 0 and 1, as logits; [..., n]. The mean squared error is 2/f of it."""
    return gaussian(x, logits.sigmoid())


def balanced(nodes: int, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Kipf and Welling's weight of the positives and norm, each [r], from the undirected edges of each replica [r].

    pos_weight = (n² − ΣA)/ΣA and norm = n²/(2(n² − ΣA)), ΣA = 2m without the diagonal. arXiv 1611.07308 and its code.
    """
    pairs, ones = float(nodes) ** 2, 2.0 * edges
    return (pairs - ones) / ones, pairs / (2.0 * (pairs - ones))


def unweighted(_nodes: int, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Positives and negatives as they are: both weights 1."""
    return torch.ones_like(edges), torch.ones_like(edges)


@dataclass(frozen=True, slots=True)
class FeatureLikelihood:
    """A likelihood of features; ``unit_interval`` where it refuses values outside [0, 1].

    ``negative_log`` takes x, the decoder's output and, where there is one, the logarithm of the variance; ``mean`` maps
    the output to x̂. The decoder has a second output for the latter where ``decoded_variance`` says so.
    """

    name: str
    negative_log: Callable[..., Tensor]
    mean: Callable[[Tensor], Tensor]
    unit_interval: bool
    decoded_variance: bool = False


@dataclass(frozen=True, slots=True)
class PairLikelihood:
    """A likelihood of the n² ordered pairs, target A + I: its weight of positives and norm.

    Without ``weights`` the pairs are sampled: all edges and as many non-edges. Without ``loops`` the target is A.
    """

    name: str
    weights: Callable[[int, Tensor], tuple[Tensor, Tensor]] | None
    loops: bool = True
    unit_interval: bool = False


def _as_it_is(output: Tensor) -> Tensor:
    return output


BERNOULLI = FeatureLikelihood("bernoulli", bernoulli, torch.sigmoid, unit_interval=True)
GAUSSIAN = FeatureLikelihood("gaussian", gaussian, _as_it_is, unit_interval=False)
GAUSSIAN_LEARNED = FeatureLikelihood("gaussian-learned", learned_gaussian, _as_it_is, unit_interval=False)
GAUSSIAN_OUTPUT = FeatureLikelihood("gaussian-output", gaussian, _as_it_is, unit_interval=False, decoded_variance=True)
SIGMOID_GAUSSIAN = FeatureLikelihood("gaussian-sigmoid", sigmoid_gaussian, torch.sigmoid, unit_interval=True)
BERNOULLI_BALANCED = PairLikelihood("bernoulli-balanced", balanced)
BERNOULLI_PAIRS = PairLikelihood("bernoulli", unweighted)
BERNOULLI_OFF_DIAGONAL = PairLikelihood("bernoulli, target A", unweighted, loops=False)
BERNOULLI_SAMPLED = PairLikelihood("bernoulli-sampled", None)
