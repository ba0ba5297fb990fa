"""Rows that training saw against rows that it did not see: reconstruction, rate and scores of one latent on both."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd

from benchmark.statistics.scores import by_seed

RECONSTRUCTION, RATE = "reconstruction", "rate"
_ARM = ["dataset", "model", "variant"]
_QUESTION = [*_ARM, "readout", "task", "metric"]
SEEN_COLUMNS = [*_QUESTION, "seeds", "seen", "unseen", "difference", "sd"]
_DIAGNOSTICS = (  # readout, task, and the diagnostic with its value
    ("mean", RECONSTRUCTION, "reconstruction_mean"),
    ("sampled", RECONSTRUCTION, "reconstruction_sample"),
    ("", RATE, "divergence"),
)


def seen_and_unseen(scores: pd.DataFrame, units: pd.DataFrame, sets: tuple[str, str]) -> pd.DataFrame:
    """Compare held-out rows with as many training rows, paired by seed.

    Only complete units count: a training that diverged has the constant latent on both sets, without a difference.

    Args:
        scores: The scores, with those of edge sets, which are ignored.
        units: The units, whose diagnostics have nats per row.
        sets: Names of the units of seen and of unseen rows.

    Returns:
        One row for each dataset, model, variant, readout, task and metric.

        - ``task`` is "reconstruction" or "rate" for nats per row, with the metric "nats". The rate has no readout.
        - ``seen``, ``unseen``: means over the ``seeds`` with both values, after draws and repeats are averaged.
        - ``difference``, ``sd``: mean and standard deviation (divisor n − 1) over seeds of unseen − seen.
    """
    scores, units = (frame[frame["unit"].isin(sets) & frame["status"].eq("complete")] for frame in (scores, units))
    ours = by_seed(scores)
    nats = pd.DataFrame(_nats(units), columns=[*_QUESTION, "seed", "unit", "value"])
    parts = [part for part in (ours[nats.columns], nats) if not part.empty]
    if not parts:
        return pd.DataFrame(columns=SEEN_COLUMNS)
    wide = pd.concat(parts).pivot_table(index=[*_QUESTION, "seed"], columns="unit", values="value")
    pairs = wide.reindex(columns=list(sets)).set_axis(["seen", "unseen"], axis=1).dropna()
    pairs["difference"] = pairs["unseen"] - pairs["seen"]
    found = pairs.groupby(level=_QUESTION).agg(
        seeds=("difference", "size"),
        seen=("seen", "mean"),
        unseen=("unseen", "mean"),
        difference=("difference", "mean"),
        sd=("difference", "std"),
    )
    return found.reset_index()[SEEN_COLUMNS]


def _nats(units: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Yield the nats per row of every unit. Missing values are left out."""
    for name, seed, unit, text in zip(
        units[_ARM].itertuples(index=False), units["seed"], units["unit"], units["diagnostics"], strict=True
    ):
        found = json.loads(text)
        for readout, task, diagnostic in _DIAGNOSTICS:
            if found.get(diagnostic) is not None:
                yield (*name, readout, task, "nats", seed, unit, found[diagnostic])
