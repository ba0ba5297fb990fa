"""Record: one trained unit and its scores, one JSON file each; Store: a folder of them."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.results.record import Record

_KEY = re.compile(r"[0-9a-f]{32}")


class Store:
    """The records below ``results/records``; one writer at a time for each key."""

    def __init__(self, results: Path) -> None:
        self.results = results

    def path(self, key: str) -> Path:
        """Where the record of that key lies."""
        return self.results / "records" / key[:2] / f"{key}.json"

    def files(self) -> list[Path]:
        """Every file below ``records`` but hidden ones, which killed runs leave; what is no record among them too."""
        return sorted(path for path in (self.results / "records").rglob("[!.]*") if path.is_file())

    def get(self, key: str) -> Record | None:
        """The record, None where there is none; InputError where its file is damaged or of another schema."""
        try:
            return self.read(self.path(key))
        except FileNotFoundError:
            return None

    def read(self, path: Path) -> Record:
        """The record in that file; FileNotFoundError where there is none, InputError where it is no record of ours."""
        key = path.stem
        if path != self.path(key) or not _KEY.fullmatch(key):
            raise InputError(f"{path}: not the name of a record; move it elsewhere, or delete it")
        try:
            record = Record.from_json(path.read_bytes())
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{path}: not a readable record ({type(error).__name__}: {error}); "
                "delete it, and the same command makes it anew"
            ) from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        if record.key != key:
            raise InputError(
                f"{path}: holds the record of another unit ({record.key}); "
                "delete it, and the same command makes it anew"
            )
        return record

    def put(self, record: Record, *, same_latent: bool) -> Record:
        """Write the record, together with what is there already; the one now stored.

        ``same_latent`` where its scores were taken from the latent that the present record was scored on.
        """
        present = self.get(record.key)
        if present is not None:
            record = present.extended(record) if same_latent else present.replaced(record)
        write_atomically(self.path(record.key), record.to_json())
        return record
