"""Datasets by the name of their torch-geometric class: downloaded, checked, or refused.

The files are made up in the published layouts and come from a local server.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import re
import sys
import types
import warnings
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from layouts import csr_keys
from reported import copied
from scipy import sparse
from serving import serving

from benchmark.core.errors import InputError, UnavailableError
from benchmark.datasets import load, make_dataset, spec, split
from benchmark.datasets.dataset import PublishedFile
from benchmark.datasets.files.download import check_files
from benchmark.datasets.files.fetch import fetch_missing
from benchmark.datasets.files.pins import every_file, published
from benchmark.datasets.sources import images
from benchmark.datasets.sources.pyg import dataset_classes, load_class

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its import calls torch.jit.script, which torch deprecates
    from torch_geometric.data import Data, HeteroData
    from torch_geometric.io import fs

RNG = np.random.default_rng(0)
X = RNG.random((560, 5), dtype=np.float32) * 1.2 * (RNG.random((560, 5)) < 0.6)
Y = np.arange(560) % 3
LINKS = {i: [(i + 1) % 560, i, (i + 1) % 560] for i in range(560)}  # with a loop and a duplicate each
RING = sorted({tuple(sorted((i, (i + 1) % 560))) for i in range(560)})


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.delenv("BENCHMARK_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    with serving() as running:
        yield running


def planetoid(name):
    """The eight files of a graph in Planetoid's layout: 9 training rows, 500 validation rows, the last 20 to test."""
    one_hot = np.eye(3, dtype=np.int32)[Y]
    parts = {
        "x": sparse.csr_matrix(X[:9]),
        "tx": sparse.csr_matrix(X[540:]),
        "allx": sparse.csr_matrix(X[:540]),
        "y": one_hot[:9],
        "ty": one_hot[540:],
        "ally": one_hot[:540],
        "graph": LINKS,
    }
    index = "".join(f"{i}\n" for i in range(540, 560)).encode()
    return {f"ind.{name}.{key}": pickle.dumps(part) for key, part in parts.items()} | {f"ind.{name}.test.index": index}


def npz():
    adjacency = sparse.csr_array((np.ones(560), ([a for a, _ in RING], [b for _, b in RING])), shape=(560, 560))
    buffer = io.BytesIO()
    np.savez(buffer, **csr_keys("adj_", adjacency), **csr_keys("attr_", 3 * X), labels=Y)
    return buffer.getvalue()


def idx(array):
    head = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def served(server, row, contents):
    """The spec with files on the local server, pinned to ``contents``."""
    files = []
    for file, content in zip(row.files, contents, strict=True):
        name = Path(file.path).name
        server.content[f"/{name}"] = content
        digest = hashlib.sha256(content).hexdigest()
        files.append(PublishedFile(path=file.path, url=f"{server.url}/{name}", sha256=digest, exact=file.exact))
    load_them = partial(row.load.func, **row.load.keywords | {"files": tuple(files)})
    return replace(row, load=load_them, files=tuple(files), rows=None, features=None, edges=None, image_shape=None)


def fetched(row, root):
    fetch_missing(row, root)
    check_files(row, root)
    return make_dataset(row, row.load(root))


# Entries of the table without real files here


def test_pubmed_is_read_from_planetoids_files(server, tmp_path):
    files = planetoid("pubmed")
    row = served(server, spec("pubmed"), [files[Path(file.path).name] for file in spec("pubmed").files])
    found = fetched(row, tmp_path)
    np.testing.assert_allclose(found.x if isinstance(found.x, np.ndarray) else found.x.toarray(), X / X.max(axis=0))
    np.testing.assert_array_equal(found.y, Y)
    assert [tuple(edge) for edge in found.edges.tolist()] == RING
    assert split(found, 0).published.train.tolist() == list(range(9))
    assert split(found, 0).published.test.tolist() == list(range(540, 560))
    fetched(row, tmp_path)
    assert len(server.asked) == 8


def test_a_pickle_with_another_digest_is_never_opened(server, tmp_path, monkeypatch):
    files = planetoid("pubmed")
    row = served(server, spec("pubmed"), [files[Path(file.path).name] for file in spec("pubmed").files])

    class Touch:
        def __reduce__(self):
            return Path.touch, (tmp_path / "touched",)

    server.content["/ind.pubmed.graph"] = pickle.dumps(Touch())
    monkeypatch.setattr(pickle, "load", lambda *_args, **_named: pytest.fail("a file was unpickled"))
    with pytest.raises(UnavailableError, match=r"does not give the published file ind\.pubmed\.graph"):
        fetched(row, tmp_path)
    assert not (tmp_path / "touched").exists()


