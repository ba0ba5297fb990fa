"""Protocols between the published one and the fair one: their steps, arms and trainings."""

from __future__ import annotations

from dataclasses import fields
from itertools import chain, combinations

import pytest
from protocols import ORDER, SVM, side_of
from resolved import study_named

from benchmark.core.errors import InputError
from benchmark.latents.readouts import READOUTS
from benchmark.models import MODELS
from benchmark.study.origin import CORRECTIONS, QUESTIONS, STEP_COLUMNS, TWINS, arms, steps, steps_frame
from benchmark.study.schema import variant_label
from benchmark.study.toml import bundled, parse_study
from benchmark.tasks import TASKS

ROWS = {row.name: row for row in MODELS}
TASK = {task.name: task for task in TASKS}
READOUT = {readout.name: readout for readout in READOUTS}
NMI, AUC = ("k-means", "nmi"), ("links", "auc")
MINIMAL = {"name": "mine", "title": "Mine", "datasets": ["wine"], "models": ["gae", "ae"]}


def every_subset(names):
    return map(frozenset, chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)))


def named_in(label):
    """Return the settings in the label of a variant."""

    def value(key, text):
        if key == "hidden":
            return tuple(map(int, text.split("–")))
        return int(text) if key == "latent" else text if "/" in text else float(text)

    return {key: value(key, text) for key, text in (part.split("=") for part in label.split())}


def trains(model, label):
    """Return every part and setting that a training depends on."""
    row = ROWS[model]
    settings = row.overridden(named_in(label))
    parts = row.likelihood.name, row.weighted, row.encoder.name, row.posterior.name, row.decoder.name
    return *parts, row.featureless, row.pretraining, settings


def wanted_settings(start, twin, made):
    """Return the settings of a protocol, written down from the publication and from the fair test."""
    point, small = twin == "point", "sizes" in made
    uncorrected_rate = 1e-4 if point else 5e-4
    scaled = start == "scripts" or "scale" in made
    spread = "gaussian, h = log σ" if scaled else "gaussian, σ = 0.5·exp(h), KL of h = log σ²"
    return {
        "hidden": (32,) if small else (1024,),
        "latent": 16 if small else 128,
        "learning_rate": 0.01 if "rate" in made else uncorrected_rate,
        "epochs": 200,
        "beta": None if point else 1.0 if "divergence" in made else "1/n^2",
        "likelihood": "bernoulli-balanced" if "reconstruction" in made else "bernoulli, target A",
        "weighted": "reconstruction" not in made,
        "encoder": "GCN with biases" if start == "scripts" and not small else "GCN",
        "posterior": "point" if point else spread,
        "decoder": "inner product",
        "batch": None,
        "estimator": None if point else "B",
        "samples": None if point else 1,
    }


def found_settings(model, label):
    row = ROWS[model]
    settings = row.overridden(named_in(label))
    names = ("hidden", "latent", "learning_rate", "epochs", "beta", "batch", "estimator", "samples")
    return {name: getattr(settings, name) for name in names} | {
        "likelihood": row.likelihood.name,
        "weighted": row.weighted,
        "encoder": row.encoder.name,
        "posterior": row.posterior.name,
        "decoder": row.decoder.name,
    }


def of_starts_and_twins(test):
    test = pytest.mark.parametrize("twin", ["point", "variational"])(test)
    return pytest.mark.parametrize("start", ["scripts", "june"])(test)


@pytest.mark.parametrize("start", ["scripts", "june"])
def test_a_start_has_corrections_one_after_another_each_alone_and_all_but_each(start):
    order = ORDER[start]
    assert set(order) == set(CORRECTIONS) - ({"scale"} if start == "scripts" else set())
    assert all(CORRECTIONS.values())
    expected = [
        ("one after another", "", set()),
        *(("one after another", name, set(order[: place + 1])) for place, name in enumerate(order)),
        *(("alone", name, {name}) for name in order),
        *(("all but", name, set(order) - {name}) for name in order),
    ]
    assert [(step.kind, step.correction, set(step.made)) for step in steps(start)] == expected
    assert {step.start for step in steps(start)} == {start}


@of_starts_and_twins
def test_both_twins_are_trained_as_every_set_of_corrections_says(start, twin):
    for made in every_subset(ORDER[start]):
        model, label, *_ = side_of(start, twin, made)
        assert found_settings(model, label) == wanted_settings(start, twin, made), sorted(made)


@of_starts_and_twins
def test_a_variant_names_exactly_the_settings_that_differ_from_its_model(start, twin):
    for made in every_subset(ORDER[start]):
        model, label, *_ = side_of(start, twin, made)
        own, other = ROWS[model].settings, ROWS[model].overridden(named_in(label))
        differing = {field.name for field in fields(own) if getattr(own, field.name) != getattr(other, field.name)}
        assert differing == set(named_in(label)), sorted(made)
        assert label == variant_label(named_in(label))


def test_one_training_has_one_name():
    """Over both starts and all sets of corrections, two arms never train the same."""
    found = {side_of(start, twin, made)[:2] for start in ORDER for twin in TWINS for made in every_subset(ORDER[start])}
    assert len({trains(*arm) for arm in found}) == len(found)


