"""Declaration: the analysis, contrasts and models that a study named before its units were recorded.

A declaration lies beside the frames. It shows whether the study was changed later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Contrast, Study
from benchmark.study.selection import Subset


@dataclass(frozen=True, slots=True)
class Earlier:
    """The units of a study that had a record before the study was declared.

    Attributes:
        units: Number of these units.
        known: Number of those that hold a score of the study's confirmatory contrasts; of any contrast if none is
            confirmatory.
        studies: Names of the studies that recorded them.
    """

    units: int = 0
    known: int = 0
    studies: tuple[str, ...] = ()


class Declaration(BaseModel):
    """The declared part of a study.

    Attributes:
        contrasts: All contrasts of the study.
        models: All models by name. None in files of older versions.
        analysis: How the study draws conclusions. None in files of older versions.
        digest: The digest of the analysis. None in files of older versions.
        recorded: Number of units that had a record at the time.
        known: Number of those that held a score of the contrasts, as in ``Earlier``. None in files of older versions.
        recorded_by: Names of the studies that recorded them.
        subset: The lists behind the frames; None for a whole study.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    contrasts: tuple[Contrast, ...]
    models: tuple[str, ...] | None = None
    analysis: Analysis | None = None
    digest: str | None = None
    recorded: int
    known: int | None = None
    recorded_by: tuple[str, ...] = ()
    subset: Subset | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_margin(cls, content: Any) -> Any:
        """Drop the single margin that files of older versions hold."""
        return {key: each for key, each in content.items() if key != "margin"} if isinstance(content, dict) else content

    def agrees(self, other: Declaration) -> bool:
        """Whether two declarations say the same. Models, in any order, and analyses are compared if both have them."""
        subsets = self.subset.same(other.subset) if self.subset else other.subset is None
        models = self.models is None or other.models is None or set(self.models) == set(other.models)
        analyses = self.analysis is None or other.analysis is None or self.analysis == other.analysis
        return subsets and self.contrasts == other.contrasts and models and analyses

    def joined(self, other: Declaration) -> Declaration:
        """This declaration with the most units that either of two that agree counted."""
        known = None if self.known is None or other.known is None else max(self.known, other.known)
        return self.model_copy(
            update={
                "models": self.models or other.models,
                "recorded": max(self.recorded, other.recorded),
                "known": known,
                "recorded_by": tuple(sorted({*self.recorded_by, *other.recorded_by})),
            }
        )


def path(results: Path, study: str) -> Path:
    """The file of a study's declaration.

    >>> path(Path("results"), "smoke").as_posix()
    'results/smoke.declared.json'
    """
    return results / f"{study}.declared.json"


def declare(study: Study, results: Path, earlier: Earlier, subset: Subset | None = None) -> None:
    """Keep the declaration of a study, unless one is kept and the results hold any record.

    A subset with other lists than the kept one is declared anew.

    Args:
        study: The study of the run.
        results: The folder of results.
        earlier: The study's units that have a record.
        subset: The lists that make the study a subset; None for a whole study.

    Raises:
        InputError: If the name belongs to another study.
    """
    kept = read_declaration(results, study.name)
    check_place(study.name, kept, results, subset)
    same_lists = kept is not None and (subset is None or subset.same(kept.subset))
    if same_lists and (earlier.units or next((results / "records").rglob("*.json"), None)):
        return
    declaration = Declaration(
        contrasts=study.contrasts,
        models=study.models,
        analysis=study.analysis,
        digest=study.analysis.digest,
        recorded=earlier.units,
        known=earlier.known,
        recorded_by=earlier.studies,
        subset=subset,
    )
    keep(declaration, results, study.name)


def check_place(name: str, kept: Declaration | None, results: Path, subset: Subset | None) -> None:
    """Raise InputError if the frames of a name are those of another study.

    Args:
        name: The name.
        kept: The declaration of that name; None if there is none.
        results: The folder of results.
        subset: The subset that is to have the name; None for a whole study.
    """
    other = None if kept is None else kept.subset
    if subset is None and other is not None:
        raise InputError(f"{path(results, name)} declares {other}; rename your study, or use another --results")
    if subset is not None:
        foreign = (results / f"{name}.parquet").exists() if kept is None else not other or other.study != subset.study
        if foreign:
            raise InputError(f"{results} holds another study with the name {name!r}; choose another name with --as")


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
    except (FileNotFoundError, NotADirectoryError):
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
        known=None if any(each.known is None for each in kept) else max(each.known or 0 for each in kept),
        recorded_by=tuple(sorted({name for each in kept for name in each.recorded_by})),
    )
