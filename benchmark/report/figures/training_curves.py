"""Training curves: the parts of the loss and the size of the noise, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from benchmark.report.figures.drawing import Chart, Drawing, PanelGroup, Series, colour, dash, panel, power
from benchmark.report.figures.study_arms import Arms
from benchmark.report.frame_rows import records
from benchmark.report.labels import axis_labels, model_label
from benchmark.report.subject import Subject

QUANTITIES = {
    "reconstruction": "reconstruction, nats a row",
    "divergence": "divergence, nats a row",
    "std": "mean σ",
}
HEIGHT, LABEL = 1.7, 40  # inches; characters of a dataset's name
WIDE = 20  # an axis is logarithmic if the largest value is this many times the smallest
DENSE = 300  # up to this ratio of largest to smallest value, an axis has room for 1, 2 and 5 of every decade


def training_curves(
    units: pd.DataFrame, colours: Mapping[tuple[str, str], int], datasets: Sequence[str], arms: Arms
) -> Chart | None:
    """Draw training curves, averaged over complete seeds: a panel for each dataset, with axes for each quantity.

    Args:
        units: The units.
        colours: Number of the colour of each (model, variant) to draw.
        datasets: The datasets in the order of the panels.
        arms: The arms of the study.

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
    labels = axis_labels(datasets, LABEL)
    panels = []
    for dataset in datasets:
        here = curves[curves["dataset"].eq(dataset)]
        parts = {
            f"{words}{f' ({likelihood})' if likelihood else ''}": (quantity, part)
            for quantity, words in QUANTITIES.items()
            for likelihood in (dict.fromkeys(here["likelihood"]) if quantity == "reconstruction" else ("",))
            if (part := _of(here, quantity, likelihood)) is not None
        }
        if parts:
            panels.append(_panel(parts, labels[dataset], arms.subject(here["model"], dataset=[dataset])))
    shown = curves.drop(columns="arm")
    series = tuple(Series(model_label(*arm), place) for arm, place in colours.items() if place in set(curves["arm"]))
    return Chart(
        "training",
        "Training",
        "The parts of the loss and the size of the noise by epoch, averaged over complete seeds. If a line still falls "
        "at its end, training was too short. If σ grows to 1, the prior has won these dimensions. The axis of "
        "epochs is logarithmic, and so is another axis if its values differ widely.",
        series,
        (PanelGroup("", tuple(panels)),),
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


def _panel(parts: Mapping[str, tuple[str, pd.DataFrame]], dataset: str, subject: Subject) -> Drawing:
    """Draw one dataset. ``parts`` has a quantity and its curves for each heading."""
    described = []
    for heading, (quantity, curves) in parts.items():
        last = curves.sort_values("epoch").groupby("arm", sort=True).tail(1)
        said = "; ".join(f"{model_label(row['model'], row['variant'])}: {row[quantity]:.3g}" for row in records(last))
        described.append(f"{heading}, at the end {said}.")
    with panel("training", dataset, " ".join(described), height=HEIGHT, stack=len(parts), subject=subject) as drawn:
        for axes, (heading, (quantity, curves)) in zip(drawn.stack, parts.items(), strict=True):
            for arm, line in curves.groupby("arm", sort=True):
                number = int(str(arm))
                axes.plot(line["epoch"], line[quantity], color=colour(number), linestyle=dash(number), linewidth=1.3)
            axes.text(0, 1.04, heading, transform=axes.transAxes, fontsize=7.5)
            _scaled(axes, curves[quantity])
        drawn.stack[-1].set(xlabel="epoch")
        drawn.stack[-1].set_xscale("symlog", linthresh=1)
    return drawn.drawing


def _scaled(axes: Axes, values: pd.Series[float]) -> None:
    """Choose the scale of the vertical axis."""
    if (values > 0).all() and values.max() > WIDE * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if values.max() < DENSE * values.min() else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
