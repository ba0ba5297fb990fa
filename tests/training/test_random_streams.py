"""Random streams of both kinds: torch's generators, and the counter-based numbers of Philox."""

from unittest import mock

import fusion_by_hand
import numpy as np
import philox_kernels
import pytest
import torch
from networks import GRAPHS, ROWS, data, short
from scipy import stats
from sphere_law import distribution
from triton_runs import by_triton

from benchmark.core.rng import stream, torch_generators
from benchmark.models import MODELS, FusionSpec
from benchmark.training import philox
from benchmark.training.graph import Graph
from benchmark.training.philox import drawn, drawn_by_torch, why_torch
from benchmark.training.random_streams import CounterStreams, GeneratorStreams, Ranges, random_streams
from benchmark.training.sphere import cosines
from benchmark.training.training_data import TrainingData

KINDS = pytest.mark.parametrize("kind", [GeneratorStreams, CounterStreams])
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
LIKELY = 1e-4  # p of a test of a law; seeds are fixed, so a test that passes once passes always
KNOWN = [  # counter, key and words, the lowest first, from kat_vectors of Random123
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def by_hand(counter, key):
    """Philox4x32-10 in whole numbers of any size, as Salmon et al. (2011) describe it."""
    a, b, c, d = counter
    low, high = key
    for _ in range(10):
        one, other = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = other >> 32 ^ b ^ low, other % 2**32, one >> 32 ^ d ^ high, one % 2**32
        low, high = (low + 0x9E3779B9) % 2**32, (high + 0xBB67AE85) % 2**32
    return a, b, c, d


def words(counter, key):
    """The words of one block."""
    counter, key = (tuple(torch.tensor([word]) for word in given) for given in (counter, key))
    return tuple(word.item() for word in philox.philox(counter, key))


def counted(*seeds, purpose="noise"):
    """Counter-based streams on the CPU."""
    return CounterStreams.of(seeds, purpose, device="cpu")


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    assert words(counter, key) == expected == by_hand(counter, key)


def test_philox_in_int64_agrees_with_whole_numbers_of_any_size():
    rng = np.random.default_rng(0)
    for given in rng.integers(2**32, size=(60, 6)).tolist():
        assert words(given[:4], given[4:]) == by_hand(given[:4], given[4:])


@DTYPES
@pytest.mark.parametrize("draw", [0, 3, 2**33 + 1])
def test_numbers_follow_from_the_words_of_key_draw_and_place(dtype, draw):
    """A key is the seed of ``rng.stream``. Blocks count in the low half of the counter, draws in the high half."""
    key = stream(7, "noise")
    streams = counted(7)
    streams.draws.fill_(draw)
    uniform = streams.copy().uniform((3, 5), dtype).flatten()
    normal = streams.normal((3, 5), dtype).flatten()
    of_block, least = (4, 2.0**-23) if dtype == torch.float32 else (2, 2.0**-52)
    for place in range(15):
        block, within = divmod(place, of_block)
        four = by_hand((block, 0, draw % 2**32, draw >> 32), (key % 2**32, key >> 32))
        if dtype == torch.float32:
            number = four[within] >> 9
            one, other = (four[2 * (within // 2) + k] * 2.0**-32 + 2.0**-33 for k in (0, 1))
        else:
            halves = [four[0] << 20 | four[1] >> 12, four[2] << 20 | four[3] >> 12]
            number = halves[within]
            one, other = ((half + 0.5) * 2.0**-52 for half in halves)
        assert uniform[place].item() == (number + 0.5) * least
        turn = np.sin if within % 2 else np.cos
        expected = np.sqrt(-2 * np.log(one)) * turn(2 * np.pi * other)
        assert normal[place].item() == pytest.approx(expected, abs=1e-5 if dtype == torch.float32 else 1e-12)
    assert streams.draws.tolist() == [draw + 1]


@DTYPES
@pytest.mark.parametrize("word", [0, 2**32 - 1])
def test_extreme_words_give_finite_numbers(dtype, word, monkeypatch):
    monkeypatch.setattr(philox, "philox", lambda *_: (torch.full((1, 2), word),) * 4)
    uniform, normal = counted(0).uniform((2,), dtype), counted(0).normal((2,), dtype)
    assert ((uniform > 0) & (uniform < 1)).all()
    assert normal.isfinite().all()
    assert normal.abs().max() < 9


@DTYPES
@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_numbers_follow_their_law(law, dtype):
    numbers = getattr(counted(0, 1), law)((500, 200), dtype).double().flatten().numpy()
    assert stats.kstest(numbers, {"uniform": "uniform", "normal": "norm"}[law]).pvalue > LIKELY
    centred = numbers - 0.5 if law == "uniform" else numbers
    moments = {"uniform": (0, 1 / 12, 0, 1 / 80), "normal": (0, 1, 0, 3)}[law]
    for power, moment in enumerate(moments, 1):
        powers = centred**power
        assert abs(powers.mean() - moment) < 5 * powers.std() / len(powers) ** 0.5, power


@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_replicas_purposes_draws_and_neighbours_are_independent(law):
    """Products of centred numbers average to 0."""
    streams, others = counted(0, 1), counted(0, 1, purpose="prior")
    first, second, other = (
        getattr(each, law)((200_000,), torch.float64) - (0.5 if law == "uniform" else 0)
        for each in (streams, streams, others)
    )
    pairs = {
        "replicas": (first[0], first[1]),
        "draws": (first[0], second[0]),
        "purposes": (first[0], other[0]),
        **{f"places {k} apart": (first[0, k:], first[0, :-k]) for k in (1, 2, 3, 4, 8)},
    }
    for name, (one, another) in pairs.items():
        for product in (
            one * another,
            one.square() * another.square() - (one.square().mean() * another.square().mean()),
        ):
            assert abs(product.mean()) < 5 * product.std() / len(product) ** 0.5, name
        assert not torch.isin(one[:1000], another).any() or "apart" in name, name


@KINDS
def test_a_replica_does_not_depend_on_the_others(kind):
    seeds, counts, sizes = (3, 4, 5), (40, 7, 300), (1000, 50, 10**9)

    def all_draws(streams, ranges):
        """Every kind of draw, in turn."""
        return [
            streams.normal((5, 3), torch.float32),
            streams.ascending(ranges),
            torch.tensor(streams.seeds()),
            streams.uniform((2, 2), torch.float64),
            streams.normal((9,), torch.float64),
        ]

    together = all_draws(kind.of(seeds, "noise", device="cpu"), Ranges.of(counts, sizes, device="cpu"))
    ends, starts = np.cumsum(counts), np.cumsum((0, *sizes))
    for replica, seed in enumerate(seeds):
        ranges = Ranges.of(counts[replica : replica + 1], sizes[replica : replica + 1], device="cpu")
        alone = all_draws(kind.of((seed,), "noise", device="cpu"), ranges)
        for place, (one, many) in enumerate(zip(alone, together, strict=True)):
            if place == 1:
                own = many[ends[replica] - counts[replica] : ends[replica]] - starts[replica]
                assert torch.equal(one, own)
            else:
                assert torch.equal(one[0], many[replica])


@KINDS
def test_the_stream_of_one_replica_shares_its_state(kind):
    """Rejection sampling draws replica by replica, as often as each needs."""
    shared, apart = (kind.of((0, 1, 2), "noise", device="cpu") for _ in range(2))
    assert len(shared) == 3
    assert len(shared[1]) == 1
    assert torch.equal(shared[1].normal((4,), torch.float32)[0], apart.normal((4,), torch.float32)[1])
    after, expected = shared.normal((4,), torch.float32), apart.normal((4,), torch.float32)
    assert torch.equal(after[1], expected[1])
    first = kind.of((0, 1, 2), "noise", device="cpu").normal((4,), torch.float32)
    assert torch.equal(after[::2], first[::2])


@KINDS
def test_a_copy_draws_the_same_numbers_and_leaves_the_original_alone(kind):
    streams = kind.of((0, 1), "noise", device="cpu")
    streams.normal((3,), torch.float32)
    copied, again = streams.copy(), streams.copy()
    drawn_by_copy = [copied.normal((3,), torch.float32), copied.uniform((), torch.float64)]
    drawn_by_original = [streams.normal((3,), torch.float32), streams.uniform((), torch.float64)]
    assert all(torch.equal(one, other) for one, other in zip(drawn_by_copy, drawn_by_original, strict=True))
    assert torch.equal(again.normal((3,), torch.float32), drawn_by_copy[0])


def test_the_state_of_counted_streams_is_restored_by_copying_one_tensor():
    streams = counted(0, 1)
    streams.uniform((2,), torch.float32)
    state, place = streams.draws.clone(), streams.draws.data_ptr()
    first = [streams.normal((3,), torch.float32) for _ in range(2)]
    streams.draws.copy_(state)
    assert all(torch.equal(each, streams.normal((3,), torch.float32)) for each in first)
    assert streams.draws.data_ptr() == place
    assert not torch.equal(*first)


def test_streams_of_a_cpu_are_the_generators_of_torch_to_the_bit():
    streams = random_streams((0, 1), "noise", 3, device="cpu")
    generators = torch_generators((0, 1), "noise", 3, device="cpu")
    for replica, generator in enumerate(generators):
        own = streams.copy()
        assert torch.equal(own.normal((4, 2), torch.float32)[replica], torch.randn(4, 2, generator=generator))
        assert torch.equal(
            own.uniform((5,), torch.float64)[replica], torch.rand(5, generator=generator, dtype=torch.float64)
        )
        assert own.seeds()[replica] == torch.randint(2**31, (), generator=generator).item()
        ranges = Ranges.of((6, 9), (40, 50), device="cpu")
        size, count, start = ranges.sizes[replica], ranges.counts[replica], ranges.starts[replica]
        sums = (-torch.rand(count + 1, generator=generator, dtype=torch.float64)).log1p().cumsum(0)
        expected = (sums[:-1] * (size / sums[-1])).long().clamp(max=size - 1) + start
        assert torch.equal(own.ascending(ranges)[slice(0, 6) if replica == 0 else slice(6, 15)], expected)


@KINDS
def test_ascending_numbers_are_sorted_and_uniform_on_their_range(kind):
    """Each count of a short range follows a multinomial law, and spacings of a long one are exponential."""
    streams = kind.of((0, 1), "negatives", device="cpu")
    ranges = Ranges.of((50_000, 50_000), (13, 10**12), device="cpu")
    found = streams.ascending(ranges)
    short_range, long_range = found[:50_000].numpy(), found[50_000:].numpy() - 13
    for numbers, size in ((short_range, 13), (long_range, 10**12)):
        assert (np.diff(numbers) >= 0).all()
        assert 0 <= numbers.min() <= numbers.max() < size
    assert stats.chisquare(np.bincount(short_range, minlength=13)).pvalue > LIKELY
    assert stats.kstest(long_range / 1e12, "uniform").pvalue > LIKELY
    assert stats.kstest(np.diff(long_range) / 1e12 * 50_000, "expon").pvalue > LIKELY


@KINDS
def test_seeds_are_whole_numbers_that_scikit_learn_takes(kind):
    seeds = [seed for each in range(200) for seed in kind.of((each,), "prior", device="cpu").seeds()]
    assert all(isinstance(seed, int) and 0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 200
    assert stats.kstest(np.array(seeds) / 2**31, "uniform").pvalue > LIKELY


def test_each_draw_needs_one_range_for_each_replica():
    with pytest.raises(ValueError, match="1 ranges need as many replicas, and the streams have 2"):
        counted(0, 1).ascending(Ranges.of((3,), (9,), device="cpu"))


def test_counted_streams_draw_from_the_law_of_von_mises_and_fisher():
    """Each replica proposes until its own rows have accepted, so its draws do not depend on the others."""
    kappa = torch.tensor([2.0, 50.0])[:, None, None].expand(2, 4000, 1)
    found = cosines(kappa, 5, counted(0, 1))
    for replica, concentration in enumerate((2.0, 50.0)):
        assert stats.kstest(found[replica, :, 0].numpy(), distribution(concentration, 5)).pvalue > LIKELY
        assert torch.equal(cosines(kappa[replica, None], 5, counted(replica))[0], found[replica])


COUNTED = ("vae", "iwae", "gae-sampled", "vgae", "dae", "wae-mmd", "arvga", "s-vgae", "dfcn")


@pytest.mark.parametrize("name", COUNTED)
def test_models_train_on_counted_streams_and_a_replica_does_not_depend_on_the_others(name):
    """As on a GPU. Every way that models draw is among these."""
    spec = next(row for row in MODELS if row.name == name)
    settings = fusion_by_hand.small(spec, epochs=2) if isinstance(spec, FusionSpec) else short(spec, epochs=2)

    def given(*replicas):
        """Each replica has a graph of its own."""
        graphs = tuple(GRAPHS[replica] for replica in replicas) if spec.uses_graph else None
        return TrainingData(data()[0], graphs, clusters=3)

    def latents(*replicas):
        """The means of replicas with seeds of their own."""
        with mock.patch.object(GeneratorStreams, "of", CounterStreams.of):
            return spec.fit(given(*replicas), settings, replicas, "cpu").posterior.mean

    together, alone = latents(0, 1), latents(1)
    assert together.isfinite().all()
    torch.testing.assert_close(together[1], alone[0], rtol=1e-3, atol=1e-4)
    plain = spec.fit(given(1), settings, (1,), "cpu").posterior.mean
    assert name == "dfcn" or not torch.allclose(plain, alone, rtol=1e-3, atol=1e-4)  # its draws are seeds of k-means


def test_the_interpreted_kernel_agrees_with_torch(tmp_path):
    found = by_triton(philox_kernels, "interpret", tmp_path)
    assert len(found) == 4 * len(philox_kernels.SIZES)
    assert [case["shape"] for case in found] == [[len(philox_kernels.KEYS), size] for size in philox_kernels.SIZES] * 4
    for case in found:
        assert case["equal"] or case["law"] == "normal", case
        assert case["difference"] < (1e-14 if case["double"] else 2e-6), case


def test_the_kernel_compiles_for_cards(tmp_path):
    found = by_triton(philox_kernels, "compile", tmp_path)
    assert len(found) == 2 * len(philox_kernels.CARDS) + 2


@pytest.mark.gpu
def test_a_card_runs_the_kernel():
    assert why_torch() == ""


@pytest.mark.gpu
@DTYPES
@pytest.mark.parametrize("size", [1, 1025, 5_000_003])
def test_the_kernel_on_a_card_agrees_with_torch_on_a_cpu(dtype, size):
    keys, draws = torch.tensor(philox_kernels.KEYS), torch.tensor(philox_kernels.DRAWS)
    for law in philox_kernels.LAWS:
        found = drawn(law, keys.cuda(), draws.cuda(), size, dtype).cpu()
        expected = drawn_by_torch(law, keys, draws, size, dtype)
        if law == "uniform":
            assert torch.equal(found, expected)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.gpu
def test_a_replayed_graph_draws_what_plain_calls_draw():
    """No generator is registered with the graph. The state is restored by copying one tensor."""
    graph_of_edges = Graph.of(list(GRAPHS[:2]), ROWS, device="cuda", dtype=torch.float32)
    noise, negatives = (random_streams((0, 1), purpose, device="cuda") for purpose in ("noise", "negatives"))

    def draws():
        return noise.normal((30, 4), torch.float32), *graph_of_edges.non_edges.draw(negatives)

    expected = [[each.clone() for each in draws()] for _ in range(4)]
    for streams in (noise, negatives):
        streams.draws.zero_()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        draws()
    torch.cuda.current_stream().wait_stream(side)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        made = draws()
    for streams in (noise, negatives):
        streams.draws.zero_()
    for plain in expected:
        captured.replay()
        assert all(torch.equal(one, other) for one, other in zip(made, plain, strict=True))
