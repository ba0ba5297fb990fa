"""A training step that is recorded once and replayed: its static buffers, and the recorder of CUDA graphs.

A CUDA graph launches all kernels of a step at once, so Python and the launches take no time. A replay repeats the same
kernels on the same addresses. So everything that changes between steps lies in buffers that keep their place.

On a CPU, tests replace ``CudaGraphs`` by a recorder that runs the step again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from benchmark.training.schedules import Scalar

RunStep: TypeAlias = Callable[[Tensor | None, bool, Scalar], Tensor | None]
"""Run a step, from the rows of the batch, [r, b], whether to compute values, and the progress of the phase."""


class Recorder(Protocol):
    """Records a step, so that it can be run again without Python."""

    def session(self) -> AbstractContextManager[None]:
        """The context in which all steps of a training run, recorded or not."""

    def record(self, step: Callable[[], None], /) -> Callable[[], None]:
        """Record a step without running it.

        Returns:
            A function that runs the step.

        Raises:
            RuntimeError: if the step cannot be recorded.
        """

    def release(self) -> None:
        """Give memory back after all recorded steps are dropped."""


class CudaGraphs:
    """Records steps as CUDA graphs.

    All steps of a training run on one side stream, because a graph cannot be captured on the default stream. Autograd
    keeps the stream on which a parameter was first used, so warm-up steps must run on the stream of the capture.
    """

    @contextmanager
    def session(self) -> Iterator[None]:
        """Run the block on the side stream. The default stream waits for it at the end."""
        around, aside = torch.cuda.current_stream(), _side_stream(torch.cuda.current_device())
        aside.wait_stream(around)
        try:
            with torch.cuda.stream(aside):
                yield
        finally:
            around.wait_stream(aside)

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Capture a step. Memory that it allocates comes from a pool of the graph's own."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
            step()
        return graph.replay

    def release(self) -> None:
        """Return the pools of dropped graphs to the GPU."""
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


@cache  # a stream of its own for each training would keep a workspace of cuBLAS for each
def _side_stream(device: int) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CapturedStep:
    """A recorded step with its static buffers.

    Args:
        recorder: Records the step.
        run: Runs the step.
        index: Rows of the batch, [r, b], which later steps replace by others of the same shape. None for full batch.
        value: Whether the step computes values.
        device: Device of the training.
    """

    def __init__(self, recorder: Recorder, run: RunStep, index: Tensor | None, *, value: bool, device: str) -> None:
        self._index = None if index is None else index.clone(memory_format=torch.contiguous_format)
        self._progress = torch.zeros((), dtype=torch.float64, device=device)
        self._losses: Tensor | None = None

        def step() -> None:
            """The step over the static buffers."""
            self._losses = run(self._index, value, self._progress)

        self._replay = recorder.record(step)

    def __call__(self, index: Tensor | None, progress: float) -> Tensor | None:
        """Run the step on other rows, [r, b], and return its losses, [steps, 4, r], if it computes values."""
        if self._index is not None and index is not None:
            self._index.copy_(index)
        self._progress.fill_(progress)
        self._replay()
        return None if self._losses is None else self._losses.clone()
