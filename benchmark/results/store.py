"""Store: a folder of records, one JSON file each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.results.record import Record

Recorded: TypeAlias = Mapping[str, Record]
"""Records by key. A command reads them once and passes them along."""

_KEY = re.compile(r"[0-9a-f]{32}")


class Store:
    """The records below ``results/records``. Each key has one writer at a time."""

    def __init__(self, results: Path) -> None:
        self.results = results

    def path(self, key: str) -> Path:
        """Return the path of the record with this key.

        >>> Store(Path("results")).path("c0ffee").as_posix()
        'results/records/c0/c0ffee.json'
        """
        return self.results / "records" / key[:2] / f"{key}.json"

    def files(self) -> list[Path]:
        """List all files below ``records``, records or not. Hidden files, which killed runs leave, are left out."""
        return sorted(path for path in (self.results / "records").rglob("[!.]*") if path.is_file())

    def get(self, key: str) -> Record | None:
        """Read the record with this key. Return None if it does not exist.

        Raises:
            InputError: If the file is damaged or of another schema.
        """
        try:
            return self.read(self.path(key))
        except FileNotFoundError:
            return None

    def get_all(self, keys: Iterable[str]) -> dict[str, Record]:
        """Read the records with these keys. Keys without a record are left out.

        Raises:
            InputError: If a file is damaged or of another schema.
        """
        return {key: record for key in dict.fromkeys(keys) if (record := self.get(key)) is not None}

    def read(self, path: Path) -> Record:
        """Read the record in a file.

        Raises:
            FileNotFoundError: If the file does not exist.
            InputError: If the file is not a record of this store.
        """
        key = path.stem
        if path != self.path(key) or not _KEY.fullmatch(key):
            raise InputError(f"{path}: not the name of a record. Move the file to another folder, or delete it")
        try:
            record = Record.from_json(path.read_bytes())
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{path}: not a readable record ({type(error).__name__}: {error}). "
                "Delete the file, and run the same command again"
            ) from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        if record.key != key:
            raise InputError(
                f"{path}: holds the record of another unit ({record.key}). "
                "Delete the file, and run the same command again"
            )
        return record

    def put(self, record: Record, *, same_latent: bool) -> Record:
        """Merge the record with the stored one, and write the result.

        Args:
            record: The new record.
            same_latent: Whether its scores were taken from the latent of the stored record.

        Returns:
            The written record.

        Raises:
            InputError: If both records must have the same scores, and do not.
        """
        present = self.get(record.key)
        if present is not None:
            record = present.extended(record) if same_latent else present.replaced(record)
        self.write(record)
        return record

    def write(self, record: Record) -> None:
        """Write a record in place of a stored one."""
        write_atomically(self.path(record.key), record.to_json())
