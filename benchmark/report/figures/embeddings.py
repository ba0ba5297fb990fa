"""A latent before and after a draw: point, mean and one sample of the same rows in the plane of a t-SNE."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from benchmark.core.files import labels_path
from benchmark.core.rng import generator
from benchmark.report import numbers
from benchmark.report.figures.drawing import FAINT, PALETTE, RIGHT, WIDTH, Chart, Drawing, PanelGroup, panel
from benchmark.report.figures.drawing import colour as colour_of
from benchmark.report.frame_rows import records
from benchmark.report.kept import Arrays, KeptFiles
from benchmark.report.labels import axis_labels, side_label
from benchmark.report.subject import Subject
from benchmark.study.schema import Contrast, Side

MOST_ROWS = 200  # of a dataset; a random choice if it has more
PERPLEXITY, ITERATIONS, ANGLE = 15.0, 350, 0.8  # as good for so few rows as more iterations and a smaller angle
NEIGHBOURS = 5  # means between which a draw is placed
DATASETS = 3  # of a pair: those on which a draw costs least, and most, and the one in the middle
SEED = 0  # chooses rows, sample and embedding; the training shown has the smallest seed
POINT, MEAN, SAMPLE = "point", "mean", "one sample"
GAP, LEFT = 0.07, 0.02  # between the squares, in squares; share of the width
SQUARE = WIDTH * (RIGHT - LEFT) / (3 + 2 * GAP)  # inches
HEAD, LINE, ENTRIES = 0.22, 0.17, 12  # heights of names and of a line of the legend, in squares; classes of a line
# Marks of one segment, as (angle in quarter turns, length in points, width in points, cap). A scatter is then one path.
MARKS = ((0, 0.0, 3.0, "round"), (0, 0.0, 2.4, "projecting"), (0, 3.4, 1.5, "butt"), (1, 3.4, 1.5, "butt"))
NUMBERS = ("divergence", "signal_to_noise_ratio")


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLatent:
    """A latent of the chosen rows.

    Attributes:
        name: POINT, MEAN or SAMPLE.
        z: [n, d].
        alike: For each row, whether the nearest mean of another row has its class; NaN without a label.
    """

    name: str
    z: NDArray[np.float64]
    alike: NDArray[np.float64]

    @property
    def share(self) -> float:
        """The share of labelled rows whose nearest mean has their class; NaN without two labelled rows."""
        return float(np.nanmean(self.alike)) if np.isfinite(self.alike).any() else np.nan


@dataclass(frozen=True, slots=True, eq=False)
class DrawnTwins:
    """A noisy latent and that of its point twin on one dataset.

    Attributes:
        rows: Numbers of the chosen rows, [n].
        classes: Their classes, [n]; −1 without a label.
        latents: The point if it was kept, the mean, and one sample.
        unit: The noisy unit.
        point: The file of the point's latents; empty if it has none.
    """

    dataset: str
    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    latents: tuple[DrawnLatent, ...]
    unit: dict[str, Any]
    point: str

    @property
    def lost(self) -> float:
        """How much smaller the share of neighbours of the own class is for the sample than for the mean."""
        shares = {each.name: each.share for each in self.latents}
        return shares[MEAN] - shares[SAMPLE]


def embeddings(
    units: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str], kept: KeptFiles
) -> Chart | None:
    """Draw the latents of confirmatory twins, one seed each; None without kept latents. ``units`` are judged.

    If a pair has more than DATASETS datasets, the panels show where a draw costs least, in the middle, and most.
    """
    pairs = dict.fromkeys(
        (each.second, each.first)
        for each in declared
        if each.role == "confirmatory" and each.first.model != each.second.model and each.first.readout == "mean"
    )
    labels = axis_labels(datasets, 20)
    groups, rows = [], []
    for point, noisy in pairs:
        found = [twins for name in datasets if (twins := _twins(units, name, point, noisy, kept)) is not None]
        title = f"{side_label(noisy)}, and its point twin {side_label(point)}"
        drawn = {twins.dataset: _places(twins, kept) for twins in _chosen(found)}
        for twins in found:
            places = drawn.get(twins.dataset, {})
            rows.append(_frame(twins, places).assign(point=side_label(point), noisy=side_label(noisy)))
        if found:
            panels = (_panel(each, drawn[each.dataset], title, labels[each.dataset], point) for each in _chosen(found))
            groups.append(PanelGroup(title, tuple(panels), Subject(model=(noisy.model, point.model))))
    if not groups:
        return None
    return Chart(
        "latents",
        "A latent before and after a draw",
        f"The same rows and colours in each square: the point latent of the twin, the mean, and one sample of one "
        f"training. Mean and sample share their plane: t-SNE places the means, and a sample stands between the "
        f"{NEIGHBOURS} means nearest to it, so a sample without noise stays where its mean is. If samples leave the "
        "crowd of their colour, the draw has moved rows to where other classes are. The percentage is the share of "
        "rows whose nearest mean of another row has the same class. The rate is in nats per row; SNR is the "
        "signal-to-noise ratio of all dimensions. Of many datasets, the panels show those on which this share falls "
        "least, in the middle, and most. Degenerate units are left out. Rows without a label are pale grey. Distances "
        "between clusters mean nothing.",
        (),
        tuple(groups),
        pd.concat(rows, ignore_index=True),
    )


def _twins(units: pd.DataFrame, dataset: str, point: Side, noisy: Side, kept: KeptFiles) -> DrawnTwins | None:
    """Return the latents of a pair on a dataset; None if the noisy one was not kept with its spread."""
    unit, other = (_unit(units, dataset, side) for side in (noisy, point))
    found = None if unit is None else _chosen_rows(kept, unit["latents"], "mean", "std")
    if unit is None or found is None:
        return None
    rows, labelled = found["rows"], _labels(kept, unit, found["rows"])
    of_point = None if other is None else _chosen_rows(kept, other["latents"], "mean")
    centres = found["mean"].astype(float)
    sample = centres + found["std"] * generator(SEED, "t-SNE", "sample").standard_normal(centres.shape)
    latents = [(MEAN, centres, centres), (SAMPLE, sample, centres)]
    if of_point is not None:
        alone = of_point["mean"].astype(float)
        latents.insert(0, (POINT, alone, alone))
    known = np.full(len(rows), -1) if labelled is None else labelled
    return DrawnTwins(
        dataset,
        rows,
        np.zeros(len(rows), int) if labelled is None else labelled,  # one colour without labels
        tuple(DrawnLatent(name, z, _alike(z, near, known)) for name, z, near in latents),
        unit,
        "" if other is None else other["latents"],
    )


def _chosen_rows(kept: KeptFiles, file: str, *names: str) -> Arrays | None:
    """Return at most MOST_ROWS rows of a latent, with their numbers in ``rows``."""

    def make() -> Arrays | None:
        found = kept.arrays(file, *names)
        if found is None:
            return None
        rows = np.sort(generator(SEED, "t-SNE", "rows").permutation(len(found[0]))[:MOST_ROWS])
        return {"rows": rows} | {name: array[rows] for name, array in zip(names, found, strict=True)}

    return kept.excerpt(f"{file}/rows", make)


def _labels(kept: KeptFiles, unit: dict[str, Any], rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the labels of rows; None if the dataset has no labels."""

    def make() -> Arrays | None:
        found = kept.arrays(labels_path(unit["fingerprint"]), "labels")
        return None if found is None else {"labels": found[0][rows]}

    found = kept.excerpt(f"{unit['latents']}/labels", make)
    return None if found is None else found["labels"]


