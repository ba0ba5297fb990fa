"""Contracts of all networks in MODELS, and comparisons with torch and torch-geometric."""

import pickle
from itertools import combinations, pairwise

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import (
    BY_NAME,
    CONVOLVED,
    FEATURES,
    NETWORKS,
    ROWS,
    TRAINED,
    GATConv,
    GCNConv,
    SAGEConv,
    built,
    data,
    divergence_from_mixture,
    divergence_paid,
    divergences_paid,
    drawn_std,
    draws,
    each_model,
    global_states_untouched,
    heads_of,
    inputs_of,
    nats,
    propagation,
    small,
    tensors,
    tiny,
)

from benchmark.core.rng import torch_generators
from benchmark.models.parts.encoders import GCN_DEFAULT_START, MLP_OF_LOGARITHMS
from benchmark.models.parts.posterior_families import VON_MISES_FISHER
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Step
from benchmark.training.posteriors import DiagonalGaussian, VonMisesFisher, sample
from benchmark.training.random_streams import GeneratorStreams
from benchmark.training.sparse import normalised_adjacency

OF_GRAPHS = [spec for spec in NETWORKS if spec.uses_graph]
OF_FEATURES = [spec for spec in NETWORKS if not spec.uses_graph]


def spread(q):
    """σ of a Gaussian, κ of a von Mises–Fisher posterior, 0 for a point."""
    if isinstance(q, VonMisesFisher):
        return q.concentration
    return q.std if isinstance(q, DiagonalGaussian) else torch.zeros_like(q.mean)


@each_model(NETWORKS)
def test_a_pickled_model_gives_the_same_loss(spec):
    """Workers receive pickled models. No code may depend on the identity of the objects in the table."""
    copy, inputs = pickle.loads(pickle.dumps(spec)), tiny(spec)
    losses = [built(each, inputs).loss(inputs, Step(draws())).total for each in (spec, copy)]
    assert torch.equal(*losses)


@each_model(NETWORKS)
def test_permuted_rows_give_permuted_posteriors(spec):
    """A featureless model sees the identity, and the rows of the identity are permuted."""
    x, edges = data()
    seen = spec.seen(x)
    order = np.random.default_rng(1).permutation(ROWS)
    renamed = np.sort(np.argsort(order)[edges], axis=1)
    model = built(spec, tiny(spec))
    straight = model.encode(inputs_of(spec, seen, edges))
    permuted = model.encode(inputs_of(spec, seen[order], renamed))
    torch.testing.assert_close(straight.mean[:, order], permuted.mean)
    torch.testing.assert_close(spread(straight)[:, order], spread(permuted))
    assert (straight.mean.var(1) > 0).any()


@each_model(NETWORKS)
def test_only_featureless_models_see_the_identity(spec):
    x, _ = data()
    if "featureless" in spec.name:
        assert np.array_equal(spec.seen(x).toarray(), np.eye(ROWS))
        assert np.array_equal(spec.seen(sp.csr_array(x)).toarray(), np.eye(ROWS))
    else:
        assert spec.seen(x) is x


@each_model(TRAINED)
def test_every_parameter_gets_a_gradient_in_its_phase(spec):
    inputs = tiny(spec)
    model = built(spec, inputs)
    phases = model.phases()
    assert [phase.name for phase in phases[:-1]] == (["layer 1", "layer 2"] if spec.name == "sae-stacked" else [])
    assert phases[-1].name == LAST
    assert [len(phase.others) for phase in phases] == [0] * (len(phases) - 1) + [
        2 * (spec.settings.adversary is not None)
    ]
    players = [(phase.name, phase) for phase in phases] + [("other", player) for player in phases[-1].others]
    assert {id(p) for _, player in players for p in player.parameters} == {id(p) for p in model.parameters()}
    assert {id(p) for phase in phases[:-1] for p in phase.parameters} <= {id(p) for p in model.parameters()}
    for label, player in players:
        model.zero_grad(set_to_none=True)
        player.loss(inputs, Step(draws())).total.sum().backward()
        trained = {id(p) for p in player.parameters}
        for name, parameter in model.named_parameters():
            if id(parameter) in trained:
                assert parameter.grad is not None, (label, name)
                assert parameter.grad.abs().sum() > 0, (label, name)
            elif label != "other":  # the loss of an adversary passes through encoder and discriminator
                assert parameter.grad is None, (label, name)


