"""Remove the kept latents of a study. Scores, curves, diagnostics and drawings stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from benchmark.plan.grid import Plan
from benchmark.plan.units import Training
from benchmark.results.frames import without_latents
from benchmark.results.record import NUMERICS, Identity
from benchmark.results.store import Store


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The files that were removed: their number, and their size in bytes."""

    files: int
    size: int


def clean(plan: Plan, store: Store) -> Cleaned:
    """Remove the latents, decoders and training passes of all units of a plan, of every kind of device.

    Records and unit frames no longer name them then. Drawings stay: a study that asks for them would train again.

    Raises:
        InputError: If a record is damaged.
    """
    folder = store.results / "latents"
    prefixes = {key for training in plan.trainings for key in _keys_of_latents(training)}
    found = [path for path in folder.glob("*.npz") if path.name.partition("-")[0] in prefixes]
    removed = [path for path in found if not path.name.endswith(".generated.npz")]
    names = {f"latents/{path.name}" for path in removed}
    _forget(plan, store, names)  # first, so that no record ever names a removed file
    size = 0
    for path in removed:
        size += path.stat().st_size
        path.unlink()
    return Cleaned(len(removed), size)


def _forget(plan: Plan, store: Store, names: Collection[str]) -> None:
    """Take the names of files out of the records of a plan and of the unit frames of all studies."""
    for training in plan.trainings:
        for identity in training.identities:
            for key in (each.key for each in _of_all_devices(identity)):
                record = store.get(key)
                if record is not None and record.latents in names:
                    store.write(replace(record, latents=""))
    without_latents(store.results, names)


def _keys_of_latents(training: Training) -> list[str]:
    """The names of the latents of a training on every kind of device."""
    unit = training.units[0]
    return [replace(training, units=(replace(unit, identity=each),)).key for each in _of_all_devices(unit.identity)]


def _of_all_devices(identity: Identity) -> list[Identity]:
    """The identity on every kind of device, with its numerics and all earlier ones."""
    kinds = [(device, version) for device, latest in NUMERICS.items() for version in range(latest + 1)]
    return [replace(identity, device=device, numerics=version) for device, version in kinds]
