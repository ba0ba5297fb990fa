"""Equal random numbers on every device, to compare trainings on a GPU with those on a CPU."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from benchmark.training.random_streams import CounterStreams, GeneratorStreams


@dataclass
class Count:
    """The number of draws."""

    drawn: int = 0


@dataclass
class DrawnOnCpu:
    """Streams of the CPU whose numbers are copied to a device."""

    streams: GeneratorStreams
    device: str
    count: Count = field(repr=False)

    def __len__(self):
        return len(self.streams)

    def __getitem__(self, replica):
        return DrawnOnCpu(self.streams[replica], self.device, self.count)

    def _copied(self, numbers):
        self.count.drawn += 1
        return numbers.to(self.device)

    def normal(self, shape, dtype):
        return self._copied(self.streams.normal(shape, dtype))

    def uniform(self, shape, dtype):
        return self._copied(self.streams.uniform(shape, dtype))

    def ascending(self, ranges):
        return self._copied(self.streams.ascending(ranges))

    def seeds(self):
        self.count.drawn += 1
        return self.streams.seeds()

    def copy(self):
        return DrawnOnCpu(self.streams.copy(), self.device, self.count)


@contextmanager
def drawn_on_cpu():
    """Let all streams of training be those of the CPU. The object in the block counts the draws."""
    count, of_cpu = Count(), GeneratorStreams.of

    def made(seeds, *purpose, device):
        return DrawnOnCpu(of_cpu(seeds, *purpose, device="cpu"), device, count)

    with mock.patch.object(GeneratorStreams, "of", made), mock.patch.object(CounterStreams, "of", made):
        yield count
