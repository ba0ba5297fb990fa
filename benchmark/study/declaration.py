"""Declaration: the analysis, contrasts and models that a study named before its units were recorded.

A declaration lies beside the frames. It shows whether the study was changed later.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Contrast, Study


class Declaration(BaseModel):
    """The declared part of a study.

    Attributes:
        contrasts: All contrasts of the study.
        models: All models by name. None in files of older versions.
        analysis: How the study draws conclusions. None in files of older versions.
        digest: The digest of the analysis. None in files of older versions.
        recorded: Number of units that had a record at the time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    contrasts: tuple[Contrast, ...]
    models: tuple[str, ...] | None = None
    analysis: Analysis | None = None
    digest: str | None = None
    recorded: int

    @model_validator(mode="before")
    @classmethod
    def _without_margin(cls, content: Any) -> Any:
        """Drop the single margin that files of older versions hold."""
        return {key: each for key, each in content.items() if key != "margin"} if isinstance(content, dict) else content

    def agrees(self, other: Declaration) -> bool:
        """Whether two declarations say the same. Models, in any order, and analyses are compared if both have them."""
        models = self.models is None or other.models is None or set(self.models) == set(other.models)
        analyses = self.analysis is None or other.analysis is None or self.analysis == other.analysis
        return self.contrasts == other.contrasts and models and analyses


def path(results: Path, study: str) -> Path:
    """The file of a study's declaration.

    >>> path(Path("results"), "smoke").as_posix()
    'results/smoke.declared.json'
    """
    return results / f"{study}.declared.json"


def declare(study: Study, results: Path, recorded: int) -> None:
    """Keep the declaration of a study, unless one is kept and the results hold any record.

    Args:
        study: The study before the command line replaces its lists.
        results: The folder of results.
        recorded: Number of the study's units that have a record, complete or not.
    """
    target = path(results, study.name)
    if target.exists() and (recorded or next((results / "records").rglob("*.json"), None)):
        return
    declaration = Declaration(
        contrasts=study.contrasts,
        models=study.models,
        analysis=study.analysis,
        digest=study.analysis.digest,
        recorded=recorded,
    )
    keep(declaration, results, study.name)


def keep(declaration: Declaration, results: Path, study: str) -> None:
    """Write a declaration. An earlier one is replaced."""
    write_atomically(path(results, study), (declaration.model_dump_json(indent=1) + "\n").encode())


def read_declaration(results: Path, study: str) -> Declaration | None:
    """Read the declaration of a study; None without a file.

    Raises:
        InputError: If the file is damaged.
    """
    target = path(results, study)
    try:
        return Declaration.model_validate_json(target.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged"
        raise InputError(
            f"{target}: not a readable declaration ({reason}); put back the file from before the run, "
            "or delete it: the report then says that none was kept"
        ) from None


def changed(study: Study, declaration: Declaration) -> dict[str, str]:
    """The contrasts that differ from the declaration, by name: "added", "changed" or "withdrawn"."""
    then = {contrast.name: contrast for contrast in declaration.contrasts}
    now = {contrast.name: contrast for contrast in study.contrasts}
    changes = {
        name: "added" if name not in then else "changed" for name, contrast in now.items() if then.get(name) != contrast
    }
    return changes | {name: "withdrawn" for name in then if name not in now}


def changed_models(study: Study, declaration: Declaration) -> dict[str, str]:
    """The models that differ from the declaration, by name: "added" or "withdrawn".

    A study of "all" models gains models with an update. Older declarations hold no models; then nothing is reported.
    """
    if declaration.models is None:
        return {}
    changes = {name: "added" for name in study.models if name not in declaration.models}
    return changes | {name: "withdrawn" for name in declaration.models if name not in study.models}


def changed_analysis(study: Study, declaration: Declaration) -> dict[str, tuple[object, object]]:
    """The settings of the analysis that differ from the declaration, each with its value then and now.

    Older declarations hold no analysis; then nothing is reported.
    """
    return {} if declaration.analysis is None else declaration.analysis.changes(study.analysis)


def together(declarations: Sequence[Declaration | None], analysis: Analysis) -> Declaration | None:
    """One declaration of several studies that are reported with one analysis; None if any has none.

    An analysis that differs is kept: the report then says that it was changed.
    """
    kept = [each for each in declarations if each is not None]
    if len(kept) < len(declarations):
        return None
    contrasts = {contrast.name: contrast for each in reversed(kept) for contrast in each.contrasts}
    models = [each.models for each in kept if each.models is not None]
    analyses = [each.analysis for each in kept if each.analysis is not None]
    then = next((each for each in analyses if each != analysis), analysis) if len(analyses) == len(kept) else None
    return Declaration(
        contrasts=tuple(contrasts.values()),
        models=tuple(dict.fromkeys(name for names in models for name in names)) if len(models) == len(kept) else None,
        analysis=then,
        digest=then.digest if then else None,
        recorded=max(each.recorded for each in kept),
    )
