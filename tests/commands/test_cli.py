"""The command line: its output, and one clear line with exit code 2 for bad input."""

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from commands import refused

import benchmark
from benchmark.commands.cli import app
from benchmark.core.environment import installed_version

TINY = """
name = "tiny"
title = "Tiny"
datasets = ["karate"]
models = ["gae", "raw"]
seeds = 2
draws = 1
"""


def study(**changes):
    """Write a study file with some lines changed. Returns its name."""
    lines = dict(line.split(" = ", 1) for line in TINY.strip().splitlines()) | changes
    Path("tiny.toml").write_text("\n".join(f"{key} = {value}" for key, value in lines.items()), encoding="utf-8")
    return "tiny.toml"


@pytest.mark.parametrize(
    "words",
    [["-h"]]
    + [
        [name, "-h"]
        for name in (
            "run",
            "report",
            "status",
            "merge",
            "verify",
            "compare",
            "doubt",
            "doctor",
            "studies",
            "datasets",
            "models",
            "tasks",
        )
    ],
)
def test_every_command_has_help(command, words):
    code, output, _ = command(*words)
    assert code == 0
    assert "Usage" in output


@pytest.mark.parametrize("name", typer.main.get_command(app).commands)
def test_tables_have_forms_for_programs_and_all_but_lists_say_how_much_they_tell(name):
    options = {each for parameter in typer.main.get_command(app).commands[name].params for each in parameter.opts}
    forms, told = {"--json", "--csv"}, {"-v", "--verbose", "-q", "--quiet", "--log-file"}
    lists = name in ("studies", "datasets", "models", "tasks")
    assert options & told == (set() if lists else told)
    assert options & forms == (forms if lists or name in ("score", "doubt") else set())


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["studies"], ["smoke", "A first look", "karate, wine"]),
        (["datasets"], ["cora", "csbm-hard"]),
        (["models"], ["vgae", "random"]),
        (["tasks"], ["k-means", "edge set"]),
        (["models", "--family", "control"], ["raw", "random"]),
    ],
)
def test_the_tables_are_listed(command, words, names):
    code, output, _ = command(*words)
    assert code == 0
    assert all(name in output for name in names)


def test_the_version_comes_with_the_place_and_the_packages_of_the_installation(command):
    code, output, error = command("--version")
    assert (code, error) == (0, "")
    version, commit, place, packages = output.splitlines()
    assert version == f"latents {benchmark.__version__}"
    assert re.fullmatch(r"commit [0-9a-f]{40}(-dirty)?|not a git checkout", commit)
    assert Path(place.removeprefix("in ")).expanduser() == Path(benchmark.__file__).parent
    assert packages.startswith(f"Python {platform.python_version()}, torch {installed_version('torch')}, ")


@pytest.mark.workers
def test_a_study_is_run_counted_reported_and_not_run_twice(command):
    name = study()
    code, output, _ = command("run", name, "--device", "cpu", "--workers", "1")
    assert code == 0
    assert "8 units, 0 recorded" in output
    assert Path("results/tiny.parquet").exists()
    code, output, _ = command("run", name, "--device", "cpu")
    assert "8 units, 8 recorded; 0 batches" in output
    code, output, _ = command("status", name, "--device", "cpu")
    assert "8 complete, 0 diverged, 0 failed, 0 missing" in output
    code, output, _ = command("status", study(seeds="3"), "--device", "cpu")
    assert "8 complete, 0 diverged, 0 failed, 4 missing" in output
    code, output, _ = command("report", study())
    assert code == 0
    assert output.strip() == str(Path("report/index.html"))
    assert "demonstration, not the answer" in Path("report/index.html").read_text(encoding="utf-8")
    code, output, error = command("doubt", study())
    assert code == 0
    assert re.search(r"^as declared .*\neven seeds alone", output, re.MULTILINE)
    assert "no scores for:" in error
    assert "latents times 100" in error
    code, output, _ = command("doubt", study(), "--json")
    (declared, *_) = json.loads(output)
    assert declared["check"] == "as declared"
    assert declared["law_error"] is None


