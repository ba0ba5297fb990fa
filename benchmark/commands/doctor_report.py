"""What a bug report should say of the place a study runs in; whatever is broken there is a line, never an exception."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmark import __version__
from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.study.toml import bundled, load_study

NEEDED = ("smoke", "default")  # studies that must be able to run here
_FURTHER = ("pyarrow", "pydantic", "typer", "rich", "joblib", "threadpoolctl", "matplotlib", "seaborn", "jinja2")
_OPTIONAL = "ray"
_SET = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
_MACHINERY = ("running.run", "running.gather", "results.frames", "report")  # they import all that a study needs
_NAMED = 3  # of the records that cannot be read
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Examined:
    """The lines of the report, and whether the studies of ``NEEDED`` can run here."""

    lines: tuple[str, ...]
    well: bool


def examine(option: str | None, results: Path) -> Examined:
    """Everything that can be told; ``option`` is the data root as it was given, if it was. Nothing is left behind."""
    states = _states(option)
    sections: dict[str, Callable[[], Iterable[str]]] = {
        "versions": _versions,
        "machine": _machine,
        "threads": _threads,
        "device": _device,
        "results": lambda: _results(results),
        "data root": lambda: [_root(option)],
        "datasets": lambda: [f"{name}: {wrong or 'whole'}" for name, wrong in states.items()],
    }
    lines: list[str] = []
    for title, tell in sections.items():
        lines += [f"{title}:", *(f"  {line}" for line in _told(tell))]
    everywhere = [*_told(_broken, ""), *_told(lambda: _unwritable(results), "")]
    hindrances = {name: [*everywhere, *_lacking(name, states)] for name in bundled()}
    lines.append("studies:")
    for name, found in hindrances.items():
        lines.append(f"  {name}: {'cannot run: ' + '; '.join(found) if found else 'can run'}")
    return Examined(tuple(_without_home(lines)), not any(hindrances[name] for name in NEEDED))


def _told(tell: Callable[[], Iterable[str]], instead: str = "cannot be told: ") -> list[str]:
    """The lines of ``tell``, or the exception it met, after ``instead``: a place that is broken is what is told."""
    try:
        return list(tell())
    except Exception as error:  # noqa: BLE001, whatever it is, the rest is to be told as well
        return [f"{instead}{_words(error)}"]


def _words(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if isinstance(error, InputError) else f"{type(error).__name__}: {said}"


def _versions() -> Iterable[str]:
    yield f"commit {environment.commit() or 'unknown: not a git checkout'}"
    yield f"python {platform.python_version()} ({platform.python_implementation()})"
    yield f"latents-benchmark {__version__}"
    for name in (*environment.PACKAGES, *_FURTHER, _OPTIONAL):
        yield f"{name} {environment.installed_version(name)}{' (optional)' if name == _OPTIONAL else ''}"


def _machine() -> Iterable[str]:
    yield platform.platform()
    yield f"{environment.processor()}, {environment.processors()} of {os.cpu_count()} cores usable"
    yield f"memory {environment.total_memory() / _GIB:.1f} GiB"


def _threads() -> Iterable[str]:
    for module in ("numpy", "scipy.linalg", "benchmark.training.loop"):  # each brings a library with threads
        import_module(module)
    for pool in import_module("threadpoolctl").threadpool_info():
        library = f"{pool['internal_api']} {pool['version'] or ''}".strip()
        yield f"{library}: {pool['num_threads']} here, 1 in each worker"
    yield from (f"{name}={os.environ[name]}" for name in _SET if name in os.environ)


def _device() -> Iterable[str]:
    from benchmark.training.devices import cuda

    yield f"cuda: {cuda()}"


def _results(results: Path) -> Iterable[str]:
    reasons = _unwritable(results)
    yield f"{results}: {reasons[0] if reasons else 'can be written'}"
    yield f"disk: {shutil.disk_usage(_nearest(results)).free / _GIB:.1f} GiB free"
    from benchmark.results.store import Store

    store, unreadable = Store(results), []
    files = store.files()
    for path in files:
        try:
            store.read(path)
        except InputError as error:
            unreadable.append(str(error))
    yield f"records: {len(files) - len(unreadable)}, and {len(unreadable)} files that are none"
    yield from unreadable[:_NAMED]


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that there is."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _unwritable(results: Path) -> list[str]:
    """Why results, or the temporary files of a run, cannot be written; nothing where they can."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(results)):
            pass
    except OSError as error:
        return [f"{results} cannot be written ({error.strerror})"]
    try:
        with tempfile.TemporaryFile():
            return []
    except OSError as error:
        return [f"no temporary file can be written ({error.strerror}); set TMPDIR"]


def _root(option: str | None) -> str:
    from benchmark.datasets.files.download import data_root

    root = data_root(option)
    named = "--data-root" if option else "BENCHMARK_DATA_ROOT" if os.environ.get("BENCHMARK_DATA_ROOT") else "default"
    return f"{root} ({named}{'' if root.is_dir() else ', not there'})"


def _states(option: str | None) -> dict[str, str]:
    """What is wrong with the files of each dataset, in the table's order; empty where nothing is."""
    try:
        from benchmark.datasets import DATASETS
        from benchmark.datasets.files.download import check_files, data_root
    except Exception as error:  # noqa: BLE001, as in _told
        return {"of all datasets": f"cannot be told: {_words(error)}"}
    states = {}
    for spec in DATASETS:
        try:
            if spec.files:
                check_files(spec, data_root(option))
            states[spec.name] = ""
        except Exception as error:  # noqa: BLE001, as in _told
            states[spec.name] = _words(error).removeprefix(f"dataset {spec.name!r}: ").partition(";")[0]
    return states


def _lacking(study: str, states: Mapping[str, str]) -> list[str]:
    """The datasets of a study that cannot be had."""
    names = [name for name in load_study(study).datasets if states.get(name, "unknown")]
    return [f"without {', '.join(names)}"] if names else []


def _broken() -> list[str]:
    """Nothing where all that a study needs can be imported, else the exception that says what cannot."""
    for name in _MACHINERY:
        import_module(f"benchmark.{name}")
    from benchmark.datasets.sources.pyg import dataset_classes

    dataset_classes()
    import_module("pyarrow")
    return []


def _without_home(lines: Iterable[str]) -> Iterable[str]:
    """The lines with ~ in the place of the home folder, whose name is often a person's."""
    try:
        home = Path.home()
        homes = {str(home), str(home.resolve())} - {"/", "."}
    except (OSError, RuntimeError):
        homes = set()
    for line in lines:
        for each in homes:
            line = re.sub(rf"{re.escape(each)}(?![\w.-])", "~", line)
        yield line
