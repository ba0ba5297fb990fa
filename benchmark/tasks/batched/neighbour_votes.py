"""k nearest neighbours for many latents at once, as scikit-learn finds them.

Rows are standardised in single precision and compared in double precision, as in scikit-learn. So distances differ by
the rounding of double precision only. Of equally far rows the first vote. scikit-learn can take a later one: if a
nearer row comes last, its heap drops any of the farthest.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.tasks.batched.chunks import chunks
from benchmark.tasks.batched.columns import mean_and_scale
from benchmark.tasks.nearest_neighbours import NEIGHBOURS_THAT_VOTE


@torch.no_grad()
def voted_classes(x: Tensor, y: Tensor, test: Tensor, k: int, *, budget: int) -> Tensor:
    """The class of each test row by the votes of its five nearest training rows.

    Args:
        x: Training rows, float32 [b, n, d]. Their own mean and deviation standardise them. Fewer than five vote all.
        y: Class numbers from 0 to k − 1, int64 [b, n].
        test: Test rows, float32 [b, t, d].
        k: Number of classes.
        budget: Bytes that distances and votes may take at once.

    Returns:
        Class numbers, int64 [b, t]. Of classes with equal votes the first counts.

    >>> x, test = torch.tensor([[[0.0], [1.0], [9.0]]]), torch.tensor([[[1.0], [8.0]]])
    >>> voted_classes(x, torch.tensor([[1, 0, 0]]), test, 2, budget=1 << 20).tolist()
    [[0, 0]]
    """
    mean, scale = (each.float() for each in mean_and_scale(x))
    rows = ((x - mean) / scale).double()
    lengths = rows.square().sum(dim=2)[:, None]
    b, n, d = x.shape
    found = torch.empty(test.shape[:2], dtype=torch.int64, device=x.device)
    for part in chunks(test.shape[1], 8 * b * (n + 2 * d + 2 * k), budget):
        some = ((test[:, part] - mean) / scale).double()
        distances = torch.baddbmm(lengths, some, rows.mT, alpha=-2)  # less the length of the test row, equal for all
        votes = torch.zeros(*some.shape[:2], k, dtype=torch.int64, device=x.device)
        for _ in range(min(NEIGHBOURS_THAT_VOTE, n)):
            nearest = distances.argmin(dim=2, keepdim=True)  # the first of equal ones
            voter = y[:, None].expand_as(distances).gather(2, nearest)
            votes.scatter_add_(2, voter, torch.ones_like(voter))
            distances.scatter_(2, nearest, torch.inf)
        found[:, part] = votes.argmax(dim=2)
    return found
