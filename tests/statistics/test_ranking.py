"""The stability of clusters, and how well an index ranks models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.results.frame_schema import STABILITY
from benchmark.statistics import RANKING_COLUMNS, STABILITY_COLUMNS, kendall_tau_b, ranking, stability


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_tau_b_is_that_of_scipy(pairs):
    x, y = np.array(pairs, dtype=float).T
    if 1 in (len(set(x)), len(set(y))):
        assert np.isnan(kendall_tau_b(x, y))
    else:
        assert kendall_tau_b(x, y) == pytest.approx(scipy.stats.kendalltau(x, y, variant="b").statistic)


def models(values, **names):
    rows = [
        {"dataset": "wine", "readout": "mean", "model": f"m{i}", "variant": "", "value": value}
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(**names)


def test_a_ranking_by_hand():
    indices = models([0.9, 0.2, 0.5, np.nan, 0.1], index="silhouette")
    scores = models([0.6, 0.3, 0.8, 0.9])  # of the last model there is no score
    (row,) = ranking(indices, scores).to_dict("records")
    assert (row["dataset"], row["readout"], row["index"], row["models"]) == ("wine", "mean", "silhouette", 3)
    assert row["tau"] == pytest.approx(1 / 3)
    assert row["lost"] == pytest.approx(0.8 - 0.6)
    assert row["lost_at_random"] == pytest.approx(0.8 - (0.6 + 0.3 + 0.8) / 3)


def test_models_with_the_same_highest_index_are_averaged():
    (row,) = ranking(models([1.0, 1.0, 0.5], index="stability"), models([0.2, 0.4, 0.9])).to_dict("records")
    assert row["lost"] == pytest.approx(0.9 - 0.3)


def test_a_variant_is_another_model_and_readouts_are_ranked_apart():
    plain, other = models([0.1, 0.2]), models([0.4, 0.3], variant="beta=0.1")
    both = pd.concat([plain, other, models([0.5, 0.1], readout="sampled")], ignore_index=True)
    found = ranking(both.assign(index="stability"), both).set_index("readout")
    assert found["models"].to_dict() == {"mean": 4, "sampled": 2}
    assert found["tau"].tolist() == [1.0, 1.0]
    assert found["lost"].tolist() == [0.0, 0.0]


def test_one_model_has_no_rank():
    found = ranking(models([0.5], index="stability"), models([0.5]))
    assert found.empty
    assert found.columns.tolist() == RANKING_COLUMNS


def pairs_of(values, model="ae", **names):
    """Rows of the frame of stability from the ARI by pair of seeds."""
    row = {"dataset": "wine", "model": model, "variant": "", "unit": "all-edges", "readout": "mean", "draw": 0}
    row |= {"task": "k-means-without-labels", "repeat": 0, "version": 1, "key": "a", "other_key": "b"} | names
    return [row | {"seed": a, "other_seed": b, "ari": ari} for (a, b), ari in values.items()]


def test_the_stability_is_the_mean_over_pairs_of_seeds():
    rows = pairs_of({(0, 1): 0.2, (0, 2): 0.4, (1, 2): 0.9}) + pairs_of({(3, 5): 0.7}, "vae", readout="sampled")
    frame = STABILITY.frame(rows)
    found = stability(frame)
    assert found.columns.tolist() == STABILITY_COLUMNS
    assert found["stability"].tolist() == pytest.approx([0.5, 0.7])
    assert found["seeds"].tolist() == [3, 2]
    pd.testing.assert_frame_equal(stability(frame.sample(frac=1, random_state=0)), found)


def test_without_pairs_there_is_no_stability():
    assert stability(STABILITY.frame([])).empty
