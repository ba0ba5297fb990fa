"""Degenerate units, unreliable cells, and scores without them, on units with known diagnostics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import key_of, score
from scipy import stats

from benchmark.results.frames import read_frames
from benchmark.statistics import check_scores, summarise
from benchmark.statistics.gates import (
    CONSTANT,
    TRAINED_COLUMNS,
    exact_interval,
    judge_units,
    scores_alive,
    scores_as_chance,
    trains_at_all,
)
from benchmark.study.analysis import Gates
from benchmark.study.schema import Side

GATES = Gates()
FRAMES = Path(__file__).parents[1] / "data" / "frames"
CHANCE = Side(model="random", readout="mean")
FULL = {"distinct_rows": 500, "effective_rank": 9.0, "signal_per_dimension": [1.0] * 16}
POINT, NOISY = "point", "gaussian, h = log σ²"


def unit(seed: int = 0, diagnostics: object = None, **named: object) -> dict[str, object]:
    return {
        "dataset": "photo",
        "model": "gae",
        "variant": "",
        "unit": "all-edges",
        "seed": seed,
        "status": "complete",
        "latent": POINT,
        "likelihood": "bernoulli",
        "classes": 8,
        "settings": json.dumps({"hidden": [32], "latent": 16}),
        "diagnostics": json.dumps(FULL | (diagnostics if isinstance(diagnostics, dict) else {})),
        **named,
    }


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([row | {"key": key_of(row)} for row in rows])


def judged(*rows: dict[str, object], gates: Gates = GATES) -> pd.DataFrame:
    return judge_units(frame(*rows), gates)


def fault(diagnostics: dict[str, object], gates: Gates = GATES, **named: object) -> str:
    found = judged(unit(diagnostics=diagnostics, **named), gates=gates).iloc[0]
    assert found["degenerate"] == bool(found["fault"])
    assert found["judged"]
    return str(found["fault"])


def test_a_unit_needs_as_many_distinct_rows_as_classes():
    assert fault({"distinct_rows": 8}) == ""
    assert fault({"distinct_rows": 7}) == "7 distinct rows for 8 classes"
    assert fault({"distinct_rows": 1}) == CONSTANT
    assert fault({"distinct_rows": 2}, classes=0) == ""
    assert fault({"distinct_rows": 1}, classes=0) == CONSTANT


def test_the_rank_rule_holds_from_the_stated_number_of_dimensions():
    assert fault({"effective_rank": 1.2}) == "effective rank 1.2 of 16"
    assert fault({"effective_rank": 1.5}) == ""
    assert fault({"effective_rank": 1.499}) == "effective rank 1.4 of 16"
    assert fault({"effective_rank": 1.2, "signal_per_dimension": [1.0] * 3}) == ""
    assert fault({"effective_rank": 1.2, "signal_per_dimension": [1.0] * 4}) == "effective rank 1.2 of 4"
    assert fault({"effective_rank": 1.2}, gates=Gates(least_rank=1.1)) == ""
    assert fault({"effective_rank": 1.2}, gates=Gates(rank_from=17)) == ""


def test_a_noisy_unit_of_low_rank_is_degenerate_only_with_a_rate():
    low = {"effective_rank": 1.2}
    assert fault(low | {"divergence": 0.99}, latent=NOISY) == ""
    assert fault(low | {"divergence": 1.0}, latent=NOISY) == "effective rank 1.2 of 16"
    assert fault(low | {"divergence": 1.0}, latent=NOISY, gates=Gates(least_rate=2.0)) == ""
    assert fault({"distinct_rows": 7, "divergence": 0.0}, latent=NOISY) == "7 distinct rows for 8 classes"


def test_a_linear_model_may_have_a_low_rank_but_no_equal_rows():
    linear = json.dumps({"hidden": [], "latent": 16})
    assert fault({"effective_rank": 1.2}, settings=linear) == ""
    assert fault({"distinct_rows": 1}, settings=linear) == CONSTANT


def test_controls_and_units_without_a_latent_are_not_judged():
    constant = {"distinct_rows": 1, "effective_rank": 0.0}
    assert fault(constant, likelihood="") == ""
    assert fault(constant, status="diverged") == fault(constant, status="failed") == ""
    assert judged(unit(likelihood=""), unit())["trained"].tolist() == [False, True]


def test_an_older_frame_is_judged_by_the_rest():
    """It has no number of rows and no variances. Its effective rank of 0 says that all rows are equal."""

    def older(**diagnostics: object) -> tuple[str, bool]:
        found = judged(unit() | {"diagnostics": json.dumps(diagnostics)}).iloc[0]
        return found["fault"], found["judged"]

    assert older(effective_rank=0.0) == (CONSTANT, True)
    assert older(effective_rank=1.2) == ("effective rank 1.2 of 16", True)
    assert older(effective_rank=9.0) == ("", False)
    assert older() == ("", False)
    assert older(distinct_rows=100) == ("", False)
    assert older(distinct_rows=100, effective_rank=9.0) == ("", True)
    unknown = judged(unit(diagnostics={"effective_rank": 1.2}, latent=NOISY)).iloc[0]
    assert (unknown["fault"], unknown["judged"]) == ("", False)


def test_no_row_and_no_order_changes_the_judgement_of_another():
    rows = [unit(seed, {"effective_rank": 1.0 + seed / 10}) for seed in range(10)]
    together = judged(*rows)
    assert together["degenerate"].tolist() == [seed < 5 for seed in range(10)]
    again = judge_units(together.iloc[::-1], GATES).iloc[::-1]
    pd.testing.assert_frame_equal(again, together)
    pd.testing.assert_frame_equal(trains_at_all(again.iloc[::-1], GATES), trains_at_all(together, GATES))


def test_ten_of_twenty_constant_trainings_make_a_cell_unreliable():
    """They are recorded as complete, so only the gate sees them."""
    constant = {"distinct_rows": 1, "effective_rank": 0.0}
    found = trains_at_all(judged(*(unit(seed, constant if seed % 2 else None) for seed in range(20))), GATES).iloc[0]
    assert (found["seeds"], found["alive"], found["degenerate"], found["diverged"]) == (20, 10, 10, 0)
    assert not found["reliable"]
    expected = stats.binomtest(10, 20).proportion_ci(0.95, "exact")
    assert found[["share", "low", "high"]].tolist() == pytest.approx([0.5, expected.low, expected.high])


@pytest.mark.parametrize(("bad", "reliable"), [(0, True), (1, True), (2, False)])
@pytest.mark.parametrize("kind", ["degenerate", "diverged"])
def test_a_tenth_of_the_seeds_is_too_many(bad, reliable, kind):
    wrong = {"status": "diverged"} if kind == "diverged" else {"diagnostics": json.dumps({"effective_rank": 0.0})}
    rows = [unit(seed) | (wrong if seed < bad else {}) for seed in range(20)]
    found = trains_at_all(judged(*rows, unit(20, status="failed")), GATES).iloc[0]
    assert (found["seeds"], found["failed"], found[kind]) == (20, 1, bad)
    assert found["reliable"] == reliable


def test_a_cell_without_a_finished_training_is_not_reliable():
    found = trains_at_all(judged(unit(status="failed")), GATES).iloc[0]
    assert (found["seeds"], found["failed"], found["reliable"]) == (0, 1, False)
    assert found[["share", "low", "high", "rate"]].isna().all()


def test_a_collapsed_model_is_not_degenerate():
    """A rate of 0.01 nats without active dimensions, and 0.40 nats with all 16 active, are both collapsed."""
    silent = {"divergence": 0.01, "active_units": 0, "effective_rank": 1.1}
    active = {"divergence": 0.40, "active_units": 16, "effective_rank": 3.0}
    rows = [
        *(unit(seed, silent, model="vae", latent=NOISY) for seed in range(10)),
        *(unit(seed, active, model="vgae", latent=NOISY, classes=4) for seed in range(10)),
        *(unit(seed, {"divergence": 1.2}, model="vgae-slow", latent=NOISY, classes=4) for seed in range(10)),
        *(unit(seed, {"divergence": 0.9}, model="vgae-two", latent=NOISY, classes=2) for seed in range(10)),
        *(unit(seed, model="gae") for seed in range(10)),
    ]
    found = trains_at_all(judged(*rows), GATES).set_index("model")
    assert found["alive"].eq(10).all()
    assert found["reliable"].all()
    assert found["collapsed"].to_dict() == {
        "vae": True,
        "vgae": True,
        "vgae-slow": False,
        "vgae-two": True,
        "gae": False,
    }
    assert found["short_of_classes"].to_dict() == {
        "vae": True,
        "vgae": True,
        "vgae-slow": True,
        "vgae-two": False,
        "gae": False,
    }
    assert found["rate"].to_dict() == pytest.approx(
        {"vae": 0.01, "vgae": 0.4, "vgae-slow": 1.2, "vgae-two": 0.9, "gae": np.nan}, nan_ok=True
    )


def test_the_rate_of_a_cell_is_that_of_its_alive_seeds():
    rates = {0: 3.0, 1: 5.0, 2: 0.0}
    rows = [unit(seed, {"divergence": rate}, latent=NOISY) for seed, rate in rates.items()]
    rows[2] |= {"diagnostics": json.dumps({"distinct_rows": 1, "divergence": 0.0})}
    assert trains_at_all(judged(*rows), GATES)["rate"].tolist() == [4.0]


def test_a_real_run_has_one_collapsed_model_and_no_degenerate_unit():
    """Its frames have no number of distinct rows."""
    _, units = read_frames(FRAMES, "claim")
    found = trains_at_all(judge_units(units, GATES), GATES)
    assert found["alive"].equals(found["seeds"])
    assert found["reliable"].all()
    assert found.loc[found["trained"], "unjudged"].equals(found.loc[found["trained"], "seeds"])
    collapsed = found[found["collapsed"]]
    assert set(zip(collapsed["dataset"], collapsed["model"], strict=True)) == {("cora", "vae")}
    assert collapsed["rate"].tolist() == pytest.approx([0.92, 0.92], abs=0.005)


def test_cells_are_apart():
    rows = [
        unit(dataset=dataset, model=model, variant=variant, unit=edges)
        for dataset in ("photo", "cora")
        for model in ("ae", "gae")
        for variant in ("", "beta=4")
        for edges in ("all-edges", "training-edges")
    ]
    found = trains_at_all(judged(*rows), GATES)
    assert list(found.columns) == TRAINED_COLUMNS
    assert len(found) == 16
    assert found["seeds"].eq(1).all()


@pytest.mark.parametrize("trials", [1, 5, 20])
def test_intervals_of_proportions_are_scipys(trials):
    successes = np.arange(trials + 1)
    expected = [stats.binomtest(int(k), trials).proportion_ci(0.95, "exact") for k in successes]
    low, high = exact_interval(successes, np.full(trials + 1, trials))
    np.testing.assert_allclose(low, [each.low for each in expected], atol=1e-12)
    np.testing.assert_allclose(high, [each.high for each in expected], atol=1e-12)


def scored() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four seeds of a model: one alive, one degenerate, one diverged, one failed; and four of the control."""
    units = judged(
        unit(0),
        unit(1, {"distinct_rows": 2}),
        unit(2, status="diverged"),
        unit(3, status="failed"),
        *(unit(seed, model="random", likelihood="") for seed in range(4)),
    )
    rows = [
        score(
            dataset="photo",
            model=row["model"],
            seed=row["seed"],
            draw=draw,
            value=np.nan if row["status"] == "failed" else 0.1 * row["seed"] + 0.01 * draw,
            status=row["status"],
        )
        for row in units.to_dict("records")
        for draw in (0, 1)
    ]
    return pd.DataFrame(rows), units


