"""Scores along a line of settings or models: the weight β of the prior, the number of averaged draws, the ladder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmark.core.glyphs import plain
from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primaries, scored
from benchmark.report.figures.drawing import (
    DASHES,
    FAINT,
    INK,
    READOUT_COLOURS,
    READOUT_SHAPES,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    colour,
    panel,
    room_for,
    scatter,
    wrapped,
)
from benchmark.report.figures.study_arms import POINT, Arms
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import CHANCE, axis_labels, model_label, question
from benchmark.report.subject import Subject
from benchmark.statistics.inference import interval_of_mean
from benchmark.study.schema import Contrast

FEWEST_BETAS = 3  # values of β that a line needs
DRAWN = {"sampled": "1", "averaged-4": "4", "averaged-16": "16", "mean": "mean"}  # readouts from left to right
SPREAD = 0.12  # between the marks of two arms, as a share of the step from one readout to the next
HEIGHT, ROW_HEIGHT, EDGES = 2.3, 0.2, 0.8  # inches
LABEL = 40  # characters of a name
LINES = {POINT: 1, "raw": 2, CHANCE: 0}  # line styles of references
Reference: TypeAlias = tuple[str, tuple[str, str] | None, Mapping[str, Any]]  # its kind, its arm and its score
READOUTS = tuple(Series(name, READOUT_COLOURS[name], READOUT_SHAPES[name]) for name in COMPARED_READOUTS)


def beta_sweep(
    summary: pd.DataFrame,
    units: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    models: Sequence[str],
    arms: Arms,
) -> Chart | None:
    """Draw scores of mean and sample against β, with the number of active units.

    A line belongs to one dataset, one model, and one choice of the settings other than β.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        units: The units.
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
        models: The models in the order of the panels.
        arms: The arms of the study.

    Returns:
        None if no model has three values of β.
    """
    names = ["dataset", "model", "variant"]
    weighted = units[[*names, "beta"]].dropna().drop_duplicates()
    weighted = weighted[weighted["beta"] > 0].assign(line=lambda frame: frame["variant"].map(_without_beta))
    counts = weighted.groupby(["dataset", "model", "line"])["beta"].transform("nunique")
    swept = weighted[counts >= FEWEST_BETAS]
    if swept.empty:
        return None
    points = summary.merge(swept, on=names)
    points = points[points["readout"].isin(COMPARED_READOUTS)]
    active = _active_units(units[units["unit"].eq("all-edges")].drop(columns="beta").merge(swept, on=names))
    groups = []
    for dataset in datasets:
        panels: list[Drawing] = []
        lines = swept.loc[swept["dataset"].eq(dataset), ["model", "line"]].drop_duplicates()
        for model, line in sorted(lines.itertuples(index=False), key=lambda each: (models.index(each[0]), each[1])):
            here = points[points["model"].eq(model) & points["line"].eq(line)]
            title, label = f"β sweep, {dataset}", model_label(model, line)
            drawn = len(panels)
            for primary in primaries(points, declared, [model]):
                asked = scored(here, dataset, primary)
                if asked["beta"].nunique() >= FEWEST_BETAS:
                    subject = arms.subject([model], dataset=[dataset], task=[primary.task])
                    heading = f"{label}: {question(primary.task, primary.metric)}"
                    panels.append(_lines(asked, title, heading, subject))
            of_line = active["dataset"].eq(dataset) & active["model"].eq(model) & active["line"].eq(line)
            if len(panels) > drawn and active[of_line]["beta"].nunique() >= FEWEST_BETAS:
                subject = arms.subject([model], dataset=[dataset])
                panels.append(_counts(active[of_line], title, f"{label}: active units", subject))
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels), Subject(dataset=(dataset,))))
    return Chart(
        "beta",
        "How much prior",
        "Score against β, the weight of the prior, and the number of latent units that stay active. Bars are standard "
        "deviations over seeds.",
        READOUTS,
        tuple(groups),
        points,
    )


def averaging(
    summary: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    colours: Mapping[tuple[str, str], int],
    overlap: Mapping[str, float],
    arms: Arms,
) -> Chart | None:
    """Draw scores against the number of draws that are averaged before scoring, with 95 % intervals over seeds.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        declared: The contrasts, which choose tasks and metrics, and the point twin of an arm.
        datasets: The datasets in the order of the panels.
        colours: Number of the colour of each (model, variant); other arms are left out.
        overlap: Test rows over training rows, for each task with overlapping splits.
        arms: The arms of the study.

    Returns:
        None if no model has an averaged readout.
    """
    rho = [overlap.get(task, 0.0) for task in summary["task"]]
    low, high = interval_of_mean(summary["mean"], summary["sd"], summary["seeds"], rho)
    summary = summary.assign(low=low, high=high).dropna(subset="mean")
    sampled = summary.loc[summary["readout"].eq("sampled"), ["model", "variant"]].drop_duplicates()
    here = summary.merge(sampled, on=["model", "variant"])
    here = here[pd.MultiIndex.from_frame(here[["model", "variant"]]).isin(list(colours))]
    here = here[here["readout"].isin(DRAWN)]
    if not here["readout"].str.startswith("averaged").any():
        return None
    found = set(zip(here["model"], here["variant"], strict=True))
    number = {arm: place for arm, place in colours.items() if arm in found}
    twins = {arm: twin for arm in number if (twin := _twin(arm, declared, arms)) is not None}
    means = summary[summary["readout"].eq("mean")]
    groups, lines = [], set()
    for dataset in datasets:
        panels = []
        for primary in primaries(here, declared):
            asked = scored(here, dataset, primary)
            if asked.empty:
                continue
            at = {(row["model"], row["variant"]): row for row in records(scored(means, dataset, primary))}
            references: list[Reference] = [(POINT, arm, at[twin]) for arm, twin in twins.items() if twin in at]
            references += [(name, None, at[name, ""]) for name in ("raw", CHANCE) if (name, "") in at]
            lines |= {name for name, _, _ in references}
            subject = arms.subject(asked["model"], dataset=[dataset], task=[primary.task])
            heading = question(primary.task, primary.metric)
            panels.append(_averaged(asked, references, number, f"averaging, {dataset}", heading, subject))
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels), Subject(dataset=(dataset,))))
    named = {POINT: "point twin", "raw": "raw features", CHANCE: "chance"}
    return Chart(
        "averaging",
        "One draw, several, the mean",
        "Score against the number of draws that are averaged before scoring, with 95 % intervals over seeds. The last "
        "mark is the posterior’s mean. A dashed line is the point twin of the model with its colour. A loss that "
        "averaging removes was noise of the sample, not a fault of the latent.",
        (
            *(Series(model_label(*arm), place) for arm, place in number.items()),
            *(Series(named[name], None, dash=style) for name, style in LINES.items() if name in lines),
        ),
        tuple(groups),
        here,
    )


def ladder(
    summary: pd.DataFrame,
    rungs: Sequence[Sequence[tuple[str, str]]],
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    arms: Arms,
) -> Chart | None:
    """Draw scores of mean and sample along each ladder.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        rungs: The ladders, each a sequence of (model, variant).
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
        arms: The arms of the study.

    Returns:
        None if no ladder has scores of two rungs.
    """
    shown = axis_labels(in_order(summary["dataset"], datasets), LABEL)
    labels = axis_labels((model_label(*arm) for line in rungs for arm in line), LABEL)
    groups, used = [], []
    for line in rungs:
        place = {arm: number for number, arm in enumerate(line)}
        there = pd.MultiIndex.from_frame(summary[["model", "variant"]])
        here = summary[there.isin(line) & summary["readout"].isin(COMPARED_READOUTS)]
        here = here.assign(rung=[place[arm] for arm in zip(here["model"], here["variant"], strict=True)])
        title = f"From {model_label(*line[0])}"
        panels = []
        for dataset in in_order(here["dataset"], datasets):
            for primary in primaries(here, declared, [model for model, _ in line]):
                asked = scored(here, dataset, primary)
                if len(set(asked["rung"])) > 1:
                    names = [model_label(*arm) for arm in line]
                    heading = f"{shown[dataset]}: {question(primary.task, primary.metric)}"
                    subject = arms.subject(asked["model"], dataset=[dataset], task=[primary.task])
                    panels.append(_rungs(asked, title, heading, names, labels, subject))
                    used.append(asked)
        if panels:
            groups.append(PanelGroup(title, tuple(panels), arms.subject(model for model, _ in line)))
    if not groups:
        return None
    return Chart(
        "ladder",
        "One step at a time",
        "Score along the ladder from a point to a variational posterior. The figure shows the step at which a line "
        "falls by more than its bars, which are standard deviations over seeds. The contrasts decide, because they "
        "are paired.",
        READOUTS,
        tuple(groups),
        pd.concat(used, ignore_index=True),
    )


def _without_beta(variant: str) -> str:
    """Return a variant without its β."""
    return " ".join(part for part in variant.split() if not part.startswith("beta="))


def _active_units(units: pd.DataFrame) -> pd.DataFrame:
    """Return the mean number of active units over seeds, by dataset, model, line and β."""
    found = units.assign(active=[json.loads(text).get("active_units") for text in units["diagnostics"]])
    found = found.dropna(subset="active").astype({"active": float})
    return found.groupby(["dataset", "model", "line", "beta"])["active"].agg(["mean", "std"]).reset_index()


def _twin(arm: tuple[str, str], declared: Sequence[Contrast], arms: Arms) -> tuple[str, str] | None:
    """Return the point that a contrast sets against the mean or a sample of an arm; None without one."""
    for contrast in declared:
        second = contrast.second.model, contrast.second.variant
        if (contrast.first.model, contrast.first.variant) == arm and second in arms.points:
            return second
    return None


def _lines(points: pd.DataFrame, title: str, heading: str, subject: Subject) -> Drawing:
    """Draw score against β, a line for each readout, with standard deviations."""
    points = points.dropna(subset="mean").sort_values(["readout", "beta"])
    points = points.assign(
        said=[
            f"{row['readout']} at β {row['beta']:g}: {numbers.percent_spread(row['mean'], row['sd'])}"
            for row in records(points)
        ]
    )
    described = f"Scores in percent. {'; '.join(points['said'])}."
    with panel(title, heading, described, height=HEIGHT, subject=subject) as drawn:
        for readout in COMPARED_READOUTS:
            line = points[points["readout"].eq(readout)]
            score, sd = 100 * line["mean"], 100 * line["sd"].fillna(0)
            ink = colour(READOUT_COLOURS[readout])
            drawn.axes.plot(line["beta"], score, color=ink, linewidth=1.2)
            drawn.axes.vlines(line["beta"], score - sd, score + sd, color=ink, linewidth=0.7)
            _marks(drawn.axes, line["beta"], score, readout, line["said"])
        drawn.axes.set(xlabel="β", ylabel="score, %", xscale="log")
    return drawn.drawing


def _marks(axes: Axes, x: pd.Series[float], y: pd.Series[float], readout: str, words: pd.Series[str]) -> None:
    number, shape = READOUT_COLOURS[readout], READOUT_SHAPES[readout]
    scatter(axes, x, y, number, filled=True, shape=shape, size=13, words=list(words))


def _rungs(
    points: pd.DataFrame,
    title: str,
    heading: str,
    names: Sequence[str],
    labels: Mapping[str, str],
    subject: Subject,
) -> Drawing:
    """Draw a row for each rung, with a mark for each readout and its standard deviation."""
    points = points.dropna(subset="mean").sort_values(["rung", "readout"])
    points = points.assign(
        said=[
            f"{names[row['rung']]}, {row['readout']}: {numbers.percent_spread(row['mean'], row['sd'])}"
            for row in records(points)
        ]
    )
    lines = [wrapped(plain(labels[name])) for name in names]
    height, left = (
        EDGES + ROW_HEIGHT * len(names) * (1.5 if any("\n" in line for line in lines) else 1),
        room_for(lines),
    )
    described = f"Scores in percent. {'; '.join(points['said'])}."
    with panel(title, heading, described, height=height, left=left, rows=True, subject=subject) as drawn:
        for readout in COMPARED_READOUTS:
            line = points[points["readout"].eq(readout)]
            score, sd = 100 * line["mean"], 100 * line["sd"].fillna(0)
            ink = colour(READOUT_COLOURS[readout])
            drawn.axes.plot(score, line["rung"], color=ink, linewidth=1.2)
            drawn.axes.hlines(line["rung"], score - sd, score + sd, color=ink, linewidth=0.7)
            _marks(drawn.axes, score, line["rung"], readout, line["said"])
        drawn.axes.set(xlabel="score, %", ylim=(len(names) - 0.5, -0.5))
        drawn.axes.set_yticks(range(len(names)), lines)
    return drawn.drawing


def _counts(units: pd.DataFrame, title: str, heading: str, subject: Subject) -> Drawing:
    """Draw the number of active units against β."""
    said = [f"β {row['beta']:g}: {row['mean']:.1f}" for row in records(units)]
    with panel(title, heading, f"Active units. {'; '.join(said)}.", height=HEIGHT, subject=subject) as drawn:
        axes, sd = drawn.axes, units["std"].fillna(0)
        axes.plot(units["beta"], units["mean"], color=FAINT, linewidth=1.2)
        axes.vlines(units["beta"], units["mean"] - sd, units["mean"] + sd, color=FAINT, linewidth=0.7)
        scatter(axes, units["beta"], units["mean"], None, filled=True, shape=1, size=13, words=said)
        top = 1.08 * max(1.0, float(np.max(units["mean"] + sd)))
        axes.set(xlabel="β", ylabel="active units", xscale="log", ylim=(0, top))
    return drawn.drawing


def _averaged(
    points: pd.DataFrame,
    references: Sequence[Reference],
    number: Mapping[tuple[str, str], int],
    title: str,
    heading: str,
    subject: Subject,
) -> Drawing:
    """Draw a line for each arm over its readouts, and each reference as a line across."""
    place = {name: across for across, name in enumerate(name for name in DRAWN if name in set(points["readout"]))}
    rows = sorted(records(points), key=lambda row: (*_arm(row), place[row["readout"]]))
    points = pd.DataFrame(rows).assign(said=[_said(row) for row in rows])
    across = [f"{kind}: {_said(row)}" for kind, _, row in references]
    described = (
        f"Scores in percent, with 95 % intervals. {'; '.join(points['said'])}. Lines: {'; '.join(across) or 'none'}."
    )
    with panel(title, heading, described, height=HEIGHT, subject=subject) as drawn:
        axes = drawn.axes
        for kind, arm, row in references:
            ink = INK if arm is None else colour(number[arm])
            axes.axhline(100 * row["mean"], color=ink, linewidth=0.9, linestyle=DASHES[LINES[kind]], alpha=0.7)
        arms = [arm for arm in number if arm in {_arm(row) for row in rows}]
        for order, arm in enumerate(arms):
            line = points[points["model"].eq(arm[0]) & points["variant"].eq(arm[1])]
            x = line["readout"].map(place) + SPREAD * (order - (len(arms) - 1) / 2)
            ink = colour(number[arm])
            axes.plot(x, 100 * line["mean"], color=ink, linewidth=1.2)
            ends = line["low"].notna()
            axes.vlines(x[ends], 100 * line.loc[ends, "low"], 100 * line.loc[ends, "high"], color=ink, linewidth=0.8)
            scatter(axes, x, 100 * line["mean"], number[arm], filled=True, size=13, words=list(line["said"]))
        axes.set_xticks(list(place.values()), [DRAWN[name] for name in place])
        axes.set(xlabel="draws averaged", ylabel="score, %")
    return drawn.drawing


def _arm(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["model"], row["variant"]


def _said(row: Mapping[str, Any]) -> str:
    """Write a score with its interval in words."""
    ends = "" if row["low"] != row["low"] else f" ({numbers.percent(row['low'])} to {numbers.percent(row['high'])})"
    return f"{model_label(*_arm(row))}, {row['readout']}: {numbers.percent(row['mean'])}{ends}"
