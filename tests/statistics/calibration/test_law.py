"""A true law is recovered and not refuted; without a law the verdict is refuted, in simulated studies."""

import calibrated_law as calibrated
import pytest

from benchmark.statistics.rivals import REFUTED


def test_intervals_of_the_parameters_of_a_known_law_cover_them():
    for share in calibrated.parameter_shares(6):
        assert share.agrees, share.line()


@pytest.mark.parametrize("case", calibrated.FAILS, ids=lambda case: case.name)
def test_without_a_law_the_verdict_is_refuted(case):
    found = [calibrated.judged(calibrated.fitted(case, study), study)[0] for study in range(3)]
    assert found == [REFUTED] * 3


def test_from_scores_on_a_true_law_is_not_refuted_and_chance_is():
    true, false = (calibrated.from_scores(case, 0) for case in (calibrated.HOLDS[0], calibrated.FAILS[0]))
    assert calibrated.judged(true, 0)[0] != REFUTED
    assert calibrated.judged(false, 0)[0] == REFUTED