def test_options_replace_the_lists_of_a_study(command):
    code, output, _ = command(
        "run", study(), "--seeds", "1", "--models", "random, pca", "--datasets", "wine,karate", "--device", "cpu"
    )
    assert code == 0
    assert "6 units" in output


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["run", "papr"], ["unknown study 'papr'", "did you mean 'paper'"]),
        (["run", "gone.toml"], ["gone.toml", "does not exist"]),
        (["run", "smoke", "--seeds", "0"], ["--seeds 0", "at least 1"]),
        (["run", "smoke", "--workers", "0"], ["--workers 0", "at least 1"]),
        (["run", "smoke", "--replicas", "0"], ["--replicas 0", "at least 1"]),
        (["run", "smoke", "--datasets", "kora"], ["unknown dataset 'kora'", "did you mean 'cora'"]),
        (["run", "smoke", "--datasets", ","], ["--datasets ','", "at least one name"]),
        (["run", "smoke", "--models", "vgea"], ["unknown model 'vgea'", "did you mean 'vgae'"]),
        (["run", "smoke", "--device", "tpu"], ["device 'tpu'", "auto, cpu, cuda"]),
        (["run", "smoke", "--data-root", "nowhere"], ["nowhere"]),
        (["report", "smoke"], ["smoke.parquet", "Run the study first"]),
        (["run", "smoke", "--sedes", "3"], ["--sedes"]),
        (["rum", "smoke"], ["rum"]),
        (["tasks", "--json", "--csv"], ["--json and --csv", "one of them"]),
        (["models", "--family", "gea"], ["--family: unknown family 'gea'", "did you mean 'gae'", "control"]),
        (["status", "smoke", "-v", "-q"], ["-v and -q", "one of them"]),
        (["status", "smoke", "--log-file", "gone/log"], ["--log-file gone/log", "cannot be written (No such file"]),
        (["run", "smoke", "--datasets", "npz:gone.npz"], ["gone.npz"]),
        (
            ["run", "smoke", "--datasets", "cora,citeseer,karate"],
            ["2 of 3 datasets cannot be loaded", "ind.cora", "ind.citeseer", "https://"],
        ),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(command, words, parts):
    refused(command(*words), *parts)


def test_unknown_keys_and_metrics_of_a_study_file_are_refused(command):
    refused(command("run", study(sedes="3")), "tiny.toml", "unknown key 'sedes'", "did you mean 'seeds'")
    contrast = (
        '[{ name = "c", first = { model = "gae", readout = "mean" }, second = { model = "raw", readout = "mean" }, '
        'primary = [{ task = "k-means", metric = "nmj" }] }]'
    )
    refused(command("run", study(contrasts=contrast)), "'nmj'", "did you mean 'nmi'")
    refused(
        command("run", study(variants='[{ models = ["gae"], settings = { hiden = 3 } }]')), "unknown setting 'hiden'"
    )


@pytest.mark.parametrize(
    ("datasets", "part"), [('["karate", "karrate"]', "did you mean 'karate'"), ('["karate", "npz:mine.npz"]', "nan")]
)
def test_skip_missing_does_not_excuse_bad_input(command, datasets, part):
    arrays(x=np.full((40, 5), np.nan))
    assert part in refused(command("run", study(datasets=datasets), "--skip-missing", "--device", "cpu")).lower()


def test_the_same_data_under_two_names_are_refused(command):
    arrays()
    refused(command("run", study(), "--datasets", "npz:mine.npz,npz:./mine.npz"), "are the same data; leave one out")


@pytest.mark.parametrize(
    ("model", "settings", "part"),
    [
        ("gae", "{ batch = 16 }", "gae does not accept the setting 'batch'"),
        ("gae", "{ hidden = 32 }", "trains what gae trains"),
        ("raw", "{ hidden = 3 }", "raw does not accept the setting 'hidden'; it has no settings"),
    ],
)
def test_settings_that_a_model_does_not_accept_are_refused(command, model, settings, part):
    refused(command("run", study(variants=f'[{{ models = ["{model}"], settings = {settings} }}]')), part)


def test_skip_missing_leaves_out_datasets_and_names_them(command):
    code, _, error = command("run", study(datasets='["cora", "karate"]'), "--skip-missing", "--device", "cpu")
    assert code == 0
    assert "skipped: " in error
    assert "cora" in error
    command("report", "tiny.toml")
    page = Path("report/report.md").read_text(encoding="utf-8")
    assert "cora" in page


