"""The page of unusual results: few seeds, few datasets, failures, and missing parts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from frames import ASKED_TASKS
from pages import (
    MODELS,
    OVERLAP,
    SIX,
    Reader,
    a_study,
    chart_of,
    composed,
    rendered,
    section_of,
    sentences_of,
    table_of,
    usual,
)

from benchmark.core.errors import InputError
from benchmark.core.rng import generator
from benchmark.latents.readouts import READOUTS
from benchmark.report.after_looking import AFTER_LOOKING
from benchmark.report.blocks import Folded, Terms, within
from benchmark.report.found import find
from benchmark.report.labels import metric_named
from benchmark.report.page import Page, compose
from benchmark.report.render import render_html, render_markdown
from benchmark.report.tables.how_it_was_run import dataset_remarks
from benchmark.report.tables.score_tables import best_shown
from benchmark.report.tables.table_parts import Table
from benchmark.report.texts import DEMONSTRATION, readout_meaning
from benchmark.results.frames import combine_frames
from benchmark.study.analysis import Gates
from benchmark.study.combine import together
from benchmark.study.declaration import Earlier, declare, read_declaration
from benchmark.study.schema import Study


def test_an_unknown_metric_is_named() -> None:
    sides = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    wrong = [{"name": "c", "primary": [{"task": "k-means", "metric": "nmii"}]} | sides]
    with pytest.raises(InputError, match="contrast 'c': unknown metric 'nmii'; did you mean 'nmi'"):
        composed(a_study(contrasts=wrong), *usual())


def test_combined_studies_lack_only_what_each_of_them_asked_for() -> None:
    one = a_study(name="one", datasets=["cora"], models=["ae"], pairs=[])
    other = a_study(name="other", datasets=["digits"], models=["gae"], pairs=[])
    parts = [
        usual(datasets={"cora": True}, models=("ae",)),
        usual(datasets={"digits": False}, models=("gae",), seeds=2),
    ]
    frames = combine_frames(parts)
    page = compose(find(together([one, other]), *frames, OVERLAP, None, [one, other]), {}, lambda _: "")
    short = [sentence for sentence in sentences_of(section_of(page, "failures")) if sentence.startswith("Fewer than")]
    assert short == ["Fewer than the study’s 3 seeds: gae on digits (2). The number of seeds is in brackets."]
    assert not any("cora" in sentence for sentence in sentences_of(section_of(page, "failures")))


def bold_of(table: Table) -> list[tuple[str, str, int]]:
    return [
        (row.cells[0].text, row.cells[1].text, place)
        for group in table.groups
        for row in group.rows
        for place, cell in enumerate(row.cells)
        if cell.bold
    ]


def test_bold_are_the_best_as_they_read_controls_included() -> None:
    scores, units = usual(datasets={"cora": True}, tasks=("k-means",), seeds=1)
    levels = {"ae": 0.70004, "vae": 0.6, "gae": 0.6, "vgae": 0.69996, "raw": 0.69996, "random": 0.1}
    scores["value"] = scores["model"].map(levels) - 0.01 * scores["readout"].ne("mean")
    table = table_of(composed(a_study(datasets=["cora"]), scores, units), "k-means on cora")
    assert {(model, readout) for model, readout, _ in bold_of(table)} == {
        *(("ae", "point"), ("vgae", "mean"), ("raw", "point"))
    }
    assert [group.label for group in table.groups] == ["", "controls and chance"]
    assert [row.cells[0].text for row in table.groups[1].rows] == ["raw", "random (chance)"]


def test_scores_that_tell_little_are_flagged() -> None:
    scores, units = usual(datasets={"cora": True, "wine": True}, tasks=("k-means", "link-hadamard"), seeds=2)
    values = {("ae", "nmi"): 1.0, ("vae", "ami"): 0.0, ("gae", "acc"): 0.0, ("gae", "auc"): 0.5, ("raw", "auc"): 1.0}
    scores["value"] = scores["value"].clip(0.1, 0.9)
    for (model, metric), value in values.items():
        scores.loc[scores["model"].eq(model) & scores["metric"].eq(metric), "value"] = value
    scores = scores[scores["dataset"].ne("cora") | scores["metric"].ne("hits@20")]
    page = composed(a_study(datasets=["cora", "wine"]), scores, units)
    found = {}
    for caption in ("k-means on cora", "link-hadamard on cora"):
        table = table_of(page, caption)
        labels = [column.label for column in table.columns]
        for row in (row for group in table.groups for row in group.rows):
            named = {label: cell for label, cell in zip(labels, row.cells, strict=True) if cell.small}
            found |= {(row.cells[0].text, label): cell.small for label, cell in named.items()}
            assert all(cell.data[-1] == ("flag", cell.small) for cell in named.values())
    assert found == {
        ("ae", "NMI ↑"): "highest possible",
        ("vae", "AMI ↑"): "as of equal rows",
        ("gae", "ACC ↑"): "lowest possible",
        ("gae", "AUC ↑"): "as of equal rows",
        ("raw", "AUC ↑"): "highest possible",
    }
    undefined = table_of(page, "link-hadamard on cora")
    place = [column.label for column in undefined.columns].index("Hits@20 ↑")
    assert {row.cells[place].text for group in undefined.groups for row in group.rows} == {"undefined"}
    assert not any("undefined" in cells_of(table_of(page, f"{task} on wine")) for task in ("k-means", "link-hadamard"))


def test_the_readout_of_a_deterministic_model_is_a_point() -> None:
    page = composed(a_study(), *usual())
    shown = {
        (row.cells[0].text, row.cells[1].text)
        for table in page.tables()
        if [column.label for column in table.columns[:2]] == ["model", "readout"]
        for group in table.groups
        for row in group.rows
    }
    assert {readout for model, readout in shown if not model.startswith("v")} == {"point"}
    assert "point" not in {readout for model, readout in shown if model.startswith("v")}


def test_the_best_follows_the_metrics_direction() -> None:
    higher = metric_named("nmi")
    lower = replace(higher, direction="lower")
    means = pd.Series([0.1, 0.3, np.nan])
    assert best_shown(means, higher) == "30.0"
    assert best_shown(means, lower) == "10.0"
    assert best_shown(means.iloc[2:], higher) == ""


def noise(study: Study, scores: pd.DataFrame, **where: str) -> Page:
    """Compose the page after the scores that ``where`` names are replaced by those of noise."""
    rng = generator(1, "noise", len(scores))
    here = np.logical_and.reduce([scores[column].eq(value) for column, value in where.items()])
    drawn = pd.Series(0.05 + 0.02 * rng.standard_normal(len(scores)), scores.index)
    return composed(study, scores.assign(value=scores["value"].where(~here, drawn)), usual()[1], drawn=True)


SCOREBOARD = "Difference in points, and word"
UNFINISHED = "Units whose loss still fell"


def numbers_of(page: Page) -> list[Table]:
    """Return the table of each contrast."""
    folded = within([section_of(page, "contrasts")])
    return [
        table
        for each in folded
        if isinstance(each, Folded)
        for table in within(each.blocks)
        if isinstance(table, Table)
    ]


def remarks_of(page: Page) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the name of each dataset with remarks, and its remarks without their full stops."""
    terms = [block for block in section_of(page, "datasets").blocks if isinstance(block, Terms)]
    return tuple((term.name, tuple(str(line)[:-1] for line in term.lines)) for each in terms for term in each.items)


