"""The page names the models that do not train, and keeps their scores out of the contrasts."""

from __future__ import annotations

import json

import pandas as pd
from pages import OVERLAP, Reader, a_study, rendered, usual

from benchmark.report import build
from benchmark.report.found import find
from benchmark.report.tables.trained_table import trained_sentences, trained_table
from benchmark.study.analysis import Gates

CAPTION = "Trains at all, and at which rate"


def broken() -> tuple[pd.DataFrame, pd.DataFrame]:
    """``gae`` on cora has equal rows in seed 0 and diverged in seed 1, and ``vae`` on digits collapsed."""
    scores, units = usual(statuses={("cora", "gae", 1): "diverged"})
    full = {"distinct_rows": 500, "effective_rank": 9.0, "signal_per_dimension": [1.0] * 16, "divergence": 12.0}
    found = [
        full
        | ({"distinct_rows": 1, "effective_rank": 0.0} if (data, model, seed) == ("cora", "gae", 0) else {})
        | ({"divergence": 0.01, "active_units": 0} if (data, model) == ("digits", "vae") else {})
        for data, model, seed in zip(units["dataset"], units["model"], units["seed"], strict=True)
    ]
    return scores, units.assign(diagnostics=[json.dumps(each) for each in found])


def test_the_page_lists_cells_that_do_not_train_or_collapsed() -> None:
    page, _ = rendered(a_study(), broken())
    table = Reader(page).table(CAPTION)
    assert table.rows[0] == ["model", "unit", "alive", "share, %", "95 % interval", "rate, nats", "faults", "flags"]
    seeds = len(set(broken()[1]["seed"]))
    (gae,) = (row for row in table.rows if row[0] == "gae")
    assert gae[1:3] == ["all-edges, training-edges", f"{seeds - 2} of {seeds}"]
    assert gae[6:] == ["all rows are equal: 1; diverged: 1", "unreliable"]
    (vae,) = (row for row in table.rows if row[0] == "vae")
    assert vae[2:4] == [f"{seeds} of {seeds}", "100.0"]
    assert vae[5:] == ["0.01", "–", "collapsed, short of classes"]
    assert {row[0] for row in table.rows[1:] if len(row) > 1} == {"gae", "vae"}
    assert "degenerate: all rows are equal" not in page


def test_contrasts_leave_out_degenerate_and_diverged_units() -> None:
    scores, units = broken()
    study = a_study()
    found = find(study, scores, units, OVERLAP, None)
    complete = (frame.assign(status="complete") for frame in (scores, units.assign(diagnostics="{}")))
    whole = find(study, *complete, OVERLAP, None)
    assert len(found.contrasts) == len(whole.contrasts)
    ours = found.contrasts.set_index(["contrast", "task", "metric", "dataset"])["seeds"]
    theirs = whole.contrasts.set_index(["contrast", "task", "metric", "dataset"])["seeds"]
    sides = {contrast.name: {contrast.first.model, contrast.second.model} for contrast in study.contrasts}
    touched = [dataset == "cora" and "gae" in sides[name] for name, _, _, dataset in ours.index]
    assert (theirs - ours).tolist() == [2 if hit else 0 for hit in touched]
    assert any(touched)
    as_chance = found.as_chance.set_index(["contrast", "task", "metric", "dataset"])["seeds"]
    assert as_chance.equals(theirs)
    assert whole.as_chance.empty


def test_a_table_compares_differences_with_chance_for_dead_units() -> None:
    page, _ = rendered(a_study(), broken())
    table = Reader(page).table("Differences in points, if degenerate and diverged units score as chance")
    rows = [row for row in table.rows[1:] if len(row) > 1]
    assert rows
    assert all(int(row[3]) + 2 == int(row[5]) for row in rows)
    assert all(row[2] != row[4] for row in rows)


def test_the_sentences_count_units_and_cells() -> None:
    scores, units = broken()
    found = find(a_study(), scores, units, OVERLAP, None)
    said = trained_sentences(found.trained, Gates())
    seeds = int(found.trained.loc[found.trained["trained"], "seeds"].sum())
    assert said[0] == f"Of {seeds} units of trained models, {seeds - 4} are alive, 2 degenerate and 2 diverged."
    assert said[1].startswith(f"Unreliable cells: 2 of {found.trained['trained'].sum()}. In each, 10 % or more")
    assert said[2].startswith("Collapsed cells: 1, with a median rate below 1 nat a row.")
    assert len(said) == 3


def test_results_in_which_all_train_have_no_table() -> None:
    scores, units = usual()
    found = find(a_study(), scores, units, OVERLAP, None)
    assert trained_table(found.trained, found.units, a_study(), found.models) is None
    assert "Differences in points, if degenerate" not in rendered(a_study(), (scores, units))[0]


def test_the_page_of_records_names_the_fault(tmp_path) -> None:
    build(a_study(), *broken(), tmp_path, OVERLAP)
    assert "complete, degenerate: all rows are equal" in (tmp_path / "records.html").read_text(encoding="utf-8")
    told = pd.read_csv(tmp_path / "data" / "trains-at-all.csv")
    assert told.loc[~told["reliable"], "model"].tolist() == ["gae", "gae"]
