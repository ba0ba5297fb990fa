"""Whether a GPU runs the fused kernels, which need Triton."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

_TF32 = (8, 0)  # the first compute capability with TF32 products
_MOST_ERROR = 1e-5  # relative; products in plain TF32 are wrong by 1e-3


def why_no_kernels(device: int, error: Callable[[torch.device], float]) -> str:
    """Say why a GPU does not run some fused kernels. An empty text means that the GPU runs them.

    The kernels are compiled once and compared with another way. Triton may lack a C compiler, the headers of Python or
    a driver that it knows.

    Args:
        device: Number of the GPU.
        error: Runs the kernels on a GPU, and returns their relative difference from another way. It is only called if
            Triton is installed, so it may import the kernels.

    Raises:
        torch.OutOfMemoryError: if the comparison does not fit. This says nothing about the kernels.
    """
    if not torch.cuda.is_available():
        return "no GPU"
    if torch.version.cuda is None:
        return "this torch is built for GPUs without CUDA"
    if torch.cuda.get_device_capability(device) < _TF32:
        return "the GPU has no TF32 products"
    if find_spec("triton") is None:
        return "Triton is not installed"
    try:
        worst = error(torch.device("cuda", device))
    except torch.OutOfMemoryError:
        raise
    except Exception as failure:  # noqa: BLE001, the other way does the work, and ``doctor`` shows the reason
        return f"Triton fails here: {type(failure).__name__}: {' '.join(str(failure).split())}"
    return "" if worst < _MOST_ERROR else f"the kernels of Triton are wrong by {worst:.1g}"
