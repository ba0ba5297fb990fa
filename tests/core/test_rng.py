"""Named streams: equal for equal names, different for others, and no global state."""

import numpy as np
import torch

from benchmark.core.rng import generator, stream, torch_generators


def test_equal_names_give_equal_draws_and_others_do_not():
    assert np.array_equal(generator(1, "split", "a").random(5), generator(1, "split", "a").random(5))
    names = [
        (1, "split", "a"),
        (2, "split", "a"),
        (1, "split", "b"),
        (1, "splita"),
        (1, "noise", "a"),
        (11, "split", "a"),
    ]
    assert len({stream(*name) for name in names}) == len(names)


def test_streams_fit_every_generator():
    assert all(0 <= stream(seed, "x") < 2**63 for seed in range(200))


def test_global_states_are_untouched():
    before = (np.random.get_state()[1].copy(), torch.get_rng_state())
    generator(0, "a").random(3)
    torch.randn(3, generator=torch_generators((0,), "a", device="cpu")[0])
    assert np.array_equal(before[0], np.random.get_state()[1])
    assert torch.equal(before[1], torch.get_rng_state())
