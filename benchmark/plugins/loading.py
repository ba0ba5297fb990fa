"""Plugins: datasets, models and tasks from a Python file or from the entry points of an installed package."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from benchmark.core.environment import source_digest
from benchmark.core.errors import InputError
from benchmark.core.told import told
from benchmark.datasets import DATASETS, DatasetSpec, Raw
from benchmark.models import Model
from benchmark.plugins.source import Source, WithModules, run
from benchmark.tasks import METRICS, TASKS, Task

if TYPE_CHECKING:
    from benchmark.plugins.tables import Tables

GROUPS = {"benchmark.datasets": "dataset", "benchmark.models": "model", "benchmark.tasks": "task"}
_KINDS: dict[str, tuple[type, ...]] = {"dataset": (DatasetSpec,), "model": (Model,), "task": (Task,)}
_CLASSES = {"dataset": "a DatasetSpec", "model": "a FunctionSpec or ModelSpec", "task": "a Task"}
_NAME = re.compile(r"[^\W_][\w.+-]*")

Spec: TypeAlias = DatasetSpec | Model | Task
Row = TypeVar("Row", bound=Spec)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A source of more entries.

    Attributes:
        name: File name, or package and entry point.
        digest: SHA-256 of the source.
        specs: The datasets, models and tasks.
    """

    name: str
    digest: str
    specs: tuple[Spec, ...]


def with_plugins(files: Iterable[str | Path] = ()) -> Tables:
    """Our tables with the entries of installed packages, then of files. A repeated file counts once.

    Raises:
        InputError: If a plugin fails on import, has no entry, or uses a name that exists already.
    """
    from benchmark.plugins.tables import OURS, Tables  # here, because models load torch

    plugins = read_plugins(files)
    datasets, of_datasets = extended("dataset", OURS.datasets, plugins)
    models, of_models = extended("model", OURS.models, plugins)
    tasks, of_tasks = extended("task", OURS.tasks, plugins)
    return Tables(datasets, models, tasks, {**of_datasets, **of_models, **of_tasks})


def read_plugins(files: Iterable[str | Path] = ()) -> list[Plugin]:
    """The plugins of installed packages, then those of files. A repeated file counts once.

    Raises:
        InputError: If a plugin fails on import or has no entry.
    """
    paths = dict.fromkeys(Path(file).expanduser().resolve() for file in files)
    return [*installed(), *map(read_plugin, paths)]


def extended(kind: str, ours: tuple[Row, ...], plugins: Iterable[Plugin]) -> tuple[tuple[Row, ...], dict[str, str]]:
    """Add the entries of plugins to one of our tables.

    Args:
        kind: "dataset", "model" or "task".
        ours: Our entries of that kind.
        plugins: The plugins.

    Returns:
        Our entries, then those of plugins; and the source of each added entry, as in ``Tables``.

    Raises:
        InputError: If a name is malformed or exists already.
    """
    rows: list[Any] = list(ours)
    sources: dict[str, str] = {}
    for plugin in plugins:
        for spec in plugin.specs:
            if isinstance(spec, _KINDS[kind]):
                _check_name(plugin, kind, spec.name, [row.name for row in rows], sources)
                rows.append(_bound(spec, plugin))
                sources[f"{kind} {spec.name}"] = f"{plugin.name} {plugin.digest}{_packages(spec)}"
    return tuple(rows), sources


def read_plugin(path: Path) -> Plugin:
    """Run a Python file, and collect the specs at its top level, also from tuples and lists.

    Raises:
        InputError: If the file cannot be read, fails, or has no spec.
    """
    source = run(path)
    specs = tuple(dict.fromkeys(_specs_in(vars(source.module).values())))
    if not specs:
        raise InputError(
            f"plugin {path.name} has no dataset, model or task; assign a DatasetSpec, a FunctionSpec, a ModelSpec or "
            "a Task to a name at the top level, as in the file that `latents new dataset NAME` writes"
        )
    return Plugin(path.name, source.digest, tuple(_with_modules(spec, source) for spec in specs))


def _with_modules(spec: Spec, source: Source) -> Spec:
    """A function that finds the modules of its folder wherever it is called. Other specs stay as they are."""
    if not source.imported or not isinstance(spec, Model) or not spec.is_function:
        return spec
    from benchmark.models import FunctionSpec  # here, because it loads torch

    return spec.with_call(WithModules(spec.call, source.imported)) if isinstance(spec, FunctionSpec) else spec


def _packages(spec: Spec) -> str:
    """The packages that a function names, with their versions, to go after the digest of its plugin."""
    if not isinstance(spec, Model) or not spec.is_function:
        return ""
    from benchmark.models import FunctionSpec  # as above

    found = spec.installed() if isinstance(spec, FunctionSpec) else {}
    return "".join(f" with {name} {version}" for name, version in found.items())


