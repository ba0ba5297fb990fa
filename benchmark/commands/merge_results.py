"""``merge``: put several results folders together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands.options import Results
from benchmark.study.declaration import read_declaration
from benchmark.study.toml import bundled


def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Results folders. They stay as they are.")],
    results: Results = Path("results"),
) -> None:
    """Merge several results folders into one. Two records with one key and different scores are refused."""
    from benchmark.results import merge as merging

    merged = merging.merge(folders, results)
    new = ", ".join(f"{n} {what.removesuffix('s') if n == 1 else what}" for what, n in merged.written.items())
    failed = f", {merged.failed} of them failed" if merged.failed else ""
    print(f"{results}: {new or 'nothing'} new; {merged.records} records in all{failed}")
    if merged.lost:
        print(f"{merged.lost} latent files of these records are in none of the folders")
    for study in merged.studies:
        kept = read_declaration(results, study)
        by_name = study in bundled() or (kept is not None and kept.subset is not None)
        name = study if by_name else f"{study}.toml"
        device = "|".join(merged.devices)
        print(f"to write the frames: latents run {name} --device {device} --results {results}")
