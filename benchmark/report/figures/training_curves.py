"""Training curves: what was minimised, and how large the noise was, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from benchmark.report.figures.drawing import Chart, Drawing, Group, Series, colour, dash, panel
from benchmark.report.tables.table_values import model_label, records

QUANTITIES = {
    "reconstruction": "reconstruction, nats a row",
    "divergence": "divergence, nats a row",
    "std": "mean σ",
}
HEIGHT = 2.2  # inches
DENSE = 300  # largest over smallest value, up to which an axis has room for 1, 2 and 5 of every decade


def training_curves(
    units: pd.DataFrame, colours: Mapping[tuple[str, str], int], datasets: Sequence[str]
) -> Chart | None:
    """Curves of ``colours``' (model, variant), complete seeds averaged; a panel for each quantity and likelihood."""
    rows = [
        {"arm": number, "model": model, "variant": variant, **curve}
        for (model, variant), number in colours.items()
        for curve in _curves(units[units["model"].eq(model) & units["variant"].eq(variant)])
    ]
    if not rows:
        return None
    curves = pd.DataFrame(rows)
    groups = []
    for dataset in datasets:
        here = curves[curves["dataset"].eq(dataset)]
        panels = [
            _panel(
                part,
                quantity,
                f"training, {dataset}",
                f"{QUANTITIES[quantity]}{f' ({likelihood})' if likelihood else ''}",
            )
            for quantity in QUANTITIES
            for likelihood in (dict.fromkeys(here["likelihood"]) if quantity == "reconstruction" else ("",))
            if (part := _of(here, quantity, likelihood)) is not None
        ]
        if panels:
            groups.append(Group(dataset, tuple(panels)))
    shown = curves.drop(columns="arm")
    series = tuple(Series(model_label(*arm), place) for arm, place in colours.items() if place in set(curves["arm"]))
    return Chart(
        "training",
        "Training",
        "What was minimised and how large the noise was, by epoch, complete seeds averaged. A line that falls at its "
        "end was cut short; a σ that grows to 1 belongs to dimensions that the prior has won.",
        series,
        tuple(groups),
        shown,
    )


def _curves(units: pd.DataFrame) -> list[dict[str, object]]:
    """Epoch by epoch and dataset, what the seeds of one arm give on average."""
    found = []
    whole = units[units["unit"].eq("all-edges") & units["status"].eq("complete")]
    whole = whole.sort_values("seed")  # sums of floats depend on their order
    for (dataset, likelihood), here in whole.groupby(["dataset", "likelihood"], sort=True):
        read = [curve for text in here["curve"] if (curve := json.loads(text))]
        for place, epochs in enumerate(zip(*(curve["epoch"] for curve in read), strict=False)):
            if len(set(epochs)) > 1:  # from here on the seeds are not at the same epoch
                break
            values = {name: [curve[name][place] for curve in read if curve.get(name)] for name in QUANTITIES}
            means = {name: np.mean(each) if each else np.nan for name, each in values.items()}
            found.append({"dataset": dataset, "likelihood": likelihood, "epoch": epochs[0], **means})
    return found


def _of(curves: pd.DataFrame, quantity: str, likelihood: str) -> pd.DataFrame | None:
    """The rows with something to see of that quantity."""
    part = curves[curves["likelihood"].eq(likelihood)] if likelihood else curves
    part = part[part[quantity].abs() > 0]
    return None if part.empty else part


def _panel(curves: pd.DataFrame, quantity: str, title: str, heading: str) -> Drawing:
    last = curves.sort_values("epoch").groupby("arm", sort=True).tail(1)
    said = "; ".join(f"{model_label(row['model'], row['variant'])}: {row[quantity]:.3g}" for row in records(last))
    with panel(title, heading, f"By epoch; at the end {said}.", height=HEIGHT) as drawn:
        for arm, line in curves.groupby("arm", sort=True):
            drawn.axes.plot(
                line["epoch"], line[quantity], color=colour(int(str(arm))), linestyle=dash(int(str(arm))), linewidth=1.3
            )
        drawn.axes.set(xlabel="epoch")
        if (curves[quantity] > 0).all():
            drawn.axes.set_yscale("log")
            spread = curves[quantity].max() / curves[quantity].min()
            drawn.axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if spread < DENSE else (1,)))
            drawn.axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            drawn.axes.yaxis.set_minor_locator(NullLocator())
    return drawn.drawing
