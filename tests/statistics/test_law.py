"""The law of retention against cells whose law is known, scipy's least squares, and simulated coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

from benchmark.core.rng import generator
from benchmark.statistics.law import (
    CONSTANTS,
    EXPONENTS,
    FRESH,
    IN_BOTH,
    SEEN,
    ZERO,
    form_parameters,
    forms_of,
    law_errors,
    law_parameters,
    law_parts,
    left_out,
    predicted,
    weights_of,
)
from benchmark.statistics.logistic_fit import Cells, curve, fit, logistic, standard_errors
from benchmark.statistics.predictors import PREDICTORS
from benchmark.statistics.rivals import (
    CONFIRMED,
    CONSTANT,
    NOT_JUDGED,
    REFUTED,
    RIVAL,
    RULE_OF_THUMB,
    SLOPE,
    exponents,
    predictor_correlations,
    rivals,
    verdict,
)
from benchmark.study.analysis import Law

CONSTANTS_OF = {"k-means": 1.6, "link-hadamard": 0.6}
LAW = Law(seen_datasets=("a", "b", "c"), rivals=("rate", "active"), rival_dimensions=(0.0,))


def made_up(
    *,
    datasets: str = "abcdefgh",
    exponent: float = 1.0,
    of_d: float = 0.5,
    spread: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return cells of the law: 4 models, d = 4, 16, 64 and 2 tasks on each dataset.

    ``spread`` is the deviation between datasets of the logarithm of a task's constant, ``noise`` that of a measurement.
    """
    rng, rows = generator(seed, "law", len(datasets)), []
    for dataset in datasets:
        off = {task: spread * rng.standard_normal() for task in CONSTANTS_OF}
        for d in (4, 16, 64):
            for model in ("m1", "m2", "m3", "m4"):
                ratio = float(np.exp(rng.uniform(-4, 2)))
                for task, constant in CONSTANTS_OF.items():
                    u = ratio**exponent * d**of_d
                    kept = u / (constant * np.exp(off[task]) + u) + noise * rng.standard_normal()
                    rows.append((dataset, model, "", d, task, ratio, kept, rng.uniform(0.3, 0.9), rng.uniform(1, 9)))
    columns = ["dataset", "model", "variant", "dimensions", "task", "signal", "retention", "mean", "rate"]
    cells = pd.DataFrame(rows, columns=columns)
    cells = cells.assign(score=0.1 + (cells["mean"] - 0.1) * cells["retention"], halves=0.01)
    cells = cells.assign(active=cells["dimensions"] / 2, seen=cells["dataset"].isin(LAW.seen_datasets))
    for name in (*PREDICTORS, *(f"{name} ({where})" for name in IN_BOTH for where in ("raw", "standardised"))):
        if name not in cells:
            cells[name] = cells["signal"] if name.startswith("signal (") else np.nan
    return cells.assign(weight=weights_of(cells))


def equations(cells: int = 40, *, seed: int = 0) -> Cells:
    rng = generator(seed, "equations")
    design = np.column_stack([rng.standard_normal(cells), -np.ones(cells)])
    y = logistic(design @ [0.7, 0.3] + 0.2) + 0.05 * rng.standard_normal(cells)
    return Cells(design, np.full(cells, 0.2), y, np.arange(cells) % 5)


def test_weighted_fits_agree_with_scipy() -> None:
    cells = equations()
    weights = generator(1, "weights").uniform(0, 1, (3, 40))
    found = fit(cells, weights, np.zeros((1, 2)))
    for row, weight in zip(found, weights, strict=True):
        oracle = least_squares(
            lambda theta, weight=weight: np.sqrt(weight) * (cells.y - logistic(cells.design @ theta + 0.2)), [0, 0]
        )
        assert row == pytest.approx(oracle.x, abs=1e-5)


def test_a_parameter_without_cells_is_unknown_and_touches_no_other_cell() -> None:
    cells = equations()
    design = np.column_stack([cells.design, np.arange(40) < 3])
    weights = (np.arange(40) >= 3).astype(float)[None]
    more = Cells(design, *cells[1:])
    found = fit(more, weights, np.zeros((1, 3)))
    assert np.isnan(found[0, 2])
    assert found[:, :2] == pytest.approx(fit(cells, weights, np.zeros((1, 2))), abs=1e-6)
    assert np.isnan(curve(more, found)[0]).tolist() == [True] * 3 + [False] * 37


def test_clustered_errors_by_their_formula_and_by_doubling_a_cluster() -> None:
    cells, ones = equations(), np.ones((1, 40))
    theta = fit(cells, ones, np.zeros((1, 2)))
    values = curve(cells, theta)[0]
    jacobian = (values * (1 - values))[:, None] * cells.design
    pulls = (cells.y - values)[:, None] * jacobian
    sums = np.array([pulls[cells.cluster == number].sum(axis=0) for number in range(5)])
    inverse = np.linalg.inv(jacobian.T @ jacobian)
    expected = np.sqrt(np.diag(inverse @ sums.T @ sums @ inverse) * 5 / 4)
    assert standard_errors(cells, ones, theta, np.ones((1, 5)))[0] == pytest.approx(expected, rel=1e-6)

    twice = [np.concatenate([part, part[cells.cluster == 0]]) for part in cells]
    twice[3] = np.concatenate([cells.cluster, np.full(8, 5)])
    times = np.array([[2.0, 1, 1, 1, 1]])
    weights = times[:, cells.cluster]
    there = standard_errors(Cells(*twice), np.ones((1, 48)), theta, np.ones((1, 6)))
    assert standard_errors(cells, weights, theta, times) == pytest.approx(there, rel=1e-9)


