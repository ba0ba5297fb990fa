"""The networks of Tu et al. (2021) against formulas with dense matrices: latents, losses and gradients."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from fusion_by_hand import (
    AE,
    BY_NAME,
    DFCN,
    FUSED,
    GRAPHS,
    IGAE,
    SEEDS,
    F,
    K,
    N,
    X,
    built,
    close,
    convolved,
    dense_adjacency_error,
    divergence_by_hand,
    draws,
    error_by_hand,
    fused_by_hand,
    graph_cost,
    inputs_of,
    mlp,
    of_replica,
    small,
    smoothing_of,
    stirred,
)
from networks import each_model, global_states_untouched

from benchmark.core.rng import torch_generators
from benchmark.models.systems import fusion
from benchmark.models.systems.fusion import adjacency_error, assignments, components, sharpened
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Step
from benchmark.training.posteriors import PointMass


def test_layers_have_the_published_sizes():
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


@each_model(FUSED)
def test_a_pickled_model_is_equal_and_gives_the_same_loss(spec):
    copy, inputs = pickle.loads(pickle.dumps(spec)), inputs_of(spec)
    assert copy == spec
    losses = [built(row, inputs).loss(inputs, Step(draws())).total for row in (spec, copy)]
    assert torch.equal(*losses)


def test_smoothing_is_a_plus_i_divided_by_the_degrees():
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
def test_error_of_the_adjacency_and_its_gradient_agree_with_the_dense_formula(monkeypatch, block, replicas):
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


def test_igae_agrees_with_the_formulas_written_out():
    """Every layer has a tanh, except the last layer of the encoder."""
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
    assert z.abs().max() > 1  # the last layer has no tanh
    assert decoded.abs().max() < 1


def test_the_autoencoder_of_features_agrees_with_the_formulas_written_out():
    """On all rows, and on mini-batches that differ between replicas."""
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


@each_model([AE, IGAE])
def test_the_loss_of_a_single_autoencoder_is_its_reconstruction(spec):
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


def test_dfcn_starts_with_equal_shares_and_without_attention():
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


def test_dfcn_and_its_gradient_agree_with_the_formulas_written_out():
    """The loss is both errors plus ten divergences. The error of the adjacency uses the latents z_IGAE."""
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


def test_the_loss_of_pre_training_leaves_clusters_out():
    inputs = inputs_of(DFCN)
    model = stirred(built(DFCN, inputs))
    loss, whole = model.pretraining_loss(inputs, Step(draws())), model.loss(inputs, Step(draws()))
    close(loss.total, whole.reconstruction)
    assert torch.equal(loss.total, loss.reconstruction)
    assert not loss.divergence.any()
    assert (whole.total > loss.total).all()
    named = dict(model.named_parameters())
    assert {id(p) for p in model.without_centres()} == {id(p) for name, p in named.items() if name != "centres"}


def test_dfcn_scores_given_latents_with_both_decoders():
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


def test_assignments_and_target_follow_the_formulas_of_dec():
    """Xie et al. (2016), eq. 1 and 3, written as loops."""
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


@each_model([IGAE, DFCN])
def test_cached_matrices_of_one_graph_are_not_used_for_another(spec):
    first, second = inputs_of(spec, GRAPHS[:1]), inputs_of(spec, GRAPHS[1:2], x=X[::-1].copy())
    model = stirred(built(spec, first, (0,)))
    one, other, again = (model.loss(inputs, Step(draws((0,)))).total for inputs in (first, second, first))
    fresh = stirred(built(spec, second, (0,))).loss(second, Step(draws((0,)))).total
    assert torch.equal(one, again)
    assert torch.equal(other, fresh)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("trained", [False, True])
@each_model([AE, IGAE])
def test_permuted_rows_give_permuted_latents(spec, trained):
    order = np.random.default_rng(3).permutation(N)
    place = np.argsort(order)  # the new place of each row
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


def test_permuted_rows_give_permuted_latents_of_dfcn_if_all_rows_have_equal_shares():
    order = np.random.default_rng(3).permutation(N)
    moved = inputs_of(DFCN, [np.sort(np.argsort(order)[GRAPHS[0]], axis=1)], x=X[order])
    inputs = inputs_of(DFCN, GRAPHS[:1])
    still, model = built(DFCN, inputs, (0,)), built(DFCN, moved, (0,))
    with torch.no_grad():
        for network in (still, model):
            network.attention.fill_(0.7)
            network.centres.copy_(torch.arange(3 * 4).view(1, 3, 4) / 10)
    close(model.encode(moved).mean, still.encode(inputs).mean[:, order])
    one, other = still.loss(inputs, Step(draws((0,)))), model.loss(moved, Step(draws((0,))))
    for found, expected in zip(other, one, strict=True):
        close(found, expected)


@each_model(FUSED)
def test_a_replica_does_not_depend_on_the_others(spec):
    """Every replica has its own edges, weights and centres. Agreement is up to rounding in float64."""
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


@pytest.mark.parametrize(
    ("features", "width"), [(256, 30), (561, 50), (2000, 100), (1870, 100), (334, 50), (3703, 100)]
)
def test_the_number_of_principal_components_is_the_published_one(features, width):
    assert components(features) == width


@pytest.mark.parametrize(
    ("spec", "n", "f", "sparse"),
    [(AE, 50, 256, False), (IGAE, 70, 320, False), (DFCN, 505, 520, True), (DFCN, 20, 40, True)],
)
def test_models_see_principal_components(spec, n, f, sparse):
    """Components are eigenvectors of the inner products of rows, scaled by the root of the eigenvalue, up to sign.

    Every call gives the same components.
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


def test_inputs_without_a_graph_or_with_sparse_features_are_refused():
    with pytest.raises(ValueError, match="a graph autoencoder needs inputs with a graph"):
        built(IGAE, inputs_of(IGAE)).encode(inputs_of(AE))
    sparse = Inputs.of(sp.csr_array(X), None, replicas=3, device="cpu", dtype=torch.float64)
    with pytest.raises(ValueError, match="these autoencoders need dense features"):
        built(AE, inputs_of(AE)).encode(sparse)


def test_cached_products_of_some_features_are_not_used_for_others():
    inputs = inputs_of(IGAE)
    model = built(IGAE, inputs)
    model.loss(inputs, Step(draws()))
    tripled = replace(inputs, features=3 * inputs.features)
    fresh = built(IGAE, inputs).loss(tripled, Step(draws())).total
    torch.testing.assert_close(model.loss(tripled, Step(draws())).total, fresh)
