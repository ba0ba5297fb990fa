"""The pages say the truth: links resolve, commands parse, examples run, tables agree with the code."""

import re
import subprocess
import sys
import tomllib
from pathlib import PurePosixPath

import numpy
import pandas
import pytest
import tiny
from documents import PAGES, ROOT, anchors, blocks, code_words, commands, options, parsed, prose, table
from resolved import study_of

import benchmark
from benchmark.datasets import DATASETS
from benchmark.latents.readouts import READOUTS
from benchmark.models import MODELS
from benchmark.models.settings import SETTINGS
from benchmark.plan.checks import check_names
from benchmark.plugins.loading import with_plugins
from benchmark.study.analysis import Analysis
from benchmark.study.study_file import StudyFile
from benchmark.study.toml import bundled, load_study

every_page = pytest.mark.parametrize("page", PAGES)


@pytest.fixture(scope="session")
def run_with_latents(tmp_path_factory):
    """A folder with the results of a study of two units that kept its latents and drawings."""
    folder = tmp_path_factory.mktemp("kept")
    study = tiny.write_study(folder, **(tiny.SMALLER | {"seeds": "1", "drawings": "true"}))
    code, _, error = tiny.command("run", study, "--device", "cpu", folder=folder)
    assert code == 0, error
    return folder


@every_page
def test_every_link_leads_to_a_file_and_to_a_heading(page):
    for link in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_index_names_every_page():
    named = set(re.findall(r"\]\((\w+\.md)\)", PAGES["docs/index.md"]))
    assert named == {PurePosixPath(page).name for page in PAGES if page.startswith("docs/")} - {"index.md"}


@every_page
def test_every_named_file_is_there(page):
    for word in code_words(page):
        if re.match(r"(benchmark|tests|docs)/\S+$", word):
            assert (ROOT / word).exists(), word


def test_every_table_is_in_the_file_that_is_named_for_it():
    found = re.findall(r"`([A-Z]+)` \(`(benchmark/[\w/]+\.py)`\)", PAGES["CONTRIBUTING.md"])
    assert [name for name, path in found if f"\n{name}: " not in (ROOT / path).read_text(encoding="utf-8")] == []
    assert {name for name, _ in found} == {"DATASETS", "TASKS"}


@every_page
def test_every_command_parses_and_names_a_study(page):
    for words in commands(page):
        given = parsed(words)
        for study in (given.get("study"), *given.get("studies", ())):
            whole = study and study.partition("--")[0]  # a subset is named for its study
            assert study is None or whole in bundled() or study.endswith(".toml") or study.isupper(), words


@every_page
def test_every_option_is_there(page):
    ours = re.compile(r"--[a-z-]+")
    for word in code_words(page):
        if word.startswith("--"):
            assert ours.match(word).group() in options(), word


