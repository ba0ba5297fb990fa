"""The expected size of the files that a run keeps: latents, decoders, training passes and drawings."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from benchmark.latents import drawings
from benchmark.latents.latents import EVERY
from benchmark.latents.readouts import reads_features, reads_passes
from benchmark.plan.data import Prepared
from benchmark.plan.units import Training

_NUMBER = 4  # bytes of a float32
_COMPRESSED = 0.93  # share of the bytes that compression leaves of latents


def kept_size(training: Training, prepared: Prepared, readouts: Collection[str], *, drawn: bool) -> int:
    """Estimate the size of the files that are kept of a training, in bytes.

    Args:
        training: The training.
        prepared: Its data.
        readouts: Names of the readouts that are scored. Some need the decoder or training passes.
        drawn: Whether drawings are kept.
    """
    arm, dataset = training.arm, prepared.dataset
    model, settings = arm.model, arm.settings
    if not model.keeps_latents:
        return 0
    width = settings.latent if model.compresses else dataset.features
    asked = {readout.name for readout in arm.readouts(readouts)}
    numbers = dataset.rows * width * (2 if model.noisy else 1)
    if reads_passes(asked):
        numbers += settings.epochs // EVERY * dataset.rows * width * (2 if model.noisy else 1)
    if reads_features(asked):
        widths = (width,) if model.uses_graph else (width, *reversed(settings.hidden))
        numbers += sum(above * below for above, below in pairwise((*widths, dataset.features)))
        numbers += 2 * (2 * len(prepared.edges) + dataset.rows) if model.uses_graph else 0
    if drawn:
        numbers += _drawn(training, prepared)
    return round(_COMPRESSED * _NUMBER * numbers)


def _drawn(training: Training, prepared: Prepared) -> int:
    """The float32 numbers of the drawings of a training; a probability of an edge is half of one."""
    if training.arm.model.drawable == "edges":
        return 3 * min(prepared.dataset.rows, drawings.NODES) ** 2 // 2
    height, width = prepared.dataset.image_shape or (0, 0)
    latent = training.arm.settings.latent
    images = 4 * drawings.SHOWN + drawings.PRIOR_SAMPLES
    if training.arm.model.noisy:
        images += min(latent, drawings.HIGHEST + drawings.LOWEST) * len(drawings.STEPS)
    if latent == 2:
        images += drawings.GRID**2
    return images * height * width