def cells_of(table: Table | None) -> list[str]:
    assert table is not None
    return [cell.text for group in table.groups for row in group.rows for cell in row.cells[1:]]


def test_a_cell_without_signal_has_no_word_anywhere_and_is_counted() -> None:
    page = noise(a_study(), usual()[0], dataset="cora", task="k-means")
    silent = [text for text in cells_of(table_of(page, SCOREBOARD)) if text.endswith(" no signal")]
    assert len(silent) == 6  # contrasts of cora in k-means
    for table in numbers_of(page):
        rows = [[cell.text for cell in row.cells] for row in table.groups[0].rows]
        columns = [column.label for column in table.columns]
        cora, digits = (dict(zip(columns, row, strict=True)) for row in rows)
        assert (cora["above chance"], cora["word"], cora["word of the share"]) == ("neither", "no signal", "–")
        assert digits["above chance"] == "both"
    assert sum("2 more have no signal" in sentence for sentence in page.first.answer) == 1  # samples of two pairs
    assert "6 cells without signal or not reliable" in chart_of(page, "forest").caption
    assert chart_of(page, "forest").data["signal"].eq("no signal").sum() == 6


def test_without_scores_of_the_control_every_word_is_kept_and_marked() -> None:
    scores, units = usual()
    control = {"model": "random", "value": 0.05}
    scores = scores.assign(value=scores["value"].mask(scores["model"].eq("random"), control["value"]))
    judged = composed(a_study(), scores, units)
    without = composed(a_study(), *(frame[frame["model"].ne("random")] for frame in (scores, units)))
    starred = cells_of(table_of(without, SCOREBOARD))
    assert starred == [text if text == "–" else f"{text}*" for text in cells_of(table_of(judged, SCOREBOARD))]
    assert {row.cells[9].text for table in numbers_of(without) for group in table.groups for row in group.rows} == {
        "not judged"
    }


