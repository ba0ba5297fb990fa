"""The expected cost of trainings and scores on a CPU.

The constants are a fit to 525 units with 9 models on 5 datasets, each on one core of a server of 2023, d from 4 to 64.
There the formulas are off by 25 % in the mean of logarithms, and by a factor of three at most. The cost of a count was
measured later, as a multiple of the time of ``vae`` on the same cells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from benchmark.datasets.splits import FEW_ROWS
from benchmark.latents.readouts import reads_features
from benchmark.models.parts.likelihoods import NEGATIVE_BINOMIAL
from benchmark.plan.data import Prepared
from benchmark.plan.units import PlannedUnit, Training
from benchmark.results.record import Slot
from benchmark.tasks.classification import FEW, NEAREST

_STEP = 1.2e-3  # seconds of an optimiser step with few weights
_PRODUCT = 1e-11  # seconds of one multiplication or addition with a weight
_COUNT = 7e-8  # seconds of the log-gamma functions of one count, with their gradients
_PASSES = 6  # products with each weight for one row: two forward, four backward
_GRAPH_STEP = 1.8e-3  # seconds of a full-batch step on a small graph
_PAIR = 5.6e-10  # seconds of one of the n² pairs of nodes, without latent dimensions
_PAIR_DIMENSION = 3.3e-11  # seconds of one latent dimension of a pair
_SCORE = 0.01  # seconds of the score of a small latent
_ASSIGNMENT = 5e-8  # seconds for one row, class and dimension, in the mean of k-means and logistic regression
_DIMENSIONS = 25  # dimensions that the rest of an assignment costs
_EDGE = 7e-7  # seconds of an edge in link prediction
_ON_FEW = (FEW.name, NEAREST.name)  # fitted to few rows, which the assignments count


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one core."""

    training: float = 0.0
    scoring: float = 0.0

    def __str__(self) -> str:
        """The sum in words."""
        total = self.training + self.scoring
        name, size = next(unit for unit in _UNITS if total >= unit[1] or unit == _UNITS[-1])
        told, training, scoring = (
            f"{part / size:,.{part < 10 * size:d}f}" for part in (total, self.training, self.scoring)
        )
        return f"about {told} core-{name} (training {training}, scoring {scoring})"


_UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def total_cost(parts: Iterable[Cost]) -> Cost:
    """Add costs.

    >>> print(total_cost([Cost(7200.0), Cost(3600.0, 1800.0)]))
    about 3.5 core-hours (training 3.0, scoring 0.5)
    """
    training, scoring = 0.0, 0.0
    for part in parts:
        training, scoring = training + part.training, scoring + part.scoring
    return Cost(training, scoring)


def training_cost(training: Training, prepared: Prepared) -> Cost:
    """Estimate the time of one training. A control costs nothing here.

    Args:
        training: The training.
        prepared: Its data.
    """
    model, settings = training.arm.model, training.arm.settings
    rows, features = prepared.dataset.rows - settings.held_out_of(prepared.dataset.rows), prepared.dataset.features
    if not model.trained or not settings.epochs:
        return Cost()
    if model.uses_graph:
        pairs = rows**2 * (_PAIR + _PAIR_DIMENSION * settings.latent)
        return Cost(settings.epochs * (settings.autoencoder_steps or 1) * (_GRAPH_STEP + pairs))
    widths = (features, *settings.hidden, settings.latent)
    weights = 2 * sum(above * below for above, below in pairwise(widths))
    epochs, steps = settings.epochs_for(rows), -(-rows // settings.batch) if settings.batch else 1
    drawn = rows * (settings.samples or 1)
    counts = model.describe(settings, rows).likelihood == NEGATIVE_BINOMIAL.name
    likelihood = _COUNT * drawn * features if counts else 0.0
    return Cost(epochs * (steps * _STEP + _PASSES * weights * drawn * _PRODUCT + likelihood))


def scoring_cost(unit: PlannedUnit, slots: Collection[Slot], prepared: Prepared) -> Cost:
    """Estimate the time of scores with scikit-learn.

    Args:
        unit: The unit that is scored.
        slots: The places of its scores.
        prepared: The data.
    """
    dataset, arm = prepared.dataset, unit.arm
    if unit.unit == "training-edges":
        return Cost(scoring=len(slots) * (_SCORE + _EDGE * len(prepared.edges)))
    own = arm.settings.latent if arm.model.compresses else dataset.features
    most = arm.settings.held_out_of(dataset.rows) or dataset.rows
    assigned = 0
    for slot in slots:
        width = dataset.features if reads_features([slot.readout]) else own
        rows = min(most, FEW_ROWS * dataset.classes) if slot.task in _ON_FEW else most
        assigned += rows * dataset.classes * (width + _DIMENSIONS)
    return Cost(scoring=len(slots) * _SCORE + _ASSIGNMENT * assigned)
