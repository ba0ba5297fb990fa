"""Readouts made of tensors on a device, here with the CPU in place of a GPU."""

from unittest import mock

import numpy as np
import pytest
import torch
from networks import global_states_untouched
from pair_quadrature import PAIRS, by_quadrature
from scipy import stats
from scipy.special import expit
from sphere_law import around, distribution, ratio, some_posterior, uniform

from benchmark.core.rng import generator, stream
from benchmark.latents import placed_readouts
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Latents, of_posterior
from benchmark.latents.placed_latents import PlacedLatents
from benchmark.latents.placed_readouts import PlacedPairs, read_out_placed
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.training.posteriors import DiagonalGaussian, PointMass, VonMisesFisher
from benchmark.training.random_streams import CounterStreams

BY_NAME = {readout.name: readout for readout in READOUTS}
NAMES = [readout.name for readout in READOUTS if readout.gives in ("matrix", "pairs")]
STILL = ("mean", "mean+logsigma")  # without random numbers
SEEDS = (3, 4, 5)


def gaussian(n=10, d=3):
    """A Gaussian posterior of three replicas."""
    rng = np.random.default_rng(0)
    mean, std = rng.standard_normal((3, n, d)), rng.uniform(0.1, 2.0, (3, n, d))
    return DiagonalGaussian(torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32))


def spherical():
    """A posterior of three replicas on the sphere."""
    q = some_posterior(n=10)
    return VonMisesFisher(q.direction.float(), q.concentration.float() + 1)


POSTERIORS = pytest.mark.parametrize("q", [gaussian(), spherical()], ids=["gaussian", "sphere"])
READ = pytest.mark.parametrize("name", NAMES)


def arrays(read):
    """The result of a readout as one array for each replica; for expected scores, those of PAIRS."""
    pairs = torch.tensor(PAIRS)
    return [each.log_odds(pairs).numpy() if isinstance(each, PlacedPairs) else each.numpy() for each in read]


class OfNumpy:
    """Streams that draw as ``read_out`` does."""

    def __init__(self, seeds, *purpose, device):
        assert device == "cpu"
        self.generators = [generator(seed, *purpose) for seed in seeds]

    def normal(self, shape, dtype):
        assert dtype == torch.float32
        return torch.tensor(np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in self.generators]))


@READ
def test_with_equal_draws_both_forms_of_a_readout_agree(name):
    q = gaussian()
    with mock.patch.object(CounterStreams, "of", OfNumpy):
        read = read_out_placed(PlacedLatents.of_posterior(q), name, seeds=SEEDS, draw=2)
    if name == "expected":  # compared below
        return
    for latents, seed, found in zip(of_posterior(q), SEEDS, arrays(read), strict=True):
        expected = read_out(latents, BY_NAME[name], seed=seed, draw=2)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [readout.name for readout in READOUTS if readout.by_hand])
@pytest.mark.parametrize("q", [spherical(), DiagonalGaussian(gaussian().mean, torch.zeros(3, 10, 3))])
def test_noise_by_hand_agrees_on_a_sphere_and_without_noise_of_its_own(q, name):
    with mock.patch.object(CounterStreams, "of", OfNumpy):
        read = arrays(read_out_placed(PlacedLatents.of_posterior(q), name, seeds=SEEDS, draw=0))
    for latents, seed, found in zip(of_posterior(q), SEEDS, read, strict=True):
        np.testing.assert_allclose(found, read_out(latents, BY_NAME[name], seed=seed, draw=0), rtol=1e-5, atol=1e-5)


def test_on_the_sphere_the_appended_sigma_agrees():
    placed = read_out_placed(PlacedLatents.of_posterior(spherical()), "mean+logsigma", seeds=SEEDS, draw=0)
    for latents, found in zip(of_posterior(spherical()), arrays(placed), strict=True):
        expected = read_out(latents, BY_NAME["mean+logsigma"], seed=0, draw=0)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "averaged"), [("sampled", 1), ("averaged-4", 4), ("averaged-16", 16)])
