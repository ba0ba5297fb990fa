"""Doubts: the answer of a study, computed again after one change that could break it.

Each check changes the frames, the analysis or the question. It then computes four things again: the share that the mean
keeps, the share that a sample keeps, the error of the law, and the words of the pooled questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import exp, nan
from typing import TypeAlias

import pandas as pd

from benchmark.core.names import find
from benchmark.report.doubted_frames import (
    SHUFFLED,
    TIMES_100,
    Frames,
    half_of_seeds,
    in_place,
    moved_gates,
    of_dimensions,
    one_draw,
    with_ending,
    with_gates,
    without_collapsed,
    without_dataset,
)
from benchmark.report.first_screen import points
from benchmark.report.found import RESAMPLING_SEED, Decisive, decisive
from benchmark.report.frame_rows import records
from benchmark.report.key_numbers import Kept, asked, averaged_over_datasets, kept_cells
from benchmark.report.labels import CONTROL, task_label
from benchmark.statistics import ARM, MEAN, NO_SIGNAL, NO_WORD, SIDES, retentions, scores_alive
from benchmark.statistics.inference import Floats
from benchmark.statistics.law import CONSTANTS, averaged_error
from benchmark.tasks import TASKS

LAW, WORD, HARNESS = "the law", "a word", "the harness"
DECLARED = "as declared"
DIMENSIONS = (2, 4, 8, 32, 64, 128)  # of the study rate; the others have 16
IN_PLACE = (  # tasks of the law, and the tasks that take their places
    ("k-means", "k-means-standardised"),
    ("k-means", "gaussian-mixture"),
    ("logistic-regression-few", "k-nearest-neighbours-few"),
    ("logistic-regression-few", "logistic-regression-many"),
)
COLUMNS = [
    *("check", "cells", "without_signal", "mean", "mean_low", "mean_high", "sample", "sample_low", "sample_high"),
    *("law_error", "law_word", "words", "changed", "largest", "breaks"),
]
_PADDED = re.compile(r"padded-(\d+)")


@dataclass(frozen=True, slots=True)
class Headline:
    """What decides the answer.

    Attributes:
        cells: Number of cells of the contrasts mean − point and sample − mean.
        without_signal: Number of those in which no side scores above chance.
        mean: What the mean keeps of the point's score above chance, without collapsed cells.
        sample: What a sample keeps of the mean's score above chance, without collapsed cells.
        law_error: Mean absolute error of the law with task constants on informative cells; NaN without a law.
        law_word: The verdict on the law; empty without a law.
        words: The word of each pooled question that has one.
        core: The statistics behind these.
    """

    cells: int
    without_signal: int
    mean: Kept
    sample: Kept
    law_error: float
    law_word: str
    words: Mapping[str, str]
    core: Decisive


@dataclass(frozen=True, slots=True)
class Doubt:
    """One change.

    Attributes:
        name: The change, in words.
        change: Makes the changed frames from those of the studies; None if they lack what the check needs.
        coordinates: The coordinates of tasks that the change puts in place of others.
    """

    name: str
    change: Callable[[Mapping[str, Frames]], Frames | None]
    coordinates: Mapping[str, str] = field(default_factory=dict)


def doubts(frames: Mapping[str, Frames], overlap: Mapping[str, float]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Try to break the answer of the first study.

    Args:
        frames: The study in doubt, then others with evidence: ``rate`` has other numbers of dimensions, ``noise``
            appended dimensions, ``doubts`` a shuffled truth and scaled latents.
        overlap: Test rows over training rows, for each task with overlapping splits.

    Returns:
        One row for the declared answer and one for each check, and the checks that the frames have no scores for.

        - ``mean``, ``sample`` with ``_low`` and ``_high``: what the mean keeps of the point, and a sample of the mean,
          averaged over datasets, without collapsed cells, with their 95 % intervals.
        - ``law_error``, ``law_word``: error on informative cells, and the verdict.
        - ``words``, ``changed``: number of pooled questions with a word before and after, and how those that changed
          read now.
        - ``largest``: the largest change of the average score of a cell, if no score may change. NaN for others.
        - ``breaks``: LAW if the law errs by more than the declared ``rule_of_thumb``, WORD if a word changes sides,
          HARNESS if a score appears that cannot be there. Several are joined by a comma.
    """
    name = next(iter(frames))
    base = frames[name]
    declared = answer(base, overlap)
    limit = base.study.analysis.law.rule_of_thumb
    rows, missing = [compared(DECLARED, declared, declared, limit)], []
    for check in _checks(base, declared):
        changed = check.change(frames)
        if changed is None or changed.scores.empty:
            missing.append(check.name)
            continue
        found = answer(changed, overlap, check.coordinates)
        rows.append(compared(check.name, declared, found, limit))
    for special in (where_the_law_errs_most, noise_appended, times_100, truth_shuffled):
        row = special(frames, declared, overlap, limit)
        if isinstance(row, str):
            missing.append(row)
        else:
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS), tuple(missing)


