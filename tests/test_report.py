"""The report holds the frame's numbers and nothing else, whatever the frame looks like."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import make_frames

from benchmark.errors import InputError
from benchmark.latents import READOUTS
from benchmark.report import build, numbers
from benchmark.report.build import DEMONSTRATION, compose
from benchmark.report.build import READOUTS as EXPLAINED
from benchmark.report.tables import Table, best_shown, metric_named
from benchmark.statistics import contrasts, over_datasets, summarise
from benchmark.study import Study

PAIRS = [
    {"point": "ae", "variational": "vae", "links": "link-hadamard"},
    {"point": "gae", "variational": "vgae", "links": "link-inner-product"},
]
MODELS = ("ae", "vae", "gae", "vgae", "raw", "random")
OVERLAP = {"logistic-regression-many": 0.25, "link-inner-product": 0.1, "link-hadamard": 0.1}
SIX = {"cora": True, "citeseer": True, "digits": False, "wine": False, "photo": True, "cs": True}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def a_study(**given: Any) -> Study:
    content = {
        "name": "made-up",
        "title": "A made-up study",
        "datasets": ["cora", "digits"],
        "models": MODELS,
        "seeds": 3,
    }
    content |= given
    pairs = [pair for pair in PAIRS if {pair["point"], pair["variational"]} <= set(content["models"])]
    return Study.model_validate({"pairs": pairs} | content)


def usual(**given: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return make_frames(**({"datasets": {"cora": True, "digits": False}, "models": MODELS} | given))


@dataclass
class Read:
    """A table read back: its caption, and its rows of texts with which of them are bold."""

    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)
    bold: list[list[bool]] = field(default_factory=list)


class Reader(HTMLParser):
    """Tables, elements and their attributes, and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Read] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._in: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in.append(tag)
        if tag == "table":
            self.tables.append(Read())
        elif tag == "tr":
            self.tables[-1].rows.append([])
            self.tables[-1].bold.append([])
        elif tag in ("td", "th"):
            self.tables[-1].rows[-1].append("")
            self.tables[-1].bold[-1].append(False)

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "caption" in self._in[-1:]:
            self.tables[-1].caption += data
        elif "td" in self._in or "th" in self._in:
            self.tables[-1].rows[-1][-1] += data
            self.tables[-1].bold[-1][-1] |= "b" in self._in

    def table(self, caption: str) -> Read:
        return next(table for table in self.tables if table.caption == caption)


def built(study: Study, frames: tuple[pd.DataFrame, pd.DataFrame], out: Path) -> tuple[str, str]:
    page = build(study, *frames, out, OVERLAP)
    assert page == out / "index.html"
    return page.read_text(encoding="utf-8"), (out / "report.md").read_text(encoding="utf-8")


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


def test_every_score_on_the_page_is_the_frames(tmp_path: Path) -> None:
    frames = usual(statuses={("cora", "vae", 1): "failed", ("digits", "vgae", 0): "diverged"})
    page, _ = built(a_study(), frames, tmp_path)
    reader, seen = Reader(page), 0
    for (dataset, task), part in summarise(frames[0]).groupby(["dataset", "task"]):
        table = reader.table(f"{task} on {dataset}, %")
        head = table.rows[0]
        rows = {(row[0], row[1]): row for row in table.rows[1:] if len(row) == len(head)}
        for row in part.to_dict("records"):
            model = "random (chance)" if row["model"] == "random" else row["model"]
            cells = rows[model, row["readout"]]
            column = next(place for place, text in enumerate(head) if text[:-2] == metric_named(row["metric"]).label)
            mean, sd = map(number, cells[column].split(" ± "))
            assert mean == pytest.approx(100 * row["mean"], abs=0.0501)
            assert sd == pytest.approx(100 * row["sd"], abs=0.0501)
            assert cells[-1].split()[0] == str(row["seeds"])
            assert (row["failed"] > 0) == ("failed" in cells[-1])
            assert (row["diverged"] > 0) == ("diverged" in cells[-1])
            seen += 1
    shown = sum(text.count("±") for table in reader.tables for row in table.rows for text in row)
    assert shown == seen


