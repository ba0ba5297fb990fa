"""What the sources say of a posterior: quantities, effects by hand, and verdicts."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.latents.mechanisms import NOISE
from benchmark.statistics.means import Twins
from benchmark.statistics.stories import (
    DYNAMICS,
    FAILS,
    GROWS,
    HOLDS,
    OPEN,
    SHRINKS,
    STRENGTHS,
    UNSEEN,
    joint_verdict,
    story_cells,
    story_effects,
    story_numbers,
    story_verdicts,
)
from benchmark.study.schema import Side

SETS = ("training-rows", "held-out-rows")
PAIR = Twins(Side(model="vae", readout="mean"), Side(model="ae", readout="mean"))


def unit(model, seed=0, *, dataset="one", edges="all-edges", rate=5.0, degenerate=False, status="complete", **found):
    diagnostics = {name: found.pop(name) for name in ("reconstruction_mean",) if name in found}
    return {
        "dataset": dataset,
        "model": model,
        "variant": "",
        "unit": edges,
        "seed": seed,
        "status": status,
        "degenerate": degenerate,
        "rate": rate,
        "diagnostics": json.dumps(diagnostics | ({"mechanisms": found} if found else {})),
    }


def numbers_of(*units):
    found = story_numbers(pd.DataFrame(units), SETS)
    return {(row["model"], row["seed"], row["quantity"]): row["value"] for row in found.to_dict("records")}


def effects(*units):
    frame = pd.DataFrame(units)
    return story_effects(story_numbers(frame, SETS), frame, [PAIR], least_rate=1.0)


def continuity(noisy, point, datasets=("one",), **more):
    return [
        unit(model, seed, dataset=dataset, continuity=value, **more)
        for dataset in datasets
        for model, values in (("vae", noisy), ("ae", point))
        for seed, value in enumerate(values)
    ]


def test_the_strengths_of_noise_are_those_of_the_diagnostic():
    assert STRENGTHS == NOISE


def test_quantities_come_from_the_diagnostics():
    costs = [10.0, 10.5, 11.0, 14.0, 20.0, 40.0]
    found = numbers_of(unit("vae", robustness_scaled=costs, noise_start=0.8, noise_least=0.2, noise_end=0.4))
    assert found["vae", 0, "cost of noise"] == 10.0  # 20 nats at τ = 1, less 10 without noise
    assert found["vae", 0, SHRINKS] == pytest.approx(np.log(4))
    assert found["vae", 0, GROWS] == pytest.approx(np.log(2))


def test_unseen_rows_are_compared_with_seen_rows_of_the_same_training():
    seen, unseen = (
        unit("vae", 3, edges=edges, reconstruction_mean=value, continuity=1.2)
        for edges, value in zip(SETS, (80.0, 92.5), strict=True)
    )
    assert numbers_of(seen, unseen) == {("vae", 3, UNSEEN): 12.5}  # continuity is that of all rows, so it counts once
    assert numbers_of(seen) == {}


def test_units_that_do_not_count_and_values_that_are_not_defined_are_left_out():
    assert (
        numbers_of(unit("vae", degenerate=True, continuity=1.2), unit("vae", status="diverged", continuity=1.2)) == {}
    )
    assert numbers_of(unit("vae", continuity=None), unit("ae", noise_start=1.0, noise_least=0.0, noise_end=0.0)) == {}


def test_a_relative_effect_lies_between_minus_one_and_one_and_speaks_for_the_story():
    found = effects(*continuity([2.0, 3.0], [6.0, 1.0]))
    assert found["effect"].tolist() == [pytest.approx(0.5), pytest.approx(-0.5)]  # less unevenness speaks for it
    assert found["story"].unique().tolist() == ["continuity"]


def test_an_effect_on_a_share_is_a_difference():
    units = [unit("vae", 0, completeness_precision=0.9), unit("ae", 0, completeness_precision=0.2)]
    (row,) = effects(*units).to_dict("records")
    assert row["effect"] == pytest.approx(0.7)


def test_cells_average_seeds_and_edge_sets():
    noisy, point = np.array([1.2, 1.3, 1.1]), np.array([1.5, 1.4, 1.2])
    again = [
        unit("vae", 0, edges="training-edges", continuity=1.4),
        unit("ae", 0, edges="training-edges", continuity=1.5),
    ]
    (row,) = story_cells(effects(*continuity(noisy, point), *again)).to_dict("records")
    noisy = noisy + np.array([0.1, 0.0, 0.0])  # the first seed has two edge sets
    effect = (point - noisy) / (point + noisy)
    half = stats.t.ppf(0.975, 2) * effect.std(ddof=1) / 3**0.5
    ends = (effect.mean(), effect.mean() - half, effect.mean() + half)
    assert (row["effect"], row["low"], row["high"]) == pytest.approx(ends)
    assert (row["value"], row["value_of_point"], row["seeds"]) == pytest.approx((noisy.mean(), point.mean(), 3))


def verdict(noisy, point, **given):
    (row,) = story_verdicts(effects(*continuity(noisy, point, **given)), margin=0.05).to_dict("records")
    return row


@pytest.mark.parametrize(
    ("noisy", "expected"),
    [
        ([1.0, 1.01, 1.02], HOLDS),
        ([2.0, 2.01, 2.02], FAILS),  # the same
        ([1.96, 1.96, 1.97], FAILS),  # above zero, and too small to matter
        ([3.0, 3.1, 3.2], FAILS),
        ([1.0, 2.0, 3.0], OPEN),
    ],
)
def test_a_verdict_follows_from_the_interval_and_the_margin(noisy, expected):
    assert verdict(noisy, [2.0, 2.0, 2.01])["verdict"] == expected


def test_fewer_than_five_datasets_are_averaged_within_seeds():
    row = verdict([1.0, 1.1, 1.2], [2.0, 2.0, 2.0], datasets=("one", "two"))
    assert (row["over"], row["datasets"], row["seeds"]) == ("seeds", 2, 3)
    row = verdict([1.0, 1.1, 1.2], [2.0, 2.0, 2.0], datasets=tuple("abcde"))
    assert (row["over"], row["datasets"]) == ("datasets", 5)
    assert row["low"] == pytest.approx(row["high"])  # the datasets do not differ


def test_collapsed_cells_have_no_verdict():
    found = effects(*continuity([1.0, 1.1], [2.0, 2.0], rate=0.5))
    assert found["collapsed"].all()
    assert story_verdicts(found, margin=0.05).empty
    assert len(story_cells(found)) == 1


def test_the_noise_over_training_needs_no_twin_and_fixed_noise_has_none():
    learned = [unit("vae", seed, noise_start=1.0, noise_least=0.5, noise_end=0.5 + seed) for seed in (0, 1)]
    found = effects(*learned)
    assert set(found["story"]) == {DYNAMICS}
    assert found.loc[found["quantity"].eq(GROWS), "effect"].tolist() == pytest.approx([0.0, np.log(3)])
    assert effects(*[unit("vae", seed, noise_start=1.0, noise_least=1.0, noise_end=1.0) for seed in (0, 1)]).empty


def test_a_story_of_two_parts_needs_both():
    assert joint_verdict([HOLDS, HOLDS]) == HOLDS
    assert joint_verdict([OPEN, FAILS]) == FAILS
    assert joint_verdict([HOLDS, OPEN]) == OPEN
