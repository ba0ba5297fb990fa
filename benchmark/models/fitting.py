"""Fitting a network: fresh weights from the seeds, then the training loop on all rows or on some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmark.core.arrays import Integers
from benchmark.core.rng import torch_generators
from benchmark.models.model import Trainable
from benchmark.models.numerics.upper_blocks import forget_blocks
from benchmark.models.parts.decoders import MLPDecoder
from benchmark.models.parts.likelihoods import GAUSSIAN_LEARNED, LEAST_VARIANCE
from benchmark.models.settings import Settings
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.loop import train
from benchmark.training.posteriors import sample
from benchmark.training.random_streams import random_streams
from benchmark.training.sparse import SparseMatrix

_ROWS_AT_ONCE = 1024  # rows whose reconstruction is computed together


def fit_network(
    spec: Trainable, inputs: Inputs, settings: Settings, seeds: Sequence[int], device: str, *, passes: int | None = None
) -> Fitted:
    """Build the network of a model and train it, one replica for each seed.

    Initial weights depend only on the seed and on the names and shapes of layers. Twins therefore start from equal
    weights.

    Args:
        spec: The model.
        inputs: Features and graphs on ``device``.
        settings: Hyperparameters.
        seeds: One for each replica.
        device: "cpu" or "cuda".
        passes: Keep the latents of every ``passes``-th epoch of the last phase.
    """
    seeds = tuple(seeds)
    try:
        network = spec.build(settings, inputs, partial(torch_generators, seeds, "weights", device="cpu"))
        network.to(device=device)
        whole = not (settings.batch or settings.corruption)
        return train(network, inputs, settings.budget(inputs.rows), seeds, device, passes=passes, whole_passes=whole)
    finally:
        forget_blocks()


def fit_rows(
    spec: Trainable, inputs: Inputs, rows: Sequence[Integers], settings: Settings, seeds: Sequence[int], device: str
) -> Fitted:
    """Build and train a network on some rows, as if there were no others, and encode all rows.

    Args:
        spec: A model with a decoder of features.
        inputs: The features of all rows on ``device``, without a graph.
        rows: Numbers of the rows that each replica trains on, [m].
        settings: Hyperparameters.
        seeds: One for each replica.
        device: "cpu" or "cuda".

    Returns:
        Posteriors, reconstruction terms and rates of all rows, with the curves of the training.

    Raises:
        ValueError: if the decoder makes no features.
    """
    training = torch.tensor(np.stack(rows), device=device)
    fitted = fit_network(spec, inputs.batch(training), settings, seeds, device)
    network = fitted.network
    if network is None or not isinstance(network.decoder, MLPDecoder):
        raise ValueError("training on some rows needs a decoder of features")
    with torch.no_grad():
        posterior = network.encode(inputs)
        drawn = sample(posterior, random_streams(tuple(seeds), "evaluation", "noise", device=device))
        of_mean, of_sample = (_costs(network.decoder, z, inputs, training) for z in (posterior.mean, drawn))
    streams = random_streams(tuple(seeds), "evaluation", "rate", device=device)
    return replace(
        fitted,
        latents=posterior,
        inputs=inputs,
        reconstruction=(of_mean.mean(-1), of_sample.mean(-1)),
        rates=None if fitted.mixture is None else fitted.mixture.rates(posterior, streams),
        costs=(of_mean, of_sample),
    )


def _costs(decoder: MLPDecoder, z: Tensor, inputs: Inputs, training: Tensor) -> Tensor:
    """Compute the reconstruction of every row in nats, [r, n].

    A variance that the likelihood learns is the mean squared residual of the training rows, also for the other rows.

    Args:
        decoder: The trained decoder.
        z: Latents of all rows, [r, n, d].
        inputs: The features of all rows.
        training: Numbers of the training rows of each replica, [r, m].
    """
    learned, x = decoder.likelihood is GAUSSIAN_LEARNED, inputs.features
    if isinstance(x, SparseMatrix):
        raise ValueError("a decoder of features needs dense features: pass dense=True to Inputs.of")
    found: list[Tensor] = []  # costs, or the squared residuals behind them
    for rows in torch.split(torch.arange(inputs.rows, device=z.device), _ROWS_AT_ONCE):
        if learned:
            found.append((x[rows] - decoder.decode(z[:, rows])).square().sum(-1))
        else:
            found.append(decoder.costs(z[:, rows], inputs.batch(rows.expand(len(z), -1))))
    joined = torch.cat(found, dim=1)
    if not learned:
        return joined
    features = x.shape[-1]
    variance = (joined.gather(1, training).mean(1, keepdim=True) / features).clamp(min=LEAST_VARIANCE)
    return 0.5 * (joined / variance + features * variance.log())
