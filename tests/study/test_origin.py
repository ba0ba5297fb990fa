"""Study origin: protocols between the published one and the fair one, their training, their scores and their page."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import partial
from itertools import chain, combinations, permutations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from frames import key_of, make_frames, score
from resolved import study_named, study_of
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, average_precision_score, normalized_mutual_info_score, roc_auc_score
from sklearn.svm import SVC
from tiny import Held

from benchmark.commands.run_study import replaced
from benchmark.core.errors import InputError
from benchmark.core.rng import generator, torch_generators
from benchmark.datasets import DatasetSpec, Raw, make_dataset, split
from benchmark.latents.latents import EVERY, Epochs, Latents, of_posterior
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.models import MODELS, Draws, Inputs
from benchmark.models.parts.decoders import InnerProduct
from benchmark.plan.checks import check_names
from benchmark.plan.data import Prepared
from benchmark.plan.grid import make_plan
from benchmark.report.found import find
from benchmark.report.page import compose
from benchmark.report.render import render_html, render_markdown
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.work import Context, run_job
from benchmark.statistics import WATERFALL_COLUMNS, waterfall
from benchmark.study.origin import CORRECTIONS, QUESTIONS, TWINS, Step, arms, corrections, steps
from benchmark.study.schema import variant_label
from benchmark.study.toml import bundled, parse_study
from benchmark.tasks import METRICS, TASKS, Case
from benchmark.tasks import origin_tasks as published
from benchmark.training.loop import fit

ROWS = {row.name: row for row in MODELS}
TASK = {task.name: task for task in TASKS}
READOUT = {readout.name: readout for readout in READOUTS}
OF_TASKS = [task for task in TASKS if task.name.startswith("origin-")]
SCRIPTS = ("readout", "epoch", "clusters", "reconstruction", "divergence", "rate", "sizes")
JUNE = ("readout", "epoch", "clusters", "scale", "reconstruction", "divergence", "rate", "sizes")
ORDER = {"scripts": SCRIPTS, "june": JUNE}
SVM, NMI, AUC = ("svm", "weighted-f1"), ("k-means", "nmi"), ("links", "auc")


def every_subset(names):
    return map(frozenset, chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)))


def side_of(start, twin, made, question=SVM):
    """Model, variant, readout, task and metric of a twin under any set of corrections."""
    side, primary = Step(start, "alone", "", frozenset(made)).side(twin, question)
    return side.model, side.variant, side.readout, primary.task, primary.metric


def named_in(label):
    """The settings that a variant's label names, read back from its text."""

    def value(key, text):
        if key == "hidden":
            return tuple(map(int, text.split("–")))
        return int(text) if key == "latent" else text if "/" in text else float(text)

    return {key: value(key, text) for key, text in (part.split("=") for part in label.split())}


def trains(model, label):
    """All that a training depends on."""
    row = ROWS[model]
    settings = row.overridden(named_in(label))
    parts = row.likelihood.name, row.weighted, row.encoder.name, row.posterior.name, row.decoder.name
    return *parts, row.featureless, row.pretraining, settings


def wanted_settings(start, twin, made):
    """systems.md, section 2, in the columns of the start and of the fair test."""
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
def test_a_start_is_corrected_one_after_another_each_alone_and_all_but_each(start):
    order = ORDER[start]
    assert corrections(start) == order
    assert set(CORRECTIONS) == set(JUNE)
    assert all(CORRECTIONS.values())
    expected = [
        ("one after another", "", set()),
        *(("one after another", name, set(order[: place + 1])) for place, name in enumerate(order)),
        *(("alone", name, {name}) for name in order),
        *(("all but", name, set(order) - {name}) for name in order),
    ]
    assert [(step.kind, step.correction, set(step.made)) for step in steps(start)] == expected
    assert len(expected) == {"scripts": 22, "june": 25}[start]
    assert {step.start for step in steps(start)} == {start}


@of_starts_and_twins
def test_both_twins_are_trained_as_every_set_of_corrections_says(start, twin):
    for made in every_subset(ORDER[start]):
        model, label, *_ = side_of(start, twin, made)
        assert found_settings(model, label) == wanted_settings(start, twin, made), sorted(made)


@of_starts_and_twins
def test_a_variant_names_the_settings_in_which_it_differs_from_its_row_and_no_others(start, twin):
    for made in every_subset(ORDER[start]):
        model, label, *_ = side_of(start, twin, made)
        own, other = ROWS[model].settings, ROWS[model].overridden(named_in(label))
        differing = {field.name for field in fields(own) if getattr(own, field.name) != getattr(other, field.name)}
        assert differing == set(named_in(label)), sorted(made)
        assert label == variant_label(named_in(label))


def test_one_training_has_one_name():
    """Over both starts and all sets of corrections: equal trainings are one arm, different ones are two."""
    found = {side_of(start, twin, made)[:2] for start in ORDER for twin in TWINS for made in every_subset(ORDER[start])}
    assert len({trains(*arm) for arm in found}) == len(found)


def test_the_ends_are_rows_as_they_stand():
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


def test_the_questions_are_those_that_were_published():
    assert set(QUESTIONS) == {NMI, ("k-means", "acc"), SVM, AUC, ("links", "ap")}


@pytest.mark.parametrize("start", ["scripts", "june"])
def test_arms_are_what_the_steps_need_and_none_trains_twice(start):
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
    assert len(found) == len(needed) == {"scripts": 19, "june": 22}[start]
    settings = [(model, ROWS[model].overridden(dict(overrides))) for model, overrides in found]
    assert len(set(settings)) == len(settings)
    assert found["gae-" + start, ()] >= {("epochs-mean", "origin-svm"), ("mean", "origin-k-means")}
    assert not {task for readout, task in found["gae", ()] if readout == "mean"} & {"origin-links"}


# the rows

OF_ROWS = [f"{stem}-{rest}" for stem in ("gae", "vgae") for rest in ("scripts", "scripts-balanced", "june")] + [
    "vgae-june-scaled",
    "vgae-june-balanced",
]


