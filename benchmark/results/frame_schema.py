"""The columns of the frames that a study leaves: scores, units, and stability over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from pandas.api import types

from benchmark.core.errors import InputError

ColumnType = Literal["str", "int64", "float64", "bool"]

_HAS_TYPE: Mapping[ColumnType, Callable[[pd.Series[Any]], bool]] = {
    "str": types.is_string_dtype,
    "int64": types.is_integer_dtype,
    "float64": types.is_float_dtype,
    "bool": types.is_bool_dtype,
}
_REMEDY = "Run the study again: the command writes the frames anew and repeats no training."


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """One column of a frame.

    Attributes:
        unit: The unit of measurement. Names, texts and flags have none.
        optional: Whether a row may lack the value. NaN then stands in its place.
        earlier: The value for frames of earlier versions, which lack the column. None refuses such frames.
    """

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    optional: bool = False
    earlier: str | int | float | None = None


@dataclass(frozen=True, slots=True)
class FrameSchema:
    """The columns of one frame, in order.

    >>> sizes = FrameSchema("sizes", (FrameColumn("size", "int64", "size of a file", "bytes"),))
    >>> sizes.frame([{"size": 12}]).to_dict("records")
    [{'size': 12}]
    >>> str(sizes.frame([])["size"].dtype)
    'int64'
    """

    name: str
    columns: tuple[FrameColumn, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def frame(self, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """Build the frame from its rows. A frame without rows has the same types.

        Raises: ValueError if a row has other columns, or a value of another type.
        """
        values: dict[str, list[Any]] = {name: [] for name in self.names}
        for row in rows:
            if row.keys() != values.keys():
                raise ValueError(f"{self.name}: a row has the columns {', '.join(row)}, expected {', '.join(values)}")
            for name, value in row.items():
                values[name].append(value)
        return pd.DataFrame({each.name: pd.Series(values[each.name], dtype=each.type) for each in self.columns})

    def checked(self, frame: pd.DataFrame, source: object) -> pd.DataFrame:
        """Return the frame if it follows the schema, with its columns in the schema's order.

        A frame of an earlier version gets the columns that it lacks, with their value ``earlier``.

        Args:
            frame: Any frame.
            source: Name of the frame in the error message, such as a path.

        Raises: InputError if a column is missing, unknown, of another type, or lacks a value that must be there.
        """
        new = {each.name: each for each in self.columns if each.name not in frame.columns and each.earlier is not None}
        frame = frame.assign(
            **{name: pd.Series(each.earlier, frame.index, dtype=each.type) for name, each in new.items()}
        )
        missing = [name for name in self.names if name not in frame.columns]
        strange = [str(name) for name in frame.columns if name not in self.names]
        for names, fault in ((missing, "missing"), (strange, "unknown")):
            if names:
                raise InputError(
                    f"{source}: columns are {fault}: {', '.join(names)}. Another version made this file. {_REMEDY}"
                )
        for column in self.columns:
            values = frame[column.name]
            if not _HAS_TYPE[column.type](values):
                raise InputError(
                    f"{source}: column {column.name!r} has the type {values.dtype}, expected {column.type}. {_REMEDY}"
                )
            if not column.optional and values.isna().any():
                raise InputError(f"{source}: column {column.name!r} lacks {values.isna().sum()} values. {_REMEDY}")
        return frame[self.names]

    def markdown(self) -> str:
        """Render the schema as a Markdown table with a line for each column."""
        lines = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        for column in self.columns:
            meaning = f"{column.meaning}; may be missing" if column.optional else column.meaning
            lines.append(f"| `{column.name}` | {column.type} | {column.unit} | {meaning} |")
        return "\n".join(lines) + "\n"


_DATASET = FrameColumn("dataset", "str", "name of the dataset")
_MODEL = FrameColumn("model", "str", "name of the model")
_VARIANT = FrameColumn("variant", "str", "settings that the study overrides, as `epochs=5 hidden=8`; empty if none")
_SEED = FrameColumn("seed", "int64", "the repetition, from 0")
_UNIT = FrameColumn(
    "unit",
    "str",
    "edge set that the model trains on, `all-edges` or `training-edges`; or rows that are scored, `training-rows` or "
    "`held-out-rows`",
)
_KEY = FrameColumn("key", "str", "32 hexadecimal digits that name the unit and its record")

_READOUT = FrameColumn("readout", "str", "how the task reads the latents: `mean`, `sampled` and so on")
_DRAW = FrameColumn("draw", "int64", "number of the draw from the posterior, from 0")
_TASK = FrameColumn("task", "str", "name of the task")
_VERSION = FrameColumn("version", "int64", "version of the task")

SCORES = FrameSchema(
    "scores",
    (
        _DATASET,
        _MODEL,
        _VARIANT,
        _SEED,
        _UNIT,
        _READOUT,
        _DRAW,
        _TASK,
        FrameColumn(
            "repeat", "int64", "number of the repeat of a score: another few rows, non-edges or k-means", earlier=0
        ),
        FrameColumn("metric", "str", "name of the metric"),
        _VERSION,
        FrameColumn(
            "scoring",
            "str",
            "software that scored: `scikit-learn`, or `batched` for many latents at once",
            earlier="scikit-learn",
        ),
        FrameColumn("value", "float64", "the score, in full precision", "as the metric", optional=True),
        FrameColumn("status", "str", "`complete`, `diverged` (scored as a constant) or `failed` (no value)"),
        FrameColumn("note", "str", "why the task gave a chance score; empty otherwise", earlier=""),
        _KEY,
    ),
)

UNITS = FrameSchema(
    "units",
    (
        _KEY,
        _DATASET,
        _MODEL,
        _VARIANT,
        _SEED,
        _UNIT,
        FrameColumn("status", "str", "`complete`, `diverged` or `failed`; a unit that lacks a score counts as failed"),
        FrameColumn("message", "str", "why the unit diverged or failed; empty otherwise"),
        FrameColumn("model_family", "str", "family of the model: `ae`, `gae`, `control` and so on"),
        FrameColumn("likelihood", "str", "likelihood of the decoder; empty if the model has none"),
        FrameColumn("beta", "float64", "weight of the divergence in the loss", optional=True),
        FrameColumn("latent", "str", "kind of posterior; `point` if the latent has no spread"),
        FrameColumn("objective", "str", "the loss, in words"),
        FrameColumn("source", "str", "publication of the model"),
        FrameColumn("note", "str", "deviations from the publication"),
        FrameColumn("settings", "str", "hyperparameters, as JSON"),
        FrameColumn("dataset_family", "str", "family of the dataset: `citation`, `image` and so on"),
        FrameColumn("evidence", "bool", "whether the dataset counts as evidence"),
        FrameColumn("built_in", "bool", "whether the dataset needs no download"),
        FrameColumn("scaling", "str", "scaling of the features"),
        FrameColumn("scaling_reason", "str", "why this scaling; empty if not known", earlier=""),
        FrameColumn("fingerprint", "str", "digest of the dataset's content"),
        FrameColumn("rows", "int64", "size of the dataset", "rows"),
        FrameColumn("features", "int64", "width of the dataset", "features"),
        FrameColumn("classes", "int64", "number of classes; 0 without labels", "classes"),
        FrameColumn("unlabelled", "int64", "rows without a label in a dataset with labels", "rows", earlier=0),
        FrameColumn("notes", "str", "remarks on parts that were left out of the dataset, as a JSON list", earlier="[]"),
        FrameColumn("dataset_graph", "str", "graph at hand: `own` or the derived one, as `9-nearest-neighbours`"),
        FrameColumn("edges", "int64", "size of the graph at hand, each pair counted once", "edges"),
        FrameColumn(
            "homophily",
            "float64",
            "share of the edges at hand that join rows of one class",
            optional=True,
            earlier=math.nan,
        ),
        FrameColumn("graph", "str", "graph that the model trains on; `none` if the model uses no graph"),
        FrameColumn(
            "seconds", "float64", "training time per replica; 0 if another unit has the same latent", "seconds"
        ),
        FrameColumn("scoring_seconds", "float64", "scoring time", "seconds"),
        FrameColumn("peak_memory", "int64", "most memory of the training process, or of the GPU", "bytes"),
        FrameColumn("device", "str", "`cpu` or `cuda`"),
        FrameColumn("device_name", "str", "name of the processor or GPU"),
        FrameColumn("replicas", "int64", "seeds that trained together", "seeds"),
        FrameColumn("halved", "int64", "how often the batch was halved because memory ran out"),
        FrameColumn(
            "execution",
            "str",
            "how training steps ran on a GPU: `captured` as CUDA graphs, or `plain: ` and why; empty on a CPU",
            earlier="",
        ),
        FrameColumn("versions", "str", "versions of Python, packages and plugins, as JSON"),
        FrameColumn("commit", "str", "git commit of the code; empty outside a checkout"),
        FrameColumn("command", "str", "command that made the record"),
        FrameColumn("day", "str", "day of the record in UTC, as 2026-01-31; empty if not known", earlier=""),
        FrameColumn("still_falling", "bool", "whether the loss still fell by over 1 % in the last tenth of the epochs"),
        FrameColumn("curve", "str", "loss and its parts by epoch, as JSON", "nats per row"),
        FrameColumn("diagnostics", "str", "measures of the latent, such as rate and signal-to-noise ratio, as JSON"),
        FrameColumn("latents", "str", "file of the latents below the results folder; empty if not kept"),
        FrameColumn("generated", "str", "file of the drawings below the results folder; empty if not kept"),
    ),
)

STABILITY = FrameSchema(
    "stability",
    (
        _DATASET,
        _MODEL,
        _VARIANT,
        _UNIT,
        _READOUT,
        _DRAW,
        _TASK,
        FrameColumn("repeat", "int64", "number of the repeat of the task"),
        _VERSION,
        FrameColumn("seed", "int64", "the first seed of the pair"),
        FrameColumn("other_seed", "int64", "the second seed, above the first"),
        FrameColumn("ari", "float64", "adjusted Rand index of the clusters of both seeds, in full precision"),
        FrameColumn("key", "str", "the record of the first seed"),
        FrameColumn("other_key", "str", "the record of the second seed"),
    ),
)
