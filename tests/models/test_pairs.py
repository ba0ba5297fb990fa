"""Cross-entropies of pairs of nodes against the n × n form, torch-geometric and expectations, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import BY_NAME, GAE, ROWS, data, inputs_of, negatives_of, target
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark.core.rng import torch_generators
from benchmark.models.numerics.all_pairs import gradient_of_all_pairs, softplus_of_all_pairs
from benchmark.models.numerics.pairs import pair_cross_entropy, sampled_pair_cross_entropy
from benchmark.models.numerics.upper_blocks import UpperBlocks
from benchmark.models.parts.likelihoods import balanced, unweighted
from benchmark.training.graph import Graph
from benchmark.training.random_streams import random_streams


def normal(*shape, seed=0, dtype=torch.float64):
    """Standard normal numbers in a shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def graphs_of(n, r, seed):
    """One edge array per replica; each next replica has one edge more."""
    rng = np.random.default_rng(seed)
    upper = np.stack(np.triu_indices(n, 1), axis=1)
    counts = [min(len(upper) - 1, n + replica) for replica in range(r)]
    return [upper[np.sort(rng.choice(len(upper), count, replace=False))] for count in counts]


def dense_form(z, graphs, weight, norm):
    """The weighted cross-entropy by n × n logits and targets, [r]."""
    logits = z @ z.transpose(1, 2)
    return torch.stack(
        [
            norm[k]
            * binary_cross_entropy_with_logits(
                logits[k], torch.tensor(target(edges, z.shape[1])).to(z), pos_weight=weight[k], reduction="sum"
            )
            for k, edges in enumerate(graphs)
        ]
    )


def compared(z, graphs, weigh, block):
    """Assert that value and gradient agree with the n × n form."""
    graph = Graph.of(graphs, z.shape[1], device="cpu", dtype=z.dtype)
    weight, norm = weigh(graph.nodes, graph.counts)
    dense = dense_form(z, graphs, weight, norm)
    upstream = torch.rand(len(z), generator=torch.Generator().manual_seed(1), dtype=z.dtype)
    (expected,) = torch.autograd.grad((upstream * dense).sum(), z)
    for value in (True, False):
        cost = pair_cross_entropy(z, graph, weight, norm, value=value, block=block)
        if value:
            torch.testing.assert_close(cost, dense)
        else:
            assert cost.isnan().all()
        (gradient,) = torch.autograd.grad((upstream * cost).sum(), z)
        torch.testing.assert_close(gradient, expected)
    with torch.no_grad():
        torch.testing.assert_close(pair_cross_entropy(z, graph, weight, norm, value=True, block=block), dense)


@pytest.mark.parametrize("weigh", [balanced, unweighted])
@pytest.mark.parametrize("loops", [True, False])
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(3, 40), r=st.integers(1, 3), block=st.integers(1, 24), graded=st.booleans(), seed=st.integers(0, 99)
)
def test_edge_weights_and_a_missing_diagonal_change_the_targets(weigh, loops, n, r, block, graded, seed):
    """A pair with target t costs t times an edge plus 1 − t times a non-edge. Without loops, nodes have target 0."""
    graphs, rng = graphs_of(n, r, seed), np.random.default_rng(seed)
    weights = [rng.choice([0.5, 1.0], size=len(edges)).astype(np.float32) for edges in graphs]
    z = normal(r, n, 3, seed=seed).requires_grad_()
    graph = Graph.of(graphs, n, device="cpu", dtype=z.dtype, weights=weights if graded else None)
    weight, norm = weigh(graph.nodes, graph.counts)
    costs = []
    for k, (edges, strengths) in enumerate(zip(graphs, weights, strict=True)):
        aim = torch.eye(n, dtype=z.dtype) * loops
        i, j = edges.T
        aim[i, j] = aim[j, i] = torch.tensor(strengths, dtype=z.dtype) if graded else 1.0
        logits = z[k] @ z[k].T
        each = weight[k] * aim * softplus(-logits) + (1 - aim) * softplus(logits)
        costs.append(norm[k] * each.sum())
    dense = torch.stack(costs)
    found = pair_cross_entropy(z, graph, weight, norm, value=True, loops=loops, block=block)
    torch.testing.assert_close(found, dense)
    (expected,) = torch.autograd.grad(dense.sum(), z)
    (gradient,) = torch.autograd.grad(found.sum(), z)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("weigh", [balanced, unweighted])
