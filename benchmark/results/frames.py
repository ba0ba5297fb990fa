"""The two frames of a study on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.results.record import Cell
from benchmark.results.store import Store


def paths(results: Path, study: str) -> tuple[Path, Path]:
    """Where a study's frames lie: scores, units."""
    return results / f"{study}.parquet", results / f"{study}.units.parquet"


def write_frames(scores: pd.DataFrame, units: pd.DataFrame, results: Path, study: str) -> None:
    """Both frames as parquet; equal frames, equal bytes."""
    for frame, path in zip((scores, units), paths(results, study), strict=True):
        write_atomically(path, frame.to_parquet(index=False))


def read_frames(results: Path, study: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both frames; InputError where a file is missing or damaged."""
    read = []
    for path in paths(results, study):
        try:
            read.append(pd.read_parquet(path))
        except FileNotFoundError:
            raise InputError(
                f"{path}: there is none yet; run the study first: python -m benchmark run {study}"
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a readable parquet file ({error}); run the study again") from None
    return read[0], read[1]


def keys(results: Path, study: str) -> set[str]:
    """The keys of all units in a study's frames; none where there are no frames."""
    path = paths(results, study)[1]
    return set(read_frames(results, study)[1]["key"]) if path.is_file() else set()


def check_records(scores: pd.DataFrame, store: Store, path: Path) -> None:
    """InputError where a score of the frame in ``path`` is not that of its record; without the record, nothing."""
    for key, rows in scores.groupby("key", sort=False):
        record = store.get(str(key))
        if record is None:
            continue
        columns = (rows[name] for name in ("readout", "draw", "task", "version", "metric", "value"))
        for readout, draw, task, version, metric, value in zip(*columns, strict=True):
            told = record.scores.get(Cell(readout, draw, task, version), {}).get(metric, math.nan)
            if value != told and not (math.isnan(value) and math.isnan(told)):
                raise InputError(
                    f"{path}: {task} {metric} of {record.dataset}, {record.identity.model}, seed "
                    f"{record.identity.seed}, on {readout} is {value} in it and {told} in {store.path(record.key)}; "
                    "run the study again, which writes its frames anew, or report from a folder without these records"
                )


def together(read: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frames of several studies as one; what two of them hold of the same unit is there once.

    A unit that one of them has not wholly counts as failed, but a score counts that any of them has.
    """
    scores, units = (pd.concat(frames, ignore_index=True) for frames in zip(*read, strict=True))
    scores = scores.sort_values("status", key=lambda status: status.eq("failed"), kind="stable")
    scores = scores.drop_duplicates([column for column in scores.columns if column not in ("value", "status")])
    units = units.sort_values("status", key=lambda status: status.ne("failed"), kind="stable").drop_duplicates("key")
    return scores.reset_index(drop=True), units.reset_index(drop=True)
