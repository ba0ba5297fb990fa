"""Tables in Python: a Bunch of scikit-learn or a frame of pandas is the content of a dataset."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from layouts import MADE_UP
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud, load_wine
from sklearn.utils import Bunch

from benchmark import Raw
from benchmark.core.errors import InputError
from benchmark.datasets import make_dataset

FRAME = pd.DataFrame({"mass": [1.5, 2.5, 3.0], "wings": [2, 0, 2], "kind": ["gull", "auk", None]}, index=[7, 3, 5])


@pytest.mark.parametrize("function", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("as_frame", [False, True])
def test_a_bunch_holds_the_same_data_as_its_arrays(function, as_frame):
    bunch = function(as_frame=as_frame)
    plain = Raw(x=np.asarray(bunch.data), y=np.asarray(bunch.target))
    made, expected = (make_dataset(MADE_UP, raw) for raw in (Raw.of(bunch), plain))
    assert made.fingerprint == expected.fingerprint


def test_names_of_features_reach_messages():
    bunch = load_iris()
    bunch.data[3, 1] = np.nan
    with pytest.raises(InputError, match=r"row 3, column 'sepal width \(cm\)'"):
        make_dataset(MADE_UP, Raw.of(bunch))


def test_a_bunch_may_lack_labels_or_name_its_classes():
    assert Raw.of(Bunch(data=np.eye(3))).y is None
    assert Raw.of(Bunch(data=np.eye(3), target=None)).y is None
    named = Bunch(data=np.eye(4), target=pd.Categorical(["b", "a", "b", "a"]))
    assert Raw.of(named).y.tolist() == [1, 0, 1, 0]


def test_a_column_of_a_frame_is_the_label():
    made = make_dataset(MADE_UP, Raw.of(FRAME, label="kind"))
    np.testing.assert_array_equal(made.x, [[1.5, 2], [2.5, 0], [3, 2]])
    assert made.y.tolist() == [1, 0, -1]
    assert Raw.of(FRAME[["mass", "wings"]]).y is None
    assert Raw.of(pd.DataFrame({0: [0.5, 1], 4: ["a", "b"]}), label=4).y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("table", "label", "message"),
    [
        (FRAME, "kid", "Raw.of: label: unknown column 'kid'; did you mean 'kind'"),
        (FRAME.rename(columns={"kind": "class"}), None, "Raw.of: is column 'class' a feature. say label='class'"),
        (FRAME.assign(kind="gull"), "kind", "Raw.of: all labels are 'gull': one class only"),
        (load_iris(), "species", "Raw.of: label='species', but a Bunch brings its labels in target"),
        (load_diabetes(), None, "Raw.of: 214 different labels in 442 rows: numbers to predict"),
        (load_linnerud(), None, r"Raw.of: labels have shape \(20, 3\)"),
        (np.eye(3), None, "Raw.of: expected a Bunch of scikit-learn or a DataFrame, not a ndarray; give arrays to Raw"),
    ],
    ids=["misspelt", "label-as-feature", "one-class", "label-of-a-bunch", "regression", "several-targets", "array"],
)
def test_other_tables_are_refused(table, label, message):
    with pytest.raises(InputError, match=f"^{message}"):
        Raw.of(table, label)
