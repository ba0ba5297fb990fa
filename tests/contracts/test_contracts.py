"""Every entry of the tables keeps every promise, and every promise can be broken."""

from __future__ import annotations

import io
import random
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from layouts import AT_HAND
from matplotlib.image import imread
from scipy import sparse
from torch import nn

from benchmark.contracts import (
    OF_DATASETS,
    OF_MODELS,
    OF_TASKS,
    DatasetCase,
    ModelCase,
    TaskCase,
    card,
    examine,
    picture,
)
from benchmark.datasets import DatasetSpec, Raw, load, make_dataset
from benchmark.datasets.dataset import PublishedFile
from benchmark.models import MODELS, ControlSpec, Settings
from benchmark.models.parts.encoders import MLP, EncoderSpec
from benchmark.models.parts.posterior_families import DIRECT
from benchmark.tasks import TASKS, Task

AE = next(row for row in MODELS if row.name == "ae")
VAE = next(row for row in MODELS if row.name == "vae")
PCA = next(row for row in MODELS if row.name == "pca")


def by_name(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


def broken(contracts, case):
    """The broken promises of a case, each with the reason."""
    return {finding.promise: finding.trouble for finding in examine(contracts, case) if finding.answer == "fails"}


@by_name(AT_HAND)
def test_every_dataset_keeps_its_promises(row, request):
    root = request.getfixturevalue("data_root") if row.files else Path("absent")
    assert broken(OF_DATASETS, DatasetCase(row, root)) == {}


@by_name(MODELS)
def test_every_model_keeps_its_promises(row):
    assert broken(OF_MODELS, ModelCase(row)) == {}


@by_name(TASKS)
def test_every_task_keeps_its_promises(row):
    assert broken(OF_TASKS, TaskCase(row)) == {}


# Datasets that break one promise


def content():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return {"x": rng.random((60, 4)), "y": y, "edges": rng.integers(60, size=(90, 2))}


def dataset(load=None, **changes) -> DatasetSpec:
    about = {"family": "tabular", "source": "here", "licence": "CC0", "citation": "none"} | changes
    return DatasetSpec(name="made-up", load=load or (lambda _root: Raw(**content())), scaling="unit", **about)


def changed(**parts):
    return dataset(lambda _root: Raw(**{**content(), **parts}))


def never_the_same():
    numbers = count()
    return dataset(lambda _root: Raw(**{**content(), "x": content()["x"] + np.eye(60, 4) * next(numbers)}))


def drawing(_root):
    np.random.rand()
    return Raw(**content())


def writing(root):
    (root / "left.txt").write_text("behind")
    return Raw(**content())


def with_its_label():
    x = content()["x"]
    x[:, 2] = np.array([5.0, -1.0, 2.5])[content()["y"]]
    return changed(x=x)


MISSING = PublishedFile(path="made-up/x.npz", url="https://example.org/x.npz")
BROKEN_DATASETS = {
    "its family, source, licence and citation are given": (dataset(licence=" "), "licence not given"),
    "its files exist, and it loads": (dataset(files=(MISSING,)), "file x.npz is missing"),
    "features are a matrix of finite numbers": (
        changed(x=np.full((60, 4), np.nan)),
        "240 value(s) that are not finite",
    ),
    "labels are 0 to k − 1, each at least once": (changed(y=np.arange(60) % 3 + 1), "labels start at 1: subtract 1"),
    "edges are pairs of row numbers": (changed(edges=[[0, 60], [1, 61], [2, 3]]), "2 edge(s) out of range"),
    "sizes, images, splits and fingerprint match its spec": (dataset(rows=61), "60 rows, expected 61"),
    "every load gives the same data": (never_the_same(), "x differ from load to load"),
    "loading leaves the global random generators alone": (dataset(drawing), "the global generator of numpy.random"),
    "loading writes nothing into the data root": (dataset(writing), "may be read-only: left.txt"),
    "no feature is the label": (with_its_label(), "column 2 has exactly one value for each class"),
    "rows can be split into training and test": (
        changed(x=np.ones((20, 1)), y=np.arange(20), edges=None),
        "one row only",
    ),
}
NOTED = {
    "edges can be split into training and test": (changed(edges=[[0, 1], [1, 2]]), "2 edges are too few"),
    "features lie within [0, 1]": (replace(dataset(), scaling="standard"), "under the scaling 'standard'"),
    "no two rows have the same features": (changed(x=np.repeat(content()["x"][:20], 3, axis=0)), "40 of 60 rows"),
}


@pytest.mark.parametrize("promise", BROKEN_DATASETS)
def test_a_broken_dataset_is_found(promise, tmp_path):
    row, why = BROKEN_DATASETS[promise]
    found = broken(OF_DATASETS, DatasetCase(row, tmp_path))
    assert why in found[promise]
    assert "Error:" not in found[promise]
    assert set(found) == {promise}


def test_a_label_among_the_features_is_found_if_some_rows_have_no_label():
    """The column has other values in the rows without a label."""
    raw = with_its_label().load(Path("absent"))
    hidden = np.arange(len(raw.y)) % 4 == 0
    x = raw.x.copy()
    x[hidden, 2] = 0.123
    case = DatasetCase(changed(x=x, y=np.where(hidden, -1, raw.y)), Path("absent"))
    assert "column 2 has exactly one value" in broken(OF_DATASETS, case)["no feature is the label"]


@pytest.mark.parametrize("promise", NOTED)
def test_an_allowed_but_unusual_property_is_noted(promise, tmp_path):
    row, why = NOTED[promise]
    (found,) = [finding for finding in examine(OF_DATASETS, DatasetCase(row, tmp_path)) if finding.answer == "note"]
    assert found.promise == promise
    assert why in found.trouble


def test_duplicates_are_counted_in_sparse_features_too(tmp_path):
    dense = np.repeat(np.eye(20, 30), 3, axis=0)
    for x in (dense, sparse.csr_array(dense)):
        case = DatasetCase(changed(x=x), tmp_path)
        assert [f.trouble[:14] for f in examine(OF_DATASETS, case) if f.answer == "note"] == ["40 of 60 rows "]


def test_every_promise_of_datasets_can_be_broken():
    assert [*BROKEN_DATASETS, *NOTED] == [contract.promise for contract in OF_DATASETS]


# Models that break one promise

SMALL = Settings(hidden=(8,), latent=4, learning_rate=1e-2, epochs=3)


class Changed(nn.Module):
    """An MLP with changed outputs, and with an unused weight if ``idle``."""

    def __init__(self, change, idle, streams, shape):
        super().__init__()
        self.inner, self.change = MLP(streams, shape.features, shape.hidden, shape.heads), change
        if idle:
            self.idle = nn.Parameter(torch.zeros(len(streams()), 3))
        if change is constant:
            for parameter in self.inner.parameters():
                nn.init.constant_(parameter, 0.1)

    def forward(self, inputs):
        return [self.change(output) for output in self.inner(inputs)]


def constant(output):
    return output


def model(change=constant, *, idle=False, **settings):
    def build(streams, shape):
        return Changed(change, idle, streams, shape)

    encoder = EncoderSpec("changed MLP", build, False)
    return replace(AE, encoder=encoder, settings=replace(SMALL, **settings))


LOCK = threading.Lock()


def seeded(output):
    random.random()
    return output


BROKEN_MODELS = {
    "its source is given": (replace(AE, source=""), "source not given"),
    "each row gets one finite latent of the stated dimension": (model(lambda z: z / 0), "not finite"),
    "its posterior is noisy if it says so, and only then": (
        replace(VAE, posterior=DIRECT),  # σ = h; without a ReLU before it, σ can be negative
        "σ is negative",
    ),
    "the same seed gives the same latents": (
        model(lambda z: z + torch.rand(()) * 0.1),
        "two trainings with the same seed differ",
    ),
    "another seed gives other latents": (model(epochs=0), "seeds 0 and 1 give the same latents"),
    "training leaves the global random generators alone": (model(seeded), "global generator of random"),
    "a seed gives the same latents alone and beside other seeds": (
        model(lambda z: z - z.mean(0, keepdim=True) / 2),
        "differs by",
    ),
    "latents follow their rows if rows are reordered": (
        model(lambda z: z + torch.arange(z.shape[1])[:, None] / 10),
        "latents are off by",
    ),
    "every weight is trained": (model(lambda z: z + 0, idle=True), "1 weights get no gradient; their shapes are (3,)"),
    "training lowers the loss": (model(lambda z: z + 0, learning_rate=30.0), "the loss"),
    "it can be sent to worker processes": (model(lambda z: z if LOCK.locked() else z + 0), "cannot pickle"),
}
ALSO = {  # promises that a case breaks too
    "the same seed gives the same latents": {
        "training leaves the global random generators alone",
        "a seed gives the same latents alone and beside other seeds",
        "latents follow their rows if rows are reordered",
        "it can be sent to worker processes",
    },
}


@pytest.mark.parametrize("promise", BROKEN_MODELS)
def test_a_broken_model_is_found(promise):
    spec, why = BROKEN_MODELS[promise]
    found = broken(OF_MODELS, ModelCase(spec))
    assert why in found[promise]
    if promise != "each row gets one finite latent of the stated dimension":
        assert set(found) - ALSO.get(promise, set()) == {promise}


def test_contracts_of_networks_are_not_examined_for_a_control():
    answers = {f.promise: f.answer for f in examine(OF_MODELS, ModelCase(PCA))}
    assert answers["every weight is trained"] == "not examined"
    assert answers["each row gets one finite latent of the stated dimension"] == "holds"
    assert isinstance(PCA, ControlSpec)
    drawn = replace(PCA, latent=lambda control: np.random.rand(len(control.x), 12).astype(np.float32))
    assert set(broken(OF_MODELS, ModelCase(drawn))) == {
        "the same seed gives the same latents",
        "training leaves the global random generators alone",
        "it can be sent to worker processes",
    }


def test_every_promise_of_models_can_be_broken():
    assert list(BROKEN_MODELS) == [contract.promise for contract in OF_MODELS]


# Tasks that break one promise


def task(score, **changes):
    about = {
        "edge_set": "all-edges",
        "needs": "labels",
        "metrics": ("accuracy",),
        "primary": "accuracy",
        "overlap": None,
        "source": "here",
    }
    return Task(name="made-up", version=1, score=score, **about | changes)


def centres(z, case):
    """Accuracy of the nearest class mean, on the rows of the means themselves."""
    return of_all_rows(*case.with_labels(z))


def of_all_rows(z, y):
    means = np.stack([z[y == k].mean(0) for k in range(3)])
    return {"accuracy": float(np.mean(((z[:, None] - means) ** 2).sum(-1).argmin(1) == y))}


def after(change):
    def score(z, case):
        change(z)
        return centres(z, case)

    return score


def blur(z):
    z += 1


def unstable():
    numbers = count()
    return lambda z, case: {"accuracy": centres(z, case)["accuracy"] * 0.9 + next(numbers) * 1e-9}


def narrow(z, case):
    return {"accuracy": float("nan")} if z.shape[1] == 1 else centres(z, case)


def undefined(z, case):
    return centres(z, case) if z.any() else {"accuracy": float("nan")}


BROKEN_TASKS = {
    "its source is given": (task(centres, source=""), "source not given"),
    "it gives its metrics, within their ranges": (
        task(lambda z, case: {"accuracy": 100 * centres(z, case)["accuracy"]}),
        "expected a number from 0 to 1",
    ),
    "informative latents score better than noise": (task(lambda _z, _case: {"accuracy": 0.5}), "0.500 on noise"),
    "a constant latent has a defined score": (task(undefined), "accuracy is nan on a constant latent"),
    "a latent of one dimension has a defined score": (task(narrow), "on one dimension it gives {'accuracy': nan}"),
    "it scores every form of latent that it takes": (task(centres, takes=("matrix", "epochs")), "Epochs"),
    "the same latent gives the same scores": (task(unstable()), "scored twice gives"),
    "repeats have the same scores together and alone": (
        task(
            centres, score_repeats=lambda z, cases: [{"accuracy": centres(z, each)["accuracy"] / 2} for each in cases]
        ),
        "score_repeats gives [{'accuracy': ",
    ),
    "scoring leaves the global random generators alone": (
        task(after(lambda _: random.random())),
        "generator of random",
    ),
    "scoring does not change the latent": (task(after(blur)), "it changes the given latent"),
    "rows without a label are not scored": (
        task(lambda z, case: of_all_rows(z, case.y)),
        "accuracy is 0.800 if every fifth row has no label, and 1.000 with all labels",
    ),
    "it can be sent to worker processes": (task(after(lambda _: LOCK.locked())), "cannot pickle"),
}


@pytest.mark.parametrize("promise", BROKEN_TASKS)
def test_a_broken_task_is_found(promise):
    row, why = BROKEN_TASKS[promise]
    found = broken(OF_TASKS, TaskCase(row))
    assert why in found[promise]
    assert set(found) - {"it can be sent to worker processes"} <= {promise}


def test_a_task_that_reads_latents_of_unlabelled_rows_is_found():
    def above_the_mean_of_all_rows(z, case):
        first = (z[:, 0] > z[:, 0].mean())[case.labelled]
        return {"accuracy": float(np.mean(first == (case.y[case.labelled] == 0)))}

    found = broken(OF_TASKS, TaskCase(task(above_the_mean_of_all_rows)))
    why = found.pop("rows without a label are not scored")
    assert why == "accuracy depends on latents of rows without a label; take z and y from case.with_labels(z)"
    assert set(found) <= {"it can be sent to worker processes"}


def test_every_promise_of_tasks_can_be_broken():
    assert list(BROKEN_TASKS) == [contract.promise for contract in OF_TASKS]


# The card


def test_the_card_of_a_graph_worked_by_hand():
    """Two triangles of one class each, one edge between them, and an isolated node."""
    edges = [[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5], [2, 3], [3, 2], [6, 6]]
    x = np.eye(7, 5)
    made = make_dataset(dataset(), Raw(x=x, y=[0, 0, 0, 1, 1, 1, 1], edges=edges))
    lines = dict(card(made))
    assert lines["rows"] == "7"
    assert lines["shares of the classes"] == "42.9%, 57.1%"
    assert lines["edges"] == "7, undirected"
    assert lines["removed"] == "1 self-loops, 0 duplicates, 1 directions"
    assert lines["density"] == "33.333% of all pairs"
    assert lines["degree"] == "mean 2.0, median 2, largest 3"
    assert lines["isolated nodes"] == "1"
    assert lines["components"] == "2, the largest of 6 nodes"
    assert lines["homophily"] == "85.7% of the edges join one class (50.0% by chance)"
    assert lines["rows that repeat another"] == "1"
    assert lines["constant columns"] == "0"
    assert lines["values, as models see them"] == "0 to 1, 14.3% not zero"
    assert lines["fingerprint"] == made.fingerprint


@pytest.mark.parametrize("name", ["karate", "wine"])
def test_the_picture_is_the_same_every_time(name):
    found = load(name, Path("absent"))
    first = picture(found)
    assert first.startswith(b"\x89PNG")
    assert picture(found) == first


def test_the_card_counts_labelled_rows_and_edges_between_them():
    """A triangle of one class, a pair of the other, and an unlabelled row that touches both."""
    edges = [[0, 1], [1, 2], [0, 2], [2, 3], [3, 4], [4, 5], [0, 5]]
    made = make_dataset(dataset(), Raw(x=np.eye(6, 5), y=[0, 0, 0, 1, 1, 1], edges=edges))
    lines = dict(card(replace(made, y=np.array([0, 0, 0, 1, 1, -1]))))
    assert lines["rows without a label"] == "1: models train on them, no task scores them"
    assert lines["classes"] == "2"
    assert lines["shares of the classes"] == "60.0%, 40.0%"
    assert lines["homophily"] == "80.0% of the edges join one class (58.0% by chance)"  # 4 of 5; .7² + .3²
    assert "rows without a label" not in dict(card(made))
    nothing = dict(card(replace(made, y=np.array([0, -1, -1, -1, 1, -1]))))
    assert "homophily" not in nothing  # no edge has a class at both ends


def test_rows_without_a_label_are_grey_in_the_picture():
    found = load("wine", Path("absent"))
    hidden = np.where(np.arange(found.rows) % 3 == 0, -1, found.y)
    one, other = picture(found), picture(replace(found, y=hidden))
    grey = [
        np.isclose(imread(io.BytesIO(drawn))[..., :3], 200 / 255, atol=0.01).all(-1).sum() for drawn in (one, other)
    ]
    assert grey[1] > grey[0] + 500


def test_a_dataset_without_labels_and_graph_has_a_card_and_a_picture():
    made = make_dataset(dataset(), Raw(x=content()["x"]))
    assert ("classes", "no labels") in card(made)
    assert picture(made).startswith(b"\x89PNG")


def test_a_card_says_why_the_scaling_and_what_was_left_out(tmp_path):
    data = replace(DatasetCase(dataset(), tmp_path).dataset, scaling_reason="asked for", notes=("one", "another"))
    facts = card(data)
    assert ("scaling", f"{data.scaling} (asked for)") in facts
    assert [value for name, value in facts if name == "note"] == ["one", "another"]
