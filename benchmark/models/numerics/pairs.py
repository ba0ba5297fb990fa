"""Cross-entropies of the logits z_i·z_j of pairs of nodes, over all pairs or a sample, with closed-form gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from benchmark.models.numerics.upper_blocks import gradient_of_all_pairs, softplus_of_all_pairs
from benchmark.training.graph import Graph


def pair_cross_entropy(
    z: Tensor,
    graph: Graph,
    positive_weight: Tensor,
    norm: Tensor,
    *,
    value: bool,
    loops: bool = True,
    block: int | None = None,
) -> Tensor:
    """norm · Σ over all n² ordered pairs of the weighted cross-entropy of logits z zᵀ against A + I; [r], in nats.

    The target is A without ``loops``. A weighted edge has its weight as target t, and costs t times what an edge costs
    and 1 − t times what a non-edge does.
    z is [r, n, d], ``positive_weight`` and ``norm`` are [r]. Exact, in blocks of ``block`` rows (the device's choice if
    not given), without an n × n matrix: memory is O(r·(n + m)·d + block²). NaN in place of the sum where ``value`` is
    False, the gradient is the same. Not twice differentiable.
    """
    result: Tensor = _PairCrossEntropy.apply(z, graph, positive_weight, norm, value, loops, block)  # type: ignore[no-untyped-call]
    return result


def sampled_pair_cross_entropy(
    z: Tensor, graph: Graph, generators: Sequence[torch.Generator], *, value: bool
) -> Tensor:
    """n² · (mean cross-entropy of all edges + that of as many non-edges, drawn anew); [r], in nats; z is [r, n, d].

    Logits are z_i·z_j. torch-geometric's example loss times n²: each mean runs over 2m ordered pairs of different
    nodes, and the non-edges avoid the edges given, for all others are unknown. NaN and not twice differentiable as
    ``pair_cross_entropy`` is.
    """
    negatives = graph.non_edges.draw(graph.non_edges.edges, generators)
    result: Tensor = _SampledPairCrossEntropy.apply(z, graph, *negatives, value)  # type: ignore[no-untyped-call]
    return result


class _PairCrossEntropy(torch.autograd.Function):
    """With weight w a positive pair of logit l costs w·softplus(−l) = softplus(l) + (w − 1)·softplus(l) − w·l, so the
    sum over all pairs takes softplus(l) everywhere and a correction on the edges and the diagonal, t times it where
    the target is t.
    """

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, graph: Graph, weight: Tensor, norm: Tensor, value: bool, loops: bool, block: int | None
    ) -> Tensor:
        total = softplus_of_all_pairs(z, block) if value else torch.full_like(norm, math.nan, dtype=torch.float64)
        flat = z.flatten(0, 1)
        logits = torch.cat([_logits(flat, *graph.ends), flat.square().sum(-1)])
        w = weight.index_select(0, graph.replica)
        target = None if loops and graph.weights is None else _targets(graph, logits, loops=loops)
        if value:
            costs = (w - 1.0) * softplus(logits) - w * logits
            if target is not None:
                costs *= target
            costs[: len(graph.ends[0])] *= 2.0  # an edge is two ordered pairs
            total.index_add_(0, graph.replica, costs.double())
        if ctx.needs_input_grad[0]:
            slope = (w - 1.0) * logits.sigmoid() - w
            if target is not None:
                slope *= target
            gradient = gradient_of_all_pairs(z, block)
            gradient.add_(graph.weighted_sums(slope, flat).view_as(z), alpha=2.0)
            ctx.save_for_backward(gradient.mul_(norm[:, None, None]))
        return norm * total.to(z.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[:, None, None], None, None, None, None, None, None


class _SampledPairCrossEntropy(torch.autograd.Function):
    """The two means of ``sampled_pair_cross_entropy``."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, graph: Graph, left: Tensor, right: Tensor, value: bool) -> Tensor:
        r, n, _ = z.shape
        flat = z.flatten(0, 1)
        one, other = flat.index_select(0, left), flat.index_select(0, right)
        positive, negative = _logits(flat, *graph.ends), (one * other).sum(-1)
        replica = graph.replica[: len(positive)]
        per_edge = (float(n) ** 2 / graph.counts).index_select(0, replica)
        per_negative = (0.5 * per_edge).repeat_interleave(2)
        total = torch.full((r,), 0.0 if value else math.nan, dtype=z.dtype, device=z.device)
        if value:
            total.index_add_(0, replica, per_edge * softplus(-positive))
            total.index_add_(0, replica.repeat_interleave(2), per_negative * softplus(negative))
        if ctx.needs_input_grad[0]:
            slope = -per_edge * (-positive).sigmoid()
            gradient = graph.weighted_sums(torch.cat([slope, slope.new_zeros(r * n)]), flat)
            slope = (per_negative * negative.sigmoid())[:, None]
            gradient.index_add_(0, left, other.mul_(slope)).index_add_(0, right, one.mul_(slope))
            ctx.save_for_backward(gradient.view_as(z))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[:, None, None], None, None, None, None


def _targets(graph: Graph, like: Tensor, *, loops: bool) -> Tensor:
    """What the positive pairs are to be, the edges and then the diagonal; [Σm + r·n]."""
    edges = len(graph.ends[0])
    target = torch.full_like(like, float(loops))
    target[:edges] = 1.0 if graph.weights is None else graph.weights
    return target


def _logits(flat: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """z_i·z_j of pairs of rows of ``flat`` [r·n, d]; [m]."""
    return (flat.index_select(0, left) * flat.index_select(0, right)).sum(-1)
