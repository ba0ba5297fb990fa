"""Whether a GPU runs the fused kernels, which need Triton."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec

import torch
from torch import Tensor

from benchmark.training.devices import out_of_memory

_AMPERE = (8, 0)  # the compute capability that Triton asks for; it is also the first one with TF32 products
_MOST_ERROR = 1e-5  # relative; products in plain TF32 are wrong by 1e-3


def why_no_kernels(device: int, error: Callable[[torch.device], float]) -> str:
    """Say why a GPU does not run some fused kernels. An empty text means that the GPU runs them.

    The kernels are compiled once and compared with another way. Triton may lack a C compiler, the headers of Python or
    a driver that it knows.

    Args:
        device: Number of the GPU.
        error: Runs the kernels on a GPU, and returns their ``largest_difference`` from another way. It is only called
            if Triton is installed, so it may import the kernels.

    Raises:
        torch.OutOfMemoryError: if the comparison does not fit. This says nothing about the kernels. If Triton finds no
            memory for a kernel, it raises a RuntimeError.
    """
    if not torch.cuda.is_available():
        return "no GPU"
    if torch.version.cuda is None:
        return "this torch is built for GPUs without CUDA"
    if torch.cuda.get_device_capability(device) < _AMPERE:
        return "the GPU is older than Ampere"
    if find_spec("triton") is None:
        return "Triton is not installed"
    try:
        worst = error(torch.device("cuda", device))
    except Exception as failure:  # the other way does the work, and ``doctor`` shows the reason
        if out_of_memory(failure):
            raise
        return f"Triton fails here: {type(failure).__name__}: {' '.join(str(failure).split())}"
    return "" if worst < _MOST_ERROR else f"the kernels of Triton are wrong by {worst:.1g}"


def largest_difference(pairs: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The largest relative difference ‖a − b‖/‖b‖ among some pairs (a, b). It is NaN if any number is NaN.

    >>> largest_difference([(torch.tensor([3.0, 6.0]), torch.tensor([3.0, 4.0])), (torch.ones(2), torch.ones(2))])
    0.4
    """
    shares = [(found.double() - exact.double()).norm() / exact.double().norm() for found, exact in pairs]
    return float(torch.stack(shares).max())  # Python's max would pass over NaN
