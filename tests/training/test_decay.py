"""Learning rates that fall to 0 over the last part of a training."""

import pytest
import torch
from networks import BY_NAME, inputs_for, short
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark.training.execution import Executor, PhaseSteps
from benchmark.training.phases import Budget, Loss, Player, Step
from benchmark.training.schedules import decayed


class Slope:
    """A parameter with the loss g·p. Adam then moves it by the learning rate in every step."""

    def __init__(self):
        self.weight = torch.nn.Parameter(torch.zeros(1, 1, dtype=torch.float64))

    def loss(self, _inputs, _step: Step) -> Loss:
        return Loss.of_cost(self.weight[:, 0])


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_each_step_has_the_rate_of_its_place(share):
    slope, total = Slope(), 20
    player = Player(slope.loss, [slope.weight], 0.1)
    inputs = inputs_for(BY_NAME["ae"], 1)
    steps = PhaseSteps(Executor("cpu", None), [player], inputs, None, {"any": total}, share)
    moved = []
    for _ in range(total):
        before = slope.weight.item()
        steps.take(None, value=False)
        moved.append(before - slope.weight.item())
    expected = [0.1 * min(1.0, (1 - step / total) / share) for step in range(total)]
    assert moved == pytest.approx(expected, rel=1e-5)


class Listening(TorchDispatchMode):
    """Notes the names of operations."""

    def __init__(self):
        super().__init__()
        self.heard = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.heard.add(function.__name__.split(".")[0])
        return function(*args, **(kwargs or {}))


def test_a_plain_step_copies_no_learning_rate_from_the_host():
    """A GPU would make the host wait for the copy."""
    slope, listening = Slope(), Listening()
    player, inputs = Player(slope.loss, [slope.weight], 0.1), inputs_for(BY_NAME["ae"], 1)
    steps = PhaseSteps(Executor("cpu", None), [player], inputs, None, {"any": 3}, 1.0)
    steps.take(None, value=False)
    with listening:
        steps.take(None, value=False)
    assert "_fused_adam_" in listening.heard
    assert not listening.heard & {"copy_", "_to_copy", "lift_fresh"}


def test_a_tensor_gives_the_factor_of_a_number():
    for progress in (0.0, 0.3, 0.7, 0.99):
        found = decayed(torch.tensor(progress, dtype=torch.float64), 0.6)
        assert found.item() == pytest.approx(decayed(progress, 0.6), abs=0)


def test_settings_hand_the_share_to_the_budget_and_the_key():
    settings = BY_NAME["vae"].overridden({"learning_rate_decay": 0.5})
    assert settings.budget(100) == Budget(settings.epochs_for(100), 1e-3, 128, 0.5)
    assert settings.in_key()["learning_rate_decay"] == 0.5
    assert "learning_rate_decay" not in BY_NAME["vae"].settings.in_key()


def test_a_decay_of_almost_nothing_trains_nearly_the_same():
    """And one over all steps another network."""
    spec = BY_NAME["ae"]
    fit = lambda **changes: spec.fit_inputs(inputs_for(spec, 1), short(spec, epochs=6, **changes), (0,), "cpu")  # noqa: E731
    plain, late, whole = fit(), fit(learning_rate_decay=0.01), fit(learning_rate_decay=1.0)
    torch.testing.assert_close(late.posterior.mean, plain.posterior.mean)
    assert (whole.posterior.mean - plain.posterior.mean).abs().max() > 1e-4
