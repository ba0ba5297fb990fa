"""Seen and unseen rows: the arithmetic by hand, pairs of seeds, and units that lack a value."""

import json

import numpy as np
import pandas as pd
import pytest
from frames import score

from benchmark.statistics import SEEN_COLUMNS, seen_and_unseen

SETS = SEEN, UNSEEN = "training-rows", "held-out-rows"


def scores(values, **changes):
    """Scores by unit and seed."""
    rows = [
        score(unit=unit, seed=seed, value=value, **changes)
        for unit, of_unit in values.items()
        for seed, value in enumerate(of_unit)
    ]
    return pd.DataFrame(rows)


def units(found, status="complete"):
    """Units with diagnostics, from diagnostics by unit and seed."""
    return pd.DataFrame(
        [
            {"dataset": "cora", "model": "vae", "variant": "", "seed": s, "unit": unit, "status": status}
            | {"diagnostics": json.dumps(each)}
            for unit, of_unit in found.items()
            for s, each in enumerate(of_unit)
        ],
        columns=["dataset", "model", "variant", "seed", "unit", "status", "diagnostics"],
    )


def test_scores_are_paired_by_seed():
    (row,) = seen_and_unseen(scores({SEEN: [0.8, 0.6], UNSEEN: [0.7, 0.3]}), units({}), SETS).to_dict("records")
    assert (row["task"], row["metric"], row["readout"]) == tuple(
        scores({SEEN: [0.8]})[name].iloc[0] for name in ("task", "metric", "readout")
    )
    assert (row["seen"], row["unseen"]) == pytest.approx((0.7, 0.5))
    assert (row["difference"], row["sd"], row["seeds"]) == pytest.approx((-0.2, 0.1 * 2**0.5, 2))


def test_nats_come_from_the_diagnostics():
    found = {
        SEEN: [{"reconstruction_mean": 5.0, "reconstruction_sample": 6.0, "divergence": 2.0}],
        UNSEEN: [{"reconstruction_mean": 7.0, "reconstruction_sample": 9.0, "divergence": None}],
    }
    rows = seen_and_unseen(scores({"all-edges": [0.5]}), units(found), SETS).set_index(["task", "readout"])
    assert rows["difference"].to_dict() == {("reconstruction", "mean"): 2.0, ("reconstruction", "sampled"): 3.0}
    assert rows["sd"].isna().all()  # of one seed
    assert set(rows["metric"]) == {"nats"}


def test_draws_and_repeats_are_averaged_first():
    drawn = [scores({SEEN: [0.2 + draw], UNSEEN: [0.4 + 2 * draw]}, draw=draw, repeat=draw) for draw in (0, 1)]
    (row,) = seen_and_unseen(pd.concat(drawn), units({}), SETS).to_dict("records")
    assert (row["seen"], row["unseen"], row["seeds"]) == pytest.approx((0.7, 1.4, 1))


def test_a_seed_without_a_side_is_left_out():
    failed = scores({UNSEEN: [np.nan, 0.5]}).assign(status=["failed", "complete"])
    (row,) = seen_and_unseen(pd.concat([scores({SEEN: [0.1, 0.4]}), failed]), units({}), SETS).to_dict("records")
    assert (row["seeds"], row["difference"]) == pytest.approx((1, 0.1))


def test_a_training_that_diverged_has_no_part_in_it():
    """Its constant latent scores the same on both sets, which would read as no overfitting."""
    chance = scores({SEEN: [0.0], UNSEEN: [0.0]}, status="diverged")
    nats = {SEEN: [{"reconstruction_mean": 5.0}], UNSEEN: [{"reconstruction_mean": 5.0}]}
    assert seen_and_unseen(chance, units(nats, status="failed"), SETS).empty


def test_scores_on_all_rows_have_no_part_in_it():
    found = seen_and_unseen(scores({"all-edges": [0.2], "training-edges": [0.4]}), units({"all-edges": [{}]}), SETS)
    assert found.empty
    assert list(found.columns) == SEEN_COLUMNS
