"""The machine and software that a unit was computed with, and the memory of this process."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import benchmark

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # numerical libraries read these
ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")
PACKAGES = ("torch", "torch-geometric", "scikit-learn", "numpy", "scipy", "pandas")
JOINED = ", "  # between the versions of a record whose scores are of several
ABSENT = "not installed"
_GIB = 2**30


@cache
def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the packages that scores depend on.

    This package's own version comes from its code, so a source checkout needs no installation.

    >>> versions()["latents-benchmark"] == benchmark.__version__
    True
    """
    found = {"python": platform.python_version(), "latents-benchmark": benchmark.__version__}
    return found | {name: installed_version(name) for name in PACKAGES}


def releases(text: str) -> set[str]:
    """The releases in a version of a record: without the build, and two if its scores are of two versions.

    >>> sorted(releases("2.12.0+cpu, 2.13.0+cu130"))
    ['2.12.0', '2.13.0']
    """
    return {version.partition("+")[0] for version in text.split(JOINED)}


def installed_version(name: str) -> str:
    """The version of an installed package, else "not installed".

    >>> installed_version("no-such-package")
    'not installed'
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT


@cache
def commit() -> str:
    """The git commit of this package, with "-dirty" if files differ; "" outside a checkout.

    Committed results and reports do not count: a run of a study of the paper rewrites them.
    """
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():  # an installed package may lie inside the checkout of something else
        return ""
    git = ["git", "-C", str(here)]
    counts = ["--", ".", ":(exclude)results", ":(exclude)report"]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10)
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", *counts], capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return head.stdout.strip() + ("-dirty" if changed.returncode else "")


def today() -> str:
    """The day in UTC, such as "2026-01-31"."""
    return time.strftime("%Y-%m-%d", time.gmtime())


@cache
def source() -> str:
    """The digest of this package's own code."""
    return source_digest(Path(__file__).parents[1] / "__init__.py")


def source_digest(main: Path) -> str:
    """SHA-256 over names and contents of Python files.

    Args:
        main: A module, or the ``__init__.py`` of a package. Of a package, every Python file counts.
    """
    files = sorted(main.parent.rglob("*.py")) if main.name == "__init__.py" else [main]
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(main.parent).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}  # flags of the processor, the widest first


@cache
def processor() -> str:
    """The processor's model name and its widest vector instructions, which decide how sums are rounded."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    flags = told.get("flags", "").split()
    widest = next((f" with {words}" for flag, words in _VECTORS.items() if flag in flags), "")
    return told.get("model name", platform.machine()) + widest


def processors() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def forget_peak_memory() -> None:
    """Restart the measurement of ``peak_memory``. Only Linux can; elsewhere nothing happens."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_memory() -> int:
    """Largest resident size of this process in bytes; 0 if the system does not tell it (Windows).

    On Linux the measurement starts at ``forget_peak_memory``, elsewhere at the start of the process.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return _peak_since_start()
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def _peak_since_start() -> int:
    try:
        import resource
    except ImportError:  # Windows has no such module
        return 0
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def total_memory() -> int:
    """Bytes of memory of the machine; 0 if the system does not tell it (Windows)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def memory() -> str:
    """The memory of this process and of the machine, in words for an error message."""
    said = f"this process held up to {_gib(peak_memory())}, and the machine has {_gib(total_memory())}"
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return said
    free = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return f"{said}, {_gib(free[0])} of them free" if free else said


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size else "an unknown amount"
