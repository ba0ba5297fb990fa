"""The two frames of a study on disk."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.errors import InputError
from benchmark.files import write_atomically


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