def test_averages_of_samples_follow_their_law(name, averaged):
    n, sigma = 20_000, 0.5
    placed = PlacedLatents(torch.full((1, n, 2), 3.0), torch.full((1, n, 2), sigma))
    noise = (arrays(read_out_placed(placed, name, seeds=[0], draw=1))[0] - 3.0) / (sigma / averaged**0.5)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-4
    assert abs(stats.pearsonr(noise[:, 0], noise[:, 1]).statistic) < 5 / n**0.5


@pytest.mark.parametrize("name", ["noise-0.3", "own-noise-3", "padded-8"])
def test_noise_by_hand_has_the_strength_and_profile_of_each_replica(name):
    n = 20_000
    scales, sigmas = torch.tensor([[1.0, 2.0], [5.0, 0.1]]), torch.tensor([[0.2, 0.1], [3.0, 0.0]])
    mean = 3.0 + scales[:, None] * torch.randn(2, n, 2, generator=torch.Generator().manual_seed(0))
    placed = PlacedLatents(mean, sigmas[:, None].expand(2, n, 2).contiguous())
    read = read_out_placed(placed, name, seeds=[0, 1], draw=0)
    signal = mean.var(1, correction=0)
    if name.startswith("padded"):
        assert torch.equal(read[..., :2], mean)
        expected = signal.mean(-1, keepdim=True).expand(2, 8)
        found = read[..., 2:].var(1)
    else:
        found = (read - mean).var(1)
        profile = sigmas**2 if name.startswith("own") else torch.ones(2, 2)
        expected = profile / profile.sum(-1, keepdim=True) * signal.sum(-1, keepdim=True) * 2**0.5
        expected /= float(name.rpartition("-")[2])
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.0)