def test_every_difference_on_the_page_is_the_frames(tmp_path: Path) -> None:
    study, frames = a_study(datasets=list(SIX)), usual(datasets=SIX)
    reader = Reader(built(study, frames, tmp_path)[0])
    differences = contrasts(frames[0], study.declared(), OVERLAP)
    for contrast in study.declared():
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
            assert number(cells[3]) == pytest.approx(100 * row["sd"], abs=0.00501)
            assert ("corrected" in section) == (row["interval"] == "corrected t")
            seen += 1
        assert seen == differences["contrast"].eq(contrast.name).sum()
    table = reader.table("Mean difference over datasets of evidence, in points")
    overall = over_datasets(differences, list(SIX))
    assert len(table.rows) - 1 == len(overall)
    for cells, row in zip(table.rows[1:], overall.to_dict("records"), strict=True):
        assert number(cells[2]) == pytest.approx(100 * row["difference"], abs=0.00501)
        assert (cells[3] == "–") == (row["datasets"] < 5)


def test_the_first_paragraph_counts_the_confirmatory_intervals(tmp_path: Path) -> None:
    study, frames = a_study(), usual()
    page, markdown = built(study, frames, tmp_path)
    found = contrasts(frames[0], study.declared(), OVERLAP)
    found = found[found["role"].eq("confirmatory")]
    below, above = int(found["high"].lt(0).sum()), int(found["low"].gt(0).sum())
    sentence = (
        f"The 95 % interval of the difference lies wholly below zero in {below} of them, wholly above zero in {above}, "
        f"and contains zero in {len(found) - below - above}."
    )
    assert sentence in page
    assert sentence in markdown
    assert f"4 confirmatory contrasts, which give {len(found)} cells here" in page


def test_the_markdown_has_the_numbers_of_the_page(tmp_path: Path) -> None:
    study = a_study(datasets=list(SIX))
    page, markdown = built(study, usual(datasets=SIX, statuses={("cora", "vae", 1): "failed"}), tmp_path)
    lines = [line for line in markdown.splitlines() if line.startswith("|") and ":---" not in line]
    in_markdown = [
        [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines
    ]
    in_page = [
        [f"**{text}**" if bold else text for text, bold in zip(row, bolds, strict=True)]
        for table in Reader(page).tables
        for row, bolds in zip(table.rows, table.bold, strict=True)
    ]
    assert len(in_markdown) == len(in_page)
    for ours, theirs in zip(in_markdown, in_page, strict=True):
        assert ours == theirs if len(theirs) > 1 else ours[0] == f"*{theirs[0]}*"


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    study, (scores, units) = a_study(), usual()
    first = built(study, (scores, units), tmp_path / "one")
    shuffled = scores.iloc[::-1], units.iloc[::-1]
    assert first == built(study, (scores, units), tmp_path / "two")
    assert first == built(study, shuffled, tmp_path / "three")


def test_names_are_escaped(tmp_path: Path) -> None:
    name = "<b>x$&|_*"
    page, markdown = built(a_study(datasets=[name]), usual(datasets={name: True}), tmp_path)
    assert "<b>x" not in page
    assert "&lt;b&gt;x$&amp;|_*" in page
    assert "<b>x" not in markdown
    assert r"&lt;b&gt;x\$&amp;\|\_\*" in markdown


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    page, _ = built(a_study(), usual(), tmp_path)
    reader = Reader(page)
    for tag, attributes in reader.elements:
        assert tag not in ("script", "link", "img", "iframe", "image", "object")
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"url\((?!#|'#|\"#)|@import", page)
    assert str(tmp_path) not in page


def test_ids_are_unique_and_links_meet_them(tmp_path: Path) -> None:
    elements = Reader(built(a_study(), usual(), tmp_path)[0]).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {
        value[1:] for _, attributes in elements if (value := attributes.get("href") or attributes.get("xlink:href"))
    }
    assert links <= set(ids)


