"""The page's section on the origin of the claim holds the numbers of the frame."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from frames import key_of, make_frames
from pages import section_of, sentences_of
from protocols import ORDER, OVERLAP, by_hand, full, oracle_of
from resolved import study_of

from benchmark.report.blocks import Folded, within
from benchmark.report.found import find
from benchmark.report.page import compose
from benchmark.report.render import render_html, render_markdown
from benchmark.report.tables.table_parts import Table
from benchmark.study.origin import CORRECTIONS, QUESTIONS, steps


def a_study(**given):
    content = {"name": "made-up", "title": "Made up", "datasets": ["one", "two"], "models": ["gae", "vgae"], "seeds": 3}
    content |= {"readouts": ["mean", "sampled"], "tasks": ["k-means"], "waterfalls": ["scripts", "june"]}
    return study_of(content | given)


def composed(scores, **given):
    """Compose the page of scores. The units are ordinary except for their names."""
    _, ordinary = make_frames(datasets={"one": True}, models=("gae",), seeds=1)
    names = scores[["dataset", "model", "variant", "seed", "unit", "status"]].drop_duplicates().to_dict("records")
    units = pd.DataFrame([ordinary.iloc[0].to_dict() | name | {"key": key_of(name)} for name in names])
    return compose(find(a_study(**given), scores, units, OVERLAP, None), {}, lambda _: "")


def waterfalls_of(page):
    """Return the start, dataset and tables of every waterfall."""
    folded = [block for block in section_of(page, "origin").blocks if isinstance(block, Folded)]
    return [(*each.title.split(", "), [t for t in within(each.blocks) if isinstance(t, Table)]) for each in folded]


@pytest.fixture(scope="module")
def oracle(frame):
    return oracle_of(frame)


def number(text):
    return float(text.replace("−", "-").replace("+", ""))


@pytest.fixture(scope="module")
def frame():
    return full()


@pytest.fixture(scope="module")
def page(frame):
    return composed(frame)


def test_the_numbers_of_the_page_are_the_frames(page, oracle):
    assert [(start, dataset) for start, dataset, _ in waterfalls_of(page)] == [
        (start, dataset) for start in ("scripts", "june") for dataset in ("one", "two")
    ]
    labels = {"nmi": "NMI", "acc": "ACC", "weighted-f1": "weighted F1", "auc": "AUC", "ap": "AP"}
    for start, dataset, tables in waterfalls_of(page):
        order = ORDER[start]
        asked = [question for question in QUESTIONS if dataset == "one" or question[0] != "links"]
        captions = [f"{task}, {labels[metric]}: gap VGAE − GAE in points, 3 seeds" for task, metric in asked]
        assert [table.caption for table in tables] == captions
        for question, table in zip(asked, tables, strict=True):
            heads = [column.label for column in table.columns]
            assert heads == ["correction", "GAE", "VGAE", "gap (95 % interval)", "removed", "95 % interval"]
            rows = [
                (kind, row.cells)
                for kind, group in zip(("one after another", "alone", "all but"), table.groups, strict=True)
                for row in group.rows
                if group.label.startswith({"alone": "each alone"}.get(kind, kind))
            ]
            assert [(kind, cells[0].text) for kind, cells in rows] == [
                (step.kind, step.correction or "as published") for step in steps(start)
            ]
            for kind, (name, *others) in rows:
                correction = name.text if name.text in order else ""
                wanted = 100 * np.array(oracle(start, dataset, kind, correction, question))
                point, variational, gap, removed, ends = (cell.text for cell in others)
                middle, low, high = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", gap).groups()
                found = [point, variational, middle, low, high]
                found += [removed, *ends.split(" to ")] if correction else []
                assert list(map(number, found[:2])) == pytest.approx(wanted[:2], abs=0.0501)
                assert list(map(number, found[2:])) == pytest.approx(wanted[2 : len(found)], abs=0.00501)
                assert correction or (removed, ends) == ("–", "–")


def test_page_and_markdown_have_the_section_with_these_tables(page):
    html, markdown = render_html(page), render_markdown(page)
    assert html.count('<section id="origin">') == html.count('href="#origin"') == 1
    section = html.split('<section id="origin">')[1].split("</section>")[0]
    tables = [table for _, _, tables in waterfalls_of(page) for table in tables]
    wanted = []
    for table in tables:
        wanted.append([column.label for column in table.columns])
        wanted += [[cell.text for cell in row.cells] for group in table.groups for row in group.rows]
    in_page = [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.S)]
        for row in re.findall(r"<tr\b.*?</tr>", section, re.S)
    ]
    assert [row for row in in_page if len(row) > 1] == wanted
    captions = [re.sub(r"<[^>]*>", "", each) for each in re.findall(r"<caption>(.*?)</caption>", section, re.S)]
    assert captions == [table.caption for table in tables]

    part = markdown.split("\n## The origin of the claim")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|") and "---" not in line]
    cells = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line.strip("|").split("|")] for line in lines]
    assert [row for row in cells if len(list(filter(None, row))) > 1] == wanted
    for start, dataset, _ in waterfalls_of(page):
        assert f"### {start}, {dataset}\n" in part
        assert f"<h3>{start}, {dataset}</h3>" in section
    assert re.findall(r"<dt>(.*?)</dt>", section) == re.findall(r"^- \*\*(.*?)\*\*:", part, re.M) == list(CORRECTIONS)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("why", ["no waterfalls", "no scores of theirs", "all failed"])
def test_a_page_without_a_waterfall_has_no_such_section(why):
    scores, waterfalls = by_hand(), ["scripts"]
    if why == "no waterfalls":
        waterfalls = []
    elif why == "no scores of theirs":
        scores = scores[scores["model"].eq("gae")]
    else:
        scores = scores.assign(status="failed", value=np.nan)
    made = composed(scores, waterfalls=waterfalls)
    assert "origin" not in [section.anchor for section in made.sections]
    assert 'id="origin"' not in render_html(made)
    assert 'href="#origin"' not in render_html(made)
    assert "The origin of the claim" not in render_markdown(made)


def test_one_seed_has_dashes_for_intervals():
    scores = by_hand()
    made = composed(scores[scores["seed"].eq(0)], waterfalls=["scripts"])
    ((table,),) = (tables for _, _, tables in waterfalls_of(made))
    assert table.caption == "svm, weighted F1: gap VGAE − GAE in points, 1 seed"
    rows = [[cell.text for cell in row.cells] for group in table.groups for row in group.rows]
    assert rows[:2] == [
        ["as published", "70.0", "50.0", "−20.00 (–)", "–", "–"],
        ["readout", "70.0", "65.0", "−5.00 (–)", "+15.00", "–"],
    ]
    assert len(rows) == 10
    assert {row[5] for row in rows} == {"–"}
    assert all(row[3].endswith(" (–)") for row in rows)


def test_arms_that_are_not_there_are_named(frame):
    gone = frame["model"].eq("vgae-june-balanced") & frame["variant"].eq("")
    sentences = " ".join(sentences_of(section_of(composed(frame[~gone]), "failures")))
    assert "No results of 1 variant of the study: vgae-june-balanced." in sentences
    assert "vgae-june-balanced" not in " ".join(sentences_of(section_of(composed(frame), "failures")))
