"""Devices: which there are, what they are called, and the memory they hold."""

from __future__ import annotations

import torch

from benchmark.core import environment
from benchmark.core.errors import InputError


def resolve_device(name: str, *, elsewhere: bool = False) -> str:
    """``auto``, ``cpu`` or ``cuda`` as the device there is; InputError where cuda is neither here nor ``elsewhere``."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device {name!r} is none of auto, cpu, cuda")
    there = elsewhere or torch.cuda.is_available()
    if name == "cuda" and not there:
        raise InputError("device 'cuda' was asked for, and torch finds no CUDA device here; use --device auto or cpu")
    return "cuda" if name != "cpu" and there else "cpu"


def device_name(device: str) -> str:
    """What a record calls the device: the GPU's name, or the processor's."""
    return torch.cuda.get_device_name() if device == "cuda" else environment.processor()


def cuda() -> str:
    """The GPUs that torch finds, with their memory, or why there is none."""
    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return "; ".join(f"{each.name}, {each.total_memory / 2**30:.0f} GiB" for each in found)
    if torch.version.cuda is None:
        return "none, for this torch is built without it"
    return f"none, for torch, built for CUDA {torch.version.cuda}, finds no device or no driver"


def forget_peak_memory(device: str) -> None:
    """Start the measure of ``peak_memory`` anew."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        environment.forget_peak_memory()


def peak_memory(device: str) -> int:
    """Bytes: the most that was allocated on the GPU, or that this process held."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else environment.peak_memory()


def out_of_memory(error: BaseException, *, here: bool = False) -> bool:
    """Whether an exception says that memory ran out, on the GPU or here; or ``here`` alone."""
    if isinstance(error, torch.OutOfMemoryError):
        return not here
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)
