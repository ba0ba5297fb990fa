"""The verdict in a few sentences, composed from the statistics and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.tables import metric_named, records
from benchmark.statistics import FEWEST_DATASETS, VERDICTS
from benchmark.study import Contrast, Side

WATERFALL_SHOWN = (("k-means", "nmi"), ("svm", "weighted-f1"), ("links", "auc"))  # the tables have other metrics too
_READ = {
    "mean": "The posterior’s mean",
    "sampled": "One sample",
}
_SAID = {
    "hurts": "hurts in {n}",
    "helps": "helps in {n}",
    "equivalent": "is equivalent in {n}",
    "inconclusive": "is inconclusive in {n}",
}


def who(side: Side) -> str:
    """A model with the settings that set it apart."""
    return f"{side.model} ({side.variant})" if side.variant else side.model


def kind(contrast: Contrast) -> str:
    """What a contrast asks, whichever models it asks it of."""
    its_own = who(contrast.first) == who(contrast.second)
    return f"{contrast.first.readout} − {'its own' if its_own else 'the other model’s'} {contrast.second.readout}"


def sentences(declared: Sequence[Contrast], per_dataset: pd.DataFrame, overall: pd.DataFrame) -> tuple[str, ...]:
    """What the confirmatory contrasts say, a sentence for each kind of them, and the strongest counter-example."""
    confirmatory = [contrast for contrast in declared if contrast.role == "confirmatory"]
    if not confirmatory:
        return ("The study declares no confirmatory contrast, so there is no verdict.",)
    names = [contrast.name for contrast in confirmatory]
    cells = per_dataset[per_dataset["contrast"].isin(names)]
    if cells.empty:
        return (
            f"The study declares {numbers.counted(len(names), 'confirmatory contrast')}, of which none is in these "
            "results, so there is no verdict.",
        )
    kinds: dict[str, list[Contrast]] = {}
    for contrast in confirmatory:
        kinds.setdefault(kind(contrast), []).append(contrast)
    said = [_of_kind(members, cells, overall) for members in kinds.values()]
    return (*filter(None, said), _counter_example(cells))


def _of_kind(members: Sequence[Contrast], cells: pd.DataFrame, overall: pd.DataFrame) -> str:
    names = [contrast.name for contrast in members]
    here = cells[cells["contrast"].isin(names)]
    if here.empty:
        return ""
    subject = _READ.get(members[0].first.readout, f"The readout {members[0].first.readout}")
    against = " and ".join(dict.fromkeys(f"{who(each.first)} − {who(each.second)}" for each in members))
    judged = overall[overall["contrast"].isin(names) & overall["verdict"].ne("")]
    if judged.empty:
        over = f"over datasets nothing is stated (it takes {FEWEST_DATASETS} real ones for a question)"
    else:
        over = f"over datasets it {_counts(judged)} of {numbers.counted(len(judged), 'question')}"
    tested = here[here["verdict"].ne("")]
    on_each = (
        f"dataset by dataset it {_counts(tested)} of {numbers.counted(len(tested), 'cell')}"
        if len(tested)
        else "no dataset has seeds enough for a test"
    )
    return f"{subject} ({against}): {over}; {on_each}."


def _counts(judged: pd.DataFrame) -> str:
    counts = judged["verdict"].value_counts()
    parts = [_SAID[verdict].format(n=counts[verdict]) for verdict in VERDICTS if verdict in counts.index]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _counter_example(cells: pd.DataFrame) -> str:
    """The largest certain effect against what most cells that are certain of a side say."""
    hurts, helps = (cells[cells["verdict"].eq(verdict)] for verdict in ("hurts", "helps"))
    if hurts.empty and helps.empty:
        return "No cell is certain of a side, so there is no counter-example to name."
    against, of = (helps, "harm") if len(hurts) >= len(helps) else (hurts, "help")
    if against.empty:
        equivalent = int(cells["verdict"].eq("equivalent").sum())
        beside = f"; {numbers.counted(equivalent, 'cell')} {'is' if equivalent == 1 else 'are'} equivalent" * bool(
            equivalent
        )
        return f"Every cell that is certain of a side is of {of}, so there is no counter-example to name{beside}."
    strongest = records(against.loc[[against["difference"].abs().idxmax()]])[0]
    return (
        f"The strongest counter-example to {of} is {strongest['contrast']} on {strongest['dataset']}, "
        f"{strongest['task']}: {numbers.points(strongest['difference'])} points of "
        f"{metric_named(strongest['metric']).label} ({numbers.interval(strongest['low'], strongest['high'])})."
    )


def of_origin(removals: pd.DataFrame) -> tuple[str, ...]:
    """What the published protocol's gap is, and which correction alone takes most of it, a sentence for each start."""
    said = []
    for (start, dataset), here in removals.groupby(["start", "dataset"], sort=False):
        parts = [
            part
            for task, metric in WATERFALL_SHOWN
            if (
                part := _gap(
                    here[here["task"].eq(task) & here["metric"].eq(metric)], f"{task}, {metric_named(metric).label}"
                )
            )
        ]
        if parts:
            said.append(f"The origin’s protocol ({start}) on {dataset}, GAE − VGAE in points: {'; '.join(parts)}.")
    return tuple(said)


def _gap(steps: pd.DataFrame, question: str) -> str:
    """The gap of one question as published, and the correction that is certain to remove some and removes most."""
    published = records(steps[steps["kind"].eq("one after another") & steps["correction"].eq("")])
    if not published:
        return ""
    gap = published[0]
    said = f"{question} {numbers.points(gap['gap'])} ({numbers.interval(gap['low'], gap['high'])})"
    alone = steps[steps["kind"].eq("alone") & steps["removed_low"].gt(0)]
    if alone.empty:
        return f"{said}, of which no correction alone is certain to remove any"
    most = records(alone.loc[[alone["removed"].idxmax()]])[0]
    return f"{said}, of which the correction “{most['correction']}” alone removes {numbers.points(most['removed'])}"
