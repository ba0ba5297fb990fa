"""Kept files: a missing file is no fault, and a damaged file is named on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pages import a_study, usual

from benchmark.core.files import packed, write_atomically
from benchmark.report.found import find
from benchmark.report.kept import KeptFiles, excerpts_path
from benchmark.report.page import compose
from benchmark.report.render import render_html, render_markdown

PATH = "latents/a.npz"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_atomically(tmp_path / PATH, packed({"mean": np.arange(12.0).reshape(4, 3), "std": np.ones((4, 3))}))
    return tmp_path


def test_arrays_are_read_by_name(results: Path) -> None:
    kept = KeptFiles(results)
    arrays = kept.arrays(PATH, "std", "mean")
    assert arrays is not None
    np.testing.assert_array_equal(arrays[0], np.ones((4, 3)))
    np.testing.assert_array_equal(arrays[1], np.arange(12.0).reshape(4, 3))
    assert kept.damaged == ()


def test_a_missing_file_or_name_is_no_damage(results: Path) -> None:
    kept = KeptFiles(results)
    assert kept.arrays("latents/b.npz", "mean") is None
    assert kept.arrays(PATH, "mean", "drawn") is None
    assert kept.arrays("", "mean") is None
    assert KeptFiles(None).arrays(PATH, "mean") is None
    assert kept.damaged == ()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY\x01\x00", b"no archive at all"])
def test_a_file_that_is_no_archive_is_damaged(results: Path, content: bytes) -> None:
    (results / PATH).write_bytes(content)
    kept = KeptFiles(results)
    assert kept.arrays(PATH, "mean") is None
    assert kept.arrays(PATH, "std") is None
    assert kept.damaged == (PATH,)


def test_a_file_with_a_changed_byte_is_either_read_or_damaged(results: Path) -> None:
    whole = (results / PATH).read_bytes()
    damaged = 0
    for place in range(len(whole)):
        (results / PATH).write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        kept = KeptFiles(results)
        arrays = kept.arrays(PATH, "mean", "std")
        damaged += bool(kept.damaged)
        if arrays is not None:
            assert kept.damaged == ()
            assert [array.shape for array in arrays] == [(4, 3), (4, 3)]
    assert damaged > len(whole) / 2


def test_excerpts_stand_in_for_files_that_are_gone(results: Path) -> None:
    kept = KeptFiles(results, ["mine"])
    rows = {"mean": np.arange(3.0), "rows": np.array([0, 2])}
    assert kept.excerpt(f"{PATH}/rows", lambda: rows) is rows
    assert kept.excerpt("latents/other.npz/rows", lambda: rows) is rows
    assert kept.excerpt("latents/gone.npz/rows", lambda: None) is None
    assert kept.write_excerpts("mine", {PATH, ""})
    before = excerpts_path(results, "mine").read_bytes()

    later = KeptFiles(results, ["mine", "another"])
    found = later.excerpt(f"{PATH}/rows", lambda: None)
    assert found is not None
    assert {name: array.tolist() for name, array in found.items()} == {"mean": [0.0, 1.0, 2.0], "rows": [0, 2]}
    assert later.excerpt("latents/other.npz/rows", lambda: None) is None, "another study's file"
    assert not later.write_excerpts("mine", {PATH}), "the file holds them already"
    assert excerpts_path(results, "mine").read_bytes() == before
    assert later.damaged == ()


def test_kept_files_count_more_than_their_excerpts(results: Path) -> None:
    KeptFiles(results).write_excerpts("mine", {PATH})
    assert not excerpts_path(results, "mine").exists(), "nothing was shown"
    kept = KeptFiles(results)
    kept.excerpt(f"{PATH}/rows", lambda: {"mean": np.zeros(1)})
    kept.write_excerpts("mine", {PATH})
    found = KeptFiles(results, ["mine"]).excerpt(f"{PATH}/rows", lambda: {"mean": np.ones(1)})
    assert found is not None
    assert found["mean"].tolist() == [1.0]


def test_excerpts_that_another_page_showed_stay(results: Path) -> None:
    for part in ("rows", "images"):
        kept = KeptFiles(results, ["mine"])
        kept.excerpt(f"{PATH}/{part}", lambda: {"mean": np.ones(1)})
        assert kept.write_excerpts("mine", {PATH})
    last = KeptFiles(results, ["mine"])
    assert all(last.excerpt(f"{PATH}/{part}", lambda: None) for part in ("rows", "images"))
    assert KeptFiles(results, ["mine"]).write_excerpts("mine", {"latents/other.npz"}) is False


def test_damaged_excerpts_are_named(results: Path) -> None:
    excerpts_path(results, "mine").write_bytes(b"PK")
    kept = KeptFiles(results, ["mine"])
    assert kept.excerpt(f"{PATH}/rows", lambda: None) is None
    assert kept.damaged == ("mine.drawn.npz",)
    assert not KeptFiles(None, ["mine"]).damaged


def test_the_page_names_damaged_files() -> None:
    study = a_study()
    found = find(study, *usual(seeds=1), {}, None)
    for damaged, told in (
        (["latents/a.npz"], "1 kept file is damaged, and the figures do not show it: latents/a.npz."),
        (["a.npz", "b.npz"], "2 kept files are damaged, and the figures do not show them: a.npz, b.npz."),
    ):
        page = compose(found, {}, lambda _: "", damaged)
        assert told in render_html(page)
        assert told in render_markdown(page)
    assert "damaged" not in render_html(compose(found, {}, lambda _: ""))
