"""The published protocol corrected one thing at a time: what each correction does to the gap between the twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from benchmark.statistics.inference import reach
from benchmark.statistics.scores import by_seed
from benchmark.study.origin import QUESTIONS, TWINS, Step, Twin, steps
from benchmark.study.schema import Start

_SIDE = ["model", "variant", "readout", "task", "metric"]
WATERFALL_COLUMNS = [
    *("start", "dataset", "task", "metric", "kind", "correction", "point", "variational", "seeds"),
    *("gap", "low", "high", "removed", "removed_low", "removed_high"),
]


def waterfall(scores: pd.DataFrame, starts: Sequence[Start], overlap: Mapping[str, float]) -> pd.DataFrame:
    """What each correction of the published protocol does to the gap, point − variational; a row for each protocol.

    ``point``, ``variational`` and ``gap`` are means over seeds under the protocol, the gap with a 95 % interval paired
    by seed; ``removed`` is the gap without the ``correction`` less the gap with it, all else being as in the protocol.
    Draws are averaged in the score and intervals made as in ``contrasts``. ``seeds`` counts those of the gap. Protocols
    and questions without a score are left out. Rows are in the order of ``starts``, datasets, questions and steps.
    """
    seeds = by_seed(scores)
    wide = seeds.pivot_table(index=["dataset", "seed"], columns=_SIDE, values="value")
    parts = [
        _of_steps(wide, list(steps(start)), question, overlap).assign(start=start, question=place)
        for start in starts
        for place, question in enumerate(QUESTIONS)
    ]
    if not parts:
        return pd.DataFrame(columns=WATERFALL_COLUMNS)
    found = pd.concat(parts, ignore_index=True)
    found["begun"] = found["start"].map(list(starts).index)
    return found.sort_values(["begun", "dataset", "question", "place"], ignore_index=True)[WATERFALL_COLUMNS]


def _of_steps(
    wide: pd.DataFrame, protocols: Sequence[Step], question: tuple[str, str], overlap: Mapping[str, float]
) -> pd.DataFrame:
    """The rows of one start and question, from scores by dataset and seed with a column for each cell."""
    nothing = pd.Series(np.nan, wide.index)

    def of(twin: Twin, step: Step) -> pd.Series[float]:
        side, primary = step.side(twin, question)
        key = (side.model, side.variant, side.readout, primary.task, primary.metric)
        return wide[key] if key in wide.columns else nothing

    point, variational = (pd.DataFrame([of(twin, step) for step in protocols]).T for twin in TWINS)
    for side in (point, variational):
        side.columns = pd.RangeIndex(len(protocols))
    gap = point - variational
    place = {step.made: number for number, step in reversed(list(enumerate(protocols)))}
    removed = gap * np.nan
    for number, step in enumerate(protocols):
        if step.correction:
            without, with_it = place[step.made - {step.correction}], place[step.made | {step.correction}]
            removed[number] = gap[without] - gap[with_it]
    widened = pd.Series([overlap.get(step.side("point", question)[1].task, 0.0) for step in protocols])
    found = pd.DataFrame(
        {
            "point": _over_seeds(point.where(gap.notna()), "mean"),
            "variational": _over_seeds(variational.where(gap.notna()), "mean"),
            "seeds": _over_seeds(gap, "count"),
        }
    )
    for name, ends, values in (("gap", ("low", "high"), gap), ("removed", ("removed_low", "removed_high"), removed)):
        mean, sd, count = (_over_seeds(values, what) for what in ("mean", "std", "count"))
        half = reach(sd, count, widened[count.index.get_level_values("place")])
        found[[name, *ends]] = np.stack([mean, mean - half, mean + half], axis=1)
    found = found[found["seeds"] > 0].reset_index()
    said = pd.DataFrame([(step.kind, step.correction) for step in protocols], columns=["kind", "correction"])
    return found.join(said, on="place").assign(task=question[0], metric=question[1])


def _over_seeds(values: pd.DataFrame, what: Literal["mean", "std", "count"]) -> pd.Series[float]:
    """That of each column, by dataset and column."""
    found = values.rename_axis(columns="place").groupby(level="dataset").agg(what)
    return found.melt(ignore_index=False, value_name=what).set_index("place", append=True)[what]