def arrays(**changes):
    rng = np.random.default_rng(0)
    content = {
        "x": rng.random((40, 5)),
        "y": np.arange(40) % 2,
        "edges": np.array([[i, (i + 1) % 40] for i in range(40)]),
    } | changes
    np.savez("mine.npz", **{key: value for key, value in content.items() if value is not None})
    return "npz:mine.npz"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"x": np.full((40, 5), np.nan)}, "nan"),
        ({"y": 1 + np.arange(40) % 2}, "start at 1"),
        ({"y": np.zeros(40, dtype=int)}, "one class"),
        ({"edges": np.array([[0, 99]])}, "99"),
        ({"x": np.zeros((2, 5)), "y": np.array([0, 1]), "edges": np.array([[0, 1]])}, "one row only"),
        ({"edges": np.array([[0, 1], [1, 2]])}, "20"),
    ],
    ids=["nan", "labels", "one class", "range", "small", "few edges"],
)
def test_a_wrong_file_of_arrays_is_refused(command, changes, part):
    Path("mine.npz").unlink(missing_ok=True)
    name = arrays(**changes)
    error = refused(command("run", "smoke", "--datasets", name, "--device", "cpu", "--seeds", "1"))
    assert part in error.lower()


def test_a_file_of_arrays_is_a_dataset(command):
    code, output, error = command(
        "run", study(models='["ae", "gae"]'), "--datasets", arrays(), "--seeds", "1", "--device", "cpu"
    )
    assert code == 0, error
    assert "4 units" in output


def test_link_prediction_on_data_without_edges_is_refused(command):
    error = refused(command("run", study(datasets='["wine"]', tasks='["link-hadamard"]'), "--device", "cpu"))
    assert "wine: the dataset has no edges, which every task of the study needs (link-hadamard)" in error


def test_values_outside_the_unit_interval_are_refused_for_a_bernoulli_likelihood(command):
    lines = (
        "from dataclasses import replace",
        "from benchmark.datasets import spec",
        "STANDARD = replace(spec('wine'), name='standardised', scaling='standard')",
    )
    Path("standard.py").write_text("\n".join(lines), encoding="utf-8")
    changes = {"datasets": '["standardised"]', "models": '["ae", "vae-gaussian"]', "plugins": '["standard.py"]'}
    error = refused(command("run", study(**changes), "--device", "cpu"))
    assert "standardised: ae cannot be trained: features range from -3.67916 to 4.37137 (scaling 'standard')" in error
    assert "needs them within [0, 1]" in error


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"models": '["vae"]', "variants": '[{models = ["vae"], settings = {beta = -1}}]'}, ("beta must be", "-1")),
        (
            {"models": '["vae"]', "variants": '[{models = ["vae"], settings = {beta = "1/n"}}]'},
            ("beta must be", "1/n^2"),
        ),
        (
            {"models": '["vae"]', "variants": '[{models = ["vae"], settings = {samples = 0}}]'},
            ("samples", "at least 1", "0"),
        ),
        (
            {"models": '["vae"]', "variants": '[{models = ["vae"], settings = {estimator = "C"}}]'},
            ("'A', 'B' or 'IW'", "'C'"),
        ),
        (
            {"models": '["vgae"]', "variants": '[{models = ["vgae"], settings = {estimator = "IW"}}]'},
            ("variant 'estimator=IW' of vgae", "this model scores pairs of rows"),
        ),
        (
            {"models": '["gae-gat"]', "variants": '[{models = ["gae-gat"], settings = {convolution = "GATCon"}}]'},
            ("variant 'convolution=GATCon' of gae-gat", "did you mean 'GATConv'?"),
        ),
        ({"waterfalls": '["july"]'}, ("waterfalls.0: expected 'scripts' or 'june', got 'july'",)),
        (
            {"models": '["vae"]', "variants": '[{models = ["vae"], settings = {hidden = [64, 0]}}]'},
            ("hidden", "(64, 0)"),
        ),
        (
            {"models": '["ae", "ae-l2"]', "variants": '[{models = ["ae"], settings = {beta = 1.0}}]'},
            ("variant 'beta=1.0' of ae trains what ae-l2 trains",),
        ),
        (
            {"models": '["ae"]', "variants": '[{models = ["ae"], settings = {samples = 2}}]'},
            ("ae does not accept the setting 'samples'",),
        ),
        (
            {"datasets": '["wine"]', "models": '["pca"]', "variants": '[{models = ["pca"], settings = {latent = 14}}]'},
            ("wine: pca (latent=14) cannot be trained: 178 rows of 13 features have only 13 components", "at most 13"),
        ),
        ({"drawings": "true", "images": '["karate"]'}, ("karate: the study asks for images", "34 features")),
        ({"images": '["karate"]'}, ("drawings = true",)),
        ({"drawings": "true", "images": '["digits"]'}, ("'digits' is not among the study's datasets",)),
        (
            {"datasets": '["wine"]', "derived_graphs": "false"},
            ("wine: the dataset has no edges", "gae", "derived_graphs"),
        ),
        ({"readouts": '["expected"]', "tasks": '["k-means"]'}, ("readout 'expected'", "link-inner-product")),
        (
            {"models": '["vae", "raw"]', "readouts": '["sampled"]'},
            ("raw: its latents are points", "(sampled)", "add the readout 'mean'"),
        ),
        (
            {"models": '["vae"]', "variants": '[{models = ["vae"], settings = {hidden = [1.5]}}]'},
            ("variants.0.settings.hidden: expected a number, a word or a list of whole numbers, got [1.5]",),
        ),
    ],
    ids=lambda value: None if isinstance(value, tuple) else " ".join(value),
)
def test_impossible_settings_and_data_are_refused(command, changes, parts):
    refused(command("run", study(**changes), "--device", "cpu"), *parts)