def graph_of(n=14, f=5, m=30, seed=0):
    """Features [n, f] within [0, 1], edges [m, 2] and a weight of ½ or 1 for each."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    chosen = np.sort(rng.choice(len(i), m, replace=False))
    weights = rng.choice(np.array([0.5, 1.0], dtype=np.float32), m)
    return rng.random((n, f), dtype=np.float32), np.stack([i[chosen], j[chosen]], axis=1), weights


@pytest.mark.parametrize("name", OF_ROWS)
def test_the_objective_of_a_row_by_hand(name):
    """Encoder, draw, cross-entropy over the n² ordered pairs and KL/n², written out once more."""
    row, (x, edges, weights) = ROWS[name], graph_of()
    n = len(x)
    settings = row.overridden({"hidden": 6, "latent": 3})
    given = [weights] if row.weighted else None
    inputs = Inputs.of(x, [edges], replicas=1, device="cpu", dtype=torch.float64, weights=given)
    model = row.build(settings, inputs, partial(torch_generators, (0,), "weights", device="cpu")).double()
    of = {key: value[0].detach().numpy() for key, value in model.named_parameters()}
    assert any("bias" in key for key in of) == ("scripts" in name)
    assert any(value.any() for key, value in of.items() if "bias" in key) == ("scripts" in name)

    a = np.zeros((n, n))
    a[edges[:, 0], edges[:, 1]] = a[edges[:, 1], edges[:, 0]] = weights if row.weighted else 1.0
    scale = np.diag((a + np.eye(n)).sum(1) ** -0.5)
    smooth = scale @ (a + np.eye(n)) @ scale
    hidden = np.maximum(smooth @ x @ of["encoder.hidden.0.weight"] + of.get("encoder.hidden.0.bias", 0), 0)
    heads = ["0"] if name.startswith("gae") else ["0", "1"]
    mean, *rest = (
        smooth @ hidden @ of[f"encoder.heads.{k}.weight"] + of.get(f"encoder.heads.{k}.bias", 0) for k in heads
    )
    z, kl = mean, 0.0
    if rest:
        (h,) = rest
        (noise,) = torch_generators((0,), "noise", device="cpu")
        printed = name in ("vgae-june", "vgae-june-balanced")
        sigma, log_variance = (0.5 * np.exp(h), h) if printed else (np.exp(h), 2 * h)
        z = mean + sigma * torch.randn((n, 3), generator=noise, dtype=torch.float64).numpy()
        kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum() / n
    logits = z @ z.T
    if "balanced" in name:
        target, ones = a + np.eye(n), a.sum()
        cost = target * (n**2 - ones) / ones * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)
        nats = n**2 / (2 * (n**2 - ones)) * cost.sum() / n
    else:
        nats = (a * np.logaddexp(0, -logits) + (1 - a) * np.logaddexp(0, logits)).sum() / n

    draws = Draws.of(lambda purpose: torch_generators((0,), purpose, device="cpu"))
    loss = model.loss(inputs, draws, value=True)
    assert loss.reconstruction.item() == pytest.approx(nats, rel=1e-9)
    assert loss.divergence.item() == pytest.approx(kl, rel=1e-9)
    assert loss.total.item() == pytest.approx(nats + kl / n**2, rel=1e-9)


def test_every_row_of_the_origin_is_on_the_way_and_none_else():
    used = {side_of(start, twin, step.made)[0] for start in ORDER for twin in TWINS for step in steps(start)}
    assert used == {*OF_ROWS, "gae", "vgae"}
    assert {name for name in ROWS if "scripts" in name or "june" in name} == set(OF_ROWS)


# the plan

N, K = 60, 3


def a_dataset(*, edges=True):
    """Three classes of twenty rows, and 240 edges."""
    x, pairs, _ = graph_of(N, 6, 240)
    spec = DatasetSpec("tiny", lambda _: None, "none", "synthetic", "made up", "none", "none", evidence=False)
    y = np.arange(N) % K
    return make_dataset(spec, Raw(x=(x + y[:, None]) / K, y=y, edges=pairs if edges else None))


@pytest.fixture(scope="module")
def dataset():
    return a_dataset()


STUDY = {
    "name": "mine",
    "title": "Mine",
    "datasets": ["tiny"],
    "models": ["gae", "ae"],
    "seeds": 2,
    "draws": 3,
    "readouts": ["mean", "sampled"],
    "tasks": ["k-means", "logistic-regression-few"],
}


def planned(dataset, **changes):
    study = study_of(STUDY | changes)
    check_names(study)
    return make_plan(study, {"tiny": Prepared.of(dataset)}, "cpu")


def cells_of(plan):
    """What is scored of each arm, over both of its units: readouts, tasks, and draws."""
    found: dict[str, dict[tuple[str, str], list[int]]] = {}
    for unit in plan.units():
        if unit.seed == 0:
            for cell in unit.cells:
                found.setdefault(str(unit.arm), {}).setdefault((cell.readout, cell.task), []).append(cell.draw)
                assert TASK[cell.task].unit == unit.unit
    return found


def asked_by(start):
    wanted: dict[str, set[tuple[str, str]]] = {}
    for step in steps(start):
        for twin in TWINS:
            for question in QUESTIONS:
                model, variant, readout, task, _ = side_of(start, twin, step.made, question)
                wanted.setdefault(f"{model} ({variant})" if variant else model, set()).add((readout, task))
    return wanted


@pytest.mark.parametrize("start", ["scripts", "june"])
def test_a_waterfall_is_scored_by_what_it_asks_and_by_nothing_else(dataset, start):
    plan = planned(dataset, waterfalls=[start])
    found, wanted = cells_of(plan), asked_by(start)
    product = {("mean", "k-means"), ("mean", "logistic-regression-few")}
    assert {name: set(cells) for name, cells in found.items()} == wanted | {
        "ae": product,
        "gae": wanted["gae"] | product,
    }
    for cells in found.values():
        assert all(draws == ([0, 1, 2] if readout == "sampled" else [0]) for (readout, _), draws in cells.items())
    assert len(plan.arms) == len(wanted) + 1
    assert [str(arm) for arm in plan.arms[:2]] == ["gae", "ae"]


def test_an_arm_that_starts_share_or_a_study_lists_is_one_arm_with_all_cells(dataset):
    variant = {"models": ["gae"], "settings": {"learning_rate": 1e-4}}
    plan = planned(dataset, waterfalls=["scripts", "june"], models=["gae", "vgae", "gae-june"], variants=[variant])
    names = [str(arm) for arm in plan.arms]
    one, other = asked_by("scripts"), asked_by("june")
    assert len(set(names)) == len(names) == len(one.keys() | other.keys() | {"gae-june"})
    assert len({(arm.row.name, arm.settings) for arm in plan.arms}) == len(names)
    found = cells_of(plan)
    for name in one.keys() | other.keys():
        asked = one.get(name, set()) | other.get(name, set())
        if name in ("gae", "gae-june", "gae (learning_rate=0.0001)"):
            asked |= {("mean", "k-means"), ("mean", "logistic-regression-few")}
        if name == "vgae":
            asked |= {(readout, task) for readout in STUDY["readouts"] for task in STUDY["tasks"]}
        assert set(found[name]) == asked, name
    keys = [unit.identity.key for unit in plan.units()]
    assert len(set(keys)) == len(keys)


def test_data_without_edges_are_asked_nothing_about_links_and_keep_their_weights():
    plan = planned(a_dataset(edges=False), waterfalls=["scripts"])
    assert {unit.unit for unit in plan.units()} == {"all-edges"}
    assert {task for cells in cells_of(plan).values() for _, task in cells} == {
        *("k-means", "logistic-regression-few", "origin-k-means", "origin-k-means-classes", "origin-svm")
    }
    weights = plan.data["tiny"].weights
    assert set(np.unique(weights)) == {0.5, 1.0}


def test_without_waterfalls_a_plan_has_none_of_it(dataset):
    assert [str(arm) for arm in planned(dataset).arms] == ["gae", "ae"]


def test_models_of_the_command_line_leave_waterfalls_out_and_nothing_else_does():
    study = study_named("origin")
    assert study.waterfalls == ("scripts", "june")
    assert replaced(study, models="gae, vgae").waterfalls == ()
    assert replaced(study, models="gae, vgae").models == ("gae", "vgae")
    assert replaced(study, seeds=1, datasets="cora").waterfalls == ("scripts", "june")


@pytest.mark.parametrize(
    ("waterfalls", "message"), [(["july"], r"waterfalls\.0: .*got 'july'"), (["june", "june"], "june named twice")]
)
def test_waterfalls_that_there_are_not_are_refused(waterfalls, message):
    with pytest.raises(InputError, match=message):
        parse_study(STUDY | {"waterfalls": waterfalls}, where="mine.toml")


# the tasks


@pytest.fixture(scope="module")
def case(dataset):
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)


def noise(seed, d=4, n=N):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def blurred(case, seed, by=0.8):
    """Labels under noise: neither perfect nor chance."""
    return (np.eye(K)[case.y] + by * noise(seed, K)).astype(np.float32)


def with_labels(y, seed=0):
    return Case(np.asarray(y), None, "f", seed)


def taken(task, z):
    """The latent in the form that a task takes: as it is, or as that of a single epoch."""
    return z if "matrix" in task.takes else Epochs((z,))


def named(tasks):
    return pytest.mark.parametrize("task", tasks, ids=lambda task: task.name)


def test_the_tasks_and_what_they_are_of():
    described = {task.name: (task.unit, task.needs, task.metrics, task.takes) for task in OF_TASKS}
    both, epochs = ("matrix", "epochs"), ("epochs",)
    assert described == {
        "origin-k-means": ("all-edges", "labels", ("acc", "nmi", "ari"), both),
        "origin-k-means-classes": ("all-edges", "labels", TASK["k-means"].metrics, epochs),
        "origin-svm": ("all-edges", "labels", ("weighted-f1",), both),
        "origin-links": ("training-edges", "links", TASK["link-inner-product"].metrics, epochs),
    }
    overlaps = {task.name: task.overlap for task in OF_TASKS}
    assert overlaps == {
        "origin-k-means": None,
        "origin-k-means-classes": None,
        "origin-svm": pytest.approx(30 / 70),
        "origin-links": TASK["link-inner-product"].overlap,
    }


def test_no_bundled_study_but_origin_names_them():
    for name in bundled():
        study = study_named(name)
        own = {task for task in study.tasks if task.startswith("origin")}
        own |= {primary.task for each in study.contrasts for primary in each.primary if "origin" in primary.task}
        assert bool(own) == bool(study.waterfalls) == (name == "origin"), name


def test_published_k_means_has_the_largest_label_for_k_and_the_mean_of_ten(case, monkeypatch):
    made = []

    def recording(*arguments, **named):
        made.append(KMeans(*arguments, **named))
        return made[-1]

    monkeypatch.setattr(published, "KMeans", recording)
    scores = TASK["origin-k-means"].score(blurred(case, 0), case)
    assert [(each.n_clusters, each.n_init) for each in made] == [(K - 1, 1)] * 10
    assert len({each.random_state for each in made}) == 10
    matched = [max(np.mean(np.array(to)[each.labels_] == case.y) for to in permutations(range(K))) for each in made]
    assert scores["acc"] == pytest.approx(np.mean(matched))
    assert scores["nmi"] == pytest.approx(np.mean([normalized_mutual_info_score(case.y, m.labels_) for m in made]))
    assert scores["ari"] == pytest.approx(np.mean([adjusted_rand_score(case.y, m.labels_) for m in made]))
    assert np.ptp([each.inertia_ for each in made]) > 0  # the ten differ, so that the mean is none of them


def test_with_labels_from_one_the_published_k_is_right():
    y = 1 + np.arange(30) % 2
    assert TASK["origin-k-means"].score(10 * np.eye(3, dtype=np.float32)[y], with_labels(y))["nmi"] == pytest.approx(1)


def test_the_published_support_vectors_by_hand(case):
    z, n = blurred(case, 0), N
    order = generator(0, "origin-svm", case.fingerprint).permutation(n)
    test, train = order[:18], order[18:]  # 30 % of 60
    predicted, truth = SVC().fit(z[train], case.y[train]).predict(z[test]), case.y[test]
    weighted = 0.0
    for label in range(K):
        right = np.sum((predicted == label) & (truth == label))
        counted = np.sum(predicted == label) + np.sum(truth == label)
        weighted += np.mean(truth == label) * (2 * right / counted if counted else 0.0)
    assert TASK["origin-svm"].score(z, case) == {"weighted-f1": pytest.approx(weighted)}
    assert 0.3 < weighted < 1


@pytest.mark.parametrize("n", [10, 33, 60])
def test_support_vectors_are_fitted_on_seventy_per_cent_and_tested_on_the_others(monkeypatch, n):
    seen = {}

    class Recording(SVC):
        def fit(self, x, y):
            seen["train"] = x[:, 0].tolist()
            return super().fit(x, y)

        def predict(self, x):
            seen["test"] = x[:, 0].tolist()
            return super().predict(x)

    monkeypatch.setattr(published, "SVC", Recording)
    splits = set()
    for seed in range(3):
        TASK["origin-svm"].score(np.arange(n, dtype=np.float32)[:, None], with_labels(np.arange(n) % 2, seed))
        assert sorted(seen["train"] + seen["test"]) == list(range(n))
        assert len(seen["test"]) == round(0.3 * n)
        splits.add(tuple(sorted(seen["test"])))
    assert len(splits) == 3


@named(OF_TASKS)
def test_the_best_of_several_epochs_is_of_each_metric_by_itself(task, case):
    made = [blurred(case, seed, by=0.9) if task.needs == "labels" else noise(seed) for seed in range(3)]
    each = [task.score(Epochs((z,)), case) for z in made]
    best = task.score(Epochs(tuple(made)), case)
    assert best == {name: max(scores[name] for scores in each) for name in task.metrics}
    if "matrix" in task.takes:
        assert each[0] == task.score(made[0], case)


def test_auc_and_ap_may_be_of_different_epochs(case):
    """Worked without the task: the highest AUC and the highest AP stand at different places."""
    made, pairs = [noise(seed) for seed in range(40)], case.split.edges
    truth = np.repeat([1, 0], [len(pairs.test), len(pairs.test_negatives)])
    both = np.concatenate([pairs.test, pairs.test_negatives])
    ranks = [(z[both[:, 0]].astype(float) * z[both[:, 1]]).sum(1) for z in made]
    auc, ap = ([f(truth, rank) for rank in ranks] for f in (roc_auc_score, average_precision_score))
    one, other = int(np.argmax(auc)), int(np.argmax(ap))
    first, second = next((i, j) for i in range(40) for j in range(40) if auc[i] > auc[j] and ap[i] < ap[j])
    for chosen in ((first, second), (one, other)):
        scores = TASK["origin-links"].score(Epochs(tuple(made[i] for i in chosen)), case)
        assert scores["auc"] == pytest.approx(max(auc[i] for i in chosen), abs=1e-6)
        assert scores["ap"] == pytest.approx(max(ap[i] for i in chosen), abs=1e-6)


def test_a_metric_for_which_less_is_better_would_be_least(monkeypatch):
    lower = replace(METRICS[0], name="loss", direction="lower")
    monkeypatch.setattr(published, "_METRICS", {"loss": lower})
    made = Epochs(tuple(np.full((2, 1), value, np.float32) for value in (3.0, 1.0, 2.0)))
    found = published.best_over_epochs(made, with_labels([0, 1]), score=lambda z, _: {"loss": float(z[0, 0])})
    assert found == {"loss": 1.0}


def test_perfect_latents_reach_the_bound_that_each_task_has(case, dataset):
    z = 10 * np.eye(K, dtype=np.float32)[case.y]
    perfect = Epochs((noise(0), z))
    assert TASK["origin-svm"].score(z, case) == {"weighted-f1": pytest.approx(1)}
    assert TASK["origin-k-means-classes"].score(perfect, case) == pytest.approx(
        dict.fromkeys(TASK["k-means"].metrics, 1.0)
    )
    found = TASK["origin-k-means"].score(z, case)  # two clusters: one class by itself, the other two together
    clusters, classes = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3), np.log(3)
    assert found["acc"] == pytest.approx(2 / 3)
    assert found["nmi"] == pytest.approx(2 * clusters / (clusters + classes))
    a = np.zeros((N, N))
    a[dataset.edges[:, 0], dataset.edges[:, 1]] = a[dataset.edges[:, 1], dataset.edges[:, 0]] = 1
    values, vectors = np.linalg.eigh(a)
    roots = (vectors * np.sqrt(values - values.min())).astype(np.float32)  # their inner products are A off the diagonal
    assert TASK["origin-links"].score(Epochs((noise(0), roots)), case) == pytest.approx(
        {"auc": 1, "ap": 1, "hits@20": 1}
    )


def test_a_constant_latent_has_a_defined_value(case):
    z = np.zeros((N, 4), dtype=np.float32)
    y = np.where(np.arange(N) < 40, 0, np.where(np.arange(N) < 52, 1, 2))
    uneven = replace(case, y=y)
    share = np.mean(y[generator(0, "origin-svm", case.fingerprint).permutation(N)[:18]] == 0)
    assert TASK["origin-svm"].score(z, uneven) == {"weighted-f1": pytest.approx(share * 2 * share / (share + 1))}
    assert TASK["origin-k-means"].score(z, uneven) == pytest.approx({"acc": 40 / 60, "nmi": 0, "ari": 0})
    classes = TASK["origin-k-means-classes"].score(Epochs((z, z)), uneven)
    assert classes == pytest.approx({"acc": 40 / 60, "nmi": 0, "ari": 0, "macro-f1": 0.8 / 3})
    assert TASK["origin-links"].score(Epochs((z,)), case) == pytest.approx({"auc": 0.5, "ap": 0.5, "hits@20": 0})


def test_a_single_class_has_a_defined_value():
    alone = with_labels(np.zeros(20, dtype=np.int64))
    assert TASK["origin-svm"].score(noise(0, n=20), alone) == {"weighted-f1": 1.0}
    assert TASK["origin-k-means"].score(noise(0, n=20), alone)["acc"] == 1.0


@named([task for task in OF_TASKS if "matrix" in task.takes])
def test_sparse_latents_are_scored_as_dense_ones_are(task, case):
    z = np.maximum(blurred(case, 0), 0)
    assert task.score(sp.csr_array(z), case) == pytest.approx(dict(task.score(z, case)), abs=1e-6)


@named(OF_TASKS)
def test_equal_seeds_give_equal_scores_and_other_seeds_others(task, case, dataset):
    z = taken(task, noise(0))
    before = np.random.get_state()[1].tolist()
    first = task.score(z, case)
    assert first == task.score(z, case)
    assert np.random.get_state()[1].tolist() == before
    others = [task.score(z, Case(case.y, split(dataset, seed), case.fingerprint, seed)) for seed in (1, 2, 3)]
    if task.name != "origin-k-means-classes":  # the best of twenty starts may be the same one
        assert any(other != first for other in others)
    assert tuple(first) == task.metrics


@named(OF_TASKS)
def test_data_without_what_is_scored_are_refused(task, case):
    without = replace(case, y=None, split=replace(case.split, edges=None))
    with pytest.raises(ValueError, match=r"this dataset has none"):
        task.score(taken(task, noise(0)), without)


# the passes

KEPT = ("gae", "vgae", "vgae-scripts", "vgae-june", "arvga", "s-vgae")


def small(name, **changes):
    row = ROWS[name]
    return row.overridden({"hidden": 6, "latent": 3, "epochs": 12} | changes)


def trained(name, *, seeds=(0, 1), snapshots=None, **changes):
    x, edges, weights = graph_of()
    row = ROWS[name]
    given = [weights] * len(seeds) if row.weighted else None
    inputs = Inputs.of(x, [edges] * len(seeds), replicas=len(seeds), device="cpu", weights=given)
    return fit(row, inputs, small(name, **changes), seeds, "cpu", snapshots=snapshots)


def parts_of(result):
    """Every array of a result, by name, curves included."""
    q = result.posterior
    arrays = {field.name: getattr(q, field.name) for field in fields(q)}
    arrays |= {f"weight {name}": value.detach() for name, value in result.model.named_parameters()}
    return arrays | {"of means": result.reconstruction[0], "of samples": result.reconstruction[1]}


@pytest.mark.parametrize("name", KEPT)
def test_snapshots_hold_the_very_draws_of_every_fifth_pass_and_change_nothing(name, monkeypatch):
    passed = []
    scored = InnerProduct.reconstruction

    def recording(self, z, inputs, draws, *, value):
        if torch.is_grad_enabled() and z.requires_grad:
            passed.append(z.detach().clone())
        return scored(self, z, inputs, draws, value=value)

    monkeypatch.setattr(InnerProduct, "reconstruction", recording)
    result = trained(name, snapshots=5)
    assert len(passed) == 12
    assert [taken.epoch for taken in result.snapshots] == [5, 10]
    for snapshot in result.snapshots:
        assert snapshot.drawn.shape == (2, 14, 3)
        assert not snapshot.drawn.requires_grad
        torch.testing.assert_close(snapshot.drawn, passed[snapshot.epoch - 1], rtol=0, atol=0)
        if name == "gae":
            assert torch.equal(snapshot.drawn, snapshot.posterior.mean)
        else:
            assert not torch.equal(snapshot.drawn, snapshot.posterior.mean)
    assert len({tuple(drawn.flatten().tolist()) for drawn in passed}) == 12

    plain = trained(name)
    assert plain.snapshots == ()
    assert repr(plain.curves) == repr(result.curves)
    one, other = parts_of(plain), parts_of(result)
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


@pytest.mark.parametrize("name", ["gae-scripts", "vgae-june"])
def test_a_snapshot_is_the_posterior_before_its_step(name):
    """What training for one epoch less leaves, drawn with that many draws of the replica's own noise."""
    result = trained(name, snapshots=5)
    for snapshot in result.snapshots:
        before = trained(name, epochs=snapshot.epoch - 1).posterior
        assert torch.equal(snapshot.posterior.mean, before.mean)
        if name == "vgae-june":
            for replica, stream in enumerate(torch_generators((0, 1), "noise", device="cpu")):
                *_, epsilon = (torch.randn(14, 3, generator=stream) for _ in range(snapshot.epoch))
                by_hand = before.mean[replica] + before.std[replica] * epsilon
                torch.testing.assert_close(snapshot.drawn[replica], by_hand)
    assert [taken.epoch for taken in trained(name, snapshots=4).snapshots] == [4, 8, 12]
    assert trained(name, snapshots=13).snapshots == ()


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_passes_of_mini_batches_have_means_and_no_draws(name):
    """The means are those before the first batch of the epoch; a draw of all rows was never made."""
    row, (x, _, _) = ROWS[name], graph_of()
    inputs = Inputs.of(x, None, replicas=2, device="cpu")

    def result(epochs, snapshots=None):
        settings = row.overridden({"hidden": 6, "latent": 3, "batch": 4, "least_steps": 0, "epochs": epochs})
        return fit(row, inputs, settings, (0, 1), "cpu", snapshots=snapshots)

    kept, plain = result(12, 5), result(12)
    assert [(each.epoch, each.drawn) for each in kept.snapshots] == [(5, None), (10, None)]
    for each in kept.snapshots:
        assert torch.equal(each.posterior.mean, result(each.epoch - 1).posterior.mean)
    assert repr(plain.curves) == repr(kept.curves)
    assert all(torch.equal(value, parts_of(kept)[key]) for key, value in parts_of(plain).items())
    latents = of_posterior(kept.posterior, kept.snapshots)[1]
    means = read_out(latents, READOUT["epochs-mean"], seed=0, draw=0).latents
    assert np.array_equal(means, [each.posterior.mean[1].numpy() for each in kept.snapshots])
    with pytest.raises(ValueError, match="mini-batches"):
        read_out(latents, READOUT["epochs-sampled"], seed=0, draw=0)


