"""Where and with what a unit was computed."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("latents-benchmark", "torch", "torch-geometric", "scikit-learn", "numpy", "scipy", "pandas")
_GIB = 2**30


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that scores depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


@cache
def commit() -> str:
    """The git commit this package runs from, with "-dirty" where files differ; empty outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@cache
def source() -> str:
    """The digest of this package's own code."""
    return source_digest(Path(__file__).parents[1] / "__init__.py")


def source_digest(main: Path) -> str:
    """SHA-256 over the names and contents of the Python files of a package, by its ``__init__.py``, or of a module."""
    files = sorted(main.parent.rglob("*.py")) if main.name == "__init__.py" else [main]
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(main.parent).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def processor() -> str:
    """The processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def processors() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def forget_peak_memory() -> None:
    """Start the measure of ``peak_memory`` anew, where the kernel can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_memory() -> int:
    """Largest resident size of this process in bytes since ``forget_peak_memory``, or since its start elsewhere."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        unit = 1 if platform.system() == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def memory() -> str:
    """How much memory this process has held, and how much the machine has and can still give, in words."""
    held, there = f"{peak_memory() / _GIB:.1f} GiB", f"{total_memory() / _GIB:.1f} GiB"
    said = f"this process held up to {held}, and the machine has {there}"
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return said
    free = [int(line.split()[1]) * 1024 / _GIB for line in lines if line.startswith("MemAvailable")]
    return f"{said}, {free[0]:.1f} GiB of them free" if free else said


def total_memory() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
