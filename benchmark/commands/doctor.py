"""``doctor``: describe this machine and installation for a bug report.

A broken part becomes a line of the output, never an exception.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark import __version__
from benchmark.commands.options import DataRoot, Results
from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.study.toml import bundled, load_study

if TYPE_CHECKING:
    from benchmark.datasets import DatasetSpec
    from benchmark.datasets.dataset import PublishedFile

NEEDED = ("smoke", "default")  # these studies need no files, so they must run everywhere
UNWELL = 1  # exit code if one of them cannot run
_FURTHER = ("pyarrow", "pydantic", "typer", "rich", "joblib", "threadpoolctl", "matplotlib", "seaborn", "jinja2")
_OPTIONAL = "ray"
_VARIABLES = (*environment.THREAD_VARIABLES, "CUDA_VISIBLE_DEVICES")
_WITH_THREADS = ("numpy", "scipy.linalg", "torch")
_MACHINERY = ("benchmark.running.run", "benchmark.running.gather", "benchmark.report", "pyarrow")
_RECORDS_NAMED = 3  # of the unreadable ones
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class _State:
    """The files of a dataset: what is wrong with them, and which of them a run downloads."""

    problem: str = ""
    downloads: tuple[PublishedFile, ...] = ()

    def __str__(self) -> str:
        return self.problem or (f"run downloads {_files(self.downloads)}" if self.downloads else "ok")


def doctor(data_root: DataRoot = None, results: Results = Path("results")) -> None:
    """Describe versions, machine and data for a bug report. Say what a run downloads, or why it is impossible here."""
    states = _dataset_states(data_root)
    sections: dict[str, Callable[[], Iterable[str]]] = {
        "versions": _versions,
        "machine": _machine,
        "threads": _threads,
        "results": lambda: _results(results),
        "data root": lambda: _root(data_root),
        "datasets": lambda: (f"{name}: {state}" for name, state in states.items()),
    }
    for title, tell in sections.items():
        _print(f"{title}:", *(f"  {line}" for line in _lines(tell, "cannot be told: ")))
    everywhere = [*_lines(_broken_imports), *_lines(lambda: _unwritable(results))]
    obstacles = {name: [*everywhere, *_missing_data(name, states)] for name in bundled()}
    _print("studies:")
    for name, found in obstacles.items():
        downloads = [file for each in load_study(name).datasets if each in states for file in states[each].downloads]
        able = f"can run, and downloads {_files(downloads)} first" if downloads else "can run"
        _print(f"  {name}: {'cannot run: ' + '; '.join(found) if found else able}")
    blocked = [name for name in NEEDED if obstacles[name]]
    if blocked:
        print(f"{' and '.join(blocked)} cannot run here")
        raise typer.Exit(UNWELL)


def _print(*lines: str) -> None:
    for line in lines:
        print(without_home(line))


def without_home(text: str) -> str:
    """The text with ~ in place of the home folder, because its name is often a person's name."""
    try:
        home = Path.home()
        homes = {str(home), str(home.resolve())} - {"/", "."}
    except (OSError, RuntimeError):
        return text
    for each in homes:
        text = re.sub(rf"{re.escape(each)}(?![\w.-])", "~", text)
    return text


def _lines(tell: Callable[[], Iterable[str]], prefix: str = "") -> Iterator[str]:
    """The lines of ``tell``. An exception ends them with one line that starts with ``prefix``."""
    try:
        yield from tell()
    except Exception as error:  # noqa: BLE001, the other sections must still be told
        yield f"{prefix}{_in_words(error)}"


def _in_words(error: Exception) -> str:
    message = " ".join(str(error).split())
    return message if isinstance(error, InputError) else f"{type(error).__name__}: {message}"


def _versions() -> Iterator[str]:
    yield f"commit {environment.commit() or 'unknown: not a git checkout'}"
    yield f"python {platform.python_version()} ({platform.python_implementation()})"
    yield f"latents-benchmark {__version__}"
    for name in (*environment.PACKAGES, *_FURTHER, _OPTIONAL):
        yield f"{name} {environment.installed_version(name)}{' (optional)' if name == _OPTIONAL else ''}"


def _machine() -> Iterator[str]:
    yield platform.platform()
    yield f"{environment.processor()}, {environment.processors()} of {os.cpu_count()} cores usable"
    yield f"memory {environment.total_memory() / _GIB:.1f} GiB"
    yield f"cuda: {import_module('benchmark.training.devices').cuda()}"
    reason = import_module("benchmark.models.numerics.all_pairs").why_blocks()
    yield f"sums over all pairs: {f'in blocks ({reason})' if reason else 'fused kernels'}"
    reason = import_module("benchmark.training.philox").why_torch()
    yield f"random numbers on a GPU: {f'by torch ({reason})' if reason else 'one kernel'}"
    reason = import_module("benchmark.tasks.batched.fused_lloyd").why_not_fused()
    yield f"batched k-means: {f'by products of matrices ({reason})' if reason else 'fused kernels'}"


