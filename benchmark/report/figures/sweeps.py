"""Scores along a line of models or settings: the prior's weight β, the number of averaged draws, the ladder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.drawing import FAINT, READOUT_COLOURS, Chart, Drawing, Group, Series, colour, panel, plain
from benchmark.report.tables import in_order, metric_named, model_label, records
from benchmark.study import Contrast, Primary

FEWEST_BETAS = 3  # of a model, to draw a line through
DRAWN = {"sampled": 1, "averaged-4": 4, "averaged-16": 16, "mean": 64}  # the mean stands where a next step would
READOUTS = ("mean", "sampled")
HEIGHT, ROW_HEIGHT, EDGES = 2.3, 0.2, 0.8  # inches
LINE: dict[str, Any] = {"marker": "o", "markersize": 3.5, "linewidth": 1.2, "elinewidth": 0.7}


def primaries(declared: Iterable[Contrast], models: Iterable[str]) -> list[Primary]:
    """The tasks and metrics by which contrasts of these models are judged."""
    names = set(models)
    asked = (each for each in declared if {each.first.model, each.second.model} & names)
    return list(dict.fromkeys(primary for contrast in asked for primary in contrast.primary))


def beta_sweep(
    summary: pd.DataFrame, units: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str]
) -> Chart | None:
    """Scores of mean and sample against β, and active units below; None where no model has three values of it."""
    arms = units[["model", "variant", "beta", "settings"]].drop_duplicates()
    arms = arms[arms["beta"] > 0].assign(others=lambda frame: frame["settings"].map(_without_beta))
    counts = arms.groupby(["model", "others"])["beta"].transform("nunique")
    swept = arms[counts >= FEWEST_BETAS].drop_duplicates(["model", "variant"])
    if swept.empty:
        return None
    points = summary.merge(swept[["model", "variant", "beta"]], on=["model", "variant"])
    points = points[points["readout"].isin(READOUTS)]
    active = _active_units(units.merge(swept[["model", "variant"]], on=["model", "variant"]))
    groups = []
    for dataset in datasets:
        panels: list[Drawing] = []
        for model in dict.fromkeys(swept["model"]):
            here = points[points["dataset"].eq(dataset) & points["model"].eq(model)]
            title = f"β sweep, {dataset}"
            for primary in primaries(declared, [model]):
                asked = here[here["task"].eq(primary.task) & here["metric"].eq(primary.metric)]
                if asked["beta"].nunique() >= FEWEST_BETAS:
                    panels.append(_lines(asked, title, f"{model}: {_named(primary)}"))
            units_here = active[active["dataset"].eq(dataset) & active["model"].eq(model)]
            if panels and units_here["beta"].nunique() >= FEWEST_BETAS:
                panels.append(_counts(units_here, title, f"{model}: active units"))
        if panels:
            groups.append(Group(dataset, tuple(panels)))
    return Chart(
        "beta",
        "How much prior",
        "Score against β, the weight of the prior, and how many latent units stay active: whether a line falls as they "
        "die. Bars are standard deviations over seeds.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in READOUTS),
        tuple(groups),
        points,
    )


def averaging(
    summary: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    colours: Mapping[tuple[str, str], int],
) -> Chart | None:
    """Scores against the number of draws that are averaged before scoring; None where no model was averaged.

    ``colours`` maps (model, variant) to numbers.
    """
    sampled = {(each.first.model, each.first.variant) for each in declared if each.first.readout == "sampled"}
    here = summary[pd.MultiIndex.from_frame(summary[["model", "variant"]]).isin(sampled)]
    here = here[here["readout"].isin(DRAWN)].assign(drawn=here["readout"].map(DRAWN))
    if not here["readout"].str.startswith("averaged").any():
        return None
    arms = set(zip(here["model"], here["variant"], strict=True))
    number = {"\0".join(arm): place for arm, place in colours.items() if arm in arms}
    groups = []
    for dataset in datasets:
        panels = []
        for primary in dict.fromkeys(p for each in declared for p in each.primary):
            asked = here[
                here["dataset"].eq(dataset) & here["task"].eq(primary.task) & here["metric"].eq(primary.metric)
            ]
            asked = asked.assign(arm=asked["model"] + "\0" + asked["variant"])
            if not asked.empty:
                panels.append(_averaged(asked, number, f"averaging, {dataset}", _named(primary)))
        if panels:
            groups.append(Group(dataset, tuple(panels)))
    return Chart(
        "averaging",
        "One draw, several, the mean",
        "Score against the number of draws that are averaged before scoring; the last point is the posterior’s mean. "
        "What averaging brings back was noise of the sample, not a fault of the latent.",
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
    """Scores of mean and sample along each ladder of (model, variant); None where no ladder has two rungs."""
    groups, used = [], []
    for arms in rungs:
        place = {arm: number for number, arm in enumerate(arms)}
        there = pd.MultiIndex.from_frame(summary[["model", "variant"]])
        here = summary[there.isin(arms) & summary["readout"].isin(READOUTS)]
        here = here.assign(rung=[place[arm] for arm in zip(here["model"], here["variant"], strict=True)])
        title = f"From {model_label(*arms[0])}"
        panels = []
        for dataset in in_order(here["dataset"], datasets):
            for primary in primaries(declared, [model for model, _ in arms]):
                asked = here[
                    here["dataset"].eq(dataset) & here["task"].eq(primary.task) & here["metric"].eq(primary.metric)
                ]
                if len(set(asked["rung"])) > 1:
                    names = [model_label(*arm) for arm in arms]
                    panels.append(_rungs(asked, title, f"{dataset}: {_named(primary)}", names))
                    used.append(asked)
        if panels:
            groups.append(Group(title, tuple(panels)))
    if not groups:
        return None
    return Chart(
        "ladder",
        "One step at a time",
        "Score along the ladder from a point to a variational posterior: the step at which a line falls is the one "
        "that costs. Bars are standard deviations over seeds.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in READOUTS),
        tuple(groups),
        pd.concat(used, ignore_index=True),
    )


def _named(primary: Primary) -> str:
    return f"{primary.task}, {metric_named(primary.metric).label}"


def _without_beta(settings: str) -> str:
    return json.dumps({key: value for key, value in json.loads(settings).items() if key != "beta"}, sort_keys=True)


def _active_units(units: pd.DataFrame) -> pd.DataFrame:
    """Mean number of active units by dataset, model and β, over seeds and units of work."""
    found = units.assign(active=[json.loads(text).get("active_units") for text in units["diagnostics"]])
    found = found.dropna(subset="active").astype({"active": float})
    return found.groupby(["dataset", "model", "beta"])["active"].agg(["mean", "std"]).reset_index()


def _lines(points: pd.DataFrame, title: str, heading: str) -> Drawing:
    """Score against β, a line for each readout, with standard deviations."""
    said = "; ".join(
        f"{row['readout']} at β {row['beta']:g}: {numbers.percent_spread(row['mean'], row['sd'])}"
        for row in records(points.sort_values(["readout", "beta"]))
    )
    with panel(title, heading, f"Scores in percent. {said}.", height=HEIGHT) as drawn:
        for readout in READOUTS:
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


def _rungs(points: pd.DataFrame, title: str, heading: str, names: Sequence[str]) -> Drawing:
    """A row for each rung, with a dot for each readout and its standard deviation."""
    said = "; ".join(
        f"{names[row['rung']]}, {row['readout']}: {numbers.percent_spread(row['mean'], row['sd'])}"
        for row in records(points.sort_values(["rung", "readout"]))
    )
    height = EDGES + ROW_HEIGHT * len(names)
    described = f"Scores in percent. {said}."
    with panel(title, heading, described, height=height, left=0.42, rows=True) as drawn:
        for readout in READOUTS:
            line = points[points["readout"].eq(readout)].sort_values("rung")
            drawn.axes.errorbar(
                100 * line["mean"],
                line["rung"],
                xerr=100 * line["sd"].fillna(0),
                color=colour(READOUT_COLOURS[readout]),
                **LINE,
            )
        drawn.axes.set(xlabel="score, %", ylim=(len(names) - 0.5, -0.5))
        drawn.axes.set_yticks(range(len(names)), [plain(name, 24) for name in names])
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
            axes.plot(
                line["drawn"], 100 * line["mean"], "o-", color=colour(number[str(arm)]), markersize=3.5, linewidth=1.3
            )
        axes.set_xscale("log", base=2)
        shown = {readout: place for readout, place in DRAWN.items() if readout in set(points["readout"])}
        names = {"sampled": "1", "averaged-4": "4", "averaged-16": "16", "mean": "mean"}
        axes.set_xticks(list(shown.values()), [names[readout] for readout in shown])
        axes.minorticks_off()
        axes.set(xlabel="draws averaged", ylabel="score, %")
    return drawn.drawing