@every_page
def test_every_make_target_is_there(page):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    named = [line.split()[1] for line in (*lines, *code_words(page)) if line.startswith("make ")]
    assert set(named) <= {*targets, "TARGET"}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_every_python_example_runs(page, run_with_latents, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    results.mkdir()
    for name in ("default", "default--subset", "claim"):
        for kind in ("parquet", "units.parquet"):
            (results / f"{name}.{kind}").write_bytes((run_with_latents / "results" / f"tiny.{kind}").read_bytes())
    (results / "latents").symlink_to(run_with_latents / "results" / "latents")
    names = {"__name__": "example"}  # later examples of a page may use the names of earlier ones
    for number, code in enumerate(blocks(page, "python"), 1):
        exec(compile(code, f"{page}, example {number}", "exec"), names)


def test_the_plugins_of_the_examples_load(tmp_path):
    rng = numpy.random.default_rng(0)
    penguins = pandas.DataFrame(rng.random((30, 2)), columns=["bill_length_mm", "flipper_length_mm"])
    penguins["species"] = ["Adelie", "Gentoo", "Chinstrap"] * 10
    penguins.to_csv(tmp_path / "penguins.csv")
    files = []
    for code in blocks("docs/extending.md", "python"):
        if "Spec(" in code or "Task(" in code:
            files.append(tmp_path / f"plugin_{len(files)}.py")
            files[-1].write_text(code, encoding="utf-8")
    tables = with_plugins(files)
    found = tables.load("penguins", tmp_path)
    assert (found.rows, found.features, found.classes) == (30, 2, 3)
    assert "task nearest-row" in tables.sources


def test_the_task_of_the_examples_keeps_its_promises(tmp_path):
    (code,) = [code for code in blocks("docs/extending.md", "python") if "Task(" in code]
    (tmp_path / "nearest.py").write_text(code, encoding="utf-8")
    code, output, _ = tiny.command("check", "task", "nearest-row", "--plugin", "nearest.py", folder=tmp_path)
    assert code == 0, output


@every_page
def test_every_study_file_is_valid(page):
    for text in blocks(page, "toml"):
        study = study_of(tomllib.loads(text))
        check_names(study)
        for variant in study.variants:
            for model in (model for model in MODELS if model.name in variant.models):
                model.overridden(variant.settings)


def test_the_table_of_studies_is_true():
    rows = {row[0].strip("`"): row[1:] for row in table("docs/running.md", "The bundled studies")}
    assert set(rows) == set(bundled())
    for name, (datasets, counts, _) in rows.items():
        study = load_study(name)
        assert [study.seeds, study.draws] == [int(number) for number in counts.split(",")]
        assert all(dataset in datasets for dataset in study.datasets if not dataset.startswith("csbm"))


def test_the_table_of_study_keys_is_complete():
    keys = [name for row in table("docs/running.md", "Study files") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(keys) == sorted(field.alias or name for name, field in StudyFile.model_fields.items())


def test_the_table_of_the_analysis_is_true():
    rows = table("docs/running.md", "The declared analysis")
    written = [pair for row in rows for pair in re.findall(r"`(\w+)\.(\w+)`", row[0])]
    assert written == [
        (part, key) for part in Analysis.model_fields for key in Analysis.model_fields[part].annotation.model_fields
    ]
    for row in rows:
        values = [getattr(getattr(Analysis(), part), key) for part, key in re.findall(r"`(\w+)\.(\w+)`", row[0])]
        if all(isinstance(value, float | int) for value in values):
            assert row[2] == ", ".join(map(str, values))


def test_the_table_of_settings_is_complete():
    names = [name for row in table("docs/running.md", "Settings") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(names) == sorted(SETTINGS)


def test_the_table_of_readouts_is_complete():
    names = [name for row in table("docs/reading.md", "Readouts") for name in re.findall(r"`([^`]+)`", row[0])]
    assert names == [readout.name for readout in READOUTS]


def test_the_layout_of_the_data_folder_is_that_of_the_datasets():
    (layout,) = [code for code in blocks("docs/running.md", "") if "Planetoid" in code]
    paths = [PurePosixPath(file.path) for spec in DATASETS for file in (*spec.files, *filter(None, [spec.packed]))]
    for pattern in re.findall(r"[A-Z]\w+/[\w./*-]+", layout):
        assert any(path.match(pattern) for path in paths), pattern


def test_the_api_page_lists_the_public_names():
    names = [row[0].strip("`") for row in table("docs/api.md", "Names")]
    assert sorted(names) == sorted(benchmark.__all__)


def test_every_public_name_is_there():
    assert [name for name in benchmark.__all__ if not hasattr(benchmark, name)] == []
    assert set(benchmark.__all__) <= set(dir(benchmark))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = benchmark.nothing


def test_importing_the_package_imports_neither_torch_nor_numpy():
    code = "import sys, benchmark; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_citation_has_the_version_of_the_package():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {benchmark.__version__}\n" in citation
