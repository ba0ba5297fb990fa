"""Scores along a line of settings or models: the weight β of the prior, the number of averaged draws, the ladder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.glyphs import plain
from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primaries, scored
from benchmark.report.figures.drawing import (
    FAINT,
    READOUT_COLOURS,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    colour,
    dash,
    mark,
    panel,
)
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, model_label, question
from benchmark.study.schema import Contrast

FEWEST_BETAS = 3  # values of β that a line needs
DRAWN = {
    "sampled": 1,
    "averaged-4": 4,
    "averaged-16": 16,
    "mean": 64,
}  # the mean has no number and is drawn to the right
HEIGHT, ROW_HEIGHT, EDGES = 2.3, 0.2, 0.8  # inches
LINE: dict[str, Any] = {"marker": "o", "markersize": 3.5, "linewidth": 1.2, "elinewidth": 0.7}


def beta_sweep(
    summary: pd.DataFrame,
    units: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    models: Sequence[str],
) -> Chart | None:
    """Draw scores of mean and sample against β, with the number of active units.

    A line belongs to one dataset, one model, and one choice of the settings other than β.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        units: The units.
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
        models: The models in the order of the panels.

    Returns:
        None if no model has three values of β.
    """
    names = ["dataset", "model", "variant"]
    arms = units[[*names, "beta"]].dropna().drop_duplicates()
    arms = arms[arms["beta"] > 0].assign(line=lambda frame: frame["variant"].map(_without_beta))
    counts = arms.groupby(["dataset", "model", "line"])["beta"].transform("nunique")
    swept = arms[counts >= FEWEST_BETAS]
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
                    panels.append(_lines(asked, title, f"{label}: {question(primary.task, primary.metric)}"))
            of_line = active["dataset"].eq(dataset) & active["model"].eq(model) & active["line"].eq(line)
            if len(panels) > drawn and active[of_line]["beta"].nunique() >= FEWEST_BETAS:
                panels.append(_counts(active[of_line], title, f"{label}: active units"))
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels)))
    return Chart(
        "beta",
        "How much prior",
        "Score against β, the weight of the prior, and the number of latent units that stay active. Bars are standard "
        "deviations over seeds.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in COMPARED_READOUTS),
        tuple(groups),
        points,
    )


def averaging(
    summary: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    colours: Mapping[tuple[str, str], int],
) -> Chart | None:
    """Draw scores against the number of draws that are averaged before scoring.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
        colours: Number of the colour of each (model, variant); other arms are left out.

    Returns:
        None if no model has an averaged readout.
    """
    sampled = summary.loc[summary["readout"].eq("sampled"), ["model", "variant"]].drop_duplicates()
    here = summary.merge(sampled, on=["model", "variant"]).dropna(subset="mean")
    here = here[pd.MultiIndex.from_frame(here[["model", "variant"]]).isin(list(colours))]
    here = here[here["readout"].isin(DRAWN)].assign(drawn=here["readout"].map(DRAWN))
    if not here["readout"].str.startswith("averaged").any():
        return None
    arms = set(zip(here["model"], here["variant"], strict=True))
    number = {"\0".join(arm): place for arm, place in colours.items() if arm in arms}
    groups = []
    for dataset in datasets:
        panels = []
        for primary in primaries(here, declared):
            asked = scored(here, dataset, primary)
            asked = asked.assign(arm=asked["model"] + "\0" + asked["variant"])
            if not asked.empty:
                panels.append(_averaged(asked, number, f"averaging, {dataset}", question(primary.task, primary.metric)))
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels)))
    return Chart(
        "averaging",
        "One draw, several, the mean",
        "Score against the number of draws that are averaged before scoring. The last point is the posterior’s mean. A "
        "loss that averaging removes was noise of the sample, not a fault of the latent.",
        tuple(Series(model_label(*name.split("\0")), place) for name, place in number.items()),
        tuple(groups),
        here,
    )


def ladder(
    summary: pd.DataFrame,
    rungs: Sequence[Sequence[tuple[str, str]]],
    declared: Sequence[Contrast],
    datasets: Sequence[str],
) -> Chart | None:
    """Draw scores of mean and sample along each ladder.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        rungs: The ladders, each a sequence of (model, variant).
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.

    Returns:
        None if no ladder has scores of two rungs.
    """
    shown = axis_labels(in_order(summary["dataset"], datasets), 30)
    labels = axis_labels((model_label(*arm) for arms in rungs for arm in arms), 24)
    groups, used = [], []
    for arms in rungs:
        place = {arm: number for number, arm in enumerate(arms)}
        there = pd.MultiIndex.from_frame(summary[["model", "variant"]])
        here = summary[there.isin(arms) & summary["readout"].isin(COMPARED_READOUTS)]
        here = here.assign(rung=[place[arm] for arm in zip(here["model"], here["variant"], strict=True)])
        title = f"From {model_label(*arms[0])}"
        panels = []
        for dataset in in_order(here["dataset"], datasets):
            for primary in primaries(here, declared, [model for model, _ in arms]):
                asked = scored(here, dataset, primary)
                if len(set(asked["rung"])) > 1:
                    names = [model_label(*arm) for arm in arms]
                    heading = f"{shown[dataset]}: {question(primary.task, primary.metric)}"
                    panels.append(_rungs(asked, title, heading, names, labels))
                    used.append(asked)
        if panels:
            groups.append(PanelGroup(title, tuple(panels)))
    if not groups:
        return None
    return Chart(
        "ladder",
        "One step at a time",
        "Score along the ladder from a point to a variational posterior. The figure shows the step at which a line "
        "falls by more than its bars, which are standard deviations over seeds. The contrasts decide, because they "
        "are paired.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in COMPARED_READOUTS),
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


def _lines(points: pd.DataFrame, title: str, heading: str) -> Drawing:
    """Draw score against β, a line for each readout, with standard deviations."""
    said = "; ".join(
        f"{row['readout']} at β {row['beta']:g}: {numbers.percent_spread(row['mean'], row['sd'])}"
        for row in records(points.sort_values(["readout", "beta"]))
    )
    with panel(title, heading, f"Scores in percent. {said}.", height=HEIGHT) as drawn:
        for readout in COMPARED_READOUTS:
            line = points[points["readout"].eq(readout)].sort_values("beta")
            drawn.axes.errorbar(
                line["beta"],
                100 * line["mean"],
                100 * line["sd"].fillna(0),
                color=colour(READOUT_COLOURS[readout]),
                **LINE,
            )
        drawn.axes.set(xlabel="β", ylabel="score, %", xscale="log")
    return drawn.drawing


def _rungs(points: pd.DataFrame, title: str, heading: str, names: Sequence[str], labels: Mapping[str, str]) -> Drawing:
    """Draw a row for each rung, with a dot for each readout and its standard deviation."""
    said = "; ".join(
        f"{names[row['rung']]}, {row['readout']}: {numbers.percent_spread(row['mean'], row['sd'])}"
        for row in records(points.sort_values(["rung", "readout"]))
    )
    height = EDGES + ROW_HEIGHT * len(names)
    described = f"Scores in percent. {said}."
    with panel(title, heading, described, height=height, left=0.42, rows=True) as drawn:
        for readout in COMPARED_READOUTS:
            line = points[points["readout"].eq(readout)].sort_values("rung")
            drawn.axes.errorbar(
                100 * line["mean"],
                line["rung"],
                xerr=100 * line["sd"].fillna(0),
                color=colour(READOUT_COLOURS[readout]),
                **LINE,
            )
        drawn.axes.set(xlabel="score, %", ylim=(len(names) - 0.5, -0.5))
        drawn.axes.set_yticks(range(len(names)), [plain(labels[name]) for name in names])
    return drawn.drawing


def _counts(units: pd.DataFrame, title: str, heading: str) -> Drawing:
    said = "; ".join(f"β {row['beta']:g}: {row['mean']:.1f}" for row in records(units))
    with panel(title, heading, f"Active units. {said}.", height=HEIGHT) as drawn:
        axes = drawn.axes
        axes.errorbar(
            units["beta"], units["mean"], yerr=units["std"].fillna(0), color=FAINT, marker="s", markersize=3.5
        )
        axes.set(
            xlabel="β", ylabel="active units", xscale="log", ylim=(0, 1.08 * max(1.0, float(np.max(units["mean"]))))
        )
    return drawn.drawing


def _averaged(points: pd.DataFrame, number: dict[str, int], title: str, heading: str) -> Drawing:
    said = "; ".join(
        f"{model_label(row['model'], row['variant'])}, {row['readout']}: {numbers.percent(row['mean'])}"
        for row in records(points.sort_values(["arm", "drawn"]))
    )
    with panel(title, heading, f"Scores in percent. {said}.", height=HEIGHT) as drawn:
        axes = drawn.axes
        for arm, line in points.sort_values("drawn").groupby("arm", sort=False):
            of_arm = number[str(arm)]
            style: dict[str, Any] = {"marker": mark(of_arm), "linestyle": dash(of_arm), "color": colour(of_arm)}
            axes.plot(line["drawn"], 100 * line["mean"], markersize=3.5, linewidth=1.3, **style)
        axes.set_xscale("log", base=2)
        shown = {readout: place for readout, place in DRAWN.items() if readout in set(points["readout"])}
        names = {"sampled": "1", "averaged-4": "4", "averaged-16": "16", "mean": "mean"}
        axes.set_xticks(list(shown.values()), [names[readout] for readout in shown])
        axes.minorticks_off()
        axes.set(xlabel="draws averaged", ylabel="score, %")
    return drawn.drawing
