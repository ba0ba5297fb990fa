"""Cross-entropy of inner-product logits z_i·z_j against the edges, over all pairs or a sample of pairs.

Gradients are in closed form, and no n × n matrix is built.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from benchmark.models.numerics.all_pairs import gradient_of_all_pairs, softplus_of_all_pairs
from benchmark.training.graph import Graph
from benchmark.training.random_streams import RandomStreams


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
    """Sum the cross-entropy of the logits z zᵀ against A + I, the adjacency with self-loops, over all n² node pairs.

    A pair with target t and logit l costs t·w·softplus(−l) + (1 − t)·softplus(l), with w the positive weight. The
    target is 1 for an edge, or the weight of the edge if the graph is weighted; 0 for a non-edge. The sum is exact. A
    GPU computes it in a fused kernel if it can, with memory O(r·(n + m)·d). Else it is computed in blocks of rows, with
    block² more. It can be differentiated only once.

    Args:
        z: Latents, [r, n, d].
        graph: Graphs of all replicas.
        positive_weight: w, [r].
        norm: Factor of the whole sum, [r].
        value: If False, only the gradient is computed and the sum is NaN.
        loops: Whether a node paired with itself has target 1 (A + I) or 0 (A).
        block: Rows of a block. Default: the fused kernel if it can be used, else a size that suits the device.

    Returns:
        norm · sum in nats, [r].

    >>> import numpy as np
    >>> edges = [np.array([[0, 1]])]
    >>> graph = Graph.of(edges, 2, device="cpu", dtype=torch.float64)
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> loss = pair_cross_entropy(torch.zeros(1, 2, 3, dtype=torch.float64), graph, one, one, value=True)
    >>> round(loss.item() / math.log(2.0), 6)  # four pairs with logit 0
    4.0
    """
    result: Tensor = _PairCrossEntropy.apply(z, graph, positive_weight, norm, value, loops, block)  # type: ignore[no-untyped-call]
    return result


def sampled_pair_cross_entropy(z: Tensor, graph: Graph, streams: RandomStreams, *, value: bool) -> Tensor:
    """Estimate the cross-entropy of the logits z zᵀ from all edges and as many freshly drawn non-edges.

    The estimate is n² · (mean over edges + mean over non-edges), each over 2m ordered pairs of different nodes. Only
    the training edges count as edges, because training does not see the held-out ones. It can be differentiated only
    once.

    Args:
        z: Latents, [r, n, d].
        graph: Graphs of all replicas.
        streams: One per replica, for the non-edges.
        value: If False, only the gradient is computed and the sum is NaN.

    Returns:
        Nats, [r].

    Raises:
        ValueError: if every pair of a replica is an edge.

    Source: torch-geometric's GAE example, times n².
    """
    negatives = graph.non_edges.draw(streams)
    result: Tensor = _SampledPairCrossEntropy.apply(z, graph, *negatives, value)  # type: ignore[no-untyped-call]
    return result


class _PairCrossEntropy(torch.autograd.Function):
    """The sum and its gradient in two parts: softplus(l) over all pairs, and a correction for the positive pairs.

    The correction follows from w·softplus(−l) = softplus(l) + (w − 1)·softplus(l) − w·l. With target t it is
    t·[(w − 1)·softplus(l) − w·l].
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
    """The two means of ``sampled_pair_cross_entropy``, with their gradient."""

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
    """Target of every positive pair, the edges first and then the nodes with themselves; [Σm + r·n]."""
    edges = len(graph.ends[0])
    target = torch.full_like(like, float(loops))
    if graph.weights is None:
        target[:edges].fill_(1.0)
    else:
        target[:edges].copy_(graph.weights)
    return target


def _logits(flat: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """z_i·z_j for pairs of rows of ``flat`` [r·n, d], one logit per pair."""
    return (flat.index_select(0, left) * flat.index_select(0, right)).sum(-1)
