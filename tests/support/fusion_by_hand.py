"""The models of Tu et al. (2021) on tiny data, and their formulas written out for one replica with dense matrices."""

from __future__ import annotations

import numpy as np
import torch

from benchmark.core.rng import torch_generators
from benchmark.models import MODELS, FusionSpec
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws
from benchmark.training.random_streams import random_streams

FUSED = [row for row in MODELS if isinstance(row, FusionSpec)]
BY_NAME = {row.name: row for row in FUSED}
AE, IGAE, DFCN = (BY_NAME[name] for name in ("dfcn-ae", "igae", "dfcn"))
N, F, K, SEEDS = 30, 8, 3, (0, 1, 2)
SMALL = {
    "dfcn-ae": {"hidden": (8, 7, 6), "latent": 4, "epochs": 3, "batch": 16},
    "igae": {"hidden": (8, 7), "latent": 4, "epochs": 3},
    "dfcn": {
        "hidden": (8, 7, 6),
        "latent": 4,
        "epochs": 3,
        "pretraining_epochs": (2, 2, 2),
        "pretraining_batch": 16,
    },
}


def edges_of(seed):
    """60 edges [m, 2] that leave the last two nodes isolated."""
    i, j = np.triu_indices(N - 2, 1)
    chosen = np.sort(np.random.default_rng(seed).choice(len(i), size=60, replace=False))
    return np.stack([i[chosen], j[chosen]], axis=1)


X = np.random.default_rng(0).random((N, F), dtype=np.float32) - np.float32(0.3)
GRAPHS = [edges_of(seed) for seed in SEEDS]


def small(spec, **overrides):
    """Settings of the model with small layers and few epochs."""
    return spec.overridden(SMALL[spec.name] | overrides)


def inputs_of(spec, graphs=GRAPHS, x=X, dtype=torch.float64):
    """Inputs with one replica for each of the graphs."""
    edges = graphs if spec.uses_graph else None
    return Inputs.of(x, edges, replicas=len(graphs), device="cpu", dtype=dtype, dense=True, clusters=K)


def built(spec, inputs, seeds=SEEDS, **overrides):
    """The untrained network of the model in float64, with small layers."""
    streams = lambda name: torch_generators(tuple(seeds), "weights", name, device="cpu")  # noqa: E731
    return spec.build(small(spec, **overrides), inputs, streams).double()


def draws(seeds=SEEDS):
    """Random generators of every purpose, one per seed."""
    return Draws.of(lambda purpose: random_streams(seeds, purpose, device="cpu"))


def stirred(model):
    """The network with larger weights, which bend every nonlinearity, and with arbitrary γ, a and centres."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "share":
                parameter.uniform_(0, 1, generator=generator)
            elif name in ("attention", "centres"):
                parameter.normal_(generator=generator)
            else:
                parameter.mul_(2.5)
    return model


def of_replica(model, replica):
    """The parameters of one replica by name, as new leaf tensors."""
    return {name: p[replica].detach().clone().requires_grad_() for name, p in model.named_parameters()}


def smoothing_of(edges):
    """Ã = D⁻¹(A + I) as a dense matrix."""
    dense = np.eye(N)
    dense[edges[:, 0], edges[:, 1]] = dense[edges[:, 1], edges[:, 0]] = 1
    return torch.tensor(dense / dense.sum(1, keepdims=True))


def mlp(p, part, z):
    """Layers z W + b, with max(z, 0.2 z) between layers."""
    depth = 0
    while f"{part}.{depth}.weight" in p:
        z = z if depth == 0 else torch.maximum(z, 0.2 * z)
        z = z @ p[f"{part}.{depth}.weight"] + p[f"{part}.{depth}.bias"]
        depth += 1
    return z


def convolved(p, part, z, smooth, *, last):
    """Layers Ã tanh(z W). The last layer has its tanh only if ``last``."""
    weights = [p[f"{part}.{depth}.weight"] for depth in range(sum(name.startswith(part) for name in p))]
    for depth, weight in enumerate(weights):
        product = z @ weight
        z = smooth @ (torch.tanh(product) if last or depth < len(weights) - 1 else product)
    return z


def logistic(z):
    """The logistic function."""
    return 1 / (1 + torch.exp(-z))


def dense_adjacency_error(z, made, smooth):
    """The mean of (g(zzᵀ) + g(ẑẑᵀ) − Ã)² over all entries."""
    return ((logistic(z @ z.T) + logistic(made @ made.T) - smooth) ** 2).mean()


def graph_cost(x, z, made, smooth):
    """The loss of IGAE."""
    return ((made - smooth @ x) ** 2).mean() + 0.1 * dense_adjacency_error(z, made, smooth)


def fused_by_hand(p, x, smooth):
    """The latents z̃, z_AE and z_IGAE of DFCN."""
    own = mlp(p, "inner.encoding", x)
    graph = convolved(p, "graphs.encoding", x, smooth, last=False)
    local = smooth @ (p["share"] * own + (1 - p["share"]) * graph)
    scores = torch.exp(local @ local.T)
    attention = scores / scores.sum(1, keepdim=True)
    return p["attention"] * (attention @ local) + local, own, graph


def error_by_hand(p, fused, graph, x, smooth):
    """The errors of both decoders of DFCN, summed."""
    made = convolved(p, "graphs.decoding", fused, smooth, last=True)
    return ((mlp(p, "inner.decoding", fused) - x) ** 2).mean() + graph_cost(x, graph, made, smooth)


def student(z, centres):
    """Soft assignments q_ij = (1 + ‖z_i − c_j‖²)⁻¹, normalised over j."""
    near = torch.stack([1 / (1 + ((z - centre) ** 2).sum(1)) for centre in centres], dim=1)
    return near / near.sum(1, keepdim=True)


def target_by_hand(q):
    """Target assignments p_ij = q_ij²/Σ_i q_ij, normalised over j."""
    weight = q**2 / q.sum(0)
    return weight / weight.sum(1, keepdim=True)


def divergence_by_hand(p, latents):
    """The cluster divergence of DFCN, in nats."""
    logs = [student(z, p["centres"]).log() for z in latents]
    target = target_by_hand(logs[0].exp()).detach()
    return (target * (target.log() - (logs[0] + logs[1] + logs[2]) / 3)).sum() / N


def close(found, expected, rtol=1e-10, atol=1e-12):
    """Assert that two tensors agree, in the dtype of the first."""
    torch.testing.assert_close(found, torch.as_tensor(expected).to(found.dtype), rtol=rtol, atol=atol)