@each_model(TRAINED)
def test_a_replica_does_not_depend_on_the_others(spec):
    """Every replica has its own weights, draws and edges."""
    x, _ = data()
    seen, graphs, seeds = spec.seen(x), [data(seed=seed)[1] for seed in range(3)], (3, 4, 5)
    inputs = inputs_of(spec, seen, graphs, replicas=3)
    model = built(spec, inputs, seeds)
    together, posterior = model.loss(inputs, Step(draws(seeds))), model.encode(inputs)
    for replica, seed in enumerate(seeds):
        own = inputs_of(spec, seen, graphs[replica])
        single = built(spec, own, (seed,))
        for one, all_three in zip(single.loss(own, Step(draws((seed,)))), together, strict=True):
            torch.testing.assert_close(one[0], all_three[replica])
        torch.testing.assert_close(single.encode(own).mean[0], posterior.mean[replica])
    assert not torch.isclose(together.reconstruction[0], together.reconstruction[1])


@each_model([spec for spec in TRAINED if spec.settings.estimator != "IW"])
def test_the_loss_agrees_with_the_formulas_written_out(spec):
    """The loss is the reconstruction of one draw, β times the closed-form divergence, and all penalties."""
    inputs, (x, edges) = tiny(spec), data()
    model, settings = built(spec, inputs), spec.settings
    loss = model.loss(inputs, Step(draws()))
    seen = spec.seen(x)
    if settings.corruption is not None:
        (generator,) = torch_generators((0,), "corruption", device="cpu")
        seen = seen * (torch.rand(x.shape, generator=generator, dtype=torch.float64).numpy() >= settings.corruption)
    outputs = heads_of(spec, model, seen, edges)
    mean, std = outputs[0], drawn_std(spec, outputs)
    (generator,) = torch_generators((0,), "noise", device="cpu")
    if isinstance(q := model.encode(inputs), VonMisesFisher):
        np.testing.assert_allclose(
            q.direction[0].detach(), mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-12
        )
        z = sample(q, GeneratorStreams((generator,)))[0].detach().numpy()
    else:
        z = mean + std * torch.randn(mean.shape, generator=generator, dtype=torch.float64).numpy()
    (generator,) = torch_generators((0,), "negatives", device="cpu")
    expected = nats(spec, model, z, x, edges, generator)  # the clean x is reconstructed
    np.testing.assert_allclose(loss.reconstruction.item(), expected, rtol=1e-9)
    learned = spec.prior.learned
    paid = divergence_from_mixture(spec, model, mean, std, z) if learned else divergence_paid(spec, outputs)
    np.testing.assert_allclose(loss.divergence.item(), paid, rtol=1e-9)
    np.testing.assert_allclose(loss.std.item(), std.mean(), rtol=1e-9)
    penalties = (settings.sparsity or 0.0) * np.abs(mean).sum(1).mean()
    matrices = [value for name, value in tensors(model.decoder).items() if not name.endswith(("bias", "variance"))]
    penalties += 0.5 * (settings.decoder_l2 or 0.0) * sum((matrix**2).sum() for matrix in matrices)
    if settings.discrepancy:
        (generator,) = torch_generators((0,), "prior", device="cpu")
        prior = torch.randn(mean.shape, generator=generator, dtype=torch.float64).numpy()
        penalties += settings.discrepancy * discrepancy_of(mean, prior)
    if settings.free_bits is not None:
        paid = np.maximum(divergences_paid(spec, outputs), settings.free_bits).sum()
        assert paid > loss.divergence.item() + 1
    total = expected + (settings.beta_for(ROWS) or 0.0) * paid + penalties
    np.testing.assert_allclose(loss.total.item(), total, rtol=1e-9)
    assert (penalties > 0) == any((settings.sparsity, settings.decoder_l2, settings.discrepancy))
    if settings.corruption is None and spec.posterior is not VON_MISES_FISHER:
        q = model.encode(inputs)
        np.testing.assert_allclose(q.mean[0].detach(), mean, atol=1e-12)
        np.testing.assert_allclose(spread(q)[0].detach(), std, rtol=1e-9)


def discrepancy_of(z, prior):
    """The unbiased MMD² of two samples, [n, d], summed pair by pair."""
    width, n = 2 * z.shape[1], len(z)

    def kernel(x, y):
        """The inverse multiquadric."""
        return width / (width + ((x - y) ** 2).sum())

    own = sum(kernel(x[i], x[j]) for x in (z, prior) for i in range(n) for j in range(n) if i != j)
    return own / (n * (n - 1)) - 2 * sum(kernel(a, b) for a in z for b in prior) / n**2


