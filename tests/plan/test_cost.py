"""The expected cost of a run: sums over the work that is left, and nothing for work that is done."""

from dataclasses import replace

import pytest
from tiny import command, make_plan, write_study

from benchmark.core.names import find
from benchmark.models import MODELS
from benchmark.plan.arms import Arm
from benchmark.plan.cost import Cost, scoring_cost, training_cost
from benchmark.plan.units import Training
from benchmark.results.record import Slot
from benchmark.results.store import Store
from benchmark.running import run


def cell(folder, model, **changes):
    """The first training of a model on wine, and the data."""
    plan = make_plan(folder, datasets=["wine"], models=["raw", model], seeds=2, **changes)
    training = next(each for each in plan.trainings if each.arm.model.name == model)
    return training, plan.data["wine"]


def test_a_network_of_features_costs_steps_and_products(tmp_path):
    training, data = cell(tmp_path, "ae")
    settings = replace(training.arm.settings, hidden=(10,), latent=2, epochs=50, batch=89, least_steps=0)
    training = replace(training, units=tuple(replace(u, arm=replace(u.arm, settings=settings)) for u in training.units))
    weights = 2 * (13 * 10 + 10 * 2)
    expected = 100 * 1.2e-3 + 50 * 178 * 6 * weights * 1e-11  # two steps an epoch
    assert training_cost(training, data) == Cost(pytest.approx(expected))


def test_counts_cost_their_log_gamma_functions(tmp_path):
    """A study may train other models on other data. Here the two models differ by encoder and likelihood alone."""
    training, data = cell(tmp_path, "ae")
    of_counts = replace(training.units[0], arm=Arm(find(MODELS, "model", "ae-counts"), "", training.arm.settings))
    more = training_cost(Training((of_counts,)), data).training - training_cost(training, data).training
    assert more == pytest.approx(training.arm.settings.epochs_for(178) * 178 * 13 * 7e-8)


def test_twice_the_epochs_cost_twice_as_much_on_a_graph(tmp_path):
    training, data = cell(tmp_path, "vgae")
    unit = training.units[0]
    longer = replace(unit, arm=replace(unit.arm, settings=replace(unit.arm.settings, epochs=400)))
    assert training_cost(replace(training, units=(longer,)), data).training == pytest.approx(
        2 * training_cost(training, data).training
    )


def test_a_control_costs_its_scores_at_the_width_of_its_latents(tmp_path):
    training, data = cell(tmp_path, "random")
    raw = next(t for t in make_plan(tmp_path, datasets=["wine"], models=["raw", "ae"]).trainings)
    assert training_cost(training, data) == Cost()
    slots = [Slot("mean", draw, "k-means", 2) for draw in range(3)]
    noise, features = (scoring_cost(each.units[0], slots, data).scoring for each in (training, raw))
    assert noise == pytest.approx(3 * (0.01 + 178 * 3 * (16 + 25) * 5e-8))
    assert features == pytest.approx(3 * (0.01 + 178 * 3 * (13 + 25) * 5e-8))


def test_a_run_says_its_cost_before_it_starts_and_nothing_if_nothing_is_left(tmp_path):
    name = write_study(tmp_path)
    _, first, _ = command("run", name, "--device", "cpu", folder=tmp_path)
    _, second, _ = command("run", name, "--device", "cpu", folder=tmp_path)
    said = "expected to take about"
    assert first.index(said) < first.index("scores in")
    assert "core-seconds (training" in first
    assert said not in second


def test_work_that_is_done_costs_nothing(tmp_path):
    plan = make_plan(tmp_path, datasets=["wine"], models=["raw", "ae"], seeds=2)
    work = run.missing(plan, Store(tmp_path / "none"), {})
    whole, half = run.cost(plan, work), run.cost(plan, replace(work, jobs=work.jobs[:1]))
    assert 0 < half.training + half.scoring < whole.training + whole.scoring
    assert run.cost(plan, replace(work, jobs=())) == Cost()
