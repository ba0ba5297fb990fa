"""Training of feature models: ours, a plain loop over seeds, and torch.func.vmap over stacked modules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.latents.latents import Latents, of_posterior
from benchmark.models import ModelSpec
from benchmark.training.inputs import Inputs
from speed.place import ROWS, Place, averaged
from speed.turns import Options, Row, Way, in_turn, summary, workers


def _classified(at: Place, dataset: str, seed: int, latents: Latents) -> Row:
    return at.scores(dataset, seed, latents, "logistic-regression-few", ("accuracy",))


def features_ours(at: Place, *, model: str, dataset: str, seeds: list[int], together: bool = False) -> Row:
    """Time our ``fit``: one seed after the other, or all seeds at once (``together``, and always on a GPU)."""
    spec, data = ROWS[model], at.dataset(dataset)
    inputs = {r: Inputs.of(data.x, None, replicas=r, device=at.device, dense=True) for r in (1, len(seeds))}
    parts = [seeds] if together or at.device == "cuda" else [[seed] for seed in seeds]
    row: Row = {}
    latents: list[Latents] = []
    with at.timed(row):
        for part in parts:
            latents += of_posterior(spec.fit_inputs(inputs[len(part)], spec.settings, part, at.device).posterior)
    return row | averaged([_classified(at, dataset, *pair) for pair in zip(seeds, latents, strict=True)])


class _Plain(nn.Module):
    """The same network, written in the usual way."""

    def __init__(self, spec: ModelSpec, features: int) -> None:
        super().__init__()
        (hidden,), latent = spec.settings.hidden, spec.settings.latent
        self.encoder = nn.Linear(features, hidden)
        self.heads = nn.ModuleList(nn.Linear(hidden, latent) for _ in spec.posterior.heads)
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, features))

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Compute the loss in nats per row."""
        mean, *log_variance = self.encode(x)
        z = mean if not log_variance else mean + (0.5 * log_variance[0]).exp() * noise
        cost = binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum") / len(x)
        if not log_variance:
            return cost
        h = log_variance[0]
        return cost - 0.5 * (1 + h - mean.square() - h.exp()).sum(1).mean()

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Compute the outputs of the heads."""
        hidden = self.encoder(x).relu()
        return [head(hidden) for head in self.heads]

    def latents(self, x: torch.Tensor) -> Latents:
        """Compute the latents of all rows."""
        with torch.no_grad():
            mean, *log_variance = (output.cpu().numpy() for output in self.encode(x))
        return Latents(mean, *(np.exp(0.5 * h) for h in log_variance))


def features_plain(at: Place, *, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time a loop over seeds, epochs and batches, with nn.Linear and Adam at their defaults."""
    spec, data = ROWS[model], at.dataset(dataset)
    x = torch.tensor(data.x, device=at.device)
    row: Row = {}
    latents = []
    with at.timed(row):
        for seed in seeds:
            torch.manual_seed(seed)
            network = _Plain(spec, x.shape[1]).to(at.device)
            optimiser = torch.optim.Adam(network.parameters(), lr=spec.settings.learning_rate)
            for _ in range(spec.settings.epochs_for(len(x))):
                for index in torch.randperm(len(x), device=at.device).split(spec.settings.batch):
                    batch = x[index]
                    optimiser.zero_grad()
                    network(batch, torch.randn(len(batch), spec.settings.latent, device=at.device)).backward()
                    optimiser.step()
            latents.append(network.latents(x))
    return row | averaged([_classified(at, dataset, *pair) for pair in zip(seeds, latents, strict=True)])


def features_vmap(at: Place, *, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time torch.func: gradients of stacked modules under vmap, and one Adam for all seeds."""
    spec, data = ROWS[model], at.dataset(dataset)
    x, d = torch.tensor(data.x, device=at.device), spec.settings.latent
    row: Row = {}
    with at.timed(row):
        networks = []
        for seed in seeds:
            torch.manual_seed(seed)
            networks.append(_Plain(spec, x.shape[1]).to(at.device))
        parameters, _ = torch.func.stack_module_state(networks)
        base = networks[0]

        def loss(weights, batch, noise):
            return torch.func.functional_call(base, weights, (batch, noise))

        gradients = torch.func.vmap(torch.func.grad(loss))
        optimiser = torch.optim.Adam(parameters.values(), lr=spec.settings.learning_rate, fused=True)
        for _ in range(spec.settings.epochs_for(len(x))):
            orders = torch.stack([torch.randperm(len(x), device=at.device) for _ in seeds])
            for index in orders.split(spec.settings.batch, dim=1):
                noise = torch.randn(*index.shape, d, device=at.device)
                found = gradients({name: p.detach() for name, p in parameters.items()}, x[index], noise)
                for name, parameter in parameters.items():
                    parameter.grad = found[name]
                optimiser.step()
        with torch.no_grad():
            for replica, network in enumerate(networks):
                for name, parameter in network.named_parameters():
                    parameter.copy_(parameters[name][replica])
        latents = [network.latents(x) for network in networks]
    return row | averaged([_classified(at, dataset, *pair) for pair in zip(seeds, latents, strict=True)])


WAYS: dict[str, Way] = {
    "features: ours": features_ours,
    "features: ours, replicas at once": partial(features_ours, together=True),
    "features: plain loop": features_plain,
    "features: torch.func.vmap": features_vmap,
}


def measure(options: Options) -> Iterator[Row]:
    """Measure ``ae`` and ``vae``, on 10,000 images and on 1,797 small images."""
    with workers(list(WAYS), options.device, options.root) as started:
        for model in ("ae", "vae"):
            for dataset, seeds, repeats in (("mnist-test", 1, 1), ("digits", 5, options.repeats)):
                work: Row = {"model": model, "dataset": dataset, "seeds": list(range(seeds))}
                alone = seeds == 1 or options.device == "cuda"  # there ours runs all seeds at once anyway
                here = {name: way for name, way in started.items() if not (alone and name.endswith("at once"))}
                found = in_turn(here, [work] * repeats)
                for name, runs in found.items():
                    what = f"{model}, {dataset}, {seeds} seeds"
                    yield {"what": what, "way": name, **summary(runs, found["features: ours"])}
