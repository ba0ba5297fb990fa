"""What the claim's sources say that a posterior does, as differences between a noisy model and its point twin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.statistics.inference import interval_of_mean
from benchmark.statistics.means import Twins
from benchmark.statistics.over_datasets import FEWEST_DATASETS
from benchmark.statistics.scores import ARM

HOLDS, FAILS, OPEN = "holds", "does not hold", "undecided"
STRENGTHS = (0.1, 0.2, 0.5, 1.0, 2.0)  # τ of the diagnostic robustness_scaled, after its first entry without noise
JUDGED_STRENGTH = 1.0  # noise as large as the latents' spread
UNSEEN = "unseen rows"
_PAIR = ["story", "quantity", "model", "variant", "point", "point_variant"]
NUMBER_COLUMNS = [*ARM, "seed", "quantity", "value"]
EFFECT_COLUMNS = [*_PAIR, "dataset", "seed", "value", "value_of_point", "effect", "collapsed"]
STORY_COLUMNS = [*_PAIR, "effect", "low", "high", "over", "datasets", "seeds", "verdict"]


@dataclass(frozen=True, slots=True)
class Story:
    """One thing that the sources say of a posterior.

    Attributes:
        name: Its name.
        quantity: The number of a trained model that it is about.
        sign: +1 if a noisy model should have more of it than its point twin, −1 if less.
        relative: Whether the effect is (noisy − point)/(|noisy| + |point|), for quantities without a common scale.
    """

    name: str
    quantity: str
    sign: float
    relative: bool


STORIES: tuple[Story, ...] = (
    Story("continuity", "unevenness", -1.0, relative=True),
    Story("completeness", "precision", 1.0, relative=False),
    Story("completeness", "recall", 1.0, relative=False),
    Story("completeness, own Gaussian", "precision, own Gaussian", 1.0, relative=False),
    Story("completeness, own Gaussian", "recall, own Gaussian", 1.0, relative=False),
    Story("robustness", "cost of noise", -1.0, relative=True),
    Story("overfitting", UNSEEN, -1.0, relative=True),
)
DYNAMICS = "noise dynamics"
IN_ORDER = ("continuity", "completeness", "completeness, own Gaussian", DYNAMICS, "robustness", "overfitting")
SHRINKS, GROWS = "shrinks first", "grows again"
QUANTITIES = tuple(
    quantity
    for name in IN_ORDER
    for quantity in ((SHRINKS, GROWS) if name == DYNAMICS else (each.quantity for each in STORIES if each.name == name))
)
_PLAIN = {
    "unevenness": "continuity",
    "precision": "completeness_precision",
    "recall": "completeness_recall",
    "precision, own Gaussian": "completeness_precision_fitted",
    "recall, own Gaussian": "completeness_recall_fitted",
}


def story_numbers(units: pd.DataFrame, row_sets: tuple[str, str]) -> pd.DataFrame:
    """Read the quantities of STORIES, and those of the noise over training, from the diagnostics of complete units.

    Args:
        units: The units, with ``degenerate`` as ``judge_units`` says it. Degenerate units are left out.
        row_sets: Names of the units of seen and of unseen rows.

    Returns:
        One row for each unit and quantity that is known.

        - "unevenness": the largest step over the mean step of a decoded line.
        - "precision" and "recall" of decoded samples of the prior, and of the Gaussian with the latents' moments.
        - "cost of noise": the reconstruction, in nats per row, of the mean plus noise as large as the latents' spread,
          minus that of the mean.
        - "unseen rows": reconstruction of the mean on unseen rows minus that on seen rows, in nats per row. It has the
          name of the seen rows as its edge set.
        - "shrinks first": log(σ of the first epoch / least σ). "grows again": log(σ of the last epoch / least σ).
    """
    here = units[units["status"].eq("complete") & ~units["degenerate"].astype(bool)]
    names = here[[*ARM, "seed"]].itertuples(index=False, name=None)
    found = [(name, json.loads(text)) for name, text in zip(names, here["diagnostics"], strict=True)]
    rows = [
        (*name, quantity, float(value))
        for name, diagnostics in found
        if name[3] not in row_sets
        for quantity, value in _of_unit(diagnostics.get("mechanisms") or {})
    ]
    nats = {name: diagnostics.get("reconstruction_mean") for name, diagnostics in found}
    for (*arm, unit, seed), seen in nats.items():
        unseen = nats.get((*arm, row_sets[1], seed))
        if unit == row_sets[0] and seen is not None and unseen is not None:
            rows.append((*arm, unit, seed, UNSEEN, float(unseen) - float(seen)))
    numbers = pd.DataFrame(rows, columns=NUMBER_COLUMNS)
    return numbers[np.isfinite(numbers["value"].astype(float))].sort_values(NUMBER_COLUMNS[:-1], ignore_index=True)


def _of_unit(found: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    def number(value: object) -> float:
        return float(value) if isinstance(value, int | float) else np.nan

    for quantity, diagnostic in _PLAIN.items():
        if diagnostic in found:
            yield quantity, number(found[diagnostic])
    costs = found.get("robustness_scaled")
    if isinstance(costs, list):
        yield "cost of noise", number(costs[1 + STRENGTHS.index(JUDGED_STRENGTH)]) - number(costs[0])
    if "noise_least" in found:
        least = number(found["noise_least"])
        for quantity, diagnostic in ((SHRINKS, "noise_start"), (GROWS, "noise_end")):
            end = number(found[diagnostic])
            yield quantity, float(np.log(end / least)) if least > 0 and end > 0 else np.nan


def story_effects(
    numbers: pd.DataFrame, units: pd.DataFrame, twins: Sequence[Twins], *, least_rate: float
) -> pd.DataFrame:
    """Compare noisy models with their point twins, paired by seed.

    Args:
        numbers: The frame that ``story_numbers`` returns.
        units: The units, with their ``rate``.
        twins: The pairs.
        least_rate: A noisy model with a lower median rate on a dataset is collapsed there.

    Returns:
        One row for each story, quantity, pair, dataset and seed with numbers of both. Edge sets are averaged.

        - ``value``, ``value_of_point``: the quantity of both.
        - ``effect``: noisy − point, or its relative form, times the sign of the story. Above 0 speaks for the story.
        - ``collapsed``: a decoder that ignores its latent is even, complete and robust for this reason alone.

        The noise over training has no twin: its effect is the logarithm itself, and the names of the point are empty.
        Noise that training does not change is left out.
    """
    arm = ["dataset", "model", "variant"]
    seeds = numbers.groupby([*arm, "quantity", "seed"], sort=True)["value"].mean().reset_index()
    parts = [
        seeds[seeds["quantity"].isin([SHRINKS, GROWS]) & _of_learned_noise(seeds, twins)].assign(
            story=DYNAMICS, point="", point_variant="", value_of_point=np.nan, effect=lambda frame: frame["value"]
        )
    ]
    of_side = {(*name,): here for name, here in seeds.groupby(["model", "variant", "quantity"], sort=True)}
    for story in STORIES:
        for noisy, point in twins:
            ours, theirs = (of_side.get((side.model, side.variant, story.quantity)) for side in (noisy, point))
            if ours is not None and theirs is not None:
                other = theirs[["dataset", "seed", "value"]]
                both = ours.merge(other, on=["dataset", "seed"], suffixes=("", "_of_point"))
                gap = both["value"] - both["value_of_point"]
                scale = (
                    (both["value"].abs() + both["value_of_point"].abs()).replace(0.0, 1.0) if story.relative else 1.0
                )
                names = {"story": story.name, "point": point.model, "point_variant": point.variant}
                parts.append(both.assign(effect=story.sign * gap / scale, **names))
    rates = units.groupby(arm)["rate"].median()
    found = pd.concat(parts, ignore_index=True)
    low = set(rates[rates < least_rate].index)
    found["collapsed"] = [name in low for name in found[arm].itertuples(index=False, name=None)]
    return found[EFFECT_COLUMNS]


def _of_learned_noise(seeds: pd.DataFrame, twins: Sequence[Twins]) -> pd.Series[bool]:
    """Return whether each row is of a noisy side whose noise changes in training at all."""
    arm = ["dataset", "model", "variant"]
    noisy = {(pair.noisy.model, pair.noisy.variant) for pair in twins}
    asked = np.array([name in noisy for name in seeds[["model", "variant"]].itertuples(index=False, name=None)], bool)
    changes = seeds["value"].ne(0) & seeds["quantity"].isin([SHRINKS, GROWS])
    return changes.groupby([seeds[name] for name in arm]).transform("any") & asked


def story_cells(effects: pd.DataFrame) -> pd.DataFrame:
    """Average the effects of each dataset over seeds.

    Returns:
        One row for each story, quantity, pair and dataset.

        - ``value``, ``value_of_point``, ``effect``: means over ``seeds``.
        - ``low``, ``high``: the ends of the 95 % t interval of the effect; NaN for one seed.
    """
    cells = effects.groupby([*_PAIR, "dataset"], sort=False)
    found = cells[["value", "value_of_point", "effect"]].mean()
    found["seeds"], found["collapsed"] = cells.size(), cells["collapsed"].first()
    low, high = interval_of_mean(found["effect"], cells["effect"].std(), found["seeds"])
    return found.assign(low=low, high=high).reset_index()


def story_verdicts(effects: pd.DataFrame, *, margin: float) -> pd.DataFrame:
    """Judge each story for each pair. Cells that are collapsed are left out.

    Args:
        effects: The frame that ``story_effects`` returns.
        margin: Smaller effects do not matter.

    Returns:
        One row for each story, quantity and pair.

        - ``effect``, ``low``, ``high``: the mean over datasets with its 95 % t interval. With five datasets or more it
          is over datasets. With fewer it is over the seeds that all datasets have, and says nothing of other data.
        - ``over``: "datasets" or "seeds". ``datasets``, ``seeds``: their numbers.
        - ``verdict``: HOLDS if the interval lies above 0; FAILS if it lies below the margin; otherwise OPEN, also
          without an interval. An interval above 0 and below the margin FAILS: the effect is too small to matter.
    """
    rows = []
    for names, here in effects[~effects["collapsed"].astype(bool)].groupby(_PAIR, sort=False):
        wide = here.pivot_table(index="seed", columns="dataset", values="effect")
        datasets, shared = wide.shape[1], wide.dropna()
        over = "datasets" if datasets >= FEWEST_DATASETS else "seeds"
        values = (wide.mean() if over == "datasets" else shared.mean(axis=1)).to_numpy(float)
        mean = values.mean() if len(values) else np.nan
        low, high = interval_of_mean(mean, values.std(ddof=1) if len(values) > 1 else np.nan, len(values))
        rows.append((*names, mean, float(low), float(high), over, datasets, len(shared)))
    found = pd.DataFrame(rows, columns=STORY_COLUMNS[:-1])
    found["verdict"] = np.select([found["high"].lt(margin), found["low"].gt(0)], [FAILS, HOLDS], OPEN)
    return found[STORY_COLUMNS]


def joint_verdict(verdicts: Iterable[str]) -> str:
    """Judge a story of several parts: it holds if all do, and does not if one does not.

    >>> joint_verdict(["holds", "undecided"]), joint_verdict(["holds", "does not hold"])
    ('undecided', 'does not hold')
    """
    found = set(verdicts)
    return HOLDS if found == {HOLDS} else FAILS if FAILS in found else OPEN