def test_a_row_whose_noise_comes_after_training_is_refused():
    row, (x, edges, _) = ROWS["gae-noised"], graph_of()
    inputs = Inputs.of(x, [edges], replicas=1, device="cpu")
    with pytest.raises(ValueError, match=r"gae-noised: .*snapshots"):
        fit(row, inputs, row.overridden({"epochs": 1}), (0,), "cpu", snapshots=5)


def test_the_plan_offers_epochs_only_of_rows_that_have_passes(dataset):
    plan = planned(
        dataset,
        models=["ae", "vae", "gae", "vgae", "raw", "gae-noised", "untrained-gcn", "igae"],
        readouts=["mean", "epochs-mean", "epochs-sampled"],
        tasks=["origin-svm"],
    )
    found = {name: {readout for readout, _ in cells} - {"mean"} for name, cells in cells_of(plan).items()}
    assert found == {
        **{name: set() for name in ("raw", "gae-noised", "untrained-gcn")},
        **{name: {"epochs-mean"} for name in ("ae", "gae", "igae")},
        "vae": {"epochs-mean"},  # it trains in mini-batches
        "vgae": {"epochs-mean", "epochs-sampled"},
    }


def test_readouts_of_epochs_are_the_passes_of_their_replica(tmp_path):
    result = trained("vgae", snapshots=5)
    both = of_posterior(result.posterior, result.snapshots)
    assert len(both) == 2
    for replica, latents in enumerate(both):
        for name, chosen in (("epochs-mean", 0), ("epochs-sampled", 1)):
            found = read_out(latents, READOUT[name], seed=0, draw=0)
            assert isinstance(found, Epochs)
            for z, snapshot in zip(found.latents, result.snapshots, strict=True):
                expected = (snapshot.posterior.mean, snapshot.drawn)[chosen][replica]
                assert z.dtype == np.float32
                assert np.array_equal(z, expected.numpy())
        (tmp_path / "z.npz").write_bytes(latents.packed())
        loaded = Latents.load(tmp_path / "z.npz")
        assert loaded.passes == ()
        assert loaded.digest == latents.digest
        with pytest.raises(ValueError, match="no training passes were kept"):
            read_out(loaded, READOUT["epochs-mean"], seed=0, draw=0)


