"""Datasets, models and tasks from files and from installed packages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pandas as pd
import pytest
from commands import refused

from benchmark.core.errors import InputError
from benchmark.plugins.loading import read_plugin, with_plugins
from benchmark.plugins.tables import OURS

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "plugin_package"

DATASET = """
import numpy as np

from benchmark.datasets import DatasetSpec, Raw


def load(root):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    return Raw(x=rng.random((60, 5)) + y[:, None], y=y)


MINE = DatasetSpec(
    name="mine", load=load, scaling="unit", family="tabular", source="here", licence="mine", citation="none",
)
"""
MODEL = """
from dataclasses import dataclass

import torch
from torch import nn

from benchmark.models import ModelSpec, Settings
from benchmark.models.parts.posterior_families import POINT
from benchmark.models.parts.decoders import MLP_DECODER
from benchmark.models.parts.encoders import MLP, EncoderSpec
from benchmark.models.parts.likelihoods import BERNOULLI


@dataclass(frozen=True)
class Bound:
    most: float


class Bounded(nn.Module):
    def __init__(self, streams, shape):
        super().__init__()
        self.inner = MLP(streams, shape.features, shape.hidden, shape.heads)
        self.bound = Bound(3.0)

    def forward(self, inputs):
        return [self.bound.most * torch.tanh(output) for output in self.inner(inputs)]


BOUNDED = ModelSpec(
    name="ae-bounded", family="ae", encoder=EncoderSpec("bounded MLP", Bounded, False), posterior=POINT,
    decoder=MLP_DECODER, likelihood=BERNOULLI,
    settings=Settings(hidden=(8,), latent=3, learning_rate=1e-2, epochs=3), source="here",
)
"""
TASK = """
import numpy as np

from benchmark.tasks import Task


def score(z, case):
    rows = case.split.many
    centres = np.stack([z[rows.train][case.y[rows.train] == k].mean(0) for k in np.unique(case.y)])
    nearest = ((z[rows.test][:, None] - centres) ** 2).sum(-1).argmin(1)
    return {"accuracy": float(np.mean(nearest == case.y[rows.test]))}


