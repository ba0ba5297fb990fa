"""``benchmark.assess``: what noise and collapse do to a latent, from the latent alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.rng import generator
from benchmark.latents.diagnostics import diagnose
from benchmark.latents.latent_files import LatentFile
from benchmark.latents.latents import Latents
from benchmark.own_latents.assessment import USES, Assessment, Scores, Share
from benchmark.own_latents.own_scores import OwnLatents, given_latents, scores_of
from benchmark.own_latents.shipped_law import ShippedLaw, shipped_law
from benchmark.statistics import MEAN, retentions
from benchmark.statistics.noise_kinds import BY_ROW, EQUAL, SMALL, SPHERICAL
from benchmark.statistics.predictors import averaging, latent_predictors
from benchmark.study.analysis import Gates
from benchmark.study.schema import Side
from benchmark.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd

CHANCE = "random"  # the readout of noise in ``Assessment.frame_of_scores``
AVERAGES = (1, 4, 16)  # numbers of averaged draws
GATES = Gates()
NOT_RANK = (
    f"the effective rank is below {GATES.least_rank:g}, so the rows lie almost on a line: the training may have failed"
)
NO_STD = (
    "Without std: no rate, no signal-to-noise ratio, nothing about collapse, and no prediction of what a sample keeps"
)
OTHER_PRIOR = "the rate is measured against N(0, I); if your prior is another one, it is not the rate of your objective"


def assess(
    mean: Any, std: Any = None, y: Any = None, *, seeds: int = 5, draws: int = 5, workers: int = 1
) -> Assessment:
    """Say what noise and collapse do to a latent: rate, signal-to-noise ratio, and what a sample keeps.

    The law of the studies predicts the share of the mean's score above chance that a sample, and an average of 4 or 16
    samples, keep in clustering, classification and link prediction. With labels the same share is measured beside it,
    but for links. ``mean`` is not trained again: the interval of the measurement is that of the splits, the starts of
    k-means and the samples.

    Args:
        mean: Posterior means, [n, d]: an array, a list, a frame or a tensor. ``Latents`` bring their own ``std``.
        std: Standard deviations of Gaussian posteriors, [n, d]. Without them most cannot be said.
        y: The class of every row, [n], of any type. −1, NaN and None mean no label.
        seeds: Number of seeds of the measurement.
        draws: Number of samples under each seed.
        workers: Number of processes that measure. The scores do not depend on it.

    Raises:
        InputError: If a value is not finite, a standard deviation is negative, or shapes do not match.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> found = assess(rng.normal(size=(200, 4)), np.full((200, 4), 0.1))
    >>> found.collapsed, found.active_units, round(found.signal_to_noise_ratio)
    (False, 4, 100)
    """
    given, latents = given_latents(mean, std=std, y=y)
    law = shipped_law()
    found = diagnose(latents, seed=0, degrees=None)
    kind = _noise_kind(latents)
    shares: tuple[Share, ...] = ()
    notes = []
    if found["signal_to_noise_ratio"] is not None:
        shares = tuple(_predicted(found, given.mean.shape[1], kind, law))
        notes.append(OTHER_PRIOR)
    elif latents.std is not None:
        notes.append("every σ is 0, so a sample is the mean")
    elif not latents.noisy:
        notes.append(NO_STD)
    scored = None
    if given.y is not None:
        scored = _scored(given, latents, seeds, draws, workers)
        shares = _measured(shares, scored, given.mean.shape[1])
    rank = float(_number(found, "effective_rank") or 0.0)
    if rank < GATES.least_rank and given.mean.shape[1] >= GATES.rank_from:
        notes.append(NOT_RANK)
    rate = _number(found, "divergence")
    return Assessment(
        rows=len(given.mean),
        dimensions=given.mean.shape[1],
        noise=kind,
        rate=rate,
        signal_to_noise_ratio=_number(found, "signal_to_noise_ratio"),
        active_units=int(_number(found, "active_units") or 0),
        effective_rank=rank,
        collapsed=None if rate is None else rate < GATES.least_rate,
        least_rate=GATES.least_rate,
        shares=shares,
        scores=() if scored is None else tuple(_averages(scored)),
        frame_of_scores=scored,
        notes=tuple(notes),
        law=law,
    )


def _predicted(found: Mapping[str, Any], d: int, kind: str, law: ShippedLaw) -> Iterator[Share]:
    """Predict the share of every use and number of draws."""
    for task in (name for name in USES if name in law.tasks):
        for draws in AVERAGES:
            signal = latent_predictors(found, d, 0, law.tasks[task].coordinates, draws)["signal"]
            yield Share(task, draws, law.predict(task, signal, d, kind))


def _scored(given: LatentFile, latents: Latents, seeds: int, draws: int, workers: int) -> pd.DataFrame:
    """Score the latents, and noise of the same shape as the readout CHANCE."""
    import pandas as pd

    noise = Latents(generator(0, "assess", CHANCE).standard_normal(latents.mean.shape, dtype=np.float32))
    read = (MEAN, *map(averaging, AVERAGES))

    def scored(each: Latents) -> pd.DataFrame:
        asked = replace(OwnLatents.of(given, each), only=tuple(USES), readouts=read)
        return scores_of(asked, seeds=seeds, draws=draws, workers=workers)

    return pd.concat([scored(latents), scored(noise).assign(readout=CHANCE)], ignore_index=True)


def _averages(scored: pd.DataFrame) -> Iterator[Scores]:
    """Average the primary metric of every task over seeds."""
    means = scored.groupby(["task", "metric", "readout"])["value"].mean()
    for task, metric in _primary(scored).items():
        mean, sample, chance = (float(means.get((task, metric, name), nan)) for name in (MEAN, averaging(1), CHANCE))
        yield Scores(task, metric, mean, sample, chance)


def _primary(scored: pd.DataFrame) -> dict[str, str]:
    """The primary metric of every scored task."""
    return {task.name: task.primary for task in TASKS if task.name in set(scored["task"])}


def _measured(shares: Sequence[Share], scores: pd.DataFrame, d: int) -> tuple[Share, ...]:
    """Put the measured share beside every prediction that has one."""
    import pandas as pd

    chance = scores["readout"].eq(CHANCE)
    frame = scores.assign(
        dataset="own",
        model=np.where(chance, CHANCE, "own"),
        variant="",
        unit="all-edges",
        readout=scores["readout"].where(~chance, MEAN),
        draw=0,
        repeat=0,
        status="complete",
    )
    units = pd.DataFrame(
        [
            {
                "dataset": "own",
                "model": "own",
                "variant": "",
                "status": "complete",
                "settings": json.dumps({"latent": d}),
                "diagnostics": "{}",
            }
        ]
    )
    found = retentions(frame, units, _primary(scores), GATES, chance=Side(model=CHANCE, readout=MEAN), seed=0)
    rows = {(row["task"], row["readout"]): row for row in found.to_dict("records")}

    def beside(share: Share) -> Share:
        row = rows.get((share.task, averaging(share.draws)))
        if row is None:
            return share
        if not row["defined"]:
            return replace(share, unmeasured=str(row["reason"]))
        return replace(share, measured=float(row["retention"]), low=float(row["low"]), high=float(row["high"]))

    return tuple(map(beside, shares))


def _noise_kind(latents: Latents) -> str:
    """The kind of the noise, as ``statistics.noise_kinds`` names it."""
    if latents.std is None or not latents.std.any():
        return "" if latents.concentration is None else SPHERICAL
    return EQUAL if np.ptp(latents.std, axis=0).max() <= SMALL * latents.std.max() else BY_ROW


def _number(found: Mapping[str, Any], name: str) -> float | None:
    value = found[name]
    return None if value is None else float(value)