def test_a_run_scores_the_best_of_every_fifth_pass_and_never_those_of_a_kept_latent(dataset, tmp_path):
    settings = {"epochs": 20, "hidden": 6, "latent": 3}
    changes = {
        "models": ["gae"],
        "variants": [{"models": ["vgae-june"], "settings": settings}],
        "seeds": 1,
        "save_latents": True,
    }
    epochs = ["mean", "epochs-mean", "epochs-sampled"]
    plain, tasks = ["origin-svm", "link-inner-product"], ["origin-svm", "origin-links", "link-inner-product"]
    before = planned(dataset, **changes, readouts=["mean"], tasks=plain)
    plan = planned(dataset, **changes, readouts=epochs, tasks=tasks)
    store, handed = Store(tmp_path), {"tiny": Held(plan.data["tiny"])}
    versions, tasks = run.environment.versions(), {task.name: task for task in TASKS}
    context = Context(handed, "cpu", versions, "", "", True, frozenset(), tasks)
    jobs = {}
    for unit, work in (("before", run.missing(before, store)), ("anew", run.missing(plan, store))):
        jobs |= {(unit, job.batch.first.unit): job for job in work.jobs if job.batch.first.arm.row.name == "vgae-june"}
    assert len(jobs) == 4
    edges = {"all-edges": dataset.edges, "training-edges": split(dataset, 0).edges.train}
    row = ROWS["vgae-june"]
    for (when, unit), job in jobs.items():
        scored = run_job(job, context)
        (record,) = scored.records
        assert record.status == "complete", record.message
        if when == "before":
            run.keep(scored, job, store)
            continue
        inputs = Inputs.of(dataset.x, [edges[unit]], replicas=1, device="cpu")
        result = fit(row, inputs, row.overridden(settings), (0,), "cpu", snapshots=EVERY)
        assert [snapshot.epoch for snapshot in result.snapshots] == [5, 10, 15, 20]
        task = TASK["origin-svm" if unit == "all-edges" else "origin-links"]
        single = task if unit == "all-edges" else TASK["link-inner-product"]
        known = Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)
        scores = {(cell.readout, cell.task): metrics for cell, metrics in record.scores.items()}
        for readout in ("epochs-mean", "epochs-sampled"):
            latents = [s.drawn if "sampled" in readout else s.posterior.mean for s in result.snapshots]
            each = [single.score(z[0].numpy(), known) for z in latents]
            best = {metric: max(s[metric] for s in each) for metric in task.metrics}
            assert scores[readout, task.name] == pytest.approx(best), (unit, readout)
    other = planned(dataset, **changes, readouts=["mean", "sampled"], tasks=plain)
    for asked, kept in ((plan, False), (other, True)):
        again = [job for job in run.missing(asked, store).jobs if job.batch.first.arm.variant]
        assert len(again) == 2
        assert {job.kept is not None for job in again} == {kept}


