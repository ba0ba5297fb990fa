"""Several results folders put together into one: all is read and compared before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from zipfile import is_zipfile

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.results.record import Record
from benchmark.results.store import Store
from benchmark.study import declaration
from benchmark.study.declaration import Declaration

_SHOWN = 20  # of what stands against merging, a line each


@dataclass(frozen=True, slots=True)
class Held:
    """A record and the results folder that it lies in."""

    record: Record
    folder: Path


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge wrote, and what the target then holds."""

    written: Counter[str]  # files: "declarations", "latent files", "label files", "records"
    records: int
    failed: int  # of the records
    lost: int  # files of latents and drawings that records name and no folder holds
    studies: tuple[str, ...]  # that were declared
    devices: tuple[str, ...]  # kinds, of all records


def merge(sources: Sequence[Path], results: Path) -> Merged:
    """Bring what the ``sources`` hold into ``results``, each file whole or not at all.

    InputError, and nothing is written, where a file below ``records`` is no record, where two folders hold other scores
    of the same key, or where they declare a study differently. The records of a folder that is merged again change
    nothing. Frames are not merged: they follow from the records.
    """
    folders = [results, *_checked(sources, results)]
    against: list[str] = []
    held = _records(folders, against)
    merged = {key: joined for key, each in held.items() if (joined := _joined(each, against)) is not None}
    declared = _declarations(folders, against)
    if against:
        more = [f"and {len(against) - _SHOWN} more"] if len(against) > _SHOWN else []
        raise InputError("\n  ".join([f"{results}: nothing was merged:", *against[:_SHOWN], *more]))
    written: Counter[str] = Counter()
    for name, kept in declared.items():  # first of all, as a run does
        if kept != declaration.read_declaration(results, name):
            declaration.keep(kept, results, name)
            written["declarations"] += 1
    files = {file for record in merged.values() for file in (record.latents, record.generated) if file}
    lost = 0
    for file in sorted(files):  # before the records, which name them
        found = next((folder for folder in folders if is_zipfile(folder / file)), None)
        lost += found is None
        if found is not None and found != results:
            write_atomically(results / file, (found / file).read_bytes())
            written["latent files"] += 1
    for path in (path for folder in folders[1:] for path in sorted((folder / "labels").glob("*.npz"))):
        target = results / "labels" / path.name
        if is_zipfile(path) and not is_zipfile(target):
            write_atomically(target, path.read_bytes())
            written["label files"] += 1
    for key, record in merged.items():
        if Held(record, results) not in held[key]:
            write_atomically(Store(results).path(key), record.to_json())
            written["records"] += 1
    devices = tuple(sorted({record.identity.device for record in merged.values()}))
    failed = sum(record.status == "failed" for record in merged.values())
    return Merged(written, len(merged), failed, lost, tuple(sorted(declared)), devices)


def _checked(sources: Sequence[Path], results: Path) -> list[Path]:
    """The sources, each once; InputError for one that is no folder of results, or the target itself."""
    for folder in sources:
        if not folder.is_dir():
            raise InputError(f"{folder}: {'it is not a folder' if folder.exists() else 'there is no such folder'}")
        if folder.resolve() == results.resolve():
            raise InputError(f"{folder}: it is the folder to merge into; name others, or another --results")
        if not (folder / "records").is_dir():
            raise InputError(f"{folder}: it has no folder 'records'; name the folder that run was given as --results")
    return list({folder.resolve(): folder for folder in sources}.values())


def _records(folders: Sequence[Path], against: list[str]) -> dict[str, list[Held]]:
    """Every record by its key, those of the first folder first; what is no record is added to ``against``."""
    held: dict[str, list[Held]] = {}
    for folder in folders:
        store = Store(folder)
        for path in store.files():
            try:
                record = store.read(path)
            except InputError as error:
                against.append(str(error))
            else:
                held.setdefault(record.key, []).append(Held(record, folder))
    return held


def _joined(held: Sequence[Held], against: list[str]) -> Record | None:
    """One record of all that folders hold of a key, or None where they contradict each other."""
    ordered = sorted(held, key=lambda each: (each.record.status == "failed", -len(each.record.scores)))  # stable
    try:
        return reduce(_join, ordered).record
    except InputError as error:
        against.append(str(error))
        return None


