"""Retention against the strength of noise: by hand, and of posteriors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmark.report import numbers
from benchmark.report.figures.drawing import FAINT, Chart, Drawing, PanelGroup, Series, colour, dash, mark, panel
from benchmark.report.figures.kinds import number_of, shapes_said
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import model_label, question
from benchmark.report.mechanism import POSTERIOR, SAME, SAME_PROFILE, TWIN
from benchmark.report.subject import Subject

HEIGHT = 2.6  # inches
LOWEST, HIGHEST = -0.15, 1.15  # of the retention axis; ends beyond are in the data
FEWEST = 3  # datasets; with fewer, the interval over datasets covers everything and is not drawn
KINDS = {POSTERIOR: 1, SAME_PROFILE: 2, SAME: 0, TWIN: 8 + 3}  # the numbers of colours and marks


def noise_by_hand(
    curves: pd.DataFrame, over: pd.DataFrame, tasks: Sequence[str], kinds: Mapping[str, str]
) -> Chart | None:
    """Draw a panel for each task; None without noise by hand.

    Args:
        curves: The frame that ``statistics.noise_curves`` returns.
        over: The same over datasets.
        tasks: The tasks in the order of the panels.
        kinds: The kind of data of each dataset, which chooses the shape of a mark.
    """
    if not curves["kind"].isin([SAME_PROFILE, SAME, TWIN]).any():
        return None
    panels = []
    for task in in_order(curves["task"], tasks):
        here, averages = (frame[frame["task"].eq(task)] for frame in (curves, over))
        panels.append(_panel(here, averages, question(task, here["metric"].iloc[0]), task, kinds))
    datasets, shapes = curves["dataset"].nunique(), shapes_said(kinds[name] for name in curves["dataset"])
    return Chart(
        "noise-by-hand",
        "A posterior’s noise and noise by hand",
        "The share of the mean’s score above chance that a noisy readout keeps, by the strength of the noise; to "
        "the left the noise is larger. Lines are noise by hand, averaged over "
        f"{numbers.counted(datasets, 'dataset')}; bands are 95 % intervals over datasets, drawn from {FEWEST} "
        "datasets on. Marks are samples of a trained posterior on one dataset, with a 95 % interval over seeds."
        f"{shapes} If variation harmed by more than its noise, the marks would lie below the lines.",
        tuple(Series(kind, number) for kind, number in KINDS.items() if kind in set(curves["kind"])),
        (PanelGroup("", tuple(panels)),),
        curves,
        concludes=True,
    )


def _panel(cells: pd.DataFrame, averages: pd.DataFrame, title: str, task: str, kinds: Mapping[str, str]) -> Drawing:
    lines = averages[averages["kind"].ne(POSTERIOR)].sort_values("x", kind="stable")
    own = cells[cells["kind"].eq(POSTERIOR)]
    told = [
        f"{kind}: " + ", ".join(f"{row['retention']:.2f} at {row['x']:g}" for row in records(here))
        for kind, here in lines.groupby("kind", sort=False)
    ]
    told += [
        f"{model_label(row['model'], row['variant'])} on {row['dataset']}: {row['retention']:.2f} at {row['x']:.2g}"
        for row in records(own.sort_values(["model", "variant", "dataset"]))
    ]
    said = f"Retention by √d · SNR. {'; '.join(told)}.".replace("-0.", "−0.")
    subject = Subject(dataset=tuple(sorted(set(cells["dataset"]))), task=(task,))
    with panel("noise-by-hand", title, said, height=HEIGHT, subject=subject) as drawn:
        axes = drawn.axes
        for level in (0, 1):
            axes.axhline(level, color=FAINT, linewidth=0.6)
        for kind, number in KINDS.items():
            here = lines[lines["kind"].eq(kind)]
            if not here.empty:
                _line(axes, here, number)
        number = KINDS[POSTERIOR]
        ends = own[["low", "high"]].clip(LOWEST, HIGHEST)
        axes.vlines(own["x"], ends["low"], ends["high"], color=colour(number), linewidth=0.8)
        for kind, here in own.groupby(own["dataset"].map(kinds)):
            shape = mark(number_of("", str(kind)))
            axes.plot(here["x"], here["retention"].clip(LOWEST, HIGHEST), shape, color=colour(number), markersize=3.2)
        axes.set_xscale("log")
        axes.set(xlabel="√d · signal-to-noise ratio", ylabel="retention", ylim=(LOWEST, HIGHEST))
    return drawn.drawing


def _line(axes: Axes, here: pd.DataFrame, number: int) -> None:
    """Draw the line of one kind of noise, with its band where there are enough datasets."""
    ink = colour(number)
    x, y = here["x"].to_numpy(float), here["retention"].to_numpy(float)
    enough = here["datasets"].to_numpy(int) >= FEWEST
    low, high = (np.where(enough, here[end].to_numpy(float), np.nan).clip(LOWEST, HIGHEST) for end in ("low", "high"))
    axes.fill_between(x, low, high, color=ink, alpha=0.15, linewidth=0)
    axes.plot(x, y.clip(LOWEST, HIGHEST), dash(number), marker=mark(number), markersize=2.4, color=ink, linewidth=1.3)
