"""The choice between the fused kernels and other ways."""

import pytest
import torch

from benchmark.models.numerics.all_pairs import why_blocks
from benchmark.tasks.batched.fused_lloyd import why_not_fused
from benchmark.training import fused_kernels
from benchmark.training.fused_kernels import largest_difference, why_no_kernels
from benchmark.training.philox import why_torch

pytestmark = pytest.mark.usefixtures("card")


@pytest.fixture
def card(monkeypatch):
    """Pretend that there is a GPU that can run the kernels."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.9")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(fused_kernels, "find_spec", lambda _: True)


@pytest.mark.parametrize("why", [why_blocks, why_not_fused, why_torch])
def test_the_reason_against_kernels_is_told(why, monkeypatch):
    monkeypatch.setattr(fused_kernels, "find_spec", lambda _: None)
    assert why.__wrapped__() == "Triton is not installed"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert why.__wrapped__() == "the GPU is older than Ampere"
    monkeypatch.setattr(torch.version, "cuda", None)
    assert why.__wrapped__() == "this torch is built for GPUs without CUDA"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert why.__wrapped__() == "no GPU"


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("wrong", [1.001, torch.nan, torch.inf])
def test_kernels_with_a_wrong_result_are_not_used(wrong, place):
    exact = torch.ones(3)

    def error(device):
        assert device == torch.device("cuda", 0)
        found = [exact.clone(), exact.clone()]
        found[place][1] = wrong
        return largest_difference([(each, exact) for each in found])

    assert why_no_kernels(0, error).startswith("the kernels of Triton are wrong by ")
    assert why_no_kernels(0, lambda _: largest_difference([(exact, exact)])) == ""


def test_a_failure_of_triton_is_a_reason_and_lack_of_memory_is_not():
    def failing(error):
        def run(_device):
            raise error

        return run

    assert why_no_kernels(0, failing(OSError("no C\ncompiler"))) == "Triton fails here: OSError: no C compiler"
    with pytest.raises(torch.OutOfMemoryError):
        why_no_kernels(0, failing(torch.OutOfMemoryError("full")))
    with pytest.raises(RuntimeError, match="out of memory"):
        why_no_kernels(0, failing(RuntimeError("Triton Error [CUDA]: out of memory")))
