"""``assess``: its numbers against closed forms, what it refuses to say, and its measurement."""

import re

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.own_latents.assess import AVERAGES, NO_STD, NOT_RANK, OTHER_PRIOR, assess
from benchmark.own_latents.assessment import USES
from benchmark.own_latents.shipped_law import shipped_law
from benchmark.statistics.noise_kinds import BY_ROW, EQUAL

RNG = np.random.default_rng(0)
ROWS, D = 400, 6


def gaussian(signal=1.0, spread=0.5):
    """Means of variance ``signal`` exactly in every dimension, uncorrelated, with one σ."""
    z = RNG.normal(size=(ROWS, D))
    z -= z.mean(axis=0)
    z = np.linalg.qr(z)[0] * np.sqrt(ROWS * signal)
    return z, np.full((ROWS, D), spread)


def classes(spread=0.3):
    """Three well separated classes."""
    y = np.arange(ROWS) % 3
    return 4.0 * np.eye(3, D)[y] + spread * RNG.normal(size=(ROWS, D)), y


def test_rate_and_signal_to_noise_ratio_are_those_of_the_formulas():
    mean, std = gaussian(signal=2.0, spread=0.5)
    found = assess(mean, std)
    rate = D * 0.5 * (2.0 + 0.25 - 1.0 - np.log(0.25))  # KL(N(μ, σ²) ‖ N(0, 1)), with the mean of μ² = 2
    assert found.rate == pytest.approx(rate, rel=1e-4)
    assert found.signal_to_noise_ratio == pytest.approx(2.0 / 0.25, rel=1e-4)
    assert (found.active_units, found.collapsed, found.noise) == (D, False, EQUAL)
    assert found.effective_rank == pytest.approx(D, rel=1e-3)


def test_predictions_are_those_of_the_law():
    mean, std = gaussian(signal=1.0, spread=1.0)  # SNR 1 in every dimension
    shares = {(share.task, share.draws): share.predicted for share in assess(mean, std).shares}
    assert shares.keys() == {(task, draws) for task in USES for draws in AVERAGES}
    for (task, draws), predicted in shares.items():
        u = draws * np.sqrt(D)  # standardising leaves the ratio, because all dimensions are alike
        assert predicted.retention == pytest.approx(u / (shipped_law().tasks[task].constant + u), rel=1e-3)


def test_standardised_tasks_have_a_ratio_of_their_own():
    """One dimension of signal 100, five of noise: raw Σs/Σv = 100/6; standardised, each dimension weighs the same."""
    mean, std = gaussian(signal=1.0, spread=1.0)
    mean *= np.sqrt([100, *[1e-9] * (D - 1)])
    shares = {share.task: share.predicted for share in assess(mean, std).shares if share.draws == 1}
    for task, signal in (("k-means", 100 / D), ("logistic-regression-few", (100 / 101) / (1 / 101 + D - 1))):
        u = np.sqrt(D) * signal
        assert shares[task].retention == pytest.approx(u / (shipped_law().tasks[task].constant + u), rel=1e-3)


def test_a_collapsed_posterior():
    found = assess(0.08 * RNG.normal(size=(ROWS, D)), np.ones((ROWS, D)))
    assert found.collapsed
    assert found.active_units == 0
    assert found.verdict.startswith("The posterior has collapsed")
    assert "little more than noise: read the mean" in found.verdict


def test_without_std_it_says_what_it_cannot_say():
    found = assess(gaussian()[0])
    assert (found.rate, found.signal_to_noise_ratio, found.collapsed, found.shares) == (None, None, None, ())
    assert NO_STD in found.notes
    assert OTHER_PRIOR not in found.notes


def test_without_noise_a_sample_is_the_mean():
    found = assess(gaussian()[0], np.zeros((ROWS, D)))
    assert "every σ is 0" in str(found)
    assert found.shares == ()
    assert found.collapsed is None


def test_between_a_tenth_and_nine_tenths_the_prediction_decides_nothing():
    mean, std = gaussian(signal=0.4, spread=1.0)
    found = assess(mean, std)
    assert all(0.1 < share.predicted.retention < 0.9 for share in found.shares if share.draws == 1)
    assert found.verdict == "The prediction alone gives no verdict. Measure it: benchmark.score."


def test_a_clear_prediction_is_a_verdict():
    assert assess(*gaussian(signal=9.0, spread=0.3)).verdict == "One sample should serve nearly as well as the mean."


