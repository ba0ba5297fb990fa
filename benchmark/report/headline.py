"""The verdict in a few sentences, composed from the statistics alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import records
from benchmark.report.labels import CHANCE, contrast_kind, metric_named, question, side_label
from benchmark.statistics import FEWEST_DATASETS, NO_SIGNAL, NOT_JUDGED, VERDICTS
from benchmark.study.schema import Contrast

_READ = {
    "mean": "The posterior’s mean",
    "sampled": "One sample",
}
_MOST = {
    "hurts": "hurts",
    "helps": "helps",
    "equivalent": "is equivalent",
}  # of equal counts, the first is the majority
_SAID = _MOST | {"inconclusive": "is inconclusive"}


def sentences(
    declared: Sequence[Contrast],
    per_dataset: pd.DataFrame,
    overall: pd.DataFrame,
    evidence: Collection[str],
    points: Collection[tuple[str, str]],
) -> tuple[str, ...]:
    """Sum up the confirmatory contrasts in a sentence for each kind, and name the strongest counter-example.

    Args:
        declared: All contrasts of the study.
        per_dataset: The frame that ``statistics.contrasts`` returns.
        overall: The frame that ``statistics.over_datasets`` returns.
        evidence: The datasets that count as evidence. If none has results, all datasets count.
        points: Models and variants with point latents.
    """
    confirmatory = [contrast for contrast in declared if contrast.role == "confirmatory"]
    if not confirmatory:
        return ("The study declares no confirmatory contrast, so there is no verdict.",)
    names = [contrast.name for contrast in confirmatory]
    cells = per_dataset[per_dataset["contrast"].isin(names)]
    if cells.empty:
        return (
            f"The study declares {numbers.counted(len(names), 'confirmatory contrast')}, but these results contain "
            "none of them, so there is no verdict.",
        )
    real = cells[cells["dataset"].isin(list(evidence))]
    counted, of = (cells, "synthetic or toy") if real.empty else (real, "real")
    kinds: dict[str, list[Contrast]] = {}
    for contrast in confirmatory:
        readout = contrast.first.readout
        subject = _READ.get(readout, f"The readout {readout}")
        if (contrast.first.model, contrast.first.variant) in points:
            subject = "A point"
        kinds.setdefault(f"{subject}\0{contrast_kind(contrast)}", []).append(contrast)
    said = [_of_kind(name.split("\0")[0], members, counted, overall, of) for name, members in kinds.items()]
    return (*filter(None, [*said, _not_judged(counted)]), _counter_example(counted))


def _of_kind(subject: str, members: Sequence[Contrast], cells: pd.DataFrame, overall: pd.DataFrame, of: str) -> str:
    names = [contrast.name for contrast in members]
    here = cells[cells["contrast"].isin(names)]
    if here.empty:
        return ""
    against = " and ".join(dict.fromkeys(map(_set_against, members)))
    asked = overall[overall["contrast"].isin(names)]
    judged, out = asked[asked["verdict"].ne("")], int(asked["without_signal"].sum())
    if judged.empty:
        over = f"there is no statement over datasets, because a question needs {FEWEST_DATASETS} real datasets"
        over += " with signal" * (out > 0)
    else:
        over = f"over datasets, it {_counts(judged)} of {numbers.counted(len(judged), 'question')}"
        over += f", which leave out {numbers.counted(out, 'cell')} without signal" * (out > 0)
    tested, silent = here[here["verdict"].ne("")], int(here["signal"].eq(NO_SIGNAL).sum())
    untested = len(here) - len(tested) - silent
    datasets = numbers.counted(here["dataset"].nunique(), f"{of} dataset")
    if not tested.empty:
        on_each = f"On {datasets} taken singly, it {_counts(tested)} of {numbers.counted(len(tested), 'cell')}"
        on_each += f"; {numbers.counted(silent, 'more cell')} without signal" * (silent > 0)
        on_each += f"; {untested} more could not be tested" * (untested > 0)
    elif silent:
        on_each = f"On {datasets}, there is no verdict: {numbers.counted(silent, 'cell')} without signal"
        on_each += f", and {untested} with too few seeds for a test" * (untested > 0)
    else:
        on_each = f"On {datasets}, there are too few seeds for a test"
    return f"{subject} ({against}): {over}. {on_each}."


def _not_judged(cells: pd.DataFrame) -> str:
    """Count the verdicts that were not judged against chance; empty if all of them were."""
    tested = cells[cells["verdict"].ne("")]
    unjudged = int(tested["signal"].eq(NOT_JUDGED).sum())
    if not unjudged:
        return ""
    return (
        f"Not judged against chance: {unjudged} of {numbers.counted(len(tested), 'verdict')}, because the results lack "
        f"scores of the control “{CHANCE}”. Both sides of such a cell may be noise."
    )


def _set_against(contrast: Contrast) -> str:
    first, second = side_label(contrast.first), side_label(contrast.second)
    return f"{first} − {second}" if first != second else f"{first} − its own {contrast.second.readout}"


def _counts(judged: pd.DataFrame) -> str:
    counts = judged["verdict"].value_counts()
    parts = [f"{_SAID[verdict]} in {counts[verdict]}" for verdict in VERDICTS if verdict in counts.index]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _counter_example(cells: pd.DataFrame) -> str:
    """Name the strongest decided cell with another verdict than most decided cells."""
    decided = cells[cells["verdict"].isin(list(_MOST))]
    if decided.empty:
        return "No cell is decided, so there is no counter-example."
    counts = decided["verdict"].value_counts()
    most = max(_MOST, key=lambda verdict: counts.get(verdict, 0))
    share = (
        f"The most frequent verdict is “{most}”, in {counts[most]} of {numbers.counted(len(decided), 'decided cell')}"
    )
    others = decided[decided["verdict"].ne(most)]
    if others.empty:
        return f"{share}, so there is no counter-example."
    effects = others[others["verdict"].ne("equivalent")]
    size = others["difference"].abs()
    strongest = records(others.loc[[size.idxmin() if effects.empty else size[effects.index].idxmax()]])[0]
    return (
        f"{share}. The strongest counter-example: {strongest['contrast']} {_MOST[strongest['verdict']]} on "
        f"{strongest['dataset']} in {strongest['task']}, {numbers.points(strongest['difference'])} points "
        f"of {metric_named(strongest['metric']).label} ({numbers.interval(strongest['low'], strongest['high'])})."
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