@each_model([spec for spec in TRAINED if spec.decoder.makes != "edges"])
def test_duplicated_data_do_not_change_nats_per_row(spec):
    """Draws differ between the copies of a row, so terms with draws are left out."""
    x, edges = data()
    model = built(spec, tiny(spec))
    terms = []
    for copies in (1, 2):
        inputs = inputs_of(spec, np.vstack([x] * copies), np.vstack([edges + k * ROWS for k in range(copies)]))
        loss = model.loss(inputs, Step(draws()))
        still = (
            spec.settings.corruption is None
            and spec.settings.discrepancy is None
            and spec.settings.estimator in ("B", None)
        )
        terms.append(
            (
                model.decoder.reconstruction(model.encode(inputs).mean, inputs, Step(draws())),
                loss.divergence if still else torch.zeros(1),
                loss.total if still and not spec.posterior.noisy else torch.zeros(1),
            )
        )
    torch.testing.assert_close(*terms)


@each_model(TRAINED)
def test_the_gradient_does_not_depend_on_whether_the_value_is_computed(spec):
    inputs = tiny(spec)
    gradients = []
    for value in (True, False):
        model = built(spec, inputs)
        model.loss(inputs, Step(draws(), value)).total.sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@each_model(TRAINED)
def test_each_purpose_draws_from_its_own_generators_only(spec):
    inputs = tiny(spec)
    model = built(spec, inputs)
    with global_states_untouched():
        first, again = (model.loss(inputs, Step(draws())).total for _ in range(2))
    assert torch.equal(first, again)
    matters = {
        "noise": spec.posterior.noisy,
        "negatives": spec.likelihood.name == "bernoulli-sampled",
        "corruption": spec.name == "dae",
        "prior": spec.name == "wae-mmd",
    }
    for purpose, drawn in matters.items():
        other = model.loss(inputs, Step(draws(**{purpose: (1,)}))).total
        assert torch.equal(first, other) != drawn, purpose
    generators = draws()
    one, next_one = (model.loss(inputs, Step(generators)).total for _ in range(2))
    assert torch.equal(one, next_one) != any(matters.values())


@each_model(NETWORKS)
def test_encoding_draws_no_random_numbers(spec):
    inputs = tiny(spec)
    model = built(spec, inputs)
    with global_states_untouched():
        one, other = model.encode(inputs), model.encode(inputs)
    assert torch.equal(one.mean, other.mean)
    assert torch.equal(spread(one), spread(other))


@each_model(NETWORKS)
def test_another_seed_draws_other_weights(spec):
    inputs = tiny(spec)
    one, again, other = (dict(built(spec, inputs, (seed,)).named_parameters()) for seed in (0, 0, 1))
    for name, parameter in one.items():
        assert torch.equal(parameter, again[name])
        if (spec in CONVOLVED or name == "decoder.dispersion") and (parameter == 0).all():
            continue  # the library starts biases at 0, and dispersions start equal
        assert not torch.equal(parameter, other[name]), name