# the waterfall


def arm_scores(model, readout, values, *, dataset="hand"):
    """Scores of the SVM by seed, NaN a failed unit; a tuple is of several draws."""
    cell = {"dataset": dataset, "model": model, "readout": readout, "task": "origin-svm", "metric": "weighted-f1"}
    return [
        score(**cell, seed=seed, draw=draw, value=value, status="failed" if np.isnan(value) else "complete")
        for seed, of_seed in enumerate(values)
        for draw, value in enumerate(of_seed if isinstance(of_seed, tuple) else (of_seed,))
    ]


def by_hand():
    """Two seeds: nothing corrected, the readout, the epoch, both, everything, and everything but the readout."""
    return pd.DataFrame(
        [
            *arm_scores("gae-scripts", "epochs-mean", [0.70, 0.74]),
            *arm_scores("vgae-scripts", "epochs-sampled", [0.50, 0.52]),
            *arm_scores("vgae-scripts", "epochs-mean", [0.65, 0.71]),
            *arm_scores("gae-scripts", "mean", [0.66, 0.70]),
            *arm_scores("vgae-scripts", "mean", [0.60, 0.66]),
            *arm_scores("vgae-scripts", "sampled", [(0.40, 0.50), (0.45, 0.49)]),
            *arm_scores("gae", "mean", [0.72, 0.76]),
            *arm_scores("vgae", "mean", [0.73, 0.77]),
            *arm_scores("vgae", "sampled", [(0.60, 0.62), (0.64, 0.66)]),
        ]
    )


