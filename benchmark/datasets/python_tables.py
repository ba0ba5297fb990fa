"""Features and labels of tables in Python: a Bunch of scikit-learn, or a frame of pandas."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.class_numbers import LIKE_LABELS, class_numbers

_WHERE = "Raw.of"


def parts_of(table: Any, label: Any = None) -> dict[str, Any]:
    """The arguments of ``Raw`` for a table. See ``Raw.of``."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(table, pandas.DataFrame):
        return _of_frame(table, label)
    if isinstance(table, Mapping) and "data" in table:
        if label is not None:
            raise InputError(f"{_WHERE}: label={label!r}, but a Bunch brings its labels in target; leave label out")
        given = table.get("feature_names")
        names = () if given is None else tuple(map(str, given))
        of_array = getattr(table["data"], "shape", ())[1:] == (len(names),) and not hasattr(table["data"], "columns")
        y = None if table.get("target") is None else _numbers(table["target"])
        return {"x": table["data"], "y": y, "columns": names if of_array else ()}
    raise InputError(
        f"{_WHERE}: expected a Bunch of scikit-learn or a DataFrame, not a {type(table).__name__}; give arrays to "
        "Raw(x=…, y=…, edges=…)"
    )


def _of_frame(frame: Any, label: Any) -> dict[str, Any]:
    if label is None:
        likely = [name for name in frame.columns if str(name).lower() in LIKE_LABELS]
        if likely:
            raise InputError(
                f"{_WHERE}: is column {likely[0]!r} a feature? say label={likely[0]!r} if it is not, or Raw(x=frame) "
                "if it is"
            )
        return {"x": frame}
    if list(frame.columns).count(label) != 1:
        raise unknown("column", str(label), map(str, frame.columns), where=f"{_WHERE}: label")
    return {"x": frame.drop(columns=label), "y": _numbers(frame[label])}


def _numbers(labels: Any) -> Any:
    try:
        return class_numbers(_WHERE, labels)[0]
    except InputError as error:
        raise InputError(str(error).replace(f"dataset {_WHERE!r}", _WHERE)) from None
