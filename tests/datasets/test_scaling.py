"""Scaling of features."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layouts import MADE_UP
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, make_dataset
from benchmark.datasets.scaling import choose, scale

FINITE = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(allow_nan=False, allow_infinity=False))
MATRICES = arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=FINITE)
MODERATE = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.one_of(st.just(0.0), st.floats(2**-20, 2**20, width=32), st.floats(-(2**20), -(2**-20), width=32)),
)


@settings(deadline=None)
@given(x=MATRICES, as_csr=st.booleans())
def test_unit_scaling(x, as_csr):
    scaled = scale(sparse.csr_array(x) if as_csr else x, "unit")
    assert scaled.dtype == np.float32
    assert sparse.issparse(scaled) == (as_csr and bool((x.min(axis=0) == 0).all()))
    dense = scaled.toarray() if sparse.issparse(scaled) else scaled
    assert dense.min() >= 0
    assert dense.max() <= 1
    for column, came in zip(dense.T, x.T, strict=True):
        if came.min() == came.max():
            assert not column.any()
        else:
            assert (column.min(), column.max()) == (0, 1)
            assert (np.diff(column[np.argsort(came, kind="stable")]) >= 0).all()
    np.testing.assert_array_equal(dense, scale(x, "unit"))


@settings(deadline=None)
@given(x=MATRICES, as_csr=st.booleans())
def test_standard_scaling(x, as_csr):
    scaled = scale(sparse.csr_array(x) if as_csr else x, "standard")
    assert scaled.dtype == np.float32
    assert isinstance(scaled, np.ndarray)
    wide = scaled.astype(np.float64)
    assert np.abs(wide.mean(axis=0)).max() < 1e-5
    for column, came in zip(wide.T, x.T, strict=True):
        assert np.isclose(column.std(), 0 if came.min() == came.max() else 1, atol=1e-5)


@settings(deadline=None)
@given(x=MATRICES)
def test_unit_scaling_is_exact_to_the_last_digit_of_float32(x):
    exact = [[Fraction(value) for value in row] for row in x.tolist()]
    low, high = ([pick(column) for column in zip(*exact, strict=True)] for pick in (min, max))
    wanted = [
        [float((value - a) / (b - a)) if b > a else 0.0 for value, a, b in zip(row, low, high, strict=True)]
        for row in exact
    ]
    np.testing.assert_allclose(scale(x, "unit"), wanted, rtol=1e-6, atol=1e-7)


@settings(deadline=None)
@given(x=MODERATE, exponent=st.integers(-900, 900), how=st.sampled_from(["unit", "standard"]))
def test_the_unit_of_measure_does_not_count(x, exponent, how):
    wide = x.astype(np.float64)
    np.testing.assert_array_equal(scale(np.ldexp(wide, exponent), how), scale(wide, how))


@pytest.mark.parametrize("how", ["unit", "standard"])
@pytest.mark.parametrize("made", [np.asarray, sparse.csr_array])
def test_a_large_offset_spoils_no_column(how, made):
    x = np.random.default_rng(0).random((50, 3))
    moved = scale(made(x + 1e9), how)
    np.testing.assert_allclose(moved, scale(x, how), atol=1e-6)
    assert len(np.unique(moved)) > 100


@settings(deadline=None)
@given(x=MODERATE)
def test_no_scaling(x):
    np.testing.assert_array_equal(scale(x, "none"), x)
    np.testing.assert_array_equal(scale(sparse.csr_array(x), "none").toarray(), x)


@pytest.mark.parametrize("made", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            [[1.0, 1e9], [2.0, 1e9 + 1]],
            "column 'b' goes from 1000000000 to 1000000001, which float32 cannot tell apart",
        ),
        ([[1.0, 1e-60], [2.0, 2e-60]], "column 'b' goes from 9.9999.*e-61 to 1.9.*e-60"),
        ([[1e20, 0.0]], r"its values reach 1e\+20, so their squares overflow in float32"),
        ([[-1e-30, 0.0]], "its values reach 1e-30, so their squares vanish in float32"),
    ],
)
def test_features_that_float32_spoils_unscaled_are_refused(x, message, made):
    with pytest.raises(InputError, match=f"^dataset 'mine': {message}.*; say scaling=unit"):
        scale(made(np.array(x)), "none", name="mine", columns=("a", "b"))


@pytest.mark.parametrize(
    ("x", "chosen"),
    [
        ([[0, 1], [1, 1]], ("none", "every value is 0 or 1")),
        ([[0, 0.5], [1, 1]], ("unit", "not every value is 0 or 1: they go from 0 to 1")),
        ([[0, -1], [1, 1]], ("unit", "not every value is 0 or 1: they go from -1 to 1")),
        ([[1e-25, 0], [0, 2e-25]], ("unit", "not every value is 0 or 1: they go from 0 to 2e-25")),
        ([[5, 6], [7, 8]], ("unit", "not every value is 0 or 1: they go from 5 to 8")),
        ([[1e9], [1e9 + 1]], ("unit", "not every value is 0 or 1: they go from 1000000000.0 to 1000000001.0")),
    ],
)
@pytest.mark.parametrize("made", [np.asarray, sparse.csr_array])
def test_auto_keeps_zeros_and_ones_alone(x, chosen, made):
    assert choose(made(np.array(x, dtype=float))) == chosen
    found = make_dataset(replace(MADE_UP, scaling="auto"), Raw(x=made(np.array(x, dtype=float))))
    assert (found.scaling, found.scaling_reason) == chosen


def test_an_unknown_scaling_is_refused():
    with pytest.raises(InputError, match="dataset 'made-up': unknown scaling 'units'; did you mean 'unit'"):
        replace(MADE_UP, scaling="units")