def test_figures_and_wide_tables_can_be_reached_without_sight_or_mouse(tmp_path: Path) -> None:
    page, _ = built(a_study(), usual(), tmp_path)
    elements = Reader(page).elements
    drawings = [attributes for tag, attributes in elements if tag == "svg"]
    assert len(drawings) == 6  # two models by three tasks
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    assert page.count("<desc>Paired differences in points") == 6
    regions = [attributes for _, attributes in elements if attributes.get("class") == "scroll"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert len(regions) == len(Reader(page).tables)


def bold_of(table: Table) -> list[tuple[str, str, int]]:
    return [
        (row.cells[0].text, row.cells[1].text, place)
        for group in table.groups
        for row in group.rows
        for place, cell in enumerate(row.cells)
        if cell.bold
    ]


def test_bold_are_the_best_trained_models_as_they_read() -> None:
    scores, units = usual(datasets={"cora": True}, tasks=("k-means",), seeds=1)
    levels = {"ae": 0.70004, "vae": 0.69996, "gae": 0.6, "vgae": 0.5, "raw": 0.9, "random": 0.1}
    scores["value"] = scores["model"].map(levels) - 0.01 * scores["readout"].ne("mean")
    (page,) = compose(a_study(datasets=["cora"]), scores, units, OVERLAP).scores
    (table,) = page.tables
    assert {(model, readout) for model, readout, _ in bold_of(table)} == {("ae", "mean"), ("vae", "mean")}
    assert [group.label for group in table.groups] == ["", "controls and chance"]
    assert [row.cells[0].text for row in table.groups[1].rows] == ["raw", "random (chance)"]


def test_the_best_follows_the_metrics_direction() -> None:
    higher = metric_named("nmi")
    lower = type(higher)("loss", "loss", "lower", 0.0, 1.0, "made up")
    means = pd.Series([0.1, 0.3, np.nan])
    assert best_shown(means, higher) == "30.0"
    assert best_shown(means, lower) == "10.0"
    assert best_shown(means.iloc[2:], higher) == ""


def test_under_five_datasets_of_evidence_the_page_is_a_demonstration(tmp_path: Path) -> None:
    for names, demonstration in ((list(SIX)[:4], True), (list(SIX), False)):
        frames = usual(datasets={name: SIX[name] for name in names}, models=("ae", "vae"))
        page, markdown = built(a_study(datasets=names, models=["ae", "vae"]), frames, tmp_path)
        assert (DEMONSTRATION in page) == demonstration
        assert (DEMONSTRATION in markdown) == demonstration
        assert ("nothing is stated over datasets" in page) == demonstration


def test_karate_and_synthetic_data_are_no_evidence() -> None:
    scores, units = usual(datasets=SIX, models=("ae", "vae"), not_evidence=("cora", "wine"))
    page = compose(a_study(datasets=list(SIX), models=["ae", "vae"]), scores, units, OVERLAP)
    assert page.evidence == 4
    assert page.overall is None


def test_one_seed_has_dashes_for_spread_and_interval(tmp_path: Path) -> None:
    page, _ = built(a_study(seeds=1), usual(seeds=1), tmp_path)
    reader = Reader(page)
    table = reader.table("k-means on cora, %")
    assert all(text.endswith("± –") for row in table.rows[1:] if len(row) > 1 for text in row[2:-1])
    rows = reader.table("vae mean − ae, in points").rows
    assert all(row[2] == row[3] == "–" for row in rows[1:] if len(row) > 1)
    assert "and 20 have no interval" in page


def test_one_dataset_without_variational_models(tmp_path: Path) -> None:
    study = a_study(datasets=["digits"])
    page, _ = built(study, usual(datasets={"digits": False}, models=("ae", "raw")), tmp_path)
    assert "4 confirmatory contrasts, of which none is in these results" in page
    assert "Declared, but not in these results: vae mean − ae," in page
    assert "<svg" not in page


def test_a_study_that_declares_no_contrast(tmp_path: Path) -> None:
    page, _ = built(a_study(pairs=[]), usual(), tmp_path)
    assert "The study declares no confirmatory contrast." in page
    assert "The study declares no contrast." in page


def test_a_model_set_against_two_others_is_drawn_apart() -> None:
    arms = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    further = {"name": "vae − raw", "primary": [{"task": "k-means", "metric": "nmi"}], "role": "secondary"} | arms
    scores, units = usual()
    figure = compose(a_study(contrasts=[further]), scores, units, OVERLAP).figure
    assert [family.title for family in figure.families] == ["vae against ae", "vgae against gae", "vae against raw"]
    assert [len(family.panels) for family in figure.families] == [3, 3, 1]
    assert len(figure.series) == 3


def test_data_without_labels_has_link_tasks_only(tmp_path: Path) -> None:
    links = ("link-inner-product", "link-hadamard")
    page, _ = built(a_study(datasets=["cora"]), usual(datasets={"cora": True}, tasks=links), tmp_path)
    assert "k-means on cora" not in page
    assert "k-means, NMI: not in these results" in page
    assert page.count(">not in these results</text>") == 4  # k-means and few, of two models


def test_failed_and_diverged_units_are_named_with_their_message(tmp_path: Path) -> None:
    statuses = {("cora", "vae", seed): "failed" for seed in range(3)} | {("digits", "gae", 2): "diverged"}
    page, _ = built(a_study(), usual(statuses=statuses), tmp_path)
    reader = Reader(page)
    rows = reader.table("Units that failed or diverged").rows[1:]
    assert ["cora", "vae", "all-edges", "0–2", "failed", "out of memory"] in rows
    assert ["digits", "gae", "all-edges", "2", "diverged", "loss is not finite at epoch 3"] in rows
    assert len(rows) == 3  # cora has two units
    failed = next(row for row in reader.table("k-means on cora, %").rows if row[:2] == ["vae", "mean"])
    assert failed[2:] == ["–", "–", "–", "–", "0 (3 failed)"]


def test_everything_failed_is_still_a_page(tmp_path: Path) -> None:
    statuses = {
        (dataset, model, seed): "failed" for dataset in ("cora", "digits") for model in MODELS for seed in range(3)
    }
    page, _ = built(a_study(), usual(statuses=statuses), tmp_path)
    assert "and 20 have no interval" in page
    assert "count as evidence (0)" in page


def test_what_the_study_asks_for_and_the_results_lack_is_named(tmp_path: Path) -> None:
    scores, units = usual()
    kept = [~(part["model"].eq("vae") & part["dataset"].eq("cora") & part["seed"].gt(0)) for part in (scores, units)]
    study = a_study(datasets=["cora", "digits", "wine", "photo"], models=[*MODELS, "pca"])
    page, _ = built(study, (scores[kept[0]], units[kept[1]]), tmp_path)
    assert "No results of 2 datasets of the study: wine, photo." in page
    assert "No results of 1 model of the study: pca." in page
    assert "Not all of the study’s 3 seeds of: vae on cora (1);" in page


def test_variants_are_rows_of_their_own() -> None:
    scores, units = usual(variants={"vae": "beta=0.1"})
    page = compose(a_study(), scores, units, OVERLAP)
    models = [row.cells[0].text for row in page.scores[0].tables[0].groups[0].rows]
    assert "vae (beta=0.1)" in models


def test_how_it_was_run_adds_up() -> None:
    scores, units = usual(seeds=2)
    facts = {fact.label: fact.texts for fact in compose(a_study(seeds=2), scores, units, OVERLAP).facts}
    assert facts["training, all units"] == (numbers.duration(units["seconds"].sum()),)
    assert facts["scoring, all units"] == (numbers.duration(units["scoring_seconds"].sum()),)
    assert facts["versions"] == ("numpy 2.0, torch 2.9",)
    assert facts["command"] == ("python -m benchmark run made-up",)
    assert facts["seeds"] == ("0–1",)
    assert facts["replicas trained together"] == ("1",)


def test_batches_that_memory_did_not_hold_are_counted() -> None:
    scores, units = usual(seeds=2)
    units.loc[units.index[:3], "halved"] = [1, 2, 1]
    facts = {fact.label: fact.texts for fact in compose(a_study(seeds=2), scores, units, OVERLAP).facts}
    assert facts["replicas trained together"] == ("1", "fewer than meant for 3 units, since memory ran out")


def test_every_readout_is_explained() -> None:
    assert set(EXPLAINED) == {readout.name for readout in READOUTS}


def test_units_that_could_have_trained_longer_are_counted_by_dataset() -> None:
    page = compose(a_study(), *usual(), OVERLAP)
    assert page.unfinished is not None
    assert [[cell.text for cell in row.cells] for row in page.unfinished.groups[0].rows] == [["ae", "2 of 6", "1 of 3"]]
    scores, units = usual()
    assert compose(a_study(), scores, units.assign(still_falling=False), OVERLAP).unfinished is None


def test_the_models_are_described_by_their_rows() -> None:
    scores, units = usual()
    page = compose(a_study(), scores, units.assign(note="said in a line"), OVERLAP)
    ae, vae = ([cell.text for cell in row.cells] for row in page.models.groups[0].rows[:2])
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
    with pytest.raises(InputError, match=r"units: columns missing: note; .* run the study again"):
        compose(a_study(), scores, units.drop(columns="note"), OVERLAP)


def test_frames_of_two_runs_are_refused() -> None:
    scores, units = usual()
    with pytest.raises(InputError, match="keys are of no unit"):
        compose(a_study(), scores, units[units["model"].ne("vae")], OVERLAP)
    with pytest.raises(InputError, match="no results to report"):
        compose(a_study(), scores.iloc[:0], units.iloc[:0], OVERLAP)


def test_a_folder_that_cannot_be_written_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot be written") as caught:
        build(a_study(), *usual(), tmp_path / "taken", OVERLAP)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (-0.0004, "0.0"), (-0.0006, "−0.1"), (1.0, "100.0"), (np.nan, "–"), (0.83249, "83.2")],
)
def test_percent(value: float, text: str) -> None:
    assert numbers.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "+1.23"), (-0.01234, "−1.23"), (0.00001, "0.00"), (-0.00001, "0.00"), (np.nan, "–")]
)
def test_points(value: float, text: str) -> None:
    assert numbers.points(value) == text


