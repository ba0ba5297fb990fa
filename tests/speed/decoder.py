"""One step of the exact inner-product decoder: ours, dense autograd, and plain blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.models.numerics.all_pairs import gradient_of_all_pairs, why_blocks
from benchmark.models.numerics.pairs import pair_cross_entropy
from benchmark.models.parts.likelihoods import balanced
from benchmark.training.graph import Graph
from speed.place import Place
from speed.turns import Options, Row, Way, in_turn, summary, workers


def _pairs(at: Place, n: int, d: int, r: int, scale: float = 0.5) -> tuple[torch.Tensor, list[np.ndarray]]:
    rng = np.random.default_rng(n)
    z = torch.tensor(scale * rng.standard_normal((r, n, d), dtype=np.float32), device=at.device).requires_grad_()
    codes = [np.unique(rng.integers(0, n * n, 3 * n)) for _ in range(r)]
    edges = [np.stack(np.divmod(code, n), axis=1) for code in codes]
    return z, [ends[ends[:, 0] < ends[:, 1]] for ends in edges]


def _repeated(at: Place, step: Callable[[], Any]) -> tuple[Row, Any]:
    """Time a step, averaged over some tenths of a second of steps, and return its last result too.

    Memory is that of the first step, because later steps reuse it.
    """
    first: Row = {}
    with at.timed(first):
        result = step()
    if first["seconds"] > 2.0:
        return first, result
    steps, row = max(1, min(100, int(0.3 / first["seconds"]))), dict(first)
    with at.timed(row):
        for _ in range(steps):
            result = step()
    return row | {"seconds": row["seconds"] / steps, "peak": first["peak"], "above": first["above"]}, result


def decoder_ours(at: Place, *, n: int, d: int = 16, r: int = 1, value: bool = False, check: bool = False) -> Row:
    """Time our gradient, or gradient and value. ``check`` compares the gradient with the dense form in float64."""
    z, edges = _pairs(at, n, d, r)
    graph = Graph.of(edges, n, device=at.device, dtype=z.dtype)
    weight, norm = balanced(n, graph.counts)

    def step() -> torch.Tensor:
        z.grad = None
        pair_cross_entropy(z, graph, weight, norm, value=value).sum().backward()
        return z.grad

    row, gradient = _repeated(at, step)
    if check:
        row["error"] = _error(gradient, z, edges)
    return row


def _error(gradient: torch.Tensor, z: torch.Tensor, edges: Sequence[np.ndarray]) -> float:
    exact = z.detach().double().requires_grad_()
    _dense_cost(exact, _dense_targets(edges, exact)).backward()
    return float((gradient - exact.grad).norm() / exact.grad.norm())


def _dense_targets(edges: Sequence[np.ndarray], z: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Make targets [n, n], weight of the positives and norm of each replica."""
    n, found = z.shape[1], []
    for ends in edges:
        target = torch.eye(n, dtype=z.dtype, device=z.device)
        i, j = torch.tensor(ends.T, device=z.device)
        target[i, j] = target[j, i] = 1.0
        found.append((target, *balanced(n, torch.tensor(float(len(ends)), dtype=z.dtype, device=z.device))))
    return found


