"""Studies by the name that a command is given: a bundled study, a study file, or a subset in a folder of results."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.study.declaration import path, read_declaration
from benchmark.study.schema import Study
from benchmark.study.selection import OWN_LISTS, Selection, Subset, check_name, seen_from
from benchmark.study.study_file import StudyFile
from benchmark.study.toml import bundled, load_study


@dataclass(frozen=True, slots=True)
class NamedStudy:
    """A study file with the lists that replace its own.

    Attributes:
        file: The study as declared in its file.
        source: The path of the file; empty for a bundled study.
        selection: The lists that replace its own.
        name: The name of the frames. Empty for the name of the study, or that of its subset.
    """

    file: StudyFile
    source: str = ""
    selection: Selection = OWN_LISTS
    name: str = ""

    def selecting(self, selection: Selection, name: str = "") -> NamedStudy:
        """The same study with further lists.

        Args:
            selection: Lists that replace those of the study.
            name: The name of the frames; empty for the present one.

        Raises:
            InputError: If a study cannot have the name, or another one has it.
        """
        if name and (check_name(name) in bundled() or name == self.file.name):
            raise InputError(f"--as {name}: a study has this name; choose another one")
        return replace(self, selection=selection.over(self.selection), name=name or self.name)

    def frames(self, declared: Study, chosen: Study) -> str:
        """The name of the frames.

        Args:
            declared: The study of the file.
            chosen: The same with the lists of the selection.
        """
        return self.name or (declared.name if chosen == declared else f"{declared.name}--subset")

    def subset(self, name: str, results: Path) -> Subset | None:
        """The subset as its declaration keeps it; None if the frames have the name of the study itself."""
        if name == self.file.name:
            return None
        file = self.source and seen_from(results, Path(self.source))
        return Subset(study=self.file.name, file=file, selection=self.selection)


def named_study(name: str, results: Path) -> NamedStudy:
    """Read the bundled study of that name, the TOML file of that path, or the study of a subset.

    Args:
        name: The name or path.
        results: The folder of results, which holds declarations of subsets.

    Raises:
        InputError: If the study is unknown, or its file is missing, unreadable or wrong.
    """
    if name.endswith(".toml") or name in bundled():
        return NamedStudy(load_study(name), "" if name in bundled() else name)
    declaration = read_declaration(results, name)
    subset = None if declaration is None else declaration.subset
    if subset is None:
        raise unknown("study", name, [*bundled(), *subsets(results)])
    source = subset.file and os.path.normpath(results / subset.file)
    return NamedStudy(load_study(source or subset.study), source, subset.selection, name)


def subsets(results: Path, study: str = "") -> list[str]:
    """Names of the subsets in a folder of results.

    Args:
        results: The folder.
        study: The whole study; empty for every study.
    """
    suffix = path(Path(), "").name
    names = [found.name.removesuffix(suffix) for found in sorted(results.glob(f"*{suffix}"))]
    return [
        name
        for name in names
        if (kept := read_declaration(results, name)) and kept.subset and study in ("", kept.subset.study)
    ]
