"""Scaling of features."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layouts import MADE_UP
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets.scaling import scale

MATRICES = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(width=32, allow_nan=False, allow_infinity=False)),
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
def test_no_scaling(x):
    np.testing.assert_array_equal(scale(x, "none"), x)
    np.testing.assert_array_equal(scale(sparse.csr_array(x), "none").toarray(), x)


def test_an_unknown_scaling_is_refused():
    with pytest.raises(InputError, match="dataset 'made-up': unknown scaling 'units'; did you mean 'unit'"):
        replace(MADE_UP, scaling="units")