def test_sampling_non_edges_of_a_complete_graph_is_refused(command):
    name = arrays(x=np.random.default_rng(0).random((8, 3)), y=np.arange(8) % 2, edges=None)
    error = refused(command("run", study(models='["gae-sampled"]'), "--datasets", name, "--device", "cpu"))
    assert "gae-sampled cannot be trained: all pairs of the 8 rows are edges, and the model samples non-edges" in error


def test_a_folder_that_cannot_be_written_is_refused(command):
    Path("occupied").write_text("a file", encoding="utf-8")
    refused(command("run", study(), "--results", "occupied", "--device", "cpu"), "occupied", "cannot be written")
    command("run", study(models='["raw"]'), "--device", "cpu")
    refused(command("report", "tiny.toml", "--out", "occupied"), "occupied", "cannot be written")


def test_a_corrupt_record_and_a_corrupt_frame_are_refused(command):
    command("run", study(), "--device", "cpu")
    victim = next(Path("results/records").rglob("*.json"))
    victim.write_bytes(victim.read_bytes()[:100])
    refused(command("run", study(), "--device", "cpu"), victim.name, "not a readable record", "Delete the file")
    victim.unlink()
    assert command("run", study(), "--device", "cpu")[0] == 0
    Path("results/tiny.parquet").write_bytes(b"PAR1 no")
    refused(command("report", study()), "tiny.parquet", "not a readable parquet file")


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "run", "papr"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown study 'papr'")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_quiet_run_prints_results_alone_and_its_log_file_has_everything(command):
    code, output, error = command("run", study(models='["raw"]'), "--device", "cpu", "-q", "--log-file", "log.txt")
    assert (code, error) == (0, "")
    assert output.startswith("4 units, ")
    log = Path("log.txt").read_text(encoding="utf-8")
    assert " DEBUG latents run tiny.toml --device cpu -q --log-file log.txt\n" in log
    assert all(f" INFO {text}" in log for text in ("tiny: 4 units, 0 recorded", "[1/2] karate raw seed 0", "4 units, "))
    assert " DEBUG exit code 0 after " in log.splitlines()[-1]


def test_replicas_reach_the_run_and_its_records(command):
    assert command("run", study(models='["raw"]'), "--replicas", "2", "--device", "cpu")[0] == 0
    records = [json.loads(path.read_text(encoding="utf-8")) for path in Path("results/records").rglob("*.json")]
    assert {record["provenance"]["replicas"] for record in records} == {2}
    assert {record["provenance"]["command"] for record in records} == {
        "latents run tiny.toml --device cpu --replicas 2"
    }