def test_physics_is_read_from_the_npz_as_zeros_and_ones(server, tmp_path):
    found = fetched(replace(served(server, spec("physics"), [npz()]), classes=None), tmp_path)
    x = found.x if isinstance(found.x, np.ndarray) else found.x.toarray()
    np.testing.assert_array_equal(x, (X > 0).astype(np.float32))
    assert [tuple(edge) for edge in found.edges.tolist()] == RING


def wikics(**change):
    masks = [[i % 20 == number for i in range(560)] for number in range(20)]
    content = {
        "features": (X - 0.5).tolist(),
        "labels": Y.tolist(),
        "links": list(LINKS.values()),
        "train_masks": masks,
        "val_masks": masks,
        "stopping_masks": masks,
        "test_mask": [i % 20 >= 10 for i in range(560)],
    }
    return json.dumps(content | change).encode()


def test_wikics_is_scaled_and_takes_the_first_of_its_splits(server, tmp_path):
    found = fetched(replace(served(server, spec("wikics"), [wikics()]), classes=None), tmp_path)
    np.testing.assert_allclose(found.x, X / X.max(axis=0), atol=1e-6)
    assert found.published.train.tolist() == list(range(0, 560, 20))
    assert found.published.test.tolist() == [i for i in range(560) if i % 20 >= 10]
    assert [tuple(edge) for edge in found.edges.tolist()] == RING


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_training_images_come_before_test_images(name, server, tmp_path):
    pixels, labels = RNG.integers(0, 256, (50, 4, 4)), np.arange(50) % 10
    contents = [idx(pixels[:30]), idx(labels[:30]), idx(pixels[30:]), idx(labels[30:])]
    row = served(server, spec(name), contents)
    assert [re.sub(r"-.*", "", Path(file.path).name) for file in row.files] == ["train", "train", "t10k", "t10k"]
    found = fetched(row, tmp_path)
    np.testing.assert_allclose(found.x, pixels.reshape(50, 16) / 255, atol=1e-6)
    np.testing.assert_array_equal(found.y, labels)
    assert images.MNIST_TEST.files == images.MNIST.files[2:]


def test_every_published_file_is_in_its_place():
    assert len({file.path for file in every_file()}) == len({file.url for file in every_file()}) == len(every_file())
    for row in (spec("cora"), spec("wikics"), spec("mnist"), spec("dblp")):
        assert row.files
    assert published("planetoid/CORA") == spec("cora").files
    assert {file.path.split("/")[0] for file in published("MNIST")} == {"MNIST"}


# Any class by name


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("cora", "pyg:Planetoid/Cora"), ("citeseer", "pyg:Planetoid/citeseer"), ("photo", "pyg:Amazon/Photo")],
)
def test_a_class_in_the_table_is_the_same_data_by_both_names(ours, theirs, data_root):
    found = load(theirs, data_root)
    assert found.fingerprint == load(ours, data_root).fingerprint
    assert found.name == theirs


def test_a_pinned_file_is_pinned_by_any_name():
    found = spec("pyg:CitationFull/DBLP")
    assert [file.path for file in found.files] == ["CitationFull/dblp/raw/dblp.npz"]
    assert found.files[0].git_blob_sha1 == "3e179a9ebf2968d9ad67544c8978bf4759e489d8"
    assert spec("pyg:WikiCS").files == spec("wikics").files
    assert spec("pyg:Coauthor/cs").fingerprint == spec("cs").fingerprint


@pytest.mark.usefixtures("made_up")
def test_a_class_without_pins_has_no_files():
    assert spec("pyg:MadeUp/zip").files == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pyg:Planetod/Cora", "no dataset class 'Planetod'; did you mean 'Planetoid'"),
        ("pyg:planetoid/Cora", "no dataset class 'planetoid'; did you mean 'Planetoid'"),
        ("pyg:", "no dataset class ''"),
        ("pyg:InMemoryDataset", "no dataset class 'InMemoryDataset'"),
        ("pyg:Planetoid", "Planetoid holds several data sets; name one: pyg:Planetoid/Cora, pyg:Planetoid/CiteSeer"),
        ("pyg:WikiCS/Wiki", "WikiCS is one data set and takes no name; say pyg:WikiCS"),
        ("pyg:KarateClub", "KarateClub has no published files"),
        ("pyg:GraphLandDataset/x", r"GraphLandDataset wants more than a name \(name, split\); .* npz:FILE"),
        ("pyg:Planetoid/../../Cora", "'../../Cora' is no name; expected letters"),
        ("pyg:Planetoid/", "'' is no name"),
    ],
)
def test_a_wrong_name_is_refused(name, message):
    with pytest.raises(InputError, match=f"^dataset '{re.escape(name)}': .*{message}") as caught:
        spec(name)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_of_a_class_is_refused_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    for name, told in (
        (
            "pyg:Planetoid/Kora",
            "unknown name of Planetoid 'Kora'; did you mean 'Cora'[?] known: Cora, CiteSeer, PubMed",
        ),
        ("pyg:Amazon/Foto", "unknown name of Amazon 'Foto'; did you mean 'Photo'"),
    ):
        with pytest.raises(InputError, match=told):
            load(name, tmp_path)
    with pytest.raises(UnavailableError, match=r"'pyg:Twitch/DE': file DE\.npz is missing; looked in .*Twitch/DE/raw"):
        load("pyg:Twitch/DE", tmp_path)


