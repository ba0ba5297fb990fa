"""The frames of a study on disk."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.results.frame_schema import SCORES, STABILITY, UNITS
from benchmark.results.record import Slot
from benchmark.results.store import Store


def paths(results: Path, study: str) -> tuple[Path, Path]:
    """Return the files of a study's scores and units.

    >>> [path.name for path in paths(Path("results"), "smoke")]
    ['smoke.parquet', 'smoke.units.parquet']
    """
    return results / f"{study}.parquet", results / f"{study}.units.parquet"


def write_frames(scores: pd.DataFrame, units: pd.DataFrame, results: Path, study: str) -> None:
    """Write both frames as parquet files. Equal frames give equal bytes."""
    for frame, path in zip((scores, units), paths(results, study), strict=True):
        write_atomically(path, _as_parquet(frame))


def read_frames(results: Path, study: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the scores and units of a study.

    Raises: InputError if a file is missing or damaged, or does not follow the schema.
    """
    scores, units = paths(results, study)
    return SCORES.checked(_read(scores, study), scores), UNITS.checked(_read(units, study), units)


def without_latents(results: Path, files: Collection[str]) -> None:
    """Take the names of removed files of latents out of all unit frames of a folder."""
    for path in sorted(results.glob("*.units.parquet")):
        frame = _read(path, path.name.removesuffix(".units.parquet"))
        if "latents" in frame and (gone := frame["latents"].isin(files)).any():
            frame.loc[gone, "latents"] = ""
            write_atomically(path, _as_parquet(frame))


def stability_path(results: Path, study: str) -> Path:
    """Return the file of a study's stability over seeds. Studies without clusters of several seeds have none.

    >>> stability_path(Path("results"), "smoke").name
    'smoke.stability.parquet'
    """
    return results / f"{study}.stability.parquet"


def write_stability(pairs: pd.DataFrame, results: Path, study: str) -> None:
    """Write the frame of stability. Remove the file of an earlier run if the frame has no rows."""
    path = stability_path(results, study)
    if pairs.empty:
        path.unlink(missing_ok=True)
    else:
        write_atomically(path, _as_parquet(pairs))


def read_stability(results: Path, study: str) -> pd.DataFrame:
    """Read the stability of a study. The frame has no rows if there is no file.

    Raises: InputError if the file is damaged, or does not follow the schema.
    """
    path = stability_path(results, study)
    return STABILITY.checked(_read(path, study), path) if path.is_file() else STABILITY.frame([])


