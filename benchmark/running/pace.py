"""How fast this processor is, compared with the one that the expected costs come from."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core import environment
from benchmark.plan.cost import Cost, scoring_cost, total_cost, training_cost
from benchmark.plan.grid import Plan
from benchmark.results.record import Record
from benchmark.results.store import Recorded

_LEAST = 60.0  # seconds that units must be expected to take before they tell a pace


@dataclass(frozen=True, slots=True)
class Pace:
    """The time that recorded units took, over the time that they were expected to take.

    Attributes:
        training: The ratio for trainings; 1 if too little is recorded.
        scoring: The ratio for scores; 1 if too little is recorded.
        units: Number of recorded units behind the ratios; 0 if there is none.
    """

    training: float = 1.0
    scoring: float = 1.0
    units: int = 0

    def of(self, cost: Cost) -> Cost:
        """Return an expected cost at this pace.

        >>> print(Pace(training=2.0, scoring=3.0).of(Cost(3600.0, 3600.0)))
        about 5.0 core-hours (training 2.0, scoring 3.0)
        """
        return Cost(self.training * cost.training, self.scoring * cost.scoring)


def pace(plan: Plan, records: Recorded) -> Pace:
    """Measure the pace on the recorded units of a plan that this processor trained and scored.

    Args:
        plan: The plan.
        records: The records of its units.
    """
    expected, taken = [], []
    for training in plan.trainings:
        data = plan.data[training.units[0].dataset]
        for unit in training.units:
            record = records.get(unit.identity.key)
            if record is None or not _is_of_here(record):
                continue
            times = record.provenance
            trains = training_cost(training, data).training if times.seconds else 0.0
            expected.append(Cost(trains, scoring_cost(unit, record.scores.keys(), data).scoring))
            taken.append(Cost(times.seconds if trains else 0.0, times.scoring_seconds))
    usual, own = total_cost(expected), total_cost(taken)
    if max(usual.training, usual.scoring) < _LEAST:
        return Pace()
    return Pace(
        own.training / usual.training if usual.training >= _LEAST else 1.0,
        own.scoring / usual.scoring if usual.scoring >= _LEAST else 1.0,
        len(taken),
    )


def _is_of_here(record: Record) -> bool:
    return record.status == "complete" and record.provenance.device_name == environment.processor()
