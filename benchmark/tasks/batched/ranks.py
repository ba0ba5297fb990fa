"""Metrics of rankings for many latents at once. Every value is scikit-learn's up to rounding, ties included."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.tasks.metrics import HITS


@torch.no_grad()
def ranking_scores(positive: Tensor, negative: Tensor) -> list[dict[str, float]]:
    """AUC and AP, and Hits@20 if there are 20 negatives, as ``link_prediction`` returns them.

    Equal scores share a threshold. A pair of a positive and a negative with equal scores counts half in the AUC.

    Args:
        positive: Scores of edges, [b, p].
        negative: Scores of non-edges, [b, q].

    Returns:
        The metrics of each latent, [b].

    >>> ranking_scores(torch.tensor([[3.0, 1.0]]), torch.tensor([[2.0, 1.0]]))
    [{'auc': 0.625, 'ap': 0.75}]
    """
    p, q = positive.shape[1], negative.shape[1]
    scores, order = torch.cat([positive, negative], dim=1).sort(dim=1, descending=True)
    edge = order < p
    place = torch.arange(p + q, device=scores.device)
    changes = torch.ones_like(edge)
    changes[:, 1:] = scores[:, 1:] != scores[:, :-1]
    first = torch.where(changes, place, 0).cummax(dim=1).values  # the first place with this score
    edges = edge.cumsum(dim=1)
    above = torch.where(changes, edges - edge.long(), 0).gather(1, first)  # edges with higher scores
    last = torch.where(changes.roll(-1, dims=1), place, p + q).flip(1).cummin(dim=1).values.flip(1)
    as_high = edges.gather(1, last)  # edges with at least this score
    auc = (~edge * (above + as_high)).sum(dim=1, dtype=torch.float64) / (2 * p * q)
    ap = (edge * (as_high / (last + 1).double())).sum(dim=1) / p
    found = {"auc": auc, "ap": ap}
    if q >= HITS:
        bar = negative.topk(HITS, dim=1).values[:, -1:]
        found["hits@20"] = (positive > bar).double().mean(dim=1)
    return [dict(zip(found, values, strict=True)) for values in torch.stack(list(found.values()), dim=1).tolist()]
