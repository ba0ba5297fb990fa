"""Training curves: the parts of the loss and the size of the noise, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from benchmark.report.figures.drawing import Chart, Drawing, PanelGroup, Series, colour, dash, panel
from benchmark.report.frame_rows import records
from benchmark.report.labels import model_label

QUANTITIES = {
    "reconstruction": "reconstruction, nats a row",
    "divergence": "divergence, nats a row",
    "std": "mean σ",
}
HEIGHT = 2.2  # inches
DENSE = 300  # up to this ratio of largest to smallest value, an axis has room for 1, 2 and 5 of every decade


def training_curves(
    units: pd.DataFrame, colours: Mapping[tuple[str, str], int], datasets: Sequence[str]
) -> Chart | None:
    """Draw training curves, averaged over complete seeds, a panel for each quantity and likelihood.

    Args:
        units: The units.
        colours: Number of the colour of each (model, variant) to draw.
        datasets: The datasets in the order of the panels.

    Returns:
        None without curves.
    """
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
            groups.append(PanelGroup(dataset, tuple(panels)))
    shown = curves.drop(columns="arm")
    series = tuple(Series(model_label(*arm), place) for arm, place in colours.items() if place in set(curves["arm"]))
    return Chart(
        "training",
        "Training",
        "The parts of the loss and the size of the noise by epoch, averaged over complete seeds. If a line still falls "
        "at its end, training was too short. If σ grows to 1, the prior has won these dimensions.",
        series,
        tuple(groups),
        shown,
    )


def _curves(units: pd.DataFrame) -> list[dict[str, object]]:
    """Return the average over the seeds of one arm, by dataset and epoch."""
    found = []
    whole = units[units["unit"].eq("all-edges") & units["status"].eq("complete")]
    whole = whole.sort_values("seed")  # a sum of floats depends on their order
    for (dataset, likelihood), here in whole.groupby(["dataset", "likelihood"], sort=True):
        read = [curve for text in here["curve"] if (curve := json.loads(text))]
        for place, epochs in enumerate(zip(*(curve["epoch"] for curve in read), strict=False)):
            if len(set(epochs)) > 1:  # the seeds have different epochs from here on
                break
            values = {name: [curve[name][place] for curve in read if curve.get(name)] for name in QUANTITIES}
            means = {name: np.mean(each) if each else np.nan for name, each in values.items()}
            found.append({"dataset": dataset, "likelihood": likelihood, "epoch": epochs[0], **means})
    return found


def _of(curves: pd.DataFrame, quantity: str, likelihood: str) -> pd.DataFrame | None:
    """Return the rows with a value of a quantity other than zero; None without any."""
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
