"""Reported faults: each input of tests/data/cases is refused in one line, or has the expected sizes and scores."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from reported import CASES, QUICK, Case, copied, run_on, scores_on

from benchmark.datasets import load
from benchmark.plugins.loading import with_plugins
from benchmark.report.labels import CONTROL
from benchmark.statistics import contrasts
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Contrast, Primary, Side

REFUSED = (
    Case("float32-before-scaling", "npz:offset1e9.npz,scaling=none", ("column 0", "scaling=unit")),
    Case("float32-before-scaling", "csv:times.csv,label=cls,scaling=none", ("'time_s'", "scaling=unit")),
    *(
        Case("marks-of-missing-values", f"csv:feature-{mark}.csv,label=cls", ("'a'", "missing", "line 3", "drop"))
        for mark in ("dash", "excel", "ind", "minus-nan", "question-mark")
    ),
    *(
        Case(
            "marks-of-missing-values",
            f"csv:label-{mark}.csv,label=cls",
            ("'cls'", "3 of 60 labels are missing", "drop", "unlabelled=missing"),
        )
        for mark in ("dash", "excel", "minus-nan", "minus-nan-numbers", "question-mark")
    ),
    Case("npz-keys-not-understood", "npz:edge-index.npz", ("'edge_index'", "'edges'", "[m, 2]")),
    Case("npz-keys-not-understood", "npz:label.npz", ("'label'", "'labels'")),
    Case("npz-keys-not-understood", "npz:edge-and-target.npz", ("'target'", "'labels'")),
    Case("regression-target", "csv:prices.csv,label=price", ("'price'", "58", "60", "label=")),
    Case("row-numbers-as-a-feature", "csv:leak.csv,label=cls", ("'Unnamed: 0'", "id=Unnamed: 0", "keep=Unnamed: 0")),
    Case("tracebacks", "ragged-edges", ("edges",)),
    Case("tracebacks", "ragged-labels", ("labels",)),
    Case("unit-of-measure", "npz:unit1e-25.npz,scaling=none", ("square", "scaling=unit")),
    Case("weights-of-edges", "npz:nan.npz", ("weight", "nan")),
    Case("weights-of-edges", "npz:signed.npz", ("weight", "negative")),
    Case("wording", "npz:column.npz", ("(60, 1)", "(60,)")),
    Case("wording", "npz:huge.npz", ("1e+300",)),
    Case("wording", "npz:text.npz", ("'a'", "number the classes")),
)
ACCEPTED = (
    Case("featureless-graph", "npz:ones.npz", sizes=(60, 1, 3, 100), scaling="none"),
    Case("float32-before-scaling", "npz:offset1e9.npz", sizes=(60, 6, 3, 100), scaling="unit"),
    Case("float32-before-scaling", "npz:offset1e9.npz,scaling=standard", sizes=(60, 6, 3, 100), scaling="standard"),
    Case("float32-before-scaling", "npz:without-offset.npz", sizes=(60, 6, 3, 100), scaling="unit"),
    Case("float32-before-scaling", "csv:times.csv,label=cls", sizes=(60, 2, 3, None), scaling="unit"),
    Case("hits-at-20-without-20", "npz:n24.npz", sizes=(24, 5, 2, 40), scaling="unit"),
    *(
        Case("labels-merged-as-numbers", f"csv:{name}.csv,label=cls", sizes=(60, 2, 3, None), scaling="unit")
        for name in (
            "exponents",
            "inf",
            "integers-beyond-2^53",
            "leading-zeros",
            "section-numbers",
            "true-and-1",
            "underscores",
        )
    ),
    Case("macro-f1-of-a-class-that-is-not-tested", "npz:texas-like.npz", sizes=(183, 6, 5, 181), scaling="none"),
    *(
        Case(
            "marks-of-missing-values",
            f"csv:label-{mark}.csv,label=cls,unlabelled=missing",
            sizes=(60, 2, 3, None),
            scaling="unit",
            notes=("3 of 60 rows have no label",),
        )
        for mark in ("dash", "excel", "minus-nan", "minus-nan-numbers", "question-mark")
    ),
    Case("no-link-task-and-yet-refused", "npz:complete.npz", sizes=(30, 5, 2, 435), scaling="unit"),
    Case("no-link-task-and-yet-refused", "npz:dense70.npz", sizes=(30, 5, 2, 303), scaling="unit"),
    Case("no-link-task-and-yet-refused", "npz:few-edges.npz", sizes=(30, 5, 2, 15), scaling="unit"),
    Case("row-numbers-as-a-feature", "csv:leak.csv,label=cls,id=Unnamed: 0", sizes=(90, 3, 3, None), scaling="unit"),
    Case("row-numbers-as-a-feature", "csv:leak.csv,label=cls,keep=Unnamed: 0", sizes=(90, 4, 3, None), scaling="unit"),
    Case("row-numbers-as-a-feature", "csv:without.csv,label=cls", sizes=(90, 3, 3, None), scaling="unit"),
    Case("study-files", "npz:sub/mine.npz", sizes=(24, 5, 2, 40), scaling="unit"),
    Case("tracebacks", "npz:float16-csr.npz", sizes=(60, 30, 3, None), scaling="unit"),
    *(
        Case("tracebacks", name, sizes=(60, 4, 3, None), scaling="unit")
        for name in ("with-gradient", "bfloat16", "sparse-tensor")
    ),
    *(
        Case("unit-of-measure", f"npz:{name}.npz", sizes=(60, 6, 3, 100), scaling="unit")
        for name in ("unit1", "unit1e-6", "unit1e-25")
    ),
    Case("weights-of-edges", "npz:weighted.npz", sizes=(60, 4, 3, 338), scaling="unit", notes=("weights",)),
    Case("wording", "npz:constant.npz", sizes=(60, 2, 3, None), scaling="unit"),
    Case("wording", "npz:minus-one.npz", sizes=(60, 2, 3, None), scaling="unit", notes=("9 of 60 rows have no label",)),
)
OTHER_FILES = {  # tested below by name
    "no-link-task-and-yet-refused/k-means.toml",
    "study-files/bom.toml",
    "study-files/sub/relative.toml",
    *(
        f"unlabelled-nodes-as-a-class/root/EllipticBitcoinDataset/archives/elliptic_txs_{part}.csv.zip"
        for part in ("classes", "edgelist", "features")
    ),
}
PLUGIN = '["plug.py"]'


def load_in(folder, name):
    plugins = [Path("plug.py")] if folder == "tracebacks" else []
    return with_plugins(plugins).load(name, Path("root"))


def test_every_file_has_an_entry_and_every_entry_a_file():
    found = {path.relative_to(CASES).as_posix() for path in CASES.rglob("*") if path.is_file()}
    folders = {path.name for path in CASES.iterdir()}
    readmes = {f"{folder}/README" for folder in folders}
    listed = {case.file for case in (*REFUSED, *ACCEPTED)} | OTHER_FILES
    assert found - readmes == listed
    assert readmes <= found
    assert {file.split("/")[0] for file in listed} == folders


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_refusal_is_one_line_with_the_dataset_and_a_remedy(case, command, tmp_path):
    copied(case.folder, tmp_path)
    code, _, error = run_on(command, case.name, plugins=PLUGIN if case.folder == "tracebacks" else "[]")
    assert code == 2
    assert re.fullmatch(r"error: [^\n]+; [^\n]+\n", error)
    for word in (Path(case.name.split(",")[0].partition(":")[2] or case.name).stem, *case.refused):
        assert word in error
    assert "np.str_" not in error
    assert "-9223372036854775808" not in error
    assert "one-hot" not in error


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_check_says_that_a_promise_is_broken(case, command, tmp_path):
    copied(case.folder, tmp_path)
    plugin = ("--plugin", "plug.py") if case.folder == "tracebacks" else ()
    code, output, error = command("check", "dataset", case.name, *plugin)
    assert (code, error) == (1, "")
    assert re.search(r"\b[12] broken", output)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_an_accepted_file_has_the_expected_sizes(case, monkeypatch, tmp_path):
    copied(case.folder, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = load_in(case.folder, case.name)
    edges = None if found.edges is None else len(found.edges)
    assert (found.rows, found.features, found.classes, edges) == case.sizes
    assert found.scaling == case.scaling
    assert found.scaling_reason
    assert len(found.notes) == len(case.notes)
    for note, words in zip(found.notes, case.notes, strict=True):
        assert words in note
    assert np.isfinite(found.x if isinstance(found.x, np.ndarray) else found.x.data).all()


@pytest.mark.parametrize("file", sorted(CASES.glob("labels-merged-as-numbers/*.csv")), ids=lambda file: file.stem)
def test_a_text_is_a_class(file):
    texts = [line.rsplit(",", 1)[1] for line in file.read_text(encoding="utf-8").split()[1:]]
    y = load(f"csv:{file},label=cls", Path("root")).y
    assert len({*zip(texts, y.tolist(), strict=True)}) == len(set(texts)) == len(set(y))


@pytest.mark.parametrize("mark", ["dash", "excel", "minus-nan", "minus-nan-numbers", "question-mark"])
def test_a_row_with_a_missing_mark_has_no_label_if_asked_for(mark):
    file = CASES / "marks-of-missing-values" / f"label-{mark}.csv"
    texts = [line.rsplit(",", 1)[1] for line in file.read_text(encoding="utf-8").split()[1:]]
    found = load(f"csv:{file},label=cls,unlabelled=missing", Path("root"))
    marked = [i for i, text in enumerate(texts) if text in ("-", "#N/A", "-nan", "?")]
    assert np.flatnonzero(found.y == -1).tolist() == marked
    assert len(found.labelled) == 57


def test_an_offset_changes_no_cluster(command, tmp_path):
    copied("float32-before-scaling", tmp_path)
    scores, _ = scores_on(command, "npz:offset1e9.npz", "npz:without-offset.npz")
    assert scores.loc[scores["metric"] == "nmi", "value"].tolist() == [1.0, 1.0]


def test_a_unit_of_measure_changes_neither_features_nor_scores(command, tmp_path):
    copied("unit-of-measure", tmp_path)
    names = [f"npz:{unit}.npz" for unit in ("unit1", "unit1e-6", "unit1e-25")]
    one, small, tiniest = (load(name, tmp_path).x for name in names)
    np.testing.assert_allclose(one, small, atol=1e-6)
    np.testing.assert_allclose(one, tiniest, atol=1e-6)
    scores, _ = scores_on(command, *names, variants=QUICK)
    found = scores[scores["metric"] == "nmi"].pivot_table(index="model", columns="dataset", values="value")
    assert set(found.columns) == set(names)
    assert found.loc["raw"].tolist() == [1.0, 1.0, 1.0]
    assert found.loc["ae"].min() == pytest.approx(found.loc["ae"].max(), abs=0.05)


def test_a_row_counter_lifts_no_accuracy_unless_kept(command, tmp_path):
    copied("row-numbers-as-a-feature", tmp_path)
    as_names, kept, without = (
        f"csv:{file},label=cls" for file in ("leak.csv,id=Unnamed: 0", "leak.csv,keep=Unnamed: 0", "without.csv")
    )
    x = {name: load(name, tmp_path).x for name in (as_names, kept, without)}
    np.testing.assert_array_equal(x[as_names], x[without])
    accuracy = {}
    for name in (as_names, kept):
        scores, _ = scores_on(command, name, tasks='["logistic-regression-many"]')
        accuracy[name] = scores.loc[scores["metric"] == "accuracy", "value"].item()
    assert accuracy[as_names] < 0.6 < accuracy[kept]


def test_a_class_without_test_rows_does_not_lower_macro_f1(command, tmp_path):
    copied("macro-f1-of-a-class-that-is-not-tested", tmp_path)
    scores, _ = scores_on(
        command, "npz:texas-like.npz", tasks='["logistic-regression-few", "logistic-regression-many"]'
    )
    assert set(scores["value"]) == {1.0}
    assert set(scores["metric"]) == {"accuracy", "macro-f1"}


def test_hits_at_20_needs_twenty_negatives(command, tmp_path):
    copied("hits-at-20-without-20", tmp_path)
    scores, _ = scores_on(command, "npz:n24.npz", tasks='["link-hadamard", "link-inner-product"]')
    assert set(scores["metric"]) == {"auc", "ap"}


def test_a_study_without_a_link_task_splits_no_edges(command, tmp_path):
    copied("no-link-task-and-yet-refused", tmp_path)
    code, _, error = command("run", "k-means.toml", "--device", "cpu")
    assert code == 0, error


@pytest.mark.parametrize(
    ("name", "words"), [("complete", "dense"), ("dense70", "dense"), ("few-edges", "15 edges are too few")]
)
def test_a_link_task_still_needs_edges_and_non_edges(name, words, command, tmp_path):
    copied("no-link-task-and-yet-refused", tmp_path)
    code, _, error = run_on(command, f"npz:{name}.npz", tasks='["k-means", "link-hadamard"]')
    assert (code, error.count("\n")) == (2, 1)
    assert name in error
    assert words in error


def test_a_study_may_begin_with_a_byte_order_mark(command, tmp_path):
    copied("study-files", tmp_path)
    code, _, error = command("run", "bom.toml", "--device", "cpu", "--models", "raw")
    assert code == 0, error


def test_a_file_beside_a_study_is_found_from_any_folder(command, tmp_path):
    copied("study-files", tmp_path)
    code, _, error = command("run", "sub/relative.toml", "--device", "cpu", "--models", "raw")
    assert code == 0, error


def test_unknown_nodes_of_elliptic_have_no_label(monkeypatch, tmp_path):
    copied("unlabelled-nodes-as-a-class", tmp_path)
    monkeypatch.chdir(tmp_path)
    found = load("pyg:EllipticBitcoinDataset", Path("root"))
    assert (found.rows, found.classes, len(found.labelled)) == (80, 2, 20)
    assert np.bincount(found.y[found.labelled]).tolist() == [11, 9]
    if found.published is not None:
        assert np.isin([*found.published.train, *found.published.test], found.labelled).all()


def test_a_graph_without_features_has_no_word(command, tmp_path):
    copied("featureless-graph", tmp_path)
    short = '[{ models = ["ae", "vae"], settings = { epochs = 5, least_steps = 5 } }]'
    scores, _ = scores_on(command, "npz:ones.npz", models='["random"]', variants=short, seeds="10")
    variant = scores.loc[scores["model"] == "vae", "variant"].iloc[0]
    sample, point = (
        Side(model=model, readout=readout, variant=variant) for model, readout in (("vae", "sampled"), ("ae", "mean"))
    )
    nmi = Primary(task="k-means", metric="nmi")
    asked = [Contrast(name="vae sample − ae", first=sample, second=point, primary=(nmi,))]
    unguarded, guarded = (contrasts(scores, asked, {}, Analysis(), chance=chance) for chance in (None, CONTROL))
    assert unguarded["word"].str.endswith("better").all()  # by noise: the point is one constant row, whose NMI is 0
    assert unguarded["word"].ne("not better").all()
    assert guarded["word"].tolist() == [""]
    assert guarded["signal"].tolist() == ["no signal"]


def test_dropped_weights_and_unlabelled_rows_are_told_on_run(command, tmp_path):
    copied("weights-of-edges", tmp_path)
    copied("wording", tmp_path)
    code, output, error = run_on(command, "npz:weighted.npz", "npz:minus-one.npz")
    assert code == 0, error
    assert "weights" in output + error
    assert "9 of 60 rows have no label" in output + error


def test_constant_features_give_no_warning(command, tmp_path):
    copied("wording", tmp_path)
    _, error = scores_on(
        command, "npz:constant.npz", models='["raw", "pca"]', tasks='["k-means", "k-means-standardised"]'
    )
    assert "Warning" not in error


def test_sparse_halves_are_clustered_as_they_are(command, tmp_path):
    copied("tracebacks", tmp_path)
    scores, _ = scores_on(command, "npz:float16-csr.npz", tasks='["k-means", "logistic-regression-few"]')
    assert set(scores["metric"]) >= {"nmi", "accuracy"}
