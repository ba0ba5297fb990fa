"""What a run kept beside its frames for the eye: latents, labels, and what decoders made of latents."""

from __future__ import annotations

import zipfile
from pathlib import Path
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
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
