"""k-means for many latents and starts at once on a GPU, by fused kernels.

The rules are those of ``lloyd``. Only the order of sums differs, so both ways differ by rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from benchmark.tasks.batched.chunks import chunks
from benchmark.tasks.batched.lloyd_rules import ITERATIONS, TOLERANCE, local_trials, sums_of_clusters
from benchmark.training.fused_kernels import largest_difference, why_no_kernels

_WIDEST, _MOST_CENTERS = 128, 64  # larger tiles of rows and centers do not fit in registers and shared memory
_ROUNDING = 1e-8  # of the squared shift at which a start ends; above the squared rounding error of a center
_LOOK = 10  # iterations between two looks of the host at the device; divides ``ITERATIONS``


def kernels_cluster(z: Tensor, k: int) -> bool:
    """Whether the fused kernels cluster latents [b, n, d] into k clusters."""
    suits = z.is_cuda and z.dtype == torch.float32 and z.shape[-1] <= _WIDEST and k <= _MOST_CENTERS
    return suits and not why_not_fused(z.device.index)


@cache
def why_not_fused(device: int = 0) -> str:
    """Say why a GPU does not cluster by the fused kernels. An empty text means that it does.

    Args:
        device: Number of the GPU.
    """
    return why_no_kernels(device, largest_error)


def largest_error(device: torch.device) -> float:
    """Run every kernel on a few rows and compare with double precision; the largest relative error."""
    from benchmark.tasks.batched.lloyd_kernels import fused_approach, fused_labels, fused_potentials, fused_sums

    x = torch.linspace(-2.0, 2.0, 300, device=device).view(1, 100, 3)
    centers = x[:, None, [0, 41, 98, 0]]  # no row lies between two of them; the last gets none
    distances = (x[:, :, None].double() - centers[:, 0, None].double()).square().sum(-1)[0]  # [n, k]
    smallest, labels = distances.min(1).values, distances[:, :3].argmin(1)
    member = torch.nn.functional.one_hot(labels, 4).double()
    nearest = _infinitely_far(x, 1)
    fused_approach(x, centers[:, :, 0], nearest)
    pairs = (
        (fused_sums(x, centers, torch.ones(1, 1, dtype=torch.int32, device=device))[0], member.mT @ x[0].double()),
        (fused_labels(x, centers)[0], labels),
        (fused_labels(x, centers)[1], smallest.sum()),
        (nearest.view(-1)[:100], distances[:, 0]),
        (fused_potentials(x, centers, nearest), torch.minimum(distances, distances[:, :1]).sum(0)),
    )
    return largest_difference(pairs)


@torch.no_grad()
def cluster_by_kernels(
    z: Tensor, k: int, draws: Tensor, *, prepare: Callable[[Tensor], Tensor], budget: int
) -> tuple[Tensor, Tensor]:
    """Cluster the rows of every latent, as ``lloyd.cluster`` does.

    Args:
        z: Latents, float32 [b, n, d], with d up to 128.
        k: Number of clusters, up to 64.
        draws: Uniform numbers of each latent's starts, [b, s, ·], from ``start_draws``.
        prepare: Scaling of the latents, [b, n, d], before the clustering.
        budget: Bytes that one chunk may take. A chunk has at least one latent.

    Returns:
        Cluster numbers int64 [b, n], and the inertia of each latent's best start [b], in double precision.
    """
    from benchmark.tasks.batched.lloyd_kernels import STRIP, fused_labels, strips

    b, n, d = z.shape
    # nearest distances, labels, a strip for each candidate, and the sums of each strip
    start = 8 * strips(n) * STRIP + 24 * STRIP * local_trials(k) + 4 * strips(n) * k * (d + 1)
    labels, inertias = z.new_empty(b, n, dtype=torch.int64), z.new_empty(b, dtype=torch.float64)
    for part in chunks(b, max(draws.shape[1] * start, 16 * n * d), budget):
        prepared = prepare(z[part])
        x = (prepared - prepared.mean(dim=1, keepdim=True, dtype=torch.float64)).float().contiguous()
        found, inertia = fused_labels(x, _moved(x, _first_centers(x, k, draws[part])))
        best = inertia.argmin(dim=1)
        latent = torch.arange(len(x), device=z.device)
        labels[part], inertias[part] = found[latent, best].long(), inertia[latent, best]
    return labels, inertias


def _infinitely_far(x: Tensor, starts: int) -> Tensor:
    """Squared distances before the first center, [b, s, strips, STRIP]: infinite, and 0 from row n on."""
    from benchmark.tasks.batched.lloyd_kernels import STRIP, strips

    b, n, _ = x.shape
    nearest = x.new_zeros(b, starts, strips(n), STRIP)
    nearest.view(b, starts, -1)[..., :n] = torch.inf
    return nearest


def _first_centers(x: Tensor, k: int, draws: Tensor) -> Tensor:
    """Centers of greedy k-means++, [b, s, k, d], as in ``lloyd``."""
    from benchmark.tasks.batched.lloyd_kernels import fused_approach, fused_potentials

    b, n, d = x.shape
    s, trials = draws.shape[1], local_trials(k)
    latent = torch.arange(b, device=x.device)[:, None]
    centers = x.new_empty(b, s, k, d)
    centers[:, :, 0] = x[latent, (draws[..., 0] * n).long().clamp_(max=n - 1)]
    nearest = _infinitely_far(x, s)
    for j in range(1, k):
        sums = fused_approach(x, centers[:, :, j - 1], nearest)
        candidates = _drawn(nearest, sums, draws[..., 1 + (j - 1) * trials : 1 + j * trials]).clamp_(max=n - 1)
        places = x[latent[..., None], candidates]  # [b, s, trials, d]
        best = fused_potentials(x, places, nearest).argmin(dim=-1)[..., None, None]
        centers[:, :, j] = places.gather(2, best.expand(-1, -1, 1, d))[:, :, 0]
    return centers


def _drawn(nearest: Tensor, sums: Tensor, uniform: Tensor) -> Tensor:
    """Rows drawn with probabilities proportional to ``nearest``, [b, s, t]: first the strip, then the row in it.

    The rows are those of one search over all cumulative sums, which would take more memory.

    Args:
        nearest: [b, s, strips, STRIP].
        sums: Its sums, float64 [b, s, strips].
        uniform: Numbers in [0, 1), float64 [b, s, t].
    """
    b, s, count, length = nearest.shape
    cumulative = sums.cumsum(dim=-1)
    aims = uniform * cumulative[..., -1:]
    strip = torch.searchsorted(cumulative, aims).clamp_(max=count - 1)
    below = (cumulative - sums).gather(-1, strip)
    latent, start = (torch.arange(size, device=nearest.device) for size in (b, s))
    within = nearest[latent[:, None, None], start[:, None], strip].cumsum(dim=-1, dtype=torch.float64)
    row = torch.searchsorted(within, (aims - below)[..., None])[..., 0]
    return strip * length + row


def _moved(x: Tensor, centers: Tensor) -> Tensor:
    """Move centers [b, s, k, d] to the means of their rows until they settle, as in ``lloyd``.

    A start that has ended stays in the batch, and the kernel skips it. So the host need not know after each iteration
    which starts have ended. An empty cluster needs the host. If one occurred, the iterations since the last look are
    done again, with a look at each of them.
    """
    limit = TOLERANCE * x.var(dim=1, correction=0).mean(dim=-1, keepdim=True)
    moving = (limit > 0).expand(centers.shape[:2])
    for _ in range(ITERATIONS // _LOOK):
        before = centers, moving
        empty = torch.zeros_like(moving)
        for _ in range(_LOOK):
            centers, moving, found = _iteration(x, centers, moving, limit, fill=False)
            empty = empty | found
        some_move, some_empty = torch.stack([moving.any(), empty.any()]).tolist()
        if some_empty:
            centers, moving = before
            for _ in range(_LOOK):
                centers, moving, _ = _iteration(x, centers, moving, limit, fill=True)
            some_move = bool(moving.any())
        if not some_move:
            break
    return centers


def _iteration(
    x: Tensor, centers: Tensor, moving: Tensor, limit: Tensor, *, fill: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Move the centers of ``moving`` starts once.

    Args:
        x: Rows, [b, n, d].
        centers: Centers, [b, s, k, d].
        moving: Whether a start still moves, [b, s].
        limit: Squared shift at which a start ends, [b, 1].
        fill: Whether empty clusters get rows, by the host. Otherwise centers of such a start are wrong.

    Returns:
        The new centers, which starts still move, and which moving starts had an empty cluster.
    """
    from benchmark.tasks.batched.lloyd_kernels import fused_sums

    sums, counts = fused_sums(x, centers, moving.int())
    empty = (counts == 0).any(dim=-1) & moving
    if fill:
        for i, j in empty.nonzero().tolist():
            rows, rounding = pad(x[i], (0, 1), value=1.0), _ROUNDING * float(limit[i])
            filled = sums_of_clusters(rows, centers[i, j], rounding=rounding)
            sums[i, j], counts[i, j] = filled[:, :-1], filled[:, -1]
    new = sums / counts.clamp(min=1)[..., None]  # a start that has ended has no sums
    shift = (new - centers).square().sum(dim=(-2, -1))
    return torch.where(moving[..., None, None], new, centers), moving & (shift > limit), empty
