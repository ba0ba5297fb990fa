"""The section on indices without labels: its numbers are those of the frames, and it is there only if asked for."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from frames import ASKED_TASKS, key_of
from pages import OVERLAP, SIX, Reader, a_study, number, rendered, table_of, usual

from benchmark.core.rng import generator
from benchmark.report import build
from benchmark.report.found import find
from benchmark.report.page import compose
from benchmark.report.render import render_html, render_markdown
from benchmark.results.frame_schema import STABILITY
from benchmark.statistics import kendall_tau_b, stability, summarise

TASKS = (*ASKED_TASKS, "k-means-without-labels")


def compared(scores):
    """The agreement of every pair of seeds: numbers without a meaning."""
    here = scores[scores["task"].eq(TASKS[-1]) & scores["draw"].eq(0) & scores["metric"].eq("silhouette")]
    rows = []
    for names, of_seed in here.groupby(["dataset", "model", "variant", "unit", "readout"]):
        row = dict(zip(("dataset", "model", "variant", "unit", "readout"), names, strict=True))
        row |= {"draw": 0, "task": TASKS[-1], "repeat": 0, "version": 1}
        for seed, other in combinations(of_seed["seed"], 2):
            ends = {"key": key_of(row | {"seed": seed}), "other_key": key_of(row | {"seed": other})}
            ari = float(generator(seed, *names, other).uniform(-0.1, 1))
            rows.append(row | ends | {"seed": seed, "other_seed": other, "ari": ari})
    return STABILITY.frame(rows)


@pytest.fixture(scope="module")
def given():
    scores, units = usual(datasets=SIX, tasks=TASKS)
    return a_study(datasets=list(SIX), tasks=list(TASKS)), scores, units, compared(scores)


@pytest.fixture(scope="module")
def page(given):
    study, scores, units, pairs = given
    return compose(find(study, scores, units, OVERLAP, None, pairs=pairs), {}, lambda _: "")


@pytest.fixture(scope="module")
def values(given):
    """Every index and AMI in percent, by dataset, model and readout."""
    _, scores, _, pairs = given
    means = summarise(scores)
    found = {
        (*row[["dataset", "model", "readout"]], row["metric"]): 100 * row["mean"]
        for _, row in means[
            means["task"].eq(TASKS[-1]) | (means["task"].eq("k-means") & means["metric"].eq("ami"))
        ].iterrows()
    }
    stable = stability(pairs)
    return found | {
        (*row[["dataset", "model", "readout"]], "stability"): 100 * row["stability"] for _, row in stable.iterrows()
    }


def test_every_index_on_the_page_is_the_frames(page, values):
    reader, seen = Reader(render_html(page)), 0
    for dataset in SIX:
        head, *rows = reader.table(f"Indices without labels on {dataset}, %").rows
        assert head == ["model", "readout", "stability", "silhouette", "modularity", "AMI"]
        for model, readout, *cells in (row for row in rows if len(row) > 1):
            for name, text in zip(("stability", "silhouette", "modularity", "ami"), cells, strict=True):
                told = values[dataset, model.removesuffix(" (chance)"), readout.replace("point", "mean"), name]
                assert number(text) == pytest.approx(told, abs=0.0501)
                seen += 1
    assert seen == len(values)


def ranked(values, dataset, index):
    trained = [model for model in ("ae", "vae", "gae", "vgae") if (dataset, model, "mean", index) in values]
    return [np.array([values[dataset, model, "mean", name] for model in trained]) for name in (index, "ami")]


def test_the_ranking_is_that_of_the_trained_models_by_their_mean(page, values):
    rows = Reader(render_html(page)).table("How well each index ranks models by AMI of k-means").rows[1:]
    dataset, seen, taus = "", 0, {}
    for cells in rows:
        if len(cells) == 1:
            dataset = cells[0]
        elif dataset in SIX:
            name, _, graph = cells[0].partition(", ")
            assert graph == ("9-nearest-neighbours" if name == "modularity" and not SIX[dataset] else "")
            index, ami = ranked(values, dataset, name)
            taus.setdefault(name, []).append(kendall_tau_b(index, ami))
            assert number(cells[1]) == pytest.approx(taus[name][-1], abs=0.00501)
            assert number(cells[2]) == pytest.approx(ami.max() - ami[index.argmax()], abs=0.0501)
            assert number(cells[3]) == pytest.approx(ami.max() - ami.mean(), abs=0.0501)
            assert cells[4] == "4"
            seen += 1
    assert seen == 3 * len(SIX)
    assert rows[0] == ["mean over real datasets"]
    for cells in rows[1:4]:
        name = cells[0].removesuffix(", 6 datasets")
        assert number(cells[1]) == pytest.approx(np.mean(taus[name]), abs=0.00501)


def test_with_few_real_datasets_there_is_no_mean(given):
    study, scores, units, pairs = given
    few = units.assign(evidence=units["dataset"].isin(["cora", "wine", "cs", "photo"]))
    page = compose(find(study, scores, few, OVERLAP, None, pairs=pairs), {}, lambda _: "")
    table = table_of(page, "How well each index ranks")
    assert [group.label for group in table.groups] == list(SIX)


def test_without_pairs_the_other_indices_stay(given):
    study, scores, units, _ = given
    reader = Reader(rendered(study, (scores, units))[0])
    assert reader.table("Indices without labels on cora, %").rows[0] == [
        "model",
        "readout",
        "silhouette",
        "modularity",
        "AMI",
    ]


def test_without_k_means_nothing_is_ranked(given):
    study, scores, units, pairs = given
    scores = scores[~scores["task"].eq("k-means")]
    found = compose(find(study, scores, units, OVERLAP, None, pairs=pairs), {}, lambda _: "")
    captions = [table.caption for table in found.tables()]
    assert not any(caption.startswith("How well each index ranks") for caption in captions)
    assert "AMI" not in [column.label for column in table_of(found, "Indices without labels").columns]


def test_a_study_without_the_task_has_no_such_section():
    for text in rendered(a_study(), usual()):
        assert "Without labels" not in text


def test_the_markdown_and_the_files_have_the_section(page, given, tmp_path):
    text = render_markdown(page)
    assert text.index("## Scores") < text.index("## Without labels") < text.index("## Datasets")
    study, scores, units, pairs = given
    build(study, scores, units, tmp_path, OVERLAP, pairs=pairs)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "data" / "stability.csv", keep_default_na=False), stability(pairs)
    )
    assert len(pd.read_csv(tmp_path / "data" / "ranking.csv")) > 18
