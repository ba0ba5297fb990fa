"""Models of a user: functions in plugins, with modules of their folder, from check to verdicts."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import refused
from documents import blocks
from resolved import study_of
from tiny import write_study

from benchmark.contracts import OF_FUNCTIONS, FunctionCase, examine
from benchmark.core.errors import InputError
from benchmark.models import FunctionSpec
from benchmark.plugins.loading import with_plugins
from benchmark.plugins.tables import OURS, Tables
from benchmark.study.declaration import read_declaration

[FACTORS] = [code for code in blocks("docs/extending.md", "python") if "FunctionSpec" in code]
LOCK = threading.Lock()
POINT = """
import helper
from benchmark import FunctionSpec


def fit(x, edges, seed):
    import late

    if seed == 1:
        raise ValueError("not this one")
    return late.columns(helper.twice(x))


MINE = FunctionSpec("mine", fit)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(POINT, encoding="utf-8")
    (tmp_path / "helper.py").write_text("def twice(x):\n    return 2 * x\n", encoding="utf-8")
    (tmp_path / "late.py").write_text("def columns(x):\n    return x[:, :3]\n", encoding="utf-8")
    return tmp_path


def version(folder):
    return with_plugins([folder / "mine.py"]).models[-1].version


@pytest.mark.parametrize("name", ["mine.py", "helper.py", "late.py"])
def test_an_edit_of_the_file_or_of_a_module_of_its_folder_is_another_version(name, folder):
    before = version(folder)
    assert version(folder) == before
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8").replace("x", "y"), encoding="utf-8")  # of the same size
    assert version(folder) != before


def test_two_folders_may_have_modules_of_one_name(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "helper.py").write_text("NAME = 'yours'\n", encoding="utf-8")
    source = "import helper\n" + POINT[POINT.index("from benchmark") :].replace('"mine"', "helper.NAME")
    (other / "yours.py").write_text(source.replace("import late", "pass"), encoding="utf-8")
    names = [row.name for row in with_plugins([folder / "mine.py", other / "yours.py"]).models[-2:]]
    assert names == ["mine", "yours"]


