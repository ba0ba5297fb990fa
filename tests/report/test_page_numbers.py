"""Every number on the page is in the frames, and every number of the frames is on the page."""

from __future__ import annotations

import html
import re

import pandas as pd
import pytest
from pages import OVERLAP, Large, Reader, a_study, composed, number, rendered, section_of, table_of, usual

from benchmark.report import numbers
from benchmark.report.blocks import Link, Terms
from benchmark.report.labels import CONTROL, metric_named
from benchmark.report.page import Page
from benchmark.statistics import FAMILY, contrasts, over_datasets, summarise


def test_every_score_on_the_page_is_the_frames() -> None:
    frames = usual(statuses={("cora", "vae", 1): "failed", ("digits", "vgae", 0): "diverged"})
    page, _ = rendered(a_study(), frames)
    reader, seen = Reader(page), 0
    for (dataset, task), part in summarise(frames[0]).groupby(["dataset", "task"]):
        table = reader.table(f"{task} on {dataset}, %")
        head = table.rows[0]
        rows = {(row[0], row[1]): row for row in table.rows[1:] if len(row) == len(head)}
        for row in part.to_dict("records"):
            model = "random (chance)" if row["model"] == "random" else row["model"]
            cells = rows[model, row["readout"] if model.startswith("v") else "point"]
            column = next(place for place, text in enumerate(head) if text[:-2] == metric_named(row["metric"]).label)
            mean, sd = map(number, cells[column].split(" ± "))
            assert mean == pytest.approx(100 * row["mean"], abs=0.0501)
            assert sd == pytest.approx(100 * row["sd"], abs=0.0501)
            assert cells[-1].split()[0] == str(row["seeds"])
            assert (row["failed"] > 0) == ("failed" in cells[-1])
            assert (row["diverged"] > 0) == ("diverged" in cells[-1])
            seen += 1
    ours = (table for table in reader.tables if table.caption != "Ours beside published numbers")
    shown = sum(text.count("±") for table in ours for row in table.rows for text in row)
    assert shown == seen


def test_every_difference_on_the_page_is_the_frames(six: Large) -> None:
    study, reader = six.study, Reader(six.page)
    differences = differences_of(six)
    for contrast in study.contrasts:
        table = reader.table(f"{contrast.name}, in points")
        section, seen = "", 0
        for cells in table.rows[1:]:
            if len(cells) == 1:
                section = cells[0]
                continue
            task = section.split(",")[0]
            here = differences[differences["contrast"].eq(contrast.name) & differences["task"].eq(task)]
            row = here[here["dataset"].eq(cells[0])].iloc[0]
            assert number(cells[1]) == pytest.approx(100 * row["difference"], abs=0.00501)
            low, high = map(number, cells[2].split(" to "))
            assert (low, high) == pytest.approx((100 * row["low"], 100 * row["high"]), abs=0.00501)
            assert cells[3] == f"{row['cells']}, {row['graphs']}"
            low, high = map(number, cells[4].split(" to "))
            assert (low, high) == pytest.approx((100 * row["single_low"], 100 * row["single_high"]), abs=0.00501)
            assert number(cells[5]) == pytest.approx(100 * row["sd"], abs=0.00501)
            assert ("corrected" in section) == (row["interval"] == "corrected t")
            assert cells[10] == (row["word"] or "no signal")
            assert (cells[11] == "–") == (row["word"] != "undecided")
            assert cells[12].split(" (")[0] == numbers.share_of_lead(row["share"])
            assert cells[13] == (row["share_word"] or "–")
            seen += 1
        assert seen == differences["contrast"].eq(contrast.name).sum()
    table = reader.table("Pooled questions over datasets of evidence")
    families = dict(zip(six.units["dataset"], six.units["dataset_family"], strict=True))
    overall = over_datasets(differences, families, study.analysis.words, seed=0)
    rows = [cells for cells in table.rows[1:] if len(cells) > 1]
    assert overall["datasets"].ge(5).any()
    in_families = overall.sort_values(FAMILY, kind="stable", key=lambda names: names.map(list(names.unique()).index))
    assert len(rows) == len(overall)
    shown = {tuple(cells) for cells in rows}
    for row in in_families.to_dict("records"):
        (cells,) = (
            cells
            for cells in shown
            if cells[2] == numbers.share_of_lead(row["share"])
            and cells[3] == numbers.lead_interval(row["low"], row["high"])
            and cells[0].startswith(row["task"])
            and cells[1] == row["role"]
            and cells[7].split(" (")[0] == str(row["datasets"])
            and cells[11] == (row["word"] or "–")
        )
        assert (cells[2] == "–") == (cells[3] == "–") == (row["datasets"] < 5)
        assert cells[6] == numbers.points(row["difference"])