def patchy():
    """Seeds that failed, that one twin lacks, or of which a draw failed; one twin alone; nothing but failures."""
    return pd.DataFrame(
        [
            *arm_scores("gae-scripts", "epochs-mean", [0.5, 0.6, np.nan, 0.9, 0.8], dataset="patchy"),
            *arm_scores("vgae-scripts", "epochs-sampled", [0.4, 0.3, 0.2, np.nan], dataset="patchy"),
            *arm_scores("vgae-scripts", "epochs-mean", [0.5, np.nan, 0.2, 0.9, 0.7], dataset="patchy"),
            *arm_scores("gae-scripts", "mean", [0.5, 0.6], dataset="draws"),
            *arm_scores("vgae-scripts", "sampled", [(0.4, np.nan), (0.2, 0.4)], dataset="draws"),
            *arm_scores("gae-scripts", "epochs-mean", [0.5, 0.6], dataset="alone"),
            *arm_scores("gae-scripts", "epochs-mean", [0.5, np.nan], dataset="never both"),
            *arm_scores("vgae-scripts", "epochs-sampled", [np.nan, 0.5], dataset="never both"),
        ]
    )


@pytest.fixture(scope="module")
def hand():
    return waterfall(pd.concat([by_hand(), patchy()]), ["scripts"], {})


def test_a_waterfall_worked_by_hand(hand):
    found = hand[hand["dataset"].eq("hand")]
    assert list(found.columns) == WATERFALL_COLUMNS
    expected = [
        ("one after another", "", 0.72, 0.51, np.nan),
        ("one after another", "readout", 0.72, 0.68, 0.17),  # 0.21 − 0.04
        ("one after another", "epoch", 0.68, 0.63, -0.01),  # 0.04 − 0.05
        ("one after another", "clusters", 0.68, 0.63, 0.0),  # no matter of an SVM
        ("one after another", "sizes", 0.74, 0.75, np.nan),  # the protocol without it has no score
        ("alone", "readout", 0.72, 0.68, 0.17),
        ("alone", "epoch", 0.68, 0.46, -0.01),  # 0.21 − 0.22
        ("alone", "clusters", 0.72, 0.51, 0.0),
        ("all but", "readout", 0.74, 0.63, 0.12),  # 0.11 + 0.01
        ("all but", "clusters", 0.74, 0.75, 0.0),
    ]
    assert list(zip(found["kind"], found["correction"], strict=True)) == [row[:2] for row in expected]
    for column, place in (("point", 2), ("variational", 3), ("removed", 4)):
        assert found[column].to_list() == pytest.approx([row[place] for row in expected], nan_ok=True, abs=1e-12)
    assert found["gap"].to_list() == pytest.approx([row[2] - row[3] for row in expected])
    assert set(found["seeds"]) == {2}
    assert set(found["start"]) == {"scripts"}
    assert set(zip(found["task"], found["metric"], strict=True)) == {SVM}


def test_intervals_are_paired_by_seed_and_scipys(hand):
    found = hand[hand["dataset"].eq("hand")].set_index(["kind", "correction"])
    for correction, values, ends in (
        ("", [0.20, 0.22], ("low", "high")),
        ("readout", [0.05, 0.03], ("low", "high")),
        ("readout", [0.15, 0.19], ("removed_low", "removed_high")),
    ):
        wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        row = found.loc[("one after another", correction)]
        assert (row[ends[0]], row[ends[1]]) == pytest.approx((wanted.low, wanted.high))
    assert found.loc[("one after another", ""), ["removed_low", "removed_high"]].isna().all()


def test_overlapping_splits_widen_both_intervals(hand):
    plain, rho = hand[hand["dataset"].eq("hand")].reset_index(drop=True), 0.4
    widened = waterfall(by_hand(), ["scripts"], {"origin-svm": rho, "k-means": 0.9})
    for middle, low, high in (("gap", "low", "high"), ("removed", "removed_low", "removed_high")):
        assert widened[middle].equals(plain[middle])
        for end in (low, high):
            reach = (plain[end] - plain[middle]) * np.sqrt((1 / 2 + rho) / (1 / 2))
            assert (widened[end] - widened[middle]).to_list() == pytest.approx(reach.to_list(), nan_ok=True)
    first, sd = widened.iloc[0], np.std([0.20, 0.22], ddof=1)
    assert first["high"] - first["gap"] == pytest.approx(stats.t.ppf(0.975, 1) * sd * np.sqrt(0.5 + rho))


def test_seeds_are_paired_and_failed_or_lonely_ones_left_out(hand):
    found = hand[hand["dataset"].eq("patchy")].set_index(["kind", "correction"])
    start, mean = found.loc[("one after another", "")], found.loc[("alone", "readout")]
    assert start["seeds"] == 2
    assert (start["point"], start["variational"], start["gap"]) == pytest.approx((0.55, 0.35, 0.2))
    assert mean["seeds"] == 3
    assert (mean["point"], mean["variational"]) == pytest.approx((2.2 / 3, 2.1 / 3))
    assert mean["removed"] == pytest.approx(0.1)  # seed 0 alone has both: 0.1 − 0
    assert mean[["removed_low", "removed_high"]].isna().all()
    assert not mean[["low", "high"]].isna().any()


