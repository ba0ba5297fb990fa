"""Files that a run kept beside its frames: latents, labels, and images from decoders."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

# numpy, zipfile and zlib raise these on a cut or altered file
_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, TokenError)


class KeptFiles:
    """Reads kept files below a folder of results, and notes the damaged ones.

    Args:
        results: The folder of results. None stands for a folder without kept files.
    """

    def __init__(self, results: Path | None) -> None:
        self._results = results
        self._damaged: dict[str, None] = {}

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


def _array(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with file.open(f"{name}.npy") as entry:
        found: NDArray[Any] = np.lib.format.read_array(entry, allow_pickle=False)
        return found