def _unit(units: pd.DataFrame, dataset: str, side: Side) -> dict[str, Any] | None:
    here = units[units["dataset"].eq(dataset) & units["model"].eq(side.model) & units["variant"].eq(side.variant)]
    here = here[here["unit"].eq("all-edges") & here["status"].eq("complete") & ~here["degenerate"]].sort_values("seed")
    return next(iter(records(here.head(1))), None)


def _alike(z: NDArray[np.float64], means: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each row whether the nearest mean of another row has its class; NaN for rows without a label."""
    found, known = np.full(len(z), np.nan), np.flatnonzero(classes >= 0)
    if len(known) > 1:
        apart = cdist(z[known], means[known])
        np.fill_diagonal(apart, np.inf)
        found[known] = classes[known][apart.argmin(axis=1)] == classes[known]
    return found


def _chosen(found: Sequence[DrawnTwins]) -> list[DrawnTwins]:
    """Return the datasets that are drawn, those on which a draw costs least first."""
    ordered = sorted(found, key=lambda twins: (np.isnan(twins.lost), twins.lost))
    places = np.unique(np.linspace(0, len(ordered) - 1, min(DATASETS, len(ordered))).round().astype(int))
    return [ordered[place] for place in places]


def _places(twins: DrawnTwins, kept: KeptFiles) -> dict[str, NDArray[np.float64]]:
    """Return the position of each row in the plane, [n, 2], by the name of the latent."""
    by_name = {each.name: each.z for each in twins.latents}
    files = {POINT: twins.point, MEAN: twins.unit["latents"]}
    places = {name: _embedded(by_name[name], files[name], kept) for name in by_name if name != SAMPLE}
    return places | {SAMPLE: between(by_name[SAMPLE], by_name[MEAN], places[MEAN])}


def between(z: NDArray[np.float64], means: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place latents between the NEIGHBOURS nearest means, weighted by 1/distance². Source: Shepard (1968).

    Args:
        z: Latents, [n, d].
        means: Means with a known place, [m, d].
        places: Places of the means, [m, 2].

    Returns:
        [n, 2]. A latent that equals a mean has its place.

    >>> means = np.array([[0.0], [1.0], [9.0]])
    >>> between(np.array([[1.0]]), means, np.array([[0.0, 0.0], [2.0, 4.0], [9.0, 9.0]])).tolist()
    [[2.0, 4.0]]
    """
    squares = cdist(z, means, "sqeuclidean")
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :NEIGHBOURS]
    apart = np.take_along_axis(squares, nearest, axis=1)
    exact = apart[:, :1] == 0
    weights = np.where(exact, apart == 0, 1 / np.where(apart == 0, 1.0, apart))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[:, :, None] * places[nearest]).sum(axis=1))


