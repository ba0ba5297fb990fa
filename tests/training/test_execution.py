"""Execution of training steps: captured steps equal plain ones to the bit, and whatever fails leads to plain steps."""

import gc
import weakref
from dataclasses import replace

import fusion_by_hand
import pytest
import torch
from networks import BY_NAME, built, draws, inputs_for, short
from recorders import ClosureRecorder, equal_to_the_bit, recorded_by

from benchmark.core.errors import InputError
from benchmark.models.parts.encoders import MLP_ENCODER, EncoderSpec
from benchmark.training import execution, loop
from benchmark.training.captured import CapturedStep
from benchmark.training.execution import check_execution, executed
from benchmark.training.phases import Step
from benchmark.training.random_streams import CounterStreams
from benchmark.training.schedules import parse_schedule

SEEDS = (0, 1)
REASONS = {
    "vae": "the encoder does not say",
    "s-vae": "draws on a sphere",
    "gae-gat": "GATConv of torch-geometric",
}
CASES = {
    "full batch": ("vgae", {}),
    "sampled pairs": ("gae-sampled", {}),
    "mini-batches with a short last one": ("vae", {}),
    "a schedule": ("vae", {"beta_schedule": "warm-up:0.5"}),
    "cycles": ("vgae", {"beta_schedule": "cyclical:3"}),
    "a schedule of the importance-weighted bound": ("iwae", {"beta_schedule": "warm-up:0.9"}),
    "adversaries": ("arga", {}),
    "adversaries of a noisy model": ("arvga", {}),
    "adversaries on mini-batches": ("aae", {}),
    "phases of pre-training": ("sae-stacked", {}),
    "corruption": ("dae", {}),
    "a learning rate that falls": ("vae", {"learning_rate_decay": 0.6}),
    "adversaries whose learning rates fall": ("arga", {"learning_rate_decay": 1.0}),
    "a learned variance": ("vae-gaussian-learned", {}),
}


def trained(name, changes, epochs, **keywords):
    """A short training of a model of the table."""
    spec = BY_NAME[name]
    return spec.fit_inputs(
        inputs_for(spec, len(SEEDS)), short(spec, epochs=epochs, **changes), SEEDS, "cpu", **keywords
    )


@pytest.mark.parametrize("epochs", [1, 3, 10, 50])
@pytest.mark.parametrize("case", CASES)
def test_captured_steps_equal_plain_ones_to_the_bit(case, epochs, monkeypatch):
    name, changes = CASES[case]
    plain = trained(name, changes, epochs)
    with recorded_by(monkeypatch, ClosureRecorder()) as recorder:
        captured = trained(name, changes, epochs)
    assert plain.execution == ""
    assert equal_to_the_bit(plain, captured)
    if epochs > 1:
        assert recorder.replayed > 0
        assert captured.execution == "captured"


@pytest.mark.parametrize("name", ["vae", "gae-sampled", "arvga"])
def test_captured_steps_draw_the_numbers_of_plain_ones_from_counter_based_streams(name, monkeypatch):
    """Those are the streams of a GPU."""

    def counters(seeds, *purpose, device):
        return CounterStreams.of(seeds, *purpose, device=device)

    monkeypatch.setattr(loop, "random_streams", counters)
    plain = trained(name, {}, 10)
    with recorded_by(monkeypatch, ClosureRecorder()):
        captured = trained(name, {}, 10)
    assert captured.execution == "captured"
    assert equal_to_the_bit(plain, captured)


@pytest.mark.parametrize("name", ["dfcn-ae", "igae", "dfcn"])
def test_captured_steps_of_the_fusion_models_equal_plain_ones_to_the_bit(name, monkeypatch):
    """Each phase has optimisers and graphs of its own, and the centres are placed between two phases."""
    spec = BY_NAME[name]
    inputs = fusion_by_hand.inputs_of(spec, dtype=torch.float32)
    settings = fusion_by_hand.small(spec, epochs=4)
    plain = spec.fit_inputs(inputs, settings, fusion_by_hand.SEEDS, "cpu")
    with recorded_by(monkeypatch, ClosureRecorder()) as recorder:
        captured = spec.fit_inputs(inputs, settings, fusion_by_hand.SEEDS, "cpu")
    assert recorder.replayed > 0
    assert equal_to_the_bit(plain, captured)


def test_losses_of_a_step_outlive_the_next_replay():
    """A replay writes its losses where the replay before has written them."""
    memory = torch.zeros(1, 4, 2)
    step = CapturedStep(ClosureRecorder(), lambda *_: memory.add_(1.0), None, value=True, device="cpu")
    first, second = step(None, 0.0), step(None, 0.5)
    assert (first.mean(), second.mean()) == (1.0, 2.0)


