"""Paths in a study file are seen from its folder, wherever the command is called."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import command, records

from benchmark.datasets import PREFIXES, placed

STUDY = """
name = "near"
title = "Near"
datasets = ["npz:mine.npz", "csv:rows.csv,edges=pairs.csv,label=kind"]
models = ["raw"]
seeds = 2
draws = 1
tasks = ["k-means"]
images = []
plugins = ["own.py"]
"""
PLUGIN = """
from benchmark import DatasetSpec, Raw

OWN = DatasetSpec("own", lambda root: Raw(x=[[0.0]]), "none", "toy", "ours", "MIT", "none")
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a study, its data and its plugin in ``sub``."""
    sub = tmp_path / "sub"
    sub.mkdir()
    rng = np.random.default_rng(0)
    np.savez(sub / "mine.npz", x=rng.random((30, 3)), y=np.arange(30) % 2)
    rows = pd.DataFrame(rng.random((30, 2)), columns=["a", "b"]).assign(kind=["x", "y", "z"] * 10)
    rows.rename_axis("id").to_csv(sub / "rows.csv")
    pd.DataFrame({"one": [0, 1, 2], "other": [3, 4, 5]}).to_csv(sub / "pairs.csv", index=False)
    (sub / "study.toml").write_text(STUDY, encoding="utf-8")
    (sub / "own.py").write_text(PLUGIN, encoding="utf-8")
    return tmp_path


def done(*words, folder):
    code, output, error = command(*words, folder=folder)
    assert (code, error) == (0, ""), error
    return output


def test_every_path_of_a_name_is_placed():
    for form, _ in PREFIXES.values():
        name = re.sub(r"[][]", "", form)
        assert placed(name, Path("sub")) == re.sub(r"\bFILE\b", "sub/FILE", name)
    for name in ("wine", "npz:", "csv:", "npz:/mine.npz", "csv:~/a.csv,edges=~/b.csv", "pyg:Planetoid/Cora"):
        assert placed(name, Path("sub")) == name
    assert placed("npz:mine.npz", Path()) == "npz:mine.npz"


def test_a_study_gives_the_same_keys_and_names_from_any_folder(folder):
    done("run", "sub/study.toml", "--results", "above", folder=folder)
    done("run", "study.toml", "--results", "../beside", folder=folder / "sub")
    above, beside = (records(folder / name) for name in ("above", "beside"))
    assert [record.key for record in above] == [record.key for record in beside]
    assert [record.dataset for record in above] == [record.dataset for record in beside]
    assert {record.dataset for record in above} == {"npz:mine.npz", "csv:rows.csv,edges=pairs.csv,label=kind"}
    frames = [pd.read_parquet(folder / name / "near.parquet") for name in ("above", "beside")]
    pd.testing.assert_frame_equal(*frames)


def test_shards_may_be_called_from_different_folders(folder):
    done("run", "sub/study.toml", "--shard", "1/2", "--results", "all", folder=folder)
    assert "near.parquet" in done("run", "study.toml", "--shard", "2/2", "--results", "../all", folder=folder / "sub")


def test_all_commands_find_the_data_of_a_study_in_another_folder(folder):
    done("run", "sub/study.toml", "--results", "sub/results", folder=folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    place = ("../sub/study.toml", "--results", "../sub/results")
    assert "4 complete, 0 diverged, 0 failed, 0 missing" in done("status", *place, folder=elsewhere)
    assert "4 of 4 records are reproduced" in done("verify", *place, folder=elsewhere)
    done("report", *place, folder=elsewhere)
    done("merge", "../sub/results", "--results", "merged", folder=elsewhere)
    assert "4 units, 4 recorded" in done("run", "../sub/study.toml", "--results", "merged", folder=elsewhere)


def test_datasets_of_the_command_line_are_sought_in_the_current_folder(folder):
    shutil.copy(folder / "sub" / "mine.npz", folder / "here.npz")
    done("run", "sub/study.toml", "--datasets", "npz:here.npz", folder=folder)
    code, _, error = command("run", "sub/study.toml", "--datasets", "npz:mine.npz", folder=folder)
    assert code == 2
    assert "npz file mine.npz: there is no such file" in error


def test_one_name_of_different_data_is_refused_in_a_report_of_two_studies(folder):
    shutil.copytree(folder / "sub", folder / "other")
    study = folder / "other" / "study.toml"
    study.write_text(STUDY.replace('"near"', '"far"').replace('plugins = ["own.py"]', ""), encoding="utf-8")
    np.savez(folder / "other" / "mine.npz", x=np.random.default_rng(1).random((30, 3)), y=np.arange(30) % 2)
    for name in ("sub", "other"):
        done("run", f"{name}/study.toml", folder=folder)
    code, _, error = command("report", "sub/study.toml", "other/study.toml", folder=folder)
    assert code == 2
    assert "two of the studies call different data 'npz:mine.npz'; report them apart, or rename one file" in error


def test_two_names_of_the_same_data_are_refused_in_a_report_of_two_studies(folder):
    text = STUDY.replace('"near"', '"far"').replace("mine.npz", "again.npz")
    (folder / "sub" / "far.toml").write_text(text, encoding="utf-8")
    shutil.copy(folder / "sub" / "mine.npz", folder / "sub" / "again.npz")
    for name in ("study", "far"):
        done("run", f"sub/{name}.toml", folder=folder)
    code, _, error = command("report", "sub/study.toml", "sub/far.toml", folder=folder)
    assert code == 2
    assert "datasets 'npz:mine.npz' and 'npz:again.npz' of two studies are the same data" in error


def test_a_byte_order_mark_is_accepted(folder):
    path = folder / "sub" / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    done("run", "sub/study.toml", folder=folder)
