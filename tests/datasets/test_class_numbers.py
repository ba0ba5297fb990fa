"""Labels of any type become class numbers, or are refused in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.core.errors import InputError
from benchmark.datasets.class_numbers import class_numbers

TEXTS = ["gull", "auk", "tern", "auk"]


@pytest.mark.parametrize(
    ("labels", "numbers", "names"),
    [
        (TEXTS, [1, 0, 2, 0], ("auk", "gull", "tern")),
        (np.array(TEXTS), [1, 0, 2, 0], ("auk", "gull", "tern")),
        (np.array(TEXTS, "S4"), [1, 0, 2, 0], ("auk", "gull", "tern")),
        (pd.Series(TEXTS, index=[7, 3, 1, 0]), [1, 0, 2, 0], ("auk", "gull", "tern")),
        (pd.Categorical(TEXTS, categories=["tern", "gull", "auk"]), [1, 0, 2, 0], ("auk", "gull", "tern")),
        (pd.Series(TEXTS, dtype="string"), [1, 0, 2, 0], ("auk", "gull", "tern")),
        ([" gull", "gull ", "auk", ""], [1, 1, 0, -1], ("auk", "gull")),
        (["10", "9", "10", "-1"], [1, 0, 1, -1], ("9", "10")),
        ([10, 9, 10, -1], [1, 0, 1, -1], ("9", "10")),
        (np.array([0.1, 0.5, np.nan, 0.5]), [0, 1, -1, 1], ("0.1", "0.5")),
        (np.array([3, 1, 3, 1], np.uint8), [1, 0, 1, 0], ("1", "3")),
        (torch.tensor([3, 1, -1, 7]), [1, 0, -1, 2], ("1", "3", "7")),
        ([torch.tensor(3), torch.tensor(1)], [1, 0], ("1", "3")),
        ([np.int64(3), np.str_("b")], [0, 1], ("3", "b")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        (pd.Series([True, None, False], dtype="boolean"), [1, -1, 0], ("False", "True")),
        (pd.Series([4, None, 2], dtype="Int64"), [1, -1, 0], ("2", "4")),
        (["a", None, float("nan"), "b", "nan", "<NA>"], [0, -1, -1, 1, -1, -1], ("a", "b")),
        (np.array(["2020-02-01", "2020-01-01"], "M8[ns]"), [1, 0], None),
        ([1, 1.0, 2], [0, 0, 1], ("1", "2")),
    ],
    ids=str,
)
def test_labels_of_any_type_are_numbered(labels, numbers, names):
    found, called = class_numbers("mine", labels)
    assert (found.tolist(), found.dtype) == (numbers, np.int64)
    assert names in (None, called)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([None, None], "no row has a label"),
        ([-1, -1], "no row has a label"),
        ([], "no row has a label"),
        (["a", "a"], "all labels are 'a': one class only"),
        ([-1, 1, -1], "labels are -1 and 1, and -1 means no label; number the classes 0 and 1"),
        (["-1", "1"], "labels are -1 and 1"),
        ([-2, 0, 1], "labels hold -2, and -1 means no label"),
        ([0, 1, np.inf], "labels hold inf"),
        (np.linspace(0, 1, 40), "40 different labels in 40 rows: numbers to predict or names"),
        ([f"cell{i}" for i in range(40)], "40 different labels in 40 rows"),
        (np.eye(3), r"labels have shape \(3, 3\).*give no one-hot rows"),
        (np.array([[0], [1]]), r"labels have shape \(2, 1\).*make the column flat"),
        ([["a"], ["b", "c"]], r"labels hold \['a'\], expected a text or a number"),
        ([1j, 2j], "labels hold 1j"),
    ],
    ids=str,
)
def test_other_values_are_refused(labels, message):
    with pytest.raises(InputError, match=rf"^dataset 'mine': {message}"):
        class_numbers("mine", labels)
