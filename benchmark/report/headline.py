"""The verdict in a few sentences, composed from the statistics and from nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.tables.table_values import metric_named, question, records
from benchmark.statistics import FEWEST_DATASETS, VERDICTS
from benchmark.study.schema import Contrast, Side

WATERFALL_SHOWN = (("k-means", "nmi"), ("svm", "weighted-f1"), ("links", "auc"))  # the tables have other metrics too
_READ = {
    "mean": "The posterior’s mean",
    "sampled": "One sample",
}
_MOST = {"hurts": "hurts", "helps": "helps", "equivalent": "is equivalent"}  # the first of equals is the most
_SAID = _MOST | {"inconclusive": "is inconclusive"}


def who(side: Side) -> str:
    """A model with the settings that set it apart."""
    return f"{side.model} ({side.variant})" if side.variant else side.model


def kind(contrast: Contrast) -> str:
    """What a contrast asks, whichever models it asks it of."""
    its_own = who(contrast.first) == who(contrast.second)
    return f"{contrast.first.readout} − {'its own' if its_own else 'the other model’s'} {contrast.second.readout}"


def sentences(
    declared: Sequence[Contrast],
    per_dataset: pd.DataFrame,
    overall: pd.DataFrame,
    evidence: Collection[str],
    points: Collection[tuple[str, str]],
) -> tuple[str, ...]:
    """What the confirmatory contrasts say, a sentence for each kind of them, and the strongest counter-example.

    Only datasets of ``evidence`` are counted, where there are any; ``points`` are (model, variant) without a spread.
    """
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
    real = cells[cells["dataset"].isin(list(evidence))]
    counted, of = (cells, "synthetic or toy") if real.empty else (real, "real")
    kinds: dict[str, list[Contrast]] = {}
    for contrast in confirmatory:
        readout = contrast.first.readout
        subject = _READ.get(readout, f"The readout {readout}")
        if (contrast.first.model, contrast.first.variant) in points:
            subject = "A point"
        kinds.setdefault(f"{subject}\0{kind(contrast)}", []).append(contrast)
    said = [_of_kind(name.split("\0")[0], members, counted, overall, of) for name, members in kinds.items()]
    return (*filter(None, said), _counter_example(counted))


def _of_kind(subject: str, members: Sequence[Contrast], cells: pd.DataFrame, overall: pd.DataFrame, of: str) -> str:
    names = [contrast.name for contrast in members]
    here = cells[cells["contrast"].isin(names)]
    if here.empty:
        return ""
    against = " and ".join(dict.fromkeys(map(_set_against, members)))
    judged = overall[overall["contrast"].isin(names) & overall["verdict"].ne("")]
    if judged.empty:
        over = f"over datasets nothing is stated (it takes {FEWEST_DATASETS} real ones for a question)"
    else:
        over = f"over datasets it {_counts(judged)} of {numbers.counted(len(judged), 'question')}"
    tested = here[here["verdict"].ne("")]
    datasets = numbers.counted(here["dataset"].nunique(), f"{of} dataset")
    on_each = f"on {datasets} there are too few seeds for a test"
    if not tested.empty:
        on_each = f"on {datasets}, one by one, it {_counts(tested)} of {numbers.counted(len(tested), 'cell')}"
        on_each += f", with {len(here) - len(tested)} more that could not be tested" * (len(tested) < len(here))
    return f"{subject} ({against}): {over}; {on_each}."


def _set_against(contrast: Contrast) -> str:
    first, second = who(contrast.first), who(contrast.second)
    return f"{first} − {second}" if first != second else f"{first} − its own {contrast.second.readout}"


def _counts(judged: pd.DataFrame) -> str:
    counts = judged["verdict"].value_counts()
    parts = [f"{_SAID[verdict]} in {counts[verdict]}" for verdict in VERDICTS if verdict in counts.index]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _counter_example(cells: pd.DataFrame) -> str:
    """The strongest of the decided cells that say otherwise than most of them."""
    decided = cells[cells["verdict"].isin(list(_MOST))]
    if decided.empty:
        return "No cell is decided, so there is no counter-example to name."
    counts = decided["verdict"].value_counts()
    most = max(_MOST, key=lambda verdict: counts.get(verdict, 0))
    share = f"{_MOST[most]} in {counts[most]} of {numbers.counted(len(decided), 'decided cell')}"
    others = decided[decided["verdict"].ne(most)]
    if others.empty:
        return f"It {share}, so there is no counter-example to name."
    effects = others[others["verdict"].ne("equivalent")]
    size = others["difference"].abs()
    strongest = records(others.loc[[size.idxmin() if effects.empty else size[effects.index].idxmax()]])[0]
    return (
        f"It {share}; the strongest counter-example is {strongest['contrast']} on {strongest['dataset']}, "
        f"{strongest['task']}, which {_MOST[strongest['verdict']]}: {numbers.points(strongest['difference'])} points "
        f"of {metric_named(strongest['metric']).label} ({numbers.interval(strongest['low'], strongest['high'])})."
    )


def of_origin(removals: pd.DataFrame) -> tuple[str, ...]:
    """What the published protocol's gap is, and which correction alone takes most of it, a sentence for each start."""
    said = []
    for (start, dataset), here in removals.groupby(["start", "dataset"], sort=False):
        parts = [
            part
            for task, metric in WATERFALL_SHOWN
            if (part := _gap(here[here["task"].eq(task) & here["metric"].eq(metric)], question(task, metric)))
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