def test_under_five_datasets_of_evidence_the_page_is_a_demonstration() -> None:
    for names, demonstration in ((list(SIX)[:4], True), (list(SIX), False)):
        frames = usual(datasets={name: SIX[name] for name in names}, models=("ae", "vae"))
        page, markdown = rendered(a_study(datasets=names, models=["ae", "vae"]), frames)
        for text in (page, markdown):
            assert (f"Small built-in data: {DEMONSTRATION}" in text) == demonstration
            assert text.count(DEMONSTRATION) == demonstration


def test_few_datasets_that_are_not_built_in_are_not_called_so() -> None:
    frames = usual(datasets={name: SIX[name] for name in list(SIX)[:3]}, models=("ae", "vae"))
    frames[1].loc[frames[1]["dataset"].eq(next(iter(SIX))), "built_in"] = False
    page, _ = rendered(a_study(datasets=list(SIX)[:3], models=["ae", "vae"]), frames)
    assert f"Only 3 real datasets: {DEMONSTRATION}" in page


def test_karate_and_synthetic_data_are_no_evidence() -> None:
    scores, units = usual(datasets=SIX, models=("ae", "vae"), not_evidence=("cora", "wine"))
    page = composed(a_study(datasets=list(SIX), models=["ae", "vae"]), scores, units)
    assert page.first.warning == f"Small built-in data: {DEMONSTRATION}."
    assert not [table for table in page.tables() if table.caption.startswith("Pooled")]


def test_one_seed_has_dashes_for_spread_and_interval() -> None:
    page, _ = rendered(a_study(seeds=1), usual(seeds=1), drawn=True)
    reader = Reader(page)
    table = reader.table("k-means on cora, %")
    assert all(text.endswith("± –") for row in table.rows[1:] if len(row) > 1 for text in row[2:-1])
    rows = reader.table("vae mean − ae, in points").rows
    assert all(row[2] == row[4] == row[5] == "–" for row in rows[1:] if len(row) > 1)
    heads, *families = reader.table("Cells of each family by word").rows
    assert heads == ["family", "too few seeds", "cells"]
    assert all(row[1] == row[2] for row in families)
    table = reader.table("Difference in points, and word")
    assert all(text == "–" or " too few seeds" in text for row in table.rows[1:] for text in row[1:])


def test_one_dataset_without_variational_models() -> None:
    study = a_study(datasets=["digits"])
    page, _ = rendered(study, usual(datasets={"digits": False}, models=("ae", "raw")), drawn=True)
    assert "4 confirmatory contrasts, but these results contain none of them, so there is no answer." in page
    assert "Declared, but not in these results: vae mean − ae," in page
    assert "Paired differences" not in page


def test_a_study_that_declares_no_contrast() -> None:
    page, _ = rendered(a_study(pairs=[]), usual(), drawn=True)
    assert "The study declares no contrast, so there is no answer." in page
    assert "The study declares no contrast." in page


def test_a_model_set_against_two_others_is_drawn_apart() -> None:
    arms = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    further = {"name": "vae − raw", "primary": [{"task": "k-means", "metric": "nmi"}], "role": "secondary"} | arms
    scores, units = usual()
    page = composed(a_study(contrasts=[further]), scores, units, drawn=True)
    figure = chart_of(page, "forest")
    assert [group.title for group in figure.groups] == ["vae against ae", "vgae against gae", "vae against raw"]
    assert [len(group.panels) for group in figure.groups] == [3, 3, 1]
    assert len(figure.series) == 3


def test_data_without_labels_has_link_tasks_only() -> None:
    links = ("link-inner-product", "link-hadamard")
    page, _ = rendered(a_study(datasets=["cora"]), usual(datasets={"cora": True}, tasks=links), drawn=True)
    assert "k-means on cora" not in page
    assert "k-means, AMI: not in these results" in page


