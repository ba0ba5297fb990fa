"""Models of the table on tiny data, and their networks and losses written out in numpy."""

from __future__ import annotations

import random
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, gammaln, ive, logsumexp, softmax

from benchmark.contracts.contract import global_draws
from benchmark.core.rng import torch_generators
from benchmark.models import MODELS, ControlSpec, ModelSpec, NoisedSpec, Settings
from benchmark.models.parts.decoders import GRAPH_CONVOLUTION_DECODER
from benchmark.models.parts.encoders import MLP_OF_LOGARITHMS
from benchmark.models.parts.likelihoods import NEGATIVE_BINOMIAL
from benchmark.models.parts.posterior_families import (
    AS_PRINTED,
    DIRECT,
    FIXED,
    LOG_STD,
    LOG_VARIANCE,
    POINT,
    VON_MISES_FISHER,
)
from benchmark.models.systems.autoencoder import Autoencoder
from benchmark.training.graph import Graph
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws
from benchmark.training.random_streams import GeneratorStreams, random_streams

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # importing torch-geometric warns
    from torch_geometric.nn import GAE, VGAE, GATConv, GCNConv, SAGEConv  # noqa: F401, for the tests

NETWORKS = [row for row in MODELS if isinstance(row, ModelSpec)]
TRAINED = [row for row in NETWORKS if row.settings.epochs]
NOISY = [row for row in TRAINED if row.noisy]
SPHERICAL = [row for row in NOISY if row.posterior is VON_MISES_FISHER]
CONVOLVED = [row for row in NETWORKS if row.settings.convolution]
LEARNED_PRIOR = [row for row in TRAINED if row.prior.learned]
STANDARD = [row for row in NOISY if row not in LEARNED_PRIOR]
NOISED = [row for row in MODELS if isinstance(row, NoisedSpec)]
FITTED = [*TRAINED, *NOISED]
CONTROLS = [row for row in MODELS if isinstance(row, ControlSpec)]
BY_NAME = {row.name: row for row in MODELS}
ROWS, FEATURES = 30, 8


def each_model(specs):
    """Run a test for each of the models, under its name. There must be at least one."""
    assert specs
    return pytest.mark.parametrize("spec", specs, ids=lambda spec: spec.name)


@contextmanager
def global_states_untouched():
    """Assert that the block neither seeds nor draws from a global random generator."""
    torch.rand(1), np.random.rand(), random.random()  # away from any freshly seeded state
    with global_draws() as drawn:
        yield
    assert drawn.names == ""


def data(n=ROWS, f=FEATURES, *, seed=0, each=2):
    """Make features in [0, 1], [n, f], and ``each``·n edges, [m, 2]. The last two nodes are isolated."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, f), dtype=np.float32)
    i, j = np.triu_indices(n - 2, 1)
    chosen = np.sort(rng.choice(len(i), size=each * n, replace=False))
    return x, np.stack([i[chosen], j[chosen]], axis=1)


GRAPHS = [data(seed=seed)[1] for seed in range(10)]


def small(spec: ModelSpec | NoisedSpec, **overrides) -> Settings:
    """The model's settings at its own depth, with layers of 8, 7, … units and d = 4."""
    widths = tuple(8 - layer for layer in range(len(spec.settings.hidden)))
    return spec.overridden({"hidden": widths, "latent": 4} | overrides)


def inputs_of(spec, x, edges, replicas=1, dtype=torch.float64) -> Inputs:
    """Make inputs from x as it is. ``edges`` is one array for all replicas, or a list of them."""
    graph = edges if isinstance(edges, list) else [edges] * replicas
    graph = graph if spec.uses_graph else None
    return Inputs.of(x, graph, replicas=replicas, device="cpu", dtype=dtype, dense=not spec.uses_graph)


def tiny(spec, replicas=1, dtype=torch.float64, **shape) -> Inputs:
    """Make the inputs that the model sees of ``data``, with equal edges in every replica."""
    x, edges = data(**shape)
    return inputs_of(spec, spec.network.seen(x), edges, replicas, dtype)


def short(spec, epochs=5, **overrides) -> Settings:
    """The model's settings for a few epochs on ``data``. Mini-batches, if any, have 16 and 14 rows."""
    batches = {} if spec.uses_graph else {"batch": 16, "least_steps": 0}
    return small(spec, **{"epochs": epochs, **batches, **overrides})


def inputs_for(spec, replicas, device="cpu") -> Inputs:
    """Make inputs in float32, as in real runs. Every replica has its own edges."""
    x, _ = data()
    graphs = GRAPHS[:replicas] if spec.uses_graph else None
    return Inputs.of(spec.network.seen(x), graphs, replicas=replicas, device=device, dense=not spec.uses_graph)


def built(spec: ModelSpec, inputs: Inputs, seeds=(0,), settings: Settings | None = None) -> Autoencoder:
    """The untrained network of the model, in float64."""
    streams = partial(torch_generators, tuple(seeds), "weights", device="cpu")
    return spec.build(settings or spec.settings, inputs, streams).double()


