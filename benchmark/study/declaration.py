"""What a study declared before its units were recorded, kept beside its frames so that no later change goes unseen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.study.schema import Contrast, Study


class Declaration(BaseModel):
    """A study's margin and contrasts, and how many of its units were recorded when they were declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin: float
    contrasts: tuple[Contrast, ...]
    recorded: int


def path(results: Path, study: str) -> Path:
    """Where a study's declaration lies."""
    return results / f"{study}.declared.json"


def declare(study: Study, results: Path, recorded: int) -> None:
    """Keep what the study declares; what was kept before stays, unless the results hold no record of any study yet.

    ``recorded`` is how many units of the study have a record, even if it is not whole.
    """
    target = path(results, study.name)
    if target.exists() and (recorded or next((results / "records").rglob("*.json"), None)):
        return
    keep(Declaration(margin=study.margin, contrasts=study.declared(), recorded=recorded), results, study.name)


def keep(declaration: Declaration, results: Path, study: str) -> None:
    """Write a declaration in the place of what was kept before."""
    write_atomically(path(results, study), (declaration.model_dump_json(indent=1) + "\n").encode())


def read_declaration(results: Path, study: str) -> Declaration | None:
    """What was declared, or None where nothing was kept; InputError where the file is damaged."""
    target = path(results, study)
    try:
        return Declaration.model_validate_json(target.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{target}: not a readable declaration ({type(error).__name__}); put back the file that was written before "
            "the run, or delete it and let the report say that none was kept"
        ) from None


def changed(study: Study, declaration: Declaration) -> dict[str, str]:
    """The contrasts that are not as they were declared, each with what became of it: changed, added or withdrawn."""
    then = {contrast.name: contrast for contrast in declaration.contrasts}
    now = {contrast.name: contrast for contrast in study.declared()}
    became = {
        name: "added" if name not in then else "changed" for name, contrast in now.items() if then.get(name) != contrast
    }
    return became | {name: "withdrawn" for name in then if name not in now}


def together(declarations: Sequence[Declaration | None], margin: float) -> Declaration | None:
    """What several studies declared, that are now reported with one ``margin``; None where one kept nothing."""
    kept = [each for each in declarations if each is not None]
    if len(kept) < len(declarations):
        return None
    contrasts = {contrast.name: contrast for each in reversed(kept) for contrast in each.contrasts}
    return Declaration(
        margin=next((each.margin for each in kept if each.margin != margin), margin),
        contrasts=tuple(contrasts.values()),
        recorded=max(each.recorded for each in kept),
    )
