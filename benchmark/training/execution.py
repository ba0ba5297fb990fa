"""The one place that decides how optimiser steps run: plainly, or as replays of a CUDA graph.

Steps of a phase with equal shapes and the same computed values are of one kind and share a graph. A short last batch
has a graph of its own, because a plain step takes as long as several replays. Epochs that log values have one too,
because a short training logs all its epochs. The first steps of a kind run plainly and count as any others. A kind with
few steps runs plainly to the end.

Steps run plainly if the network says so, if a capture fails, or if a first replay differs from the same step run
plainly. The reason is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.training.captured import CapturedStep, CudaGraphs, Recorder
from benchmark.training.devices import out_of_memory
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws, Network, Player, Step
from benchmark.training.schedules import Scalar, decayed
from benchmark.training.training_state import SavedState, TrainingState

ExecutionWay: TypeAlias = Literal["captured", "plain"]
_WAYS: Mapping[str, ExecutionWay] = {"captured": "captured", "plain": "plain"}

WARM_UP = 3  # plain steps of a kind before its capture: libraries start, kernels are compiled, optimisers get a state
LEAST = 50  # a kind with fewer steps is not captured, because a capture takes as long as many plain steps
_MOST_DISTANCE = 1e-2  # of the first replay from the plain step; sums without a fixed order differ by far less

_chosen: ContextVar[ExecutionWay] = ContextVar("chosen", default="captured")
# Why a capture failed, by the class of the decoder. Torch 2.11 does not free the memory of a broken capture, so a
# process tries no other network with such a decoder.
_failures: dict[str, str] = {}


def check_execution(name: str, device: str) -> ExecutionWay:
    """Check a way of execution.

    Args:
        name: "captured" or "plain".
        device: "cpu" or "cuda".

    Raises:
        InputError: if the name is another one, or is "captured" on a CPU.

    >>> check_execution("plain", "cpu")
    'plain'
    """
    if name not in _WAYS:
        raise unknown("execution", name, _WAYS, where="--execution")
    if name == "captured" and device != "cuda":
        raise InputError("--execution captured needs a GPU; leave the option out on a CPU")
    return _WAYS[name]


@contextmanager
def executed(way: ExecutionWay) -> Iterator[None]:
    """Choose how the trainings in the block run. Without a choice, steps are captured if they can be.

    The choice is no argument of a model's ``fit``, because the models of plugins need not know it.
    """
    token = _chosen.set(way)
    try:
        yield
    finally:
        _chosen.reset(token)


def recorder_for(device: str) -> Recorder | None:
    """Make the recorder of a device. None on a CPU, where launches take little time."""
    return CudaGraphs() if device == "cuda" else None


class Kind(NamedTuple):
    """The steps of a phase that can share a graph."""

    rows: int  # of the batch
    value: bool  # whether values are computed


class Executor:
    """How the steps of one training run.

    Args:
        device: "cpu" or "cuda".
        recorder: Records steps. None if all steps run plainly.
        reason: Why they do, if the device has a recorder.
        family: Class of the network's decoder.
    """

    def __init__(self, device: str, recorder: Recorder | None, reason: str = "", family: str = "") -> None:
        self.device, self.recorder, self._reason, self._family = device, recorder, reason, family
        self.steps: dict[Kind, CapturedStep] = {}  # the captured steps of the current phase
        self.tried = False  # whether any step was captured, if only in vain
        self._kept = False

    @classmethod
    @contextmanager
    def of(cls, network: Network, device: str) -> Iterator[Executor]:
        """Decide how a network is trained. After the block, graphs and the gradients in their memory are freed."""
        recorder = recorder_for(device)
        if recorder is None:
            yield cls(device, None)
            return
        family = type(network.decoder).__name__
        reason = "chosen" if _chosen.get() == "plain" else network.uncapturable or _failures.get(family, "")
        executor = cls(device, None if reason else recorder, reason, family)
        with nullcontext() if reason else recorder.session():
            try:
                yield executor
            finally:
                if executor.tried:
                    for parameter in network.parameters():
                        parameter.grad = None
                    executor.steps.clear()
                    recorder.release()

    @property
    def in_words(self) -> str:
        """The way for the records: "captured", or "plain: " and a reason. Empty if the device has no recorder."""
        if self._reason:
            return f"plain: {self._reason}"
        if self.recorder is None:
            return ""
        return "captured" if self._kept else f"plain: fewer than {LEAST} steps of a kind"

    def keep(self, kind: Kind, step: CapturedStep) -> None:
        """Keep a captured step for the further steps of its kind."""
        self.steps[kind] = step
        self._kept = True

    def note_broken(self, reason: str) -> None:
        """Let this process capture no other network with a decoder of the same class."""
        _failures[self._family] = reason

    def give_up(self, reason: str) -> None:
        """Run all further steps plainly.

        All graphs are dropped together: some versions of torch free the workspace of the stream with the first of them.
        """
        self._reason = reason
        self.steps.clear()
        if self.recorder is not None:
            self.recorder.release()
            self.recorder = None


class PhaseSteps:
    """The optimiser steps of one phase.

    Args:
        executor: How the steps of the training run. Graphs of the phase before are dropped.
        players: The player of the phase, then the others.
        inputs: Features and graphs.
        draws: Random streams.
        expected: Number of steps of each kind.
        decay: Share of the steps, at the end, over which learning rates fall linearly to 0.
    """

    def __init__(
        self,
        executor: Executor,
        players: Sequence[Player],
        inputs: Inputs,
        draws: Draws,
        expected: Mapping[Kind, int],
        decay: float = 0.0,
    ) -> None:
        executor.steps.clear()
        self._executor, self._inputs, self._draws = executor, inputs, draws
        self._expected, self._total = expected, sum(expected.values())
        self._taken: Counter[Kind] = Counter()
        self._decay, capturable = decay, executor.device == "cuda"
        rates = [_rate(each.learning_rate, executor.device) if decay else each.learning_rate for each in players]
        optimisers = [
            torch.optim.Adam(each.parameters, lr=rate, fused=True, capturable=capturable)
            for each, rate in zip(players, rates, strict=True)
        ]
        self._turns = [turn for turn in zip(players, optimisers, strict=True) for _ in range(turn[0].steps)]
        self._state = TrainingState(players, optimisers, draws)

    def take(self, index: Tensor | None, *, value: bool) -> Tensor | None:
        """Let every player take its steps on one batch.

        Args:
            index: Rows of the batch for each replica, [r, b]. None for full batch.
            value: Whether values are computed.

        Returns:
            The parts of the loss at each step of the first player, [steps, 4, r], without a gradient. None without
            ``value``.
        """
        progress = self._taken.total() / self._total
        kind = Kind(self._inputs.rows if index is None else index.shape[1], value)
        taken, step = self._taken[kind], self._executor.steps.get(kind)
        self._taken[kind] += 1
        if step is not None:
            return step(index, progress)
        recorder = self._executor.recorder
        if recorder is None or self._expected[kind] < LEAST:
            return self._plain(index, value, progress)
        if taken < WARM_UP:  # the same operations as in the capture, so that their kernels are loaded
            as_captured = torch.full((), progress, dtype=torch.float64, device=self._executor.device)
            return self._plain(index, value, as_captured)
        return self._captured(recorder, kind, index, progress)

    def _plain(self, index: Tensor | None, value: bool, progress: Scalar) -> Tensor | None:
        """Run the steps of every player. The host does not wait for the device."""
        batch = self._inputs if index is None else self._inputs.batch(index)
        step, losses = Step(self._draws, value, progress), []
        for player, optimiser in self._turns:
            if self._decay:
                (group,) = optimiser.param_groups
                group["lr"].fill_(player.learning_rate * decayed(progress, self._decay))  # a copy would wait for a GPU
            loss = player.loss(batch, step)
            optimiser.zero_grad(set_to_none=True)
            loss.total.sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if value and player is self._turns[0][0]:
                losses.append(torch.stack(loss).detach())
        return torch.stack(losses) if value else None

    def _captured(self, recorder: Recorder, kind: Kind, index: Tensor | None, progress: float) -> Tensor | None:
        """Capture a step. If the capture fails, take the step plainly, from the state before."""
        self._executor.tried = True
        before: SavedState | None = None
        try:
            before = self._state.saved()
            losses, reason = self._compared(recorder, kind, index, progress, before)
        except RuntimeError as error:
            cause = _first_cause(error)
            reason = f"capture failed: {_in_words(cause)}"
            if not out_of_memory(cause):
                self._executor.note_broken(reason)
        if reason:  # outside the except clause: the exception holds on to the memory of the graph
            self._executor.give_up(reason)
            if before is not None:
                self._state.restore(before)
            losses = self._plain(index, kind.value, progress)
        return losses

    def _compared(
        self, recorder: Recorder, kind: Kind, index: Tensor | None, progress: float, before: SavedState
    ) -> tuple[Tensor | None, str]:
        """Capture and replay a step, take the same step plainly, and compare. The plain step is the one that counts.

        Returns:
            The losses of the plain step, and the reason why the captured step was not kept.
        """
        step = CapturedStep(recorder, self._plain, index, value=kind.value, device=self._executor.device)
        if self._state.met_more_than(before):
            return None, "a parameter got its first gradient in the captured step"
        step(index, progress)
        replayed = self._state.saved()
        self._state.restore(before)
        losses = self._plain(index, kind.value, progress)
        distance = self._state.distance(replayed, before)
        if not distance < _MOST_DISTANCE:
            return None, f"the first replay differs from the plain step by {distance:.1g} of its length"
        self._executor.keep(kind, step)
        return losses, ""


def _rate(value: float, device: str) -> Tensor:
    """A learning rate that steps change in place, also while they are replayed."""
    return torch.tensor(value, dtype=torch.float32, device=device)


def _first_cause(error: BaseException) -> BaseException:
    """The error that broke a capture. The end of a broken capture raises another one, which says less."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return error


def _in_words(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}"[:300] if lines else type(error).__name__
