"""Stand-ins for CUDA graphs on a CPU, and the numbers of a training to compare."""

from contextlib import contextmanager, nullcontext

import torch

from benchmark.training import execution


class ClosureRecorder:
    """Records a step as its function, which runs over the static buffers again at each replay."""

    def __init__(self):
        self.recorded = self.replayed = self.released = 0

    def session(self):
        """Nothing surrounds the steps on a CPU."""
        return nullcontext()

    def record(self, step):
        """Return a function that runs the step and counts. As on a GPU, nothing runs while the step is recorded."""
        self.recorded += 1

        def replay():
            self.replayed += 1
            step()

        return replay

    def release(self):
        """Count that memory is given back."""
        self.released += 1


@contextmanager
def recorded_by(monkeypatch, recorder, *, least=1, warm_up=1):
    """Let all trainings in the block record their steps, also on a CPU."""
    with monkeypatch.context() as patched:
        patched.setattr(execution, "recorder_for", lambda _device: recorder)
        patched.setattr(execution, "LEAST", least)
        patched.setattr(execution, "WARM_UP", warm_up)
        patched.setattr(execution, "_failures", {})
        yield recorder


def everything(result):
    """All numbers of a training: parameters, curves, reconstruction terms and snapshots."""
    yield from (parameter.detach() for parameter in result.network.parameters())
    for curve in result.curves:
        yield torch.tensor([curve.total, curve.reconstruction, curve.divergence, curve.std], dtype=torch.float64)
    yield from result.reconstruction
    for snapshot in result.snapshots:
        yield snapshot.posterior.mean
        if snapshot.drawn is not None:
            yield snapshot.drawn


def equal_to_the_bit(one, other):
    """Whether two trainings have the same numbers. NaN equals NaN."""
    pairs = zip(everything(one), everything(other), strict=True)
    return all(torch.equal(a.nan_to_num(12.5), b.nan_to_num(12.5)) for a, b in pairs)
