"""Trainings that do not see all rows: their two units, what tasks receive, and what a run leaves."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from karate_runs import TABLES, complete, context, missing, planned
from resolved import study_of
from tiny import command, write_study

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, hold_out, make_dataset
from benchmark.datasets.dataset_table import spec
from benchmark.plan.checks import check_names
from benchmark.plan.data import Prepared, load_all
from benchmark.plan.grid import make_plan
from benchmark.results.store import Store
from benchmark.running.context import case_of, rows_of
from benchmark.running.jobs import KeptJob, TrainJob
from benchmark.training.training_data import TrainingData

SETTINGS = {"held_out": 0.2, "epochs": 5}
STUDY = {
    "name": "parts",
    "title": "Parts",
    "datasets": ["wine"],
    "models": ["raw"],
    "variants": [{"models": ["ae", "vae"], "settings": SETTINGS}],
    "seeds": 2,
    "draws": 2,
    "repeats": 2,
    "readouts": ["mean", "sampled"],
    "tasks": ["k-means", "logistic-regression-few"],
}


PAIR = {"point": "ae", "variational": "vae", "variational_variant": "held_out=0.2", "links": "link-hadamard"}


def variant(model, share):
    """A model that is trained without a share of the rows."""
    return {"models": [model], "settings": {"held_out": share}}


@cache
def wine():
    return load_all(study_of(STUDY), Path("no folder"), skip_missing=False)[0]["wine"]


def plan_of(prepared=None, **changes):
    study = study_of({**STUDY, **changes}, TABLES)
    return make_plan(study, {"wine": prepared or wine()}, "cpu", TABLES)


def of_rows(plan):
    return [unit for unit in plan.units() if unit.arm.settings.held_out]


def test_a_training_without_some_rows_has_two_units_and_no_link_tasks():
    """karate has edges of its own, which the unit of all rows is scored on."""
    variants = [{"models": ["ae"], "settings": SETTINGS}]
    plan = planned(models=["ae"], variants=variants, tasks=["k-means", "link-hadamard"], seeds=1)
    units = {(unit.arm.variant, unit.unit): {slot.task for slot in unit.slots} for unit in plan.units()}
    assert units == {
        ("", "all-edges"): {"k-means"},
        ("", "training-edges"): {"link-hadamard"},
        ("epochs=5 held_out=0.2", "training-rows"): {"k-means"},
        ("epochs=5 held_out=0.2", "held-out-rows"): {"k-means"},
    }
    assert len({training.key for training in plan.trainings}) == len(plan.trainings) == 2


def test_a_published_split_is_left_out():
    dataset = wine().dataset
    published = np.arange(178) < 100, np.arange(178) >= 100
    raw = Raw(x=dataset.x, y=dataset.y, train_mask=published[0], test_mask=published[1])
    with_split = Prepared.of(make_dataset(replace(spec("wine"), fingerprint=None), raw))
    plan = plan_of(with_split, tasks=["k-means", "logistic-regression-published"])
    assert {slot.task for unit in plan.units() if unit.unit == "all-edges" for slot in unit.slots} == {
        "k-means",
        "logistic-regression-published",
    }
    assert {slot.task for unit in of_rows(plan) for slot in unit.slots} == {"k-means"}


def test_the_key_of_a_training_on_all_rows_does_not_change():
    """The setting is unset there, so the identity does not name it."""
    unit = next(iter(planned(variants=[]).units()))
    assert "held_out" not in unit.identity.settings
    assert of_rows(plan_of())[0].identity.settings["held_out"] == 0.2


def test_a_case_knows_the_rows_of_its_unit_alone():
    plan = plan_of()
    for unit in of_rows(plan):
        case, rows = case_of(unit, context(plan)), rows_of(unit, context(plan))
        parts = hold_out(wine().dataset, 36, unit.seed)
        assert np.array_equal(rows, parts.held_out if unit.unit == "held-out-rows" else parts.compared)
        assert np.array_equal(case.y, wine().dataset.y[rows])
        assert len(case.y) == 36
        assert case.split.published is case.split.edges is None


def test_labels_of_other_rows_and_their_latents_have_no_effect(tmp_path):
    """The scores of the held-out rows stay if all other labels change; those of training rows do not."""
    held_out = hold_out(wine().dataset, 36, 0).held_out
    y = np.random.default_rng(0).permutation(wine().dataset.y)
    y[held_out] = wine().dataset.y[held_out]
    changed = replace(wine(), dataset=replace(wine().dataset, y=y))
    found = []
    for number, prepared in enumerate((wine(), changed)):
        scores, _ = complete(plan_of(prepared, models=["raw"], seeds=1), Store(tmp_path / str(number)))
        found.append(scores.set_index(["model", "readout", "draw", "task", "repeat", "metric"]))
    values = [{unit: here["value"] for unit, here in each.groupby("unit")} for each in found]
    assert values[0]["held-out-rows"].equals(values[1]["held-out-rows"])
    assert not values[0]["training-rows"].equals(values[1]["training-rows"])


def classes(matrix, rows):
    """The given rows of wine by class."""
    labels = wine().dataset.y[rows]
    return [matrix[labels == label] for label in np.unique(labels)]


def test_diagnostics_are_those_of_the_rows_of_the_unit(tmp_path):
    """A training by hand on the same rows has the same nats and rates."""
    plan = plan_of()
    _, units = complete(plan, Store(tmp_path))
    for unit in of_rows(plan):
        row = units[units["key"].eq(unit.identity.key)].iloc[0]
        recorded, parts = json.loads(row["diagnostics"]), hold_out(wine().dataset, 36, unit.seed)
        data = TrainingData(wine().dataset.x, training_rows=(parts.training,))
        fitted = unit.arm.model.fit(data, unit.arm.settings, [unit.seed], "cpu")
        rows = parts.held_out if unit.unit == "held-out-rows" else parts.compared
        x = wine().dataset.x[rows].astype(np.float64)
        p = fitted.network.decoder.decode(fitted.posterior.mean)[0].double().detach().numpy()[rows]
        nats = -(x * np.log(p) + (1 - x) * np.log1p(-p)).sum(1).mean()
        assert recorded["reconstruction_mean"] == pytest.approx(nats, rel=1e-5)
        if unit.arm.model.noisy:
            latent = np.load(tmp_path / row["latents"])
            mean, std = (latent[name][rows].astype(np.float64) for name in ("mean", "std"))
            rate = 0.5 * (mean**2 + std**2 - 2 * np.log(std) - 1).sum(1).mean()
            assert recorded["divergence"] == pytest.approx(rate)
            assert recorded["signal_per_dimension"] == pytest.approx(mean.var(axis=0))
            spread = sum(len(each) * ((each.mean(0) - mean.mean(0)) ** 2).sum() for each in classes(mean, rows))
            noise = (std**2).mean(axis=0).sum()
            assert recorded["signal_to_noise_ratio_between"] == pytest.approx(spread / len(rows) / noise)
    both = units[units["model"].eq("vae") & units["seed"].eq(0)]["diagnostics"].map(json.loads)
    assert len({found["reconstruction_sample"] for found in both}) == 2


def test_a_learned_prior_has_rates_of_the_rows(tmp_path):
    variants = [{"models": ["vae-vamp"], "settings": {**SETTINGS, "pseudo_inputs": 5}}]
    _, units = complete(plan_of(models=["raw"], variants=variants, seeds=1), Store(tmp_path))
    rates = [json.loads(text)["divergence"] for text in units.loc[units["variant"].ne(""), "diagnostics"]]
    assert len(set(rates)) == 2
    assert all(rate > 0 for rate in rates)


def test_replicas_that_train_together_have_rows_of_their_own(tmp_path):
    plan = plan_of()
    (alone, _), (together, _) = (complete(plan, Store(tmp_path / str(r)), r) for r in (1, 2))
    assert together["value"].corr(alone["value"]) > 0.95
    assert (together["value"] - alone["value"]).abs().mean() < 0.02


def test_batched_scores_agree_with_scikit_learn(tmp_path):
    plan = plan_of(variants=[{"models": ["vae"], "settings": SETTINGS}])
    (one, _), (other, _) = (
        complete(replace(plan, scoring=way), Store(tmp_path / way)) for way in ("scikit-learn", "batched")
    )
    means = [each.groupby(["model", "unit", "readout", "task", "metric"])["value"].mean() for each in (one, other)]
    pd.testing.assert_series_equal(*means, atol=0.02)


def test_a_run_resumes_and_scores_a_later_task_on_kept_latents(tmp_path):
    store, few = Store(tmp_path / "few"), plan_of(tasks=["k-means"])
    complete(few, store)
    assert not missing(few, store).jobs
    more = plan_of()
    jobs = [job for job in missing(more, store).jobs if job.batch.first.arm.settings.held_out]
    assert {type(job) for job in jobs} == {KeptJob}
    later, units_later = complete(more, store)
    at_once, units = complete(more, Store(tmp_path / "more"))
    assert later.equals(at_once)
    assert units_later["diagnostics"].equals(units["diagnostics"])


def test_a_unit_without_record_is_trained_again_because_its_diagnostics_are_its_own(tmp_path):
    store, plan = Store(tmp_path), plan_of()
    _, before = complete(plan, store)
    unit = of_rows(plan)[0]
    store.path(unit.identity.key).unlink()
    (job,) = missing(plan, store).jobs
    assert isinstance(job, TrainJob)
    _, after = complete(plan, store)
    assert after["diagnostics"].equals(before["diagnostics"])


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        ("held-out rows are scored by tasks of labels alone, and the study has none", {"tasks": ["link-hadamard"]}),
        ("its training passes do not see all rows", {"readouts": ["epochs-mean"], "tasks": ["oracle-k-means"]}),
        ("holds out 2 of 178 rows, and under seed . their labels are too few", {"variants": [variant("ae", 0.01)]}),
        ("its noise is that of all rows", {"variants": [variant("ae-noised", 0.2)]}),
        ("gae does not accept the setting 'held_out'", {"variants": [variant("gae", 0.2)]}),
        ("vae held_out=0.2 has scores of two sets of rows", {"variants": [variant("vae", 0.2)], "pairs": [PAIR]}),
    ],
    ids=["links", "passes", "few rows", "noised", "graph", "contrast"],
)
def test_what_cannot_be_made_is_refused_with_a_reason(message, changes):
    tasks = ["k-means", "logistic-regression-few", "link-hadamard"]
    study = study_of({**STUDY, "models": ["ae"], "tasks": tasks, **changes}, TABLES)
    with pytest.raises(InputError, match=message):
        _checked_plan(study)


def _checked_plan(study):
    check_names(study, TABLES)
    return make_plan(study, {"wine": wine()}, "cpu", TABLES)


def test_a_study_of_seen_and_unseen_rows_runs_and_its_report_compares_them(tmp_path):
    variants = '[{ models = ["ae", "vae"], settings = { held_out = 0.2, epochs = 3, least_steps = 30 } }]'
    study = write_study(
        tmp_path, datasets='["wine"]', models='["random"]', variants=variants, tasks='["k-means"]', seeds="2"
    )
    code, _, err = command("run", study, "--results", tmp_path / "results", folder=tmp_path)
    assert code == 0, err
    code, _, err = command(
        "report", study, "--results", tmp_path / "results", "--out", tmp_path / "page", folder=tmp_path
    )
    assert code == 0, err
    units = pd.read_parquet(tmp_path / "results" / "tiny.units.parquet")
    assert units["unit"].value_counts().to_dict() == {"training-rows": 4, "held-out-rows": 4, "all-edges": 2}
    page = (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
    nats = {
        unit: here["diagnostics"].map(lambda text: json.loads(text)["reconstruction_mean"]).mean()
        for unit, here in units[units["model"].eq("ae")].groupby("unit")
    }
    (line,) = [line for line in page.splitlines() if line.startswith("| reconstruction") and "| ae" in line]
    assert f"| {nats['training-rows']:.2f} | {nats['held-out-rows']:.2f} |" in line
    assert "k-means, AMI" in page
    assert "unseen − seen" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    exact = pd.read_csv(tmp_path / "page" / "data" / "seen-rows.csv").set_index(["model", "readout", "task", "metric"])
    assert exact.loc[("ae", "mean", "reconstruction", "nats"), "seen"] == pytest.approx(nats["training-rows"])
