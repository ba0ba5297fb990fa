"""Score many latents at once on a torch device, with the metrics of the tasks.

scikit-learn stays the reference. k-means differs from its task by rounding, and logistic regression by a tighter
optimum. k nearest neighbours differ in the choice among equally far rows. docs/speed.md has the measured
agreement and speed, on a CPU and on a GPU. The memory on a GPU is not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.latents.draws import PairScores
from benchmark.latents.placed_readouts import LARGEST, PlacedFeatures, PlacedPairs
from benchmark.tasks.batched.chunks import budget_of, chunks
from benchmark.tasks.batched.classified_batches import classification_batches
from benchmark.tasks.batched.clustered_batches import k_means_batches
from benchmark.tasks.batched.columns import standardised_latents, unchanged_latents, unit_norm_latents
from benchmark.tasks.batched.link_batches import hadamard_batches, inner_product_batches
from benchmark.tasks.classification import FEW, MANY, NEAREST, PUBLISHED
from benchmark.tasks.clustering import K_MEANS, K_MEANS_STANDARDISED, K_MEANS_UNIT_NORM
from benchmark.tasks.link_prediction import HADAMARD, INNER_PRODUCT
from benchmark.tasks.task import Case, Task

Batchable: TypeAlias = NDArray[np.float32] | Tensor | PairScores | PlacedPairs | PlacedFeatures

# On a CPU, logistic regression takes 18 times as long as scikit-learn with 256 columns, 100 times with 512, and 130
# times with 784 (1,400 rows, ten classes). The limit waits for a measurement on a GPU.
WIDEST = 512

_FORMS: tuple[tuple[Task, Callable[[Any, Sequence[Case], str], list[dict[str, float]]]], ...] = (
    (K_MEANS, partial(k_means_batches, prepare=unchanged_latents)),
    (K_MEANS_STANDARDISED, partial(k_means_batches, prepare=standardised_latents)),
    (K_MEANS_UNIT_NORM, partial(k_means_batches, prepare=unit_norm_latents)),
    (FEW, partial(classification_batches, part="few")),
    (MANY, partial(classification_batches, part="many")),
    (PUBLISHED, partial(classification_batches, part="published")),
    (NEAREST, partial(classification_batches, part="few", probe="k-nearest-neighbours")),
    (INNER_PRODUCT, inner_product_batches),
    (HADAMARD, hadamard_batches),
)
_BATCHED = {(task.name, task.version): form for task, form in _FORMS}


def has_batched_form(task: Task, width: int) -> bool:
    """Whether finite dense latents of this width can be scored in batches with a task.

    Args:
        task: Any task. A task is known by name and version.
        width: Number of columns.
    """
    return (task.name, task.version) in _BATCHED and width <= WIDEST


def can_batch(task: Task, latents: Sequence[object]) -> list[bool]:
    """Whether ``batched_scores`` scores each latent. Otherwise ``task.score`` does.

    Tasks without a batched form, sparse matrices, epochs, and matrices with more than 512 columns are left to
    ``task.score``. So are matrices with NaN or numbers beyond 1e15, because ``task.score`` has the error for them.
    The host waits for a GPU once for each shape.

    Args:
        task: Any task. A task is known by name and version.
        latents: Results of readouts, or tensors float32 [n, d] on any device.
    """
    if (task.name, task.version) not in _BATCHED:
        return [False] * len(latents)
    found = [
        ("pairs" in task.takes and isinstance(latent, PairScores | PlacedPairs))
        or ("features" in task.takes and isinstance(latent, PlacedFeatures))
        for latent in latents
    ]
    alike: dict[tuple[torch.Size, torch.device], dict[int, Tensor]] = {}
    for place, latent in enumerate(latents):
        if not isinstance(latent, np.ndarray | Tensor) or latent.ndim != 2 or latent.shape[1] > WIDEST:
            continue
        if isinstance(latent, Tensor):
            alike.setdefault((latent.shape, latent.device), {})[place] = latent
        else:
            found[place] = bool(np.abs(latent).max() < LARGEST)
    for (shape, device), group in alike.items():
        tensors, need = list(group.values()), 8 * shape.numel()
        parts = chunks(len(tensors), need, budget_of(device.type))
        largest = torch.cat([torch.stack(tensors[part]).abs().amax(dim=(1, 2)) for part in parts])
        for place, small in zip(group, (largest < LARGEST).tolist(), strict=True):
            found[place] = small
    return found


def batched_scores(
    task: Task, latents: Sequence[Batchable] | Tensor, cases: Sequence[Case], *, device: str
) -> list[dict[str, float]]:
    """Score latents of one or several datasets and seeds with one task.

    Latents of equal shape are computed together, in chunks that fit the device. A latent's scores do not depend on the
    other latents, up to the rounding of products.

    Args:
        task: A task for which ``can_batch`` holds of every latent.
        latents: Latents in float32 [n, d] on any device, or expected scores of pairs. A tensor [b, n, d] is b latents.
        cases: The case of each latent. Latents of one dataset and seed should share a Case, which is then copied to
            the device once.
        device: "cpu" or "cuda".

    Returns:
        The metrics of each latent, named and ordered as those of ``task.score``.

    Raises:
        ValueError: if a dataset lacks the part that the task needs, or the training rows of logistic regression have
            one class.
    """
    return _BATCHED[task.name, task.version](list(latents), cases, device)
