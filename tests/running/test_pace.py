"""The expected cost is corrected by the times of recorded units."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from tiny import command, make_plan, write_study

from benchmark.core import environment
from benchmark.plan.cost import Cost, scoring_cost, training_cost
from benchmark.results.record import Slot
from benchmark.running.pace import Pace, pace

MANY = {Slot("sampled", draw, "k-means", 2): () for draw in range(20_000)}  # expected to take more than a minute


def recorded(seconds, scoring_seconds, status="complete", processor=None, scores=MANY):
    device = environment.processor() if processor is None else processor
    times = SimpleNamespace(seconds=seconds, scoring_seconds=scoring_seconds, device_name=device)
    return SimpleNamespace(status=status, scores=scores, provenance=times)


@pytest.fixture
def plan(tmp_path):
    """A control and an autoencoder that trains for more than a minute, with two seeds."""
    made = make_plan(tmp_path, datasets=["wine"], models=["raw", "ae"], seeds=2)

    def longer(unit):
        return replace(unit, arm=replace(unit.arm, settings=replace(unit.arm.settings, epochs=30_000)))

    trainings = [replace(each, units=tuple(map(longer, each.units))) for each in made.trainings]
    return SimpleNamespace(trainings=trainings, data=made.data)


def records(plan, **changes):
    """Records of all units: trainings took three times as long as expected, scores half as long."""
    found = {}
    for training in plan.trainings:
        data = plan.data["wine"]
        for place, unit in enumerate(training.units):
            trained = 0.0 if place else 3 * training_cost(training, data).training
            scored = scoring_cost(unit, MANY, data).scoring / 2
            found[unit.identity.key] = recorded(trained, scored, **changes)
    return found


def test_both_ratios_are_measured(plan):
    found = records(plan)
    assert pace(plan, found) == Pace(pytest.approx(3.0), pytest.approx(0.5), len(found))


def test_the_ratios_multiply_an_expected_cost():
    assert Pace(3.0, 0.5, 4).of(Cost(10.0, 8.0)) == Cost(30.0, 4.0)


@pytest.mark.parametrize("changes", [{"status": "failed"}, {"processor": "other"}, {"scores": {}}], ids=str)
def test_units_that_say_nothing_of_this_processor_leave_the_cost_as_it_is(plan, changes):
    found = {key: record for key, record in records(plan, **changes).items() if record.provenance.seconds == 0}
    assert len(found) >= 2
    assert pace(plan, found) == Pace()
    assert pace(plan, {}) == Pace()


def test_a_resumed_run_names_the_source_of_its_estimate(tmp_path, monkeypatch):
    name = write_study(tmp_path)
    _, first, _ = command("run", name, "--device", "cpu", "--seeds", "1", folder=tmp_path)
    monkeypatch.setattr("benchmark.running.pace._LEAST", 0.0)
    _, second, _ = command("run", name, "--device", "cpu", folder=tmp_path)
    assert "from the times of other studies" in first
    assert "from the times of the units that this processor recorded" in second
