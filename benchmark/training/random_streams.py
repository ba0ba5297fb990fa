"""Random streams: one for each replica and purpose, drawn from for all replicas at once.

On a CPU they are torch's generators, one draw for each replica. On a GPU they are counter-based, one launch for all
replicas. In both, the numbers of a replica depend on its own seed, the purpose and the draws before, and never on the
other replicas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import torch
from torch import Tensor

from benchmark.core.rng import stream, torch_generators
from benchmark.training.philox import Distribution, drawn, why_torch

_BELOW = 2**31  # seeds that scikit-learn takes
_FINE = 2.0**32  # steps of the whole numbers that stand for exponential ones


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """One range of whole numbers for each replica, and how many numbers are drawn from it."""

    counts: tuple[int, ...]  # numbers to draw
    starts: tuple[int, ...]  # the least number of the range
    sizes: tuple[int, ...]  # how many numbers the range has
    ends: Tensor  # the counts, [r, 1]
    firsts: Tensor  # the starts, [r, 1]
    widths: Tensor  # the sizes, [r, 1]
    places: Tensor | None  # of the drawn numbers in a table [r, max count + 1], [Σcount]; None for a single replica

    @classmethod
    def of(cls, counts: Sequence[int], sizes: Sequence[int], *, device: str | torch.device) -> Ranges:
        """Lay one range after the other: the first starts at 0, and each other at the end of the one before.

        Args:
            counts: Numbers to draw in each range.
            sizes: Size of each range.
            device: Device of the streams that will draw.
        """
        starts = tuple(accumulate(sizes, initial=0))[:-1]
        ends, firsts, widths = (torch.tensor(each, device=device)[:, None] for each in (counts, starts, sizes))
        places = None
        if len(sizes) > 1:
            columns = torch.arange(max(counts) + 1, device=device).expand(len(sizes), -1)
            places = (columns < ends).flatten().nonzero()[:, 0]
        return cls(tuple(counts), starts, tuple(sizes), ends, firsts, widths, places)


class RandomStreams(Protocol):
    """The random streams of r replicas for one purpose. Every draw advances all of them."""

    def __len__(self) -> int:
        """Number of replicas, r."""

    def __getitem__(self, replica: int, /) -> RandomStreams:
        """The stream of one replica. Its draws advance the stream here too."""

    def normal(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw standard normal numbers, [r, *shape]."""

    def uniform(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw uniform numbers from 0 to 1, [r, *shape]. 1 is never drawn."""

    def ascending(self, ranges: Ranges) -> Tensor:
        """Draw whole numbers from ranges, uniformly and with replacement, in ascending order; [Σcount].

        Sorted uniform numbers are the partial sums of exponential ones, divided by the sum of all.

        Raises:
            ValueError: if there is not one range for each replica.
        """

    def seeds(self) -> list[int]:
        """Draw a seed from 0 to 2³¹ − 1 for each replica. The host waits for the device."""

    def copy(self) -> RandomStreams:
        """Copy the streams. The copy will draw the same numbers, and its draws do not advance the original."""

    def state(self) -> list[Tensor]:
        """Copy the state of the streams. Equal states give equal numbers."""

    def restore(self, state: Sequence[Tensor], /) -> None:
        """Go back to a copied state."""


def random_streams(seeds: Sequence[int], *purpose: object, device: str) -> RandomStreams:
    """Make the random streams of a purpose.

    Args:
        seeds: The seed of each replica.
        purpose: Words and numbers that name the streams.
        device: "cpu" for torch's generators, "cuda" for counter-based streams.

    >>> both, one = (random_streams(seeds, "noise", device="cpu") for seeds in ((0, 1), (1,)))
    >>> torch.equal(both.normal((2,), torch.float32)[1:], one.normal((2,), torch.float32))
    True
    """
    kind = CounterStreams if device == "cuda" else GeneratorStreams
    return kind.of(seeds, *purpose, device=device)


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorStreams:
    """Streams from torch's generators, one for each replica."""

    generators: tuple[torch.Generator, ...]

    @classmethod
    def of(cls, seeds: Sequence[int], *purpose: object, device: str) -> GeneratorStreams:
        """Seed one generator for each replica, on a device."""
        return cls(tuple(torch_generators(tuple(seeds), *purpose, device=device)))

    def __len__(self) -> int:
        return len(self.generators)

    def __getitem__(self, replica: int, /) -> GeneratorStreams:
        return GeneratorStreams((self.generators[replica],))

    def normal(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw standard normal numbers, [r, *shape]."""
        return torch.stack([torch.randn(shape, generator=g, device=g.device, dtype=dtype) for g in self.generators])

    def uniform(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw uniform numbers from 0 on and below 1, [r, *shape]."""
        return torch.stack([torch.rand(shape, generator=g, device=g.device, dtype=dtype) for g in self.generators])

    def ascending(self, ranges: Ranges) -> Tensor:
        """Draw whole numbers from ranges in ascending order; [Σcount]. See ``RandomStreams``."""
        ranks = []
        for count, start, size, g in zip(ranges.counts, ranges.starts, ranges.sizes, self.generators, strict=True):
            uniform = torch.rand(count + 1, generator=g, dtype=torch.float64, device=g.device)
            sums = uniform.neg_().log1p_().cumsum(0)
            ranks.append((sums[:-1] * (size / sums[-1])).long().clamp_(max=size - 1) + start)
        return torch.cat(ranks)

    def seeds(self) -> list[int]:
        """Draw a seed from 0 to 2³¹ − 1 for each replica."""
        return [int(torch.randint(_BELOW, (), generator=g, device=g.device)) for g in self.generators]

    def copy(self) -> GeneratorStreams:
        """Copy all generators with their states."""
        return GeneratorStreams(tuple(generator.clone_state() for generator in self.generators))

    def state(self) -> list[Tensor]:
        """Copy the states of all generators."""
        return [generator.get_state() for generator in self.generators]

    def restore(self, state: Sequence[Tensor]) -> None:
        """Go back to copied states."""
        for generator, each in zip(self.generators, state, strict=True):
            generator.set_state(each)


@dataclass(frozen=True, slots=True, eq=False)
class CounterStreams:
    """Counter-based streams: each number is a function of the replica's key, the draws before, and its place.

    The state is the tensor ``draws`` on the device. Each draw adds 1 to it there, and the host never waits. So a CUDA
    graph with draws inside makes new numbers at every replay. Whoever copies the tensor back restores the state.
    """

    keys: Tensor  # the seed of each stream, int64 [r]
    draws: Tensor  # the number of draws so far, int64 [r]

    @classmethod
    def of(cls, seeds: Sequence[int], *purpose: object, device: str) -> CounterStreams:
        """Make the streams of a purpose at their beginning, on a device."""
        keys = torch.tensor([stream(seed, *purpose) for seed in seeds], dtype=torch.int64, device=device)
        if keys.is_cuda:
            why_torch(keys.device.index)  # tries the kernel now, because the host may not wait later
        return cls(keys, torch.zeros_like(keys))

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, replica: int, /) -> CounterStreams:
        return CounterStreams(self.keys[replica, None], self.draws[replica, None])

    def normal(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw standard normal numbers, [r, *shape]."""
        return self._next("normal", shape, dtype)

    def uniform(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw uniform numbers between 0 and 1, both excluded, [r, *shape]."""
        return self._next("uniform", shape, dtype)

    def _next(self, law: Distribution, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """The next draw of every stream."""
        shape = torch.Size(shape)
        numbers = drawn(law, self.keys, self.draws, shape.numel(), dtype)
        self.draws.add_(1)
        return numbers.view(len(self), *shape)

    def ascending(self, ranges: Ranges) -> Tensor:
        """Draw whole numbers from ranges in ascending order; [Σcount]. See ``RandomStreams``.

        All replicas share one running sum. Exponential numbers are rounded to whole ones first, because their sums are
        exact. So the sum up to a replica can be subtracted, and the other replicas leave no trace.
        """
        if len(ranges.counts) != len(self):
            raise ValueError(f"{len(ranges.counts)} ranges need as many replicas, and the streams have {len(self)}")
        uniform = self.uniform((max(ranges.counts) + 1,), torch.float64)
        steps = uniform.log_().mul_(-_FINE).long()
        sums = steps.view(-1).cumsum(0).view_as(steps)
        sums = (sums - (sums[:, :1] - steps[:, :1])).double()
        share = ranges.widths / sums.gather(1, ranges.ends)
        ranks = torch.minimum((sums * share).long(), ranges.widths - 1) + ranges.firsts
        return ranks[0, :-1] if ranges.places is None else ranks.flatten().index_select(0, ranges.places)

    def seeds(self) -> list[int]:
        """Draw a seed from 0 to 2³¹ − 1 for each replica. The host waits for the device."""
        return [int(each) for each in (self.uniform((), torch.float64) * _BELOW).tolist()]

    def copy(self) -> CounterStreams:
        """Copy the numbers of draws. Both go on from here."""
        return CounterStreams(self.keys, self.draws.clone())

    def state(self) -> list[Tensor]:
        """Copy the numbers of draws."""
        return [self.draws.clone()]

    def restore(self, state: Sequence[Tensor]) -> None:
        """Go back to copied numbers of draws."""
        (draws,) = state
        self.draws.copy_(draws)