def test_both_ends_of_a_waterfall_are_models_without_overrides():
    for start in ("scripts", "june"):
        for twin, stem in (("point", "gae"), ("variational", "vgae")):
            assert side_of(start, twin, ())[:2] == (f"{stem}-{start}", "")
            assert side_of(start, twin, ORDER[start])[:2] == (stem, "")
    for name, rate, beta in (("gae", 1e-4, None), ("vgae", 5e-4, "1/n^2")):
        for start in ("scripts", "june"):
            at = ROWS[f"{name}-{start}"].settings
            assert (at.hidden, at.latent, at.epochs, at.learning_rate, at.beta) == ((1024,), 128, 200, rate, beta)
    for name, beta in (("gae", None), ("vgae", 1.0)):
        at = ROWS[name].settings
        assert (at.hidden, at.latent, at.epochs, at.learning_rate, at.beta) == ((32,), 16, 200, 0.01, beta)


@of_starts_and_twins
def test_readout_and_task_follow_the_corrections(start, twin):
    for made in every_subset(ORDER[start]):
        point, last = twin == "point", "epoch" in made
        readout = "mean" if point or "readout" in made else "sampled"
        clusters = {
            (False, False): "origin-k-means",
            (True, False): "origin-k-means",
            (False, True): "origin-k-means-classes",
            (True, True): "k-means",
        }[last, "clusters" in made]
        links = "link-inner-product" if last else "origin-links"
        tasks = {"svm": "origin-svm", "k-means": clusters, "links": links}
        for question in QUESTIONS:
            found = side_of(start, twin, made, question)
            assert found[2:] == (readout if last else f"epochs-{readout}", tasks[question[0]], question[1])
            taken = TASK[found[3]]
            assert READOUT[found[2]].gives in taken.takes
            assert question[1] in taken.metrics
            assert found[:2] == side_of(start, twin, made)[:2]


def test_the_questions_are_the_published_ones():
    assert set(QUESTIONS) == {NMI, ("k-means", "acc"), SVM, AUC, ("links", "ap")}


@pytest.mark.parametrize("start", ["scripts", "june"])
def test_arms_cover_the_steps_and_none_trains_twice(start):
    needed: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for step in steps(start):
        for twin in TWINS:
            for question in QUESTIONS:
                model, label, readout, task, _ = side_of(start, twin, step.made, question)
                needed.setdefault((model, label), set()).add((readout, task))
    found = arms(start)
    assert {
        (model, variant_label(dict(overrides))): set(asked) for (model, overrides), asked in found.items()
    } == needed
    assert len(found) == len(needed)
    settings = [(model, ROWS[model].overridden(dict(overrides))) for model, overrides in found]
    assert len(set(settings)) == len(settings)
    assert found["gae-" + start, ()] >= {("epochs-mean", "origin-svm"), ("mean", "origin-k-means")}
    assert not {task for readout, task in found["gae", ()] if readout == "mean"} & {"origin-links"}


def test_only_the_bundled_study_origin_names_the_tasks_of_origin():
    for name in bundled():
        study = study_named(name)
        own = {task for task in study.tasks if task.startswith("origin")}
        own |= {primary.task for each in study.contrasts for primary in each.primary if "origin" in primary.task}
        assert bool(own) == bool(study.waterfalls) == (name == "origin"), name


@pytest.mark.parametrize(
    ("waterfalls", "message"), [(["july"], r"waterfalls\.0: .*got 'july'"), (["june", "june"], "june named twice")]
)
def test_unknown_and_repeated_waterfalls_are_refused(waterfalls, message):
    with pytest.raises(InputError, match=message):
        parse_study(MINIMAL | {"waterfalls": waterfalls}, where="mine.toml")


def test_the_frame_of_steps_lists_both_twins_and_every_question_of_each_step():
    frame = steps_frame(["june", "scripts"])
    assert list(frame.columns) == STEP_COLUMNS
    expected = [
        (start, step.kind, step.correction, twin, question[0], *side_of(start, twin, step.made, question))
        for start in ("june", "scripts")
        for step in steps(start)
        for twin in TWINS
        for question in QUESTIONS
    ]
    columns = ["start", "kind", "correction", "twin", "question", "model", "variant", "readout", "task", "metric"]
    assert list(frame[columns].itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize("start", ["scripts", "june"])
def test_a_step_is_compared_with_a_protocol_of_the_start_that_differs_by_its_correction(start):
    frame = steps_frame([start])
    protocols = set(frame["made"])
    for made, without, corrected, correction in frame[["made", "made_without", "made_with", "correction"]].to_numpy():
        assert made in (without, corrected)
        assert {without, corrected} <= protocols
        assert set(corrected.split()) - set(without.split()) == {correction} - {""}
        assert set(without.split()) <= set(corrected.split())


def test_a_study_without_waterfalls_has_an_empty_frame_of_steps():
    assert list(steps_frame([]).columns) == STEP_COLUMNS
    assert steps_frame([]).empty
