"""The first screen: its sentences, numbers and advice follow from the frames."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from pages import SIX, Large, a_study, composed, usual

from benchmark.report.found import Found
from benchmark.report.key_numbers import Kept, asked, averaged_over_datasets, kept_cells, thresholds
from benchmark.statistics import DERIVED, NO_SIGNAL, REAL, SIGNAL, interval_of_mean
from benchmark.statistics.law import CONSTANTS, ZERO
from benchmark.study.analysis import Law

STUDY = a_study()
MEAN_OF = "vae mean − ae"


def cells(*rows: tuple[str, str, str, float], **given: Any) -> pd.DataFrame:
    """Return cells of contrasts: (contrast, dataset, task, share)."""
    frame = pd.DataFrame(rows, columns=["contrast", "dataset", "task", "share"])
    return frame.assign(unit="all-edges", graphs=REAL, reliable=True, signal=SIGNAL, word="same", **given)


def found_of(contrasts: pd.DataFrame, collapsed: tuple[str, ...] = (), evidence: tuple[str, ...] = ()) -> Found:
    """Return what the numbers of the first screen read. The posteriors on some datasets have collapsed."""
    arms = [(name, model) for name in contrasts["dataset"].unique() for model in ("vae", "vgae")]
    trained = pd.DataFrame(arms, columns=["dataset", "model"]).assign(variant="", unit="all-edges")
    trained["collapsed"] = trained["dataset"].isin(collapsed)
    given = {
        "declared": STUDY.contrasts,
        "contrasts": contrasts,
        "trained": trained,
        "evidence": dict.fromkeys(evidence),
    }
    return cast(Found, SimpleNamespace(**given))


def test_tasks_are_averaged_within_a_dataset_and_datasets_after_that() -> None:
    frame = cells(
        *((MEAN_OF, "a", "k-means", 0.1), (MEAN_OF, "a", "few", 0.3)),
        *((MEAN_OF, "b", "k-means", -0.2), (MEAN_OF, "c", "k-means", 0.1)),
    )
    kept = averaged_over_datasets(kept_cells(found_of(frame), [MEAN_OF]))
    of_datasets = [1.2, 0.8, 1.1]
    low, high = interval_of_mean(np.mean(of_datasets), np.std(of_datasets, ddof=1), 3)
    assert kept.share == pytest.approx(np.mean(of_datasets))
    assert (kept.low, kept.high) == pytest.approx((low, high))
    assert (kept.datasets, kept.cells) == (3, 4)
    assert kept.tasks == pytest.approx({"k-means": (1.1 + 0.8 + 1.1) / 3, "few": 1.3})
    two = averaged_over_datasets(kept_cells(found_of(frame[:3]), [MEAN_OF]))
    assert (two.share, np.isnan(two.low), np.isnan(two.high)) == (pytest.approx(1.0), True, True)


def test_only_cells_that_count_are_averaged() -> None:
    names = "abcdefg"
    frame = cells(*((MEAN_OF, name, "k-means", place / 10) for place, name in enumerate(names)))
    frame.loc[0, "graphs"] = DERIVED
    frame.loc[1, "reliable"] = False
    frame.loc[2, "signal"] = NO_SIGNAL
    frame.loc[3, "share"] = np.nan
    frame.loc[4, "contrast"] = "vae sample − ae"
    assert kept_cells(found_of(frame), [MEAN_OF])["dataset"].tolist() == ["f", "g"]
    assert kept_cells(found_of(frame, evidence=("f", "x")), [MEAN_OF])["dataset"].tolist() == ["f"]


def test_collapsed_cells_are_told_apart() -> None:
    frame = cells((MEAN_OF, "a", "k-means", 0.0), (MEAN_OF, "b", "k-means", -0.9))
    found = kept_cells(found_of(frame, collapsed=("b",)), [MEAN_OF])
    assert dict(zip(found["dataset"], found["collapsed"], strict=True)) == {"a": False, "b": True}


def test_without_cells_nothing_is_averaged() -> None:
    kept = averaged_over_datasets(kept_cells(found_of(cells()), [MEAN_OF]))
    assert isinstance(kept, Kept)
    assert (kept.cells, kept.datasets, kept.tasks) == (0, 0, {})
    assert np.isnan(kept.share)


def test_the_numbers_are_those_of_confirmatory_twins() -> None:
    points = frozenset({"ae", "gae"})
    names = {"mean": ["vae mean − ae", "vgae mean − gae"], "sample": ["vae sample − mean", "vgae sample − mean"]}
    assert asked(STUDY.contrasts, points) == names
    demoted = [each.model_copy(update={"role": "secondary"}) for each in STUDY.contrasts if each.first.model == "vae"]
    rest = [each for each in STUDY.contrasts if each.first.model != "vae"]
    assert asked([*demoted, *rest], points) == {"mean": names["mean"][1:], "sample": names["sample"][1:]}
    assert asked(demoted, points) == {"mean": names["mean"][:1], "sample": names["sample"][:1]}
    assert asked([], points) == {"mean": [], "sample": []}


@pytest.mark.parametrize(("word", "there"), [("rule of thumb", True), ("not judged", True), ("refuted", False)])
def test_a_sample_keeps_ninety_percent_at_nine_times_the_constant(word: str, there: bool) -> None:
    """u/(c + u) = .9 at u = 9c."""
    rows = [(CONSTANTS, "few", np.log(0.5), np.nan, np.nan), (CONSTANTS, "k-means", np.log(2.0), 0.0, np.log(4.0))]
    columns = ["form", "parameter", "estimate", "low", "high"]
    law = SimpleNamespace(word=word, parameters=pd.DataFrame([*rows, (ZERO, "few", 9.0, 9.0, 9.0)], columns=columns))
    study = SimpleNamespace(analysis=SimpleNamespace(law=Law(tasks=("k-means", "few"))))
    limits = thresholds(cast(Found, SimpleNamespace(law=law, study=study)))
    assert [limit.task for limit in limits] == (["k-means", "few"] if there else [])
    if there:
        assert (limits[0].strength, limits[0].low, limits[0].high) == pytest.approx((18, 9, 36))
        assert limits[1].strength == pytest.approx(4.5)
        assert np.isnan(limits[1].low)
    assert thresholds(cast(Found, SimpleNamespace(law=None, study=study))) == ()


def test_the_sentences_hold_the_averages_of_the_frames(six: Large) -> None:
    page = composed(six.study, six.scores, six.units)
    answer = " ".join(page.first.answer).replace("\u00a0", " ")
    assert not page.first.warning
    for number in page.first.numbers:
        assert re.fullmatch(r"\d+ %", number.value)
        about = number.about.replace("\u00a0", " ")
        assert f"keeps {number.value} ({about.split(' over ')[0]}) of " in answer
    assert "Pooled: Vae against ae: mean − point, real graphs and tables: k-means " in answer
    assert "(0 of 28 cells collapsed)" in answer  # 2 tasks on 6 and 4 datasets, and links on 4 for both twins
    for text in (six.page, six.markdown):
        plain = text.replace("\u00a0", " ")
        assert page.first.answer[0].replace("\u00a0", " ") in plain
        assert page.first.about in plain


def test_no_count_adds_words_of_different_families(six: Large) -> None:
    page = composed(six.study, six.scores, six.units)
    (table,) = [table for table in page.tables() if table.name == "words"]
    heads = [column.label for column in table.columns]
    families = [row.cells[0].text for row in table.groups[0].rows]
    assert "Vae against ae: mean − point, real graphs and tables" in families
    for row in table.groups[0].rows:
        counts = [int(cell.text) for cell in row.cells[1:]]
        assert heads[-1] == "cells"
        assert sum(counts[:-1]) == counts[-1]


def test_the_advice_follows_the_interval_of_a_sample() -> None:
    scores, units = usual(datasets=SIX, models=("ae", "vae", "random"))
    study = a_study(datasets=list(SIX), models=["ae", "vae", "random"])
    drawn = scores["readout"].ne("mean") & scores["model"].eq("vae")
    base = scores["model"].map({"ae": 0.6, "vae": 0.6, "random": 0.05}) + 0.01 * scores["seed"]
    for cost, told in ((0.3, "Read the mean, not a sample. "), (0.0, "undecided here. ")):
        value = base - cost * drawn + (0.01 if not cost else 0) * drawn * scores["seed"].map({0: 1, 1: -1, 2: 0})
        page = composed(study, scores.assign(value=value), units)
        assert told in page.first.advice
        assert "exceeds 1 nat" in page.first.advice


def test_a_study_without_contrasts_has_neither_numbers_nor_advice() -> None:
    first = composed(a_study(pairs=[]), *usual()).first
    assert first.answer[0] == "The study declares no contrast, so there is no answer."
    assert first.advice == ""
    assert not [number for number in first.numbers if number.label.startswith("of the ")]
