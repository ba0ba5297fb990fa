"""CSV files: files of pandas are read, and unclear values are refused in one line."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resolved import study_named

from benchmark.core.errors import InputError
from benchmark.datasets import load, spec
from benchmark.plan.planning import replaced
from benchmark.study.selection import Selection

FEATURES = "id,mass,length,winged,species\na,1.5,2,true,gull\nb,2.5,4,false,auk\nc,3.5,3,true,gull\nd,0.5,1,TRUE,auk\n"
EDGES = "from,to\na,b\nb,c\nc,a\na,a\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def loaded(tmp_path, features, edges=None, options=",label=species"):
    (tmp_path / "birds.csv").write_text(features, encoding="utf-8")
    if edges is not None:
        (tmp_path / "edges.csv").write_text(edges, encoding="utf-8")
    name = f"csv:birds.csv{',edges=edges.csv' if edges is not None else ''}{options}"
    return load(name, tmp_path / "elsewhere")


def test_features_labels_and_edges(tmp_path):
    found = loaded(tmp_path, FEATURES, EDGES)
    assert (found.name, found.family, found.scaling, found.evidence) == ("csv:birds.csv", "file", "unit", True)
    np.testing.assert_allclose(found.x * [3, 3, 1] + [0.5, 1, 0], [[1.5, 2, 1], [2.5, 4, 0], [3.5, 3, 1], [0.5, 1, 1]])
    assert found.y.tolist() == [1, 0, 1, 0]  # auk, gull
    assert found.edges.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert found.removed.self_loops == 1


def test_without_ids_edges_are_row_numbers(tmp_path):
    found = loaded(tmp_path, "a,b\n0.5,1\n0,0\n1,0.25\n", "from,to\n0,2\n 1 , 2\n", options="")
    assert (found.y, found.scaling) == (None, "unit")
    np.testing.assert_array_equal(found.x, np.array([[0.5, 1], [0, 0], [1, 0.25]], dtype=np.float32))
    assert found.edges.tolist() == [[0, 2], [1, 2]]


def test_a_file_of_pandas_with_its_index_is_read(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((6, 3)), index=list("uvwxyz"))
    frame["kind"] = pd.Categorical(["one", "two", "two", "one", "one", "two"])
    edges = pd.DataFrame({"source": list("uvw"), "target": list("xyz"), "weight": 1})
    frame.to_csv(tmp_path / "mine.csv")
    edges[["source", "target"]].to_csv(tmp_path / "links.csv")
    found = load("csv:mine.csv,edges=links.csv,label=kind,scaling=none", tmp_path)
    np.testing.assert_array_equal(found.x, frame[[0, 1, 2]].to_numpy(np.float32))
    assert found.y.tolist() == [0, 1, 1, 0, 0, 1]
    assert found.edges.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_first_line_that_counts_is_told_to_be_the_header(tmp_path):
    found = loaded(tmp_path, "0,1,2\n0.5,1,7\n0.25,3,5\n", options="")
    assert (found.rows, found.notes) == (2, ("the first line, 0, 1, 2, …, is read as the names of the columns",))
    assert loaded(tmp_path, ",0,1,2\nu,0.5,1,7\nv,0.25,3,5\n", options="").notes == ()


def test_other_spellings_of_a_table_are_the_same_data(tmp_path):
    first = loaded(tmp_path, FEATURES, EDGES).fingerprint
    windows = "\ufeff" + FEATURES.replace("\n", "\r\n")
    quoted = FEATURES.replace("gull", '"gull"').replace("1.5", " 1.50 ")
    renamed = FEATURES.replace("id,", "who,")
    assert loaded(tmp_path, windows, EDGES).fingerprint == first
    assert loaded(tmp_path, quoted + "\n\n", EDGES).fingerprint == first
    assert loaded(tmp_path, renamed, EDGES, options=",label=species,id=who").fingerprint == first
    assert loaded(tmp_path, FEATURES.replace("3.5", "3.25"), EDGES).fingerprint != first
    assert loaded(tmp_path, FEATURES, EDGES.replace("c,a", "c,d")).fingerprint != first
    assert loaded(tmp_path, FEATURES.replace("d,0.5,1,TRUE,auk", "d,0.5,1,TRUE,gull"), EDGES).fingerprint != first


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["10", "9", "10"], [1, 0, 1]),
        (["10", "9", "b"], [0, 1, 2]),
        (["1", "-1", "1"], [1, 0, 1]),
        (["007", "7", "1_1"], [0, 2, 1]),
        (["true", "1", "TRUE"], [2, 0, 1]),
    ],
)
def test_classes_are_numbered_in_their_order(values, numbers, tmp_path):
    text = "a,k\n" + "".join(f"0.5,{value}\n" for value in values)
    assert loaded(tmp_path, text, options=",label=k").y.tolist() == numbers


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("", "it is empty; expected a header and rows"),
        ("\n\n", "it is empty"),
        ("a,b,species\n", "no rows below the header"),
        ("a;b;species\n1;2;x\n", "its columns are parted by ';', expected ','"),
        ("a\tb\tspecies\n1\t2\tx\n", "its columns are parted by tabs, expected ','"),
        ("1,2,3.5\n4,5,6\n", "its first line holds numbers; expected a header"),
        ("a,b,species\n1,2,x\n1,2\n", "line 3 has 2 values, expected 3 as in the header"),
        ('a,b,species\n1,"2\n",x\n1,2,x,4\n', "line 4 has 4 values, expected 3"),
        ('a,b,species\n1,2,"x\n', "line 2: unexpected end of data; check its quotation marks"),
        ("a,a,species\n1,2,x\n", "column 'a' occurs twice"),
        ("a,,species\n1,2,x\n", "column 2 has no name; name it or drop it"),
        (",,species\n1,2,x\n", "a column without a name occurs twice"),
        ('a,"b\nc",species\n1,2,x\n', "a column's name has line breaks or other characters that cannot be printed"),
        ("{a},{0},species\n1,x,x\n", "column '{0}': 1 of 1 values are no numbers ('x'), the first in line 2"),
        ("a,b\n1,2\n", "label=: unknown column 'species'; known: a, b"),
        ("a,speces\n1,2\n", "label=: unknown column 'species'; did you mean 'speces'?"),
        ("species\nx\ny\n", "no column is left for features"),
        ("id,species\n1,x\n2,y\n", "no column is left for features"),
        (
            "a,b,species\n1,2,x\n3,red,y\n4,blue,z\n",
            r"column 'b': 2 of 3 values are no numbers ('red'), the first in line 3",
        ),
        (
            'a,b,species\n1,1.234,x\n3,"1,5",y\n',
            "column 'b': 1 of 2 values are no numbers ('1,5'), the first in line 3",
        ),
        (
            "a,b,species\n1,2,x\n,2,y\nNaN,2,y\n",
            "column 'a': 2 of 3 values are missing, the first in line 3; drop these rows",
        ),
        ("a,b,species\n1,2,x\n1,-inf,y\n", "column 'b': 1 of 2 values are infinite, the first in line 3"),
        ("a,b,species\n1,2,x\n1,1e999,y\n", "column 'b': 1 of 2 values are infinite"),
        ("a,b,species\n1,2,x\n1,2,\n", "column 'species': 1 of 2 labels are missing, the first in line 3"),
        ("id,a,species\nu,1,x\nv,1,y\nu,2,y\n", "line 4, column 'id': 'u' is the id of line 2 too"),
        ("id,a,species\nu,1,x\n,1,y\n", "line 3, column 'id': empty; every row needs an id"),
        (
            "a,id,species\n1,2,x\n1,3,y\n",
            "is column 'id' a feature? say id=id if it is not, keep=id if it is, or drop it",
        ),
    ],
)
def test_bad_features_are_refused_in_one_line(features, message, tmp_path):
    with pytest.raises(InputError, match=f"^csv file birds.csv: {re.escape(message)}") as caught:
        loaded(tmp_path, features)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["label", "Class", "target", "y"])
def test_a_column_that_looks_like_a_label_is_refused_with_the_options(name, tmp_path):
    text = f"a,{name}\n0.5,0\n0.25,1\n"
    with pytest.raises(
        InputError, match=f"is column '{name}' a feature\\? say label={name} if it is not, keep={name} if it is"
    ):
        loaded(tmp_path, text, options="")
    assert loaded(tmp_path, text, options=f",label={name}").features == 1
    assert loaded(tmp_path, text, options=f",keep={name}").features == 2
    assert loaded(tmp_path, text.replace("a,", "a,k,").replace("0.", "1,0."), options=",label=k").features == 2


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ("a,b\nb,c\n", "its first line is an edge (a, b); expected a header"),
        ("from,to\na,x\nb,c\ny,z\n", "3 end(s) of edges are no ids of the features, the first is 'x' in line 2; leave"),
        ("from,to,since\na,b,1\n", "it has 3 columns, expected two: the ids of an edge's ends; call a third"),
        ("from,to,weight\na,b,\n", "column 'weight': 1 of 1 values are missing, the first in line 2; drop"),
        ("from\na\n", "it has 1 columns, expected two"),
        ("from;to\na;b\n", "its columns are parted by ';'"),
        ("from,to\na,b\na\n", "line 3 has 1 values, expected 2"),
    ],
)  # fmt: skip
def test_bad_edges_are_refused_in_one_line(edges, message, tmp_path):
    with pytest.raises(InputError, match=f"^csv file edges.csv: {re.escape(message)}") as caught:
        loaded(tmp_path, FEATURES, edges)
    assert "\n" not in str(caught.value)


def test_wrong_row_numbers_are_refused(tmp_path):
    text = "a,b\n0.5,1\n0,0\n1,0.25\n"
    with pytest.raises(
        InputError, match=r"2 end\(s\) of edges are no row numbers from 0, the first is '-1' in line 3; give"
    ):
        loaded(tmp_path, text, "from,to\n0,1\n-1,2\n0.0,1\n", options="")
    with pytest.raises(InputError, match=r"1 end.* are no row numbers from 0"):
        loaded(tmp_path, text, f"from,to\n0,1\n0,{10**30}\n", options="")
    with pytest.raises(InputError, match="its first line holds numbers; expected a header"):
        loaded(tmp_path, text, "0,1\n1,2\n", options="")
    with pytest.raises(InputError, match=r"'csv:birds.csv': 1 edge\(s\) out of range, the first .*subtract 1"):
        loaded(tmp_path, text, "from,to\n1,2\n2,3\n", options="")


def test_unreadable_files_are_refused(tmp_path):
    for content, message in (
        ("a,b\n1,é\n".encode("latin-1"), r"it is not UTF-8 \(byte 0xe9 cannot be read\); save it with encoding UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "it is not UTF-8 .byte 0xff"),
        (b"a,b\n" + b"9" * 200_000 + b",1\n", "line 2: field larger than field limit"),
        (b"a,b\n1\x00,2\n", r"column 'a': 1 of 1 values are no numbers \('1\\x00'\)|line contains NUL"),
    ):
        (tmp_path / "bad.csv").write_bytes(content)
        with pytest.raises(InputError, match=f"^csv file bad.csv: .*{message}"):
            load("csv:bad.csv", tmp_path)
    with pytest.raises(InputError, match=f"csv file gone.csv: there is no such file; looked in {tmp_path}"):
        load("csv:gone.csv", tmp_path)
    with pytest.raises(InputError, match=r"csv file \.: it cannot be read \(.*Is a directory"):
        load("csv:.", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("csv:", "no file; expected csv:features.csv"),
        ("csv:my,file.csv", "'file.csv' is no option; expected edges=FILE, .* no comma in a file's"),
        ("csv:f.csv,lable=x", "unknown option 'lable'; did you mean 'label'"),
        ("csv:f.csv,label=", "label= is empty"),
        ("csv:f.csv,label=a,label=b", "label= is given twice"),
    ],
)
def test_unclear_names_are_refused(name, message):
    with pytest.raises(InputError, match=f"^dataset '{re.escape(name)}': {message}"):
        spec(name)


def test_label_and_id_are_two_columns(tmp_path):
    with pytest.raises(InputError, match="column 'species' cannot be both label and id"):
        loaded(tmp_path, FEATURES, options=",label=species,id=species")


def test_an_equals_sign_in_a_files_name_is_harmless(tmp_path):
    (tmp_path / "a=b.csv").write_text("u,v=w\n1,x\n2,y\n")
    (tmp_path / "e=f.csv").write_text("from,to\n0,1\n")
    found = load("csv:a=b.csv,label=v=w,edges=e=f.csv", tmp_path)
    assert (found.classes, len(found.edges)) == (2, 1)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("wine,digits", ("wine", "digits")),
        ("csv:f.csv,edges=e.csv,label=k,wine", ("csv:f.csv,edges=e.csv,label=k", "wine")),
        (" wine , csv:f.csv, label=k,, csv:g.csv,", ("wine", "csv:f.csv, label=k", "csv:g.csv")),
        ("npz:a=b.npz,npz:c=d.npz", ("npz:a=b.npz", "npz:c=d.npz")),
        ("csv:f.csv,lable=k", ("csv:f.csv,lable=k",)),
    ],
)
def test_options_stay_with_their_file_on_the_command_line(given, names):
    assert replaced(study_named("smoke"), Selection.of(datasets=given)).datasets == names


def assert_clean(name, folder):
    """Load a file. The result is a dataset of finite numbers or an error in one line."""
    said = ""
    try:
        assert np.isfinite(load(name, folder).x).all()
    except InputError as error:
        said = str(error)
    assert "\n" not in said


CELLS = st.one_of(
    st.sampled_from(["0", "1", "2.5", "a", "b", "", "nan", "inf", "true", "id", "label", '"', "\n", ";", "é", "=1+1"]),
    st.text(max_size=4),
)


@settings(deadline=None, max_examples=200)
@given(
    header=st.lists(CELLS, max_size=4),
    rows=st.lists(st.lists(CELLS, max_size=4), max_size=6),
    edges=st.none() | st.lists(st.lists(CELLS, max_size=3), max_size=5),
    option=st.sampled_from(["", ",label=label", ",id=id", ",label=a,id=id"]),
)
def test_any_file_is_a_dataset_or_an_input_error(header, rows, edges, option, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    (folder / "f.csv").write_text("\n".join(",".join(row) for row in [header, *rows]), encoding="utf-8", newline="")
    name = f"csv:{folder / 'f.csv'}{option}"
    if edges is not None:
        (folder / "e.csv").write_text("\n".join(",".join(row) for row in edges), encoding="utf-8", newline="")
        name += f",edges={folder / 'e.csv'}"
    assert_clean(name, folder)


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=60))
def test_random_bytes_are_a_dataset_or_an_input_error(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(content)
    assert_clean(f"csv:{path}", path.parent)


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        *((mark, "missing") for mark in ("", "NA", "#N/A", "-nan", "NaN", "NULL", "None", "?", "-", "…", "-nan(ind)")),
        *((text, "no numbers") for text in ("1_000", "١٢", "0x10", "1,5", "5%", "1e", "e5", "unknown")),
        *((text, "infinite") for text in ("inf", "-Infinity", "1e999")),
    ],
)
def test_a_cell_is_a_number_if_a_spreadsheet_reads_it_as_one(cell, what, tmp_path):
    quoted = '"' + cell + '"'
    with pytest.raises(InputError, match=f"column 'b': 1 of 2 values are {what}"):
        loaded(tmp_path, f"a,b\n0.5,1\n0.25,{quoted}\n", options="")


@pytest.mark.parametrize("cell", ["7", "+7", "7.", "7.0", " 7 ", "70e-1", ".7E+1"])
def test_a_number_may_be_written_in_many_ways(cell, tmp_path):
    assert loaded(tmp_path, f"a\n{cell}\n1\n", options=",scaling=none").x.tolist() == [[7], [1]]


def test_a_missing_label_is_refused_unless_it_means_no_label(tmp_path):
    text = "a,k\n0.5,x\n0.25,?\n0.125,y\n1,-\n"
    with pytest.raises(InputError, match=r"column 'k': 2 of 4 labels are missing, .* line 3; .* unlabelled=missing"):
        loaded(tmp_path, text, options=",label=k")
    assert loaded(tmp_path, text, options=",label=k,unlabelled=missing").y.tolist() == [0, -1, 1, -1]
    named = text.replace("?", "missing")
    assert loaded(tmp_path, named, options=",label=k,unlabelled=missing").y.tolist() == [0, -1, 1, -1]
    with pytest.raises(InputError, match="column 'k': 1 of 4 labels are missing"):
        loaded(tmp_path, text, options=",label=k,unlabelled=-")
    with pytest.raises(InputError, match="unlabelled=none: no value of column 'k' is this"):
        loaded(tmp_path, text, options=",label=k,unlabelled=none")
    with pytest.raises(InputError, match="unlabelled= without label="):
        loaded(tmp_path, "a\n1\n", options=",unlabelled=x")


def test_minus_one_beside_other_classes_must_be_explained(tmp_path):
    text = "a,k\n0.5,0\n0.25,-1\n0.125,1\n1,0\n"
    with pytest.raises(InputError, match="label -1 beside other labels; say unlabelled=-1 if"):
        loaded(tmp_path, text, options=",label=k")
    assert loaded(tmp_path, text, options=",label=k,unlabelled=-1").y.tolist() == [0, -1, 1, 0]
    floats = "a,k\n0.5,0.0\n0.25,-1.0\n0.125,1.0\n1,0.0\n"  # as pandas writes a column with missing values
    with pytest.raises(InputError, match=r"label -1.0 beside other labels; say unlabelled=-1.0 if"):
        loaded(tmp_path, floats, options=",label=k")


def test_one_label_only_is_refused(tmp_path):
    with pytest.raises(InputError, match="column 'k' has one label only, 'x'; name another column"):
        loaded(tmp_path, "a,k\n0.5,x\n0.25,x\n", options=",label=k")


def test_a_label_with_a_value_of_its_own_in_most_rows_is_refused(tmp_path):
    text = "a,price\n" + "".join(f"{i % 7},{i / 8}\n" for i in range(60))
    with pytest.raises(InputError, match=r"column 'price' has 60 different labels in 60 rows: .* put them into bins"):
        loaded(tmp_path, text, options=",label=price")


@pytest.mark.parametrize("name", ["n", "Unnamed: 0"])
def test_a_column_that_counts_the_rows_is_an_id_or_kept_on_purpose(name, tmp_path):
    text = f"a,{name}\n" + "".join(f"{i % 3},{i + 1}\n" for i in range(6))
    message = f"column '{name}' looks like the number of the row, .* id={name} if it names .* keep={name} if it is"
    with pytest.raises(InputError, match=message):
        loaded(tmp_path, text, options="")
    assert loaded(tmp_path, text, options=f",id={name}").features == 1
    assert loaded(tmp_path, text, options=f",keep={name}").features == 2
    with pytest.raises(InputError, match="cannot be kept as a feature: it is the label or the id"):
        loaded(tmp_path, text, options=f",id={name},keep={name}")


def test_names_in_digits_are_no_feature(tmp_path):
    text = "a,k\n" + "".join(f"{i % 3},{90071992547409930 + i * i}\n" for i in range(6))
    with pytest.raises(InputError, match=r"column 'k' has values from 90071992547409930 to .*, which float64"):
        loaded(tmp_path, text, options="")
    assert loaded(tmp_path, text.replace("9007199254", ""), options="").features == 2
    long = "a,k\n" + "".join(f"{i % 3},1.0000000000000000{i}\n" for i in range(6))
    with pytest.raises(InputError, match=r"column 'k' has values from 1.0* to 1.0*5, which float64"):
        loaded(tmp_path, long, options="")
    assert loaded(tmp_path, "a,k\n1,1\n2,1.0\n", options="").features == 2


def test_weights_of_edges_are_checked_and_dropped(tmp_path):
    found = loaded(tmp_path, FEATURES, "from,to,weight\na,b,0.5\nb,c,2\n")
    assert found.notes == ("weights of edges, from 0.5 to 2, are dropped: models take every edge as 1",)
    with pytest.raises(InputError, match=r"1 weight\(s\) of edges are negative"):
        loaded(tmp_path, FEATURES, "from,to,weight\na,b,-1\nb,c,2\n")
