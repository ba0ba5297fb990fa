"""Files of torch.save are refused, and the code in the message makes an npz file of the same graph."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from benchmark.core.errors import InputError
from benchmark.datasets import load
from benchmark.datasets.sources.pyg import dataset_classes


@pytest.fixture(scope="module")
def graph():
    dataset_classes()  # hides the warnings of the import
    from torch_geometric.data import Data

    edges = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]])
    return Data(x=torch.eye(6), y=torch.tensor([0, 1, 0, 1, 0, 1]), edge_index=edges)


@pytest.mark.parametrize("name", ["x.pt", "npz:x.pt", "pt:x.pt", "csv:x.pt,label=y", "h5ad:x.pt", "npz:torch.npz"])
def test_a_saved_graph_is_refused_with_code_that_saves_its_arrays(name, graph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in ("x.pt", "torch.npz"):
        torch.save(graph, file)
    with pytest.raises(InputError, match=r"torch\.save wrote it, and to open it can run code; save its arrays") as told:
        load(name, tmp_path)
    code = re.search(r"numpy\.savez\(.*\)$", str(told.value)).group()
    exec(code, {"numpy": np, "data": graph})
    found = load("npz:torch.npz" if "torch" in name else "npz:x.npz", tmp_path)
    assert (found.rows, found.classes, len(found.edges)) == (6, 2, 5)


def test_a_plain_file_name_is_told_its_prefix(tmp_path):
    for ending in ("npz", "csv", "h5ad"):
        with pytest.raises(InputError, match=f"unknown dataset 'mine.{ending}'; say {ending}:mine.{ending} if it"):
            load(f"mine.{ending}", tmp_path)
