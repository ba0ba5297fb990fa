"""Training of graph models: ours, torch-geometric's layers with a dense loss, and torch-geometric's own example."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch_geometric.nn import GAE, VGAE, GCNConv
from torch_geometric.utils import to_undirected

from benchmark.core.rng import torch_generators
from benchmark.latents.latents import Latents, of_posterior
from benchmark.training.inputs import Inputs
from speed.place import ROWS, Place, averaged
from speed.turns import Options, Row, Way, in_turn, summary, workers


def _linked(at: Place, dataset: str, seed: int, latents: Latents) -> Row:
    return at.scores(dataset, seed, latents, "link-inner-product", ("auc", "ap"))


def graphs_ours(at: Place, *, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time our ``fit``: one seed after the other on a CPU, all seeds at once on a GPU."""
    spec, data = ROWS[model], at.dataset(dataset)
    edges = [at.split(dataset, seed).edges.train for seed in seeds]
    parts = [range(len(seeds))] if at.device == "cuda" else [[place] for place in range(len(seeds))]
    row: Row = {}
    latents: list[Latents] = []
    with at.timed(row):
        for part in parts:
            inputs = Inputs.of(data.x, [edges[i] for i in part], replicas=len(part), device=at.device)
            latents += of_posterior(
                spec.fit_inputs(inputs, spec.settings, [seeds[i] for i in part], at.device).posterior
            )
    return row | averaged([_linked(at, dataset, *pair) for pair in zip(seeds, latents, strict=True)])


class _Encoder(nn.Module):
    """GCNConv layers that start from given weights, each [1, inputs, outputs]: one hidden layer, then the heads."""

    def __init__(self, weights: list[torch.Tensor]) -> None:
        super().__init__()
        self.first, *heads = (GCNConv(*weight.shape[1:], bias=False, cached=True) for weight in weights)
        self.heads = nn.ModuleList(heads)
        with torch.no_grad():
            for layer, weight in zip((self.first, *heads), weights, strict=True):
                layer.lin.weight.copy_(weight[0].T)

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        hidden = self.first(x, index).relu()
        outputs = [head(hidden, index) for head in self.heads]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


def _geometric(at: Place, model: str, dataset: str, seed: int, edges: np.ndarray):
    """Make dense features, both directions of the edges, the settings, and an encoder with our start weights."""
    data, spec = at.dataset(dataset), ROWS[model]
    x = torch.tensor(data.x if isinstance(data.x, np.ndarray) else data.x.toarray(), device=at.device)
    index = to_undirected(torch.tensor(edges.T, device=at.device), num_nodes=len(x))
    inputs = Inputs.of(x.numpy(force=True), [edges], replicas=1, device=at.device)
    start = spec.build(spec.settings, inputs, lambda name: torch_generators((seed,), "weights", name, device="cpu"))
    return x, index, spec.settings, _Encoder(list(start.parameters())).to(at.device)


def _latents(encoder: _Encoder, x: torch.Tensor, index: torch.Tensor) -> Latents:
    with torch.no_grad():
        found = encoder(x, index)
    if isinstance(found, tuple):
        return Latents(found[0].cpu().numpy(), found[1].exp().cpu().numpy())
    return Latents(found.cpu().numpy())


def latents_by_dense_loss(at: Place, *, model: str, dataset: str, seed: int, edges: np.ndarray) -> Latents:
    """Train with torch-geometric's layers, dense X, and Kipf and Welling's loss on n × n logits under autograd."""
    x, index, settings, encoder = _geometric(at, model, dataset, seed, edges)
    n, ones = len(x), 2.0 * len(edges)
    target = torch.eye(n, device=at.device)
    target[index[0], index[1]] = 1.0
    weight, norm = torch.tensor((n * n - ones) / ones, device=at.device), n * n / (2.0 * (n * n - ones))
    optimiser = torch.optim.Adam(encoder.parameters(), lr=settings.learning_rate)
    for _ in range(settings.epochs):
        optimiser.zero_grad()
        found, divergence = encoder(x, index), 0.0
        if isinstance(found, tuple):
            mean, h = found
            divergence = -0.5 / n * (1 + 2 * h - mean.square() - (2 * h).exp()).sum(1).mean()
            found = mean + torch.randn_like(h) * h.exp()
        cost = norm * binary_cross_entropy_with_logits(found @ found.T, target, pos_weight=weight)
        (cost + divergence).backward()
        optimiser.step()
    return _latents(encoder, x, index)


def graphs_dense(at: Place, *, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time ``latents_by_dense_loss``."""
    row: Row = {}
    (seed,) = seeds
    edges = at.split(dataset, seed).edges.train
    with at.timed(row):
        latents = latents_by_dense_loss(at, model=model, dataset=dataset, seed=seed, edges=edges)
    return row | _linked(at, dataset, seed, latents)


def graphs_example(at: Place, *, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time torch-geometric's example: its GAE or VGAE, with its negative sampling."""
    row: Row = {}
    (seed,) = seeds
    x, index, settings, encoder = _geometric(at, model, dataset, seed, at.split(dataset, seed).edges.train)
    whole = (VGAE if model.startswith("vgae") else GAE)(encoder)
    with at.timed(row):
        optimiser = torch.optim.Adam(whole.parameters(), lr=settings.learning_rate)
        for _ in range(settings.epochs):
            whole.train()
            optimiser.zero_grad()
            loss = whole.recon_loss(whole.encode(x, index), index)
            if isinstance(whole, VGAE):
                loss = loss + whole.kl_loss() / len(x)
            loss.backward()
            optimiser.step()
        latents = _latents(encoder, x, index)
    return row | _linked(at, dataset, seed, latents)


WAYS: dict[str, Way] = {
    "graphs: ours": graphs_ours,
    "graphs: torch-geometric, dense loss": graphs_dense,
    "graphs: torch-geometric's example": graphs_example,
}
_AGAINST = {"gae": "dense loss", "vgae": "dense loss", "gae-sampled": "example"}


def measure(options: Options) -> Iterator[Row]:
    """Measure each model on cora, ours and the other way in turn, seed by seed. On a GPU also 20 seeds at once."""
    with workers(list(WAYS), options.device, options.root) as started:
        yield {"what": "start-up, imports and all", **{name: worker.start_up for name, worker in started.items()}}
        for model, other in _AGAINST.items():
            here = {name: worker for name, worker in started.items() if name.endswith(("ours", other))}
            work = [{"model": model, "dataset": "cora", "seeds": [seed]} for seed in range(options.seeds)]
            found = in_turn(here, work)
            for name, runs in found.items():
                yield {"what": f"{model}, cora, a seed", "way": name, **summary(runs, found["graphs: ours"])}
        if options.device == "cuda":
            for model in _AGAINST:
                work = [{"model": model, "dataset": "cora", "seeds": list(range(20))}] * options.repeats
                (runs,) = in_turn({"graphs: ours": started["graphs: ours"]}, work).values()
                yield {"what": f"{model}, cora, 20 seeds at once", "way": "graphs: ours", **summary(runs)}
