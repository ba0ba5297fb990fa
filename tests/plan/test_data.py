"""The data of a plan: edges are split for the tasks that need it."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import make_plan

from benchmark.core.errors import InputError
from benchmark.study.origin import QUESTIONS


@pytest.fixture
def complete_graph(tmp_path):
    """A complete graph, which has no non-edge."""
    path = tmp_path / "complete.npz"
    x = np.random.default_rng(0).random((30, 4))
    np.savez(path, x=x, y=np.arange(30) % 3, edges=np.argwhere(np.triu(np.ones((30, 30)), 1)))
    return f"npz:{path}"


def test_a_study_without_a_link_task_takes_any_graph(complete_graph, tmp_path):
    plan = make_plan(tmp_path, datasets=[complete_graph], models=["raw", "gae"], tasks=["k-means"], seeds=1)
    assert [unit.unit for unit in plan.units()] == ["all-edges", "all-edges"]


def test_a_link_task_needs_edges_to_hold_out(complete_graph, tmp_path):
    with pytest.raises(InputError, match=r"too few non-edges: .* leave out the link tasks"):
        make_plan(tmp_path, datasets=[complete_graph], tasks=["k-means", "link-hadamard"])


def test_a_link_task_of_a_waterfall_needs_them_too(complete_graph, tmp_path):
    assert any(task == "links" for task, _ in QUESTIONS)
    with pytest.raises(InputError, match="too few non-edges"):
        make_plan(tmp_path, datasets=[complete_graph], tasks=["k-means"], waterfalls=["june"])
