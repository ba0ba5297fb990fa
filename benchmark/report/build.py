"""From frames to files: what the page says, composed from the numbers, and its two renderings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.errors import InputError
from benchmark.files import write_atomically
from benchmark.origin import CORRECTIONS
from benchmark.report import numbers
from benchmark.report.figures import ContrastFigure, contrast_figure
from benchmark.report.provenance import (
    UNIT_COLUMNS,
    Fact,
    controls,
    cost_table,
    datasets_table,
    failures_table,
    missing,
    models_table,
    run_facts,
    unfinished_table,
)
from benchmark.report.tables import (
    Table,
    contrast_table,
    in_order,
    overall_table,
    records,
    score_tables,
    scoreboard_table,
    sides,
    waterfall_tables,
)
from benchmark.statistics import FEWEST_DATASETS, check_scores, contrasts, over_datasets, summarise, waterfall
from benchmark.study import Study

DEMONSTRATION = "small built-in data: a demonstration, not the answer"
CONTRAST_NOTE = (
    "A contrast is first − second, paired by seed, in points (hundredths of the 0–1 scale): above zero, the first "
    "scored higher. Its interval covers 95 % and is not corrected for how many intervals there are. With the plain "
    "paired t it is conditional on the data; where random splits overlap between seeds it is widened for that (Nadeau "
    "and Bengio 2003). Differences within ±{margin} are too small to matter by the study’s own declaration."
)
OPEN_UP_TO = 3  # datasets whose tables stand open; more are folded
READOUTS = {
    "mean": "the mean of the posterior, and the only readout of a deterministic model (a point)",
    "sampled": "one draw from the posterior; draws are scored one by one, and a seed’s scores averaged",
    "averaged-4": "the average of four draws, taken before scoring",
    "averaged-16": "the average of sixteen draws, taken before scoring",
    "mean+logsigma": "the mean with the logarithms of the standard deviations beside it",
    "expected": "for links alone: the expected score of a pair over the posterior, by 64 joint draws",
    "epochs-mean": "the means of every fifth training pass, whose best test score is taken: the published mistake",
    "epochs-sampled": "the draws of the same passes, and their best test score",
}


@dataclass(frozen=True, slots=True)
class Scores:
    """The score tables of one dataset and the line that introduces them."""

    dataset: str
    about: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What the corrections of one start do on one dataset."""

    start: str
    dataset: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """The numbers of one contrast."""

    name: str
    role: str
    table: Table


@dataclass(frozen=True, slots=True)
class Page:
    """All that a rendering says, in its order."""

    study: Study
    headline: str
    summary: tuple[str, ...]
    readouts: tuple[tuple[str, str], ...]
    contrast_note: str
    margin: str
    scoreboard: Table | None
    figure: ContrastFigure
    contrasts: tuple[Differences, ...]
    absent_contrasts: tuple[str, ...]
    overall: Table | None
    origins: tuple[Origin, ...]
    corrections: tuple[tuple[str, str], ...]
    evidence: int
    scores: tuple[Scores, ...]
    folded: bool
    datasets: Table
    missing: tuple[str, ...]
    failures: Table | None
    unfinished: Table | None
    facts: tuple[Fact, ...]
    models: Table
    costs: Table


def build(study: Study, scores: pd.DataFrame, units: pd.DataFrame, out: Path, overlap: Mapping[str, float]) -> Path:
    """Write ``out/index.html`` and ``out/report.md``, each whole or not at all; returns the path of the page.

    ``overlap`` is test rows over training rows of the tasks whose random splits overlap (``statistics.contrasts``).
    Raises InputError where a frame contradicts itself or ``out`` cannot be written.
    """
    page = compose(study, scores, units, overlap)
    target = out / "index.html"
    write_atomically(target, render_html(page).encode())
    write_atomically(out / "report.md", render_markdown(page).encode())
    return target