@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(3, 80),
    d=st.integers(1, 9),
    r=st.integers(1, 4),
    block=st.integers(1, 24),
    scale=st.sampled_from([0.0, 0.3, 3.0, 12.0]),
    seed=st.integers(0, 10**6),
)
def test_pair_cross_entropy_agrees_with_the_dense_form(weigh, n, d, r, block, scale, seed):
    compared((scale * normal(r, n, d, seed=seed)).requires_grad_(), graphs_of(n, r, seed), weigh, block)


@pytest.mark.parametrize(("n", "d", "r"), [(300, 4, 3), (1200, 16, 2)])
def test_blocks_of_the_default_size_agree_with_the_dense_form(n, d, r):
    compared(normal(r, n, d).requires_grad_(), graphs_of(n, r, 0), balanced, None)


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_single_precision_is_as_exact_as_the_dense_form(scale):
    """The error in single precision is less than ten times the error of the dense form in single precision."""
    n, d = 1500, 16
    exact = (scale * normal(1, n, d)).requires_grad_()
    graphs = graphs_of(n, 1, 0)
    found = {}
    for name, dtype in (("dense", torch.float32), ("ours", torch.float32), ("exact", torch.float64)):
        z = exact.detach().to(dtype).requires_grad_()
        graph = Graph.of(graphs, n, device="cpu", dtype=dtype)
        weights = balanced(n, graph.counts)
        cost = pair_cross_entropy(z, graph, *weights, value=True) if name == "ours" else dense_form(z, graphs, *weights)
        found[name] = (cost.detach(), *torch.autograd.grad(cost.sum(), z))
    for part in (0, 1):
        errors = {
            name: float((found[name][part] - found["exact"][part]).norm() / found["exact"][part].norm())
            for name in ("dense", "ours")
        }
        assert errors["ours"] < max(10 * errors["dense"], 1e-6), errors


def test_a_second_pass_does_not_overwrite_the_result_of_the_first():
    one = gradient_of_all_pairs(normal(2, 50, 3))
    before = one.clone()
    gradient_of_all_pairs(normal(2, 50, 3, seed=1))
    assert torch.equal(one, before)


class Counted(TorchDispatchMode):
    """Counts the calls of each torch operation, and the elements of the largest result."""

    def __init__(self):
        super().__init__()
        self.calls, self.largest = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        self.calls[name] = self.calls.get(name, 0) + 1
        if isinstance(result, torch.Tensor):
            self.largest = max(self.largest, result.numel())
        return result