def test_snapshots_are_the_same_between_captured_steps(monkeypatch):
    plain = trained("vgae", {}, 10, passes=3)
    with recorded_by(monkeypatch, ClosureRecorder()):
        captured = trained("vgae", {}, 10, passes=3)
    assert [snapshot.epoch for snapshot in captured.snapshots] == [3, 6, 9]
    assert equal_to_the_bit(plain, captured)


def test_each_kind_of_step_is_captured_once_after_its_warm_up(monkeypatch):
    """30 epochs with batches of 16 and 14 rows: 21 epochs log values and 9 do not. So there are four kinds of steps."""
    with recorded_by(monkeypatch, ClosureRecorder(), warm_up=3) as recorder:
        trained("vae", {}, 30)
    assert recorder.recorded == 4
    assert recorder.replayed == 60 - 4 * 3
    with recorded_by(monkeypatch, ClosureRecorder(), warm_up=3, least=10) as recorder:
        result = trained("vae", {}, 30)
    assert recorder.recorded == 2
    assert recorder.replayed == 42 - 2 * 3
    assert result.execution == "captured"


def test_a_short_training_runs_plainly_and_says_so(monkeypatch):
    with recorded_by(monkeypatch, ClosureRecorder(), least=50) as recorder:
        assert trained("vae", {}, 30).execution == "plain: fewer than 50 steps of a kind"
    assert recorder.recorded == 0


class SilentEncoder(torch.nn.Module):
    """An encoder, such as one of a plugin, that does not say whether its steps wait for the device."""

    def __init__(self, streams, shape):
        super().__init__()
        self.inner = (MLP_ENCODER.build(streams, shape),)  # a tuple hides it
        self.weights = torch.nn.ParameterList(self.inner[0].parameters())

    def forward(self, inputs):
        """The outputs of an MLP."""
        return self.inner[0](inputs)


@pytest.mark.parametrize("name", ["vae", "s-vae", "gae-gat"])
def test_a_network_that_waits_or_does_not_say_is_never_captured(name, monkeypatch):
    spec = BY_NAME[name]
    if name == "vae":
        spec = replace(spec, encoder=EncoderSpec("silent", SilentEncoder, uses_graph=False))
    with recorded_by(monkeypatch, ClosureRecorder()) as recorder:
        found = spec.fit_inputs(inputs_for(spec, 2), short(spec, epochs=3), SEEDS, "cpu").execution
    assert recorder.recorded == 0
    assert found.startswith(f"plain: {REASONS[name]}")


def test_all_steps_are_plain_if_so_chosen_or_on_a_cpu(monkeypatch):
    with recorded_by(monkeypatch, ClosureRecorder()) as recorder, executed("plain"):
        assert trained("vae", {}, 3).execution == "plain: chosen"
    assert recorder.recorded == 0
    assert trained("vae", {}, 3).execution == ""
    assert execution.recorder_for("cpu") is None


def test_unknown_ways_and_capture_on_a_cpu_are_refused():
    assert check_execution("plain", "cpu") == "plain"
    assert check_execution("captured", "cuda") == "captured"
    with pytest.raises(InputError, match="unknown execution 'fast'; known: captured, plain"):
        check_execution("fast", "cuda")
    with pytest.raises(InputError, match="captured needs a GPU"):
        check_execution("captured", "cpu")


class FailingRecorder(ClosureRecorder):
    """Fails at one of the captures, in the middle of the step, as the first operation that needs the host would."""

    def __init__(self, error, *, at):
        super().__init__()
        self.error, self.at = error, at

    def record(self, step):
        """Run the step, which changes the state of the training, and fail."""
        replay = super().record(step)
        if self.recorded == self.at:
            step()
            raise self.error
        return replay


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_a_capture_that_fails_loses_no_step(case, at, monkeypatch):
    name, changes = CASES[case]
    plain = trained(name, changes, 30)
    with recorded_by(monkeypatch, FailingRecorder(RuntimeError("CUDA error: not permitted\nmore"), at=at)) as recorder:
        result = trained(name, changes, 30)
        assert recorder.recorded == at
        assert result.execution == "plain: capture failed: RuntimeError: CUDA error: not permitted"
        assert equal_to_the_bit(plain, result)
        again = trained(name, changes, 30)  # torch 2.11 keeps the memory of a failed capture
        assert recorder.recorded == at
        assert again.execution == result.execution
        other = "gae" if name in ("vae", "iwae", "sae-stacked", "dae", "vae-gaussian-learned", "aae") else "ae"
        assert trained(other, {}, 30).execution == "captured"  # another decoder


def test_a_capture_without_memory_leads_to_plain_steps_and_later_trainings_try_again(monkeypatch):
    plain = trained("vae", {}, 10)
    with recorded_by(monkeypatch, FailingRecorder(torch.OutOfMemoryError("CUDA out of memory"), at=1)) as recorder:
        result = trained("vae", {}, 10)
        assert result.execution == "plain: capture failed: OutOfMemoryError: CUDA out of memory"
        assert equal_to_the_bit(plain, result)
        assert recorder.released > 0
        assert trained("vae", {}, 10).execution == "captured"