def test_an_exact_law_is_found_again() -> None:
    found = predicted(made_up(exponent=0.8, of_d=0.3), LAW)
    parameters = law_parameters(found, seed=0).set_index(["form", "parameter"])["estimate"]
    expected = {"signal": 0.8, "dimensions": 0.3} | {task: np.log(c) for task, c in CONSTANTS_OF.items()}
    for name, value in expected.items():
        assert parameters[EXPONENTS, name] == pytest.approx(value, abs=1e-4)
    errors = law_errors(found).set_index(["form", "cells_are"])["error"]
    assert errors[EXPONENTS, FRESH] == pytest.approx(0, abs=1e-4)
    assert errors[ZERO, FRESH] > errors[CONSTANTS, FRESH] > 0.01


def test_constants_are_fitted_on_seen_cells_alone() -> None:
    cells = made_up(noise=0.1)
    other = cells.assign(retention=cells["retention"].where(cells["seen"], 0.5))
    one, two = (predicted(each, LAW).of[CONSTANTS] for each in (cells, other))
    assert one == pytest.approx(two)


def test_errors_weigh_tasks_and_datasets_equally() -> None:
    cells = made_up(datasets="ad", noise=0.2)
    cells = cells[~(cells["dataset"].eq("d") & cells["task"].eq("k-means") & cells["dimensions"].gt(4))]
    found = predicted(cells.reset_index(drop=True), LAW)
    off = pd.Series(found.of[ZERO] - found.cells["retention"])[found.informative]
    here = found.cells[found.informative]
    by_task = off.abs().groupby([here["dataset"], here["task"]]).mean()
    row = law_errors(found).set_index(["form", "cells_are"]).loc[(ZERO, FRESH)]
    assert row["error"] == pytest.approx(by_task["d"].mean())
    parts = law_parts(found).set_index(["form", "cells_are", "kind", "part"])
    assert parts.loc[(ZERO, FRESH, "task", "k-means"), "error"] == pytest.approx(by_task["d", "k-means"])


def test_a_cell_is_informative_by_its_prediction_or_its_measurement() -> None:
    cells = made_up()
    found = predicted(cells, LAW)
    value, kept = found.of[CONSTANTS], cells["retention"].to_numpy()
    expected = ((value > 0.05) & (value < 0.95)) | ((kept > 0.05) & (kept < 0.95))
    assert (found.informative == expected).all()
    assert not found.informative.all()


def test_a_left_out_dataset_is_predicted_by_the_others() -> None:
    cells = made_up(spread=0.8)
    found = predicted(cells, LAW)
    row = left_out(found).set_index(["form", "kind", "left_out"]).loc[(CONSTANTS, "dataset", "h")]
    off = []
    for task in CONSTANTS_OF:
        ours = cells["task"].eq(task)
        u = cells["signal"] * np.sqrt(cells["dimensions"])
        rest, there = ours & cells["dataset"].ne("h"), ours & cells["dataset"].eq("h") & found.informative
        oracle = least_squares(lambda c, rest=rest, u=u: (u / (np.exp(c) + u) - cells["retention"])[rest], [0.0]).x
        off.append((u / (np.exp(oracle) + u) - cells["retention"])[there].abs().mean())
    assert row["error"] == pytest.approx(np.mean(off), abs=1e-4)


def test_a_joint_fold_uses_no_cell_of_the_dataset_or_of_the_d() -> None:
    cells = made_up(noise=0.05)
    changed = cells["dataset"].eq("h") ^ cells["dimensions"].eq(64)  # one of both, so outside of fold and test
    other = cells.assign(retention=cells["retention"].mask(changed, 0.5))
    fold, law = (CONSTANTS, "dataset and d", "h, 64"), LAW.model_copy(update={"informative": (0.0, 1.0)})
    one, two = (
        left_out(predicted(each, law)).set_index(["form", "kind", "left_out"]).loc[fold, "error"]
        for each in (cells, other)
    )
    assert one == pytest.approx(two)


def test_intervals_of_constants_cover_with_eight_datasets() -> None:
    misses, runs = dict.fromkeys(CONSTANTS_OF, 0), 120
    for seed in range(runs):
        cells = made_up(spread=0.3, noise=0.02, seed=seed)
        rows = form_parameters(cells[cells["model"].lt("m3")], forms_of(LAW)[1], seed=seed).set_index("parameter")
        for name, constant in CONSTANTS_OF.items():
            misses[name] += not rows.loc[name, "low"] <= np.log(constant) <= rows.loc[name, "high"]
    for count in misses.values():
        assert count / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_few_datasets_have_no_interval() -> None:
    found = law_parameters(predicted(made_up(datasets="ab"), LAW), seed=0)
    assert found[["low", "high"]].isna().all(axis=None)