def combine_stability(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Combine the stability of several studies. A pair of seeds that studies share appears once."""
    names = [column for column in STABILITY.names if column != "ari"]
    return pd.concat(parts, ignore_index=True).drop_duplicates(names, ignore_index=True)


def _as_parquet(frame: pd.DataFrame) -> bytes:
    """Return a frame as a parquet file that is small, because frames of published studies are committed."""
    content: bytes = frame.to_parquet(index=False, compression="zstd", compression_level=19)
    return content


def _read(path: Path, study: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Run the study first: latents run {study}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error}). Run the study again.") from None


def keys(results: Path, study: str) -> set[str]:
    """Return the keys of all units in a study's frames. Without frames the set is empty."""
    path = paths(results, study)[1]
    return set(read_frames(results, study)[1]["key"]) if path.is_file() else set()


def check_records(scores: pd.DataFrame, store: Store, path: Path) -> None:
    """Compare the scores of a frame with the records. Units without a record are skipped.

    Args:
        scores: The frame of scores.
        store: The records beside the frame.
        path: Names the frame in the error message.

    Raises: InputError if a score differs from that of its record.
    """
    for key, rows in scores.groupby("key", sort=False):
        record = store.get(str(key))
        if record is None:
            continue
        columns = (
            rows[name] for name in ("readout", "draw", "task", "version", "scoring", "repeat", "metric", "value")
        )
        for readout, draw, task, version, scoring, repeat, metric, value in zip(*columns, strict=True):
            slot = Slot(readout, draw, task, version, scoring, repeat)
            recorded = record.scores.get(slot, {}).get(metric, math.nan)
            if value != recorded and not (math.isnan(value) and math.isnan(recorded)):
                raise InputError(
                    f"{path}: {task} {metric} of {record.dataset}, {record.identity.model}, seed "
                    f"{record.identity.seed}, on {readout} is {value}, and {store.path(record.key)} says {recorded}. "
                    "Run the study again to write its frames anew, or report from a folder without these records."
                )


def combine_frames(parts: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Combine the scores and units of several studies. A unit that studies share appears once.

    A unit that is incomplete in any study counts as failed. A score counts if any study has it.
    """
    scores, units = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    scores = scores.sort_values("status", key=lambda status: status.eq("failed"), kind="stable")
    scores = scores.drop_duplicates([column for column in scores.columns if column not in ("value", "status")])
    units = units.sort_values("status", key=lambda status: status.ne("failed"), kind="stable").drop_duplicates("key")
    return scores.reset_index(drop=True), units.reset_index(drop=True)


def check_comparable(parts: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> None:
    """Check that the scores and units of several studies can be compared.

    Raises: InputError if one name means different data, the same data have two names, or a task of a dataset was scored
        in batches in one study and by scikit-learn alone in another.
    """
    pairs = pd.concat([units[["dataset", "fingerprint"]] for _, units in parts]).drop_duplicates()
    for name in pairs["dataset"][pairs["dataset"].duplicated()]:
        raise InputError(f"two of the studies call different data {name!r}; report them apart, or rename one file")
    for fingerprint in pairs["fingerprint"][pairs["fingerprint"].duplicated()]:
        one, other, *_ = pairs["dataset"][pairs["fingerprint"] == fingerprint]
        raise InputError(
            f"datasets {one!r} and {other!r} of two studies are the same data; report the studies apart, or run both "
            "with one name"
        )
    ways: dict[tuple[str, str], bool] = {}
    for scores, _ in parts:
        batched = scores["scoring"].eq("batched").groupby([scores["dataset"], scores["task"]]).any()
        for dataset, task in batched.index:
            if ways.setdefault((dataset, task), bool(batched[dataset, task])) != batched[dataset, task]:
                raise InputError(
                    f"{task} on {dataset!r}: one study scored in batches and another by scikit-learn; report them "
                    "apart, or run both with the same --scoring"
                )


def check_same_study(
    first: tuple[pd.DataFrame, pd.DataFrame], second: tuple[pd.DataFrame, pd.DataFrame], names: tuple[object, object]
) -> None:
    """Check that the scores and units of two runs of one study can be compared. Devices and ways to score may differ.

    Args:
        first: Scores and units of one run.
        second: Scores and units of the other run.
        names: Name the runs in the error message, such as their folders.

    Raises: InputError if a task has other versions, a dataset other data, or a model on a dataset other settings.
    """
    (first_scores, first_units), (second_scores, second_units) = first, second
    for ours, theirs, thing, by, value in (
        (first_scores, second_scores, "task", ["task"], "version"),
        (first_units, second_units, "dataset", ["dataset"], "fingerprint"),
        (first_units, second_units, "model", ["dataset", "model", "variant"], "settings"),
    ):
        known, new = (frame[[*by, value]].drop_duplicates() for frame in (ours, theirs))
        pairs = known.merge(new, on=by, suffixes=("_first", "_second"))
        other = pairs[pairs[f"{value}_first"] != pairs[f"{value}_second"]]
        if not other.empty:
            row = other.iloc[0]
            name = " ".join(filter(None, row[by]))
            raise InputError(
                f"{thing} {name!r} has the {value} {row[f'{value}_first']} in {names[0]} and {row[f'{value}_second']} "
                f"in {names[1]}, so the scores cannot be compared. Run the study again with one version"
            )
