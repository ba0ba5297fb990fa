"""The graphs whose edges mostly join nodes of different classes."""

import io

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.datasets import load
from benchmark.datasets.sources.heterophilous import read_graph

N = 6
PARTS = {
    "node_features": np.eye(N, 3, dtype=np.float32),
    "node_labels": np.arange(N) % 2,
    "edges": np.array([[0, 1], [1, 0], [2, 2], [3, 4]]),
    "train_masks": np.arange(N) < np.array([[2], [3]]),
    "val_masks": np.zeros((2, N), dtype=bool),
    "test_masks": np.arange(N) >= np.array([[4], [5]]),
}


def npz(**parts):
    file = io.BytesIO()
    np.savez(file, **parts)
    return file.getvalue()


def test_the_parts_are_read_with_the_first_split():
    found = read_graph(npz(**PARTS), "f")
    np.testing.assert_array_equal(found.x.toarray(), PARTS["node_features"])
    np.testing.assert_array_equal(found.edges, PARTS["edges"])
    np.testing.assert_array_equal(found.y, PARTS["node_labels"])
    assert found.train_mask.tolist() == [True, True, False, False, False, False]
    assert found.test_mask.tolist() == [False, False, False, False, True, True]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not of the published layout"),
        (npz(**PARTS)[:-300], "is not of the published layout"),
        (npz(**{key: part for key, part in PARTS.items() if key != "edges"}), "not of the published layout .*edges"),
        (npz(**(PARTS | {"edges": np.array([None])})), "not of the published layout .*Object arrays"),
        (npz(**(PARTS | {"node_features": np.arange(N)})), r"node_features has shape \(6,\), expected 2 axes"),
        (npz(**(PARTS | {"train_masks": np.ones(N, bool)})), r"train_masks has shape \(6,\), expected 2 axes"),
        (npz(**(PARTS | {"test_masks": np.ones((0, N), bool)})), r"test_masks has shape \(0, 6\), expected 2 axes"),
    ],
)
def test_another_npz_file_is_refused(content, told):
    with pytest.raises(InputError, match=f"npz file actor.npz: .*{told}") as caught:
        read_graph(content, "actor.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "sizes"), [("chameleon", (409, 194)), ("actor", (3648, 1520))])
def test_the_published_graphs_have_a_split_and_drop_no_edge(name, sizes, data_root):
    found = load(name, data_root)
    assert (len(found.published.train), len(found.published.test)) == sizes
    assert found.removed.self_loops == found.removed.duplicates == found.removed.directions == 0
    assert found.notes == ()
    joined = found.y[found.edges]
    assert np.mean(joined[:, 0] == joined[:, 1]) < 0.3  # on cora it is 0.81
