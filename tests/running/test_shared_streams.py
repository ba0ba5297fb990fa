"""Two forms of the same rows: equal splits, and equal starts of k-means."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from layouts import MADE_UP

from benchmark.datasets import Raw, make_dataset
from benchmark.plan.data import Prepared
from benchmark.running.context import Context, case_of
from benchmark.tasks.clustering import seed_of_starts


@dataclass(frozen=True)
class Form:
    """The logarithms or the counts of the same 80 rows."""

    logarithms: bool
    streams: str

    def load(self):
        counts = np.random.default_rng(0).poisson(3, (80, 4))
        spec = replace(MADE_UP, shared_streams=self.streams)
        return Prepared.of(
            make_dataset(spec, Raw(x=np.log1p(counts) if self.logarithms else counts, y=np.arange(80) % 2))
        )


@pytest.mark.parametrize("streams", ["cells", ""])
def test_forms_with_shared_streams_have_equal_splits_and_starts(streams):
    context = Context({"a": Form(True, streams), "b": Form(False, streams)}, "cpu", {}, "", "", False, frozenset(), {})
    one, other = (case_of(SimpleNamespace(dataset=name, seed=2, unit="all-edges"), context) for name in "ab")
    assert np.array_equal(one.split.few.train, other.split.few.train) == bool(streams)
    assert np.array_equal(one.split.many.test, other.split.many.test) == bool(streams)
    assert (seed_of_starts(one) == seed_of_starts(other)) == bool(streams)
    again = case_of(SimpleNamespace(dataset="a", seed=3, unit="all-edges"), context)
    assert not np.array_equal(one.split.few.train, again.split.few.train)
