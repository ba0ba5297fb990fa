"""Type aliases for arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix: TypeAlias = NDArray[np.float32] | sparse.csr_array  # one row per sample or node
Integers: TypeAlias = NDArray[np.int64]