def test_a_file_without_pins_is_downloaded_and_remembered(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dataset_classes().CitationFull, "url", f"{server.url}/{{}}.npz")
    server.content["/cora_ml.npz"] = npz()
    raw = load_class(tmp_path, name="made-up", collection="CitationFull", member="Cora_ML")
    assert len(raw.x if isinstance(raw.x, np.ndarray) else raw.x.toarray()) == 560
    path = tmp_path / "CitationFull/cora_ml/raw/cora_ml.npz"
    assert path.read_bytes() == npz()
    digest = hashlib.sha256(npz()).hexdigest()
    assert Path(f"{path}.sha256").read_text() == f"{digest}  cora_ml.npz\n"
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split()[0] for line in said.err.splitlines()] == ["downloading", "cora_ml.npz"]
    load_class(tmp_path, name="made-up", collection="CitationFull", member="Cora_ML")
    assert (len(server.asked), capsys.readouterr()) == (1, ("", ""))
    assert not list(tmp_path.rglob("processed"))
    path.write_bytes(npz() + b" ")
    with pytest.raises(
        UnavailableError, match=rf"expected {digest}; .*cora_ml\.npz\.sha256 holds the digest of the first use"
    ):
        load_class(tmp_path, name="made-up", collection="CitationFull", member="Cora_ML")


def test_downloads_of_planetoid_are_replaced_too(server, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset_classes().Planetoid, "url", server.url)
    server.content |= {f"/{name}": content for name, content in planetoid("pubmed").items()}
    before = fs.cp
    raw = load_class(tmp_path, name="made-up", collection="Planetoid", member="PubMed")
    assert raw.y.tolist() == Y.tolist()
    assert len(list((tmp_path / "Planetoid/PubMed/raw").glob("*.sha256"))) == 8
    assert fs.cp is before


MODULE = """
import sys
from torch_geometric.data import InMemoryDataset, download_url, extract_zip
from torch_geometric.io import fs

class MadeUp(InMemoryDataset):
    def __init__(self, root, name):
        self.name = name
        super().__init__(root)
        self.load(self.processed_paths[0])

    raw_file_names = ["graph.txt"]
    processed_file_names = "data.pt"

    def download(self):
        if self.name == "cp":
            fs.cp(f"{url}/graph.zip", self.raw_dir, extract=True)
        elif self.name == "outside":
            download_url(f"{url}/graph.zip", self.raw_dir + "/../../../..")
        else:
            extract_zip(download_url(f"{url}/graph.zip?x=1", self.raw_dir), self.raw_dir)

    def process(self):
        print("Processing", file=sys.stderr)
        print(open(self.raw_paths[0]).read())
        self.save(graphs, self.processed_paths[0])
"""