def _join(first: Held, second: Held) -> Held:
    """Both in one; ``first`` has as many scores as ``second`` or more, unless this one failed.

    Scores of one training are put together. Of two trainings, which may have come out equal in all that both were
    asked, one record is taken whole, for no record mixes two. InputError where they contradict each other.
    """
    _check_scores(first, second)
    ours, theirs = first.record, second.record
    if theirs.status == "failed":
        return first
    new = {slot: metrics for slot, metrics in theirs.scores.items() if slot not in ours.scores}
    if _same_training(ours, theirs):
        whole = ours.extended(replace(theirs, scores=new, message=ours.message)) if new else ours
        latents, generated = ours.latents or theirs.latents, ours.generated or theirs.generated
        return Held(replace(whole, latents=latents, generated=generated), first.folder)
    if new:
        raise InputError(
            f"{_named(ours)}: {first.folder} and {second.folder} each hold scores that the other lacks, and they are "
            "of two trainings; delete one of the records"
        )
    more = len(theirs.scores) == len(ours.scores) and theirs.latents and not ours.latents
    return second if more else first


def _same_training(ours: Record, theirs: Record) -> bool:
    """Whether two records are of one latent: by its digest, which its file is named by, or for they must be equal."""
    if ours.latents and theirs.latents:
        return ours.latents == theirs.latents
    return ours.reproducible and theirs.reproducible and ours.made_by == theirs.made_by


def _check_scores(first: Held, second: Held) -> None:
    ours, theirs = first.record, second.record
    others = [
        slot for slot in sorted(ours.scores.keys() & theirs.scores.keys()) if ours.scores[slot] != theirs.scores[slot]
    ]
    if others:
        slot = others[0]
        metric = next(name for name in ours.scores[slot] if ours.scores[slot][name] != theirs.scores[slot].get(name))
        what = f"{slot.task} on {slot.readout}, draw {slot.draw}, has {metric}"
        values = [f"{each.record.scores[slot].get(metric)} in {each.folder}" for each in (first, second)]
        more = f" ({len(others) - 1} more of its scores differ)" if len(others) > 1 else ""
        raise InputError(f"{_named(ours)}: {what} {values[0]} and {values[1]}{more}{_otherwise(ours, theirs)}")
    if "failed" not in (ours.status, theirs.status) and ours.status != theirs.status:
        raise InputError(
            f"{_named(ours)}: it is {ours.status} in {first.folder} and {theirs.status} in {second.folder}"
        )


def _otherwise(ours: Record, theirs: Record) -> str:
    """What was not the same when two records of a key were made, if anything: then they need not be equal."""
    parts = {
        "versions": ours.provenance.versions != theirs.provenance.versions,
        "processors": ours.provenance.device_name != theirs.provenance.device_name,
        "replicas": ours.provenance.replicas != theirs.provenance.replicas,
    }
    other = " and ".join(name for name, differs in parts.items() if differs)
    return f"; they were made with other {other}: delete one of the two" if other else ""


def _named(record: Record) -> str:
    identity = record.identity
    return f"record {record.key} ({record.dataset}, {identity.model}, seed {identity.seed}, {identity.unit})"


def _declarations(folders: Sequence[Path], against: list[str]) -> dict[str, Declaration]:
    """What the folders declare of each study, with the most units that one of them had recorded when it did."""
    suffix = declaration.path(Path(), "").name
    found: dict[str, tuple[Declaration, Path]] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*{suffix}")):
            name = path.name.removesuffix(suffix)
            try:
                theirs = declaration.read_declaration(folder, name)
            except InputError as error:
                against.append(str(error))
                continue
            if theirs is None:
                continue
            ours, where = found.get(name, (theirs, folder))
            if not ours.agrees(theirs):
                against.append(
                    f"study {name}: {where} and {folder} declare different contrasts, models or margins; "
                    f"compare {declaration.path(where, name)} with {path}"
                )
            recorded = max(ours.recorded, theirs.recorded)
            found[name] = (
                ours.model_copy(update={"recorded": recorded, "models": ours.models or theirs.models}),
                where,
            )
    return {name: kept for name, (kept, _) in found.items()}