def compose(study: Study, scores: pd.DataFrame, units: pd.DataFrame, overlap: Mapping[str, float]) -> Page:
    """The page as values; nothing is read or written."""
    check_scores(scores)
    if units.empty:
        raise InputError(f"study {study.name}: no results to report; run it first")
    absent = [column for column in UNIT_COLUMNS if column not in units.columns]
    if absent:
        raise InputError(
            f"units: columns missing: {', '.join(absent)}; they are of another version: run the study again"
        )
    strangers = sorted(set(scores["key"]) - set(units["key"]))
    if strangers:
        raise InputError(
            f"scores: {len(strangers)} keys are of no unit, such as {strangers[0]}; the frames are of two runs"
        )
    declared = study.declared()
    per_dataset = contrasts(scores, declared, overlap)
    scored = set(scores.loc[scores["status"].ne("failed"), "dataset"])
    evidence = sorted(set(units.loc[units["evidence"].astype(bool), "dataset"]) & scored)
    found = set(per_dataset["contrast"])
    datasets = in_order(units["dataset"], study.datasets)
    summary = summarise(scores)
    readouts = in_order(scores["readout"], study.readouts)
    removals = waterfall(scores, study.waterfalls, overlap)
    return Page(
        study=study,
        headline=DEMONSTRATION if len(evidence) < FEWEST_DATASETS else "",
        summary=_summary(study, units, per_dataset),
        readouts=tuple((name, READOUTS[name]) for name in readouts),
        contrast_note=CONTRAST_NOTE.format(margin=_margin(study)),
        margin=_margin(study),
        scoreboard=scoreboard_table(per_dataset, declared) if declared else None,
        figure=contrast_figure(per_dataset, declared, datasets, study.margin),
        contrasts=tuple(
            Differences(each.name, each.role, contrast_table(each, per_dataset, datasets))
            for each in declared
            if each.name in found
        ),
        absent_contrasts=tuple(each.name for each in declared if each.name not in found),
        overall=overall_table(over_datasets(per_dataset, evidence))
        if len(evidence) >= FEWEST_DATASETS and found
        else None,
        origins=tuple(
            Origin(start, name, tables)
            for start in study.waterfalls
            for name in datasets
            if (tables := waterfall_tables(removals, start, name))
        ),
        corrections=tuple(CORRECTIONS.items()),
        evidence=len(evidence),
        scores=tuple(_scores_of(name, summary, units, study) for name in datasets if name in set(scores["dataset"])),
        folded=len(datasets) > OPEN_UP_TO,
        datasets=datasets_table(units, study),
        missing=missing(study, scores, units),
        failures=failures_table(units, study),
        unfinished=unfinished_table(units, study),
        facts=run_facts(units),
        models=models_table(units, study),
        costs=cost_table(units, study),
    )


def render_html(page: Page) -> str:
    """The page with everything in it: style, figures and tables, no script and nothing from elsewhere."""
    return _environment().get_template("index.html.j2").render(page=page)


def render_markdown(page: Page) -> str:
    """The same content as Markdown, without the figure."""
    return _environment(finalize=_markdown_text).get_template("report.md.j2").render(page=page)


def _environment(finalize: Callable[[object], object] | None = None) -> Environment:
    return Environment(
        loader=PackageLoader("benchmark.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=finalize,
    )


def _markdown_text(value: object) -> object:
    """Text with everything that Markdown or HTML would read as a mark escaped; what is marked up already stays."""
    if isinstance(value, Markup):
        return value
    text = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", str(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(" ".join(text.split()))


def _margin(study: Study) -> str:
    points = 100 * study.margin
    return f"{points:g} point{'' if points == 1 else 's'}"


def _summary(study: Study, units: pd.DataFrame, per_dataset: pd.DataFrame) -> tuple[str, ...]:
    """The first paragraph, a sentence each: what was run, and where the confirmatory intervals lie."""
    trained = units.loc[~units["model"].isin(controls(units)), "model"].nunique()
    rest = units["model"].nunique() - trained
    sentences = [
        f"{numbers.counted(trained, 'trained model')} and {numbers.counted(rest, 'control')} on "
        f"{numbers.counted(units['dataset'].nunique(), 'dataset')}, with up to "
        f"{numbers.counted(units['seed'].nunique(), 'seed')} each."
    ]
    confirmatory = [contrast.name for contrast in study.declared() if contrast.role == "confirmatory"]
    cells = per_dataset[per_dataset["contrast"].isin(confirmatory)]
    if not confirmatory:
        return (*sentences, "The study declares no confirmatory contrast.")
    asked = f"The study declares {numbers.counted(len(confirmatory), 'confirmatory contrast')}"
    if cells.empty:
        return (*sentences, f"{asked}, of which none is in these results.")
    counts = sides(cells)
    none = f", and {counts['none']} have no interval" if counts["none"] else ""
    return (
        *sentences,
        f"{asked}, which give {numbers.counted(len(cells), 'cell')} here (contrast × task × dataset).",
        f"The 95 % interval of the difference lies wholly below zero in {counts['below']} of them, wholly above zero "
        f"in {counts['above']}, and contains zero in {counts['containing']}{none}.",
    )


def _scores_of(dataset: str, summary: pd.DataFrame, units: pd.DataFrame, study: Study) -> Scores:
    first = records(units[units["dataset"].eq(dataset)])[0]
    about = (
        f"{first['dataset_family']}, {numbers.counted(first['rows'], 'row')}, "
        f"{numbers.counted(first['features'], 'feature')}, {first['classes']} classes"
    )
    return Scores(dataset, about, score_tables(summary, dataset, study, controls(units)))
