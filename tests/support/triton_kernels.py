"""Run or compile the fused kernels of all pairs without a GPU, and print what was found as JSON.

usage: python tests/support/triton_kernels.py interpret|compile

A process of its own: Triton reads TRITON_INTERPRET when it is imported, and then never compiles.
"""

import json
import os
import sys

import numpy as np
import torch
from torch.nn.functional import softplus

FORMS = (("balanced", True, False), ("unweighted", True, True), ("unweighted", False, False), ("balanced", False, True))
SHAPES = ((1, 2, 1), (3, 3, 2), (1, 65, 5), (2, 131, 16), (3, 77, 33), (2, 129, 7), (1, 97, 100), (1, 257, 128))
CARDS = (80, 90)  # compute capability of an A100 and an H100, times 10
WIDTHS = (16, 128)


def pairs_of(n, r, rng):
    """One edge array per replica, each with another number of edges."""
    upper = np.stack(np.triu_indices(n, 1), axis=1)
    return [upper[np.sort(rng.choice(len(upper), 1 + min(len(upper) - 1, n + k), replace=False))] for k in range(r)]


def dense(z, edges, strengths, weight, norm, *, loops):
    """The cost of every replica by n × n logits and targets, [r]."""
    costs = []
    for k, (ends, values) in enumerate(zip(edges, strengths, strict=True)):
        target = torch.eye(z.shape[1], dtype=z.dtype) * loops
        i, j = ends.T
        target[i, j] = target[j, i] = torch.tensor(values, dtype=z.dtype)
        logits = z[k] @ z[k].T
        costs.append(norm[k] * (weight[k] * target * softplus(-logits) + (1 - target) * softplus(logits)).sum())
    return torch.stack(costs)


def let_scalars_be_indices():
    """Let the interpreter of Triton before 3.7 turn a scalar into an integer, which fails with NumPy 2.4."""
    from triton.runtime import interpreter

    original = interpreter._patch_lang_tensor

    def patched(tensor, *others):
        original(tensor, *others)
        tensor.__index__ = lambda self: int(self.handle.data.item())

    interpreter._patch_lang_tensor = patched


def interpreted():
    """The relative errors of value and gradient in every form and shape, against the dense form in float64."""
    from benchmark.models.numerics import all_pairs, pair_kernels
    from benchmark.models.numerics.pairs import pair_cross_entropy
    from benchmark.models.parts import likelihoods
    from benchmark.training.graph import Graph

    let_scalars_be_indices()
    all_pairs._fused = lambda z: z.dtype == torch.float32
    used = []
    for name in ("fused_softplus", "fused_gradient"):
        original = getattr(pair_kernels, name)
        setattr(pair_kernels, name, lambda z, original=original, name=name: used.append(name) or original(z))
    for number, (r, n, d) in enumerate(SHAPES):
        rng = np.random.default_rng(number)
        for weigh, loops, graded in FORMS if number in (2, 3) else FORMS[number % 4 :][:1]:
            edges = pairs_of(n, r, rng)
            strengths = [rng.choice([0.5, 1.0] if graded else [1.0], len(ends)).astype(np.float32) for ends in edges]
            z = torch.tensor(rng.standard_normal((r, n, d)) * (2.0 / d**0.5), dtype=torch.float32).requires_grad_()
            graph = Graph.of(edges, n, device="cpu", dtype=z.dtype, weights=strengths if graded else None)
            weight, norm = getattr(likelihoods, weigh)(n, graph.counts)
            used.clear()
            found = pair_cross_entropy(z, graph, weight, norm, value=True, loops=loops)
            (gradient,) = torch.autograd.grad(found.sum(), z)
            exact = z.detach().double().requires_grad_()
            expected = dense(exact, edges, strengths, weight.double(), norm.double(), loops=loops)
            (slope,) = torch.autograd.grad(expected.sum(), exact)
            yield {
                "form": f"r={r} n={n} d={d} {weigh} loops={loops} graded={graded}",
                "used": sorted(used),
                "value": float(((found - expected) / expected).detach().abs().max()),
                "gradient": float((gradient - slope).norm() / slope.norm()),
            }


def compiled():
    """Bytes of shared memory of each kernel, compiled for each card."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from benchmark.models.numerics import pair_kernels

    for card in CARDS:
        for width in WIDTHS:
            height, across = pair_kernels._TILES[width]
            chosen = {"d": width - 1, "width": width, "height": height, "across": across, "precision": "tf32x3"}
            for kernel, kind in ((pair_kernels._sum_slopes, "*fp32"), (pair_kernels._sum_softplus, "*fp64")):
                signature = {"z": "*fp32", "sums": kind, "n": "i32", **dict.fromkeys(chosen, "constexpr")}
                source = ASTSource(kernel, signature, chosen)
                options = {"enable_fp_fusion": True}
                made = triton.compile(source, target=GPUTarget("cuda", card, 32), options=options)
                yield {"kernel": kernel.fn.__name__, "card": card, "d": width - 1, "shared": made.metadata.shared}


if __name__ == "__main__":
    if sys.argv[1] == "interpret":
        os.environ["TRITON_INTERPRET"] = "1"
    print(json.dumps(list(interpreted() if sys.argv[1] == "interpret" else compiled())))
