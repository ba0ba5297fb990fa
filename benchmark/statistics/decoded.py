"""Geometry or information: whether a sample that fails in the latent space still serves after decoding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.statistics.inference import interval_of_mean
from benchmark.statistics.scores import ARM, by_seed
from benchmark.statistics.words import better, words_of
from benchmark.study.analysis import Words

SERVES, ONLY_LATENT, BOTH, UNCLEAR = (
    "the sample serves",
    "fails in the latent only",
    "fails in both",
    "undecided after decoding",
)
FAILS = "worse"  # the word of an interval wholly below −margin
_DOES_NOT_FAIL = ("same", "better", "somewhat better", "not worse")
_READOUTS = {"mean": "mean", "sampled": "sample", "decoded-mean": "decoded_mean", "decoded-sample": "decoded_sample"}
_QUESTION = [*ARM, "task", "metric"]
DECODED_COLUMNS = [
    *(*_QUESTION, *_READOUTS.values(), "seeds"),
    *("latent", "latent_low", "latent_high", "latent_word"),
    *("decoded", "decoded_low", "decoded_high", "decoded_word"),
    *("gain", "gain_low", "gain_high", "fate"),
]


def decoded_samples(scores: pd.DataFrame, overlap: Mapping[str, float], words: Words) -> pd.DataFrame:
    """Compare a sample and its reconstruction with the mean in the latent space, paired by seed.

    A readout *fails* if the whole interval of readout − mean lies below −margin. It does not fail if the whole interval
    lies above −margin. If a sample fails and its reconstruction does not, the sample still holds the information, and
    the task could not use it in the latent space. The converse does not follow, because the distances of the feature
    space may be useless too.

    Args:
        scores: The scores, without those of units that do not count.
        overlap: ρ by task, as in ``contrasts``.
        words: The margin of each metric.

    Returns:
        One row for each dataset, model, variant, edge set, task and metric with a mean, a sample and a decoded sample.

        - ``mean``, ``sample``, ``decoded_mean``, ``decoded_sample``: scores, averaged over the ``seeds`` that have the
          other three. The decoded mean is NaN if no seed has it.
        - ``latent``, ``decoded``: sample − mean and decoded sample − mean in the direction of better scores, each with
          the ends of its 95 % t interval (``…_low``, ``…_high``) and its word.
        - ``gain``: decoded sample − sample, in the same way.
        - ``fate``: SERVES if the sample does not certainly fail in the latent space. If it does: ONLY_LATENT if its
          reconstruction does not fail, BOTH if it fails too, and UNCLEAR otherwise.
    """
    seeds = by_seed(scores[scores["readout"].isin(_READOUTS) & scores["status"].eq("complete")])
    wide = seeds.pivot_table(index=[*_QUESTION, "seed"], columns="readout", values="value")
    wide = wide.reindex(columns=list(_READOUTS)).rename(columns=_READOUTS)
    wide = wide.dropna(subset=["mean", "sample", "decoded_sample"])
    if wide.empty:
        return pd.DataFrame(columns=DECODED_COLUMNS)
    sign = better(wide.index.get_level_values("metric").to_series())
    gaps = {
        "latent": (wide["sample"] - wide["mean"]) * sign,
        "decoded": (wide["decoded_sample"] - wide["mean"]) * sign,
        "gain": (wide["decoded_sample"] - wide["sample"]) * sign,
    }
    found = wide.groupby(level=_QUESTION).mean().assign(seeds=wide.groupby(level=_QUESTION).size()).reset_index()
    widened = found["task"].map(overlap).fillna(0.0).astype(float)
    margins = [words.margin(metric) for metric in found["metric"]]
    for name, gap in gaps.items():
        over = gap.groupby(level=_QUESTION)
        mean, sd, count = (over.agg(statistic).to_numpy(float) for statistic in ("mean", "std", "count"))
        low, high = interval_of_mean(mean, sd, count, widened)
        found = found.assign(**{name: mean, f"{name}_low": low, f"{name}_high": high})
        found[f"{name}_word"] = words_of(low, high, margins)
    certain = [found["decoded_word"].isin(_DOES_NOT_FAIL), found["decoded_word"].eq(FAILS)]
    fates = np.select([found["latent_word"].ne(FAILS), *certain], [SERVES, ONLY_LATENT, BOTH], UNCLEAR)
    return found.assign(fate=fates)[DECODED_COLUMNS]
