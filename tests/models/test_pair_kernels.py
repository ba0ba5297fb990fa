"""The fused kernels of all pairs: interpreted and compiled without a card, and run on one."""

import subprocess
import sys

import pytest
import torch
import triton_kernels
from triton_runs import by_triton

from benchmark.models.numerics.all_pairs import gradient_of_all_pairs, softplus_of_all_pairs, why_blocks
from benchmark.models.numerics.upper_blocks import gradient_in_blocks, softplus_in_blocks

EXACT = 1e-6  # relative, against float64; the blocks reach it too
SHARED = 99 * 1024  # bytes of shared memory of a program on the smallest cards since Ampere


def test_interpreted_kernels_agree_with_the_dense_form_in_double_precision(tmp_path):
    """With edges at the borders of tiles, odd n and d, several replicas, and every form of the loss."""
    found = by_triton(triton_kernels, "interpret", tmp_path)
    forms = [f"{weigh} loops={loops} graded={graded}" for weigh, loops, graded in triton_kernels.FORMS]
    assert all(any(case["form"].endswith(form) for case in found) for form in forms)
    assert len(found) == len(triton_kernels.SHAPES) - 2 + 2 * len(forms)
    for case in found:
        assert case["used"] == ["fused_gradient", "fused_softplus"], case
        assert max(case["value"], case["gradient"]) < EXACT, case


def test_kernels_compile_for_cards_and_fit_in_their_shared_memory(tmp_path):
    found = by_triton(triton_kernels, "compile", tmp_path)
    assert len(found) == 2 * len(triton_kernels.CARDS) * len(triton_kernels.WIDTHS)
    assert all(case["shared"] <= SHARED for case in found), found


def test_a_cpu_works_in_blocks_without_triton():
    code = (
        "import sys, torch; from benchmark.models.numerics.all_pairs import gradient_of_all_pairs as of; "
        "of(torch.ones(1, 3, 2)); sys.exit('triton' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    z = torch.linspace(-1.0, 1.0, 30).view(1, 10, 3)
    assert torch.equal(gradient_of_all_pairs(z), gradient_in_blocks(z))
    assert torch.equal(softplus_of_all_pairs(z), softplus_in_blocks(z))


@pytest.mark.gpu
def test_a_card_runs_the_kernels():
    assert why_blocks() == ""


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("r", "n", "d"), [(3, 1, 1), (2, 131, 5), (20, 2708, 16), (2, 1000, 33), (1, 3001, 64), (1, 2049, 128)]
)
def test_kernels_on_a_card_are_as_exact_as_single_precision(r, n, d):
    """The measured error of tf32x3 was 2e-7 for n = 2,708 and d = 16."""
    z = torch.randn(r, n, d, device="cuda", generator=torch.Generator("cuda").manual_seed(0)) * (2.0 / d**0.5)
    exact = z.double()
    slope, total = gradient_in_blocks(exact), softplus_in_blocks(exact)
    gradient = gradient_of_all_pairs(z)
    assert float((gradient - slope).norm() / slope.norm()) < EXACT
    torch.testing.assert_close(softplus_of_all_pairs(z), total, rtol=EXACT, atol=0)
    assert torch.equal(gradient_of_all_pairs(z), gradient)


@pytest.mark.gpu
def test_logits_are_not_written_to_memory_on_a_card():
    """All logits of 20,000 rows are 1.5 GiB."""
    z = torch.randn(1, 20_000, 16, device="cuda")
    gradient_of_all_pairs(z), softplus_of_all_pairs(z)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    gradient_of_all_pairs(z), softplus_of_all_pairs(z)
    assert torch.cuda.max_memory_allocated() - before < 16 * 2**20
