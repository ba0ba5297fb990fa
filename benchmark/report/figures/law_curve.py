"""Retention against the declared predictor and its rivals, with the curve of the law and noise by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmark.report import numbers
from benchmark.report.figures.drawing import (
    FAINT,
    INK,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    colour,
    panel,
    scatter,
)
from benchmark.report.figures.kinds import families_of_models, kinds_of_data, number_of, series_of
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import law_label, model_label, strength_by_hand, task_label
from benchmark.report.subject import Subject
from benchmark.statistics.judged_law import JudgedLaw
from benchmark.statistics.law import CONSTANTS
from benchmark.study.analysis import Law

HEIGHT = 3.0  # inches
LEAST = 1e-3  # smaller predictors are drawn here
LOWEST, HIGHEST = -0.15, 1.25  # of the axis; cells beyond are in the data
BY_HAND, BY_HAND_COLOUR = "noise by hand", 4


class PredictorAxis(NamedTuple):
    """A predictor of the figure: its column, its name on the axis, and whether the law declares it."""

    column: str
    label: str
    declared: bool = False


def law_curve(judged: JudgedLaw | None, law: Law, units: pd.DataFrame, retained: pd.DataFrame) -> Chart | None:
    """Draw each cell of the law, a panel for each predictor and task, of which the page shows one; None without a law.

    Args:
        judged: The law of the study.
        law: The declared exponents.
        units: The units, which name the family of each model and the kind of each dataset.
        retained: The frame of ``statistics.retentions``, with noise by hand.
    """
    if judged is None:
        return None
    cells = judged.cells.assign(
        predictor=lambda frame: frame["signal"] ** law.exponent * frame["dimensions"] ** law.dimensions
    )
    cells = _described(cells, units)
    strengths = {name: strength_by_hand(name) for name in retained["readout"].unique()}
    by_hand = _described(retained.assign(predictor=retained["readout"].map(strengths).astype(float)), units)
    by_hand = by_hand[by_hand["predictor"].notna() & by_hand["defined"].astype(bool)]
    tasks = in_order(cells["task"], law.tasks)
    groups = []
    for predictor in _predictors(cells, law):
        panels = (_panel(cells, by_hand, predictor, task, judged) for task in tasks)
        groups.append(PanelGroup(predictor.label, tuple(panels)))
    shown = ["dataset", "model", "variant", "dimensions", "task", "metric", "seen", "informative"]
    others = ["predictor", "rate", "signal", "information", "predicted", "retention", "low", "high", "seeds", "mean"]
    return Chart(
        "law",
        "What a sample keeps",
        _caption(judged, len(by_hand)),
        _series(cells, by_hand),
        tuple(groups),
        cells[[*shown, *others, "score", "chance"]].sort_values([*shown[:5], "metric"], ignore_index=True),
        concludes=True,
        switch=("predictor", "task"),
    )


def _described(cells: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Add the family of the model and the kind of the data."""
    families, kinds = families_of_models(units), kinds_of_data(units)
    return cells.assign(family=cells["model"].map(families), kind=cells["dataset"].map(kinds))


def _predictors(cells: pd.DataFrame, law: Law) -> list[PredictorAxis]:
    """Return the declared predictor, then the rate, the ratio alone and the mutual information, if cells have them."""
    others = (
        PredictorAxis("rate", "rate, nats"),
        PredictorAxis("signal", "signal-to-noise ratio"),
        PredictorAxis("information", "mutual information, nats"),
    )
    return [
        PredictorAxis("predictor", law_label(law), declared=True),
        *(each for each in others if cells[each.column].notna().any()),
    ]


def _panel(
    cells: pd.DataFrame, by_hand: pd.DataFrame, predictor: PredictorAxis, task: str, judged: JudgedLaw
) -> Drawing:
    """Draw the cells of one task."""
    here = cells[cells["task"].eq(task) & cells[predictor.column].notna()]
    here = here.sort_values(["dataset", "model", "variant"])
    hand = by_hand[by_hand["task"].eq(task)] if predictor.declared else by_hand.iloc[:0]
    here = here.assign(words=[_words(row, predictor) for row in records(here)])
    said = f"{predictor.label} and share kept. {'; '.join(here['words'])}."
    subject = Subject(task=(task,))
    title = f"{task_label(task)}, {predictor.label}"
    with panel("law", title, said, height=HEIGHT, left=0.13, subject=subject) as drawn:
        axes = drawn.axes
        for level in (0, 1):
            axes.axhline(level, color=FAINT, linewidth=0.6)
        if predictor.declared:
            _curve(axes, judged, task, float(pd.concat([here[predictor.column], hand["predictor"]]).max()))
        kept = hand["retention"].clip(LOWEST, HIGHEST)
        axes.plot(hand["predictor"], kept, "x", color=colour(BY_HAND_COLOUR), markersize=3, alpha=0.8)
        for (family, kind, seen), part in here.groupby(["family", "kind", "seen"], sort=True):
            x, y = part[predictor.column].clip(lower=LEAST), part["retention"].clip(LOWEST, HIGHEST)
            number = number_of(str(family), str(kind))
            scatter(axes, x, y, number, filled=not seen, size=18, words=part["words"].tolist())
        axes.set_xscale("log")
        axes.set(xlabel=predictor.label, ylim=(LOWEST - 0.05, HIGHEST + 0.05))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    return drawn.drawing


def _words(row: Mapping[str, Any], predictor: PredictorAxis) -> str:
    """Say what a mark is and where it stands."""
    name = model_label(row["model"], row["variant"])
    return f"{row['dataset']}, {name}: {row[predictor.column]:.3g}, {numbers.share(row['retention'])}"


def _curve(axes: Axes, judged: JudgedLaw, task: str, most: float) -> None:
    """Draw the law with the task's fitted constant, and its band."""
    fitted = judged.parameters
    row = fitted[fitted["form"].eq(CONSTANTS) & fitted["parameter"].eq(task)].iloc[0]
    x = np.geomspace(LEAST, max(1e2, most), 120)
    if np.isfinite([row["low"], row["high"]]).all():
        ends = [x / (np.exp(np.clip(row[end], -50, 50)) + x) for end in ("high", "low")]
        axes.fill_between(x, *ends, color=FAINT, alpha=0.2, linewidth=0)
    if np.isfinite(row["estimate"]):
        axes.plot(x, x / (np.exp(row["estimate"]) + x), color=INK, linewidth=1.2)


def _series(cells: pd.DataFrame, by_hand: pd.DataFrame) -> tuple[Series, ...]:
    named = series_of(set(cells["family"]))
    return (*named, Series(BY_HAND, BY_HAND_COLOUR)) if len(by_hand) else named


def _caption(judged: JudgedLaw, by_hand: int) -> str:
    """Say what the figure shows, and the error of the law on seen and on fresh cells."""
    errors = records(judged.errors[judged.errors["form"].eq(CONSTANTS)])
    parts = [f"{numbers.percent(row['error'])} points on {row['cells_are']} cells" for row in errors]
    hand = (
        f" Crosses: {numbers.counted(by_hand, 'cell')} with noise by hand, equal in all dimensions." if by_hand else ""
    )
    return (
        "The share of its mean’s score above chance that one sample keeps. Each mark is a trained model on a dataset: "
        "diamonds graphs, squares images, circles other tables; filled if fresh, hollow if seen before the analysis "
        f"was declared.{hand} Line and band: the law with the task’s constant and its 95 % interval over datasets. "
        f"Error on informative cells: {' and '.join(parts)} ({judged.word}). Marks beyond an axis stand at its end."
    )
