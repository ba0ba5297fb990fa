"""Selection: the lists of a command that replace those of a study. A study with such lists is a subset."""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.study.frozen import Frozen
from benchmark.study.schema import NAME

_BETWEEN = re.compile(r",(?!\s*[a-z]+=)")  # commas between names, not before an option as in csv:f.csv,edges=e.csv


class Selection(Frozen):
    """The lists that replace those of a study. None keeps the study's own.

    Attributes:
        datasets: Names of datasets. A file keeps its options, as in ``csv:f.csv,edges=e.csv``.
        models: Names of models. Variants, waterfalls and ladders are left out.
        tasks: Names of tasks. Waterfalls, and everything that none of the tasks scores, are left out.
        seeds: Number of seeds.
    """

    datasets: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    seeds: int | None = None

    @classmethod
    def of(
        cls, datasets: str | None = None, models: str | None = None, tasks: str | None = None, seeds: int | None = None
    ) -> Selection:
        """Read the options of a command, with commas between names.

        Raises:
            InputError: If ``seeds`` is below 1 or a list is empty.

        >>> print(Selection.of("wine, csv:f.csv,edges=e.csv", seeds=2))
        datasets wine, csv:f.csv,edges=e.csv; seeds 2
        """
        if seeds is not None and seeds < 1:
            raise InputError(f"--seeds {seeds}: must be at least 1")
        return cls(
            datasets=_names("datasets", datasets),
            models=_names("models", models),
            tasks=_names("tasks", tasks),
            seeds=seeds,
        )

    def __str__(self) -> str:
        given = {name: value for name, value in self if value is not None}
        return "; ".join(f"{name} {value if name == 'seeds' else ', '.join(value)}" for name, value in given.items())

    def over(self, other: Selection) -> Selection:
        """These lists, and those of ``other`` in place of lists that are None."""
        return other.model_copy(update={name: value for name, value in self if value is not None})


OWN_LISTS = Selection()


class Subset(Frozen):
    """The study and the lists behind the frames of another name.

    Attributes:
        study: Name of the whole study.
        file: The study's file, seen from the folder of results; empty for a bundled study.
        selection: The lists that replace those of the study.
    """

    study: str
    file: str = ""
    selection: Selection

    def __str__(self) -> str:
        lists = str(self.selection)
        return f"the study {self.study} with other lists: {lists}" if lists else f"the whole study {self.study}"

    def same(self, other: Subset | None) -> bool:
        """Whether both are the same lists of the same study, wherever its file lies."""
        return other is not None and (self.study, self.selection) == (other.study, other.selection)

    def moved(self, folder: Path, results: Path) -> Subset:
        """The subset as it reads in another folder of results.

        Args:
            folder: The folder of results that ``file`` is seen from.
            results: The other folder.

        >>> Subset(study="mine", file="../mine.toml", selection=Selection()).moved(Path("a"), Path("b/c")).file
        '../../mine.toml'
        """
        return self.model_copy(update={"file": self.file and seen_from(results, folder / self.file)})


def seen_from(folder: Path, path: Path) -> str:
    """Write a path relative to a folder, with slashes.

    >>> seen_from(Path("results"), Path("mine.toml"))
    '../mine.toml'
    """
    return Path(os.path.relpath(path, folder)).as_posix()


def _names(option: str, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in _BETWEEN.split(value) if name.strip()))
    if not names:
        raise InputError(f"--{option} {value!r}: must hold at least one name")
    return names


def check_name(name: str) -> str:
    """Return a name for frames.

    Raises:
        InputError: If a study cannot have the name.
    """
    if not re.fullmatch(NAME, name):
        raise InputError(f"--as {name!r}: expected lower-case letters, digits and hyphens, the first a letter or digit")
    return name
