"""IGAE and DFCN against dense formulas, their phases through fit(), what a plan refuses them, and the oracle epoch."""

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import global_states_untouched
from resolved import study_of
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits
from tiny import Held

from benchmark.core.errors import InputError
from benchmark.core.rng import torch_generators
from benchmark.datasets import load, split
from benchmark.latents.latents import Epochs
from benchmark.models import MODELS, FusionSpec
from benchmark.models.systems import fusion
from benchmark.models.systems.fusion import adjacency_error, assignments, components, sharpened
from benchmark.plan.data import Prepared
from benchmark.plan.grid import make_plan
from benchmark.plan.units import Batch
from benchmark.running.work import Context, Job, train
from benchmark.tasks import TASKS, Case
from benchmark.training import loop
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Draws, Phase, Step
from benchmark.training.posteriors import PointMass

FUSED = [row for row in MODELS if isinstance(row, FusionSpec)]
BY_NAME = {row.name: row for row in FUSED}
AE, IGAE, DFCN = (BY_NAME[name] for name in ("dfcn-ae", "igae", "dfcn"))
N, F, K, SEEDS = 30, 8, 3, (0, 1, 2)
SMALL = {
    "dfcn-ae": {"hidden": (8, 7, 6), "latent": 4, "epochs": 3, "batch": 16},
    "igae": {"hidden": (8, 7), "latent": 4, "epochs": 3},
    "dfcn": {
        "hidden": (8, 7, 6),
        "latent": 4,
        "epochs": 3,
        "pretraining_epochs": (2, 2, 2),
        "pretraining_batch": 16,
    },
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """What is small is slower with more, as conftest has it for torch."""
    with threadpool_limits(1):
        yield


def edges_of(seed):
    """60 edges [m, 2] that leave the last two nodes isolated."""
    i, j = np.triu_indices(N - 2, 1)
    chosen = np.sort(np.random.default_rng(seed).choice(len(i), size=60, replace=False))
    return np.stack([i[chosen], j[chosen]], axis=1)


X = np.random.default_rng(0).random((N, F), dtype=np.float32) - np.float32(0.3)
GRAPHS = [edges_of(seed) for seed in SEEDS]


def each(specs):
    return pytest.mark.parametrize("spec", specs, ids=lambda spec: spec.name)


def small(spec, **overrides):
    return spec.overridden(SMALL[spec.name] | overrides)


def inputs_of(spec, graphs=GRAPHS, x=X, dtype=torch.float64):
    """One replica for each of the graphs."""
    edges = graphs if spec.uses_graph else None
    return Inputs.of(x, edges, replicas=len(graphs), device="cpu", dtype=dtype, dense=True, clusters=K)


def built(spec, inputs, seeds=SEEDS, **overrides):
    streams = lambda name: torch_generators(tuple(seeds), "weights", name, device="cpu")  # noqa: E731
    return spec.build(small(spec, **overrides), inputs, streams).double()


def draws(seeds=SEEDS):
    return Draws.of(lambda purpose: torch_generators(tuple(seeds), purpose, device="cpu"))


def stirred(model):
    """The model with larger weights, so that all that bends does, and with γ, a and centres of no special value."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "share":
                parameter.uniform_(0, 1, generator=generator)
            elif name in ("attention", "centres"):
                parameter.normal_(generator=generator)
            else:
                parameter.mul_(2.5)
    return model


def of_replica(model, replica):
    """Its parameters by name, as leaves of their own."""
    return {name: p[replica].detach().clone().requires_grad_() for name, p in model.named_parameters()}


def smoothing_of(edges):
    """Ã = D⁻¹(A + I), dense."""
    dense = np.eye(N)
    dense[edges[:, 0], edges[:, 1]] = dense[edges[:, 1], edges[:, 0]] = 1
    return torch.tensor(dense / dense.sum(1, keepdims=True))


def mlp(p, part, z):
    """z W + b in each layer, max(z, 0.2 z) before all but the first."""
    depth = 0
    while f"{part}.{depth}.weight" in p:
        z = z if depth == 0 else torch.maximum(z, 0.2 * z)
        z = z @ p[f"{part}.{depth}.weight"] + p[f"{part}.{depth}.bias"]
        depth += 1
    return z


def convolved(p, part, z, smooth, *, last):
    """Ã tanh(z W) in each layer, the last of them Ã z W unless ``last`` is bent too."""
    weights = [p[f"{part}.{depth}.weight"] for depth in range(sum(name.startswith(part) for name in p))]
    for depth, weight in enumerate(weights):
        product = z @ weight
        z = smooth @ (torch.tanh(product) if last or depth < len(weights) - 1 else product)
    return z


def logistic(z):
    return 1 / (1 + torch.exp(-z))


def dense_adjacency_error(z, made, smooth):
    return ((logistic(z @ z.T) + logistic(made @ made.T) - smooth) ** 2).mean()


def graph_cost(x, z, made, smooth):
    return ((made - smooth @ x) ** 2).mean() + 0.1 * dense_adjacency_error(z, made, smooth)


def fused_by_hand(p, x, smooth):
    """z̃, z_AE and z_IGAE."""
    own = mlp(p, "inner.encoding", x)
    graph = convolved(p, "graphs.encoding", x, smooth, last=False)
    local = smooth @ (p["share"] * own + (1 - p["share"]) * graph)
    scores = torch.exp(local @ local.T)
    attention = scores / scores.sum(1, keepdim=True)
    return p["attention"] * (attention @ local) + local, own, graph


def error_by_hand(p, fused, graph, x, smooth):
    made = convolved(p, "graphs.decoding", fused, smooth, last=True)
    return ((mlp(p, "inner.decoding", fused) - x) ** 2).mean() + graph_cost(x, graph, made, smooth)


def student(z, centres):
    """q_ij = (1 + ‖z_i − c_j‖²)⁻¹, normalised over j."""
    near = torch.stack([1 / (1 + ((z - centre) ** 2).sum(1)) for centre in centres], dim=1)
    return near / near.sum(1, keepdim=True)


def target_by_hand(q):
    """p_ij = (q_ij²/Σ_i q_ij), normalised over j."""
    weight = q**2 / q.sum(0)
    return weight / weight.sum(1, keepdim=True)


def divergence_by_hand(p, latents):
    logs = [student(z, p["centres"]).log() for z in latents]
    target = target_by_hand(logs[0].exp()).detach()
    return (target * (target.log() - (logs[0] + logs[1] + logs[2]) / 3)).sum() / N


def close(found, expected, rtol=1e-10, atol=1e-12):
    torch.testing.assert_close(found, torch.as_tensor(expected).to(found.dtype), rtol=rtol, atol=atol)


def test_the_table_has_the_published_sizes():
    assert list(BY_NAME) == ["dfcn-ae", "igae", "dfcn"]
    shapes = {}
    for spec in FUSED:
        inputs = inputs_of(spec, GRAPHS[:1], x=np.zeros((N, 100), dtype=np.float32))
        streams = lambda name: torch_generators((0,), name, device="cpu")  # noqa: E731
        model = spec.build(spec.settings, inputs, streams)
        shapes[spec.name] = [tuple(p.shape[1:]) for name, p in model.named_parameters() if name.endswith("weight")]
    of_features = [(100, 128), (128, 256), (256, 512), (512, 20), (20, 512), (512, 256), (256, 128), (128, 100)]
    of_graphs = [(100, 128), (128, 256), (256, 20), (20, 256), (256, 128), (128, 100)]
    assert shapes == {"dfcn-ae": of_features, "igae": of_graphs, "dfcn": of_features + of_graphs}
    assert (AE.family, IGAE.family, DFCN.family) == ("ae", "gae", "gae")
    assert [spec.uses_graph for spec in FUSED] == [False, True, True]
    assert [spec.most_rows for spec in FUSED] == [None, None, 20_000]
    assert not any(spec.noisy for spec in FUSED)


@each(FUSED)
def test_a_row_is_itself_in_another_process(spec):
    copy, inputs = pickle.loads(pickle.dumps(spec)), inputs_of(spec)
    assert copy == spec
    losses = [built(row, inputs).loss(inputs, Step(draws())).total for row in (spec, copy)]
    assert torch.equal(*losses)


# the parts, written out


def test_smoothing_is_a_plus_i_over_the_degrees():
    graphs = [GRAPHS[0], np.empty((0, 2), dtype=np.int64), GRAPHS[1]]
    smoothing = fusion.Smoothing(inputs_of(IGAE, graphs).graph)
    expected = torch.block_diag(*(smoothing_of(edges) for edges in graphs))
    found = smoothing.matrix.matrix.to_dense()
    close(found, expected)
    close(smoothing.matrix.transposed.to_dense(), expected.T)
    close(found.sum(1), torch.ones(3 * N))
    assert torch.equal(found[N : 2 * N, N : 2 * N], torch.eye(N, dtype=torch.float64))  # no edges
    assert not torch.allclose(found, found.T)
    filled = torch.zeros_like(found)
    filled[smoothing.rows, smoothing.columns] = smoothing.values
    assert torch.equal(filled, found)


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("block", [1, 7, 29, 30, 256])
def test_the_adjacency_s_error_and_its_gradient_are_those_of_the_dense_formula(monkeypatch, block, replicas):
    monkeypatch.setattr(fusion, "_BLOCK", block)
    generator = torch.Generator().manual_seed(0)
    z, made = (torch.randn(replicas, N, d, generator=generator, dtype=torch.float64) for d in (4, F))
    upstream = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)[:replicas]
    graphs = GRAPHS[:replicas]
    results = []
    for dense in (False, True):
        ends = z.clone().requires_grad_(), made.clone().requires_grad_()
        if dense:
            found = torch.stack(
                [dense_adjacency_error(*p, smoothing_of(g)) for *p, g in zip(*ends, graphs, strict=True)]
            )
        else:
            found = adjacency_error(*ends, fusion.Smoothing(inputs_of(IGAE, graphs).graph))
        results.append((found, *torch.autograd.grad((upstream * found).sum(), ends)))
    for found, expected in zip(*results, strict=True):
        close(found, expected)
    assert results[0][0].shape == (replicas,)


def test_igae_by_hand():
    """tanh on all layers but the last of the encoder, and on all of the decoder."""
    inputs = inputs_of(IGAE)
    model = stirred(built(IGAE, inputs))
    smoothing = fusion.Smoothing(inputs.graph).matrix
    z = model.part.encode(inputs.features, smoothing)
    decoded = model.part.decode(z, smoothing)
    loss = model.loss(inputs, Step(draws()))
    loss.total.sum().backward()
    x = inputs.features
    for replica, edges in enumerate(GRAPHS):
        p, smooth = of_replica(model, replica), smoothing_of(edges)
        expected = convolved(p, "part.encoding", x, smooth, last=False)
        made = convolved(p, "part.decoding", expected, smooth, last=True)
        cost = graph_cost(x, expected, made, smooth)
        close(z[replica], expected)
        close(model.encode(inputs).mean[replica], expected)
        close(decoded[replica], made)
        close(loss.total[replica], cost)
        for (_, parameter), gradient in zip(
            model.named_parameters(), torch.autograd.grad(cost, list(p.values())), strict=True
        ):
            close(parameter.grad[replica], gradient, rtol=1e-8)
    assert z.abs().max() > 1  # the last layer is not bent
    assert decoded.abs().max() < 1


def test_the_autoencoder_of_features_by_hand():
    """Whole, and in mini-batches that differ from replica to replica."""
    inputs = inputs_of(AE)
    model = stirred(built(AE, inputs))
    index = torch.stack([torch.randperm(N, generator=g)[:11] for g in torch_generators(SEEDS, "rows", device="cpu")])
    for shown in (inputs, inputs.batch(index)):
        z, loss = model.encode(shown).mean, model.loss(shown, Step(draws()))
        for replica in range(3):
            p, x = of_replica(model, replica), inputs.features.expand(3, -1, -1)[replica]
            x = x if shown is inputs else x[index[replica]]
            expected = mlp(p, "part.encoding", x)
            made = mlp(p, "part.decoding", expected)
            close(z[replica], expected)
            close(model.part.decode(z)[replica], made)
            close(loss.total[replica], ((made - x) ** 2).mean())
    assert z.min() < -0.5  # the last layers are linear
    assert model.part.decode(z).min() < -0.5


@each([AE, IGAE])
def test_the_loss_of_one_autoencoder_is_its_reconstruction(spec):
    inputs = inputs_of(spec)
    model = stirred(built(spec, inputs))
    loss = model.loss(inputs, Step(draws()))
    assert torch.equal(loss.total, loss.reconstruction)
    assert not loss.divergence.any()
    assert not loss.std.any()
    z = model.encode(inputs)
    assert isinstance(z, PointMass)
    assert model.decoder is model
    close(model.decoder.reconstruction(z.mean, inputs, Step(draws(), False)), loss.total)
    assert (model.decoder.reconstruction(z.mean + 1, inputs, Step(draws())) != loss.total).all()


def test_dfcn_starts_from_halves_without_attention():
    inputs = inputs_of(DFCN)
    model = built(DFCN, inputs)
    assert model.share.shape == (3, N, 4)
    assert torch.equal(model.share, torch.full_like(model.share, 0.5))
    assert model.attention.shape == (3, 1, 1)
    assert not model.attention.any()
    assert model.centres.shape == (3, K, 4)
    own = model.inner.encode(inputs.features)
    graph = model.graphs.encode(inputs.features, fusion.Smoothing(inputs.graph).matrix)
    for replica, edges in enumerate(GRAPHS):
        expected = smoothing_of(edges) @ (own[replica] + graph[replica]) / 2
        close(model.encode(inputs).mean[replica], expected)


def test_dfcn_and_its_gradient_by_hand():
    """The fused latent with attention, both errors, the adjacency's with IGAE's own z, ten divergences."""
    inputs = inputs_of(DFCN)
    model = stirred(built(DFCN, inputs))
    z, loss = model.encode(inputs).mean, model.loss(inputs, Step(draws()))
    loss.total.sum().backward()
    x = inputs.features
    for replica, edges in enumerate(GRAPHS):
        p, smooth = of_replica(model, replica), smoothing_of(edges)
        latents = fused_by_hand(p, x, smooth)
        error = error_by_hand(p, latents[0], latents[2], x, smooth)
        divergence = divergence_by_hand(p, latents)
        close(z[replica], latents[0])
        close(loss.reconstruction[replica], error)
        close(loss.divergence[replica], divergence)
        close(loss.total[replica], error + 10 * divergence)
        gradients = torch.autograd.grad(error + 10 * divergence, list(p.values()))
        for (name, parameter), gradient in zip(model.named_parameters(), gradients, strict=True):
            assert gradient.any(), name
            close(parameter.grad[replica], gradient, rtol=1e-7, atol=1e-10)
    assert (loss.divergence > 0.01).all()
    assert not loss.std.any()


def test_both_together_are_trained_without_clusters():
    inputs = inputs_of(DFCN)
    model = stirred(built(DFCN, inputs))
    loss, whole = model.pretraining_loss(inputs, Step(draws())), model.loss(inputs, Step(draws()))
    close(loss.total, whole.reconstruction)
    assert torch.equal(loss.total, loss.reconstruction)
    assert not loss.divergence.any()
    assert (whole.total > loss.total).all()
    named = dict(model.named_parameters())
    assert {id(p) for p in model.without_centres()} == {id(p) for name, p in named.items() if name != "centres"}


def test_dfcn_scores_latents_by_both_decoders():
    inputs = inputs_of(DFCN)
    model = stirred(built(DFCN, inputs))
    z = torch.randn(3, N, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = model.decoder.reconstruction(z, inputs, Step(draws(), False))
    for replica, edges in enumerate(GRAPHS):
        p, smooth = of_replica(model, replica), smoothing_of(edges)
        graph = fused_by_hand(p, inputs.features, smooth)[2]
        close(found[replica], error_by_hand(p, z[replica], graph, inputs.features, smooth))
    of_own = model.reconstruction(model.encode(inputs).mean, inputs, Step(draws()))
    close(of_own, model.loss(inputs, Step(draws())).reconstruction)


def test_assignments_and_their_target_are_dec_s():
    """Xie et al. (2016), eq. 1 and 3, in loops."""
    rng = np.random.default_rng(0)
    z, centres = rng.standard_normal((2, 6, 4)), rng.standard_normal((2, K, 4))
    z[0, 0] = centres[0, 1]
    q = assignments(torch.tensor(z), torch.tensor(centres)).numpy()
    target = sharpened(torch.tensor(q)).numpy()
    for r in range(2):
        for i in range(6):
            near = [(1 + np.linalg.norm(z[r, i] - centre) ** 2) ** -1.0 for centre in centres[r]]
            np.testing.assert_allclose(q[r, i], near / np.sum(near), rtol=1e-12)
            weights = [q[r, i, j] ** 2 / q[r, :, j].sum() for j in range(K)]
            np.testing.assert_allclose(target[r, i], weights / np.sum(weights), rtol=1e-12)
    assert q[0, 0].argmax() == 1


@each([IGAE, DFCN])
def test_what_is_kept_of_one_graph_is_not_taken_for_another(spec):
    first, second = inputs_of(spec, GRAPHS[:1]), inputs_of(spec, GRAPHS[1:2], x=X[::-1].copy())
    model = stirred(built(spec, first, (0,)))
    one, other, again = (model.loss(inputs, Step(draws((0,)))).total for inputs in (first, second, first))
    fresh = stirred(built(spec, second, (0,))).loss(second, Step(draws((0,)))).total
    assert torch.equal(one, again)
    assert torch.equal(other, fresh)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("trained", [False, True])
@each([AE, IGAE])
def test_latents_follow_a_permutation_of_the_rows(spec, trained):
    order = np.random.default_rng(3).permutation(N)
    place = np.argsort(order)  # where a row went
    moved = [np.sort(place[GRAPHS[0]], axis=1)]
    latents = []
    for x, graphs in ((X, GRAPHS[:1]), (X[order], moved)):
        inputs = inputs_of(spec, graphs, x=x, dtype=torch.float32 if trained else torch.float64)
        if trained:
            whole = {} if spec.uses_graph else {"batch": 0}
            latents.append(spec.fit_inputs(inputs, small(spec, **whole), [0], "cpu").posterior.mean)
        else:
            latents.append(built(spec, inputs, (0,)).encode(inputs).mean.detach())
    tolerance = 2e-3 if trained else 1e-10
    close(latents[1], latents[0][:, order], rtol=tolerance, atol=tolerance)
    assert not torch.allclose(latents[0], latents[1], atol=1e-2)


def test_dfcn_s_latents_follow_a_permutation_while_all_rows_share_alike():
    order = np.random.default_rng(3).permutation(N)
    moved = inputs_of(DFCN, [np.sort(np.argsort(order)[GRAPHS[0]], axis=1)], x=X[order])
    inputs = inputs_of(DFCN, GRAPHS[:1])
    still, model = built(DFCN, inputs, (0,)), built(DFCN, moved, (0,))
    with torch.no_grad():
        for each_model in (still, model):
            each_model.attention.fill_(0.7)
            each_model.centres.copy_(torch.arange(3 * 4).view(1, 3, 4) / 10)
    close(model.encode(moved).mean, still.encode(inputs).mean[:, order])
    one, other = still.loss(inputs, Step(draws((0,)))), model.loss(moved, Step(draws((0,))))
    for found, expected in zip(other, one, strict=True):
        close(found, expected)


@each(FUSED)
def test_one_replica_is_the_same_among_three(spec):
    """To the rounding of float64, each with edges, weights and centres of its own."""
    together = inputs_of(spec)
    model = built(spec, together)
    if spec is DFCN:
        model.place_centres(together, draws())
    z, loss = model.encode(together).mean, model.loss(together, Step(draws()))
    for seed in SEEDS:
        own = inputs_of(spec, GRAPHS[seed : seed + 1])
        single = built(spec, own, (seed,))
        if spec is DFCN:
            single.place_centres(own, draws((seed,)))
        close(single.encode(own).mean[0], z[seed])
        for alone, among in zip(single.loss(own, Step(draws((seed,)))), loss, strict=True):
            close(alone[0], among[seed])
    assert len(set(loss.total.tolist())) == 3


# the phases


def test_the_phases_are_those_of_the_settings():
    inputs = inputs_of(DFCN)
    table = DFCN.settings
    assert (table.pretraining_epochs, table.pretraining_rate, table.pretraining_batch) == ((30, 30, 100), 1e-3, 256)
    assert (table.epochs, table.learning_rate, table.batch) == (200, 1e-4, None)
    model = DFCN.build(table, inputs, lambda name: torch_generators(SEEDS, name, device="cpu"))
    ae, igae, both, last = model.phases()
    assert [phase.name for phase in (ae, igae, both, last)] == ["ae", "igae", "both", LAST]
    assert [phase.epochs for phase in (ae, igae, both, last)] == [30, 30, 100, None]
    assert [phase.learning_rate for phase in (ae, igae, both, last)] == [1e-3, 1e-3, 1e-3, None]
    assert [phase.batch for phase in (ae, igae, both, last)] == [256, None, None, None]
    assert [phase.begin for phase in (ae, igae, both, last)] == [None, None, None, model.place_centres]
    other = small(DFCN, pretraining_epochs=(4, 5, 6), pretraining_rate=0.5, pretraining_batch=9)
    phases = DFCN.build(other, inputs, lambda name: torch_generators(SEEDS, name, device="cpu")).phases()
    assert [(p.epochs, p.learning_rate, p.batch) for p in phases[:-1]] == [(4, 0.5, 9), (5, 0.5, None), (6, 0.5, None)]
    for spec in (AE, IGAE):
        (only,) = built(spec, inputs_of(spec)).phases()
        assert only.others == ()
        assert (only.name, only.epochs, only.learning_rate, only.batch, only.begin) == (LAST, None, None, None, None)


@each(FUSED)
def test_every_parameter_gets_a_gradient_in_its_phases_and_only_there(spec):
    inputs = inputs_of(spec)
    model = built(spec, inputs)
    names = {id(p): name for name, p in model.named_parameters()}
    everything = set(names.values())
    own, graphs = ({name for name in everything if name.startswith(part)} for part in ("inner.", "graphs."))
    expected = [everything] if spec is not DFCN else [own, graphs, everything - {"centres"}, everything]
    for phase, wanted in zip(model.phases(), expected, strict=True):
        if phase.begin is not None:
            phase.begin(inputs, draws())
        model.zero_grad(set_to_none=True)
        phase.loss(inputs, Step(draws())).total.sum().backward()
        assert {names[id(p)] for p in phase.parameters} == wanted
        assert len(phase.parameters) == len(wanted)
        touched = {name for name, p in model.named_parameters() if p.grad is not None}
        assert touched == wanted, phase.name
        for name, parameter in model.named_parameters():
            if name in wanted:
                assert parameter.grad.flatten(1).any(1).all(), f"{phase.name}: {name} of some replica"


def test_centres_begin_at_those_of_k_means(monkeypatch):
    """Of 20 starts on z̃ in each replica, so each is the mean of the rows nearest to it."""
    inputs = inputs_of(DFCN)
    model = stirred(built(DFCN, inputs))
    asked = []

    def listening(*given, **named):
        asked.append((*given, named.pop("random_state"), named))
        return KMeans(*given, random_state=asked[-1][1], **named)

    monkeypatch.setattr(fusion, "KMeans", listening)
    with global_states_untouched():
        model.place_centres(inputs, draws())
    assert [(clusters, named) for clusters, _, named in asked] == [(K, {"n_init": 20})] * 3
    assert len({seed for _, seed, _ in asked}) == 3
    assert model.centres.requires_grad
    assert model.centres.is_leaf
    z, centres = model.encode(inputs).mean.detach().numpy(), model.centres.detach().numpy()
    for replica in range(3):
        nearest = ((z[replica][:, None] - centres[replica]) ** 2).sum(-1).argmin(1)
        means = [z[replica][nearest == cluster].mean(0) for cluster in range(K)]
        np.testing.assert_allclose(centres[replica], means, rtol=1e-9, atol=1e-12)


def test_centres_come_from_the_stream_of_their_own_replica():
    """One draw of it, and of no other stream; another draw finds clusters in another order, now and then."""
    inputs = inputs_of(DFCN)

    def placed(*seeds):
        model, generators, untouched = stirred(built(DFCN, inputs)), draws(seeds), draws(seeds)
        model.place_centres(inputs, generators)
        for field in fields(Draws):
            pairs = zip(getattr(generators, field.name), getattr(untouched, field.name), strict=True)
            same = [torch.equal(one.get_state(), other.get_state()) for one, other in pairs]
            assert same == [field.name != "prior"] * 3, field.name
        return model.centres.detach()

    first = placed(0, 1, 2)
    others = [placed(seed, 1, 2) for seed in (11, 12, 13)]
    assert torch.equal(first, placed(0, 1, 2))
    assert all(torch.equal(first[1:], other[1:]) for other in others)
    assert not all(torch.equal(first[0], other[0]) for other in others)


class Listening:
    """DFCN's autoencoder, trained in phases that note what they are given."""

    def __init__(self, inputs):
        self.said, self.network = [], built(AE, inputs, [0]).float()
        self.encode, self.decoder, self.parameters = self.network.encode, self.network, self.network.parameters

    def phases(self):
        parameters = tuple(self.network.parameters())

        def loss(name):
            def said(inputs, step):
                self.said.append((name, inputs.rows))
                return self.network.loss(inputs, step)

            return said

        def begin(name):
            return lambda inputs, draws: self.said.append((f"begin {name}", inputs, draws))

        return (
            Phase("first", loss("first"), parameters, epochs=2, batch=16, begin=begin("first")),
            Phase("none", loss("none"), parameters, epochs=0, begin=begin("none")),
            Phase("second", loss("second"), parameters, epochs=1, batch=0),
            Phase(LAST, loss(LAST), parameters, begin=begin(LAST)),
        )


def test_a_phase_begins_once_and_takes_what_it_has_not_from_the_settings():
    inputs = inputs_of(AE, GRAPHS[:1], dtype=torch.float32)
    row = Listening(inputs)
    (curve,) = loop.train(row, inputs, small(AE, epochs=2, batch=20).budget(N), [0], "cpu").curves
    begun = [entry for entry in row.said if entry[0].startswith("begin")]
    assert all(given is inputs and drawn is begun[0][2] for _, given, drawn in begun)
    assert isinstance(begun[0][2], Draws)
    assert [entry[:1] if entry in begun else entry for entry in row.said] == [
        ("begin first",),
        *[("first", 16), ("first", 14)] * 2,
        ("begin none",),
        ("second", N),
        (f"begin {LAST}",),
        *[(LAST, 20), (LAST, 10)] * 2,
    ]
    assert curve.epoch == (1, 2, 3, 4, 5)
    assert curve.phase == ("first", "first", "second", LAST, LAST)


@pytest.mark.parametrize("batch", [0, 16])
def test_pre_training_trains_the_rows_that_stand_alone(batch):
    """At its own rate, in its own batches; the last phase is so slow here that it moves nothing."""
    rate = 0.01
    settings = small(
        DFCN,
        epochs=1,
        learning_rate=1e-12,
        pretraining_epochs=(3, 2, 0),
        pretraining_rate=rate,
        pretraining_batch=batch,
    )
    fused = DFCN.fit_inputs(inputs_of(DFCN, dtype=torch.float32), settings, SEEDS, "cpu")
    for spec, part, overrides in ((AE, "inner", {"epochs": 3, "batch": batch}), (IGAE, "graphs", {"epochs": 2})):
        settings = small(spec, learning_rate=rate, **overrides)
        inputs = inputs_of(spec, dtype=torch.float32)
        alone = spec.fit_inputs(inputs, settings, SEEDS, "cpu")
        start = dict(built(spec, inputs).named_parameters())
        there = dict(getattr(fused.network, part).named_parameters())
        for name, parameter in alone.network.part.named_parameters():
            close(there[name], parameter, rtol=1e-5, atol=1e-6)
            assert (there[name] - start[f"part.{name}"]).abs().max() > rate
        name = {"inner": "ae", "graphs": "igae"}[part]
        for curve, own in zip(fused.curves, alone.curves, strict=True):
            found = [total for total, phase in zip(curve.total, curve.phase, strict=True) if phase == name]
            np.testing.assert_allclose(found, own.total, rtol=1e-5)


def test_both_are_trained_at_the_rate_of_pre_training_and_the_whole_at_its_own():
    """Adam's first step is its rate wherever a gradient is clear."""
    inputs = inputs_of(DFCN, GRAPHS[:1], dtype=torch.float32)
    moved = {}
    for whole in (1e-12, 0.002):
        settings = small(DFCN, epochs=1, learning_rate=whole, pretraining_epochs=(0, 0, 1), pretraining_rate=0.03)
        moved[whole] = dict(DFCN.fit_inputs(inputs, settings, [0], "cpu").network.named_parameters())
    still, start = moved[1e-12], dict(built(DFCN, inputs, (0,)).named_parameters())
    for name in set(start) - {"centres"}:
        assert (still[name] - start[name]).abs().max().item() == pytest.approx(0.03, rel=1e-2), name
    for name in start:
        assert (moved[0.002][name] - still[name]).abs().max().item() == pytest.approx(0.002, rel=1e-2), name


# through fit()


@each(FUSED)
def test_fit_of_one_replica_is_the_same_among_three(spec):
    together = spec.fit_inputs(inputs_of(spec, dtype=torch.float32), small(spec), SEEDS, "cpu")
    for seed in SEEDS:
        own = inputs_of(spec, GRAPHS[seed : seed + 1], dtype=torch.float32)
        alone = spec.fit_inputs(own, small(spec), [seed], "cpu")
        close(alone.posterior.mean[0], together.posterior.mean[seed], rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(alone.curves[0].total, together.curves[seed].total, rtol=2e-3, atol=2e-3)
        for one, among in zip(alone.reconstruction, together.reconstruction, strict=True):
            close(one[0], among[seed], rtol=2e-3, atol=2e-3)


@each(FUSED)
def test_same_seed_same_bits_another_seed_another_latent(spec):
    inputs = inputs_of(spec, GRAPHS[:1], dtype=torch.float32)
    with global_states_untouched():
        first, again, other = (spec.fit_inputs(inputs, small(spec), [seed], "cpu") for seed in (0, 0, 1))
    assert torch.equal(first.posterior.mean, again.posterior.mean)
    assert first.curves == again.curves
    assert all(torch.equal(one, same) for one, same in zip(first.reconstruction, again.reconstruction, strict=True))
    for name, parameter in first.network.named_parameters():
        assert torch.equal(parameter, dict(again.network.named_parameters())[name])
    assert not torch.allclose(first.posterior.mean, other.posterior.mean, atol=1e-3)


@each(FUSED)
def test_training_lowers_the_loss_of_every_phase(spec):
    """But of DFCN's last, whose target moves with the clusters: what it minimises is not the same at the next step."""
    longer = {"pretraining_epochs": (20, 20, 20), "pretraining_rate": 0.01} if spec is DFCN else {}
    settings = small(spec, epochs=20, learning_rate=0.01, **longer)
    for curve in spec.fit_inputs(inputs_of(spec, dtype=torch.float32), settings, SEEDS, "cpu").curves:
        assert curve.first_not_finite is None
        assert not any(curve.std)
        for phase in {"ae", "igae", "both"} if spec is DFCN else {LAST}:
            total = [loss for loss, name in zip(curve.total, curve.phase, strict=True) if name == phase]
            assert total[-1] < total[0], phase


@each(FUSED)
def test_what_fit_evaluates_is_the_reconstruction_by_hand(spec):
    """Of the point, which is its own sample."""
    inputs = inputs_of(spec, dtype=torch.float32)
    result = spec.fit_inputs(inputs, small(spec), SEEDS, "cpu")
    assert isinstance(result.posterior, PointMass)
    assert torch.equal(*result.reconstruction)
    x = torch.tensor(X).double()
    for replica, edges in enumerate(GRAPHS):
        p, smooth = of_replica(result.network, replica), smoothing_of(edges)
        p = {name: value.double() for name, value in p.items()}
        if spec is AE:
            z = mlp(p, "part.encoding", x)
            expected = ((mlp(p, "part.decoding", z) - x) ** 2).mean()
        elif spec is IGAE:
            z = convolved(p, "part.encoding", x, smooth, last=False)
            expected = graph_cost(x, z, convolved(p, "part.decoding", z, smooth, last=True), smooth)
        else:
            z, _, graph = fused_by_hand(p, x, smooth)
            expected = error_by_hand(p, z, graph, x, smooth)
        close(result.posterior.mean[replica], z, rtol=1e-4, atol=1e-5)
        close(result.reconstruction[0][replica], expected, rtol=1e-4)


def test_the_curve_has_the_phases_in_order_and_counts_on():
    settings = small(DFCN, pretraining_epochs=(2, 1, 3), epochs=4)
    for curve in DFCN.fit_inputs(inputs_of(DFCN, dtype=torch.float32), settings, SEEDS, "cpu").curves:
        assert curve.epoch == tuple(range(1, 11))
        assert curve.phase == ("ae",) * 2 + ("igae",) + ("both",) * 3 + (LAST,) * 4
        assert not any(curve.divergence[:6])
        assert all(curve.divergence[6:])
        np.testing.assert_allclose(curve.total[:6], curve.reconstruction[:6], rtol=1e-6)
        np.testing.assert_allclose(
            np.subtract(curve.total[6:], curve.reconstruction[6:]), 10 * np.array(curve.divergence[6:]), rtol=1e-3
        )


def test_phases_of_no_length_leave_the_last():
    settings = small(DFCN, pretraining_epochs=(0, 0, 0))
    (curve,) = DFCN.fit_inputs(inputs_of(DFCN, GRAPHS[:1], dtype=torch.float32), settings, [0], "cpu").curves
    assert curve.epoch == (1, 2, 3)
    assert set(curve.phase) == {LAST}


@each(FUSED)
def test_snapshots_are_of_the_last_phase_and_change_nothing(spec):
    """Each of before its epoch; the draw of a point is the point, and there is none where it trains in mini-batches."""
    inputs, settings = inputs_of(spec, dtype=torch.float32), small(spec, epochs=5)
    plain, looked, all_of = (spec.fit_inputs(inputs, settings, SEEDS, "cpu", passes=every) for every in (None, 2, 1))
    assert plain.snapshots == ()
    assert [snapshot.epoch for snapshot in looked.snapshots] == [2, 4]
    assert [snapshot.epoch for snapshot in all_of.snapshots] == [1, 2, 3, 4, 5]
    for result in (looked, all_of):
        assert torch.equal(result.posterior.mean, plain.posterior.mean)
        assert result.curves == plain.curves
    passes = [snapshot.posterior.mean for snapshot in all_of.snapshots]
    for snapshot in looked.snapshots:
        assert snapshot.posterior.mean.shape == (3, N, 4)
        assert not snapshot.posterior.mean.requires_grad
        assert torch.equal(snapshot.posterior.mean, passes[snapshot.epoch - 1])
        if spec is AE:
            assert snapshot.drawn is None
        else:
            assert torch.equal(snapshot.drawn, snapshot.posterior.mean)
    shorter = spec.fit_inputs(inputs, small(spec, epochs=3), SEEDS, "cpu").posterior.mean
    assert torch.equal(passes[3], shorter)  # before the step of epoch 4
    assert not torch.equal(passes[4], plain.posterior.mean)


# the rows


@pytest.mark.parametrize(
    ("features", "width"), [(256, 30), (561, 50), (2000, 100), (1870, 100), (334, 50), (3703, 100)]
)
def test_features_are_reduced_as_published(features, width):
    assert components(features) == width


@pytest.mark.parametrize(
    ("spec", "n", "f", "sparse"),
    [(AE, 50, 256, False), (IGAE, 70, 320, False), (DFCN, 505, 520, True), (DFCN, 20, 40, True)],
)
def test_a_row_sees_principal_components(spec, n, f, sparse):
    """As many as the features ask for and the data have; the same at every call.

    They are the eigenvectors of the rows' inner products, each as long as the root of its eigenvalue, up to its sign.
    """
    made = sp.random_array((n, f), density=0.1, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    x = sp.csr_array(made.multiply(np.linspace(1, 3, f)), dtype=np.float32)
    dense = x.toarray()
    with global_states_untouched():
        seen, again = (spec.seen(x if sparse else dense) for _ in range(2))
    width = min(components(f), n)
    assert seen.shape == (n, width)
    assert seen.dtype == np.float32
    assert np.array_equal(seen, again)
    centred = dense - dense.mean(0, dtype=float)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    expected = (vectors * np.sqrt(values.clip(0)))[:, ::-1][:, :width]
    signs = np.sign((seen * expected).sum(0))
    np.testing.assert_allclose(seen * np.where(signs == 0, 1, signs), expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("lengths", [(), (1,), (1, 2), (1, 2, 3, 4), 5])
def test_dfcn_refuses_any_but_three_lengths(lengths):
    came = lengths if isinstance(lengths, tuple) else (lengths,)
    with pytest.raises(ValueError, match="pretraining_epochs must be three lengths, got ") as caught:
        DFCN.overridden({"pretraining_epochs": lengths})
    assert str(caught.value).endswith(str(came))


@pytest.mark.parametrize(
    ("spec", "overrides", "message"),
    [
        (
            DFCN,
            {"pretraining_epochs": (1, -2, 3)},
            r"pretraining_epochs must be a number of epochs, or a list of them, not negative, got \(1, -2, 3\)",
        ),
        (DFCN, {"pretraining_rate": 0.0}, "pretraining_rate must be a number above 0, got 0.0"),
        (DFCN, {"pretraining_batch": -1}, "pretraining_batch must be a whole number that is not negative, got -1"),
        (DFCN, {"pretraining_batch": 1.5}, "pretraining_batch must be a whole number that is not negative, got 1.5"),
        (DFCN, {"batch": 16}, "(igae|dfcn) does not accept the setting 'batch'"),
        (DFCN, {"beta": 1.0}, "dfcn does not accept the setting 'beta'"),
        (IGAE, {"batch": 16}, "(igae|dfcn) does not accept the setting 'batch'"),
        (IGAE, {"pretraining_epochs": (1, 2, 3)}, "igae does not accept the setting 'pretraining_epochs'"),
        (AE, {"pretraining_epochs": (1, 2, 3)}, "dfcn-ae does not accept the setting 'pretraining_epochs'"),
        (AE, {"epoch": 3}, "unknown setting 'epoch'"),
    ],
)
def test_impossible_overrides_are_refused(spec, overrides, message):
    with pytest.raises(ValueError, match=message):
        spec.overridden(overrides)


def test_the_objective_in_words():
    of_graphs = "MSE of ÃX + 0.1·MSE of the adjacency"
    assert AE.describe(AE.settings, 10).objective == "MSE of x"
    assert IGAE.describe(IGAE.settings, 10).objective == of_graphs
    assert DFCN.describe(DFCN.settings, 10).objective == (
        f"MSE of x + {of_graphs} + 10·KL of cluster assignments; AE, IGAE and both pre-trained for 30, 30, 100 epochs"
    )
    assert DFCN.describe(small(DFCN), 10).objective.endswith("pre-trained for 2, 2, 2 epochs")


def test_dfcn_must_be_told_the_number_of_clusters_and_the_others_need_not():
    for spec in FUSED:
        inputs = replace(inputs_of(spec, dtype=torch.float32), clusters=None)
        if spec is DFCN:
            with pytest.raises(ValueError, match="dfcn needs the number of classes"):
                spec.fit_inputs(inputs, small(spec), SEEDS, "cpu")
        else:
            told = spec.fit_inputs(replace(inputs, clusters=7), small(spec), SEEDS, "cpu").posterior.mean
            assert torch.equal(spec.fit_inputs(inputs, small(spec), SEEDS, "cpu").posterior.mean, told)


def test_what_a_network_cannot_see_is_refused():
    with pytest.raises(ValueError, match="a graph autoencoder needs inputs with a graph"):
        built(IGAE, inputs_of(IGAE)).encode(inputs_of(AE))
    sparse = Inputs.of(sp.csr_array(X), None, replicas=3, device="cpu", dtype=torch.float64)
    with pytest.raises(ValueError, match="these autoencoders need dense features"):
        built(AE, inputs_of(AE)).encode(sparse)


# in a study

STUDY = {
    "name": "fused",
    "title": "Fused",
    "datasets": ["karate"],
    "models": ["dfcn-ae", "igae", "dfcn"],
    "seeds": 2,
    "readouts": ["mean", "epochs-mean"],
    "tasks": ["k-means", "oracle-k-means", "link-inner-product"],
}
NAMES = [spec.name for spec in FUSED]


@pytest.fixture(scope="module")
def karate(tmp_path_factory):
    return load("karate", tmp_path_factory.mktemp("none"))


def planned(dataset, **changes):
    return make_plan(study_of(STUDY | changes), {"karate": Prepared.of(dataset)}, "cpu")


def test_labels_reach_no_training(karate):
    """From a plan to latents: other labels of as many classes, the same bits; and none among what training receives."""
    assert {field.name for field in fields(Inputs)} == {"features", "graph", "replicas", "clusters"}
    rng = np.random.default_rng(0)
    relabelled = replace(karate, y=rng.permutation(karate.y))  # the fingerprint stays, of which edges are split
    assert not np.array_equal(karate.y, relabelled.y)
    variants = [
        {"models": [name], "settings": {k: list(v) if isinstance(v, tuple) else v for k, v in SMALL[name].items()}}
        for name in NAMES
    ]
    for one in variants:
        one["settings"]["epochs"] = 6
    latents = []
    for dataset in (karate, relabelled):
        plan = planned(dataset, seeds=1, models=["raw"], tasks=["k-means", "oracle-k-means"], variants=variants)
        handed = {"karate": Held(plan.data["karate"])}
        context = Context(handed, "cpu", {}, "", "", False, frozenset(), {})
        found = {}
        for training in plan.trainings:
            if training.arm.model.name in NAMES:
                wanted = {unit.identity.key: unit.slots for unit in training.units}
                (trained,) = train(Job(Batch((training,)), wanted), context)
                assert trained.status == "complete", trained.message
                found[training.arm.model.name] = trained.latents
        latents.append(found)
    assert set(latents[0]) == set(NAMES)
    for name, first in latents[0].items():
        second = latents[1][name]
        assert np.array_equal(first.mean, second.mean), name
        assert len(first.passes) == len(second.passes) == 1, name
        for one, other in zip(first.passes, second.passes, strict=True):
            assert np.array_equal(one[0], other[0]), name


def test_the_oracle_looks_at_the_epochs_of_all_three(karate):
    cells = {(unit.arm.model.name, cell.readout, cell.task) for unit in planned(karate).units() for cell in unit.slots}
    assert {(name, readout) for name, readout, task in cells if task == "oracle-k-means"} == {
        (name, "epochs-mean") for name in NAMES
    }
    assert {task for _, readout, task in cells if readout == "epochs-mean"} == {"oracle-k-means"}
    assert {name for name, readout, task in cells if (readout, task) == ("mean", "k-means")} == set(NAMES)


def of_rows(dataset, n):
    return replace(dataset, x=np.zeros((n, 2), dtype=np.float32), y=np.arange(n) % 2)


def refused(*given, **changes):
    with pytest.raises(InputError) as caught:
        planned(*given, **changes)
    return str(caught.value)


def test_a_plan_refuses_more_rows_than_attention_has_memory_for(karate):
    assert refused(of_rows(karate, 20_001)) == (
        "karate: dfcn cannot be trained: the attention of the model takes n × n numbers, and the 20,001 rows are more "
        "than 20,000; "
        "leave the model or the dataset out"
    )
    variants = [{"models": ["dfcn"], "settings": {"epochs": 3}}]
    told = refused(of_rows(karate, 20_001), models=["igae"], variants=variants)
    assert told.startswith("karate: dfcn (epochs=3) cannot be trained: the attention of the model takes n × n")
    planned(of_rows(karate, 20_000))
    planned(of_rows(karate, 20_001), models=["dfcn-ae", "igae"])


def test_a_plan_refuses_dfcn_without_labels(karate):
    bare = replace(karate, y=None)
    assert refused(bare) == (
        "karate: dfcn cannot be trained: the model is told the number of classes, and the data have no labels; leave "
        "either out"
    )
    planned(bare, models=["dfcn-ae", "igae"])


# the oracle epoch

ORACLE = next(task for task in TASKS if task.name == "oracle-k-means")
LABELS = np.repeat([0, 1, 2], [24, 3, 3])


def apart(clusters):
    """A latent whose k-means clusters are these."""
    return 10 * np.eye(3, dtype=np.float32)[clusters]


@pytest.fixture(scope="module")
def case(karate):
    return Case(LABELS, split(karate, 0), "any", 0)


def test_the_oracle_takes_all_metrics_of_the_epoch_of_the_best_acc(case):
    """The epoch that is chosen has the lowest NMI of all; the other metrics are not chosen for themselves."""
    nearly_one = np.zeros(30, dtype=int)
    nearly_one[[0, 1]] = 1, 2  # ACC 22/30
    halves = np.where(np.arange(30) < 12, 0, np.where(np.arange(30) < 24, 1, 2))  # ACC 15/30
    thirds = np.where(np.arange(30) < 14, 0, np.where(np.arange(30) < 24, 1, 2))  # ACC 17/30
    nmi = [normalized_mutual_info_score(LABELS, clusters) for clusters in (halves, nearly_one, thirds)]
    assert nmi[1] == min(nmi)
    found = ORACLE.score(Epochs(tuple(map(apart, (halves, nearly_one, thirds)))), case)
    assert tuple(found) == ORACLE.metrics == ("acc", "nmi", "ari", "macro-f1")
    assert found == pytest.approx(
        {
            "acc": 22 / 30,
            "nmi": nmi[1],
            "ari": adjusted_rand_score(LABELS, nearly_one),
            "macro-f1": (2 * 22 / (28 + 24)) / 3,
        }
    )
    assert ORACLE.score(Epochs((apart(thirds), apart(halves))), case)["acc"] == pytest.approx(17 / 30)


def test_the_oracle_takes_the_first_of_equal_epochs(case):
    """Both have an ACC of 27/30, and only one puts two classes together."""
    merged = np.where(np.arange(30) < 24, 0, 1)
    merged[29] = 2  # class 2 with class 1 but for one row: 24 + 3 + 1
    strayed = LABELS.copy()
    strayed[[0, 1]] = 1, 2  # 22 + 3 + 3
    assert normalized_mutual_info_score(LABELS, merged) != pytest.approx(
        normalized_mutual_info_score(LABELS, strayed), abs=1e-3
    )
    for first, second in ((merged, strayed), (strayed, merged)):
        found = ORACLE.score(Epochs((apart(first), apart(second))), case)
        assert found["acc"] == pytest.approx(28 / 30)
        assert found["nmi"] == pytest.approx(normalized_mutual_info_score(LABELS, first))


def test_of_one_epoch_the_oracle_is_k_means(case):
    z = np.random.default_rng(0).standard_normal((30, 4), dtype=np.float32)
    k_means = next(task for task in TASKS if task.name == "k-means")
    assert ORACLE.score(Epochs((z,)), case) == k_means.score(z, case)
    assert ORACLE.takes == ("epochs",)
    assert (ORACLE.needs, ORACLE.edge_set) == ("labels", "all-edges")


def test_a_replica_that_diverges_before_there_are_clusters_harms_no_other():
    """Its centres are no numbers either, and its neighbour trains as it does by itself."""
    inputs = inputs_of(DFCN)
    model = built(DFCN, inputs)
    next(model.graphs.parameters()).data[0, 0, 0] = torch.nan
    with global_states_untouched():
        model.place_centres(inputs, draws())
    assert model.centres[0].isnan().all()
    assert model.centres[1:].isfinite().all()
    sound = built(DFCN, inputs)
    sound.place_centres(inputs, draws())
    assert torch.equal(model.centres[1:], sound.centres[1:])


def test_clusters_of_equal_latents_are_placed_without_a_warning():
    inputs = inputs_of(DFCN)
    model = built(DFCN, inputs)
    for parameter in model.parameters():
        parameter.data.zero_()
    model.place_centres(inputs, draws())
    assert not model.centres.any()


def test_what_is_kept_of_some_features_is_not_taken_for_others():
    inputs = inputs_of(IGAE)
    model = built(IGAE, inputs)
    model.loss(inputs, Step(draws()))
    tripled = replace(inputs, features=3 * inputs.features)
    fresh = built(IGAE, inputs).loss(tripled, Step(draws())).total
    torch.testing.assert_close(model.loss(tripled, Step(draws())).total, fresh)
