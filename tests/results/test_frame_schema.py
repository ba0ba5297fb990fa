"""The schema of the frames: it agrees with the statistics, the records and the documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchmark.results.frame_schema import SCORES, STABILITY, UNITS, ColumnType
from benchmark.statistics.scores import SCORE_COLUMNS

DOCUMENT = Path(__file__).parents[2] / "docs" / "results.md"
EACH = pytest.mark.parametrize("schema", [SCORES, UNITS, STABILITY], ids=lambda schema: schema.name)


@EACH
def test_every_column_has_one_name_a_type_and_a_meaning(schema):
    assert len(set(schema.names)) == len(schema.names)
    for column in schema.columns:
        assert column.type in get_args(ColumnType)
        assert column.meaning
        assert "|" not in column.meaning


@EACH
def test_a_frame_without_rows_has_the_types_of_the_schema(schema):
    frame = schema.frame([])
    for column in schema.columns:
        assert str(frame[column.name].dtype) in (("str", "object") if column.type == "str" else (column.type,))
    assert schema.checked(frame, "empty").equals(frame)


@EACH
def test_a_row_with_other_columns_is_refused(schema):
    with pytest.raises(ValueError, match=rf"{schema.name}: a row has the columns seed, expected \w+, "):
        schema.frame([{"seed": 0}])


def test_the_statistics_use_the_columns_of_the_scores_and_no_note():
    assert {*SCORE_COLUMNS, "note"} == set(SCORES.names)


@EACH
def test_the_documentation_lists_every_column(schema):
    assert schema.markdown() in DOCUMENT.read_text(encoding="utf-8")


def test_the_schema_needs_neither_torch_nor_models():
    code = (
        "import sys, benchmark.results.frame_schema\nsys.exit(bool({'torch', 'benchmark.models'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
