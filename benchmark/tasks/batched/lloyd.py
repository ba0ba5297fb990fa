"""k-means for many latents and starts at once, by the rules of scikit-learn's KMeans.

The starts use scikit-learn's own random numbers, so both ways differ by rounding alone. Rounding can pick another row
as a start, and the same local optimum need not follow. A latent's clusters do not depend on the rest of its batch.
A GPU uses the kernels of ``fused_lloyd`` if it can. Otherwise the work is done by products of matrices, as on a CPU.

``flash-kmeans`` (PyPI, 0.3.1) is not used. Its Triton kernels fuse the distances with the assignment and so save
memory traffic. But they multiply in TF32, whose distances are good to three digits. The starts are uniformly drawn
rows from torch's global generator. All problems of a batch stop together, at an absolute shift of the worst center.
Empty clusters stay empty. Only the fused assignment could be reused, and only with another precision.

On a GPU ``torch.backends.cuda.matmul.allow_tf32`` must stay False, torch's default.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.tasks.batched.chunks import chunks
from benchmark.tasks.batched.fused_lloyd import cluster_by_kernels, kernels_cluster
from benchmark.tasks.batched.lloyd_rules import ITERATIONS, TOLERANCE, local_trials, sums_of_clusters


@torch.no_grad()
def cluster(
    z: Tensor, k: int, draws: Tensor, *, prepare: Callable[[Tensor], Tensor], budget: int
) -> tuple[Tensor, Tensor]:
    """Cluster the rows of every latent. The start with the lowest inertia counts.

    Args:
        z: Latents, float32 [b, n, d].
        k: Number of clusters.
        draws: Uniform numbers of each latent's starts, [b, s, ·], from ``start_draws``.
        prepare: Scaling of the latents, [b, n, d], before the clustering.
        budget: Bytes that the distances of one chunk may take. A chunk has at least one start.

    Returns:
        Cluster numbers int64 [b, n], and the inertia of each latent's best start [b], in double precision.
    """
    if kernels_cluster(z, k):
        return cluster_by_kernels(z, k, draws, prepare=prepare, budget=budget)
    b, n, d = z.shape
    s = draws.shape[1]
    start = 4 * n * max(k + 1, 3 * local_trials(k) + 2)
    labels, inertias = z.new_empty(b, n, dtype=torch.int64), z.new_empty(b, dtype=torch.float64)
    for part in chunks(b, max(s * start, 16 * n * d), budget):
        x = _with_ones(prepare(z[part]))
        found = [_clustered(x, k, draws[part, some], start) for some in chunks(s, len(x) * start, budget)]
        centers, inertia = (torch.cat(each, dim=1) for each in zip(*found, strict=True))
        best = inertia.argmin(dim=1, keepdim=True)
        scores = _scores(x, _taken(centers, best), x.new_empty(len(x) * k * n))
        labels[part] = scores.argmin(dim=2)[:, 0]  # the first of equal centers
        inertias[part] = inertia.gather(1, best)[:, 0]
    return labels, inertias


def _with_ones(x: Tensor) -> Tensor:
    """Centre the columns, for more accurate distances, and add a column of ones; [b, n, d + 1]."""
    centred = (x - x.mean(dim=1, keepdim=True, dtype=torch.float64)).float()
    return torch.cat([centred, torch.ones_like(centred[..., :1])], dim=-1)


def _clustered(x: Tensor, k: int, draws: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """Centers [b, s, k, d] and inertias [b, s] of all starts. ``x`` has a column of ones."""
    points = x[..., :-1]
    lengths = points.square().sum(dim=-1)
    room = x.new_empty(draws.shape[0] * draws.shape[1] * start // 4)
    centers = _moved(x, _first_centers(x, lengths, k, draws, room), room)
    nearest = _scores(x, centers, room).amin(dim=2)
    return centers, (nearest + lengths[:, None]).sum(dim=-1, dtype=torch.float64)


def _scores(x: Tensor, centers: Tensor, room: Tensor) -> Tensor:
    """‖c‖² − 2 x·c, the squared distance less ‖x‖², as one product with the column of ones; [b, s, k, n].

    Args:
        x: Rows with a column of ones, [b, n, d + 1].
        centers: Centers, [b, s, k, d].
        room: Memory for the result. On a CPU, new memory costs more than the product.
    """
    b, s, k, d = centers.shape
    n = x.shape[1]
    factors = torch.cat([-2 * centers, centers.square().sum(dim=-1, keepdim=True)], dim=-1).view(b, s * k, d + 1)
    return torch.bmm(factors, x.mT, out=room[: b * s * k * n].view(b, s * k, n)).view(b, s, k, n)


def _first_centers(x: Tensor, lengths: Tensor, k: int, draws: Tensor, room: Tensor) -> Tensor:
    """Centers of greedy k-means++, [b, s, k, d]. Arthur and Vassilvitskii (2007), with several candidates a center.

    Each candidate is drawn with a probability proportional to its squared distance from the centers so far. The
    candidate that lowers the sum of squared distances most is taken.
    """
    b, n, d = x.shape[0], x.shape[1], x.shape[2] - 1
    s, trials = draws.shape[1], local_trials(k)
    points, latent = x[..., :-1], torch.arange(b, device=x.device)[:, None]
    first = (draws[..., 0] * n).long().clamp_(max=n - 1)
    centers = x.new_empty(b, s, k, d)
    centers[:, :, 0] = points[latent, first]
    nearest = _distances(x, lengths, centers[:, :, :1], room)[:, :, 0].clone()  # [b, s, n]
    for j in range(1, k):
        cumulative = nearest.cumsum(dim=-1)
        uniform = draws[..., 1 + (j - 1) * trials : 1 + j * trials]
        aims = (uniform * cumulative[..., -1:]).float()
        candidates = torch.searchsorted(cumulative, aims).clamp_(max=n - 1)  # [b, s, trials]
        places = points[latent[..., None], candidates]  # [b, s, trials, d]
        closer = _distances(x, lengths, places, room)
        torch.minimum(nearest[:, :, None], closer, out=closer)
        best = closer.sum(dim=-1).argmin(dim=-1)[..., None, None]
        nearest = closer.gather(2, best.expand(-1, -1, 1, n))[:, :, 0]
        centers[:, :, j] = places.gather(2, best.expand(-1, -1, 1, d))[:, :, 0]
    return centers


def _distances(x: Tensor, lengths: Tensor, centers: Tensor, room: Tensor) -> Tensor:
    """Squared distances of all rows from centers, [b, s, k, n]."""
    return _scores(x, centers, room).add_(lengths[:, None, None]).clamp_(min=0)


def _moved(x: Tensor, centers: Tensor, room: Tensor) -> Tensor:
    """Move centers [b, s, k, d] to the means of their rows until they settle.

    A start ends if the squared shifts of its centers add up to at most 1e-4 of the mean variance, or after 300
    iterations. scikit-learn also stops at equal labels. Equal labels give equal centers and so a shift of zero.

    Starts that have ended leave the batch. Where a latent has fewer starts left than another, an ended start fills the
    gap, and its centers stay.
    """
    found, (b, s) = centers.clone(), centers.shape[:2]
    limit = TOLERANCE * x[..., :-1].var(dim=1, correction=0).mean(dim=-1)
    latent = torch.arange(b, device=x.device)
    start = torch.arange(s, device=x.device).expand(b, s)
    moving = (limit > 0)[:, None].expand(b, s)
    for _ in range(ITERATIONS):
        left = moving.sum(dim=1)
        counts: list[int] = left.tolist()
        if not any(counts):
            break
        if max(counts) < moving.shape[1] or not all(counts):
            kept = left.nonzero()[:, 0]
            order = moving[kept].int().argsort(dim=1, descending=True, stable=True)[:, : max(counts)]
            x, limit, latent = x[kept], limit[kept], latent[kept]
            centers = _taken(centers[kept], order)
            start, moving = start[kept].gather(1, order), moving[kept].gather(1, order)
        new = _means(x, centers, room, moving)
        shift = (new - centers).square().sum(dim=(-2, -1))
        centers = torch.where(moving[..., None, None], new, centers)
        found[latent[:, None], start] = centers
        moving = moving & (shift > limit[:, None])
    return found


def _taken(centers: Tensor, order: Tensor) -> Tensor:
    """The centers of chosen starts, in the order [b, ·] of each latent."""
    return centers[torch.arange(len(order), device=order.device)[:, None], order]


def _means(x: Tensor, centers: Tensor, room: Tensor, moving: Tensor) -> Tensor:
    """The mean of the rows nearest to each center, [b, s, k, d]."""
    b, s, k, d = centers.shape
    scores = _scores(x, centers, room)
    smallest = scores.amin(dim=2, keepdim=True)
    nearest = scores.eq_(smallest).view(b, s * k, -1)  # 1 at the nearest center; a tie has several
    sums = torch.bmm(nearest, x).view(b, s, k, d + 1)
    counts = sums[..., -1]
    unusual = ((counts == 0).any(dim=-1) | (counts.sum(dim=-1) != x.shape[1])) & moving
    if bool(unusual.any()):
        for i, j in unusual.nonzero().tolist():
            sums[i, j] = sums_of_clusters(x[i], centers[i, j])
    return sums[..., :-1] / sums[..., -1:].clamp(min=1)  # a start that has ended may have an empty cluster