def test_a_draw_that_failed_leaves_its_seed_out(hand):
    found = hand[hand["dataset"].eq("draws")]
    assert list(zip(found["kind"], found["correction"], found["seeds"], strict=True)) == [("alone", "epoch", 1)]
    assert found["gap"].to_list() == pytest.approx([0.3])
    assert found[["low", "high", "removed"]].isna().all(axis=None)


def test_what_has_no_gap_has_no_row(hand):
    assert not hand["dataset"].isin(["alone", "never both"]).any()
    for scores, starts in ((by_hand().iloc[:0], ["scripts"]), (by_hand(), [])):
        found = waterfall(scores, starts, {})
        assert list(found.columns) == WATERFALL_COLUMNS
        assert found.empty


def full(*, datasets=("one", "two"), seeds=3, starts=("scripts", "june")):
    """A score of every arm of the starts, two of every one that is drawn; "two" has no edges."""
    rows = {}
    for dataset in datasets:
        asked = [
            (model, variant_label(dict(overrides)), readout, TASK[task])
            for start in starts
            for (model, overrides), cells in arms(start).items()
            for readout, task in cells
        ]
        for model, variant, readout, task in asked:
            if dataset == "two" and task.needs == "links":
                continue
            for seed in range(seeds):
                for draw in range(2 if readout == "sampled" else 1):
                    cell = {"dataset": dataset, "model": model, "variant": variant, "seed": seed, "unit": task.unit}
                    cell |= {"readout": readout, "draw": draw, "task": task.name}
                    for metric in task.metrics:
                        value = generator(0, *cell.values(), metric).random()
                        rows[*cell.values(), metric] = score(**cell, metric=metric, value=value)
    return pd.DataFrame(rows.values())


OVERLAP = {"origin-svm": 3 / 7, "link-inner-product": 0.1, "origin-links": 0.1}
ASSUMED = {"svm": 3 / 7, "links": 0.1, "k-means": 0.0}
CELL = ["model", "variant", "readout", "task", "metric"]


@pytest.fixture(scope="module")
def frame():
    return full()


@pytest.fixture(scope="module")
def whole(frame):
    return waterfall(frame, ["june", "scripts"], OVERLAP)


@pytest.fixture(scope="module")
def oracle(frame):
    """Both twins' means, and mean and ends of gap and of what is removed, of a protocol: plain arithmetic by seed."""
    seeds = frame.groupby(["dataset", *CELL, "seed"])["value"].mean()
    by_cell = {key: values.to_numpy() for key, values in seeds.groupby(level=["dataset", *CELL])}

    def interval(values, question):
        reach = stats.t.ppf(0.975, 2) * values.std(ddof=1) * np.sqrt(1 / 3 + ASSUMED[question[0]])
        return [values.mean(), values.mean() - reach, values.mean() + reach]

    def of(start, dataset, kind, correction, question):
        order = ORDER[start]
        made = {
            "one after another": set(order[: order.index(correction) + 1] if correction else ()),
            "alone": {correction},
            "all but": set(order) - {correction},
        }[kind]

        def twins(corrected):
            return (by_cell[dataset, *side_of(start, twin, corrected, question)] for twin in ("point", "variational"))

        def gap(corrected):
            point, variational = twins(corrected)
            return point - variational

        removed = [np.nan] * 3
        if correction:
            removed = interval(gap(made - {correction}) - gap(made | {correction}), question)
        return [*(each.mean() for each in twins(made)), *interval(gap(made), question), *removed]

    return of


def test_every_row_of_a_full_frame_is_plain_arithmetic(whole, oracle):
    expected = [
        (start, dataset, *question, step.kind, step.correction)
        for start in ("june", "scripts")
        for dataset in ("one", "two")
        for question in QUESTIONS
        for step in steps(start)
        if not (dataset == "two" and question[0] == "links")
    ]
    columns = ["start", "dataset", "task", "metric", "kind", "correction"]
    assert list(whole[columns].itertuples(index=False, name=None)) == expected
    numbers = ["point", "variational", "gap", "low", "high", "removed", "removed_low", "removed_high"]
    for row in whole.to_dict("records"):
        wanted = oracle(
            *(row[name] for name in ("start", "dataset", "kind", "correction")), (row["task"], row["metric"])
        )
        assert [row[name] for name in numbers] == pytest.approx(wanted, abs=1e-12, nan_ok=True)
    assert set(whole["seeds"]) == {3}


def test_what_is_removed_one_after_another_adds_up_to_the_whole(whole):
    for _, part in whole[whole["kind"].eq("one after another")].groupby(["start", "dataset", "task", "metric"]):
        gaps = part["gap"].to_numpy()
        assert part["removed"].sum() == pytest.approx(gaps[0] - gaps[-1])
    ends = whole[whole["kind"].eq("one after another") & whole["correction"].eq("sizes")]
    one, other = (ends.loc[ends["start"].eq(start), "gap"].to_list() for start in ("scripts", "june"))
    assert one == other  # both starts end at the fair protocol


def test_a_missing_arm_leaves_its_protocols_out_and_no_others(frame, whole):
    arm = frame["model"].eq("vgae-scripts") & frame["variant"].eq("beta=1.0")
    assert arm.any()
    found = waterfall(frame[~arm], ["scripts"], OVERLAP)
    kept = whole["start"].eq("scripts") & ~(whole["kind"].eq("alone") & whole["correction"].eq("divergence"))
    pd.testing.assert_frame_equal(found, whole[kept].reset_index(drop=True), rtol=1e-12)
    assert len(found) == whole["start"].eq("scripts").sum() - 5 - 3


def test_the_order_of_the_frame_changes_not_one_bit(hand):
    scores = pd.concat([by_hand(), patchy()])
    shuffled = scores.iloc[generator(3, "shuffle").permutation(len(scores))]
    pd.testing.assert_frame_equal(waterfall(shuffled, ["scripts"], {}), hand, check_exact=True)


# the page


def a_study(**given):
    content = {"name": "made-up", "title": "Made up", "datasets": ["one", "two"], "models": ["gae", "vgae"], "seeds": 3}
    content |= {"readouts": ["mean", "sampled"], "tasks": ["k-means"], "waterfalls": ["scripts", "june"]}
    return study_of(content | given)


def composed(scores, **given):
    """The page of scores whose units are ordinary but for their names."""
    _, ordinary = make_frames(datasets={"one": True}, models=("gae",), seeds=1)
    names = scores[["dataset", "model", "variant", "seed", "unit", "status"]].drop_duplicates().to_dict("records")
    units = pd.DataFrame([ordinary.iloc[0].to_dict() | name | {"key": key_of(name)} for name in names])
    return compose(find(a_study(**given), scores, units, OVERLAP, None, None), {}, lambda _: "")