class ForgetfulRecorder(ClosureRecorder):
    """Replays that draw the same random numbers each time, like a graph without knowledge of the generators."""

    def __init__(self, draws):
        super().__init__()
        self.draws, self.states = draws, None

    def record(self, step):
        """Return a function that sets the generators back, so that they never advance."""
        replay = super().record(step)

        def frozen():
            state = self.draws[-1].noise.state()
            replay()
            self.draws[-1].noise.restore(state)

        return frozen


class WrongRecorder(ClosureRecorder):
    """Replays that change a parameter by a tenth more than the step."""

    def __init__(self, draws):
        super().__init__()
        self.draws = draws

    def record(self, step):
        """Return a function that runs the step twice."""
        replay = super().record(step)
        return lambda: (replay(), replay())


@pytest.mark.parametrize("recorder", [ForgetfulRecorder, WrongRecorder])
def test_a_first_replay_that_differs_from_the_plain_step_leads_to_plain_steps(recorder, monkeypatch):
    plain, made = trained("vae", {}, 10), []
    of = execution.TrainingState.__init__
    monkeypatch.setattr(
        execution.TrainingState, "__init__", lambda self, *given: (made.append(given[2]), of(self, *given))[1]
    )
    with recorded_by(monkeypatch, recorder(made)):
        result = trained("vae", {}, 10)
    assert "the first replay differs from the plain step" in result.execution
    assert equal_to_the_bit(plain, result)


def test_a_diverged_replica_is_captured_as_any_other(monkeypatch):
    changes = {"learning_rate": 1e6}
    plain = trained("vae-gaussian", changes, 40)
    assert not all(parameter.isfinite().all() for parameter in plain.network.parameters())
    with recorded_by(monkeypatch, ClosureRecorder()):
        captured = trained("vae-gaussian", changes, 40)
    assert captured.execution == "captured"
    assert equal_to_the_bit(plain, captured)


class StoppedError(Exception):
    """Not an error of torch."""


class InterruptedRecorder(ClosureRecorder):
    """Raises an error at the third replay."""

    def record(self, step):
        """Return a function that fails at its third call."""
        replay = super().record(step)

        def interrupted():
            if self.replayed == 2:
                raise StoppedError
            replay()

        return interrupted


@pytest.mark.parametrize("recorder", [ClosureRecorder, InterruptedRecorder])
def test_captured_steps_and_gradients_are_freed_after_a_training(recorder, monkeypatch):
    alive = weakref.WeakSet()
    of = CapturedStep.__init__
    monkeypatch.setattr(
        CapturedStep, "__init__", lambda self, *given, **named: (alive.add(self), of(self, *given, **named))[1]
    )
    result = None
    with recorded_by(monkeypatch, recorder()) as used:
        try:
            result = trained("vae", {}, 10)
        except StoppedError:
            assert recorder is InterruptedRecorder
        assert used.recorded > 0
        assert used.released == 1
    gc.collect()
    assert not alive
    if recorder is ClosureRecorder:
        assert all(parameter.grad is None for parameter in result.network.parameters())


@pytest.mark.parametrize("text", ["warm-up:0.3", "warm-up:1", "cyclical:1", "cyclical:7"])
def test_a_schedule_gives_the_same_bits_for_a_tensor(text):
    schedule = parse_schedule(text)
    for step in range(700):
        factor = schedule.factor(torch.tensor(step / 700, dtype=torch.float64))
        assert factor.item() == schedule.factor(step / 700)
    assert schedule.factor(torch.tensor(1.0, dtype=torch.float64)).item() == 1.0


@pytest.mark.parametrize("name", ["vae", "iwae"])
@pytest.mark.parametrize("progress", [0.0, 0.25, 0.75])
def test_a_loss_takes_the_progress_as_a_tensor(name, progress):
    """Values and gradients are the same to the bit. At β = 0 an infinite divergence does not count."""
    spec = BY_NAME[name]
    network = built(spec, inputs_for(spec, 2), SEEDS, short(spec, beta_schedule="warm-up:0.5")).float()

    def found(progress):
        network.zero_grad()
        loss = network.loss(inputs_for(spec, 2), Step(draws(SEEDS), progress=progress))
        loss.total.sum().backward()
        return [*loss, *(parameter.grad for parameter in network.parameters())]

    pairs = zip(found(progress), found(torch.tensor(progress, dtype=torch.float64)), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    with torch.no_grad():
        network.encoder.heads[-1].bias.fill_(-torch.inf)  # σ = 0
    for each in (progress, torch.tensor(progress, dtype=torch.float64)):
        loss = network.loss(inputs_for(spec, 2), Step(draws(SEEDS), progress=each))
        assert bool(loss.total.isfinite().all()) == (progress == 0.0)