def test_failed_and_diverged_units_are_named_with_their_message() -> None:
    statuses = {("cora", "vae", seed): "failed" for seed in range(3)} | {("digits", "gae", 2): "diverged"}
    page, _ = rendered(a_study(), usual(statuses=statuses))
    reader = Reader(page)
    rows = reader.table("Units that failed or diverged").rows[1:]
    assert ["cora", "vae", "all-edges", "0–2", "failed", "out of memory"] in rows
    assert ["digits", "gae", "all-edges", "2", "diverged", "loss is not finite at epoch 3"] in rows
    assert len(rows) == 3  # cora has two units
    failed = next(row for row in reader.table("k-means on cora, %").rows if row[:2] == ["vae", "mean"])
    assert failed[2:] == [*["– (failed)"] * 5, "0 (3 failed)"]


def test_everything_failed_is_still_a_page() -> None:
    statuses = {
        (dataset, model, seed): "failed" for dataset in ("cora", "digits") for model in MODELS for seed in range(3)
    }
    page, _ = rendered(a_study(), usual(statuses=statuses), drawn=True)
    assert Reader(page).table("Cells of each family by word").rows[0] == ["family", "too few seeds", "cells"]


def test_parts_of_the_study_that_the_results_lack_are_named() -> None:
    scores, units = usual()
    kept = [~(part["model"].eq("vae") & part["dataset"].eq("cora") & part["seed"].gt(0)) for part in (scores, units)]
    study = a_study(datasets=["cora", "digits", "wine", "photo"], models=[*MODELS, "pca"])
    page, _ = rendered(study, (scores[kept[0]], units[kept[1]]))
    assert "No results of 2 datasets of the study: wine, photo." in page
    assert "No results of 1 model of the study: pca." in page
    assert "Fewer than the study’s 3 seeds: vae on cora (1). The number of seeds is in brackets." in page


def test_the_page_says_what_was_left_out_of_a_dataset_and_why_it_was_scaled() -> None:
    scores, units = usual()
    cora = units["dataset"].eq("cora")
    units.loc[cora, "notes"] = json.dumps(["weights of edges are left out", "15 of 648 rows have no label"])
    units.loc[cora, "unlabelled"], units.loc[cora, "scaling_reason"] = 15, "every value is 0 or 1"
    page = composed(a_study(), scores, units)
    for text in (render_html(page), render_markdown(page)):
        assert "Weights of edges are left out." in text
        assert "15 of 648 rows have no label." in text
        assert "is left out:" not in text
    assert [name for name, _ in remarks_of(page)] == ["cora"]
    about, other = ([cell.text for cell in row.cells] for row in table_of(page, "The datasets").groups[0].rows)
    assert (about[2], about[7]) == ("648 (15 unlabelled)", "unit (every value is 0 or 1)")
    assert (other[2], other[7]) == ("722", "unit")


def test_the_page_names_the_latents_that_a_task_leaves_out() -> None:
    tasks = (*ASKED_TASKS, "gaussian-mixture")
    scores, units = usual(datasets={"cora": True, "wine": True}, tasks=tasks)
    study = a_study(datasets=["cora", "wine"], tasks=list(tasks))
    assert dataset_remarks(units, scores, study) == ()
    of_cora = scores["dataset"].eq("cora") & scores["task"].eq("gaussian-mixture")
    lacks = scores[~(of_cora & scores["model"].eq("vae") & scores["readout"].ne("mean"))]
    told = (
        "Gaussian-mixture leaves out vae (sampled, averaged-4): it takes latents of at most 64 columns, with 10 rows "
        "for each class and column"
    )
    page = composed(study, lacks, units)
    assert remarks_of(page) == (("cora", (told,)),)
    for text in (render_html(page), render_markdown(page)):
        assert told in text
    for without, words in (("vae", "vae"), ("", "all latents")):
        lacks = scores[~(of_cora & scores["model"].str.startswith(without))]
        ((_, (remark,)),) = dataset_remarks(units, lacks, study)
        assert remark.startswith(f"Gaussian-mixture leaves out {words}: it takes")


def test_the_page_names_the_latents_at_chance_because_a_task_failed() -> None:
    scores, units = usual(datasets={"cora": True, "wine": True})
    study = a_study(datasets=["cora", "wine"])
    here = (scores[["dataset", "model", "task"]] == ["wine", "vae", "k-means"]).all(axis=1) & scores["seed"].lt(2)
    noted = scores.assign(note=scores["note"].mask(here & scores["readout"].ne("averaged-4"), "all rows are equal"))
    told = "K-means scores 6 latents at chance because all rows are equal: vae (mean: 2), vae (sampled: 4)"
    page = composed(study, noted, units)
    assert remarks_of(page) == (("wine", (told,)),)
    for text in (render_html(page), render_markdown(page)):
        assert told in text
    of_rows = noted.assign(unit=noted["unit"].mask(here, "held-out-rows"))
    assert remarks_of(composed(study, of_rows, units)) == (("wine", (told,)),)
    assert dataset_remarks(units, noted.assign(status=noted["status"].mask(here, "diverged")), study) == ()


