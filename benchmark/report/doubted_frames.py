"""Changes of a study's frames that could break its answer. Each makes new frames and leaves its argument alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from benchmark.report.labels import CHANCE
from benchmark.statistics import ARM, judge_units, trains_at_all
from benchmark.study.analysis import Analysis, Gates
from benchmark.study.schema import Contrast, Study

TIMES_100, SHUFFLED = "-times-100", "-shuffled"  # ends of the names of the tasks of the study doubts


class Frames(NamedTuple):
    """A study with its frames."""

    study: Study
    scores: pd.DataFrame
    units: pd.DataFrame


def where(frames: Frames, counts: Callable[[pd.DataFrame], pd.Series[bool]]) -> Frames:
    """Return the rows of both frames that count."""
    return Frames(frames.study, frames.scores[counts(frames.scores)], frames.units[counts(frames.units)])


def half_of_seeds(frames: Frames, *, odd: bool) -> Frames:
    """Return every second seed."""
    return where(frames, lambda frame: frame["seed"].mod(2).eq(int(odd)))


def without_dataset(frames: Frames, *, name: str) -> Frames:
    """Return all datasets but one."""
    return where(frames, lambda frame: frame["dataset"].ne(name))


def one_draw(frames: Frames) -> Frames | None:
    """Return the first draw of each readout; None if there are no others."""
    others = frames.scores["draw"].gt(0)
    return frames._replace(scores=frames.scores[~others]) if others.any() else None


def in_place(frames: Frames, *, old: str, new: str) -> Frames | None:
    """Return the scores of one task under the name of another; None without such scores."""
    scores = frames.scores[frames.scores["task"].ne(old)]
    if not scores["task"].eq(new).any():
        return None
    return frames._replace(scores=scores.assign(task=scores["task"].replace(new, old)))


def moved_gates(frames: Frames, *, factor: float) -> Frames:
    """Return the frames with all gates times a factor. Of the least rank, the part above 1 is moved."""
    gates = frames.study.analysis.gates
    names = ("least_rate", "unreliable", "least_signal", "least_retained")
    moved = {name: getattr(gates, name) * factor for name in names}
    return with_gates(frames, moved | {"least_rank": 1 + (gates.least_rank - 1) * factor})


def with_gates(frames: Frames, changes: Mapping[str, float]) -> Frames:
    """Return the frames with other gates."""
    analysis = frames.study.analysis
    gates = Gates.model_validate(analysis.gates.model_dump() | dict(changes))
    changed = Analysis.model_validate(analysis.model_dump() | {"gates": gates})
    return frames._replace(study=frames.study.model_copy(update={"analysis": changed}))


def without_collapsed(frames: Frames) -> Frames | None:
    """Return the frames without collapsed models; None if none has collapsed."""
    gates = frames.study.analysis.gates
    trained = trains_at_all(judge_units(frames.units, gates), gates)
    dead = trained.loc[trained["collapsed"].astype(bool), ARM]
    if dead.empty:
        return None
    names = pd.MultiIndex.from_frame(dead)
    return where(frames, lambda frame: ~pd.Series(pd.MultiIndex.from_frame(frame[ARM]).isin(names), frame.index))


def of_dimensions(frames: Frames | None, *, d: int) -> Frames | None:
    """Return the twins of a study with d dimensions in place of those of its contrasts; None without such units."""
    label = f"latent={d}"
    if frames is None or not frames.units["variant"].eq(label).any():
        return None
    there = set(frames.units.loc[frames.units["variant"].eq(label), "model"])

    def moved(contrast: Contrast) -> Contrast:
        first, second = (side.model_copy(update={"variant": label}) for side in (contrast.first, contrast.second))
        return contrast.model_copy(update={"first": first, "second": second})

    kept = [each for each in frames.study.contrasts if {each.first.model, each.second.model} <= there]
    changed = frames._replace(study=frames.study.model_copy(update={"contrasts": tuple(map(moved, kept))}))
    return where(changed, lambda frame: frame["variant"].eq(label) | frame["model"].eq(CHANCE))


def with_ending(frames: Frames | None, *, end: str) -> Frames | None:
    """Return the tasks whose names have an end, under their names without it; None without such scores.

    Args:
        frames: The frames of the study ``doubts``, or None.
        end: TIMES_100, SHUFFLED, or empty for the tasks with neither.
    """
    if frames is None:
        return None
    tasks = frames.scores["task"]
    scores = frames.scores[tasks.str.endswith(end) if end else ~tasks.str.endswith((TIMES_100, SHUFFLED))]
    return None if scores.empty else frames._replace(scores=scores.assign(task=scores["task"].str.removesuffix(end)))