def judged(cells: pd.DataFrame, law: Law = LAW) -> tuple[str, tuple[str, ...]]:
    found = predicted(cells, law)
    return verdict(law_errors(found), law_parts(found), rivals(found, law, seed=0), law)


def test_a_true_law_is_confirmed_and_a_false_one_refuted() -> None:
    assert judged(made_up(noise=0.03)) == (CONFIRMED, ())
    word, against = judged(made_up(exponent=0.2, of_d=0.0))
    assert word == REFUTED
    assert against[0].startswith("the error is ")


def test_a_rival_that_is_as_good_or_unmeasured_leaves_a_rule_of_thumb() -> None:
    cells = made_up(noise=0.03)
    law = LAW.model_copy(update={"rivals": ("signal-active",)})
    assert judged(cells, law) == (RULE_OF_THUMB, ("not measured for all cells: signal-active",))
    equal = cells.assign(**{"signal-active": cells["signal"] * np.sqrt(cells["dimensions"])})
    equal = equal.assign(**{f"signal-active ({name})": equal["signal-active"] for name in ("raw", "standardised")})
    assert judged(equal, law) == (RULE_OF_THUMB, ("not certainly better than signal-active",))


def test_without_fresh_or_seen_cells_there_is_no_verdict() -> None:
    assert judged(made_up(datasets="abc")) == (NOT_JUDGED, ("no fresh cells",))
    assert judged(made_up(datasets="def"))[0] == NOT_JUDGED


def test_a_bias_for_one_d_refutes() -> None:
    cells = made_up(noise=0.01)
    cells["retention"] -= np.where(cells["dimensions"].eq(4) & ~cells["seen"], 0.15, 0)
    word, against = judged(cells)
    assert word == REFUTED
    assert any(reason.endswith("for dimensions 4") for reason in against)


def test_a_constant_rival_is_the_mean_of_its_task() -> None:
    found = predicted(made_up(datasets="abc"), LAW)
    row = rivals(found, LAW, seed=0).set_index(["predictor", "form"]).loc[(CONSTANT, CONSTANTS)]
    cells = found.cells
    level = cells.groupby("task")["retention"].transform("mean")  # all weights are equal here
    here = found.informative
    off = (cells["retention"] - level).abs()[here].groupby([cells["dataset"][here], cells["task"][here]]).mean()
    assert (row["error"], row["role"]) == (pytest.approx(off.groupby(level=0).mean().mean(), abs=1e-5), RIVAL)


def test_a_slope_is_never_worse_in_squares_on_the_cells_of_its_fit() -> None:
    found = rivals(predicted(made_up(noise=0.05), LAW), LAW, seed=0).set_index(["predictor", "form", "cells_are"])
    assert found.loc[("rate", SLOPE, SEEN), "error"] < found.loc[("rate", CONSTANTS, SEEN), "error"]


def test_a_pooled_correlation_can_hide_those_within_datasets() -> None:
    cells = made_up(datasets="ab")
    shift = np.where(cells["dataset"].eq("a"), 1.0, 0.0)
    cells = cells.assign(signal=np.arange(len(cells)) % 24 + 30 * shift, mean=1.0)
    cells["score"] = 0.5 + 0.01 * (cells["signal"] - 60 * shift)
    row = predictor_correlations(cells, ["signal"]).set_index(["outcome", "task"]).loc[("loss", "k-means")]
    assert (row["within"], row["least"], row["most"], row["datasets"]) == pytest.approx((-1, -1, -1, 2))
    assert row["pooled"] > 0


def test_exponents_are_found_with_constants_that_differ_between_datasets() -> None:
    rows = exponents(made_up(exponent=0.8, of_d=0.3, spread=1.0)).set_index(["terms", "column"])["exponent"]
    assert rows["dataset and task", "signal"] == pytest.approx(0.8, abs=1e-3)
    assert rows["dataset and task", "dimensions"] == pytest.approx(0.3, abs=1e-3)


def test_one_d_tells_no_exponent_of_d() -> None:
    cells = made_up()
    cells = cells[cells["dimensions"].eq(16)].reset_index(drop=True)
    rows = exponents(cells).set_index(["terms", "column"])["exponent"]
    assert np.isnan(rows["task", "dimensions"])
    parameters = law_parameters(predicted(cells, LAW), seed=0).set_index(["form", "parameter"])["estimate"]
    assert np.isnan(parameters[EXPONENTS, "dimensions"])
    assert np.isfinite(parameters[EXPONENTS, "signal"])


def test_the_order_of_cells_does_not_matter() -> None:
    cells = made_up(noise=0.05)
    mixed = cells.sample(frac=1, random_state=0).reset_index(drop=True)
    one, two = (law_errors(predicted(each, LAW)) for each in (cells, mixed))
    pd.testing.assert_frame_equal(one, two)
