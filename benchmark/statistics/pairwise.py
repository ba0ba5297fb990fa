"""All arms against each other: paired tests of every pair, and the runs of arms that no test tells apart."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np
import pandas as pd

from benchmark.statistics.inference import ALPHA, holm, p_of_difference, reach
from benchmark.statistics.scores import by_seed
from benchmark.study.schema import Primary

ARM = ["model", "variant", "readout"]
PAIR_COLUMNS = ["first", "second", "difference", "low", "high", "blocks", "p", "adjusted"]


def blocks_of_seeds(scores: pd.DataFrame, primary: Primary, dataset: str) -> pd.DataFrame:
    """Return scores on one dataset by seed (rows) and arm (columns), with draws averaged.

    An arm is a model, a variant and a readout.
    """
    seeds = by_seed(_asked(scores[scores["dataset"].eq(dataset)], primary))
    return seeds.pivot_table(index="seed", columns=ARM, values="value")


def blocks_of_datasets(scores: pd.DataFrame, primary: Primary, datasets: Collection[str]) -> pd.DataFrame:
    """Return mean scores over seeds by dataset (rows) and arm (columns)."""
    seeds = by_seed(_asked(scores[scores["dataset"].isin(list(datasets))], primary))
    return seeds.pivot_table(index="dataset", columns=ARM, values="value")


def complete(blocks: pd.DataFrame) -> pd.DataFrame:
    """Return the blocks without gaps.

    While a score is missing, the row or column with the largest share of missing scores is dropped.
    """
    while blocks.isna().to_numpy().any():
        rows, columns = blocks.isna().mean(axis=1), blocks.isna().mean(axis=0)
        if rows.max() > columns.max():
            blocks = blocks.drop(index=rows.idxmax())
        else:
            blocks = blocks.drop(columns=[columns.idxmax()])
    return blocks


def pairwise(blocks: pd.DataFrame, overlap: float = 0.0) -> pd.DataFrame:
    """Test every pair of columns, paired by row.

    Args:
        blocks: Scores, a column for each arm. NaN is a missing score.
        overlap: ρ as in ``contrasts``.

    Returns:
        One row for each pair, with the 95 % t interval of the difference, p, and p corrected by Holm over all pairs.
        ``blocks`` counts the rows that both arms have; the pair is tested on these rows. Arms are in the order of their
        means, each over its own rows, and ``first`` has the larger mean.
    """
    order = list(blocks.mean().sort_values(ascending=False, kind="stable").index)
    pairs = list(itertools.combinations(order, 2))
    if not pairs:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    values = {arm: blocks[arm].to_numpy(float) for arm in order}
    differences = np.stack([values[first] - values[second] for first, second in pairs])
    there = ~np.isnan(differences)
    n = there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(differences, axis=1) / np.where(n > 0, n, np.nan)
        squares = np.nansum((differences - mean[:, None]) ** 2, axis=1)
        sd = np.sqrt(squares / np.where(n > 1, n - 1, np.nan))
    half, p = reach(sd, n, overlap), p_of_difference(mean, sd, n, overlap)
    found = pd.DataFrame({"first": [first for first, _ in pairs], "second": [second for _, second in pairs]})
    return found.assign(difference=mean, low=mean - half, high=mean + half, blocks=n, p=p, adjusted=holm(p))[
        PAIR_COLUMNS
    ]


def indistinguishable(pairs: pd.DataFrame) -> list[tuple[object, object]]:
    """Return the first and last arm of every bar of a critical-difference diagram.

    A bar is a longest run of arms, in the order of their means, without two arms that differ at 5 % after correction. A
    pair that could not be tested counts as not different. A bar has at least two arms.

    Args:
        pairs: The frame that ``pairwise`` returns.
    """
    order = list(dict.fromkeys([*pairs["first"], *pairs["second"]]))
    place = {arm: number for number, arm in enumerate(order)}
    apart = np.zeros((len(order), len(order)), bool)
    for first, second, certain in zip(pairs["first"], pairs["second"], pairs["adjusted"].le(ALPHA), strict=True):
        apart[place[first], place[second]] = certain
    bars: list[tuple[int, int]] = []
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and not apart[start : end + 1, end + 1].any():
            end += 1
        if end > start and (not bars or end > bars[-1][1]):
            bars.append((start, end))
    return [(order[start], order[end]) for start, end in bars]


def _asked(scores: pd.DataFrame, primary: Primary) -> pd.DataFrame:
    return scores[scores["task"].eq(primary.task) & scores["metric"].eq(primary.metric)]
