"""What users can hand over: every fault in every form is accepted, accepted with a note, or refused in one line."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import pytest
from handed import FORMS, Given, NotApplicable
from scipy import sparse

from benchmark.core.errors import InputError

N = 40
RNG = np.random.default_rng(17)
X = RNG.permuted(np.linspace(-2.0, 5.0, 4 * N)).reshape(N, 4).round(3)
Y = np.arange(N) % 3
EDGES = np.array([(i, (i + step) % N) for step in (1, 2) for i in range(N)])
PLAIN = Given(X, Y)
GRAPH = Given(X, Y, EDGES)


def changed(values, place, value, kind=None):
    copy = np.array(values, dtype=kind)
    copy[place] = value
    return copy


def with_x(x, **changes):
    return replace(PLAIN, x=x, **changes)


def with_y(y, **changes):
    return replace(PLAIN, y=np.asarray(y), **changes)


def with_edges(edges, **changes):
    return replace(GRAPH, edges=edges, **changes)


def weighted(place, value):
    return replace(GRAPH, weights=changed(np.linspace(0.5, 2.0, len(EDGES)), place, value))


HIDDEN = changed(np.zeros(X.shape), (3, 1), 1, bool)
DAYS = np.array([date(2020, 1, 1).toordinal() - date(1970, 1, 1).toordinal() + i for i in range(N)], "M8[D]")
FAULTS = {
    "features: none": PLAIN,
    "features: missing, marked as such": with_x(X, hidden=HIDDEN),
    "features: NaN": with_x(changed(X, (3, 1), np.nan)),
    "features: infinite": with_x(changed(X, (3, 1), np.inf)),
    "features: beyond float32": with_x(X * [1, 1e39, 1, 1]),
    "features: at the end of float64": with_x(X * [1, 3e307, 1, 1]),
    "features: large offset": with_x(X + np.array([0, 1e9, 0, 0])),
    "features: tiny": with_x(X * 1e-25),
    "features: whole numbers beyond 2^53": with_x(
        changed((X * 1000).astype(np.int64), np.s_[:, 1], 2**60 + np.arange(N) % 2)
    ),
    "features: constant column": with_x(X * [1, 0, 1, 1]),
    "features: row counter": with_x(changed(X, np.s_[:, 0], np.arange(N))),
    "features: row counter from 1": with_x(changed(X, np.s_[:, 0], np.arange(N) + 1)),
    "features: only 0 and 1": with_x((X > 1).astype(np.float64)),
    "features: bool": with_x(X > 1),
    "features: eight bits": with_x((X * 10).astype(np.int8)),
    "features: text cell": with_x(changed(X, (3, 1), "a", object)),
    "features: categories": with_x(changed(X, np.s_[:, 1], np.array(["red", "blue"])[Y % 2], object)),
    "features: numbers in a text": with_x(X.astype(str)),
    "features: objects that are numbers": with_x(X.astype(object)),
    "features: dates": with_x(np.stack([DAYS, DAYS], axis=1)),
    "features: complex": with_x(X + 1j),
    "features: ragged rows": with_x([*X[:-1].tolist(), [1.0]]),
    "features: one axis": with_x(X[:, 0]),
    "features: three axes": with_x(X.reshape(N, 2, 2)),
    "features: no row": with_x(X[:0], y=None),
    "features: no column": with_x(X[:, :0]),
    "labels: none": with_x(X, y=None),
    "labels: −1 in some rows": with_y(changed(Y, [3, 8], -1)),
    "labels: −1 in all rows": with_y(np.full(N, -1)),
    "labels: NaN in some rows": with_y(changed(Y, [3, 8], np.nan, float)),
    "labels: gap": with_y(np.where(Y == 2, 3, Y)),
    "labels: from 1": with_y(Y + 1),
    "labels: from −1 and one class": with_y(np.where(Y == 0, -1, 0)),
    "labels: one class": with_y(Y * 0),
    "labels: whole floats": with_y(Y.astype(np.float32)),
    "labels: bool": with_y(Y == 1),
    "labels: text": with_y(np.array(["a", "b", "c"])[Y]),
    "labels: numbers in a text": with_y(Y.astype(str)),
    "labels: objects that are numbers": with_y(Y.astype(object)),
    "labels: dates": with_y(DAYS),
    "labels: complex": with_y(Y + 1j),
    "labels: regression target": with_y(X[:, 0] * 1.37),
    "labels: many whole numbers": with_y(np.arange(N)),
    "labels: beyond int64": with_y(changed(Y, 0, 1e300, float)),
    "labels: one column [n, 1]": with_y(Y[:, None]),
    "labels: one-hot rows": with_y(np.eye(3)[Y]),
    "labels: one too few": with_y(Y[:-1]),
    "labels: one too many": with_y([*Y, 0]),
    "labels: empty": with_y(Y[:0]),
    "edges: none": GRAPH,
    "edges: both directions": with_edges(np.concatenate([EDGES, EDGES[:, ::-1]])),
    "edges: duplicates": with_edges(np.concatenate([EDGES, EDGES[:9]])),
    "edges: some self-loops": with_edges([*EDGES.tolist(), [3, 3]]),
    "edges: only self-loops": with_edges(np.array([[i, i] for i in range(N)])),
    "edges: from 1": with_edges(EDGES + 1),
    "edges: out of range": with_edges([*EDGES.tolist(), [0, 999]]),
    "edges: negative": with_edges([*EDGES.tolist(), [0, -1]]),
    "edges: transposed [2, m]": with_edges(EDGES.T),
    "edges: three columns": with_edges(np.concatenate([EDGES, EDGES[:, :1]], axis=1)),
    "edges: ragged": with_edges([*EDGES.tolist(), [1]]),
    "edges: whole floats": with_edges(EDGES.astype(np.float64)),
    "edges: fractions": with_edges(EDGES + 0.5),
    "edges: NaN": with_edges(changed(EDGES, (0, 1), np.nan, float)),
    "edges: beyond int64": with_edges(changed(EDGES, (0, 1), 1e300, float)),
    "edges: complex": with_edges(EDGES + 1j),
    "edges: unknown text": with_edges(changed(EDGES, (0, 1), "a", object)),
    "edges: bool": with_edges(EDGES > 0),
    "edges: empty": with_edges(EDGES[:0]),
    "weights: positive": weighted(0, 3.0),
    "weights: all 1": replace(GRAPH, weights=np.ones(len(EDGES))),
    "weights: zero": weighted(0, 0.0),
    "weights: negative": weighted(0, -1.0),
    "weights: NaN": weighted(0, np.nan),
    "weights: infinite": weighted(0, np.inf),
    "weights: one too few": replace(GRAPH, weights=np.ones(len(EDGES) - 1)),
    "keys: near miss": replace(GRAPH, edges=None, extra={"edge_list": EDGES}),
    "keys: unknown": replace(PLAIN, extra={"comment": np.arange(3)}),
}
WORDS = {"a": "accepted", "n": "accepted with a note", "r": "refused", "·": "does not apply"}
EXPECTED = """
csv npz csr h5ad pyg numpy masked pandas scipy torch lists
a a a n a a a a a a a  features: none
r · · · · · r r · · r  features: missing, marked as such
r r r r r r r r r r r  features: NaN
r r r r r r r r r r r  features: infinite
a a a n a a a a a a a  features: beyond float32
a a a n a a a a a a a  features: at the end of float64
a a a n a a a a a a a  features: large offset
a a a n a a a a a a a  features: tiny
r r r r r r r r r r r  features: whole numbers beyond 2^53
a a a n a a a a a a a  features: constant column
r r r r r r r r r r r  features: row counter
r r r r r r r r r r r  features: row counter from 1
a a a n a a a a a a a  features: only 0 and 1
a a a n a a a a a a a  features: bool
a a a n a a a a a a a  features: eight bits
r r · r · r r r · · r  features: text cell
r r · r · r r r · · r  features: categories
a r · r · r r r · · r  features: numbers in a text
a r · r · a a a · · a  features: objects that are numbers
r r · · · r r r · · r  features: dates
r r r r r r r r r r r  features: complex
r r · r · r r r · · r  features: ragged rows
a r · r r r r a · r r  features: one axis
· r · r r r r · · r r  features: three axes
r r r r r r r r r r r  features: no row
r r r r r r r r r r r  features: no column
a a a n a a a a a a a  labels: none
r n n n n n n n n n n  labels: −1 in some rows
r r r r r r r r r r r  labels: −1 in all rows
r r r n n r r r r r r  labels: NaN in some rows
a r r n r r r r r r r  labels: gap
a r r n r r r r r r r  labels: from 1
a r r r r r r r r r r  labels: from −1 and one class
r r r r r r r r r r r  labels: one class
a a a n a a a a a a a  labels: whole floats
a a a n a a a a a a a  labels: bool
a r r n · r r r r · r  labels: text
a r r n · r r r r · r  labels: numbers in a text
a r r n · a a a a · a  labels: objects that are numbers
r r r · · r r r r · r  labels: dates
a r r r r r r r r r r  labels: complex
r r r r r r r r r r r  labels: regression target
r r r r r r r r r r r  labels: many whole numbers
a r r n r r r r r r r  labels: beyond int64
· r r r a r r r r r r  labels: one column [n, 1]
· r r r r r r r r r r  labels: one-hot rows
r r r r r r r r r r r  labels: one too few
r r r r r r r r r r r  labels: one too many
· r r r r r r r r r r  labels: empty
a a a · a a a a a a a  edges: none
a a a · a a a a a a a  edges: both directions
a a n · a a a a a a a  edges: duplicates
a a a · a a a a a a a  edges: some self-loops
r r r · r r r r r r r  edges: only self-loops
r r r · r r r r r r r  edges: from 1
r r r · r r r r r r r  edges: out of range
r r · · r r r r r r r  edges: negative
r r · · r r r r r r r  edges: transposed [2, m]
r r · · r r r r r r r  edges: three columns
r r · · · r r r r · r  edges: ragged
r a · · a a a a a a a  edges: whole floats
r r · · r r r r r r r  edges: fractions
r r · · r r r r r r r  edges: NaN
r r · · r r r r r r r  edges: beyond int64
r r · · r r r r r r r  edges: complex
r r · · · r r r r · r  edges: unknown text
r r · · r r r r r r r  edges: bool
r r r · r r r r r r r  edges: empty
n n n · n n n n n n n  weights: positive
a a a · a a a a a a a  weights: all 1
r r n · r r r r r r r  weights: zero
r r r · r r r r r r r  weights: negative
r r r · r r r r r r r  weights: NaN
r r r · r r r r r r r  weights: infinite
r r · · r r r r r r r  weights: one too few
r r r · a r r r r r r  keys: near miss
r n n · a r r r r r r  keys: unknown
"""
TITLES, *ROWS = EXPECTED.strip().splitlines()
CELLS = {
    (row.split("  ")[1], form): letter
    for row in ROWS
    for form, letter in zip(TITLES.split(), row.split("  ")[0].split(), strict=True)
}


def markdown():
    """The table of cells in words, for a page or a report."""
    lines = [["fault", *FORMS], ["---"] * (len(FORMS) + 1)]
    lines += [[fault, *(WORDS[CELLS[fault, form]] for form in FORMS)] for fault in FAULTS]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def outcome(given, form, folder):
    """The letter of one cell. An exception that is no refusal, and a warning, fail the test."""
    try:
        found = FORMS[form](given, folder)
    except NotApplicable:
        return "·"
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert re.fullmatch(r"[^\n]+(; |expected )[^\n]+", refusal)
        assert "mine" in refusal or "edges.csv" in refusal
        return "r"
    check_content(found, given, form)
    return "n" if found.notes else "a"


def check_content(found, given, form):
    """Compare an accepted dataset with numpy's reading."""
    wide = np.asarray(given.x).reshape(N, -1).astype(np.longdouble)
    if not np.isin(wide, (0, 1)).all():
        low, span = wide.min(axis=0), np.ptp(wide, axis=0)
        wide = (wide - low) / np.where(span > 0, span, 1)
    x = found.x.toarray() if sparse.issparse(found.x) else found.x
    np.testing.assert_allclose(x, wide.astype(np.float64), rtol=2e-7, atol=2e-7)
    if given.y is None:
        assert found.y is None
    else:
        y = [-1 if each != each else each for each in np.asarray(given.y).ravel().tolist()]
        assert len({*zip(y, found.y.tolist(), strict=True)}) == len({*y}) == len({*found.y.tolist()})
        assert form in ("csv", "h5ad") or found.y.tolist() == y
    if given.edges is not None and given.weights is None:
        pairs = {(min(i, j), max(i, j)) for i, j in np.asarray(given.edges).astype(int).tolist() if i != j}
        assert found.edges.tolist() == sorted(map(list, pairs))


def test_the_table_has_every_fault_and_every_form():
    assert [fault for fault, _ in CELLS] == [fault for fault, _ in product(FAULTS, FORMS)]
    assert [form for _, form in CELLS] == [form for _, form in product(FAULTS, FORMS)]
    assert set(CELLS.values()) == set(WORDS)
    assert markdown().count("\n") == len(FAULTS) + 2


@pytest.mark.parametrize(("fault", "form"), CELLS, ids=str)
def test_a_user_can_hand_over(fault, form, tmp_path):
    assert outcome(FAULTS[fault], form, tmp_path) == CELLS[fault, form]