@pytest.mark.parametrize(("d", "kappa"), [(3, 2.0), (8, 60.0)])
def test_samples_on_the_sphere_follow_the_law_of_von_mises_and_fisher(d, kappa):
    n = 5000
    latents = around(uniform(n, d), np.full(n, kappa))
    z, average = (
        arrays(read_out_placed(PlacedLatents.of_latents(latents, "cpu"), name, seeds=[0], draw=0))[0]
        for name in ("sampled", "averaged-16")
    )
    direction = latents.mean / np.linalg.norm(latents.mean, axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    assert stats.kstest((z * direction).sum(1), distribution(kappa, d)).pvalue > 1e-4
    along = (average * direction).sum(1)
    assert abs(along.mean() - ratio(kappa, d)) < 5 * along.std() / n**0.5
    single = (z * direction).sum(1)
    assert along.std() == pytest.approx(single.std() / 4, rel=0.06)


@POSTERIORS
@READ
def test_a_replica_is_read_out_the_same_whatever_is_beside_it(q, name):
    placed = PlacedLatents.of_posterior(q)
    with global_states_untouched():
        together = arrays(read_out_placed(placed, name, seeds=SEEDS, draw=1))
    for replica, seed in enumerate(SEEDS):
        alone, other_draw, other_seed = (
            arrays(read_out_placed(placed.chosen([replica]), name, seeds=[s], draw=draw))[0]
            for s, draw in ((seed, 1), (seed, 2), (seed + 9, 1))
        )
        np.testing.assert_allclose(alone, together[replica], rtol=1e-6, atol=1e-6)
        for other in (other_draw, other_seed):
            assert np.allclose(other, alone, rtol=1e-6, atol=1e-6) == (name in STILL)


@POSTERIORS
@READ
def test_saved_latents_are_read_out_to_the_same_numbers(q, name, tmp_path):
    """The training leaves tensors on the device, and a file holds the copies of the host."""
    first = read_out_placed(PlacedLatents.of_posterior(q), name, seeds=SEEDS, draw=0)
    parts = []
    for latents in of_posterior(q):
        (tmp_path / "z.npz").write_bytes(latents.packed())
        parts.append(PlacedLatents.of_latents(Latents.load(tmp_path / "z.npz"), "cpu"))
    assert len({part.form for part in parts}) == 1
    again = read_out_placed(PlacedLatents.joined(parts), name, seeds=SEEDS, draw=0)
    for one, other in zip(arrays(first), arrays(again), strict=True):
        assert np.array_equal(one, other)


@READ
def test_a_point_has_the_readouts_without_spread(name):
    point = PlacedLatents.of_posterior(PointMass(torch.ones(2, 10, 2)))
    if BY_NAME[name].spread:
        with pytest.raises(ValueError, match="a point has no samples and no σ"):
            read_out_placed(point, name, seeds=[0, 1], draw=0)
    else:
        read = read_out_placed(point, name, seeds=[0, 1], draw=0)
        assert torch.equal(read[..., :2], point.mean)  # noise by hand is in proportion to the variance, here 0
        assert not read[..., 2:].any()


def test_latents_of_other_forms_are_told_apart():
    forms = {PlacedLatents.of_posterior(q).form for q in (gaussian(), spherical(), PointMass(torch.ones(1, 10, 3)))}
    assert len(forms) == 3
    assert PlacedLatents.of_posterior(gaussian(n=11)).form not in forms


def test_expected_scores_are_the_average_over_the_draws_of_their_streams():
    placed = PlacedLatents.of_posterior(gaussian())
    read = read_out_placed(placed, "expected", seeds=SEEDS, draw=0)
    for replica, (seed, pairs) in enumerate(zip(SEEDS, read, strict=True)):
        assert pairs.keys == tuple(stream(seed, "readout", "expected", 0, number) for number in range(64))
        q = gaussian()
        mean, std = (part[replica].double().numpy() for part in (q.mean, q.std))
        linked, unlinked = np.zeros(len(PAIRS)), np.zeros(len(PAIRS))
        for key in pairs.keys:
            noise = CounterStreams(torch.tensor([key]), torch.tensor([0])).normal((10, 3), torch.float32)[0].numpy()
            z = mean + std * noise
            inner = (z[PAIRS[:, 0]] * z[PAIRS[:, 1]]).sum(1)
            linked, unlinked = linked + expit(inner) / 64, unlinked + expit(-inner) / 64
        np.testing.assert_allclose(arrays(read)[replica], np.log(linked / unlinked), rtol=1e-5, atol=1e-5)


def test_expected_scores_against_quadrature():
    q = gaussian(d=2)
    mean, std = q.mean[0].double().numpy(), q.std[0].double().numpy()
    exact = np.array([by_quadrature(mean, std, i, j) for i, j in PAIRS])
    many = PlacedPairs(PlacedLatents.of_posterior(q).chosen([0]), tuple(range(40_000)))
    np.testing.assert_allclose(expit(arrays([many])[0]), exact, atol=0.008)


@POSTERIORS
def test_expected_scores_do_not_depend_on_chunks_nor_on_who_computes_them(q, monkeypatch):
    (pairs, *_) = read_out_placed(PlacedLatents.of_posterior(q), "expected", seeds=SEEDS, draw=0)
    once = arrays([pairs])[0]
    by_worker = PairScores(of_posterior(q)[0], keys=pairs.keys)
    np.testing.assert_allclose(by_worker.log_odds(PAIRS), once, rtol=1e-12)
    monkeypatch.setattr(placed_readouts, "_BYTES", 20_000)
    np.testing.assert_allclose(arrays([pairs])[0], once, rtol=1e-12)
    by_numpy = PairScores(of_posterior(q)[0], seed=0, draws=4000).log_odds(PAIRS)
    many = PlacedPairs(PlacedLatents.of_posterior(q).chosen([0]), tuple(range(400)))
    np.testing.assert_allclose(expit(arrays([many])[0]), expit(by_numpy), atol=0.1)


@pytest.mark.gpu
@POSTERIORS
@READ
def test_a_card_reads_out_like_a_cpu(q, name):
    on_card = PlacedLatents.joined([PlacedLatents.of_latents(each, "cuda") for each in of_posterior(q)])
    found = read_out_placed(on_card, name, seeds=SEEDS, draw=1)
    expected = arrays(read_out_placed(PlacedLatents.of_posterior(q), name, seeds=SEEDS, draw=1))
    for each, numbers in zip(found, expected, strict=True):
        made = each.log_odds(torch.tensor(PAIRS).cuda()) if isinstance(each, PlacedPairs) else each
        assert made.is_cuda
        np.testing.assert_allclose(made.cpu().numpy(), numbers, rtol=1e-4, atol=1e-5)
