"""Files that a run kept beside its frames: latents, labels, and images from decoders.

The figures show little of them: 200 rows of a latent, a few images. This little is an *excerpt*. ``report`` keeps all
excerpts of a study in one small file beside its frames, so that the page can be made again without the latents.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.core.files import write_atomically

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

# numpy, zipfile and zlib raise these on a cut or altered file
_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, TokenError)


def excerpts_path(results: Path, study: str) -> Path:
    """Return the file of a study's excerpts. Studies without kept files have none.

    >>> excerpts_path(Path("results"), "claim").name
    'claim.drawn.npz'
    """
    return results / f"{study}.drawn.npz"


class KeptFiles:
    """Reads kept files below a folder of results, and notes the damaged ones.

    Args:
        results: The folder of results. None stands for a folder without kept files.
        studies: The studies whose excerpts stand in for files that are gone.
    """

    def __init__(self, results: Path | None, studies: Iterable[str] = ()) -> None:
        self._results = results
        self._damaged: dict[str, None] = {}
        self._earlier: dict[str, Arrays] = {}
        self._excerpts: dict[str, Arrays] = {}
        for study in studies:
            if results is not None:
                self._earlier |= self._read(excerpts_path(results, study))

    @property
    def damaged(self) -> tuple[str, ...]:
        """The damaged files among those that were read, in the order of reading."""
        return tuple(self._damaged)

    def arrays(self, path: str, *names: str) -> tuple[NDArray[Any], ...] | None:
        """Return the named arrays of a file.

        Args:
            path: The file, relative to the folder of results. Empty if the unit kept none.
            names: Names of arrays in the file.

        Returns:
            None if the file or a name does not exist. A damaged file gives None too, and is noted in ``damaged``.
        """
        if self._results is None or not path:
            return None
        try:
            with zipfile.ZipFile(self._results / path) as file:
                if not {f"{name}.npy" for name in names} <= set(file.namelist()):
                    return None
                return tuple(_array(file, name) for name in names)
        except FileNotFoundError:
            return None
        except _DAMAGE:
            self._damaged[path] = None
            return None

    def excerpt(self, name: str, make: Callable[[], Arrays | None]) -> Arrays | None:
        """Return the part of kept files that a figure shows. If the files are gone, return the part from before.

        Args:
            name: A file and the part of it, such as ``latents/0123.npz/rows``.
            make: Makes the arrays from the kept files, or returns None if these are gone.
        """
        made = make()
        found = self._earlier.get(name) if made is None else made
        if found is not None:
            self._excerpts[name] = found
        return found

    def write_excerpts(self, study: str, files: Collection[str]) -> bool:
        """Write the excerpts of a study beside its frames, also earlier ones that this page does not show.

        Equal excerpts give equal bytes. Nothing is written if there are none, or if the file holds them already.

        Args:
            study: The study.
            files: The kept files that its units name.

        Returns:
            Whether the file was written.

        Raises:
            InputError: If the file cannot be written.
        """
        every = self._earlier | self._excerpts  # another page may show other parts
        mine = {name: arrays for name, arrays in sorted(every.items()) if name.rpartition("/")[0] in files}
        if self._results is None or not mine:
            return False
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
            for name, arrays in mine.items():
                for part, array in sorted(arrays.items()):
                    member = io.BytesIO()
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
                    file.writestr(zipfile.ZipInfo(f"{name}/{part}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
        path = excerpts_path(self._results, study)
        if path.is_file() and path.read_bytes() == content.getvalue():
            return False
        write_atomically(path, content.getvalue())
        return True

    def _read(self, path: Path) -> dict[str, Arrays]:
        """Read a file of excerpts; nothing if it does not exist. A damaged file is noted."""
        found: dict[str, dict[str, NDArray[Any]]] = {}
        try:
            with zipfile.ZipFile(path) as file:
                for member in file.namelist():
                    name, _, part = member.removesuffix(".npy").rpartition("/")
                    found.setdefault(name, {})[part] = _array(file, f"{name}/{part}")
        except FileNotFoundError:
            return {}
        except _DAMAGE:
            self._damaged[path.name] = None
            return {}
        return dict(found)


def _array(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with file.open(f"{name}.npy") as entry:
        found: NDArray[Any] = np.lib.format.read_array(entry, allow_pickle=False)
        return found
