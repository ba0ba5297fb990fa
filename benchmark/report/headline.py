"""The answer in a few sentences, composed from the statistics alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import by_family, of_family, records
from benchmark.report.labels import CHANCE, family_label, metric_named, question
from benchmark.statistics import FEWEST_DATASETS, NO_SIGNAL, NO_WORD, NOT_JUDGED, SIDES, WORDS
from benchmark.study.schema import Contrast

_BEYOND = ("worse", "better")  # words of an interval beyond the margin


def sentences(
    declared: Sequence[Contrast], per_dataset: pd.DataFrame, overall: pd.DataFrame, evidence: Collection[str]
) -> tuple[str, ...]:
    """Say for each confirmatory family what the pooled questions give, count the words of its cells, and name the
    strongest counter-example. No count adds cells of different families.

    Args:
        declared: All contrasts of the study.
        per_dataset: The frame that ``statistics.contrasts`` returns.
        overall: The frame that ``statistics.over_datasets`` returns.
        evidence: The datasets that count as evidence. If none has results, all datasets count.
    """
    names = [contrast.name for contrast in declared if contrast.role == "confirmatory"]
    if not names:
        return ("The study declares no confirmatory contrast, so there is no answer.",)
    cells = per_dataset[per_dataset["contrast"].isin(names)]
    if cells.empty:
        return (
            f"The study declares {numbers.counted(len(names), 'confirmatory contrast')}, but these results contain "
            "none of them, so there is no answer.",
        )
    real = cells[cells["dataset"].isin(list(evidence))]
    counted, kind = (cells, "synthetic or toy dataset") if real.empty else (real, "dataset")
    asked = overall[overall["role"].eq("confirmatory")]
    return tuple(
        f"{family_label(family, graphs)}: {_pooled(of_family(asked, family, graphs))}. {_cells(here, kind)}. "
        f"{_counter_example(here)}"
        for family, graphs, here in by_family(counted)
    )


def _pooled(asked: pd.DataFrame) -> str:
    """State the pooled questions of one family."""
    said = [
        f"{question(row['task'], row['metric'])} {numbers.share_of_lead(row['share'])} "
        f"({numbers.lead_interval(row['low'], row['high'])}; {numbers.counted(row['datasets'], 'dataset')}): "
        f"{row['word']}"
        for row in records(asked)
        if row["word"] != NO_WORD
    ]
    if not said:
        return f"no pooled statement, because it needs {FEWEST_DATASETS} real datasets that count"
    return f"pooled over datasets, as a share of point − chance, {'; '.join(said)}"


def _cells(here: pd.DataFrame, kind: str) -> str:
    """Count the words of the cells of one family."""
    counts = here["word"].value_counts()
    worded = here[here["word"].ne(NO_WORD)]
    parts = [f"{counts[word]} {word}" for word in WORDS if word in counts.index]
    unreliable = ~here["reliable"].astype(bool)
    silent = ~unreliable & here["signal"].eq(NO_SIGNAL)
    rest = here["word"].eq(NO_WORD) & ~unreliable & ~silent
    out = [
        f"{numbers.whole(count)} {reason}"
        for count, reason in (
            (unreliable.sum(), "unreliable"),
            (silent.sum(), "without signal"),
            (rest.sum(), "with too few seeds"),
        )
        if count
    ]
    of = f"{numbers.counted(len(here), 'cell')} on {numbers.counted(here['dataset'].nunique(), kind)}"
    said = f"Of {of}, {_joined([*parts, *out])}"
    unjudged = int(worded["signal"].eq(NOT_JUDGED).sum())
    if unjudged:
        said += f"; {unjudged} of these not judged against chance, because scores of the control “{CHANCE}” are missing"
    return said


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _counter_example(here: pd.DataFrame) -> str:
    """Name the cell whose simultaneous interval is farthest beyond the margin, against the most frequent word."""
    counts = here.loc[here["word"].ne(NO_WORD), "word"].value_counts()
    if counts.empty:
        return "No cell has a word, so there is no counter-example."
    most = max(WORDS, key=lambda word: counts.get(word, 0))  # of equal counts, the first in the list
    others = here[here["word"].isin(_BEYOND) & here["word"].map(SIDES).ne(SIDES[most])]
    if others.empty:
        return f"The most frequent word is “{most}”; no interval lies beyond the margin against it."
    near_end = others[["low", "high"]].abs().min(axis=1)
    row = records(others.loc[[(near_end - others["margin"]).idxmax()]])[0]
    return (
        f"The most frequent word is “{most}”; the strongest counter-example is {row['contrast']} on {row['dataset']} "
        f"in {row['task']}: {row['word']}, {numbers.points(row['difference'])} points of "
        f"{metric_named(row['metric']).label} ({numbers.interval(row['low'], row['high'])})."
    )


def gap_sentences(removals: pd.DataFrame) -> tuple[str, ...]:
    """State the gap of the published protocol and the correction that alone removes most of the gap.

    Args:
        removals: The frame that ``statistics.waterfall`` returns.

    Returns:
        A sentence for each start and dataset. A correction counts if its interval lies above zero.
    """
    said = []
    for (start, dataset), here in removals.groupby(["start", "dataset"], sort=False):
        parts = [
            part
            for task, metric in primary_questions(here)
            if (part := _gap(here[here["task"].eq(task) & here["metric"].eq(metric)], question(task, metric)))
        ]
        if parts:
            said.append(f"The published protocol ({start}) on {dataset}, GAE − VGAE in points: {'; '.join(parts)}.")
    return tuple(said)


def primary_questions(removals: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the task and first metric of every question of a waterfall. The tables have the other metrics too."""
    first = removals[["task", "metric"]].drop_duplicates("task")
    return list(first.itertuples(index=False, name=None))


def _gap(steps: pd.DataFrame, question: str) -> str:
    """State the published gap of one question, and the correction that alone removes most of the gap."""
    published = records(steps[steps["kind"].eq("one after another") & steps["correction"].eq("")])
    if not published:
        return ""
    gap = published[0]
    said = f"{question} {numbers.points(gap['gap'])} ({numbers.interval(gap['low'], gap['high'])})"
    alone = steps[steps["kind"].eq("alone") & steps["removed_low"].gt(0)]
    if alone.empty:
        return f"{said}, and no correction alone removes any of this with certainty"
    most = records(alone.loc[[alone["removed"].idxmax()]])[0]
    return f"{said}, and the correction “{most['correction']}” alone removes {numbers.points(most['removed'])}"