def installed() -> Iterator[Plugin]:
    """The plugins of installed packages, sorted by entry point."""
    for group, kind in GROUPS.items():
        for point in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
            yield _of_package(point, kind)


def _of_package(point: EntryPoint, kind: str) -> Plugin:
    name = f"{point.dist.name if point.dist else point.module}:{point.name}"
    try:
        value = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001, as of a file
        raise InputError(
            f"plugin {name}: {type(error).__name__}: {error}; correct the installed package, or uninstall it"
        ) from None
    specs = tuple(_specs_in([value]))
    wrong = [spec for spec in specs if not isinstance(spec, _KINDS[kind])]
    if not specs or wrong:
        raise InputError(
            f"plugin {name}: entry point {point.value} is a {type(wrong[0] if wrong else value).__name__}, "
            f"expected {_CLASSES[kind]} or a tuple of them for the group benchmark.{kind}s"
        )
    package = sys.modules[point.module.partition(".")[0]]
    return Plugin(name, source_digest(Path(package.__file__ or "")), specs)


def _specs_in(values: Iterable[Any]) -> Iterator[Spec]:
    """The specs among values, also inside tuples and lists. Imported specs of ours do not count."""
    for value in values:
        for each in value if isinstance(value, tuple | list) else [value]:
            if isinstance(each, Spec) and not isinstance(each, type) and not _is_ours(each):
                yield each


def _is_ours(spec: Spec) -> bool:
    """Whether a spec is an entry of our own tables."""
    table: tuple[Spec, ...]
    if isinstance(spec, DatasetSpec):
        table = DATASETS
    elif isinstance(spec, Task):
        table = TASKS
    else:
        from benchmark.models import MODELS  # here, because models load torch

        table = MODELS
    return any(spec is row for row in table)


def check_plain(kind: str, name: object, where: str) -> None:
    """Check that a name is safe in a path, a page, a table and a list with commas.

    Args:
        kind: "dataset", "model" or "task".
        name: The name.
        where: The start of the message.

    Raises:
        InputError: If the name has other characters than letters, digits and ``._+-``, or starts with one of ``._+-``.

    >>> check_plain("dataset", "penguins-2", "new dataset")
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"{where}: a {kind} is named {name!r}; use letters, digits and . _ + -, and start with a letter or digit"
        )


def _check_name(plugin: Plugin, kind: str, name: Any, taken: Sequence[str], sources: dict[str, str]) -> None:
    check_plain(kind, name, f"plugin {plugin.name}")
    if name in taken:
        source = sources.get(f"{kind} {name}")
        owner = "the benchmark itself" if source is None else source.split()[0]
        raise InputError(f"plugin {plugin.name}: the {kind} {name!r} exists already in {owner}; rename one of them")


def _bound(spec: Spec, plugin: Plugin) -> Spec:
    """Tie a spec to the source of its plugin: an edited plugin never reuses older scores.

    The version of a model or task comes from the digest, and keys contain the version. Keys contain the fingerprint of
    a dataset's content anyway, so only the messages of its ``load`` change: they name the plugin.
    """
    version = int(plugin.digest[:12], 16)
    if isinstance(spec, DatasetSpec):
        return replace(spec, load=_Loading(spec.load, spec.name, plugin.name))
    if isinstance(spec, Task):
        known = {metric.name for metric in METRICS}
        for metric in spec.metrics:
            if metric not in known:
                raise InputError(
                    f"plugin {plugin.name}: task {spec.name!r} has the metric {metric!r}; "
                    f"the known metrics are {', '.join(sorted(known))}"
                )
        return replace(spec, version=version)
    return spec.with_version(version)


@dataclass(frozen=True, slots=True)
class _Loading:
    """The ``load`` of a plugin, with messages that name plugin and line."""

    load: Callable[[Path], Raw]
    dataset: str
    plugin: str

    def __call__(self, root: Path) -> Raw:
        try:
            raw = self.load(root)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001, the code of a plugin may raise anything
            code = getattr(self.load, "__code__", None)
            why = told(error, Path(code.co_filename) if code else Path())
            raise InputError(f"dataset {self.dataset!r} of {self.plugin}: load failed: {why}") from None
        if not isinstance(raw, Raw):
            raise InputError(
                f"dataset {self.dataset!r} of {self.plugin}: load returned a {type(raw).__name__}, expected "
                "Raw(x=…, y=…, edges=…), or Raw.of(table) of a Bunch or frame"
            )
        return raw
