"""Words are as seldom false as the level says, and decided as often as the power says, in simulated studies."""

import calibrated_words as calibrated
import pandas as pd
import pytest
from simulated_frames import simulate

from benchmark.statistics.contrasts import contrasts

STUDIES = 38  # of each world; `make calibrate` takes as many as asked for


@pytest.mark.parametrize("family", calibrated.FAMILIES, ids=lambda family: family.name)
def test_a_family_seldom_has_a_false_word_or_a_missed_difference(family):
    for share in calibrated.family_shares(family, STUDIES):
        assert share.agrees, share.line()


def test_studies_that_are_judged_together_get_the_intervals_and_words_that_each_gets_alone():
    family = calibrated.FAMILIES[2]
    world = family.world(3)
    scores = simulate(world, seed=0).scores
    together = calibrated.judged(family, 3, seed=0)
    for study, rows in together.groupby("study"):
        alone = contrasts(
            scores[scores["dataset"].str.startswith(f"{study}-")],
            family.declared(),
            world.overlap,
            analysis=calibrated.ANALYSIS,
            chance=calibrated.CHANCE,
        )
        assert alone["cells"].eq(family.cells).all()
        columns = ["contrast", "task", "dataset", "low", "high", "word"]
        pd.testing.assert_frame_equal(rows[columns].reset_index(drop=True), alone[columns].reset_index(drop=True))


def test_the_seeds_that_are_needed_decide_about_nine_of_ten_cells():
    for share in calibrated.power_shares(19):
        assert share.trials > 100
        assert share.agrees, share.line()


def test_pooled_intervals_of_eight_datasets_cover():
    for share in calibrated.pooled_shares(10):
        assert share.agrees, share.line()
