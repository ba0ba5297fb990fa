"""Merge several results folders into one. All files are read and compared before the first is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from zipfile import is_zipfile

from benchmark.core.errors import InputError
from benchmark.core.files import beside, write_atomically
from benchmark.results.record import Record
from benchmark.results.store import Store
from benchmark.study import declaration
from benchmark.study.declaration import Declaration

_SHOWN = 20  # most faults that an error message lists


@dataclass(frozen=True, slots=True)
class Held:
    """A record and its results folder."""

    record: Record
    folder: Path


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    Attributes:
        written: Number of new files: "declarations", "latent files", "label files", "records".
        records: Number of records in the target.
        failed: Number of failed records in the target.
        lost: Number of files of latents and drawings that records name and no folder has.
        studies: Names of the declared studies.
        devices: Kinds of devices of all records.
    """

    written: Counter[str]
    records: int
    failed: int
    lost: int
    studies: tuple[str, ...]
    devices: tuple[str, ...]


def merge(sources: Sequence[Path], results: Path) -> Merged:
    """Merge the results of the ``sources`` into ``results``.

    Merging a folder twice changes nothing. Frames are not merged: a run writes them from the records.

    Raises:
        InputError: If a file below ``records`` is not a record, two folders have different scores for one key, or two
            folders declare a study differently. Nothing is written then.
    """
    folders = [results, *_checked(sources, results)]
    faults: list[str] = []
    held = _records(folders, faults)
    merged = {key: joined for key, each in held.items() if (joined := _joined(each, faults)) is not None}
    declared = _declarations(folders, faults)
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise InputError("\n  ".join([f"{results}: nothing was merged:", *faults[:_SHOWN], *more]))
    written: Counter[str] = Counter()
    for name, kept in declared.items():  # declarations first, as in a run
        if kept != declaration.read_declaration(results, name):
            declaration.keep(kept, results, name)
            written["declarations"] += 1
    files = {file for record in merged.values() for file in (record.latents, record.generated) if file}
    lost = 0
    for file in sorted(files):  # before the records that name them
        found = next((folder for folder in folders if is_zipfile(folder / file)), None)
        lost += found is None
        if found is not None and found != results:
            write_atomically(results / file, (found / file).read_bytes())
            written["latent files"] += 1
            for extra in (beside(file, "decoder"), beside(file, "passes")):
                if is_zipfile(found / extra):
                    write_atomically(results / extra, (found / extra).read_bytes())
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
    """Return each source once. Raise InputError for a folder without records, or the target itself."""
    for folder in sources:
        if not folder.is_dir():
            raise InputError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}")
        if folder.resolve() == results.resolve():
            raise InputError(f"{folder} is the folder to merge into. Name other folders, or another --results")
        if not (folder / "records").is_dir():
            raise InputError(f"{folder} has no folder 'records'. Name a folder that was the --results of a run")
    return list({folder.resolve(): folder for folder in sources}.values())


def _records(folders: Sequence[Path], faults: list[str]) -> dict[str, list[Held]]:
    """Return all records by key, in the order of the folders. Add a line to ``faults`` for each other file."""
    held: dict[str, list[Held]] = {}
    for folder in folders:
        store = Store(folder)
        for path in store.files():
            try:
                record = store.read(path)
            except InputError as error:
                faults.append(str(error))
            else:
                held.setdefault(record.key, []).append(Held(record, folder))
    return held


def _joined(held: Sequence[Held], faults: list[str]) -> Record | None:
    """Join the records of one key. Return None, with a line in ``faults``, if they contradict each other."""
    ordered = sorted(held, key=lambda each: (each.record.status == "failed", -len(each.record.scores)))  # stable
    try:
        return reduce(_join, ordered).record
    except InputError as error:
        faults.append(str(error))
        return None


def _join(first: Held, second: Held) -> Held:
    """Join two records of one key. ``first`` has at least as many scores, unless ``second`` failed.

    Scores of one training are joined. Of two trainings the fuller record is taken, because no record mixes two
    trainings. Raises InputError if the records contradict each other.
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
            f"{_named(ours)}: {first.folder} and {second.folder} each have scores that the other lacks, from two "
            "trainings. Delete one of the records"
        )
    more = len(theirs.scores) == len(ours.scores) and theirs.latents and not ours.latents
    return second if more else first


def _same_training(ours: Record, theirs: Record) -> bool:
    """Whether two records have one latent: their files have one name (with a digest), or their bits are equal."""
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
        first_scores, second_scores = ours.scores[slot], theirs.scores[slot]
        names = dict.fromkeys([*first_scores, *second_scores])  # a record may lack a metric
        metric = next(name for name in names if first_scores.get(name) != second_scores.get(name))
        score = f"{slot.task} on {slot.readout}, draw {slot.draw}, has {metric}"
        values = [f"{each.record.scores[slot].get(metric, 'absent')} in {each.folder}" for each in (first, second)]
        more = f" ({len(others) - 1} more scores differ)" if len(others) > 1 else ""
        raise InputError(f"{_named(ours)}: {score} {values[0]} and {values[1]}{more}{_otherwise(ours, theirs)}")
    if "failed" not in (ours.status, theirs.status) and ours.status != theirs.status:
        raise InputError(f"{_named(ours)} is {ours.status} in {first.folder} and {theirs.status} in {second.folder}")


def _otherwise(ours: Record, theirs: Record) -> str:
    """Say which conditions differed when two records were made. Their scores may then differ."""
    parts = {
        "versions": ours.provenance.versions != theirs.provenance.versions,
        "processors": ours.provenance.device_name != theirs.provenance.device_name,
        "replicas": ours.provenance.replicas != theirs.provenance.replicas,
    }
    other = " and ".join(name for name, differs in parts.items() if differs)
    return f". They were made with other {other}. Delete one of the two" if other else ""


def _named(record: Record) -> str:
    identity = record.identity
    return f"record {record.key} ({record.dataset}, {identity.model}, seed {identity.seed}, {identity.unit})"


def _declarations(folders: Sequence[Path], faults: list[str]) -> dict[str, Declaration]:
    """Return the declaration of each study, with the most units that any folder had recorded before."""
    suffix = declaration.path(Path(), "").name
    found: dict[str, tuple[Declaration, Path]] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*{suffix}")):
            name = path.name.removesuffix(suffix)
            try:
                theirs = declaration.read_declaration(folder, name)
            except InputError as error:
                faults.append(str(error))
                continue
            if theirs is None:
                continue
            if theirs.subset is not None:
                theirs = theirs.model_copy(update={"subset": theirs.subset.moved(folder, folders[0])})
            ours, first = found.get(name, (theirs, folder))
            if not ours.agrees(theirs):
                faults.append(
                    f"study {name}: {first} and {folder} declare different contrasts, models, analyses or lists. "
                    f"Compare {declaration.path(first, name)} with {path}"
                )
            found[name] = (ours.joined(theirs), first)
    return {name: kept for name, (kept, _) in found.items()}