def _threads() -> Iterator[str]:
    for module in _WITH_THREADS:  # threadpoolctl sees imported libraries only
        import_module(module)
    for pool in import_module("threadpoolctl").threadpool_info():
        library = f"{pool['internal_api']} {pool['version'] or ''}".strip()
        yield f"{library}: {pool['num_threads']} here, 1 in each worker"
    yield from (f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ)


def _results(results: Path) -> Iterator[str]:
    problems = _unwritable(results)
    yield problems[0] if problems else f"{results}: can be written"
    yield f"disk: {shutil.disk_usage(_nearest(results)).free / _GIB:.1f} GiB free"
    from benchmark.results.store import Store

    store, unreadable = Store(results), []
    files = store.files()
    for path in files:
        try:
            store.read(path)
        except InputError as error:
            unreadable.append(str(error))
    yield f"records: {len(files) - len(unreadable)}, and {len(unreadable)} unreadable files"
    yield from unreadable[:_RECORDS_NAMED]


def _nearest(folder: Path) -> Path:
    """The folder itself if it exists, else the nearest parent that exists."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _unwritable(results: Path) -> list[str]:
    """The reason why results or temporary files cannot be written, if any."""
    places = {f"{results} cannot be written": _nearest(results), "TMPDIR cannot be written": None}
    for problem, folder in places.items():
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            return [f"{problem} ({error.strerror})"]
    return []


def _root(option: str | None) -> Iterator[str]:
    from benchmark.datasets.files.download import data_root
    from benchmark.datasets.files.offline import is_offline

    yield f"downloads: {'forbidden by BENCHMARK_OFFLINE' if is_offline() else 'allowed'}"
    root = data_root(option)
    chosen_by = (
        "--data-root" if option else "BENCHMARK_DATA_ROOT" if os.environ.get("BENCHMARK_DATA_ROOT") else "default"
    )
    yield f"{root} ({chosen_by}{'' if root.is_dir() else ', does not exist'})"


def _dataset_states(option: str | None) -> dict[str, _State]:
    """The state of each dataset's files, in table order."""
    try:
        from benchmark.datasets import DATASETS
    except Exception as error:  # noqa: BLE001, as in _lines
        return {"all datasets": _State(_in_words(error))}
    return {spec.name: _state(spec, option) for spec in DATASETS}


def _state(spec: DatasetSpec, option: str | None) -> _State:
    from benchmark.datasets.files.download import check_files, data_root, files_of, read_checked
    from benchmark.datasets.files.offline import is_offline

    if not spec.files:
        return _State()
    try:
        root = data_root(option)
        if is_offline():
            check_files(spec, root)
            return _State()
        missing = []
        for file in files_of(spec, root):
            if (root / file.path).exists():
                read_checked(spec.name, file, root)
            else:
                missing.append(file)
        problems = _unwritable(root) if missing else []
        return _State(problems[0]) if problems else _State(downloads=tuple(missing))
    except Exception as error:  # noqa: BLE001, as in _lines
        return _State(_in_words(error).removeprefix(f"dataset {spec.name!r}: ").partition(";")[0])


def _files(files: Iterable[PublishedFile]) -> str:
    """Number and size of files, each counted once.

    >>> from benchmark.datasets.dataset import PublishedFile
    >>> known, unknown = PublishedFile("a", "https://a", bytes=2_500_000), PublishedFile("b", "https://b")
    >>> _files([known, known, unknown]), _files([unknown])
    ('2 files (2.5 MB, and 1 of unknown size)', '1 file (of unknown size)')
    """
    sizes = {file.path: file.bytes for file in files}
    known = [size for size in sizes.values() if size is not None]
    megabytes = sum(known) / 1e6
    size = (f"{megabytes:.1f} MB" if megabytes >= 0.1 else "< 0.1 MB") if known else "of unknown size"
    if known and len(known) < len(sizes):
        size += f", and {len(sizes) - len(known)} of unknown size"
    return f"{len(sizes)} file{'s' if len(sizes) > 1 else ''} ({size})"


def _missing_data(study: str, states: Mapping[str, _State]) -> list[str]:
    """One sentence with the datasets of a study that cannot be loaded, if any."""
    names = [name for name in load_study(study).datasets if name not in states or states[name].problem]
    return [f"without {', '.join(names)}"] if names else []


def _broken_imports() -> list[str]:
    """Nothing. The first import that a study needs and that fails raises its exception."""
    for name in _MACHINERY:
        import_module(name)
    import_module("benchmark.datasets.sources.pyg").dataset_classes()
    return []
