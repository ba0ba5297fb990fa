"""Drawings: images from decoders of features, edges from inner products."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import (
    BY_NAME,
    FITTED,
    GRAPHS,
    NOISED,
    ROWS,
    data,
    each_model,
    global_states_untouched,
    inputs_for,
    inputs_of,
    outputs_of,
    propagation,
    short,
    target,
)
from scipy.sparse import csgraph
from scipy.special import expit
from scipy.stats import kstest, norm

from benchmark.core.rng import torch_generators
from benchmark.latents.drawings import (
    GRID,
    HIGHEST,
    LOWEST,
    NODES,
    PRIOR_SAMPLES,
    SHOWN,
    STEPS,
    edges,
    generate,
    images,
)
from benchmark.models.parts.decoders import MLP_DECODER, DecoderShape
from benchmark.models.parts.likelihoods import BERNOULLI, GAUSSIAN
from benchmark.training.inputs import Inputs
from benchmark.training.posteriors import DiagonalGaussian, PointMass, sample
from benchmark.training.random_streams import random_streams

SHAPE = (2, 4)  # of an image of eight features
STATES = {"mean", "sampled", "prior"}
TRAVERSED = {"signal_per_dimension", "noise_per_dimension", "traversed", "traversal_steps", "traversal"}


def posterior_of(r, n, d, *, std=0.5, seed=0):
    mean = torch.randn(r, n, d, generator=torch.Generator().manual_seed(seed))
    return PointMass(mean) if std is None else DiagonalGaussian(mean, torch.full_like(mean, std))


def decoder_of(seeds, d, f=8, likelihood=BERNOULLI):
    return MLP_DECODER.build(
        lambda name: torch_generators(tuple(seeds), "weights", name, device="cpu"), DecoderShape(f, (6,), d, likelihood)
    )


def transparent(replicas, d):
    """A decoder that returns the latent as an image of 1 × d."""
    decoder = MLP_DECODER.build(
        lambda name: torch_generators((0,) * replicas, name, device="cpu"), DecoderShape(d, (), d, GAUSSIAN)
    )
    decoder.output.weight.data = torch.eye(d).repeat(replicas, 1, 1)
    decoder.output.bias.data.zero_()
    return decoder


def features_of(n, f, replicas=1):
    return Inputs.of(data(n=n, f=f, each=0)[0], None, replicas=replicas, device="cpu")


@pytest.mark.parametrize("std", [None, 0.5])
def test_images_are_decoded_latents(std):
    x, _ = data()
    seeds = (3, 4)
    inputs, q, decoder = features_of(ROWS, 8, 2), posterior_of(2, ROWS, 3, std=std), decoder_of(seeds, 3)
    made = images(decoder, q, inputs, seeds, SHAPE)
    drawn = sample(q, random_streams(seeds, "generation", "sample", device="cpu"))
    model = torch.nn.Module()
    model.decoder = decoder
    for replica, drawings in enumerate(made):

        def decoded(latents, replica=replica):
            return expit(outputs_of(model, latents.double().numpy(), replica)).reshape(-1, *SHAPE)

        shown, ends = drawings["rows"], drawings["line_rows"]
        assert len(np.unique(shown)) == len(shown) == SHOWN
        assert len(np.unique(ends)) == 2
        assert np.array_equal(drawings["inputs"], x[shown].reshape(SHOWN, *SHAPE))
        mean = q.mean[replica]
        close = {"rtol": 1e-5, "atol": 1e-6}
        np.testing.assert_allclose(drawings["reconstructions"], decoded(mean[shown]), **close)
        np.testing.assert_allclose(drawings["sampled_reconstructions"], decoded(drawn[replica, shown]), **close)
        np.testing.assert_allclose(drawings["line"][[0, -1]], decoded(mean[ends]), **close)
        sampled = np.array_equal(drawings["sampled_reconstructions"], drawings["reconstructions"])
        assert sampled == (std is None)
        images_of = {"inputs", "reconstructions", "sampled_reconstructions", "prior", "line"}
        of_noise = TRAVERSED if std else set()  # and only two dimensions have a grid
        assert drawings.keys() == images_of | {"rows", "line_rows"} | of_noise
        for key in images_of:
            assert drawings[key].shape == (PRIOR_SAMPLES if key == "prior" else SHOWN, *SHAPE), key
            assert drawings[key].dtype == np.float32, key


def test_a_line_is_straight_and_evenly_divided():
    q = posterior_of(1, ROWS, 3)
    (drawings,) = images(transparent(1, 3), q, features_of(ROWS, 3), [0], (1, 3))
    start, end = q.mean[0, drawings["line_rows"]].numpy()
    steps = np.linspace(0, 1, SHOWN)[:, None]
    np.testing.assert_allclose(drawings["line"][:, 0], start + steps * (end - start), atol=1e-6)


@pytest.mark.parametrize("std", [None, 0.5])
def test_samples_of_the_prior_are_standard_normal(std):
    """By a test of Kolmogorov and Smirnov at one in a million. A point uses the same prior."""
    seeds = range(40)
    q = posterior_of(len(seeds), 5, 3, std=std)
    made = images(transparent(len(seeds), 3), q, features_of(5, 3, len(seeds)), seeds, (1, 3))
    drawn = np.stack([drawings["prior"] for drawings in made])
    assert kstest(drawn.ravel(), "norm").pvalue > 1e-6
    assert len(np.unique(drawn)) > 0.99 * drawn.size  # each replica has other samples


def test_a_sampled_reconstruction_has_the_noise_of_the_posterior():
    seeds = range(200)
    q = posterior_of(len(seeds), 5, 3, std=0.7)
    made = images(transparent(len(seeds), 3), q, features_of(5, 3, len(seeds)), seeds, (1, 3))
    noise = np.stack([drawings["sampled_reconstructions"] - drawings["reconstructions"] for drawings in made])
    assert kstest(noise.ravel() / 0.7, "norm").pvalue > 1e-6


def test_a_grid_of_a_gaussian_has_the_quantiles_of_the_prior():
    q = posterior_of(2, ROWS, 2)
    for drawings in images(transparent(2, 2), q, features_of(ROWS, 2, 2), [0, 1], (1, 2)):
        latents = drawings["grid_latents"]
        assert latents.shape == (GRID, GRID, 2)
        assert drawings["grid"].shape == (GRID, GRID, 1, 2)
        np.testing.assert_allclose(drawings["grid"][:, :, 0], latents, atol=1e-6)
        quantiles = np.arange(1, GRID + 1) / (GRID + 1)
        np.testing.assert_allclose(norm.cdf(latents[:, 0, 0]), quantiles, atol=1e-6)
        np.testing.assert_allclose(norm.cdf(latents[0, :, 1]), quantiles, atol=1e-6)
        assert (latents[:, :, 0] == latents[:, :1, 0]).all()
        assert (latents[:, :, 1] == latents[:1, :, 1]).all()


def test_a_grid_of_a_point_has_the_quantiles_of_its_own_latents():
    q = PointMass(posterior_of(2, ROWS, 2, std=None).mean * torch.tensor([20.0, 0.1]) + torch.tensor([5.0, 0.0]))
    for replica, drawings in enumerate(images(transparent(2, 2), q, features_of(ROWS, 2, 2), [0, 1], (1, 2))):
        latents, mean = drawings["grid_latents"], q.mean[replica].numpy()
        for axis, along in enumerate((latents[:, 0, 0], latents[0, :, 1])):
            assert (np.diff(along) > 0).all()
            below = (mean[:, axis, None] <= along).mean(0)
            np.testing.assert_allclose(below, np.arange(1, GRID + 1) / (GRID + 1), atol=1 / ROWS)
        np.testing.assert_allclose(drawings["grid"][:, :, 0], latents, rtol=1e-6)


def test_traversals_move_one_dimension_at_a_time():
    """A decoder that returns its latent shows each step: average ± 2·√(Var(μ_j) + E[σ_j²]), other dimensions still."""
    d = 8
    mean = posterior_of(2, ROWS, d).mean * torch.arange(1.0, d + 1) + 5.0
    std = torch.rand(2, ROWS, d, generator=torch.Generator().manual_seed(1)) + torch.linspace(2.0, 0.1, d)
    made = images(transparent(2, d), DiagonalGaussian(mean, std), features_of(ROWS, d, 2), [0, 1], (1, d))
    for drawings, mu, sigma in zip(made, mean.double().numpy(), std.double().numpy(), strict=True):
        signal, noise = mu.var(axis=0), (sigma**2).mean(axis=0)
        np.testing.assert_allclose(drawings["signal_per_dimension"], signal, rtol=1e-6)
        np.testing.assert_allclose(drawings["noise_per_dimension"], noise, rtol=1e-6)
        order = sorted(range(d), key=lambda j: -signal[j] / noise[j])
        assert drawings["traversed"].tolist() == [*order[:HIGHEST], *order[d - LOWEST :]]
        steps = drawings["traversal_steps"]
        assert (steps[0], steps[len(steps) // 2], steps[-1]) == (-2, 0, 2)
        for j, shown in zip(drawings["traversed"], drawings["traversal"][:, :, 0], strict=True):
            expected = np.tile(mu.mean(axis=0), (len(steps), 1))
            expected[:, j] += steps * np.sqrt(signal[j] + noise[j])
            np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("d", [1, 3, HIGHEST, HIGHEST + LOWEST - 1])
def test_few_dimensions_are_traversed_once_each(d):
    (drawings,) = images(transparent(1, d), posterior_of(1, ROWS, d), features_of(ROWS, d), [0], (1, d))
    assert sorted(drawings["traversed"]) == list(range(d))
    assert drawings["traversal"].shape == (d, len(STEPS), 1, d)


@pytest.mark.parametrize("d", [1, 3])
def test_only_two_dimensions_have_a_grid(d):
    (drawings,) = images(transparent(1, d), posterior_of(1, ROWS, d), features_of(ROWS, d), [0], (1, d))
    assert "grid" not in drawings
    assert "grid_latents" not in drawings


@pytest.mark.parametrize("n", [3, 10])
def test_few_rows_are_all_shown(n):
    (drawings,) = images(decoder_of([0], 3), posterior_of(1, n, 3), features_of(n, 8), [0], SHAPE)
    assert drawings["rows"].tolist() == list(range(n))
    assert drawings["reconstructions"].shape == (n, *SHAPE)
    assert drawings["line"].shape == (SHOWN, *SHAPE)


def test_images_of_a_replica_are_its_own():
    """Drawings depend on the seed of a replica, and not on the other replicas."""
    seeds = (5, 6, 7)
    q, inputs = posterior_of(3, ROWS, 2), features_of(ROWS, 8, 3)
    together = images(decoder_of(seeds, 2), q, inputs, seeds, SHAPE)
    own = DiagonalGaussian(q.mean[1:2], q.std[1:2])
    (alone,) = images(decoder_of((6,), 2), own, features_of(ROWS, 8), (6,), SHAPE)
    (again,) = images(decoder_of((6,), 2), own, features_of(ROWS, 8), (6,), SHAPE)
    (other,) = images(decoder_of((6,), 2), own, features_of(ROWS, 8), (8,), SHAPE)
    assert alone.keys() == together[1].keys()
    for key, value in alone.items():
        np.testing.assert_allclose(together[1][key], value, rtol=1e-5, atol=1e-6)
        assert np.array_equal(again[key], value)
    assert not np.array_equal(other["rows"], alone["rows"])
    assert not np.array_equal(other["prior"], alone["prior"])
    assert np.array_equal(other["grid_latents"], alone["grid_latents"])


@pytest.mark.parametrize("shape", [(2, 3), (8, 8), (4, 4)])
def test_features_that_are_no_pixels_of_the_image_are_refused(shape):
    with pytest.raises(ValueError, match=f"8 features are not the pixels of a {shape[0]}x{shape[1]} image"):
        images(decoder_of([0], 3), posterior_of(1, ROWS, 3), features_of(ROWS, 8), [0], shape)


def test_sparse_features_make_no_images():
    inputs = Inputs.of(sp.csr_array(data()[0]), None, replicas=1, device="cpu")
    with pytest.raises(ValueError, match="are not the pixels of a"):
        images(decoder_of([0], 3), posterior_of(1, ROWS, 3), inputs, [0], SHAPE)


def drawn_of(found, key="mean"):
    return found[key].astype(float)


@pytest.mark.parametrize("std", [None, 0.5])
def test_edges_show_the_training_graph_and_its_decoded_probabilities(std):
    x, _ = data()
    seeds = (0, 1, 2)
    inputs = inputs_of(BY_NAME["vgae"], x, GRAPHS[:3], replicas=3, dtype=torch.float32)
    q = posterior_of(3, ROWS, 4, std=std)
    drawn = sample(q, random_streams(seeds, "generation", "sample", device="cpu"))
    for replica, found in enumerate(edges(q, inputs, seeds)):
        nodes = found["nodes"]
        assert found.keys() == {"nodes", "adjacency"} | STATES
        whole = target(GRAPHS[replica], ROWS) - np.eye(ROWS)
        assert found["adjacency"].dtype == bool
        assert np.array_equal(found["adjacency"], whole[np.ix_(nodes, nodes)] == 1)
        for key, latents in (("mean", q.mean), ("sampled", drawn)):
            z = latents[replica].double().numpy()[nodes]
            assert found[key].dtype == np.float16
            np.testing.assert_allclose(
                drawn_of(found, key), expit(z @ z.T), atol=2**-11
            )  # the rounding of half precision
        assert found["prior"].shape == found["adjacency"].shape
        assert np.array_equal(found["mean"], found["sampled"]) == (std is None)
        assert not np.array_equal(found["mean"], found["prior"])


def components(graph, n):
    return csgraph.connected_components(sp.coo_array((np.ones(len(graph)), graph.T), shape=(n, n)), directed=False)[1]


@pytest.mark.parametrize("n", [30, 700])
def test_the_nodes_are_a_connected_part_of_the_largest_component(n):
    x, _ = data(n=n)
    graph = data(n=n)[1]
    inputs = inputs_of(BY_NAME["vgae"], x, graph, replicas=4, dtype=torch.float32)
    labels = components(graph, n)
    largest = np.bincount(labels).max()
    for found in edges(posterior_of(4, n, 2), inputs, range(4)):
        nodes = found["nodes"]
        assert len(np.unique(nodes)) == len(nodes) == min(NODES, largest)
        assert len(set(labels[nodes])) == 1
        assert np.bincount(labels)[labels[nodes[0]]] == largest
        inside = csgraph.connected_components(sp.csr_array(found["adjacency"].astype(int)), directed=False)[0]
        assert inside == 1


def test_the_nodes_come_breadth_first():
    """The distance from the first node never falls along the list."""
    n = 700
    graph = data(n=n)[1]
    inputs = inputs_of(BY_NAME["vgae"], data(n=n)[0], graph, dtype=torch.float32)
    (found,) = edges(posterior_of(1, n, 2), inputs, [0])
    matrix = sp.csr_array(target(graph, n))
    distances = csgraph.shortest_path(matrix, directed=False, unweighted=True, indices=found["nodes"][0])
    assert (np.diff(distances[found["nodes"]]) >= 0).all()
    assert distances[found["nodes"][-1]] <= np.sort(distances)[NODES - 1]


def test_graphs_in_pieces_and_without_edges():
    """A graph of a triangle, a pair and isolated nodes, and a graph without edges."""
    pieces = np.array([[1, 2], [5, 6], [5, 8], [6, 8]])
    x = data(n=12, each=1)[0]
    for graph, expected in ((pieces, {5, 6, 8}), (np.empty((0, 2), dtype=np.int64), None)):
        inputs = inputs_of(BY_NAME["vgae"], x, graph, dtype=torch.float32)
        (found,) = edges(posterior_of(1, 12, 2), inputs, [0])
        if expected is not None:
            assert set(found["nodes"].tolist()) == expected
            assert (found["adjacency"] == ~np.eye(3, dtype=bool)).all()
        else:
            assert found["nodes"].shape == (1,)
            assert found["adjacency"].tolist() == [[False]]
        assert all(found[key].shape == found["adjacency"].shape for key in STATES)


def test_latents_of_the_prior_are_standard_normal():
    """|z|² of two dimensions has the median 2·ln 2; of 200 nodes about half lie below."""
    n, seeds = 700, range(4)
    inputs = inputs_of(BY_NAME["vgae"], data(n=n)[0], data(n=n)[1], replicas=4, dtype=torch.float32)
    for found in edges(posterior_of(4, n, 2), inputs, seeds):
        below = (np.diag(found["prior"]) < expit(2 * np.log(2))).sum()
        assert abs(below - 100) < 5 * 50**0.5
        assert np.array_equal(found["prior"], found["prior"].T)
    first, other = (drawn_of(found, "prior") for found in edges(posterior_of(4, n, 2), inputs, seeds)[:2])
    assert not np.array_equal(first, other)


def test_edges_of_a_replica_are_its_own():
    x, seeds = data()[0], (5, 6, 7)
    q = posterior_of(3, ROWS, 4)
    together = edges(q, inputs_of(BY_NAME["vgae"], x, GRAPHS[:3], replicas=3, dtype=torch.float32), seeds)
    inputs = inputs_of(BY_NAME["vgae"], x, GRAPHS[1], dtype=torch.float32)
    own = DiagonalGaussian(q.mean[1:2], q.std[1:2])
    (alone,), (again,), (other,) = (edges(own, inputs, [seed]) for seed in (6, 6, 9))
    for key, value in alone.items():
        assert np.array_equal(together[1][key], value)
        assert np.array_equal(again[key], value)
    assert not np.array_equal(other["nodes"], alone["nodes"])
    assert not np.array_equal(other["prior"], alone["prior"])


def test_edges_need_a_graph():
    with pytest.raises(ValueError, match="only for inputs with a graph"):
        edges(posterior_of(1, ROWS, 2), features_of(ROWS, 8), [0])


@each_model(FITTED)
def test_every_model_draws_the_output_of_its_decoder(spec):
    """Decoders of features make images, inner products make edges, graph convolutions make no drawings."""
    inputs = inputs_for(spec, 2)
    result = spec.fit_inputs(inputs, short(spec, epochs=1), [0, 1], "cpu")
    makes, others = spec.drawable, {"images", "edges"} - {spec.drawable}
    for other in others:
        with pytest.raises(ValueError, match=f"makes no {other} of these data"):
            generate(result, [0, 1], other, SHAPE)
    if makes is None:
        return
    with global_states_untouched():
        made = generate(result, [0, 1], makes, SHAPE)
    if makes == "edges":
        assert [found.keys() for found in made] == [{"nodes", "adjacency"} | STATES] * 2
    else:
        with pytest.raises(ValueError, match="makes no images of these data"):
            generate(result, [0, 1], makes, None)
        assert all(np.isfinite(value).all() for drawings in made for value in drawings.values())
        rows_of = made[1]["rows"]
        with torch.no_grad():
            expected = result.network.decoder.decode(result.posterior.mean)[1, rows_of].reshape(-1, *SHAPE)
        np.testing.assert_allclose(made[1]["reconstructions"], expected, rtol=1e-5, atol=1e-6)
        same = np.array_equal(made[1]["sampled_reconstructions"], made[1]["reconstructions"])
        assert same == (not spec.noisy)


@each_model([spec for spec in NOISED if not spec.uses_graph])
def test_a_noised_row_is_drawn_with_its_noise(spec):
    inputs = inputs_for(spec, 1)
    result = spec.fit_inputs(inputs, short(spec, epochs=1), [0], "cpu")
    drowned = replace(result.posterior, std=result.posterior.std * 100)
    loud = replace(result, latents=drowned)
    (still,), (noisy,) = (generate(one, [0], "images", SHAPE) for one in (result, loud))
    assert np.array_equal(still["reconstructions"], noisy["reconstructions"])
    assert not np.array_equal(still["sampled_reconstructions"], noisy["sampled_reconstructions"])


def test_isolated_nodes_are_of_no_neighbourhood():
    assert (propagation(GRAPHS[0], ROWS)[-2:, -2:] == np.eye(2)).all()
    (found,) = edges(posterior_of(1, ROWS, 2), inputs_for(BY_NAME["vgae"], 1), [0])
    assert not set(found["nodes"].tolist()) & {ROWS - 2, ROWS - 1}