def test_memory_is_one_block_and_work_is_half_of_all_pairs():
    n, d, block = 960, 4, 16
    z = normal(1, n, d)
    with Counted() as counted:
        gradient_of_all_pairs(z, block)
    assert counted.largest <= max(n * d, 8 * block**2)
    rows, width = n // block, 8
    upper = sum(-(-(n - top) // (width * block)) for top in range(0, n, block))
    assert rows * rows / (2 * width) < upper <= rows * (rows + width) / (2 * width) + rows
    assert upper <= counted.calls["bmm"] <= upper + rows  # the first block of a row may be narrower
    assert counted.calls["baddbmm_"] == 2 * counted.calls["bmm"]
    assert counted.calls["tanh_"] == counted.calls["bmm"]
    with Counted() as again:
        gradient_of_all_pairs(z, block)
    assert "slice" not in again.calls  # views are made only once
    with Counted() as valued:
        softplus_of_all_pairs(z, block)
    assert "baddbmm_" not in valued.calls


def test_small_replicas_share_a_block():
    with Counted() as counted:
        gradient_of_all_pairs(normal(8, 16, 2), 16)
    assert counted.calls["bmm"] == 1
    with Counted() as counted:
        gradient_of_all_pairs(normal(3, 128, 2), 16)
    assert counted.calls["bmm"] == 3 * 8


def test_the_number_of_views_grows_linearly_with_n():
    def views(n):
        """Different blocks of a workspace for n rows."""
        blocks = UpperBlocks(1, n, 2, 4, 32, torch.float32, torch.device("cpu"))
        return len({id(block) for row in blocks.rows for block in row.blocks})

    assert views(1600) < 2.1 * views(800)


def test_sampled_cross_entropy_is_n_squared_times_the_loss_of_torch_geometric():
    """Both get the same negatives, and each replica has its own edges. Theirs adds 1e-15 inside the logarithm."""
    x, _ = data()
    graphs = [data(seed=0)[1], data(seed=1)[1][:-7]]
    inputs = inputs_of(BY_NAME["gae-sampled"], x, graphs, replicas=2)
    z = normal(2, ROWS, 3).requires_grad_()

    def found(*, value):
        streams = random_streams((0, 1), "negatives", device="cpu")
        return sampled_pair_cross_entropy(z, inputs.graph, streams, value=value)

    theirs = []
    for replica, generator in enumerate(torch_generators((0, 1), "negatives", device="cpu")):
        edges = graphs[replica]
        negatives = torch.tensor(negatives_of(edges, ROWS, generator).T.copy())
        assert negatives.shape[1] == 2 * len(edges)
        both = torch.tensor(np.vstack([edges, edges[:, ::-1]]).T.copy())
        theirs.append(GAE(torch.nn.Identity()).recon_loss(z[replica], both, negatives))
    expected = ROWS**2 * torch.stack(theirs)
    torch.testing.assert_close(found(value=True), expected, rtol=1e-9, atol=0)
    assert found(value=False).isnan().all()
    upstream = torch.tensor([1.0, -2.0], dtype=torch.float64)
    gradients = [
        torch.autograd.grad((upstream * cost).sum(), z)[0] for cost in (expected, found(value=True), found(value=False))
    ]
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-9, atol=1e-9)
    assert torch.equal(gradients[1], gradients[2])


def test_sampled_cross_entropy_averages_to_the_mean_over_all_non_edges():
    n, copies = 12, 500
    x, edges = data(n=n, each=1)
    inputs = inputs_of(BY_NAME["gae-sampled"], x, edges, replicas=copies)
    z = normal(1, n, 3)
    logits = (z @ z.transpose(1, 2))[0]
    costs = softplus(logits[torch.tensor(target(edges, n) == 0)])
    exact = n**2 * (softplus(-logits[tuple(edges.T)]).mean() + costs.mean())
    streams = random_streams(range(copies), "negatives", device="cpu")
    found = sampled_pair_cross_entropy(z.expand(copies, n, 3), inputs.graph, streams, value=True)
    error = n**2 * costs.std(correction=0) / (copies * 2 * len(edges)) ** 0.5
    assert abs(found.mean() - exact) < 5 * error


@pytest.mark.gpu
def test_gpu_and_cpu_agree_on_cost_and_gradient():
    n, r = 5000, 3
    graphs = graphs_of(n, r, 0)
    found = {}
    for device in ("cpu", "cuda"):
        z = normal(r, n, 16, dtype=torch.float32).to(device).requires_grad_()
        graph = Graph.of(graphs, n, device=device, dtype=torch.float32)
        cost = pair_cross_entropy(z, graph, *balanced(n, graph.counts), value=True)
        found[device] = (cost.detach().cpu(), torch.autograd.grad(cost.sum(), z)[0].cpu())
    torch.testing.assert_close(found["cuda"], found["cpu"], rtol=1e-4, atol=1e-4 * float(found["cpu"][1].std()))


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype feature")
def test_a_step_on_a_gpu_never_synchronises_with_the_host():
    """Any synchronisation raises an error here, also while negatives are drawn."""
    n = 500
    graph = Graph.of(graphs_of(n, 2, 0), n, device="cuda", dtype=torch.float32)
    z = normal(2, n, 4, dtype=torch.float32).cuda().requires_grad_()
    streams = random_streams((0, 1), "negatives", device="cuda")
    weights = balanced(n, graph.counts)

    def step():
        pair_cross_entropy(z, graph, *weights, value=False).sum().backward()
        sampled_pair_cross_entropy(z, graph, streams, value=False).sum().backward()

    step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