def draws(seeds=(0,), **others) -> Draws:
    """Random streams of every purpose. ``others`` gives some purposes other seeds."""
    return Draws.of(lambda purpose: random_streams(others.get(purpose, seeds), purpose, device="cpu"))


def tensors(model, replica=0) -> dict[str, NDArray[np.float64]]:
    """The parameters of one replica by name."""
    return {name: p[replica].detach().double().numpy() for name, p in model.named_parameters()}


def propagation(edges, n) -> NDArray[np.float64]:
    """Â of undirected edges, as a dense matrix."""
    loops = target(edges, n)
    scale = np.diag(loops.sum(1) ** -0.5)
    return scale @ loops @ scale


def target(edges, n) -> NDArray[np.float64]:
    """A + I, as a dense matrix."""
    dense = np.eye(n)
    dense[edges[:, 0], edges[:, 1]] = dense[edges[:, 1], edges[:, 0]] = 1
    return dense


def attended(weights, name, below, edges) -> NDArray[np.float64]:
    """One head of Veličković et al. (2018), eq. 4: attention is the softmax of LeakyReLU(a·[W h_i ‖ W h_j])."""
    source, aim, bias, mixing = (weights[f"{name}.weights.{place}"] for place in range(4))
    mixed = below @ mixing.T
    scores = (mixed @ aim[0, 0])[:, None] + (mixed @ source[0, 0])[None, :]
    scores = np.where(target(edges, len(below)) == 1, np.where(scores > 0, scores, 0.2 * scores), -np.inf)
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True) @ mixed + bias


def aggregated(weights, name, below, edges) -> NDArray[np.float64]:
    """Hamilton et al. (2017) with mean aggregation: W₁·(mean over neighbours) + b + W₂·h."""
    of_neighbours, bias, of_self = (weights[f"{name}.weights.{place}"] for place in range(3))
    adjacency = target(edges, len(below)) - np.eye(len(below))
    means = adjacency @ below / np.maximum(adjacency.sum(1, keepdims=True), 1)
    return means @ of_neighbours.T + bias + below @ of_self.T


def heads_of(spec, model, x, edges, replica=0) -> list[NDArray[np.float64]]:
    """The outputs of the encoder's heads, each [n, d], for an MLP, GCN, GAT or SAGE of any depth."""
    weights = tensors(model, replica)
    hidden = x.toarray() if sp.issparse(x) else np.asarray(x, dtype=float)
    hidden = np.log1p(hidden) if spec.encoder is MLP_OF_LOGARITHMS else hidden
    hidden = hidden - hidden.mean(0) if spec.encoder.centred else hidden
    smooth = propagation(edges, len(hidden)) if spec.uses_graph else np.eye(len(hidden))

    def layer(name, below):
        """One layer before its ReLU."""
        if spec.settings.convolution:
            made = {"GATConv": attended, "SAGEConv": aggregated}[spec.settings.convolution]
            return made(weights, name, below, edges)
        return smooth @ below @ weights[f"{name}.weight"] + weights.get(f"{name}.bias", 0.0)

    for depth in range(len(model.encoder.hidden)):
        hidden = np.maximum(layer(f"encoder.hidden.{depth}", hidden), 0)
    outputs = [layer(f"encoder.heads.{head}", hidden) for head in range(len(spec.posterior.heads))]
    return [np.maximum(output, 0) for output in outputs] if spec.encoder.rectified else outputs


def drawn_std(spec, outputs) -> NDArray[np.float64]:
    """The σ of samples, [n, d], by the published formula of each family."""
    mean, h = outputs[0], outputs[-1]
    if spec.posterior is VON_MISES_FISHER:
        d, kappa = mean.shape[1], np.log1p(np.exp(h)) + 1
        length = ive(d / 2, kappa) / ive(d / 2 - 1, kappa)
        return np.sqrt((1 - length**2) / d)
    return {
        POINT: np.zeros_like(mean),
        FIXED: np.ones_like(mean),
        LOG_VARIANCE: np.exp(h / 2),
        LOG_STD: np.exp(h),
        AS_PRINTED: 0.5 * np.exp(h),
        DIRECT: h,
    }[spec.posterior]


def divergence_from_mixture(spec, model, mean, std, z) -> float:
    """log q(z|x) − log p(z) of one sample z of every row, under the posteriors of the pseudo-inputs; nats per row."""
    outputs = heads_of(spec, model, tensors(model)["pseudo_inputs.rows"], None)
    logs = [stats.norm.logpdf(z, *each).sum(1) for each in zip(outputs[0], drawn_std(spec, outputs), strict=True)]
    return (stats.norm.logpdf(z, mean, std).sum(1) - logsumexp(logs, axis=0) + np.log(len(logs))).mean()


