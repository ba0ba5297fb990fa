"""The comparison of the batched scores with scikit-learn runs, and fails if it should."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1]))

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # importing torch-geometric warns
    from speed import agreement
    from speed.place import Place

from benchmark.tasks.batched.newton import Classifiers


@pytest.fixture
def at(tmp_path):
    return Place("cpu", tmp_path)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Ten latents of wine after three epochs."""
    place = Place("cpu", tmp_path_factory.mktemp("data"))
    return agreement.held_latents(place, place.dataset("wine"), 10, epochs=3)


def test_every_seed_has_a_mean_and_collapsed_latents(at):
    held = agreement.held_latents(at, at.dataset("karate"), 25, epochs=2)
    assert [each.kind for each in held] == ["mean", "sample", "sample", "sample", "collapsed"] * 5
    assert sorted({each.case.seed for each in held}) == list(range(5))
    assert len({each.z.tobytes() for each in held}) == 25


def test_batched_scores_agree_on_wine(held):
    rows = [
        agreement.clusterings("wine", held, "k-means", "cpu"),
        agreement.classifications("wine", held, "few", "cpu"),
        agreement.neighbours("wine", held, "cpu"),
    ]
    for row in rows:
        assert row["holds"]
        assert row["milliseconds"] > 0
        assert agreement.line(row).startswith("wine ")
        assert "DOES NOT HOLD" not in agreement.line(row)
    assert rows[0]["log inertia ours to A"] < 1e-4
    assert rows[1]["rows"] == rows[2]["rows"] == 10 * len(held[0].case.rows("few").test)


def test_workers_change_no_figure(held):
    compared = ((agreement.clusterings, "k-means-unit-norm"), (agreement.classifications, "few"))
    for compare, what in compared:
        alone, shared = (compare("wine", held[:4], what, "cpu", workers=workers) for workers in (1, 2))
        for key in alone.keys() - {"milliseconds", "theirs", "differences"}:
            assert alone[key] == shared[key], key


def test_worse_clusters_do_not_hold(held, monkeypatch):
    right = agreement.cluster

    def one_start(z, k, draws, **given):
        labels, inertia = right(z, k, draws, **given)
        return labels.flip(1), 1.5 * inertia

    monkeypatch.setattr(agreement, "cluster", one_start)
    row = agreement.clusterings("wine", held, "k-means", "cpu")
    assert not row["holds"]
    assert row["nmi ratio low"] > 1.1
    assert agreement.line(row).endswith("DOES NOT HOLD")


def test_other_classifiers_do_not_hold(held, monkeypatch):
    right = agreement.fit_classifiers

    def shifted(*given):
        found = right(*given)
        return Classifiers(found.mean + 1, found.scale, found.weights)

    monkeypatch.setattr(agreement, "fit_classifiers", shifted)
    assert not agreement.classifications("wine", held, "many", "cpu")["holds"]


def test_other_votes_do_not_hold(held, monkeypatch):
    right = agreement.voted_classes
    monkeypatch.setattr(agreement, "voted_classes", lambda x, *given, **named: right(x.flip(1), *given, **named))
    row = agreement.neighbours("wine", held, "cpu")
    assert not row["holds"]
    assert agreement.line(row).endswith("DOES NOT HOLD")


def test_ratios_by_hand():
    assert agreement.ratio_of_means(np.array([[1.0, 4.0], [1.0, 0.0]])) == 0.5
    assert agreement.ratio_of_means(np.zeros((3, 2))) == 1.0
    assert agreement.ratio_of_means(np.array([[1.0, 0.0]])) == np.inf


@pytest.mark.parametrize(
    ("holds", "difference", "code"), [(True, 1e-4, 0), (False, 1e-4, 1), (True, 0.002, 1), (True, -0.002, 1)]
)
def test_the_command_leaves_with_1_if_a_bound_fails(holds, difference, code, held, monkeypatch, capsys, tmp_path):
    rows = [
        agreement.clusterings("wine", held, "k-means", "cpu") | {"differences": np.full(20, difference)},
        agreement.classifications("wine", held, "few", "cpu") | {"holds": holds},
    ]
    asked = []
    monkeypatch.setattr(
        agreement, "agreement", lambda _, *words, **options: asked.append((*words, options)) or iter(rows)
    )
    monkeypatch.setattr(sys, "argv", ["agreement", "wine:7", "--workers", "2", "--data-root", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        agreement.main()
    assert left.value.code == code
    assert asked == [("wine", 7, {"workers": 2})]
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 3
    assert ("DOES NOT HOLD" in printed) == bool(code)