@each_model([spec for spec in NETWORKS if spec not in CONVOLVED])
def test_initial_weights_are_uniform_within_their_bound(spec):
    """Weights of graph convolutions have Glorot's bound √(6/(in + out)), all others and biases PyTorch's 1/√in."""
    inputs = tiny(spec)
    model = built(spec, inputs)
    shapes = {name: tuple(p.shape[1:]) for name, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        if name in ("decoder.dispersion", "pseudo_inputs.rows"):
            continue  # the latter are rows of the data
        into, out = shapes[name.removesuffix("bias").removesuffix("weight") + "weight"]
        convolution = spec.uses_graph and spec.encoder is not GCN_DEFAULT_START and not name.startswith("discriminator")
        glorot = convolution and not name.endswith("bias")
        bound = (6 / (into + out)) ** 0.5 if glorot else into**-0.5
        largest = parameter.abs().max().item() / bound
        assert largest <= 1
        count = parameter.numel()
        assert largest > 1 - 12 / count or count < 12, name  # fails by chance with probability e^-12


@each_model(NETWORKS)
def test_parameters_start_from_different_random_numbers(spec):
    """Parameters from one stream would be equal up to a factor."""
    widths = (8,) * len(spec.settings.hidden)
    model = built(spec, tiny(spec), settings=small(spec, hidden=widths, latent=8))
    started = [p.flatten()[:8] for p in model.parameters() if p.any() and p.numel() >= 8]
    shares = [start / start.abs().max() for start in started]
    for one, other in combinations(shares, 2):
        assert not torch.allclose(one, other)


@each_model(OF_GRAPHS)
def test_sparse_and_dense_features_give_equal_results(spec):
    x, edges = data()
    x[x < 0.7] = 0
    both = [inputs_of(spec, matrix, edges) for matrix in (x, sp.csr_array(x))]
    assert isinstance(both[0].features, torch.Tensor)
    assert not isinstance(both[1].features, torch.Tensor)
    model = built(spec, both[0])
    found = []
    for inputs in both:
        q = model.encode(inputs)
        model.zero_grad(set_to_none=True)
        loss = model.loss(inputs, Step(draws()))
        loss.total.sum().backward()
        found.append((q.mean, spread(q), *loss, *(p.grad for p in model.parameters())))
    torch.testing.assert_close(*found)


@each_model(OF_FEATURES)
def test_models_of_features_turn_sparse_data_dense(spec):
    x, edges = data()
    x[x < 0.7] = 0
    dense, made_dense = (inputs_of(spec, matrix, edges) for matrix in (x, sp.csr_array(x)))
    assert torch.equal(dense.features, made_dense.features)
    model = built(spec, dense)
    left_sparse = Inputs.of(sp.csr_array(x), None, replicas=1, device="cpu", dtype=torch.float64)
    if spec.encoder.centred:
        with pytest.raises(ValueError, match="centred features must be dense"):
            model.encode(left_sparse)
        return
    torch.testing.assert_close(model.encode(dense).mean, model.encode(left_sparse).mean)
    with pytest.raises(ValueError, match="needs dense features"):
        model.loss(left_sparse, Step(draws()))


@each_model(OF_FEATURES)
def test_mlps_agree_with_torch_linear(spec):
    """Depth, ReLUs and biases of the encoder and of the decoder that mirrors the encoder."""
    inputs = tiny(spec)
    model, settings = built(spec, inputs), spec.settings
    without_biases = spec.name.endswith(("as-printed", "four-layer"))

    def through(layers, hidden):
        """Apply layers with a ReLU after each."""
        for layer, (into, out) in layers:
            assert layer.weight.shape == (1, into, out)
            assert (layer.bias is None) == without_biases
            bias = None if layer.bias is None else layer.bias[0, 0]
            hidden = torch.nn.functional.linear(hidden, layer.weight[0].T, bias).relu()
        return hidden

    widths = (FEATURES, *settings.hidden)
    x = inputs.features.log1p() if spec.encoder is MLP_OF_LOGARITHMS else inputs.features
    centre = x.mean(0) if spec.encoder.centred else 0.0
    hidden = through(zip(model.encoder.hidden, pairwise(widths), strict=True), x - centre)
    out = [width for _, width in spec.posterior.widths(settings.latent)]
    for head, width, output in zip(model.encoder.heads, out, model.encoder(inputs), strict=True):
        positive, negative = (through([(scaled(head, sign), (widths[-1], width))], hidden) for sign in (1.0, -1.0))
        torch.testing.assert_close(output[0], positive if spec.encoder.rectified else positive - negative)
    outputs = 2 * FEATURES if spec.likelihood.name == "gaussian-output" else FEATURES
    z = model.encode(inputs).mean
    widths = (settings.latent, *reversed(settings.hidden))
    below = through(zip(model.decoder.hidden, pairwise(widths), strict=True), z[0])
    positive, negative = (
        through([(scaled(model.decoder.output, sign), (widths[-1], outputs))], below) for sign in (1.0, -1.0)
    )
    raw = (positive - negative)[:, :FEATURES] + centre
    torch.testing.assert_close(model.decoder(z)[0][0], raw)
    shares = raw.softmax(-1) if spec.likelihood.counts else raw
    torch.testing.assert_close(model.decoder.decode(z)[0], raw.sigmoid() if spec.likelihood.unit_interval else shares)


def scaled(layer, sign):
    """The layer with weights and biases times ``sign``. relu(y) − relu(−y) is y, the output without a ReLU."""
    copy = torch.nn.Module()
    copy.weight = sign * layer.weight
    copy.bias = None if layer.bias is None else sign * layer.bias
    return copy


@each_model(OF_GRAPHS)
@pytest.mark.parametrize("sparse", [False, True])
def test_graph_convolutions_agree_with_torch_geometric(spec, sparse):
    """The same weights in torch-geometric's layers give the same outputs, on a graph with isolated nodes."""
    x, _ = data()
    graphs = [data(seed=seed)[1] for seed in (0, 1)]
    inputs = inputs_of(spec, sp.csr_array(x) if sparse else x, graphs, replicas=2)
    model = built(spec, inputs, (0, 1), small(spec))
    outputs = model.encoder(inputs)
    for replica, edges in enumerate(graphs):
        index = torch.tensor(np.vstack([edges, edges[:, ::-1]]).T.copy())
        hidden = torch.tensor(x, dtype=torch.float64)
        for layer in model.encoder.hidden:
            hidden = convolution(layer, replica, spec.settings.convolution)(hidden, index).relu()
        for head, output in zip(model.encoder.heads, outputs, strict=True):
            theirs = convolution(head, replica, spec.settings.convolution)
            torch.testing.assert_close(output[replica], theirs(hidden, index))
    depth = 0 if "linear" in spec.name else 1
    assert len(model.encoder.hidden) == depth


def convolution(layer, replica, name):
    """torch-geometric's GCNConv, or another convolution by name, with the weights of our layer."""
    if name:
        weights = dict(zip(layer.names, layer.weights, strict=True))
        outputs, inputs = weights["lin.weight" if name == "GATConv" else "lin_l.weight"].shape[1:]
        theirs = {"GATConv": GATConv, "SAGEConv": SAGEConv}[name](inputs, outputs).double()
        theirs.load_state_dict({key: weight[replica].detach() for key, weight in weights.items()})
        return theirs
    theirs = GCNConv(*layer.weight.shape[1:], bias=layer.bias is not None).double()
    if layer.bias is not None:
        theirs.bias.data = layer.bias[replica, 0].detach()
    theirs.lin.weight.data = layer.weight[replica].detach().T.contiguous()
    return theirs


def test_the_normalised_adjacency_counts_self_loops():
    _, edges = data()
    found = normalised_adjacency(edges, ROWS).toarray()
    np.testing.assert_allclose(found, propagation(edges, ROWS))
    assert (found[-2:] == np.eye(ROWS)[-2:]).all()  # an isolated node keeps its own features
    assert np.array_equal(normalised_adjacency(np.empty((0, 2), dtype=np.int64), 3).toarray(), np.eye(3))


@pytest.mark.parametrize(
    ("name", "message"),
    [("gae", "a graph convolution needs inputs with a graph"), ("gae-features", "needs inputs with a graph")],
)
def test_models_of_graphs_refuse_inputs_without_a_graph(name, message):
    spec = BY_NAME[name]
    x, edges = data()
    model = built(spec, inputs_of(spec, x, edges))
    bare = Inputs.of(x, None, replicas=1, device="cpu", dtype=torch.float64)
    with pytest.raises(ValueError, match=message):
        model.encode(bare)
    with pytest.raises(ValueError, match="needs inputs with a graph"):
        model.decoder.reconstruction(torch.zeros(1, ROWS, 16, dtype=torch.float64), bare, Step(draws()))


def test_inputs_refuse_missing_edges_and_mini_batches_of_sparse_features():
    x, edges = data()
    with pytest.raises(ValueError, match="got 1 for 2 replicas"):
        Inputs.of(x, [edges], replicas=2, device="cpu")
    sparse = Inputs.of(sp.csr_array(x), None, replicas=1, device="cpu")
    with pytest.raises(ValueError, match="dense features"):
        sparse.batch(torch.zeros(1, 4, dtype=torch.int64))
    inputs = Inputs.of(x, None, replicas=2, device="cpu")
    index = torch.tensor([[3, 1, 4], [1, 5, 9]])
    batch = inputs.batch(index)
    assert (batch.rows, batch.replicas, batch.graph) == (3, 2, None)
    assert np.array_equal(batch.features, x[index.numpy()])
    part = batch.batch(torch.tensor([[2], [0]]))  # rows of each replica's own rows
    assert np.array_equal(part.features, x[[[4], [1]]])


def test_inputs_hold_one_graph_per_replica():
    x, edges = data()
    inputs = inputs_of(BY_NAME["vgae"], x, [edges, edges[:9]], replicas=2)
    assert inputs.graph.counts.tolist() == [len(edges), 9]
    assert inputs.graph.nodes == inputs.rows == ROWS
