"""The report holds the frame's numbers and nothing else, whatever the frame looks like."""

from __future__ import annotations

import csv
import html
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import make_frames
from resolved import study_of

from benchmark.core.errors import InputError
from benchmark.latents.readouts import READOUTS
from benchmark.report import build, numbers
from benchmark.report.charts import charts
from benchmark.report.exports import as_csv, as_latex, as_markdown
from benchmark.report.found import find
from benchmark.report.page import Page, compose
from benchmark.report.render import render_html, render_markdown
from benchmark.report.tables.score_tables import best_shown
from benchmark.report.tables.table_values import Column, Group, Table, anchored, metric_named, row_of
from benchmark.report.texts import DEMONSTRATION
from benchmark.report.texts import READOUTS as EXPLAINED
from benchmark.results.frames import combine_frames
from benchmark.statistics import contrasts, over_datasets, summarise
from benchmark.study.combine import together
from benchmark.study.schema import Study

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
    return study_of({"pairs": pairs} | content)


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


def composed(study: Study, scores: pd.DataFrame, units: pd.DataFrame, *, drawn: bool = False) -> Page:
    """The page, without figures unless they are asked for: they take a few seconds."""
    found = find(study, scores, units, OVERLAP, None, None)
    return compose(found, charts(found) if drawn else {}, lambda _: "")


def rendered(study: Study, frames: tuple[pd.DataFrame, pd.DataFrame], *, drawn: bool = False) -> tuple[str, str]:
    """The page and its Markdown, without the files beside them."""
    page = composed(study, *frames, drawn=drawn)
    return render_html(page), render_markdown(page)


@dataclass(frozen=True)
class Ordinary:
    """The report of the usual study."""

    page: str
    out: Path


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Ordinary:
    out = tmp_path_factory.mktemp("ordinary")
    page = build(a_study(), *usual(), out, OVERLAP)
    assert page == out / "index.html"
    return Ordinary(page.read_text(encoding="utf-8"), out)


@dataclass(frozen=True)
class Large:
    """Six datasets, of which one has a failed unit, and their page."""

    study: Study
    scores: pd.DataFrame
    units: pd.DataFrame
    page: str
    markdown: str


@pytest.fixture(scope="module")
def six() -> Large:
    study = a_study(datasets=list(SIX))
    frames = usual(datasets=SIX, statuses={("cora", "vae", 1): "failed"})
    return Large(study, *frames, *rendered(study, frames, drawn=True))


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


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
            cells = rows[model, row["readout"]]
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
    differences = contrasts(six.scores, study.contrasts, OVERLAP, margin=study.margin)
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
            assert number(cells[3]) == pytest.approx(100 * row["sd"], abs=0.00501)
            assert ("corrected" in section) == (row["interval"] == "corrected t")
            assert cells[5] == numbers.probability(row["adjusted"])
            assert cells[9] == row["verdict"]
            seen += 1
        assert seen == differences["contrast"].eq(contrast.name).sum()
    table = reader.table("Mean difference over datasets of evidence, in points")
    families = dict(zip(six.units["dataset"], six.units["dataset_family"], strict=True))
    overall = over_datasets(differences, families, margin=study.margin, seed=0)
    assert len(table.rows) - 1 == len(overall)
    for cells, row in zip(table.rows[1:], overall.to_dict("records"), strict=True):
        assert (cells[2] == "–") == (cells[3] == "–") == (row["datasets"] < 5)
        assert cells[2] == numbers.points(row["difference"])
        assert cells[5] == str(row["datasets"])
        assert cells[11] == (row["verdict"] or "–")


def test_the_scoreboard_holds_every_effect_and_verdict(six: Large) -> None:
    table = Reader(six.page).table("Difference in points, and verdict")
    found = contrasts(six.scores, six.study.contrasts, OVERLAP, margin=six.study.margin)
    contrast, seen = "", 0
    for cells in table.rows[1:]:
        if len(cells) == 1:
            contrast = cells[0].rsplit(" (", 1)[0]
            continue
        task = cells[0].split(",")[0]
        for name, text in zip(table.rows[0][2:], cells[2:], strict=True):
            here = found[found["contrast"].eq(contrast) & found["task"].eq(task) & found["dataset"].eq(name)]
            assert [text] == [f"{numbers.points(d)} {v}" for d, v in here[["difference", "verdict"]].to_numpy()] or (
                text == "–" and here.empty
            )
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


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_give_the_same_bytes(ordinary: Ordinary, tmp_path: Path) -> None:
    scores, units = usual()
    build(a_study(), scores.iloc[::-1], units.iloc[::-1], tmp_path, OVERLAP)
    files = read(tmp_path)
    assert files == read(ordinary.out)
    assert {Path(name).suffix for name in files} == {".html", ".md", ".csv", ".tex", ".svg", ".pdf", ".parquet", ".txt"}


