"""Interventions at equal signal over noise: the difference of two sweeps, by dataset and over datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.drawing import READOUT_COLOURS, Chart, Drawing, PanelGroup, Series
from benchmark.report.figures.interval_rows import Mark, interval_rows, lanes
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, question
from benchmark.report.subject import Subject
from benchmark.study.analysis import Words


def equal_signal_differences(
    found: pd.DataFrame, over: pd.DataFrame, tasks: Sequence[str], words: Words, families: Mapping[str, str]
) -> Chart | None:
    """Draw a panel for each task, with a row for each pair of sweeps; None without pairs.

    Args:
        found: The frame that ``statistics.equal_signal`` returns.
        over: The same over datasets.
        tasks: The tasks in the order of the panels.
        words: The margin of each metric.
        families: The family of each model.
    """
    there = found[found["defined"].astype(bool)]
    if there.empty:
        return None
    panels = tuple(
        _panel(there[there["task"].eq(task)], over[over["task"].eq(task)], words, families)
        for task in in_order(there["task"], tasks)
    )
    readouts = in_order(there["readout"], tuple(READOUT_COLOURS))
    return Chart(
        "equal-signal",
        "Does it matter what makes the noise?",
        "The difference between two sweeps over β at equal signal-to-noise ratios, in points. A full mark is the mean "
        "over datasets with its 95 % interval, which ends at the axis if it is wider. Hollow marks are the "
        f"{numbers.counted(there['dataset'].nunique(), 'dataset')}. The band is the metric’s margin. A mark at zero "
        "says that the intervention changes the score by its noise alone.",
        tuple(Series(name, READOUT_COLOURS[name]) for name in readouts),
        (PanelGroup("", panels),),
        found,
        concludes=True,
    )


def _panel(cells: pd.DataFrame, over: pd.DataFrame, words: Words, families: Mapping[str, str]) -> Drawing:
    task, metric = cells[["task", "metric"]].iloc[0]
    pairs = list(dict.fromkeys(cells[["first", "second"]].itertuples(index=False, name=None)))
    readouts = in_order(cells["readout"], tuple(READOUT_COLOURS))
    shift = dict(zip(readouts, lanes(len(readouts)), strict=True))
    marks: list[Mark] = []
    told = []
    for frame, hollow in ((cells, True), (over, False)):
        for row in records(frame):
            pair = (row["first"], row["second"])
            if pair in pairs and row["difference"] == row["difference"]:
                gap = 100 * row["difference"]
                each = Mark(
                    pairs.index(pair), shift[row["readout"]], gap, READOUT_COLOURS[row["readout"]], hollow=hollow
                )
                marks.append(each if hollow else each._replace(low=100 * row["low"], high=100 * row["high"]))
                if not hollow:
                    ends = f"{numbers.points(row['difference'])} ({numbers.interval(row['low'], row['high'])})"
                    told.append(f"{pair[0]} − {pair[1]}, {row['readout']}: {ends}")
    title = question(task, metric)
    said = f"Differences in points at equal signal-to-noise ratios, intervals over datasets: {'; '.join(told)}."
    margin = 100 * words.margin(metric)
    centres = [*(each.value for each in marks), -2 * margin, 2 * margin]
    air = 0.15 * (max(centres) - min(centres))
    labels = axis_labels((f"{first} − {second}" for first, second in pairs), 32)
    models = [name.split(" ")[0] for pair in pairs for name in pair]
    subject = Subject(
        dataset=tuple(sorted(set(cells["dataset"]))),
        model=tuple(dict.fromkeys(models)),
        family=tuple(dict.fromkeys(families[model] for model in models if model in families)),
        task=(task,),
        readout=tuple(readouts),
    )
    return interval_rows(
        "equal-signal",
        title,
        said,
        [labels[f"{first} − {second}"] for first, second in pairs],
        marks,
        xlabel="first − second, points",
        limits=(min(centres) - air, max(centres) + air),
        bands=(margin,),
        row_height=0.3,
        left=0.45,
        subject=subject,
    )
