"""Type aliases for arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import scipy  # imports scipy.sparse at its first use, so lists and help do without it
from numpy.typing import NDArray

Matrix: TypeAlias = "NDArray[np.float32] | scipy.sparse.csr_array"  # one row per sample or node
Integers: TypeAlias = NDArray[np.int64]