def test_what_an_earlier_report_wrote_is_taken_away_and_nothing_else(ordinary: Ordinary, tmp_path: Path) -> None:
    shutil.copytree(ordinary.out, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tables" / "mine.csv").write_text("my own")
    with (tmp_path / "report-files.txt").open("a") as listed:
        listed.write("../precious\nmine.txt\ntables\n")
    (tmp_path / "mine.txt").write_text("my own")
    precious = tmp_path.parent / "precious"
    precious.write_text("kept")
    build(a_study(datasets=["cora"]), *usual(datasets={"cora": True}, models=("ae", "raw")), tmp_path, OVERLAP)
    names = set(read(tmp_path))
    assert precious.read_text() == "kept"
    assert "tables/mine.csv" in names
    assert "tables/k-means-on-digits.csv" not in names
    listed_now = (tmp_path / "report-files.txt").read_text().split()
    assert names == {*listed_now, "report-files.txt", "tables/mine.csv", "mine.txt"}


def test_the_files_hold_what_the_page_shows(ordinary: Ordinary) -> None:
    table = Reader(ordinary.page).table("k-means on cora, %")
    with (ordinary.out / "tables" / "k-means-on-cora.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[1:] for row in rows] == [row for row in table.rows if len(row) > 1]
    latex = (ordinary.out / "tables" / "k-means-on-cora.tex").read_text(encoding="utf-8")
    assert latex.count(r"\\") == len(table.rows)
    assert latex.count(r"\textbf{") == sum(bold for bolds in table.bold for bold in bolds)
    assert r"k-means on cora, \%" in latex
    everything = pd.read_parquet(ordinary.out / "everything.parquet")
    scores, units = usual()
    assert len(everything) == len(scores)
    assert set(everything.columns) == {*scores.columns, *units.columns}
    means = pd.read_csv(ordinary.out / "data" / "summary.csv")
    assert np.allclose(means["mean"], summarise(scores)["mean"], rtol=1e-12)


def test_no_cell_of_a_file_is_a_formula_and_no_text_a_command() -> None:
    cells = ("=1+1", "+1.5 hurts", "-2", "@x", "-2+3+cmd|' /C calc'!A0", "[a_b&c|<")
    columns = (Column("=HYPERLINK()"), *(Column(str(place)) for place in range(5)))
    table = Table("100 % of {it}", columns, (Group((row_of(*cells),), "@sum"),))
    head, row = csv.reader(as_csv(table).splitlines())
    assert head == ["group", "'=HYPERLINK()", *"01234"]
    assert row == ["'@sum", "'=1+1", "+1.5 hurts", "-2", "'@x", "'-2+3+cmd|' /C calc'!A0", "[a_b&c|<"]
    assert r"{[}a\_b\&c\textbar{}$<$" in as_latex(table)
    assert r"100 \% of \{it\}" in as_latex(table)
    assert as_markdown(table).splitlines()[-1].endswith(r"| \[a\_b&amp;c\|&lt; |")


def test_places_differ_where_names_do() -> None:
    names = [
        ("数据.csv", "ae"),
        ("資料.csv", "ae"),
        ("a", "b-c"),
        ("a-b", "c"),
        ("vae", "beta=1/n^2"),
        ("vae", "beta=1/n2"),
    ]
    places = [anchored(*parts) for parts in names]
    assert len(set(places)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", place) for place in places)


def test_two_metrics_of_one_task_are_two_rows() -> None:
    asked = [{"task": "k-means", "metric": "nmi"}, {"task": "k-means", "metric": "ari"}]
    sides = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    study = a_study(datasets=["cora"], pairs=[], contrasts=[{"name": "both", "primary": asked} | sides])
    scores, units = usual(datasets={"cora": True})
    scores.loc[scores["metric"].eq("ari") & scores["model"].eq("vae"), "value"] += 0.5
    scoreboard = composed(study, scores, units).scoreboard
    assert scoreboard is not None
    nmi, ari = (row.cells for row in scoreboard.groups[0].rows)
    assert [nmi[0].text, ari[0].text] == ["k-means, NMI", "k-means, ARI"]
    assert number(ari[1].text.split()[0]) > number(nmi[1].text.split()[0]) + 20


def test_a_metric_that_is_none_is_named() -> None:
    sides = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    wrong = [{"name": "c", "primary": [{"task": "k-means", "metric": "nmii"}]} | sides]
    with pytest.raises(InputError, match="contrast 'c': unknown metric 'nmii'; did you mean 'nmi'"):
        composed(a_study(contrasts=wrong), *usual())


def test_studies_together_lack_only_what_each_asked_for() -> None:
    one = a_study(name="one", datasets=["cora"], models=["ae"], pairs=[])
    other = a_study(name="other", datasets=["digits"], models=["gae"], pairs=[])
    parts = [
        usual(datasets={"cora": True}, models=("ae",)),
        usual(datasets={"digits": False}, models=("gae",), seeds=2),
    ]
    frames = combine_frames(parts)
    page = compose(find(together([one, other]), *frames, OVERLAP, None, None, [one, other]), {}, lambda _: "")
    short = [sentence for sentence in page.missing if sentence.startswith("Not all")]
    assert short == ["Not all of the study’s 3 seeds of: gae on digits (2); in brackets, the seeds that are there."]
    assert not any("cora" in sentence for sentence in page.missing)


def test_names_are_escaped() -> None:
    name = "<b>x$&|_*"
    page, markdown = rendered(a_study(datasets=[name]), usual(datasets={name: True}), drawn=True)
    assert "<b>x" not in page
    assert "&lt;b&gt;x$&amp;|_*" in page
    assert "<b>x" not in markdown
    assert r"&lt;b&gt;x\$&amp;\|\_\*" in markdown


def test_nothing_is_loaded_from_anywhere(ordinary: Ordinary) -> None:
    page, reader = ordinary.page, Reader(ordinary.page)
    for tag, attributes in reader.elements:
        assert tag not in ("link", "img", "iframe", "image", "object")
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            target = (attributes.get(name) or "#").partition("#")[0]
            assert not target or (ordinary.out / target).is_file()
    assert [tag for tag, _ in reader.elements].count("script") == 1
    assert not re.search(r"url\((?!#|'#|\"#)|@import|https?://(?!www\.w3\.org/)", page)
    assert str(ordinary.out) not in page


def test_ids_are_unique_and_links_meet_them(ordinary: Ordinary) -> None:
    texts = {"": ordinary.page, "index.html": ordinary.page}
    texts["records.html"] = (ordinary.out / "records.html").read_text(encoding="utf-8")
    ids: dict[str, list[str]] = {}
    links = []
    for name, text in texts.items():
        elements = Reader(text).elements
        ids[name] = [value for _, attributes in elements if (value := attributes.get("id"))]
        assert len(ids[name]) == len(set(ids[name]))
        found = [
            value for _, attributes in elements if (value := attributes.get("href") or attributes.get("xlink:href"))
        ]
        links += [(to or name, place) for to, hash_mark, place in (link.partition("#") for link in found) if hash_mark]
    assert links
    assert all(place in ids[name] for name, place in links)


def test_figures_and_wide_tables_can_be_reached_without_sight_or_mouse(ordinary: Ordinary) -> None:
    page = ordinary.page
    elements = Reader(page).elements
    drawings = [attributes for tag, attributes in elements if tag == "svg"]
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    assert page.count("<desc>Paired differences in points") == 6  # two models by three tasks
    assert page.count("<desc>") == len(drawings)
    assert not re.search(r"<desc>\s*</desc>", page)
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
    (page,) = composed(a_study(datasets=["cora"]), scores, units).scores
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


def test_under_five_datasets_of_evidence_the_page_is_a_demonstration() -> None:
    for names, demonstration in ((list(SIX)[:4], True), (list(SIX), False)):
        frames = usual(datasets={name: SIX[name] for name in names}, models=("ae", "vae"))
        page, markdown = rendered(a_study(datasets=names, models=["ae", "vae"]), frames)
        for text in (page, markdown):
            assert (f"small built-in data: {DEMONSTRATION}" in text) == demonstration
            assert text.count(DEMONSTRATION) == demonstration
        assert ("nothing is stated over datasets" in page) == demonstration


def test_few_datasets_that_are_not_built_in_are_not_called_so() -> None:
    frames = usual(datasets={name: SIX[name] for name in list(SIX)[:3]}, models=("ae", "vae"))
    frames[1].loc[frames[1]["dataset"].eq(next(iter(SIX))), "built_in"] = False
    page, _ = rendered(a_study(datasets=list(SIX)[:3], models=["ae", "vae"]), frames)
    assert f"only 3 real datasets: {DEMONSTRATION}" in page


def test_karate_and_synthetic_data_are_no_evidence() -> None:
    scores, units = usual(datasets=SIX, models=("ae", "vae"), not_evidence=("cora", "wine"))
    page = composed(a_study(datasets=list(SIX), models=["ae", "vae"]), scores, units)
    assert page.evidence == 4
    assert page.overall is None


def test_one_seed_has_dashes_for_spread_and_interval() -> None:
    page, _ = rendered(a_study(seeds=1), usual(seeds=1), drawn=True)
    reader = Reader(page)
    table = reader.table("k-means on cora, %")
    assert all(text.endswith("± –") for row in table.rows[1:] if len(row) > 1 for text in row[2:-1])
    rows = reader.table("vae mean − ae, in points").rows
    assert all(row[2] == row[3] == "–" for row in rows[1:] if len(row) > 1)
    assert "on 2 real datasets there are too few seeds for a test" in page
    table = reader.table("Difference in points, and verdict")
    assert all(text == "–" or text.endswith(" untested") for row in table.rows[1:] for text in row[1:])


def test_one_dataset_without_variational_models() -> None:
    study = a_study(datasets=["digits"])
    page, _ = rendered(study, usual(datasets={"digits": False}, models=("ae", "raw")), drawn=True)
    assert "4 confirmatory contrasts, of which none is in these results, so there is no verdict." in page
    assert "Declared, but not in these results: vae mean − ae," in page
    assert "Paired differences" not in page


def test_a_study_that_declares_no_contrast() -> None:
    page, _ = rendered(a_study(pairs=[]), usual(), drawn=True)
    assert "The study declares no confirmatory contrast, so there is no verdict." in page
    assert "The study declares no contrast." in page


def test_a_model_set_against_two_others_is_drawn_apart() -> None:
    arms = {"first": {"model": "vae", "readout": "mean"}, "second": {"model": "raw", "readout": "mean"}}
    further = {"name": "vae − raw", "primary": [{"task": "k-means", "metric": "nmi"}], "role": "secondary"} | arms
    scores, units = usual()
    figure = composed(a_study(contrasts=[further]), scores, units, drawn=True).charts["forest"]
    assert [group.title for group in figure.groups] == ["vae against ae", "vgae against gae", "vae against raw"]
    assert [len(group.panels) for group in figure.groups] == [3, 3, 1]
    assert len(figure.series) == 3


def test_data_without_labels_has_link_tasks_only() -> None:
    links = ("link-inner-product", "link-hadamard")
    page, _ = rendered(a_study(datasets=["cora"]), usual(datasets={"cora": True}, tasks=links), drawn=True)
    assert "k-means on cora" not in page
    assert "k-means, NMI: not in these results" in page
    assert page.count(">not in these results</text>") == 4  # k-means and few, of two models


def test_failed_and_diverged_units_are_named_with_their_message() -> None:
    statuses = {("cora", "vae", seed): "failed" for seed in range(3)} | {("digits", "gae", 2): "diverged"}
    page, _ = rendered(a_study(), usual(statuses=statuses))
    reader = Reader(page)
    rows = reader.table("Units that failed or diverged").rows[1:]
    assert ["cora", "vae", "all-edges", "0–2", "failed", "out of memory"] in rows
    assert ["digits", "gae", "all-edges", "2", "diverged", "loss is not finite at epoch 3"] in rows
    assert len(rows) == 3  # cora has two units
    failed = next(row for row in reader.table("k-means on cora, %").rows if row[:2] == ["vae", "mean"])
    assert failed[2:] == ["–", "–", "–", "–", "0 (3 failed)"]


def test_everything_failed_is_still_a_page() -> None:
    statuses = {
        (dataset, model, seed): "failed" for dataset in ("cora", "digits") for model in MODELS for seed in range(3)
    }
    page, _ = rendered(a_study(), usual(statuses=statuses), drawn=True)
    assert "on 2 synthetic or toy datasets there are too few seeds for a test" in page
    assert "count as evidence (0)" in page


def test_what_the_study_asks_for_and_the_results_lack_is_named() -> None:
    scores, units = usual()
    kept = [~(part["model"].eq("vae") & part["dataset"].eq("cora") & part["seed"].gt(0)) for part in (scores, units)]
    study = a_study(datasets=["cora", "digits", "wine", "photo"], models=[*MODELS, "pca"])
    page, _ = rendered(study, (scores[kept[0]], units[kept[1]]))
    assert "No results of 2 datasets of the study: wine, photo." in page
    assert "No results of 1 model of the study: pca." in page
    assert "Not all of the study’s 3 seeds of: vae on cora (1);" in page


def test_variants_are_rows_of_their_own() -> None:
    scores, units = usual(variants={"vae": "beta=0.1"})
    page = composed(a_study(), scores, units)
    models = [row.cells[0].text for row in page.scores[0].tables[0].groups[0].rows]
    assert "vae (beta=0.1)" in models


def test_how_it_was_run_adds_up() -> None:
    scores, units = usual(seeds=2)
    facts = {fact.label: fact.texts for fact in composed(a_study(seeds=2), scores, units).facts}
    assert facts["training, all units"] == (numbers.duration(units["seconds"].sum()),)
    assert facts["scoring, all units"] == (numbers.duration(units["scoring_seconds"].sum()),)
    assert facts["versions"] == ("numpy 2.0, torch 2.9",)
    assert facts["command"] == ("python -m benchmark run made-up",)
    assert facts["seeds"] == ("0–1",)
    assert facts["replicas trained together"] == ("1",)


def test_batches_that_memory_did_not_hold_are_counted() -> None:
    scores, units = usual(seeds=2)
    units.loc[units.index[:3], "halved"] = [1, 2, 1]
    facts = {fact.label: fact.texts for fact in composed(a_study(seeds=2), scores, units).facts}
    assert facts["replicas trained together"] == ("1", "fewer than meant for 3 units, since memory ran out")


def test_every_readout_is_explained() -> None:
    assert set(EXPLAINED) == {readout.name for readout in READOUTS}


def test_units_that_could_have_trained_longer_are_counted_by_dataset() -> None:
    page = composed(a_study(), *usual())
    assert page.unfinished is not None
    assert [[cell.text for cell in row.cells] for row in page.unfinished.groups[0].rows] == [["ae", "2 of 6", "1 of 3"]]
    scores, units = usual()
    assert composed(a_study(), scores, units.assign(still_falling=False)).unfinished is None


def test_the_models_are_described_by_their_rows() -> None:
    scores, units = usual()
    page = composed(a_study(), scores, units.assign(note="said in a line"))
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
        composed(a_study(), scores, units.drop(columns="note"))


def test_frames_of_two_runs_are_refused() -> None:
    scores, units = usual()
    with pytest.raises(InputError, match="keys are of no unit"):
        composed(a_study(), scores, units[units["model"].ne("vae")])
    with pytest.raises(InputError, match="no results to report"):
        composed(a_study(), scores.iloc[:0], units.iloc[:0])


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        launched.close()


def test_the_page_in_a_browser(browser: Any, six: Large, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(six.page, encoding="utf-8")
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
    assert len(grounds) == 2  # light and dark differ


def test_tables_are_sorted_and_filtered_and_links_open_what_they_lead_to(browser: Any, ordinary: Ordinary) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto((ordinary.out / "index.html").as_uri())
    table = tab.locator("table", has=tab.locator("caption", has_text="k-means on cora, %"))
    trained = table.locator("tbody").first

    def column(place: int) -> list[str]:
        return trained.locator(f"tr:visible > *:nth-child({place})").all_text_contents()

    before = column(3)
    table.get_by_role("button", name="ACC ↑").click()
    assert [number(text.split(" ± ")[0]) for text in column(3)] == sorted(
        (number(text.split(" ± ")[0]) for text in before), reverse=True
    )
    table.get_by_role("button", name="ACC ↑").click()
    assert table.locator("th[aria-sort=ascending]").count() == 1
    assert sorted(column(3)) == sorted(before)
    table.get_by_role("button", name="model").focus()
    tab.keyboard.press("Enter")
    assert column(1) == sorted(column(1))
    area = tab.locator(".tabular", has=table)
    area.get_by_role("searchbox").fill("VGAE sampled")
    assert column(1) == ["vgae"]
    assert column(2) == ["sampled"]
    assert area.get_by_role("status").text_content() == "1 row"
    area.get_by_role("searchbox").fill("")
    assert len(column(1)) == len(before)
    cell = tab.locator("#scoreboard td a").first
    cell.click()
    opened = tab.locator(f"details{cell.get_attribute('href')}")
    assert opened.get_attribute("open") is not None
    opened.locator("table").wait_for(state="visible")
    table.locator("tbody tr").first.get_by_role("link").click()
    assert re.search(r"/records\.html#cora--\w+--all-edges$", tab.url)
    assert tab.locator(":target table").is_visible()
    tab.close()
