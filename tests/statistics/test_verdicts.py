"""From p to verdict: the order of verdicts, the corrections, and the number of seeds that settles a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.core.rng import generator
from benchmark.statistics import SENSITIVITY, VERDICTS, verdicts
from benchmark.statistics.verdicts import JUDGED, MOST_TO_SETTLE, judge
from benchmark.tasks.metrics import METRICS

Floats = NDArray[np.float64]
MARGIN = 0.01


def found(*rows: dict[str, object]) -> pd.DataFrame:
    """Return differences with the columns that ``judge`` uses; columns that are not given are ordinary."""
    plain = {"role": "confirmatory", "metric": "nmi", "difference": 0.0, "sd": 0.1, "overlap": 0.0}
    return pd.DataFrame([plain | {"dataset": "one", "seeds": 10} | row for row in rows])


def judged(*rows: dict[str, object], margin: float = MARGIN, families: tuple[str, ...] = ("dataset",)) -> pd.DataFrame:
    return judge(found(*rows), "seeds", list(families), margin)


def random_rows(n: int, **given: object) -> list[dict[str, object]]:
    """Return rows of all kinds: some certain, some equivalent, some neither."""
    rng = generator(1, "rows", n, *given.values())
    return [
        {
            "difference": rng.normal(0, rng.choice([0.002, 0.03])),
            "sd": rng.uniform(0.001, 0.02),
            "seeds": int(rng.integers(3, 25)),
            "overlap": float(rng.choice([0.0, 0.1])),
        }
        | given
        for _ in range(n)
    ]


def two_p(row: dict[str, object], n: Floats, margin: float = MARGIN) -> tuple[Floats, Floats]:
    """Return p of a t test and of two one-sided t tests at n seeds, without code of the package."""
    mean, sd, overlap = (row[column] for column in ("difference", "sd", "overlap"))
    law = stats.t(n - 1, scale=np.sqrt(sd**2 / n + overlap * sd**2))
    return 2 * law.cdf(-abs(mean)), np.maximum(law.sf(mean + margin), law.cdf(mean - margin))


def expected_p(rows: list[dict[str, object]]) -> tuple[list[float], list[float]]:
    pairs = [two_p(row, np.float64(row["seeds"])) for row in rows]
    return [float(p) for p, _ in pairs], [float(p) for _, p in pairs]


def test_a_certain_difference_that_is_too_small_to_matter_is_equivalent() -> None:
    row = judged({"difference": -0.004, "sd": 0.001}).iloc[0]
    assert row["adjusted"] < 0.001
    assert row["verdict"] == "equivalent"


@pytest.mark.parametrize(("difference", "verdict"), [(-0.1, "hurts"), (0.1, "helps"), (0.0, "inconclusive")])
def test_the_sign_of_a_certain_difference_says_whether_it_hurts_or_helps(difference: float, verdict: str) -> None:
    assert judged({"difference": difference, "sd": 0.03}).iloc[0]["verdict"] == verdict


@pytest.mark.parametrize(("difference", "verdict"), [(-0.1, "helps"), (0.1, "hurts"), (0.001, "equivalent")])
def test_of_a_metric_that_is_better_lower_the_signs_mean_the_reverse(
    difference: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verdicts._BETTER, "nmi", -1.0)
    row = judged({"difference": difference, "sd": 0.005}).iloc[0]
    assert row[["verdict", "verdict_half"]].eq(verdict).all()


def test_every_metric_has_the_direction_of_its_row_in_the_table() -> None:
    names = pd.Series([metric.name for metric in METRICS])
    expected = [1.0 if metric.direction == "higher" else -1.0 for metric in METRICS]
    np.testing.assert_array_equal(verdicts.better(names), expected)


def test_p_are_those_of_scipy() -> None:
    rows = random_rows(30)
    table = judged(*rows)
    p, p_equivalent = expected_p(rows)
    np.testing.assert_allclose(table["p"], p)
    np.testing.assert_allclose(table["p_equivalent"], p_equivalent)


@pytest.mark.parametrize(("role", "method"), [("confirmatory", "holm"), ("secondary", "fdr_bh")])
def test_confirmatory_rows_are_corrected_by_holm_and_others_by_benjamini_and_hochberg(role: str, method: str) -> None:
    rows = random_rows(12, role=role)
    table = judged(*rows)
    p, p_equivalent = expected_p(rows)
    np.testing.assert_allclose(table["adjusted"], multipletests(p, method=method)[1])
    np.testing.assert_allclose(table["adjusted_equivalent"], multipletests(p_equivalent, method=method)[1])
    assert table["tests"].eq(12).all()


@pytest.mark.parametrize("role", ["confirmatory", "secondary"])
def test_verdicts_follow_from_the_corrected_p_of_statsmodels(role: str) -> None:
    rows = random_rows(40, role=role)
    p, p_equivalent = expected_p(rows)
    method = "holm" if role == "confirmatory" else "fdr_bh"
    certain, small = (multipletests(each, 0.05, method)[0] for each in (p, p_equivalent))
    expected = [
        "equivalent" if is_small else "inconclusive" if not is_certain else "hurts" if r["difference"] < 0 else "helps"
        for r, is_certain, is_small in zip(rows, certain, small, strict=True)
    ]
    assert list(judged(*rows)["verdict"]) == expected
    assert set(expected) == set(VERDICTS)


def test_families_and_roles_do_not_weigh_on_each_other() -> None:
    parts = [
        random_rows(size, dataset=dataset, role=role)
        for dataset, role, size in (
            ("one", "confirmatory", 5),
            ("one", "secondary", 9),
            ("two", "confirmatory", 3),
            ("two", "secondary", 4),
        )
    ]
    together = [row for part in parts for row in part]
    order = generator(2, "order").permutation(len(together))
    table = judged(*(together[place] for place in order))
    apart = pd.concat([judged(*part) for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(table, apart.iloc[order].reset_index(drop=True), check_exact=True)
    assert list(apart["tests"]) == [5] * 5 + [9] * 9 + [3] * 3 + [4] * 4


def test_without_families_all_rows_of_a_role_are_one() -> None:
    rows = random_rows(4, dataset="one") + random_rows(6, dataset="two")
    table = judged(*rows, families=())
    np.testing.assert_allclose(table["adjusted"], multipletests(expected_p(rows)[0], method="holm")[1])
    assert table["tests"].eq(10).all()


@pytest.mark.parametrize("role", ["confirmatory", "secondary"])
def test_a_difference_that_is_certain_alone_may_not_be_in_company(role: str) -> None:
    row = {"difference": 0.05, "sd": 0.06, "role": role}
    assert expected_p([found(row).iloc[0].to_dict()])[0][0] < 0.05
    assert judged(row).iloc[0]["verdict"] == "helps"
    assert judged(row, *[{"difference": 0.0, "role": role}] * 9).iloc[0]["verdict"] == "inconclusive"


def test_untestable_rows_get_no_verdict_and_do_not_count() -> None:
    rows = random_rows(6)
    nothing = [
        {"difference": 0.5, "sd": np.nan, "seeds": 1},
        {"difference": np.nan, "sd": np.nan, "seeds": 0},
        {"difference": 0.5, "sd": 0.1, "seeds": np.nan},
    ]
    table = judged(*nothing, *rows)
    assert table.loc[:2, ["p", "p_equivalent", "adjusted", "adjusted_equivalent", "settles"]].isna().all(axis=None)
    assert table.loc[:2, ["verdict", *SENSITIVITY]].eq("").all(axis=None)
    assert table["tests"].eq(6).all()
    pd.testing.assert_frame_equal(table.loc[3:, JUDGED].reset_index(drop=True), judged(*rows)[JUDGED])


def test_a_family_of_untestable_rows_has_no_tests() -> None:
    row = judged({"seeds": 1, "sd": np.nan}).iloc[0]
    assert row["tests"] == 0
    assert row["verdict"] == ""


def test_equal_differences_are_decided_without_a_test() -> None:
    table = judged(*({"difference": value, "sd": 0.0} for value in (0.25, -0.25, 0.0, 0.005, -0.005)))
    assert list(table["verdict"]) == ["helps", "hurts", "equivalent", "equivalent", "equivalent"]


def test_verdicts_at_half_and_twice_the_margin_worked_by_hand() -> None:
    table = judged(*({"difference": value, "sd": 0.0001} for value in (0.004, 0.007, 0.015, 0.03)))
    assert list(table["verdict_half"]) == ["equivalent", "helps", "helps", "helps"]
    assert list(table["verdict"]) == ["equivalent", "equivalent", "helps", "helps"]
    assert list(table["verdict_double"]) == ["equivalent", "equivalent", "equivalent", "helps"]


@pytest.mark.parametrize(("column", "share"), [("verdict_half", 0.5), ("verdict_double", 2.0)])
def test_sensitivity_is_the_verdict_at_another_margin(column: str, share: float) -> None:
    rows = random_rows(20) + random_rows(20, role="secondary")
    assert SENSITIVITY[column] == share
    table, other = judged(*rows), judged(*rows, margin=share * MARGIN)
    assert list(table[column]) == list(other["verdict"])
    assert table["verdict"].ne(table[column]).any()


def open_rows() -> list[dict[str, object]]:
    """Return inconclusive rows that more seeds would settle, as a difference or as equivalent."""
    return [
        {"difference": mean, "sd": sd, "seeds": seeds, "overlap": overlap}
        for mean, sd, seeds, overlap in (
            (0.02, 0.1, 5, 0.0),
            (-0.03, 0.05, 3, 0.0),
            (0.0, 0.03, 10, 0.0),
            (0.004, 0.02, 6, 0.0),
            (-0.02, 0.02, 2, 0.05),
            (0.001, 0.02, 4, 0.02),
            (0.0095, 0.05, 10, 0.0),
        )
    ]


@pytest.mark.parametrize("role", ["confirmatory", "secondary"])
@pytest.mark.parametrize("row", open_rows())
@pytest.mark.parametrize("company", [0, 11])
def test_settles_is_the_smallest_number_at_which_the_row_is_certain(
    row: dict[str, object], role: str, company: int
) -> None:
    others = [{"difference": 0.0, "sd": 0.5}] * company
    table = judged(*(each | {"role": role} for each in [row, *others]))
    settles = int(table["settles"][0])
    n = np.arange(2.0, MOST_TO_SETTLE + 1)
    p = dict(zip(n, np.minimum(*two_p(row, n)), strict=True))
    alpha = 0.05 / (company + 1)
    assert table["verdict"][0] == "inconclusive"
    assert settles > row["seeds"]
    assert p[settles] <= alpha < p[settles - 1]
    assert settles == min(n for n in p if p[n] <= alpha)


@pytest.mark.parametrize("role", ["confirmatory", "secondary"])
def test_with_as_many_seeds_as_settle_it_a_row_is_settled(role: str) -> None:
    rows = [row | {"role": role} for row in open_rows()]
    for place, settles in enumerate(judged(*rows)["settles"]):
        more = [row | {"seeds": settles} if number == place else row for number, row in enumerate(rows)]
        assert judged(*more)["verdict"][place] != "inconclusive"


def test_more_seeds_settle_nothing_if_splits_overlap_too_much() -> None:
    table = judged({"difference": 0.01, "overlap": 0.25}, {"difference": 0.1, "overlap": 0.05})
    assert list(table["verdict"]) == ["inconclusive", "inconclusive"]
    assert np.isinf(table["settles"][0])
    assert table["settles"][1] > 10


def test_a_number_over_a_thousand_seeds_is_not_said() -> None:
    assert np.isnan(judged({"difference": 0.02, "sd": 1.0}).iloc[0]["settles"])
    assert np.isnan(judged({"difference": MARGIN, "sd": 1.0}).iloc[0]["settles"])


def test_decided_rows_have_nothing_to_settle() -> None:
    table = judged(*random_rows(40))
    decided = table["verdict"].ne("inconclusive")
    assert decided.any()
    assert table.loc[decided, "settles"].isna().all()
    assert (table["settles"].isna() | (table["settles"] > table["seeds"])).all()


def test_judging_leaves_the_given_frame_as_it_was() -> None:
    before = found(*random_rows(5))
    after = before.copy()
    judge(after, "seeds", ["dataset"], MARGIN)
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_an_index_that_is_not_in_order_changes_nothing() -> None:
    frame = found(*random_rows(8), *random_rows(8, role="secondary"))
    plain = judge(frame, "seeds", ["dataset"], MARGIN)
    order = generator(3, "index").permutation(len(frame))
    shuffled = judge(frame.iloc[order], "seeds", ["dataset"], MARGIN)
    pd.testing.assert_frame_equal(shuffled.sort_index(), plain, check_exact=True)