def test_durations_sizes_and_ranges() -> None:
    seconds = (0.5, 12.4, 59.7, 245.0, 3600.0, 7320.0)
    assert [numbers.duration(each) for each in seconds] == [
        "0.50 s",
        "12 s",
        "1 min 00 s",
        "4 min 05 s",
        "1 h 00 min",
        "2 h 02 min",
    ]
    assert [numbers.memory(size) for size in (2.5e8, 1.26e9)] == ["250 MB", "1.3 GB"]
    assert numbers.ranges([3, 0, 1, 2, 7, 9, 10]) == "0–3, 7, 9–10"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    frames = usual(datasets=SIX, statuses={("cora", "vae", 0): "failed"})
    page = build(a_study(datasets=list(SIX)), *frames, tmp_path, OVERLAP)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        grounds = set()
        for width in (390, 1600):
            for scheme in ("light", "dark"):
                tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                said: list[str] = []
                asked: list[str] = []
                tab.on("console", lambda message, said=said: said.append(message.text))
                tab.on("pageerror", lambda error, said=said: said.append(str(error)))
                tab.on("request", lambda request, asked=asked: asked.append(request.url))
                tab.goto(page.as_uri())
                tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
                wide, room = tab.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.scrollingElement)")
                grounds.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
                assert said == []
                assert asked == [page.as_uri()]
                assert wide <= room == width
                tab.close()
        browser.close()
    assert len(grounds) == 2  # light and dark differ
