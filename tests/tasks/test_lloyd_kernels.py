"""The fused kernels of k-means: interpreted and compiled without a card, and run on one."""

import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import torch
import triton_k_means
from triton_runs import by_triton

from benchmark.tasks.batched import fused_lloyd
from benchmark.tasks.batched.columns import unchanged_latents
from benchmark.tasks.batched.fused_lloyd import cluster_by_kernels, kernels_cluster, largest_error, why_not_fused
from benchmark.tasks.batched.lloyd import cluster
from benchmark.tasks.batched.lloyd_rules import start_draws

EXACT = 1e-6  # relative, against float64
EXACT_ON_CARDS = 4e-6  # products of a card are three in TF32; an H100 is wrong by 2e-6
SHARED = 99 * 1024  # bytes of shared memory of a program on the smallest cards since Ampere


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    return by_triton(triton_k_means, "interpret", tmp_path_factory.mktemp("triton"))


def test_interpreted_kernels_agree_with_the_dense_form_in_double_precision(interpreted):
    """With ties, starts that have ended, edges at the borders of tiles and strips, odd n and d, and several latents."""
    found = [case for case in interpreted if "shape" in case]
    assert [tuple(case["shape"]) for case in found] == list(triton_k_means.SHAPES)
    for case in found:
        assert case["counts"], case
        assert case["labels"], case
        assert case["again"], case
        assert case["beyond"] == 0, case
        assert max(case[name] for name in ("sums", "inertia", "nearest", "strips", "potentials")) < EXACT, case


def test_interpreted_kernels_find_the_clusters_of_the_other_way(interpreted):
    found = {case["case"]: case for case in interpreted if "case" in case}
    for name in ("blobs", "several", "three strips", "five rows"):
        assert found[name]["labels"], name
        assert found[name]["inertia"] < 2e-3, name  # of several hundred
    assert found["alone"]["labels"], "the other latents of a batch change the clusters"
    assert found["first centers"]["labels"], "the first centers are not those of scikit-learn"


def test_empty_clusters_are_filled_by_the_host_and_settle(interpreted):
    found = {case["case"]: case for case in interpreted if "case" in case}
    assert 0 < found["five rows"]["filled"] < 20
    assert found["blobs"]["filled"] == 0


def test_the_check_of_doctor_passes_and_notices_wrong_kernels(interpreted):
    (case,) = (case for case in interpreted if case.get("case") == "check")
    assert case["error"] < EXACT
    assert case["wrong"] > 1e-4


def test_kernels_compile_for_cards_and_fit_in_their_shared_memory(tmp_path):
    found = by_triton(triton_k_means, "compile", tmp_path)
    assert len(found) == 4 * len(triton_k_means.COMPILED)
    assert all(case["shared"] <= SHARED for case in found), found


def test_a_cpu_clusters_without_triton():
    code = (
        "import sys, torch; from benchmark.tasks.batched.lloyd import cluster as of; x = torch.eye(4)[None]; "
        "of(x, 2, torch.rand(1, 2, 3), prepare=lambda z: z, budget=1000); sys.exit('triton' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert not kernels_cluster(torch.zeros(1, 5, 2), 3)


@pytest.mark.parametrize(("d", "k", "runs"), [(128, 64, True), (129, 3, False), (16, 65, False)])
def test_wide_latents_and_many_clusters_go_the_other_way(d, k, runs, monkeypatch):
    monkeypatch.setattr(fused_lloyd, "why_not_fused", lambda _: "")
    z = mock.Mock(is_cuda=True, dtype=torch.float32, shape=(1, 200, d))
    assert kernels_cluster(z, k) == runs


# On a card


def made(n, d, k, latents, device="cuda"):
    """Latents of k blobs that overlap."""
    rng = np.random.default_rng(0)
    places = 2 * rng.standard_normal((k, d))
    z = places[np.arange(n) % k] + rng.standard_normal((latents, n, d))
    return torch.tensor(z, dtype=torch.float32, device=device)


def clustered(z, k, by=cluster_by_kernels, starts=20):
    draws = torch.tensor(start_draws(0, k, starts), device=z.device).expand(len(z), -1, -1)
    return by(z, k, draws, prepare=unchanged_latents, budget=1 << 30)


@pytest.mark.gpu
def test_a_card_runs_the_kernels():
    assert why_not_fused() == ""
    assert largest_error(torch.device("cuda")) < EXACT_ON_CARDS


@pytest.mark.gpu
@pytest.mark.parametrize(("n", "d", "k"), [(178, 16, 3), (2708, 16, 7), (1500, 33, 20), (1100, 128, 64)])
def test_a_card_clusters_like_a_cpu(n, d, k):
    """Rounding may pick another start, so inertia is compared, with room for another local optimum."""
    z = made(n, d, k, 3)
    labels, inertia = clustered(z, k)
    _, expected = clustered(z.cpu(), k, cluster)
    torch.testing.assert_close(inertia.cpu(), expected, rtol=2e-3, atol=0)
    again = clustered(z, k)
    assert torch.equal(labels, again[0])
    assert torch.equal(inertia, again[1])
    assert torch.equal(clustered(z[1:2], k)[0], labels[1:2])


@pytest.mark.gpu
def test_distances_are_not_written_to_memory_on_a_card():
    """All distances of an iteration are 183 MiB."""
    z = made(20_000, 16, 15, 8)
    clustered(z, 15)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    clustered(z, 15)
    assert torch.cuda.max_memory_allocated() - before < 96 * 2**20