def answer(frames: Frames, overlap: Mapping[str, float], coordinates: Mapping[str, str] | None = None) -> Headline:
    """Compute what decides the answer. Arguments as in ``decisive``."""
    core = decisive(*frames, overlap, coordinates)
    names = asked(core.declared, points(core.units))
    mean, sample = (kept_cells(core, names[side]) for side in ("mean", "sample"))
    cells = core.contrasts[core.contrasts["contrast"].isin([*names["mean"], *names["sample"]])]
    named = core.overall[core.overall["word"].ne(NO_WORD)]
    questions = named["family"] + ", " + named["graphs"] + ", " + named["task"].map(task_label)
    return Headline(
        cells=len(cells),
        without_signal=int(cells["signal"].eq(NO_SIGNAL).sum()),
        mean=averaged_over_datasets(mean[~mean["collapsed"]]),
        sample=averaged_over_datasets(sample[~sample["collapsed"]]),
        law_error=_law_error(core),
        law_word="" if core.law is None else core.law.word,
        words=dict(zip(questions, named["word"], strict=True)),
        core=core,
    )


def _law_error(core: Decisive) -> float:
    """Return the error of the law on informative cells, seen and fresh together; NaN without a law."""
    if core.law is None:
        return nan
    cells = core.law.cells[core.law.cells["informative"] & core.law.cells["predicted"].notna()]
    return averaged_error(cells, _off(cells)) if len(cells) else nan


def _off(cells: pd.DataFrame) -> Floats:
    off: Floats = (cells["predicted"] - cells["retention"]).abs().to_numpy(float)
    return off


def compared(name: str, before: Headline, after: Headline, limit: float, largest: float = nan) -> dict[str, object]:
    """Return the row of a check. Arguments and columns as in ``doubts``."""
    common = [question for question in before.words if question in after.words]
    changed = [question for question in common if before.words[question] != after.words[question]]
    turned = any(SIDES[before.words[each]] * SIDES[after.words[each]] < 0 for each in changed)
    breaks = [LAW] if after.law_error > limit else []
    return {
        "check": name,
        "cells": after.cells,
        "without_signal": after.without_signal,
        **_ends("mean", after.mean),
        **_ends("sample", after.sample),
        "law_error": after.law_error,
        "law_word": after.law_word,
        "words": len(common),
        "changed": "; ".join(f"{each}: {before.words[each]} → {after.words[each]}" for each in changed),
        "largest": largest,
        "breaks": ", ".join([*breaks, *([WORD] if turned else [])]),
    }


def _ends(name: str, kept: Kept) -> dict[str, float]:
    return {name: kept.share, f"{name}_low": kept.low, f"{name}_high": kept.high}


def _checks(base: Frames, declared: Headline) -> Iterator[Doubt]:
    """Yield the checks that compute the whole answer again."""

    def of_base(change: Callable[[Frames], Frames | None]) -> Callable[[Mapping[str, Frames]], Frames | None]:
        return lambda _: change(base)

    for odd, word in ((False, "even"), (True, "odd")):
        yield Doubt(f"{word} seeds alone", of_base(partial(half_of_seeds, odd=odd)))
    yield Doubt("one draw of each posterior", of_base(one_draw))
    for old, new in IN_PLACE:
        coordinates = {old: find(TASKS, "task", new).coordinates}
        yield Doubt(f"{new} for {old}", of_base(partial(in_place, old=old, new=new)), coordinates)
    for factor, word in ((0.5, "halved"), (2.0, "doubled")):
        yield Doubt(f"all gates {word}", of_base(partial(moved_gates, factor=factor)))
    yield Doubt("no unit is degenerate by its rank", of_base(partial(with_gates, changes={"least_rank": 1.0})))
    yield Doubt("without collapsed cells", of_base(without_collapsed))
    for name in dict.fromkeys(declared.core.units["dataset"]):
        yield Doubt(f"without {name}", of_base(partial(without_dataset, name=name)))
    for d in DIMENSIONS:
        yield Doubt(f"d = {d}", lambda frames, d=d: of_dimensions(frames.get("rate"), d=d))  # type: ignore[misc]


Special: TypeAlias = dict[str, object] | str  # a row, or the name of a check without scores