@pytest.fixture
def made_up(server, monkeypatch):
    """A class in torch-geometric that returns the graphs of its module."""
    module = types.ModuleType("torch_geometric.datasets.made_up")
    exec(MODULE, module.__dict__)
    module.url, module.graphs = server.url, [graph()]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(dataset_classes(), "MadeUp", module.MadeUp, raising=False)
    monkeypatch.setattr(dataset_classes(), "__all__", [*dataset_classes().__all__, "MadeUp"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("graph.txt", "a graph")
    server.content["/graph.zip"] = server.content["/graph.zip?x=1"] = buffer.getvalue()
    return module


def graph(**change):
    content = {"x": torch.eye(4), "y": torch.tensor([0, 1, 0, 1]), "edge_index": torch.tensor([[0, 1], [1, 2]])}
    return Data(**{key: value for key, value in (content | change).items() if value is not None})


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("name", ["zip", "cp"])
def test_archives_are_kept_unchanged_and_unpacked_elsewhere(name, tmp_path, capsys):
    found = load(f"pyg:MadeUp/{name}", tmp_path)
    assert (found.rows, found.classes, found.scaling, len(found.edges)) == (4, 2, "none", 2)
    assert capsys.readouterr().out == ""
    kept = {path.name for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"}
    assert kept == {"graph.zip", "graph.zip.sha256"}


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("name", ["zip", "cp"])
def test_an_archive_that_leaves_its_folder_is_refused(name, server, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("graph.txt", "a graph")
        archive.writestr("../../../../../../out.txt", "out")
    server.content["/graph.zip"] = server.content["/graph.zip?x=1"] = buffer.getvalue()
    with pytest.raises(InputError, match=r"its member '\.\./.*out\.txt' leads out of the folder"):
        load(f"pyg:MadeUp/{name}", tmp_path)
    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.usefixtures("made_up")
def test_a_class_that_writes_outside_its_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"it would write .*graph\.zip, outside its own folder"):
        load("pyg:MadeUp/outside", tmp_path)


HETERO = HeteroData()
HETERO["paper"].x = torch.eye(2)
HETERO["author"].x = torch.eye(2)


@pytest.mark.parametrize(
    ("graphs", "message"),
    [
        ([graph(), graph(), graph()], "MadeUp holds 3 graphs; only one graph can be used"),
        ([HETERO], "its graph has several kinds of nodes; only one kind can be used"),
        ([graph(x=None, num_nodes=4)], "its graph has no features at its nodes"),
        ([graph(edge_index=None)], "its graph has no edges"),
        ([graph(y=torch.tensor([1]))], r"it has 1 label\(s\) for 4 nodes; only labels of nodes can be used"),
        ([graph(y=torch.tensor(1))], r"it has 1 label\(s\) for 4 nodes"),
        ([graph(y=torch.eye(4))], r"labels have shape \(4, 4\), expected \(4,\)"),
        ([graph(y=torch.tensor([-2, 0, 1, 0]))], r"labels are -2, 0, 1, expected 0\.\.k-1"),
        ([graph(edge_weight=torch.tensor([-1.0, 1.0]))], r"1 weight\(s\) of edges are negative"),
    ],
)
def test_other_data_than_one_graph_of_nodes_are_refused(graphs, message, made_up, tmp_path):
    made_up.graphs = graphs
    with pytest.raises(InputError, match=f"^dataset 'pyg:MadeUp/zip': {message}") as caught:
        load("pyg:MadeUp/zip", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_small_differences_in_a_graph_are_accepted(made_up, tmp_path):
    masks = {"train_mask": torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]) > 0}
    made_up.graphs = [graph(y=torch.tensor([[0], [1], [0], [1]]), x=-torch.eye(4).to_sparse_csr(), **masks)]
    found = load("pyg:MadeUp/zip", tmp_path)
    assert (found.y.tolist(), found.published, found.scaling) == ([0, 1, 0, 1], None, "unit")
    made_up.graphs = [graph(**masks, test_mask=torch.tensor([0, 0, 1, 1]) > 0)]
    assert load("pyg:MadeUp/zip", tmp_path).published.train.tolist() == [0, 1]


def test_any_error_of_a_class_is_one_line(made_up, tmp_path):
    made_up.graphs = 3
    told = (
        r"^dataset 'pyg:MadeUp/zip': torch-geometric's MadeUp failed on it \(TypeError: .*\); the downloaded files are"
    )
    with pytest.raises(InputError, match=told) as caught:
        load("pyg:MadeUp/zip", tmp_path)
    assert "\n" not in str(caught.value)


def test_the_unknown_class_of_a_dataset_means_no_label(monkeypatch, tmp_path):
    """Elliptic numbers unknown nodes 2, and its class says that there are two classes."""
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    copied("unlabelled-nodes-as-a-class", tmp_path)
    found = load("pyg:EllipticBitcoinDataset", tmp_path / "root")
    assert found.classes == 2
    assert 0 < len(found.labelled) < found.rows
    assert np.isin(found.published.test, found.labelled).all()


def test_labels_of_nan_and_weights_of_edges(made_up, tmp_path):
    made_up.graphs = [graph(y=torch.tensor([0.0, 1.0, torch.nan, 0.0]), edge_weight=torch.tensor([0.5, 2.0]))]
    found = load("pyg:MadeUp/zip", tmp_path)
    assert found.y.tolist() == [0, 1, -1, 0]
    assert found.notes == (
        "weights of edges, from 0.5 to 2, are dropped: models take every edge as 1",
        "1 of 4 rows have no label: they train models and are not scored",
    )


def test_a_name_can_ask_for_a_scaling(data_root):
    asked, plain = (load(f"pyg:Amazon/Photo{option}", data_root) for option in (",scaling=standard", ""))
    assert (asked.scaling, plain.scaling) == ("standard", "none")
    assert plain.fingerprint == load("photo", data_root).fingerprint != asked.fingerprint