def test_outside_the_fitted_range_it_says_so():
    found = assess(RNG.normal(size=(ROWS, 200)), np.full((ROWS, 200), 0.5))
    assert "d = 200, and the law was fitted to 2 to 128" in str(found)
    assert all(share.predicted.low is None for share in found.shares)
    assert found.verdict == "The law was not fitted to such a latent. Measure it: benchmark.score."


def test_a_pilot_says_so():
    assert "pilot, not confirmed" in str(assess(*gaussian()))


def test_a_line_has_low_rank():
    line = RNG.normal(size=(ROWS, 1)) * np.ones((1, D)) + 1e-3 * RNG.normal(size=(ROWS, D))
    assert NOT_RANK in assess(line).notes


def test_the_kind_of_noise_is_that_of_the_rows():
    mean, std = gaussian()
    assert assess(mean, std * np.linspace(0.5, 2, D)).noise == EQUAL
    assert assess(mean, std * RNG.uniform(0.9, 1.1, (ROWS, D))).noise == BY_ROW


def test_with_labels_the_measurement_stands_beside_the_prediction():
    mean, y = classes()
    found = assess(mean, np.full(mean.shape, 1e-4), y, seeds=3, draws=2)
    measured = {share.task: share.measured for share in found.shares if share.draws == 1}
    for task in ("k-means", "logistic-regression-few"):
        assert measured[task] == pytest.approx(1.0, abs=1e-3)  # a sample is nearly the mean
        assert np.isnan(measured["link-inner-product"])
    assert "Measured: one sample keeps 100%" in found.verdict
    assert set(found.frame_of_scores["readout"]) == {"mean", "sampled", "averaged-4", "averaged-16", "random"}


def test_the_measurement_is_the_share_of_the_scores_above_chance():
    mean, y = classes(spread=1.0)
    found = assess(mean, np.full(mean.shape, 1.5), y, seeds=4, draws=2)
    ami = found.frame_of_scores.query("task == 'k-means' and metric == 'ami'").groupby("readout")["value"].mean()
    (share,) = (each for each in found.shares if (each.task, each.draws) == ("k-means", 1))
    assert share.measured == pytest.approx((ami["sampled"] - ami["random"]) / (ami["mean"] - ami["random"]))
    assert share.low <= share.measured <= share.high
    (scores,) = (each for each in found.scores if each.task == "k-means")
    assert (scores.metric, scores.mean, scores.sample) == ("ami", ami["mean"], ami["sampled"])
    assert f"mean {ami['mean']:.2f}, one sample {ami['sampled']:.2f}, noise {ami['random']:.2f}" in str(found)
    assert 0 < share.measured < 1


def test_labels_without_std_give_scores_alone():
    found = assess(*[classes()[0]], y=np.arange(ROWS) % 3, seeds=2)
    assert set(found.frame_of_scores["readout"]) == {"mean", "random"}
    assert found.shares == ()
    assert found.verdict == "Without noise there is one way to read the latent."
    assert "one sample" not in str(found)


def test_without_signal_a_share_is_not_defined():
    found = assess(*gaussian(), np.arange(ROWS) % 4, seeds=3, draws=2)
    assert {share.unmeasured for share in found.shares if share.task == "k-means"} == {"no signal"}
    assert "no signal" in str(found)


def test_it_prints_as_tables_in_a_notebook():
    mean, y = classes()
    found = assess(mean, np.full(mean.shape, 0.5), y, seeds=2, draws=1)
    html = found._repr_html_()
    assert html.count("<table>") == 2
    assert "pilot, not confirmed" in html
    cells = re.findall(r"<t[dh]>(.*?)</t[dh]>", html)
    for share in found.shares:
        assert share.use in cells
    assert repr(found) == str(found)


def test_the_frame_has_a_row_for_each_share():
    frame = assess(*gaussian()).frame()
    assert len(frame) == len(USES) * len(AVERAGES)
    assert frame["measured"].isna().all()
    assert (frame["predicted_low"] <= frame["predicted"]).all()


@pytest.mark.parametrize(
    ("mean", "std", "part"),
    [
        ([[0.0, np.nan]] * 3, None, "not finite"),
        ([[0.0, 1.0]] * 3, [[0.1, -1.0]] * 3, "negative"),
        ([[0.0, 1.0]] * 3, [[0.1]] * 3, "shape"),
    ],
)
def test_bad_input_is_refused(mean, std, part):
    with pytest.raises(InputError, match=part):
        assess(mean, std)