def _dense_cost(z: torch.Tensor, targets: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
    return sum(
        norm * binary_cross_entropy_with_logits(replica @ replica.T, target, pos_weight=weight, reduction="sum")
        for replica, (target, weight, norm) in zip(z, targets, strict=True)
    )


def decoder_dense(at: Place, *, n: int, d: int = 16, r: int = 1, check: bool = False) -> Row:
    """Time n × n logits and targets under autograd. Making the targets is not timed."""
    z, edges = _pairs(at, n, d, r)
    targets = _dense_targets(edges, z)

    def step() -> torch.Tensor:
        z.grad = None
        _dense_cost(z, targets).backward()
        return z.grad

    row, gradient = _repeated(at, step)
    if check:
        row["error"] = _error(gradient, z, edges)
    return row


def decoder_blocks(at: Place, *, n: int, d: int = 16, r: int = 1, value: bool = False, check: bool = False) -> Row:  # noqa: ARG001, it never has the value
    """Time the plain form of ours: upper blocks of 256 × 2,048, the logistic function in place, and no edges."""
    replicas = _pairs(at, n, d, r)[0].detach()

    def step() -> torch.Tensor:
        gradients = []
        for z in replicas:
            gradient = torch.zeros_like(z)
            for top in range(0, n, 256):
                rows = z[top : top + 256]
                for left in range(top, n, 2048):
                    columns = z[left : left + 2048]
                    own = len(rows) if left == top else 0
                    scores = (rows @ columns.T).sigmoid_()
                    gradient[top : top + 256].addmm_(scores, columns)
                    gradient[left + own : left + 2048].addmm_(scores[:, own:].T, rows)
            gradients.append(gradient)
        return torch.stack(gradients)

    row, gradient = _repeated(at, step)
    if check:
        exact = 0.5 * gradient_of_all_pairs(replicas.double())
        row["error"] = float((gradient - exact).norm() / exact.norm())
    return row


def rates(at: Place) -> Row:
    """Measure operations per second of a large float32 product, and bytes per second of a large copy, for ``floor``."""
    a = torch.randn(2048, 2048, device=at.device)
    b, c = torch.randn(2**26, device=at.device), torch.zeros(2**26, device=at.device)
    row: Row = {}
    for name, amount, work in (
        ("operations", 2 * 2048**3, lambda: a @ a),
        ("bytes", 8 * len(b), lambda: c.copy_(b)),
    ):
        row[name] = amount / min(_repeated(at, work)[0]["seconds"] for _ in range(3))
    return row | {"seconds": 0.0}


def floor(n: int, d: int, r: int, speed: Row, device: str) -> float:
    """Compute the least seconds of a step: three float32 products of n²/2 pairs in d dimensions, at a measured speed.

    A block does not fit in the cache of a GPU. Without the fused kernels, every logit is also written twice and read
    three times there, and the larger of both times counts. Fused kernels use tensor cores, so they may be faster still.
    """
    operations = 3.0 * r * n**2 * d
    moved = 5 * 4 * r * n**2 / 2 if device == "cuda" and why_blocks() else 0.0
    return max(operations / speed["operations"], moved / speed["bytes"])


WAYS: dict[str, Way] = {
    "decoder: ours": decoder_ours,
    "decoder: ours, with value": partial(decoder_ours, value=True),
    "decoder: row blocks, plain": decoder_blocks,
    "decoder: dense autograd": decoder_dense,
    "rates": rates,
}
_DENSE_NODES = 20_000  # the dense form of more nodes does not fit in memory


def measure(options: Options) -> Iterator[Row]:
    """Measure one size after the other, the ways in turn."""
    sizes = [(1_000, 1), (2_708, 1), (2_708, 10), (20_000, 1)]
    sizes += [(170_000, 1)] if options.device == "cuda" else []
    names = [name for name in WAYS if name != "rates"]
    with workers(["rates"], options.device, options.root) as started:
        speed = started["rates"].run({})
    with workers(names, options.device, options.root) as started:
        yield {"what": "rates of the machine", **{key: speed[key] for key in ("operations", "bytes")}}
        for n, r in sizes:
            here = {
                name: worker
                for name, worker in started.items()
                if n <= _DENSE_NODES or name.startswith("decoder: ours")
            }
            repeats = options.repeats if n < _DENSE_NODES or options.device == "cuda" else 1
            work: Row = {"n": n, "r": r}
            found = in_turn(here, [work] * repeats)
            checked = here["decoder: ours"].run(work | {"check": True})["error"] if n < _DENSE_NODES else None
            for name, runs in found.items():
                row = {"what": f"n = {n:,}, r = {r}, d = 16", "way": name, **summary(runs, found["decoder: ours"])}
                if name == "decoder: ours":
                    row |= {"floor": floor(n, 16, r, speed, options.device), "error": checked}
                yield row