def where_the_law_errs_most(
    _frames: Mapping[str, Frames], declared: Headline, _overlap: Mapping[str, float], limit: float
) -> Special:
    """The law on the dataset and task on which it errs most."""
    if declared.core.law is None:
        return "the dataset and task on which the law errs most"
    cells = declared.core.law.cells
    cells = cells[cells["informative"] & cells["predicted"].notna()]
    parts = cells.assign(off=_off(cells)).groupby(["dataset", "task"])["off"].agg(["mean", "size"]).reset_index()
    worst = records(parts.nlargest(1, "mean"))[0]
    name = f"the law on {worst['dataset']}, {task_label(worst['task'])} alone, on which it errs most"
    return _of_law(name, worst["mean"], limit) | {"cells": worst["size"]}


def _of_law(name: str, error: float, limit: float) -> dict[str, object]:
    return dict.fromkeys(COLUMNS, nan) | {
        "check": name,
        "law_error": error,
        "law_word": "",
        "changed": "",
        "breaks": LAW if error > limit else "",
    }


def noise_appended(
    frames: Mapping[str, Frames], declared: Headline, overlap: Mapping[str, float], limit: float
) -> Special:
    """The law on means with appended dimensions of pure noise. It predicts d/k for the signal-to-noise ratio."""
    name = "dimensions of pure noise appended to the mean"
    noise, law = frames.get("noise"), declared.core.law
    if noise is None or law is None or not noise.scores["readout"].str.fullmatch(_PADDED).any():
        return name
    analysis = noise.study.analysis
    constants = law.parameters[law.parameters["form"].eq(CONSTANTS) & law.parameters["estimate"].notna()]
    constant = {row["parameter"]: exp(row["estimate"]) for row in records(constants)}
    core = decisive(*noise, overlap)
    padded = core.scores["readout"].eq(MEAN) | core.scores["readout"].str.fullmatch(_PADDED)
    primary = {task.name: task.primary for task in TASKS if task.name in constant}
    cells = retentions(
        scores_alive(core.scores[padded], core.units),
        core.units,
        primary,
        analysis.gates,
        chance=CONTROL,
        seed=RESAMPLING_SEED,
    )
    cells = cells[cells["defined"].astype(bool) & cells["dimensions"].gt(0)]
    cells = cells.merge(core.trained.loc[core.trained["reliable"], ARM], on=ARM)
    if cells.empty:
        return name
    d, k = cells["dimensions"], cells["readout"].str.extract(_PADDED)[0].astype(int)
    u = (d / k) ** analysis.law.exponent * (d + k) ** analysis.law.dimensions
    cells = cells.assign(predicted=u / (cells["task"].map(constant) + u))
    low, high = analysis.law.informative
    informative = cells[["predicted", "retention"]].apply(lambda part: part.between(low, high)).any(axis=1)
    cells = cells[informative]
    return _of_law(name, averaged_error(cells, _off(cells)), limit) | {"cells": len(cells)} if len(cells) else name


def times_100(frames: Mapping[str, Frames], _declared: Headline, overlap: Mapping[str, float], limit: float) -> Special:
    """The same latents times 100: no score may change."""
    name = "latents times 100"
    plain, scaled = (with_ending(frames.get("doubts"), end=end) for end in ("", TIMES_100))
    if plain is None or scaled is None:
        return name
    before, after = answer(plain, overlap), answer(scaled, overlap)
    cell = ["dataset", "model", "variant", "unit", "readout", "task", "metric"]
    primary = {(task.name, task.primary) for task in TASKS}
    averages = [
        each.scores[pd.MultiIndex.from_frame(each.scores[["task", "metric"]]).isin(primary)]
        .groupby(cell)["value"]
        .mean()
        for each in (plain, scaled)
    ]
    return compared(name, before, after, limit, largest=float((averages[1] - averages[0]).abs().max()))


def truth_shuffled(
    frames: Mapping[str, Frames], declared: Headline, overlap: Mapping[str, float], _limit: float
) -> Special:
    """A shuffled truth: no cell may have a signal."""
    name = "labels and edges shuffled"
    without = with_ending(frames.get("doubts"), end=SHUFFLED)
    if without is None:
        return name
    found = answer(without, overlap)
    row = compared(name, declared, found, nan)
    return row | {"breaks": HARNESS if found.without_signal < found.cells else "", "words": 0, "changed": ""}


def share_in_words(kept: float | None, low: float | None, high: float | None) -> str:
    """Write a share with its interval; None is missing.

    >>> share_in_words(0.97, 0.93, 1.01), share_in_words(0.5, None, None), share_in_words(None, None, None)
    ('97 % (93 to 101)', '50 %', '–')
    """
    if kept is None:
        return "–"
    return f"{100 * kept:.0f} %" + ("" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})")
