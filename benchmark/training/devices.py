"""Devices: choose one, name it, and measure its memory."""

from __future__ import annotations

import gc

import torch

from benchmark.core import environment
from benchmark.core.errors import InputError

# libraries that take memory beside torch's own allocator raise plain errors: CUDA, cuBLAS, cuSPARSE and Triton
_FULL_CARD = (
    "CUDA error: out of memory",
    "CUDA]: out of memory",
    "_STATUS_ALLOC_FAILED",
    "_STATUS_NOT_INITIALIZED",  # a library of CUDA says so if its workspace does not fit
    "INSUFFICIENT_RESOURCES",
)


def check_device(name: str) -> None:
    """Check the name of a device.

    Raises:
        InputError: if the name is not "auto", "cpu" or "cuda".
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"unknown device {name!r}; known: auto, cpu, cuda")


def resolve_device(name: str) -> str:
    """Turn the name of a device into "cpu" or "cuda". "auto" is "cuda" if this machine has a GPU, else "cpu".

    Args:
        name: "auto", "cpu" or "cuda".

    Raises:
        InputError: if the name is unknown, or is "cuda" and there is no GPU.

    >>> resolve_device("cpu")
    'cpu'
    """
    check_device(name)
    gpu = torch.cuda.is_available()
    if name == "cuda" and not gpu:
        raise InputError("device 'cuda': torch finds no CUDA device on this machine. Use --device auto or cpu")
    return "cuda" if name != "cpu" and gpu else "cpu"


def device_name(device: str) -> str:
    """Name the hardware of a device, for the records: the GPU model if it is "cuda", else the processor model."""
    return torch.cuda.get_device_name() if device == "cuda" else environment.processor()


def cuda() -> str:
    """Describe the GPUs that torch finds, with their memory in GiB, or say why it finds none."""
    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return "; ".join(f"{each.name}, {each.total_memory / 2**30:.0f} GiB" for each in found)
    if torch.version.cuda is None:
        return "none: this torch is built without CUDA"
    return f"none: torch is built for CUDA {torch.version.cuda} but finds no device or no driver"


def forget_peak_memory(device: str) -> None:
    """Reset the maximum that ``peak_memory`` reports."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        environment.forget_peak_memory()


def peak_memory(device: str) -> int:
    """Return the peak memory in bytes: torch's allocations on the GPU if the device is "cuda", else this process's."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else environment.peak_memory()


def free_cached_memory(device: str) -> None:
    """Give memory that torch keeps for later back to the GPU, if the device is "cuda"."""
    gc.collect()  # networks of plugins may hold their tensors in a cycle
    if device == "cuda":
        torch.cuda.empty_cache()


def out_of_memory(error: BaseException, *, here: bool = False) -> bool:
    """Whether an exception says that memory ran out.

    Args:
        error: The exception.
        here: Whether only the main memory of this machine counts, not the memory of the GPU.

    >>> out_of_memory(MemoryError()), out_of_memory(ValueError("latent must be at least 1"))
    (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL_CARD):
        return not here
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)