def differences_of(six: Large) -> pd.DataFrame:
    study = six.study
    return contrasts(six.scores, study.contrasts, OVERLAP, study.analysis, chance=CONTROL, units=six.units)


def test_the_scoreboard_holds_every_effect_and_word(six: Large) -> None:
    table = Reader(six.page).table("Difference in points, and word")
    found = differences_of(six)
    contrast, seen = "", 0
    for cells in table.rows[1:]:
        if len(cells) == 1:
            contrast = cells[0].rsplit(" (", 1)[0]
            continue
        task = cells[0].split(",")[0]
        for name, text in zip(table.rows[0][1:], cells[1:], strict=True):
            here = found[found["contrast"].eq(contrast) & found["task"].eq(task) & found["dataset"].eq(name)]
            words = here["word"].where(here["word"].ne(""), "no signal")
            shown = text.removesuffix(" (derived graph)")
            wanted = [f"{numbers.points(d, 1)} {w}" for d, w in zip(here["difference"], words, strict=True)]
            assert (wanted or ["–"]) == [shown]
            assert (shown != text) == here["graphs"].eq("derived").any()
            seen += len(here)
    assert seen == len(found)


def test_the_markdown_has_the_numbers_of_the_page(six: Large) -> None:
    lines = [line for line in six.markdown.splitlines() if line.startswith("|") and ":---" not in line]
    in_markdown = [
        [html.unescape(re.sub(r"\\(.)", r"\1", cell.strip())) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
    ]
    in_page = [
        [f"**{text}**" if bold else text for text, bold in zip(row, bolds, strict=True)]
        for table in Reader(six.page).tables
        for row, bolds in zip(table.rows, table.bold, strict=True)
    ]
    assert len(in_markdown) == len(in_page)
    for ours, theirs in zip(in_markdown, in_page, strict=True):
        assert ours == theirs if len(theirs) > 1 else ours[0] == f"*{theirs[0]}*"


def test_two_metrics_of_one_task_are_two_rows() -> None:
    asked = [{"task": "k-means", "metric": "nmi"}, {"task": "k-means", "metric": "ari"}]
    sides = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    study = a_study(datasets=["cora"], pairs=[], contrasts=[{"name": "both", "primary": asked} | sides])
    scores, units = usual(datasets={"cora": True})
    scores.loc[scores["metric"].eq("ari") & scores["model"].eq("vae"), "value"] += 0.5
    scoreboard = table_of(composed(study, scores, units), "Difference in points, and word")
    nmi, ari = (row.cells for row in scoreboard.groups[0].rows)
    assert [nmi[0].text, ari[0].text] == ["k-means, NMI", "k-means, ARI"]
    assert number(ari[1].text.split()[0]) > number(nmi[1].text.split()[0]) + 20


def facts_of(page: Page) -> dict[str, tuple[str | Link, ...]]:
    """Return the facts of the run by their labels."""
    (terms,) = [block for block in section_of(page, "run").blocks if isinstance(block, Terms)]
    return {term.name: term.lines for term in terms.items}


def test_how_it_was_run_adds_up() -> None:
    scores, units = usual(seeds=2)
    facts = facts_of(composed(a_study(seeds=2), scores, units))
    assert facts["training, all units"] == (numbers.duration(units["seconds"].sum()),)
    assert facts["scoring, all units"] == (numbers.duration(units["scoring_seconds"].sum()),)
    assert facts["versions"] == ("numpy 2.0, torch 2.9",)
    assert facts["command"] == ("latents run made-up",)
    assert facts["seeds"] == ("0–1",)
    assert facts["replicas trained together"] == ("1",)


def test_the_execution_of_training_steps_is_told_if_a_gpu_trained() -> None:
    scores, units = usual(seeds=2)
    assert "training steps on a GPU" not in facts_of(composed(a_study(seeds=2), scores, units))
    units["execution"] = "captured"
    units.loc[units.index[:3], "execution"] = "plain: chosen"
    facts = facts_of(composed(a_study(seeds=2), scores, units))
    assert facts["training steps on a GPU"] == (
        f"captured ({len(units) - 3} units)",
        "plain: chosen (3 units)",
    )


def test_batches_that_memory_did_not_hold_are_counted() -> None:
    scores, units = usual(seeds=2)
    units.loc[units.index[:3], "halved"] = [1, 2, 1]
    facts = facts_of(composed(a_study(seeds=2), scores, units))
    assert facts["replicas trained together"] == ("1", "fewer than planned for 3 units, because memory ran out")
