"""Datasets, the table of them, and their splits. ``benchmark.datasets()`` lists the table in a DataFrame."""

import sys

from benchmark.core.lazy import CallablePackage
from benchmark.datasets.canonical import NodeSplit
from benchmark.datasets.dataset import Dataset, DatasetSpec, Raw, make_dataset
from benchmark.datasets.dataset_table import DATASETS, PREFIXES, load, prefixed_forms, spec
from benchmark.datasets.files.download import data_root
from benchmark.datasets.files.offline import offline
from benchmark.datasets.neighbours import neighbour_graph
from benchmark.datasets.row_parts import RowParts, can_be_split, hold_out, labels_of, split_part
from benchmark.datasets.sources.paths import placed
from benchmark.datasets.splits import EdgeSplit, Split, split

__all__ = [
    "DATASETS",
    "PREFIXES",
    "Dataset",
    "DatasetSpec",
    "EdgeSplit",
    "NodeSplit",
    "Raw",
    "RowParts",
    "Split",
    "can_be_split",
    "data_root",
    "hold_out",
    "labels_of",
    "load",
    "make_dataset",
    "neighbour_graph",
    "offline",
    "placed",
    "prefixed_forms",
    "spec",
    "split",
    "split_part",
]

sys.modules[__name__].__class__ = CallablePackage
