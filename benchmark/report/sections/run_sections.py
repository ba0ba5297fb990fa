"""The data, what is missing or failed, and how the study was run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.report import numbers, texts
from benchmark.report.blocks import Folded, Link, Paragraph, Section, Term, Terms, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.tables.how_it_was_run import cost_table, dataset_remarks, datasets_table, models_table, run_facts
from benchmark.report.tables.missing_results import failures_table, missing, unfinished_table
from benchmark.report.tables.trained_table import sensitivity_table, trained_sentences, trained_table


def training(charts: Mapping[str, Chart]) -> Section | None:
    """Return the training curves, folded away; None without curves."""
    chart = charts.get("training")
    if chart is None:
        return None
    folded = Folded("Training curves", "training-curves", (chart,), numbers.counted(len(list(chart.paths())), "panel"))
    return Section("training", chart.title, (folded,))


def datasets(found: Found) -> Section:
    """Return the datasets as they were loaded, with remarks."""
    remarks = dataset_remarks(found.units, found.recorded, found.study)
    terms = Terms(tuple(Term(name, tuple(f"{remark}." for remark in each)) for name, each in remarks))
    table = datasets_table(found.units, found.study)
    return Section("datasets", "Datasets", blocks(*paragraphs([texts.DATA_NOTE]), table, terms if remarks else None))


def failures(found: Found, damaged: Sequence[str]) -> Section:
    """Return what is missing, failed or diverged.

    Args:
        found: The statistics.
        damaged: Kept files that figures could not read.
    """
    study, units = found.study, found.units
    absent = (
        *(sentence for part in found.parts for sentence in missing(part, found.steps, found.recorded, units)),
        *texts.gaps(found.holes),
        *texts.unreadable(damaged),
    )
    failed = failures_table(units, study, found.models)
    sensitivity = sensitivity_table(found.contrasts, found.as_chance, study)
    unfinished = unfinished_table(units, study, found.models)
    trained = " ".join(trained_sentences(found.trained, study.analysis.gates))
    return Section(
        "failures",
        "Missing, failed, diverged",
        blocks(
            *paragraphs(absent or ["These results contain every dataset, model and seed of the study."]),
            failed if failed is not None else Paragraph(("Nothing failed and nothing diverged.",)),
            *paragraphs([trained] if trained else []),
            trained_table(found.trained, units, study, found.models),
            *(paragraphs([texts.SENSITIVITY_NOTE]) if sensitivity else ()),
            sensitivity,
            *(paragraphs([texts.UNFINISHED_NOTE]) if unfinished else ()),
            unfinished,
        ),
    )


def run(found: Found, *, linked: bool = True) -> Section:
    """Return the facts of the run, the files beside the page, the models and their cost.

    Args:
        found: The statistics.
        linked: Whether every file stands by itself. Otherwise zip files hold them.
    """
    facts = tuple(Term(fact.label, fact.texts, code=fact.code) for fact in run_facts(found.units, found.extents))
    return Section(
        "run",
        "How it was run",
        (
            Terms(facts),
            _files(found) if linked else _packed_files(),
            models_table(found.units, found.study, found.models),
            cost_table(found.units, found.study, found.models),
        ),
    )


def _files(found: Found) -> Paragraph:
    """Return a paragraph that links the files beside the page."""
    return Paragraph(
        (
            "More files: the ",
            Link("records behind every score", "records.html"),
            "; ",
            Link("all scores in one parquet file", "everything.parquet"),
            ", each with all columns of its unit; and in full precision the ",
            Link("means", "data/summary.csv"),
            *(
                part
                for frame, name in ((found.contrasts, "contrasts"), (found.overall, "over-datasets"))
                if not frame.empty
                for part in (", ", Link(name.replace("-", " "), f"data/{name}.csv"))
            ),
            ".",
        )
    )


def _packed_files() -> Paragraph:
    return Paragraph(
        (
            "More files: the ",
            Link("records behind every score", "records.html"),
            "; all ",
            Link("tables", "tables.zip"),
            " as CSV, LaTeX and Markdown; all ",
            Link("figures", "figures.zip"),
            " as SVG; the ",
            Link("data", "data.zip"),
            " of figures and statistics in full precision. The frames of the studies hold every score.",
        )
    )