def divergence_paid(spec, outputs) -> float:
    """The divergence of the model's loss from N(0, I) or the sphere in closed form, in nats per row."""
    return divergences_paid(spec, outputs).sum()


def divergences_paid(spec, outputs) -> NDArray[np.float64]:
    """The terms of ``divergence_paid``, [d]; on the sphere there is one."""
    mean, h = outputs[0], outputs[-1]
    if spec.posterior is VON_MISES_FISHER:
        directions = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        kappa, d = np.log1p(np.exp(h[:, 0])) + 1, mean.shape[1]
        entropies = [stats.vonmises_fisher(mu, k).entropy() for mu, k in zip(directions, kappa, strict=True)]
        return np.array([np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2) - np.mean(entropies)])
    each = {
        POINT: mean**2 if spec.settings.beta is not None else 0 * mean,
        FIXED: mean**2,
        LOG_VARIANCE: mean**2 + np.exp(h) - h - 1,
        LOG_STD: mean**2 + np.exp(2 * h) - 2 * h - 1,
        AS_PRINTED: mean**2 + np.exp(h) - h - 1,
        DIRECT: mean**2 + h**2 - np.log(1e-8 + h**2) - 1,
    }[spec.posterior]
    return 0.5 * each.mean(0)


def outputs_of(model, z, replica=0) -> NDArray[np.float64]:
    """The outputs of an MLP decoder for latents z, [n, d], before any link function."""
    weights = tensors(model, replica)

    def layer(name, below):
        """One layer before its ReLU."""
        return below @ weights[f"decoder.{name}.weight"] + weights.get(f"decoder.{name}.bias", 0.0)

    for depth in range(len(model.decoder.hidden)):
        z = np.maximum(layer(f"hidden.{depth}", z), 0)
    return layer("output", z)


def negatives_of(edges, n, generator) -> NDArray[np.int64]:
    """The non-edges that a generator draws, [2m, 2]."""
    non_edges = Graph.of([edges], n, device="cpu", dtype=torch.float64).non_edges
    return torch.stack(non_edges.draw(GeneratorStreams((generator,))), dim=1).numpy()


def nats(spec, model, z, x, edges, generator, replica=0) -> float:
    """The reconstruction term of latents z, [n, d], in nats per row. ``generator`` draws sampled non-edges."""
    n = len(z)
    if spec.decoder is GRAPH_CONVOLUTION_DECODER:
        made = propagation(edges, n) @ z @ tensors(model, replica)["decoder.output.weight"]
        return 0.5 * ((x - made) ** 2).sum(1).mean()
    if spec.decoder.makes == "images":
        output = outputs_of(model, z, replica) + (np.asarray(x, dtype=float).mean(0) if spec.decoder.centred else 0.0)
        if spec.likelihood is NEGATIVE_BINOMIAL:
            return _of_counts(output, np.asarray(x, dtype=float), tensors(model, replica)["decoder.dispersion"])
        return _of_features(spec, output, x).sum(1).mean()
    logits, ones = z @ z.T, 2.0 * len(edges)
    costs = np.logaddexp(0, logits) - target(edges, n) * logits
    if spec.likelihood.name == "bernoulli":
        return costs.sum() / n
    if spec.likelihood.name == "bernoulli, target A":
        return (costs + np.diag(np.diag(logits))).sum() / n
    if spec.likelihood.name == "bernoulli-balanced":
        weighted = np.where(target(edges, n) == 1, (n**2 - ones) / ones * costs, costs)
        return n**2 / (2 * (n**2 - ones)) * weighted.sum() / n
    i, j = negatives_of(edges, n, generator).T
    return n * (costs[edges[:, 0], edges[:, 1]].mean() + costs[i, j].mean())


def _of_counts(output, x, raw) -> float:
    """Lopez et al. (2018), supplement: the negative log-probability of counts in nats per row; x may have fractions."""
    mean, dispersion = x.sum(1, keepdims=True) * softmax(output, axis=1), np.log1p(np.exp(raw))
    failure = dispersion / (dispersion + mean)
    each = gammaln(x + dispersion) - gammaln(dispersion) - gammaln(x + 1)
    return -(each + dispersion * np.log(failure) + x * np.log(1 - failure)).sum(1).mean()


def _of_features(spec, output, x) -> NDArray[np.float64]:
    """The negative log-likelihood of each feature, [n, f]."""
    name = spec.likelihood.name
    if name == "bernoulli":
        return np.logaddexp(0, output) - x * output
    if name in ("gaussian", "gaussian-sigmoid"):
        made = expit(output) if name == "gaussian-sigmoid" else output
        return 0.5 * (x - made) ** 2
    if name == "gaussian-learned":
        log_variance = np.log(((x - output) ** 2).mean())
    else:
        output, log_variance = np.split(output, 2, axis=1)
        log_variance = np.maximum(log_variance, np.log(1e-3))
    return 0.5 * ((x - output) ** 2 / np.exp(log_variance) + log_variance)
