"""What the README says is what there is."""

import re
from pathlib import Path, PurePosixPath

import numpy
import pandas
import pytest

from benchmark.commands.cli import app
from benchmark.datasets import DATASETS
from benchmark.plugins.loading import with_plugins
from benchmark.study.toml import bundled, load_study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_example_of_a_dataset_runs_as_it_is_written(tmp_path):
    rng = numpy.random.default_rng(0)
    table = pandas.DataFrame(rng.random((30, 2)), columns=["bill_length_mm", "flipper_length_mm"])
    table["species"] = ["Adelie", "Gentoo", "Chinstrap"] * 10
    table.to_csv(tmp_path / "penguins.csv")
    (block,) = [block for block in BLOCKS if "DatasetSpec" in block]
    assert sum(map(bool, block.splitlines())) <= 15  # and the blank ones that ruff wants
    (tmp_path / "penguins.py").write_text(block, encoding="utf-8")
    found = with_plugins([tmp_path / "penguins.py"]).load("penguins", tmp_path)
    assert (found.rows, found.features, found.classes) == (30, 2, 3)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_what_it_links_to_is_there(link):
    assert (ROOT / link).exists()


def test_the_first_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE)) <= set(targets)
    assert README.index("make benchmark") < README.index("make test") < README.index("## ")


def test_its_commands_and_studies_are_there():
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = re.findall(r"python -m benchmark ([a-z]+(?: \| [a-z]+)*)", README)
    assert {word for words in named for word in words.split(" | ")} <= commands
    for name, datasets, counts in re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \|", README, flags=re.MULTILINE):
        study = load_study(name)
        assert name in bundled()
        assert [study.seeds, study.draws] == [int(number) for number in counts.split(",")]
        assert all(dataset in datasets for dataset in study.datasets if not dataset.startswith("csbm"))


def test_every_dataset_with_files_is_in_its_layout():
    patterns = re.findall(r"[A-Z]\w+/[\w./*-]+", README)
    for spec in DATASETS:
        for file in spec.files:
            assert any(PurePosixPath(file.path).match(pattern) for pattern in patterns), file.path