def _embedded(z: NDArray[np.float64], file: str, kept: KeptFiles) -> NDArray[np.float64]:
    """Return two dimensions by t-SNE. Those of earlier are taken if the latents are gone, since versions differ."""

    def make() -> Arrays | None:
        return None if kept.arrays(file, "mean") is None else {"places": embedded(z)}

    found = kept.excerpt(f"{file}/places", make)
    return embedded(z) if found is None else found["places"].astype(float)


def embedded(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two dimensions by t-SNE, van der Maaten (2014). One thread makes the result repeatable."""
    if len(z) < 4 or np.ptp(z, axis=0).max() == 0:
        return np.zeros((len(z), 2))
    init = "pca" if z.shape[1] >= 2 else "random"
    perplexity = min(PERPLEXITY, (len(z) - 1) / 3)
    with threadpool_limits(1):
        made = TSNE(perplexity=perplexity, max_iter=ITERATIONS, angle=ANGLE, init=init, random_state=SEED, n_jobs=1)
        found: NDArray[np.float64] = made.fit_transform(z)
    return found


def _frame(twins: DrawnTwins, places: dict[str, NDArray[np.float64]]) -> pd.DataFrame:
    """Return a line for each row and latent; positions are empty for a dataset that is not drawn."""
    nowhere = np.full((len(twins.rows), 2), np.nan)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "dataset": twins.dataset,
                    "seed": twins.unit["seed"],
                    "latent": each.name,
                    "row": twins.rows,
                    "class": twins.classes,
                    "x": places.get(each.name, nowhere)[:, 0],
                    "y": places.get(each.name, nowhere)[:, 1],
                    "nearest_alike": each.alike,
                    **_measured(twins.unit),
                }
            )
            for each in twins.latents
        ],
        ignore_index=True,
    )


def _measured(unit: dict[str, Any]) -> dict[str, float]:
    """Return the rate and the signal-to-noise ratio of a unit; NaN for a missing value."""
    found = json.loads(unit["diagnostics"])
    values = (found.get(name) for name in NUMBERS)
    return dict(zip(("rate", "snr"), (np.nan if value is None else float(value) for value in values), strict=True))


def _panel(twins: DrawnTwins, places: dict[str, NDArray[np.float64]], title: str, label: str, point: Side) -> Drawing:
    measured = _measured(twins.unit)
    noise = f"rate {numbers.nats(measured['rate'])} nats, SNR {numbers.nats(measured['snr'])}"
    classes = [int(each) for each in np.unique(twins.classes) if each >= 0]
    lines = -(-len(classes) // ENTRIES) if len(classes) > 1 else 0
    shares = "; ".join(f"{each.name} {numbers.share(each.share)}" for each in twins.latents)
    described = (
        f"{twins.dataset}, {title}, seed {twins.unit['seed']}: {noise}. {numbers.counted(len(twins.rows), 'row')}, "
        f"coloured by class, {len(classes)} in number. Rows whose nearest mean has their class: {shares}."
    )
    noisy, family = str(twins.unit["model"]), str(twins.unit["model_family"])
    subject = Subject(dataset=(twins.dataset,), model=(noisy, point.model), family=(family,))
    tall = HEAD + 1 + LINE * (lines + 0.3)
    with panel(title, label, described, height=0.36 + tall * SQUARE, left=LEFT, bare=True, subject=subject) as drawn:
        axes = drawn.axes
        axes.set_title(noise, loc="right", fontsize=7.5, pad=7)
        axes.set(xlim=(0, 3 + 2 * GAP), ylim=(-LINE * (lines + 0.3), 1 + HEAD))
        for place, each in enumerate(twins.latents):
            left = (3 - len(twins.latents) + place) * (1 + GAP)
            axes.plot(left + np.array([0, 1, 1, 0, 0]), [0, 0, 1, 1, 0], color=FAINT, linewidth=0.5, clip_on=False)
            axes.text(left, 1.04, each.name, fontsize=7.5, va="bottom")
            if np.isfinite(each.share):
                axes.text(left + 1, 1.04, numbers.share(each.share), fontsize=7.5, va="bottom", ha="right")
            spots = _in_square(places[each.name], places[MEAN if each.name == SAMPLE else each.name])
            for number, mine in _by_class(twins.classes):
                _dots(axes, spots[mine] + (left, 0), number)
        for place, number in enumerate(classes if lines else ()):
            x, y = 0.3 + (place % ENTRIES) * 0.235, -LINE * (place // ENTRIES + 0.75)
            _dots(axes, np.array([[x, y]]), number)
            axes.text(x + 0.05, y, str(number), fontsize=7, va="center_baseline")
        if lines:
            axes.text(0, -LINE * 0.75, "class", fontsize=7, va="center_baseline")
    return drawn.drawing


def _by_class(classes: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    for number in np.unique(classes):
        yield int(number), classes == number


def _in_square(places: NDArray[np.float64], frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move and scale places so that ``frame`` fills the unit square up to a margin, without a change of shape."""
    low, high = frame.min(axis=0), frame.max(axis=0)
    side = (high - low).max() or 1.0
    return np.asarray(0.5 + 0.92 * (places - (low + high) / 2) / side)


def _dots(axes: Axes, places: NDArray[np.float64], number: int) -> None:
    """Draw the marks of a class, or pale dots for rows without a label, as one path."""
    angle, length, width, cap = MARKS[(number + number // len(PALETTE)) % len(MARKS)] if number >= 0 else MARKS[0]
    half = max(length, 0.02) / 2 / 72 / SQUARE
    reach = np.array([half, 0.0]) if angle == 0 else np.array([0.0, half])
    ends = np.stack([places - reach, places + reach], axis=1).reshape(-1, 2)
    path = Path(ends, np.tile([Path.MOVETO, Path.LINETO], len(places)))
    path.should_simplify = False
    ink = colour_of(number) if number >= 0 else FAINT
    alpha = 0.85 if number >= 0 else 0.3
    axes.add_patch(
        PathPatch(path, fill=False, edgecolor=ink, linewidth=width, capstyle=cap, alpha=alpha, clip_on=False)
    )