def test_the_page_says_why_a_dataset_lacks_a_metric_unless_its_scores_failed() -> None:
    scores, units = usual(datasets={"cora": True, "wine": True})
    lacks = scores[scores["dataset"].ne("cora") | scores["metric"].ne("hits@20")]
    study = a_study(datasets=["cora", "wine"])
    page = composed(study, lacks, units)
    assert remarks_of(page) == (("cora", ("Hits@20 is left out: fewer than 20 test non-edges",)),)
    for text in (render_html(page), render_markdown(page)):
        assert "Hits@20 is left out: fewer than 20 test non-edges." in text
    failed = lacks["task"].str.startswith("link")
    lacks = lacks.assign(status=lacks["status"].mask(failed, "failed"), value=lacks["value"].mask(failed))
    assert dataset_remarks(units, lacks, study) == ()


def test_variants_are_rows_of_their_own() -> None:
    scores, units = usual(variants={"vae": "beta=0.1"})
    page = composed(a_study(), scores, units)
    models = [row.cells[0].text for row in table_of(page, "k-means on cora").groups[0].rows]
    assert "vae (beta=0.1)" in models


def test_every_readout_is_explained() -> None:
    meanings = {readout_meaning(readout.name) for readout in READOUTS}
    assert len(meanings) == len(READOUTS)
    assert not any("{" in meaning for meaning in meanings)


def test_units_that_could_have_trained_longer_are_counted_by_dataset() -> None:
    page = composed(a_study(), *usual())
    table = table_of(page, UNFINISHED)
    assert [[cell.text for cell in row.cells] for row in table.groups[0].rows] == [["ae", "2 of 6", "1 of 3"]]
    scores, units = usual()
    page = composed(a_study(), scores, units.assign(still_falling=False))
    assert not [table for table in page.tables() if table.caption.startswith(UNFINISHED)]


def test_the_models_are_described_by_their_rows() -> None:
    scores, units = usual()
    page = composed(a_study(), scores, units.assign(note="said in a line"))
    ae, vae = ([cell.text for cell in row.cells] for row in table_of(page, "The models").groups[0].rows[:2])
    assert ae[1:] == [
        "point",
        "bernoulli",
        "reconstruction",
        "estimator B, hidden 32, latent 16",
        "made up; said in a line",
    ]
    assert vae[1] == "gaussian, h = log σ²"


def test_frames_of_another_version_are_refused_in_one_line() -> None:
    scores, units = usual()
    with pytest.raises(InputError, match=r"units: columns are missing: note\. .* Run the study again"):
        composed(a_study(), scores, units.drop(columns="note"))


def test_frames_of_two_runs_are_refused() -> None:
    scores, units = usual()
    with pytest.raises(InputError, match="keys have no unit"):
        composed(a_study(), scores, units[units["model"].ne("vae")])
    with pytest.raises(InputError, match="no results to report"):
        composed(a_study(), scores.iloc[:0], units.iloc[:0])


def test_a_changed_gate_marks_every_table_that_it_shapes(tmp_path) -> None:
    study = a_study()
    declare(study, tmp_path, Earlier())
    declaration = read_declaration(tmp_path, study.name)
    gates = Gates(least_rank=1.6)
    later = study.model_copy(update={"analysis": study.analysis.model_copy(update={"gates": gates})})
    before, after = (compose(find(each, *usual(), OVERLAP, declaration), {}, lambda _: "") for each in (study, later))
    assert sum(table.concludes for table in after.tables()) > 5
    for table, same in zip(after.tables(), before.tables(), strict=True):
        assert table.concludes is same.concludes
        assert table.caption == f"{same.caption} ({AFTER_LOOKING})" if same.concludes else table.caption == same.caption
    assert "gates.least_rank was 1.5 and is 1.6." in after.first.about
    assert later.analysis.digest in after.first.about
    assert AFTER_LOOKING not in before.first.about
    assert after.files().keys() != before.files().keys()
    assert sorted(after.files().values()) == sorted(before.files().values())