def test_a_module_with_the_name_of_an_installed_one_is_refused(folder):
    (folder / "numpy.py").write_text("", encoding="utf-8")
    (folder / "helper.py").write_text("import numpy\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"imports 'numpy', which is numpy\.py beside it and also an installed module"):
        version(folder)


@pytest.mark.workers
def test_workers_find_the_modules_and_a_failed_seed_fails_alone(command, folder):
    study = write_study(folder, models='["mine", "random"]', variants="[]", seeds="2", plugins='["mine.py"]')
    code, _, error = command("run", study, "--device", "cpu", "--workers", "1")
    assert code == 3
    assert "FitError: fit failed: line 10: ValueError: not this one" in error
    units = pd.read_parquet("results/tiny.units.parquet").query("model == 'mine'")
    assert set(units["status"].groupby(units["seed"]).first()) == {"complete", "failed"}
    assert set(units["latent"]) == {"point"}
    scores = pd.read_parquet("results/tiny.parquet").query("model == 'mine'")
    assert set(scores["readout"]) == {"mean"}  # points have no samples


def test_factor_analysis_gets_verdicts_from_a_written_study(command):
    Path("factors.py").write_text(FACTORS, encoding="utf-8")
    assert command("new", "study", "factors")[0] == 0
    refused(command("new", "study", "factors"), "factors.toml exists already")
    written = Path("factors.toml").read_text(encoding="utf-8")
    assert '{ point = "ae", variational = "factors" }' in written
    assert 'plugins = ["factors.py"]' in written
    small = written.replace('"wine", "breast-cancer"', '"wine"').replace(', "vae", "raw", "pca"', "")
    Path("factors.toml").write_text(small.replace("seeds = 5", "seeds = 2"), encoding="utf-8")
    code, _, error = command("run", "factors.toml", "--device", "cpu", "--workers", "1")
    assert code == 0, error
    scores = pd.read_parquet("results/factors.parquet").query("model == 'factors'")
    assert set(scores["readout"]) == {"mean", "sampled", "averaged-4"}
    [settings] = set(pd.read_parquet("results/factors.units.parquet").query("model == 'factors'")["settings"])
    assert json.loads(settings) == {"latent": 8}
    declared = read_declaration(Path("results"), "factors")
    assert {part.task for contrast in declared.contrasts for part in contrast.primary} == {
        *("k-means", "logistic-regression-few", "link-hadamard")
    }
    assert command("report", "factors.toml")[0] == 0
    assert "factors mean − ae" in Path("report/index.html").read_text(encoding="utf-8")


def test_a_pytorch_model_is_written_and_keeps_its_promises(command):
    assert command("new", "model", "--black-box", "mine")[0] == 0
    for name in ("mine", "mine-vae"):
        code, out, _ = command("check", "model", name, "--plugin", "mine.py")
        assert code == 0, out
    assert command("new", "study", "mine")[0] == 0
    assert '{ point = "mine", variational = "mine-vae" }' in Path("mine.toml").read_text(encoding="utf-8")
    refused(command("new", "task", "--black-box", "other"), "--black-box writes a model, not a task")
    refused(command("new", "model", "other", "--plugin", "mine.py"), "a new model needs none")


def calls(fit):
    """The answers of the promises, and how often the function was called."""
    seeds = []

    def counted(x, _edges, seed):
        seeds.append(seed)
        return fit(x, seed)

    found = {finding.promise: finding for finding in examine(OF_FUNCTIONS, FunctionCase(FunctionSpec("f", counted)))}
    return found, seeds


def test_check_calls_a_function_twice_with_one_seed_and_once_with_another():
    found, seeds = calls(lambda x, seed: x[:, :3] + seed)
    assert [each.answer for each in found.values()] == ["holds", "holds", "holds", "holds", "note"]
    assert seeds == [0, 1]  # the second call with seed 0 is that of the copy for workers, which counts for itself
    found, _ = calls(lambda x, _seed: x[:, :3])
    assert found["another seed gives other latents"].answer == "note"


def test_check_tells_what_a_function_breaks():
    found, _ = calls(lambda x, _seed: x[:1, :3])
    assert "a mean of shape (1, 3)" in found["each row gets one finite latent, and not all the same"].trouble
    assert found["the same seed gives the same latents"].answer == "not examined"
    found, _ = calls(lambda x, _seed: x[:, :3] + np.random.default_rng().random())
    assert "make every generator from seed" in found["the same seed gives the same latents"].trouble
    found, _ = calls(lambda x, _seed: x[:, :3] if LOCK else x)
    assert "cannot pickle" in found["it can be sent to worker processes"].trouble


LINKS = [
    (("ae", "vae"), "link-hadamard"),
    (("gae", "vgae"), "link-inner-product"),
    (("ae", "vgae"), "link-hadamard"),
]


@pytest.mark.parametrize(("pair", "task"), LINKS)
def test_the_link_task_of_a_pair_follows_its_models(pair, task):
    content = {"name": "mine", "title": "Mine", "datasets": ["wine"], "models": [*pair]}
    study = study_of({**content, "pairs": [{"point": pair[0], "variational": pair[1]}]})
    assert {each.primary[-1].task for each in study.contrasts} == {task}
    with pytest.raises(InputError, match="unknown model 'vgea'; did you mean 'vgae'"):
        study_of({**content, "pairs": [{"point": "gae", "variational": "vgea"}]})


def test_a_pair_of_a_users_models_is_resolved_from_their_graph():
    rows = tuple(FunctionSpec(name, lambda x, _edges, _seed: x, uses_graph=True) for name in ("mine", "mine-vae"))
    tables = Tables(models=(*OURS.models, *rows))
    content = {"name": "mine", "title": "Mine", "datasets": ["karate"], "models": ["mine", "mine-vae"]}
    study = study_of({**content, "pairs": [{"point": "mine", "variational": "mine-vae"}]}, tables)
    assert study.contrasts[0].primary[-1].task == "link-inner-product"
