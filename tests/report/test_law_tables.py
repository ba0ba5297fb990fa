"""The law of retention in the report, on frames of a real run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import make_frames
from resolved import study_named

from benchmark.report import numbers
from benchmark.report.figures import law_curve
from benchmark.report.figures.best_predictor import best_predictor
from benchmark.report.found import Found, find
from benchmark.report.sections.explanations import predictor_sentences
from benchmark.report.tables.law_tables import explanation_tables, law_tables
from benchmark.report.tables.table_parts import Table
from benchmark.report.texts import law_notes
from benchmark.results.frames import read_frames
from benchmark.statistics.law import CONSTANTS, SEEN, ZERO

FOLDER = Path(__file__).parents[1] / "data/frames"


@pytest.fixture(scope="module")
def found() -> Found:
    scores, units = read_frames(FOLDER, "rate")
    here = ["cora", "digits"]
    scores, units = (frame[frame["dataset"].isin(here)].reset_index(drop=True) for frame in (scores, units))
    return find(study_named("rate"), scores, units, {}, None)


@pytest.fixture(scope="module")
def tables(found: Found) -> dict[str, Table]:
    assert found.law is not None
    return {table.name: table for table in (*law_tables(found.law), *explanation_tables(found.law))}


def texts_of(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for group in table.groups for row in group.rows]


def test_seen_data_are_described_and_not_judged(found) -> None:
    assert (found.law.word, found.law.against) == ("not judged", ("no fresh cells",))
    assert law_notes(found.law, found.study.analysis.law)[0].endswith("not judged (no fresh cells).")


def test_the_error_on_the_page_is_that_of_the_cells(found, tables) -> None:
    cells = found.law.cells
    off = (cells["predicted"] - cells["retention"]).abs()[cells["informative"]]
    here = cells[cells["informative"]]
    error = off.groupby([here["dataset"], here["task"]]).mean().groupby(level=0).mean().mean()
    rows = {(row[0], row[1]): row for row in texts_of(tables["law-errors"])}
    assert rows[CONSTANTS, SEEN][2] == numbers.thousandths(error)
    assert float(rows[ZERO, SEEN][2]) < 0.15


def test_the_worst_dataset_is_bold(tables) -> None:
    group = next(each for each in tables["law-parts"].groups if each.label == "dataset, seen cells")
    errors = [(float(row.cells[3].text), row.cells[3].bold) for row in group.rows]
    assert [bold for _, bold in sorted(errors)] == [False, True]


def test_every_rival_is_shown_also_if_it_was_not_measured(found, tables) -> None:
    rows = texts_of(tables["law-rivals"])
    assert {*found.study.analysis.law.rivals, "constant", "signal · d^0", "signal · d^1", "between"} <= {
        row[0] for row in rows
    }
    assert next(row for row in rows if row[0] == "between")[3:5] == ["0 %", numbers.ABSENT]


def test_within_datasets_a_sample_loses_less_with_more_signal(found) -> None:
    ranks = found.law.ranks.set_index(["predictor", "outcome", "task"])
    assert ranks.loc[("signal", "loss", "k-means"), "most"] < -0.5


def test_the_figure_has_a_panel_for_each_predictor_and_task_and_all_cells(found) -> None:
    chart = law_curve(found.law, found.study.analysis.law, found.units, found.retained)
    assert chart.switch == ("predictor", "task")
    assert [group.title for group in chart.groups][:2] == ["√d · signal-to-noise ratio", "rate, nats"]
    for group in chart.groups:
        assert [panel.subject.task for panel in group.panels] == [
            *(("k-means",), ("logistic-regression-few",), ("link-inner-product",), ("link-hadamard",))
        ]
    assert len(chart.data) == len(found.law.cells)
    assert np.isfinite(chart.data["predictor"]).all()
    error = found.law.errors.set_index(["form", "cells_are"]).loc[(CONSTANTS, SEEN), "error"]
    assert f"{numbers.percent(error)} points on seen cells" in chart.caption
    assert "noise by hand" not in chart.caption  # the study has none


def test_the_figure_draws_noise_by_hand_at_its_strength(found) -> None:
    by_hand = found.retained[found.retained["readout"].eq("sampled")].assign(readout="noise-3")
    retained = pd.concat([found.retained, by_hand])
    chart = law_curve(found.law, found.study.analysis.law, found.units, retained)
    count = int((by_hand["defined"].astype(bool)).sum())
    assert f"Crosses: {count:,} cells with noise by hand" in chart.caption
    assert chart.series[-1].label == "noise by hand"


def test_a_study_without_enough_cells_has_no_law() -> None:
    scores, units = make_frames(datasets={"one": False}, models=["ae", "raw"])
    assert find(study_named("smoke"), scores, units, {}, None).law is None


def test_rivals_are_drawn_with_their_errors_and_the_law_is_one_of_them(found: Found) -> None:
    chart = best_predictor(found.law, 0.08)
    assert chart is not None
    assert "the law" in set(chart.data["predictor"])
    words = " ".join(str(panel.inline) for panel in chart.groups[0].panels)
    for row in chart.data.to_dict("records"):
        assert f"{row['predictor']} {numbers.thousandths(row['error'])}" in words
    (said,) = predictor_sentences(found.law)
    rivals = chart.data[chart.data["role"].eq("rival")].sort_values("error", kind="stable")
    assert f"The best of {len(rivals)} rivals is {rivals['predictor'].iloc[0]}: " in said
    assert best_predictor(None, 0.08) is None
    assert predictor_sentences(None) == ()
