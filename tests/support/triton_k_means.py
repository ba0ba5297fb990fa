"""Run or compile the fused kernels of k-means without a GPU, and print what was found as JSON.

usage: python tests/support/triton_k_means.py interpret|compile

A process of its own: Triton reads TRITON_INTERPRET when it is imported, and then never compiles.
"""

import json
import os
import sys
from itertools import product
from unittest import mock

import numpy as np
import torch
from triton_kernels import let_scalars_be_indices

SHAPES = ((1, 2, 1, 1, 1), (2, 67, 3, 7, 2), (1, 1030, 16, 15, 1), (2, 40, 33, 17, 1), (1, 70, 128, 64, 1))  # bndks
# ten times the compute capability of an A100 and an H100, and padded d and k; the largest centers have other tiles
COMPILED = ((90, 16, 16), (80, 128, 64), (90, 128, 64))


def noise(seed, *shape):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def apart(found, exact):
    """The largest difference, relative to the largest number."""
    return float((found.double() - exact.double()).abs().max() / exact.double().abs().max().clamp(min=1e-30))


def each_kernel():
    """The errors of every kernel in every shape, against the dense form in float64."""
    from benchmark.tasks.batched import lloyd_kernels as kernels

    for number, (b, n, d, k, s) in enumerate(SHAPES):
        x, centers = noise(number, b, n, d), noise(-number - 1 & 0xFF, b, s, k, d)
        centers[:, :, -1] = centers[:, :, 0]  # a tie at every row of the first center
        squares = (x[:, None, :, None].double() - centers[:, :, None].double()).square().sum(-1)  # [b, s, n, k]
        smallest, labels = squares.min(-1)
        member = torch.nn.functional.one_hot(labels, k).double()
        moving = torch.ones(b, s, dtype=torch.int32)
        moving[0, -1] = s == 1
        sums, counts = kernels.fused_sums(x, centers, moving)
        found, inertia = kernels.fused_labels(x, centers)
        nearest = torch.zeros(b, s, kernels.strips(n), kernels.STRIP)
        rows = nearest.view(b, s, -1)[..., :n]
        rows.fill_(torch.inf)
        for place in (0, k // 2):
            upto = kernels.fused_approach(x, centers[:, :, place], nearest)
        lowest = torch.minimum(squares[..., 0], squares[..., k // 2])
        left = torch.minimum(lowest[..., None], squares).sum(2)
        again = kernels.fused_sums(x, centers, moving), kernels.fused_labels(x, centers)
        yield {
            "shape": [b, n, d, k, s],
            "sums": apart(sums, (member.mT @ x[:, None].double()) * moving[..., None, None]),
            "counts": bool((counts == member.sum(2) * moving[..., None]).all()),
            "labels": bool((found == labels).all()),
            "inertia": apart(inertia, smallest.sum(-1)),
            "nearest": apart(rows, lowest),
            "strips": apart(upto.sum(-1), lowest.sum(-1)),
            "beyond": float(nearest.view(b, s, -1)[..., n:].abs().sum()),
            "potentials": apart(kernels.fused_potentials(x, centers, nearest), left),
            "again": all(
                torch.equal(*pair) for pair in zip((sums, counts, found, inertia), sum(again, ()), strict=True)
            ),
        }


def whole():
    """Clusters by the kernels and by products of matrices, and the centers of scikit-learn's k-means++."""
    from sklearn.cluster import kmeans_plusplus

    from benchmark.tasks.batched import fused_lloyd, lloyd
    from benchmark.tasks.batched import lloyd_kernels as kernels
    from benchmark.tasks.batched.columns import unchanged_latents
    from benchmark.tasks.batched.lloyd_rules import start_draws

    def both(z, k, starts):
        draws = torch.tensor(start_draws(3, k, starts)).expand(len(z), -1, -1)
        given = {"prepare": unchanged_latents, "budget": 1 << 24}
        with mock.patch.object(fused_lloyd, "sums_of_clusters", wraps=fused_lloyd.sums_of_clusters) as filled:
            found = fused_lloyd.cluster_by_kernels(z, k, draws, **given)
        return found, lloyd.cluster(z, k, draws, **given), filled.call_count

    kernels.STRIP, kernels.rows_of_tile = 128, lambda *_: 64  # several strips of few rows
    n = 60
    blobs = 8 * torch.eye(4)[torch.arange(n) % 4] + noise(0, n, 4)
    line = torch.zeros(n, 4)
    line[:, 0] = torch.linspace(0, 1, n) ** 3  # Lloyd's iterations are many
    cases = {
        "blobs": (blobs[None], 4, 3),
        "several": (torch.stack([noise(1, n, 4), blobs, line, torch.full((n, 4), 0.1)]), 3, 2),
        "five rows": (noise(2, 5, 4)[torch.arange(n) % 5][None], 7, 2),
        "three strips": (noise(4, 300, 3)[None], 5, 1),
    }
    for name, (z, k, starts) in cases.items():
        (labels, inertia), (expected, lowest), filled = both(z, k, starts)
        yield {
            "case": name,
            "labels": bool((labels == expected).all()),
            "inertia": float((inertia - lowest).abs().max()),
            "filled": filled,
        }
        if name == "several":
            alone = torch.cat([both(each[None], k, starts)[0][0] for each in z[:2]])
            yield {"case": "alone", "labels": bool((labels[:2] == alone).all())}
    z = noise(5, 500, 3)
    centred = z - z.mean(0)
    random = np.random.RandomState(5)
    expected = np.stack([kmeans_plusplus(centred.numpy(), 6, random_state=random)[0] for _ in range(3)])
    found = fused_lloyd._first_centers(centred[None], 6, torch.tensor(start_draws(5, 6, 3))[None])[0]
    yield {"case": "first centers", "labels": bool(np.abs(found.numpy() - expected).max() < 1e-5)}


def check():
    """The error that ``doctor``'s check finds."""
    from benchmark.tasks.batched import lloyd_kernels as kernels
    from benchmark.tasks.batched.fused_lloyd import largest_error

    right, device = kernels.fused_potentials, torch.device("cpu")
    with mock.patch.object(kernels, "fused_potentials", lambda *given: right(*given) * 1.001):
        wrong = largest_error(device)
    return {"case": "check", "error": largest_error(device), "wrong": wrong}


def compiled():
    """Bytes of shared memory of each kernel, compiled for each card."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from benchmark.tasks.batched import lloyd_kernels as kernels

    outputs = {
        "_sum_rows": {"moving": "*i32", "sums": "*fp32", "counts": "*fp32"},
        "_label_rows": {"labels": "*i32", "inertia": "*fp64"},
        "_sum_candidates": {"nearest": "*fp32", "potentials": "*fp64"},
        "_approach": {"nearest": "*fp32", "sums": "*fp64"},
    }
    for (card, width, wide), (name, others) in product(COMPILED, outputs.items()):
        chosen = {
            "strip": kernels.STRIP,
            "height": kernels.rows_of_tile(width, wide),
            "width": width,
            "wide": wide,
        }
        second = "candidates" if name == "_sum_candidates" else "centers"
        signature = {"x": "*fp32", second: "*fp32", **others, "n": "i32", "d": "i32", "k": "i32"}
        signature |= dict.fromkeys(chosen, "constexpr")
        aligned = [place for place, (key, kind) in enumerate(signature.items()) if kind[0] == "*" or key == "d"]
        attributes = {(place,): [["tt.divisibility", 16]] for place in aligned}
        source = ASTSource(getattr(kernels, name), signature, chosen, attributes)
        options = kernels.options(width, wide)
        made = triton.compile(source, target=GPUTarget("cuda", card, 32), options=options)
        yield {"kernel": name, "card": card, "width": width, "wide": wide, "shared": made.metadata.shared}


if __name__ == "__main__":
    if sys.argv[1] == "interpret":
        os.environ["TRITON_INTERPRET"] = "1"
        import triton  # noqa: F401, reads the variable

        let_scalars_be_indices()
        print(json.dumps([*each_kernel(), check(), *whole()]))
    else:
        print(json.dumps(list(compiled())))
