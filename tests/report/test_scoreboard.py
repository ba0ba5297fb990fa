"""The scoreboard and the table of rates: rates, flags, tints, and links to the rows of the contrasts."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from statistics import median

import pytest
from pages import OVERLAP, a_study, usual

from benchmark.report.found import Found, find
from benchmark.report.numbers import points
from benchmark.report.tables.contrast_tables import contrast_table, scoreboard_table
from benchmark.report.tables.rate_table import rate_table
from benchmark.report.tables.table_parts import Table, TableCell

RATES = {"vae": (0.5, 0.2, 0.3), "vgae": (30.0, 20.0, 40.0)}


@cache
def judged() -> Found:
    """``vae`` is collapsed, ``gae`` on cora degenerate in seed 0, and ``vgae`` on digits has a derived graph."""
    scores, units = usual()
    found = [
        {
            "distinct_rows": 1 if (data, model, seed) == ("cora", "gae", 0) else 500,
            "effective_rank": 9.0 + seed,
            "signal_per_dimension": [1.0] * 16,
            "divergence": RATES[model][seed] if model in RATES else None,
            "signal_to_noise_ratio": 2.0**seed if model in RATES else None,
            "active_units": 10 + seed,
        }
        for data, model, seed in zip(units["dataset"], units["model"], units["seed"], strict=True)
    ]
    return find(a_study(), scores, units.assign(diagnostics=list(map(json.dumps, found))), OVERLAP, None)


def scoreboard(found: Found) -> Table:
    roles = {each.name: each.role for each in found.declared}
    return scoreboard_table(found.contrasts, found.trained, found.declared, found.datasets, roles, found.models)


def cells_of(table: Table) -> dict[tuple[str, str, str], TableCell]:
    """Return the cells by the label of the group, the first text of the row, and the column."""
    return {
        (group.label, row.cells[0].text, column.label): cell
        for group in table.groups
        for row in group.rows
        for column, cell in zip(table.columns[1:], row.cells[1:], strict=True)
    }


def test_a_cell_of_the_scoreboard_has_the_rate_of_the_noisy_side_and_flags() -> None:
    cells = cells_of(scoreboard(judged()))
    task = "logistic-regression-few, accuracy"
    assert cells["vae mean − ae (confirmatory)", task, "cora"].small == "0.30 nats · collapsed"
    assert cells["vgae mean − gae (confirmatory)", task, "digits"].small == "30.0 nats · derived graph"
    lost = cells["vgae mean − gae (confirmatory)", task, "cora"]
    assert lost.text.endswith(" unreliable")
    assert lost.small == "30.0 nats · 1 degenerate"
    assert lost.tint == ""
    assert dict(lost.data)["flags"] == "1 degenerate"


def test_each_cell_leads_to_its_own_row() -> None:
    found = judged()
    linked = [cell.href for cell in cells_of(scoreboard(found)).values() if cell.href]
    rows = {
        row.anchor: row
        for each in found.declared
        for group in contrast_table(each, found.contrasts, found.datasets, found.models).groups
        for row in group.rows
    }
    assert sorted(linked) == sorted(f"#{anchor}" for anchor in rows)
    for (_, _, dataset), cell in cells_of(scoreboard(found)).items():
        if cell.href:
            row = rows[cell.href[1:]]
            assert row.cells[0].text == dataset
            assert cell.text.split()[0] == points(dict(row.cells[1].data)["points"] / 100, 1)


@pytest.mark.parametrize(
    ("difference", "low", "high", "word", "tint"),
    [
        (0.015, 0.011, 0.019, "better", "better-1"),
        (-0.03, -0.04, -0.005, "somewhat worse", "worse-2"),
        (-0.3, -0.4, -0.2, "worse", "worse-3"),
        (0.005, 0.001, 0.009, "same", ""),
        (0.3, -0.1, 0.7, "undecided", ""),
        (0.3, 0.2, 0.4, "", ""),
    ],
)
def test_the_tint_follows_the_size_of_an_effect_beyond_zero(
    difference: float, low: float, high: float, word: str, tint: str
) -> None:
    found = judged()
    row = {"difference": difference, "low": low, "high": high, "word": word, "margin": 0.01}
    board = scoreboard(replace(found, contrasts=found.contrasts.assign(**row)))
    assert {cell.tint for cell in cells_of(board).values() if cell.href} == {tint}


def test_the_table_of_rates_has_medians_over_usable_seeds() -> None:
    found = judged()
    table = rate_table(found.units, found.trained, a_study(), found.models)
    assert table is not None
    cells = cells_of(table)
    assert cells["rate, nats a row", "vae", "cora"].line == "0.30 (collapsed)"
    assert dict(cells["rate, nats a row", "vgae", "digits"].data) == {"": median(RATES["vgae"])}
    assert cells["signal-to-noise ratio", "vgae", "cora"].text == "2.00"
    assert cells["active units", "ae", "digits"].text == "11"
    assert cells["effective rank of the mean", "gae", "digits"].text == "10.00"
    assert cells["effective rank of the mean", "gae", "cora"].line == "10.50 (1 of 3 degenerate)"
    assert {model for group, model, _ in cells if group == "rate, nats a row"} == {"vae", "vgae"}
    assert not {"raw", "random (chance)"} & {model for _, model, _ in cells}
    failed = found.units.assign(status="failed")
    assert rate_table(failed, found.trained, a_study(), found.models) is None