def test_alive_scores_lack_those_of_degenerate_and_diverged_units():
    scores, units = scored()
    check_scores(scores)
    found = scores_alive(scores, units)
    ours = found[found["model"].eq("gae")]
    assert ours["status"].tolist() == ["complete"] * 2 + ["degenerate"] * 2 + ["diverged"] * 2 + ["failed"] * 2
    assert ours["value"].tolist() == pytest.approx([0.0, 0.01] + [np.nan] * 6, nan_ok=True)
    pd.testing.assert_frame_equal(found[found["model"].eq("random")], scores[scores["model"].eq("random")])
    cell = summarise(found).set_index("model").loc["gae"]
    assert (cell["mean"], cell["seeds"]) == (pytest.approx(0.005), 1)


def test_a_cell_without_an_alive_seed_keeps_its_place():
    scores, units = scored()
    none = units.assign(degenerate=units["model"].eq("gae"))
    assert summarise(scores_alive(scores, none)).set_index("model").loc["gae", "seeds"] == 0


def test_scores_as_chance_are_the_mean_of_the_control_over_its_seeds():
    scores, units = scored()
    found = scores_as_chance(scores, units, CHANCE)
    ours = found[found["model"].eq("gae")]
    assert found.loc[found["model"].eq("random"), "value"].isna().sum() == 0
    level = np.mean([0.005, 0.105, 0.205, 0.305])
    assert ours["value"].tolist() == pytest.approx([0.0, 0.01, *[level] * 4, np.nan, np.nan], nan_ok=True)
    assert ours["status"].tolist() == ["complete"] * 6 + ["failed"] * 2
    check_scores(found)
    cell = summarise(found).set_index("model").loc["gae"]
    assert cell["mean"] == pytest.approx(np.mean([0.005, level, level]))


def test_without_a_control_dead_scores_stay_out():
    scores, units = scored()
    ours = scores[scores["model"].eq("gae")]
    pd.testing.assert_frame_equal(scores_as_chance(ours, units, CHANCE), scores_alive(ours, units))
