"""One picture of a dataset: its rows on two principal components, and its degrees or values."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.decomposition import PCA

from benchmark.core.glyphs import any_script, plain
from benchmark.core.rng import generator
from benchmark.datasets import Dataset

_MOST_ROWS = 4_000  # more points hide each other
_COLOURS = "tab10", "tab20"
_BLUE, _GREY = "#4477aa", "#c8c8c8"


def picture(dataset: Dataset) -> bytes:
    """Draw a dataset as a PNG file.

    On the left are the rows by class (4,000 at most); rows without a label are grey. On the right are the degrees, or
    the values if there is no graph.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _rows(left, dataset)
    if dataset.edges is None:
        _values(right, dataset)
    else:
        _degrees(right, dataset)
    figure.suptitle(plain(dataset.name))
    buffer = io.BytesIO()
    with any_script(figure):
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def _rows(axes: Axes, dataset: Dataset) -> None:
    rng = generator(0, "picture", dataset.fingerprint)
    shown = np.sort(rng.permutation(dataset.rows)[:_MOST_ROWS])
    x = dataset.x[shown]
    dense = x if isinstance(x, np.ndarray) else x.toarray()
    at_most = min(2, *dense.shape)
    with np.errstate(invalid="ignore"):  # constant features have no variance to share out
        places = PCA(at_most, random_state=int(rng.integers(2**31))).fit_transform(dense)
    second = places[:, 1] if at_most == 2 else np.zeros(len(places))
    labels = None if dataset.y is None else dataset.y[shown]
    axes.set(xlabel="first principal component", ylabel="second", title="rows" if labels is None else "rows by class")
    if labels is None:
        axes.scatter(places[:, 0], second, s=8, linewidths=0, color=_BLUE)
        return
    known = labels >= 0
    axes.scatter(places[~known, 0], second[~known], color=_GREY, s=8, linewidths=0)
    drawn = axes.scatter(
        places[known, 0],
        second[known],
        c=labels[known],
        cmap=_COLOURS[dataset.classes > 10],
        vmin=0,
        vmax=dataset.classes - 1,
        s=8,
        linewidths=0,
    )
    colours = drawn.to_rgba(np.arange(dataset.classes))
    named = {str(number): to_rgba(tuple(colour)) for number, colour in enumerate(colours)}
    if not known.all():
        named["no label"] = to_rgba(_GREY)
    handles = [Line2D([], [], marker="o", linestyle="", color=colour) for colour in named.values()]
    axes.legend(handles, [*named], fontsize="small", loc="best")


def _degrees(axes: Axes, dataset: Dataset) -> None:
    degrees = np.bincount(np.asarray(dataset.edges).ravel(), minlength=dataset.rows)
    bins = np.linspace(-0.5, degrees.max() + 0.5, min(int(degrees.max()) + 2, 51))
    axes.hist(degrees, bins=bins.tolist(), color=_BLUE)
    axes.set(xlabel="degree", ylabel="nodes", title="degrees", yscale="log")


def _values(axes: Axes, dataset: Dataset) -> None:
    x = dataset.x
    axes.hist((x if isinstance(x, np.ndarray) else x.data).ravel(), bins=50, color=_BLUE)
    axes.set(xlabel="value, scaled", ylabel="entries", title="features", yscale="log")
