"""Likelihoods, for features and for pairs of nodes; in nats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from benchmark.models.base import Graph


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


def unweighted(nodes: int, edges: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001, every weight has these arguments
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

    Without ``weights`` the pairs are sampled: all edges and as many non-edges.
    """

    name: str
    weights: Callable[[int, Tensor], tuple[Tensor, Tensor]] | None
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
BERNOULLI_SAMPLED = PairLikelihood("bernoulli-sampled", None)


def sampled_pair_cross_entropy(z: Tensor, graph: Graph, generators: Sequence[torch.Generator]) -> Tensor:
    """n² · (mean cross-entropy of all edges + that of as many non-edges, drawn anew); [r], in nats; z is [r, n, d].

    Logits are z_i·z_j. torch-geometric's example loss times n²: each mean runs over 2m ordered pairs of different
    nodes, and the non-edges avoid the edges given, for all others are unknown.
    """
    r, n, d = z.shape
    flat = z.reshape(r * n, d)
    drawn = [
        sample_non_edges(n, codes, 2 * len(codes), generator)
        for codes, generator in zip(graph.codes, generators, strict=True)
    ]
    total = torch.zeros(r, dtype=z.dtype, device=z.device)
    negatives = torch.cat([codes.div(n, rounding_mode="floor") + q * n for q, codes in enumerate(drawn)])
    others = torch.cat([codes % n + q * n for q, codes in enumerate(drawn)])
    for (left, right), sign, per_edge in ((graph.ends, -1.0, 1.0), ((negatives, others), 1.0, 2.0)):
        logits = (flat.index_select(0, left) * flat.index_select(0, right)).sum(-1)
        replica = left.div(n, rounding_mode="floor")
        share = 1.0 / (per_edge * graph.counts.index_select(0, replica))
        total = total.index_add(0, replica, softplus(sign * logits) * share)
    return float(n) ** 2 * total


def sample_non_edges(n: int, taken: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` ordered pairs of different nodes that are no edge, with replacement, as codes i·n + j; [count].

    ``taken`` are the codes of the edges with i < j, ascending. ValueError where every pair is one.
    """
    if 2 * len(taken) >= n * (n - 1):
        raise ValueError(f"all {len(taken)} pairs of {n} nodes are edges, so there is no non-edge to draw")
    codes = torch.empty(count, dtype=torch.int64, device=taken.device)
    wanted = torch.arange(count, device=taken.device)
    while len(wanted):
        drawn = torch.randint(n * n, wanted.shape, generator=generator, device=taken.device)
        codes[wanted] = drawn
        one, other = drawn.div(n, rounding_mode="floor"), drawn % n
        canonical = torch.minimum(one, other) * n + torch.maximum(one, other)
        place = torch.searchsorted(taken, canonical).clamp(max=max(len(taken) - 1, 0))
        edge = taken[place] == canonical if len(taken) else torch.zeros_like(canonical, dtype=torch.bool)
        wanted = wanted[(one == other) | edge]
    return codes


def pair_cross_entropy(
    z: Tensor, ends: tuple[Tensor, Tensor], positive_weight: Tensor, norm: Tensor, *, value: bool, block: int = 256
) -> Tensor:
    """norm · Σ over all n² ordered pairs of the weighted cross-entropy of logits z zᵀ against A + I; [r], in nats.

    z is [r, n, d]; ``ends`` index z as [r·n, d], every undirected edge once; ``positive_weight`` and ``norm`` are [r].
    Exact, in row blocks, without an n × n matrix: memory is O(r · (n·d + 8·block²)). NaN in place of the sum where
    ``value`` is False, the gradient is the same. Not twice differentiable.
    """
    result: Tensor = _PairCrossEntropy.apply(z, *ends, positive_weight, norm, value, block)  # type: ignore[no-untyped-call]
    return result


class _PairCrossEntropy(torch.autograd.Function):
    """Value and gradient in one pass: the gradient is closed-form, ∂/∂z_i Σ softplus(z_a·z_b) = 2 Σ_b σ(z_i·z_b) z_b.

    With weight w a positive pair of logit l costs w·softplus(−l) = softplus(l) + (w − 1)·softplus(l) − w·l, so the sum
    over all pairs takes softplus(l) everywhere and a correction on the edges and the diagonal.
    """

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, left: Tensor, right: Tensor, weight: Tensor, norm: Tensor, value: bool, block: int
    ) -> Tensor:
        total, gradient = _all_pairs(z, block=block, value=value)
        edge_total, edge_gradient = _edge_correction(z, left, right, weight)
        loop_total, loop_gradient = _diagonal_correction(z, weight)
        gradient += edge_gradient
        gradient += loop_gradient
        gradient *= norm[:, None, None]
        ctx.save_for_backward(gradient)
        return norm * (total + edge_total + loop_total).to(z.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[:, None, None], None, None, None, None, None, None


def _all_pairs(z: Tensor, *, block: int, value: bool) -> tuple[Tensor, Tensor]:
    """Σ softplus(z_a·z_b) over all ordered pairs, [r] in float64, and its gradient [r, n, d].

    The scores are symmetric, so only blocks on and above the diagonal are formed; the rest is their transpose.
    """
    r, n, _ = z.shape
    total = torch.full((r,), 0.0 if value else float("nan"), dtype=torch.float64, device=z.device)
    gradient = torch.zeros_like(z)
    for top in range(0, n, block):
        rows = z[:, top : top + block]
        height = rows.shape[1]
        for left in range(top, n, 8 * block):
            columns = z[:, left : left + 8 * block]
            scores = torch.bmm(rows, columns.transpose(1, 2))
            own = height if left == top else 0  # the first columns are the block on the diagonal, counted once
            if value:
                costs = softplus(scores)
                total += 2.0 * costs.sum((1, 2), dtype=torch.float64)
                total -= costs[:, :, :own].sum((1, 2), dtype=torch.float64)
            scores.sigmoid_()
            gradient[:, top : top + height].baddbmm_(scores, columns)
            beyond = slice(left + own, left + columns.shape[1])
            gradient[:, beyond].baddbmm_(scores[:, :, own:].transpose(1, 2), rows)
    return total, gradient.mul_(2.0)


def _edge_correction(z: Tensor, left: Tensor, right: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """(w − 1)·softplus(l) − w·l over both directions of every edge, [r], and its gradient [r, n, d]."""
    r, n, d = z.shape
    flat = z.reshape(r * n, d)
    one, other = flat.index_select(0, left), flat.index_select(0, right)
    logits = (one * other).sum(-1)
    replica = left.div(n, rounding_mode="floor")
    w = weight.index_select(0, replica)
    costs = (w - 1.0) * softplus(logits) - w * logits
    total = torch.zeros(r, dtype=torch.float64, device=z.device).index_add_(0, replica, 2.0 * costs.double())
    slope = (2.0 * ((w - 1.0) * logits.sigmoid() - w))[:, None]
    gradient = torch.zeros_like(flat).index_add_(0, left, slope * other).index_add_(0, right, slope * one)
    return total, gradient.view(r, n, d)


def _diagonal_correction(z: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The same over the n pairs of a node with itself, whose target is 1."""
    logits = z.square().sum(-1)
    w = weight[:, None]
    costs = (w - 1.0) * softplus(logits) - w * logits
    slope = 2.0 * ((w - 1.0) * logits.sigmoid() - w)
    return costs.sum(-1, dtype=torch.float64), slope[:, :, None] * z
