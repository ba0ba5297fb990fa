"""Fitting a network: fresh weights from the seeds, then the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmark.core.rng import torch_generators
from benchmark.models.model import Trainable
from benchmark.models.numerics.upper_blocks import forget_blocks
from benchmark.models.settings import Settings
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.loop import train


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
