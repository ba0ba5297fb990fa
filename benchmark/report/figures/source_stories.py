"""What the sources say that a posterior does: its effect for each pair of twins, by dataset and over datasets."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.report.figures.drawing import Chart, Drawing, PanelGroup, Series
from benchmark.report.figures.interval_rows import Mark, interval_rows
from benchmark.report.figures.kinds import number_of, series_of, shapes_said
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, model_label
from benchmark.report.subject import Subject
from benchmark.statistics.stories import GROWS, QUANTITIES, SHRINKS

TITLES = {
    "unevenness": "continuity: more even lines",
    "precision": "completeness: precision of prior samples",
    "recall": "completeness: recall of prior samples",
    "precision, own Gaussian": "precision with the latents’ own Gaussian",
    "recall, own Gaussian": "recall with the latents’ own Gaussian",
    "cost of noise": "robustness: noise costs less",
    "unseen rows": "overfitting: unseen rows cost less",
    SHRINKS: "noise dynamics: σ shrinks first",
    GROWS: "noise dynamics: σ grows again",
}


def source_stories(
    cells: pd.DataFrame,
    verdicts: pd.DataFrame,
    families: Mapping[str, str],
    kinds: Mapping[str, str],
    margin: float,
) -> Chart | None:
    """Draw a panel for each quantity, with a row for each noisy model; None if no study measured a story.

    Args:
        cells: The frame that ``statistics.story_cells`` returns.
        verdicts: The frame that ``statistics.story_verdicts`` returns.
        families: The family of each model.
        kinds: The kind of data of each dataset.
        margin: Smaller effects do not matter.
    """
    if cells.empty:
        return None
    shapes = shapes_said(kinds[name] for name in cells["dataset"])
    quantities = in_order(cells["quantity"], QUANTITIES)
    panels = tuple(_panel(cells, verdicts, quantity, families, kinds, margin) for quantity in quantities)
    return Chart(
        "stories",
        "What the sources say of a posterior",
        "Effects of the noisy model against its point twin, turned so that right of zero speaks for the source. "
        "They are differences of precision and recall; (twin − noisy)/(|twin| + |noisy|) of unevenness, of the cost "
        "of noise and of unseen rows; and logarithms of ratios of σ. A full mark is the mean with its 95 % "
        f"interval, which decides. Hollow marks are datasets. The band is the margin of {margin:g}.{shapes} "
        "Collapsed models are left out: a decoder that ignores its latent is even and robust for this reason alone.",
        (*series_of(families[name] for name in cells["model"]), Series("mean with its interval", 7)),
        (PanelGroup("", panels),),
        cells,
        concludes=True,
    )


def _panel(
    cells: pd.DataFrame,
    verdicts: pd.DataFrame,
    quantity: str,
    families: Mapping[str, str],
    kinds: Mapping[str, str],
    margin: float,
) -> Drawing:
    cells, verdicts = (frame[frame["quantity"].eq(quantity)] for frame in (cells, verdicts))
    arms = list(dict.fromkeys(cells[["model", "variant"]].itertuples(index=False, name=None)))
    marks = [
        Mark(arms.index((row["model"], row["variant"])), 0.22, row["effect"], number, hollow=True)
        for row in records(cells)
        if not row["collapsed"]
        for number in [number_of(families[row["model"]], kinds[row["dataset"]])]
    ]
    marks += [
        Mark(arms.index((row["model"], row["variant"])), -0.12, row["effect"], 7, row["low"], row["high"])
        for row in records(verdicts)
    ]
    told = [
        f"{model_label(row['model'], row['variant'])}: {row['effect']:.2f} ({row['low']:.2f} to {row['high']:.2f}), "
        f"{row['verdict']}".replace("-", "−")
        for row in records(verdicts)
    ]
    one_variant = len({variant for _, variant in arms}) == 1
    names = [model if one_variant else model_label(model, variant) for model, variant in arms]
    labels = axis_labels(names, 26)
    datasets = tuple(sorted(set(cells["dataset"])))
    return interval_rows(
        "stories",
        TITLES[quantity],
        f"Effects with 95 % intervals. {'; '.join(told)}.",
        [labels[name] for name in names],
        marks,
        xlabel="effect; right of zero speaks for the source",
        bands=(margin,),
        left=0.42,
        subject=Subject(
            datasets,
            tuple(dict.fromkeys(model for model, _ in arms)),
            tuple(dict.fromkeys(families[model] for model, _ in arms)),
        ),
    )
