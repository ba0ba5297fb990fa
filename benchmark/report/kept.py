"""What a run kept beside its frames for the eye: latents, labels, and what decoders made of latents."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray


def arrays(results: Path | None, path: str, *names: str) -> tuple[NDArray[Any], ...] | None:
    """The named arrays of a kept file; None where the results, the file or a name is not there, or it is damaged."""
    if results is None or not path:
        return None
    try:
        with np.load(results / path, allow_pickle=False) as kept:
            return tuple(kept[name] for name in names)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TokenError):
        return None