CENTRES = Task(
    name="nearest-centre", version=1, edge_set="all-edges", needs="labels", metrics=("accuracy",),
    primary="accuracy", overlap=0.25, score=score, source="here",
)
"""


@pytest.fixture
def plugin(tmp_path):
    """Write a plugin of the given parts. Returns its path."""

    def write(*parts, name="mine.py"):
        path = tmp_path / name
        path.write_text("\n".join(parts), encoding="utf-8")
        return path

    return write


def test_without_plugins_the_tables_are_our_own():
    assert with_plugins() == OURS


def test_a_file_adds_the_specs_at_its_top_level(plugin):
    path = plugin(DATASET, MODEL, TASK)
    tables = with_plugins([path, path])
    assert [row.name for row in tables.datasets[len(OURS.datasets) :]] == ["mine"]
    assert [row.name for row in tables.models[len(OURS.models) :]] == ["ae-bounded"]
    assert [row.name for row in tables.tasks[len(OURS.tasks) :]] == ["nearest-centre"]
    assert set(tables.sources) == {"dataset mine", "model ae-bounded", "task nearest-centre"}
    assert {source.split()[0] for source in tables.sources.values()} == {"mine.py"}
    assert tables.load("mine", path.parent).rows == 60


def test_imported_specs_of_ours_are_not_part_of_a_plugin(plugin):
    path = plugin("from benchmark.models import MODELS", "from benchmark.tasks import TASKS", TASK)
    assert [spec.name for spec in read_plugin(path).specs] == ["nearest-centre"]


def test_an_edited_source_changes_the_versions(plugin):
    first = with_plugins([plugin(MODEL, TASK)])
    edited = with_plugins([plugin(MODEL, TASK, "# edited")])
    assert first.models[-1].version != edited.models[-1].version
    assert first.tasks[-1].version != edited.tasks[-1].version
    assert first.sources["model ae-bounded"] != edited.sources["model ae-bounded"]


def test_an_edited_source_changes_the_version_of_a_noised_model(plugin):
    made = (
        "from dataclasses import replace",
        "from benchmark.models import MODELS, NoisedSpec",
        "by_name = {row.name: row for row in MODELS}",
        "AGAIN = NoisedSpec(name='ae-noised-again', point=by_name['ae'], variational=by_name['vae'])",
    )
    first, edited = with_plugins([plugin(*made)]), with_plugins([plugin(*made, "# edited")])
    assert first.models[-1].version != edited.models[-1].version


REFUSED = {
    "nothing in it": ("x = 1", "mine.py has no dataset, model or task"),
    "a syntax error": ("x =", "mine.py: line 1: SyntaxError"),
    "an import that fails": ("\nimport no_such_module", "mine.py: line 2: ModuleNotFoundError: No module named"),
    "an exit": ("raise SystemExit(4)", "mine.py: line 1: SystemExit: 4"),
    "a name of ours": (DATASET.replace('"mine"', '"cora"'), "the dataset 'cora' exists already in the benchmark"),
    "a name twice": (DATASET + "AGAIN = MINE.__class__(**dict.fromkeys([]) | {f: getattr(MINE, f) for f in "
                     "MINE.__dataclass_fields__} | {'source': 'there'})", "'mine' exists already in mine.py"),
    "a name with a path": (DATASET.replace('"mine"', '"../mine"'), "a dataset is named '../mine'"),
    "a name with a tag": (TASK.replace('"nearest-centre"', '"<b>"'), "a task is named '<b>'"),
    "a name with a comma": (MODEL.replace('"ae-bounded"', '"a,b"'), "a model is named 'a,b'"),
    "a name that is none": (DATASET.replace('"mine"', "3"), "a dataset is named 3"),
    "a metric of its own": (TASK.replace('"accuracy"', '"r2"'), "has the metric 'r2'"),
    "a scaling that there is not": (DATASET.replace('"unit"', '"log"'), "unknown scaling 'log'"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_wrong_plugin_is_refused_by_name(why, plugin):
    source, said = REFUSED[why]
    with pytest.raises(InputError) as raised:
        with_plugins([plugin(source)])
    assert said in str(raised.value)
    assert "mine.py" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_repeated_name_are_refused(plugin, tmp_path):
    with pytest.raises(InputError, match=r"plugin gone\.py: cannot be read \(No such file"):
        with_plugins([tmp_path / "gone.py"])
    with pytest.raises(InputError, match=r"plugin other\.py: the task 'nearest-centre' exists already in mine\.py"):
        with_plugins([plugin(TASK), plugin(TASK, name="other.py")])


LOADS = {
    "raises": ("    return {}['x']", r"load failed: line 3: KeyError: 'x'"),
    "returns an array": ("    return np.ones((3, 2))", "load returned a ndarray, expected Raw"),
    "forgets to return": ("    pass", "load returned a NoneType, expected Raw"),
    "returns what is malformed": ("    return Raw(x=[[1, 2], [3]])", "x cannot be made an array"),
    "changes": ("    return Raw(x=np.random.default_rng().random((60, 5)))", "two loads give different data"),
}


@pytest.mark.parametrize("what", LOADS)
def test_a_wrong_load_is_refused_by_name(what, plugin, tmp_path):
    body, said = LOADS[what]
    head = "import numpy as np; from benchmark.datasets import DatasetSpec, Raw\ndef load(root):\n"
    tables = with_plugins([plugin(head + body + "\n" + DATASET[DATASET.index("MINE =") :])])
    with pytest.raises(InputError, match=said) as raised:
        tables.load("mine", tmp_path)
    assert "mine" in str(raised.value)


STUDY = """
name = "with-plugins"
title = "With plugins"
datasets = ["mine"]
models = ["ae-bounded", "raw"]
seeds = 2
draws = 1
readouts = ["mean"]
tasks = ["nearest-centre", "k-means"]
plugins = ["parts/mine.py"]
"""


def records(results):
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.rglob("records/*/*.json"))]


@pytest.mark.workers
def test_a_study_with_a_plugin_never_mixes_scores_of_two_sources(command, tmp_path):
    """A worker process has never seen the file. It receives a network, a dataclass and functions."""
    part = tmp_path / "parts" / "mine.py"
    part.parent.mkdir()
    part.write_text(DATASET + MODEL + TASK, encoding="utf-8")
    Path("mine.toml").write_text(STUDY, encoding="utf-8")
    code, _, error = command("run", "mine.toml", "--workers", "1", "--device", "cpu")
    assert (code, error.count("failed")) == (0, 0)
    before = records(tmp_path / "results")
    assert len(before) == 4
    for record in before:
        kept = record["provenance"]["versions"]
        assert kept["dataset mine"].startswith("mine.py ")
        assert kept["task nearest-centre"].startswith("mine.py ")
        assert ("model ae-bounded" in kept) == (record["identity"]["model"] == "ae-bounded")
    scores = pd.read_parquet("results/with-plugins.parquet")
    assert set(scores["task"]) == {"nearest-centre", "k-means"}
    assert scores["value"].notna().all()
    assert command("report", "mine.toml")[0] == 0
    assert "nearest-centre" in Path("report/index.html").read_text(encoding="utf-8")
    assert "0 batches" in command("run", "mine.toml", "--device", "cpu")[1]
    assert "4 complete" in command("status", "mine.toml", "--device", "cpu")[1]

    part.write_text(part.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    assert command("run", "mine.toml", "--workers", "1", "--device", "cpu")[0] == 0
    after = pd.read_parquet("results/with-plugins.parquet")
    trained = after["model"].eq("ae-bounded")
    assert not set(after.loc[trained, "key"]) & set(scores["key"])  # the edited model is trained again
    assert set(after.loc[~trained, "key"]) <= set(scores["key"])  # our model keeps its record
    asked = after["task"].eq("nearest-centre")
    assert not set(after.loc[asked, "version"]) & set(scores.loc[scores["task"].eq("nearest-centre"), "version"])


def test_the_report_refuses_a_task_of_a_plugin_that_is_not_named(command, plugin):
    path = plugin(DATASET, MODEL, TASK)
    Path("mine.toml").write_text(STUDY.replace('plugins = ["parts/mine.py"]', ""), encoding="utf-8")
    refused(command("run", "mine.toml"), "unknown model 'ae-bounded'")
    assert command("run", "mine.toml", "--plugin", str(path), "--device", "cpu", "--workers", "1")[0] == 0
    assert "--plugin mine.py" in records(Path("results"))[0]["provenance"]["command"]
    refused(command("report", "mine.toml"), "the task 'nearest-centre', but no table has it", "--plugin")
    assert "nearest-centre" in command("tasks", "--plugin", str(path))[1]
    assert "ae-bounded" in command("models", "--plugin", str(path))[1]
    assert "mine" in command("datasets", "--plugin", str(path))[1]


@pytest.mark.parametrize("kind", ["dataset", "model", "task"])
def test_every_template_keeps_every_promise_once_its_source_is_given(kind, command):
    code, out, _ = command("new", kind, "my-own")
    assert code == 0
    assert f"check {kind} my-own --plugin my-own.py" in out
    code, out, _ = command("check", kind, "my-own", "--plugin", "my-own.py")
    assert (code, out.count("fails")) == (1, 1)
    left = "source, licence and citation" if kind == "dataset" else "source"
    assert f'{left} still the "TODO" of the template; name the authors' in out
    path = Path("my-own.py")
    path.write_text(path.read_text(encoding="utf-8").replace("TODO: ", "my own "), encoding="utf-8")
    code, out, _ = command("check", kind, "my-own", "--plugin", "my-own.py")
    assert code == 0
    assert "fails" not in out
    assert not list(Path().glob("*.png"))
    refused(command("new", kind, "my-own"), "my-own.py exists already")


def test_new_and_check_refuse_unknown_names(command):
    refused(command("new", "datset", "mine"), "unknown kind 'datset'; did you mean 'dataset'?")
    refused(command("new", "dataset", "../mine"), "a dataset is named '../mine'")
    refused(command("check", "dataset", "coar"), "unknown dataset 'coar'; did you mean 'cora'?")
    refused(command("check", "model", "vea"), "unknown model 'vea'")


def test_check_draws_a_dataset_if_asked(command, plugin):
    path = plugin(DATASET)
    code, out, _ = command("check", "dataset", "mine", "--plugin", str(path), "--picture", "drawn/mine.png")
    assert code == 0
    assert Path("drawn/mine.png").read_bytes().startswith(b"\x89PNG")
    assert "picture: drawn/mine.png" in out
    refused(command("check", "task", "k-means", "--picture", "x.png"), "--picture: a task has no picture")


def test_check_names_broken_promises_and_exits_with_1(command, plugin):
    path = plugin(DATASET.replace("y=y)", "y=y + 1, edges=[[0, 99], [1, 2]])"))
    code, out, _ = command("check", "dataset", "mine", "--plugin", str(path))
    assert code == 1
    assert "labels start at 1: subtract 1" in out
    assert "1 edge(s) out of range, the first is (0, 99)" in out


# Installed packages


def installed(folder, value, group="benchmark.datasets"):
    """Write the metadata of a package with one entry point, as pip does."""
    about = folder / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[{group}]\nmine = {value}\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "group", "said"),
    [
        ("no_such_package:MINE", "benchmark.datasets", "plugin broken:mine: ModuleNotFoundError"),
        ("broken_plugin:GONE", "benchmark.datasets", "plugin broken:mine: AttributeError"),
        ("broken_plugin:load", "benchmark.datasets", "is a function, expected a DatasetSpec"),
        ("broken_plugin:MINE", "benchmark.tasks", "is a DatasetSpec, expected a Task"),
    ],
)
def test_a_broken_package_is_refused_by_name(value, group, said, tmp_path, monkeypatch):
    installed(tmp_path, value, group)
    (tmp_path / "broken_plugin.py").write_text(DATASET, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError) as raised:
        with_plugins()
    assert said in str(raised.value)
    sys.modules.pop("broken_plugin", None)


def test_an_installed_package_adds_its_specs(tmp_path):
    """pip builds without network, and the new environment also sees our packages."""
    environment, source = tmp_path / "environment", tmp_path / "source"
    venv.create(environment)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    beside = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    paths = f"{sysconfig.get_path('purelib')}\n{ROOT}\n"
    (Path(beside.stdout.strip()) / "ours.pth").write_text(paths, encoding="utf-8")
    shutil.copytree(PACKAGE, source)
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", source],
        check=True,
        capture_output=True,
    )

    def benchmark(*words):
        return subprocess.run(
            [python, "-m", "benchmark", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert "penguins-1" in benchmark("datasets").stdout
    study = STUDY.replace('["mine"]', '["penguins-0", "penguins-1"]').replace("ae-bounded", "ae-narrow")
    study = study.replace("nearest-centre", "nearest-neighbours").replace('plugins = ["parts/mine.py"]', "")
    (tmp_path / "installed.toml").write_text(study, encoding="utf-8")
    done = benchmark("run", "installed.toml", "--device", "cpu", "--seeds", "1", "--workers", "1")
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(tmp_path / "results" / "with-plugins--subset.parquet")
    assert scores.groupby(["dataset", "model", "task"]).size().shape == (8,)
    assert {key for record in records(tmp_path / "results") for key in record["provenance"]["versions"]} >= {
        "dataset penguins-0",
        "model ae-narrow",
        "task nearest-neighbours",
    }