def number(text):
    return float(text.replace("−", "-").replace("+", ""))


@pytest.fixture(scope="module")
def page(frame):
    return composed(frame)


def test_the_numbers_of_the_page_are_the_frames(page, oracle):
    assert [(each.start, each.dataset) for each in page.origins] == [
        (start, dataset) for start in ("scripts", "june") for dataset in ("one", "two")
    ]
    labels = {"nmi": "NMI", "acc": "ACC", "weighted-f1": "weighted F1", "auc": "AUC", "ap": "AP"}
    for each in page.origins:
        order = ORDER[each.start]
        asked = [question for question in QUESTIONS if each.dataset == "one" or question[0] != "links"]
        captions = [f"{task}, {labels[metric]}: gap GAE − VGAE in points, 3 seeds" for task, metric in asked]
        assert [table.caption for table in each.tables] == captions
        for question, table in zip(asked, each.tables, strict=True):
            heads = [column.label for column in table.columns]
            assert heads == ["correction", "GAE", "VGAE", "gap (95 % interval)", "removed", "95 % interval"]
            rows = [
                (kind, row.cells)
                for kind, group in zip(("one after another", "alone", "all but"), table.groups, strict=True)
                for row in group.rows
                if group.label.startswith({"alone": "each alone"}.get(kind, kind))
            ]
            assert [(kind, cells[0].text) for kind, cells in rows] == [
                (step.kind, step.correction or "as published") for step in steps(each.start)
            ]
            for kind, (name, *others) in rows:
                correction = name.text if name.text in order else ""
                wanted = 100 * np.array(oracle(each.start, each.dataset, kind, correction, question))
                point, variational, gap, removed, ends = (cell.text for cell in others)
                middle, low, high = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", gap).groups()
                found = [point, variational, middle, low, high]
                found += [removed, *ends.split(" to ")] if correction else []
                assert list(map(number, found[:2])) == pytest.approx(wanted[:2], abs=0.0501)
                assert list(map(number, found[2:])) == pytest.approx(wanted[2 : len(found)], abs=0.00501)
                assert correction or (removed, ends) == ("–", "–")


def test_page_and_markdown_have_the_section_with_these_tables(page):
    html, markdown = render_html(page), render_markdown(page)
    assert html.count('<section id="origin">') == html.count('href="#origin"') == 1
    section = html.split('<section id="origin">')[1].split("</section>")[0]
    tables = [table for each in page.origins for table in each.tables]
    wanted = []
    for table in tables:
        wanted.append([column.label for column in table.columns])
        wanted += [[cell.text for cell in row.cells] for group in table.groups for row in group.rows]
    in_page = [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.S)]
        for row in re.findall(r"<tr\b.*?</tr>", section, re.S)
    ]
    assert [row for row in in_page if len(row) > 1] == wanted
    captions = [re.sub(r"<[^>]*>", "", each) for each in re.findall(r"<caption>(.*?)</caption>", section, re.S)]
    assert captions == [table.caption for table in tables]

    part = markdown.split("\n## The origin of the claim")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|") and "---" not in line]
    cells = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line.strip("|").split("|")] for line in lines]
    assert [row for row in cells if len(list(filter(None, row))) > 1] == wanted
    for each in page.origins:
        assert f"### {each.start}, {each.dataset}\n" in part
        assert f"<h3>{each.start}, {each.dataset}</h3>" in section
    assert re.findall(r"<dt>(.*?)</dt>", section) == re.findall(r"^- \*\*(.*?)\*\*:", part, re.M) == list(CORRECTIONS)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("why", ["no waterfalls", "no scores of theirs", "all failed"])
def test_a_page_without_a_waterfall_has_no_such_section(why):
    scores, waterfalls = by_hand(), ["scripts"]
    if why == "no waterfalls":
        waterfalls = []
    elif why == "no scores of theirs":
        scores = scores[scores["model"].eq("gae")]
    else:
        scores = scores.assign(status="failed", value=np.nan)
    made = composed(scores, waterfalls=waterfalls)
    assert made.origins == ()
    assert 'id="origin"' not in render_html(made)
    assert 'href="#origin"' not in render_html(made)
    assert "The origin of the claim" not in render_markdown(made)


def test_one_seed_has_dashes_for_intervals():
    scores = by_hand()
    made = composed(scores[scores["seed"].eq(0)], waterfalls=["scripts"])
    ((table,),) = (each.tables for each in made.origins)
    assert table.caption == "svm, weighted F1: gap GAE − VGAE in points, 1 seed"
    rows = [[cell.text for cell in row.cells] for group in table.groups for row in group.rows]
    assert rows[:2] == [
        ["as published", "70.0", "50.0", "+20.00 (–)", "–", "–"],
        ["readout", "70.0", "65.0", "+5.00 (–)", "+15.00", "–"],
    ]
    assert len(rows) == 10
    assert {row[5] for row in rows} == {"–"}
    assert all(row[3].endswith(" (–)") for row in rows)


def test_an_arm_of_a_waterfall_may_not_stand_in_the_study_under_another_name(dataset):
    """Statistics look it up by its label."""
    variant = {"models": ["vgae-scripts"], "settings": {"beta": 1}}
    told = (
        r"vgae-scripts \(beta=1\) trains what the waterfall 'scripts' trains as vgae-scripts \(beta=1.0\); leave it out"
    )
    with pytest.raises(InputError, match=told):
        _ = planned(dataset, waterfalls=["scripts"], variants=[variant]).arms
    variant["settings"]["beta"] = 1.0
    assert planned(dataset, waterfalls=["scripts"], variants=[variant]).arms


def test_an_arm_of_fewer_epochs_than_lie_between_passes_has_none_to_read(dataset):
    variants = [{"models": ["gae"], "settings": {"epochs": epochs}} for epochs in (4, 5)]
    plan = planned(dataset, models=["vgae"], variants=variants, readouts=["mean", "epochs-mean"], tasks=["origin-svm"])
    found = {name: {readout for readout, _ in cells} for name, cells in cells_of(plan).items()}
    assert found["gae (epochs=4)"] == {"mean"}
    assert found["gae (epochs=5)"] == {"mean", "epochs-mean"}


def test_passes_that_encode_corrupted_features_have_no_draw_to_show():
    spec = ROWS["dae"]
    settings = spec.overridden({"hidden": (8,), "latent": 4, "epochs": 5, "batch": 0, "least_steps": 0})
    x = np.random.default_rng(0).random((12, 5), dtype=np.float32)
    result = fit(spec, Inputs.of(x, None, replicas=1, device="cpu"), settings, [0], "cpu", snapshots=5)
    assert [snapshot.drawn for snapshot in result.snapshots] == [None]


def test_arms_that_are_not_there_are_named(frame):
    gone = frame["model"].eq("vgae-june-balanced") & frame["variant"].eq("")
    sentences = " ".join(composed(frame[~gone]).missing)
    assert "No results of 1 variant of the study: vgae-june-balanced." in sentences
    assert "vgae-june-balanced" not in " ".join(composed(frame).missing)
