"""Training curves: their epochs, their units, and the fall of the loss at the end."""

import pytest
import torch
from networks import BY_NAME, TRAINED, built, draws, each_model, inputs_for, short

from benchmark.training.curves import Curve
from benchmark.training.phases import LAST, Step
from benchmark.training.posteriors import spread


@each_model(TRAINED)
def test_epochs_are_counted_through_the_phases(spec):
    phases = [*(["layer 1", "layer 2"] if spec.name == "sae-stacked" else []), LAST]
    (curve,) = spec.fit_inputs(inputs_for(spec, 1), short(spec, epochs=5), [0], "cpu").curves
    assert curve.epoch == tuple(range(1, 5 * len(phases) + 1))
    assert curve.phase == tuple(name for name in phases for _ in range(5))
    assert len(curve.total) == len(curve.reconstruction) == len(curve.divergence) == len(curve.std) == len(curve.epoch)


def test_a_long_phase_logs_its_first_epoch_and_twenty_more():
    spec = BY_NAME["sae-stacked"]
    settings = short(spec, epochs=40, batch=0).with_overrides({"hidden": (8, 7)})
    (curve,) = spec.fit_inputs(inputs_for(spec, 1), settings, [0], "cpu").curves
    logged = [1, *range(2, 41, 2)]
    assert curve.epoch == tuple(position * 40 + epoch for position in range(4) for epoch in logged)
    assert list(dict.fromkeys(curve.phase)) == ["layer 1", "layer 2", "layer 3", LAST]


# models whose epochs are alike: one step each, with the same β and the same learning rate
ALIKE = [
    spec
    for spec in TRAINED
    if not (spec.settings.beta_schedule or spec.settings.autoencoder_steps or spec.settings.learning_rate_decay)
]


@each_model(ALIKE)
def test_std_of_a_curve_is_the_mean_std_of_the_epoch_and_zero_for_a_point(spec):
    """On the full batch, the last of four epochs starts with the weights that three leave, if all epochs are alike."""
    full = {} if spec.uses_graph else {"batch": 0}
    inputs = inputs_for(spec, 1)
    one, two = (spec.fit_inputs(inputs, short(spec, epochs=epochs, **full), [0], "cpu") for epochs in (3, 4))
    if not spec.posterior.noisy:
        assert set(two.curves[0].std) == {0.0}
        return
    assert two.curves[0].std[-1] == pytest.approx(spread(one.posterior).item(), rel=1e-5)


# models with a loss that is a plain mean over rows: no draws, and no variance learned per batch
MEANS_OF_ROWS = [
    row
    for row in TRAINED
    if not (
        row.noisy
        or row.uses_graph
        or row.pretraining
        or row.settings.corruption
        or row.settings.discrepancy
        or row.likelihood.name == "gaussian-learned"
    )
]


@each_model(MEANS_OF_ROWS)
def test_curves_are_in_nats_per_row_for_any_batch_size(spec):
    """With fixed weights and no draws, the mean over batches of 16 and 14 rows equals the mean over all rows."""
    inputs = inputs_for(spec, 2)
    settings = short(spec, epochs=1, learning_rate=1e-12)
    curves = spec.fit_inputs(inputs, settings, [0, 1], "cpu").curves
    whole = built(spec, inputs, (0, 1), settings).float().loss(inputs, Step(draws((0, 1))))
    for name in ("total", "reconstruction", "divergence"):
        found = torch.tensor([getattr(curve, name)[0] for curve in curves])
        torch.testing.assert_close(found, getattr(whole, name), rtol=1e-5, atol=1e-6)


def curve_of(*totals, phases=None, epochs=None):
    """A curve with these losses, by default at consecutive epochs of the last phase."""
    count = len(totals)
    nothing = (0.0,) * count
    return Curve(epochs or tuple(range(1, count + 1)), phases or (LAST,) * count, totals, nothing, nothing, nothing)


@pytest.mark.parametrize(
    ("curve", "fall"),
    [
        (curve_of(*([5.0] * 8), 4.0, 3.0), 1 / 4),  # from the ninth of ten epochs to the tenth
        (curve_of(*range(20, 0, -1)), 2 / 3),  # from 3 to 1
        (curve_of(*range(1, 21)), -2 / 18),  # the loss rose
        (curve_of(*range(0, -20, -1)), 2 / 17),  # a negative loss counts by its size
        (curve_of(*([9.0] * 15), 5.0, 6.0, 5.0, 6.0, 5.0), 0.0),  # noise without a trend, after an early fall
        (curve_of(9.0, 4.0, 3.0, 2.0, epochs=(1, 80, 90, 100)), 1 / 3),
        (curve_of(5.0, 4.0, 1.0, epochs=(1, 90, 100)), None),  # only two epochs of the last fifth were logged
        (curve_of(5.0, 4.0), None),
        (curve_of(5.0), None),
        (curve_of(), None),
        (curve_of(float("nan"), *([5.0] * 7), 4.0, 3.0), None),
        (curve_of(*([5.0] * 8), 4.0, float("inf")), None),
        (curve_of(*([9.0] * 10), *([5.0] * 8), 4.0, 3.0, phases=("layer 1",) * 10 + (LAST,) * 10), 0.25),
        (curve_of(*([9.0] * 10), 4.0, 3.0, phases=("layer 1",) * 10 + (LAST,) * 2), None),
        (curve_of(*([9.0] * 8), 4.0, 3.0, phases=("layer 1",) * 10), None),
    ],
)
def test_last_fall_is_the_relative_fall_over_the_last_tenth(curve, fall):
    assert curve.last_fall == (None if fall is None else pytest.approx(fall))


@pytest.mark.parametrize("epochs", [3, 4, 5, 6, 10, 13, 20, 40, 50, 200, 500, 600, 1000])
def test_a_steady_fall_counts_as_unfinished_or_unknown(epochs):
    """The loss falls from 2 to 1 in a straight line, at the epochs that ``fit`` logs."""
    logged = sorted({max(1, round(epochs * point / 20)) for point in range(21)})
    fall = curve_of(*(2 - epoch / epochs for epoch in logged), epochs=tuple(logged)).last_fall
    assert fall is None or fall > 0.01


def test_the_first_epoch_with_a_loss_that_is_not_finite_is_found():
    assert curve_of(1.0, float("nan"), 2.0).first_not_finite == 2
    assert curve_of(1.0, 2.0, float("-inf"), epochs=(1, 7, 9)).first_not_finite == 9
    assert curve_of(1.0, 2.0).first_not_finite is None
