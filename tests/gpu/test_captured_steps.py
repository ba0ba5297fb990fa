"""Training steps captured as CUDA graphs on a GPU, against the same steps run plainly.

tests/training/test_execution.py does the same on a CPU, with a stand-in for CUDA graphs.
"""

import gc
import os
import subprocess
import sys

import fusion_by_hand
import pytest
import torch
from networks import BY_NAME, CONVOLVED, GRAPHS, MODELS, SPHERICAL, data, each_model, inputs_for, short
from recorders import equal_to_the_bit, everything, recorded_by

from benchmark.models import FusionSpec, ModelSpec
from benchmark.training.captured import CapturedStep, CudaGraphs
from benchmark.training.execution import executed
from benchmark.training.training_data import TrainingData

pytestmark = pytest.mark.gpu

SEEDS = (0, 1)
CLOSE = 1e-3  # relative
# their gradients are sums that cuSPARSE and index_add_ take in no fixed order
ROUNDED = {"gae", "vgae", "gae-sampled", "arvga"}
CASES = {
    "full batch": ("vae", {"batch": 0}),
    "mini-batches with a short last one": ("vae", {}),
    "a schedule": ("vae", {"beta_schedule": "warm-up:0.5"}),
    "a learning rate that falls": ("vae", {"learning_rate_decay": 0.6}),
    "phases of pre-training": ("sae-stacked", {}),
    "corruption": ("dae", {}),
    "all pairs": ("vgae", {}),
    "sampled pairs": ("gae-sampled", {}),
    "adversaries": ("arvga", {}),
}


def trained(name, changes, epochs, **keywords):
    """A short training of a model of the table on the card."""
    spec = BY_NAME[name]
    inputs = inputs_for(spec, len(SEEDS), device="cuda")
    return spec.fit_inputs(inputs, short(spec, epochs=epochs, **changes), SEEDS, "cuda", **keywords)


@pytest.mark.parametrize("epochs", [1, 3, 10, 50])
@pytest.mark.parametrize("case", CASES)
def test_captured_steps_equal_plain_ones(case, epochs, monkeypatch):
    """To the bit, except for sums in no fixed order."""
    name, changes = CASES[case]
    with executed("plain"):
        plain = trained(name, changes, epochs)
    with recorded_by(monkeypatch, CudaGraphs(), warm_up=1):
        captured = trained(name, changes, epochs)
    if epochs > 1:
        assert captured.execution == "captured"
    if name not in ROUNDED:
        assert equal_to_the_bit(plain, captured)
    for one, other in zip(everything(plain), everything(captured), strict=True):
        one, other = one.double().nan_to_num(), other.double().nan_to_num()
        assert (one - other).norm() <= CLOSE * max(float(one.norm()), 1e-6)


@each_model([spec for spec in MODELS if isinstance(spec, ModelSpec | FusionSpec) and spec.trained])
def test_every_model_is_captured_or_says_why_not(spec, monkeypatch):
    given = TrainingData(data()[0], tuple(GRAPHS[: len(SEEDS)]) if spec.uses_graph else None, clusters=3)
    settings = fusion_by_hand.small(spec, epochs=4) if isinstance(spec, FusionSpec) else short(spec, epochs=4)
    with recorded_by(monkeypatch, CudaGraphs(), warm_up=1):
        found = spec.fit(given, settings, SEEDS, "cuda").execution
    if spec in SPHERICAL:
        assert found.startswith("plain: draws on a sphere")
    elif spec in CONVOLVED and spec.settings.convolution == "GATConv":
        assert found.startswith("plain: GATConv")
    else:
        assert found == "captured"


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype feature")
@pytest.mark.parametrize("name", ["vae", "vgae"])
def test_a_captured_step_does_not_wait_for_the_card(name, monkeypatch):
    of, calls = CapturedStep.__call__, []

    def watched(self, *given):
        """The step, with an error for every synchronisation."""
        calls.append(given)
        torch.cuda.set_sync_debug_mode("error")
        try:
            return of(self, *given)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(CapturedStep, "__call__", watched)
    with recorded_by(monkeypatch, CudaGraphs(), warm_up=1):
        assert trained(name, {}, 10).execution == "captured"
    assert len(calls) > 5


@pytest.mark.parametrize("name", ["vae", "vgae"])
def test_graphs_and_their_memory_are_freed_after_a_training(name, monkeypatch):
    """The first training is left out: libraries keep a workspace for the side stream."""

    def allocated():
        """Bytes in use after one training, whose result is dropped, and bytes that torch keeps."""
        with recorded_by(monkeypatch, CudaGraphs(), warm_up=1):
            assert trained(name, {}, 10).execution == "captured"
        gc.collect()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated(), torch.cuda.memory_reserved()

    allocated()
    assert allocated() == allocated()


class Starved(CudaGraphs):
    """Captures while the card gives no memory."""

    def __init__(self):
        self.starving = True

    def record(self, step):
        """Capture with a limit that is exceeded already."""
        if not self.starving:
            return super().record(step)
        torch.cuda.set_per_process_memory_fraction(1e-9)
        try:
            return super().record(step)
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)


def test_lack_of_memory_while_capturing_leads_to_plain_steps(monkeypatch):
    with executed("plain"):
        plain = trained("vae", {}, 10)
    with recorded_by(monkeypatch, Starved(), warm_up=1) as recorder:
        starved = trained("vae", {}, 10)
        assert starved.execution.startswith("plain: capture failed: OutOfMemoryError")
        assert equal_to_the_bit(plain, starved)
        recorder.starving = False
        assert trained("vae", {}, 10).execution == "captured"


_BROKEN = """
import pytest, torch
from networks import BY_NAME, inputs_for, short
from recorders import equal_to_the_bit, recorded_by
from benchmark.models.systems.autoencoder import Autoencoder
from benchmark.training.captured import CudaGraphs

def trained():
    spec = BY_NAME["vae"]
    return spec.fit_inputs(inputs_for(spec, 2, device="cuda"), short(spec, epochs=10), (0, 1), "cuda")

of = Autoencoder.loss
def waiting(self, inputs, step):
    loss = of(self, inputs, step)
    loss.total.sum().item()
    return loss

plain = trained()
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(Autoencoder, "loss", waiting)
    with recorded_by(patch, CudaGraphs(), warm_up=1):
        broken = trained()
print(broken.execution)
assert broken.execution.startswith("plain: capture failed: "), broken.execution
assert equal_to_the_bit(plain, broken)
"""


def test_a_capture_that_an_operation_breaks_loses_no_step():
    """In a process of its own, because torch keeps the memory of a broken capture."""
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
