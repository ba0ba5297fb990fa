"""The source of a plugin: its file, and the modules of the same folder that the file imports."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module, invalidate_caches
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from cloudpickle import register_pickle_by_value

from benchmark.core.errors import InputError
from benchmark.core.told import told

_OURS = Path(__file__).parents[1].name  # a plugin beside a checkout of this package does not import it from there


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin that has run.

    Attributes:
        digest: SHA-256 of the file; with modules, of its content and theirs.
        module: The file as a module.
        imported: The modules of its folder.
    """

    digest: str
    module: ModuleType
    imported: tuple[ModuleType, ...]

    @property
    def files(self) -> dict[str, Path]:
        """The files of the modules of its folder, by name."""
        return {module.__name__: Path(module.__file__) for module in self.imported if module.__file__}


@dataclass(frozen=True, slots=True)
class WithModules:
    """A function that finds the modules of its plugin, also in a worker process that has no such folder."""

    function: Callable[..., Any]
    modules: tuple[ModuleType, ...]

    @property
    def func(self) -> Callable[..., Any]:
        """The function itself, as of ``functools.partial``."""
        return self.function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function while imports find its modules."""
        with _found({module.__name__: module for module in self.modules}):
            return self.function(*arguments, **options)


_RUN: dict[Path, Source] = {}


def run(path: Path) -> Source:
    """Run a Python file as a module, with its folder first on the path of imports. An unchanged file runs once.

    Workers receive its functions by value, and those of the modules of its folder.

    Raises:
        InputError: If the file cannot be read, fails, or imports a module of its folder that has the name of another.
    """
    path = path.resolve()
    content, earlier = _read(path), _RUN.get(path)
    if earlier is not None and _digest(content, earlier.files, path.parent) == earlier.digest:
        return earlier
    beside = _beside(path, content)
    name = f"benchmark_plugin_{path.stem}_{_digest(content, beside, path.parent)[:16]}"
    spec = spec_from_loader(name, loader=None, origin=str(path))
    assert spec is not None  # always true without a loader
    module = module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look up their module
    with _importing_from(path.parent, beside, f"plugin {path.name}") as imported:
        try:
            exec(compile(content, str(path), "exec"), vars(module))
            for each in beside:  # also those that a function imports when it is called
                import_module(each)
        except (Exception, SystemExit) as error:  # noqa: BLE001, the code of a plugin may raise anything
            del sys.modules[name]
            raise InputError(f"plugin {path.name}: {told(error, path)}; correct the file, or leave it out") from None
    found = Source("", module, tuple(imported))
    for loaded in (module, *imported):
        register_pickle_by_value(loaded)
    _RUN[path] = replace(found, digest=_digest(content, found.files, path.parent))
    return _RUN[path]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"plugin {path.name}: cannot be read ({error.strerror}): {path}") from None


def _digest(content: bytes, beside: Mapping[str, Path], folder: Path) -> str:
    """SHA-256 of a file, and of the modules of its folder with their names. A module that is gone counts as empty."""
    digest = hashlib.sha256(content)
    for file in sorted(set(beside.values())):
        source = file.read_bytes() if file.is_file() else b""
        digest.update(f"\n{file.relative_to(folder).as_posix()} {len(source)}\n".encode() + source)
    return digest.hexdigest()


def _beside(path: Path, content: bytes) -> dict[str, Path]:
    """The modules of the folder that a file names in imports, and those that these name, with their files.

    Imports inside functions count. A file with a syntax error names nothing, because running it says where.
    """
    found: dict[str, Path] = {}
    waiting = [("", content)]
    while waiting:
        package, source = waiting.pop()
        for name in _names(source, package):
            place = _place(path.parent, name)
            if place is not None and name not in found and place != path:
                found[name] = place
                inside = name if place.name == "__init__.py" else name.rpartition(".")[0]
                waiting.append((inside, _read(place)))
    return found


def _names(source: bytes, package: str) -> Iterator[str]:
    """Full names of the modules that a source may import, with their packages.

    Args:
        source: Python code.
        package: The package that relative imports start at.
    """
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        wanted: list[str] = []
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(filter(None, [*above, node.module or ""]))
            wanted = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
        for name in wanted:
            parts = name.split(".")
            if parts[0] not in ("", _OURS):
                yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _place(folder: Path, name: str) -> Path | None:
    """The file of a module below a folder; None if there is none."""
    stem = folder.joinpath(*name.split("."))
    return next((file for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")) if file.is_file()), None)


@contextmanager
def _importing_from(folder: Path, beside: Mapping[str, Path], where: str) -> Iterator[list[ModuleType]]:
    """Import from a folder first, and fill a list with the modules that the block imports from there.

    Modules that another plugin or an older file left under these names are loaded again. No bytecode is written,
    because two edits within a second may share it.

    Args:
        folder: The folder.
        beside: The files of modules that will be imported, by name.
        where: The start of the message.

    Raises:
        InputError: If a module from elsewhere has one of the names.
    """
    ours = {id(module) for source in _RUN.values() for module in source.imported}
    for name, file in beside.items():
        loaded = sys.modules.get(name)
        if loaded is not None and id(loaded) not in ours and getattr(loaded, "__file__", None) != str(file):
            raise InputError(
                f"{where}: it imports {name!r}, which is {file.relative_to(folder)} beside it and also an installed "
                "module; rename the file"
            )
    for name in beside:
        sys.modules.pop(name, None)
    before, writes, imported = set(sys.modules), sys.dont_write_bytecode, list[ModuleType]()
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    invalidate_caches()
    try:
        yield imported
        new = sorted(sys.modules.keys() - before)
        imported += [sys.modules[name] for name in new if _is_of(folder, name, sys.modules[name])]
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(str(folder))


def _is_of(folder: Path, name: str, module: ModuleType) -> bool:
    """Whether a module was loaded from a folder by its plain name. A package of this folder may have no file."""
    file = getattr(module, "__file__", None)
    if file is None:
        return str(folder.joinpath(*name.split("."))) in list(getattr(module, "__path__", ()))
    return name.partition(".")[0] != _OURS and Path(file) == _place(folder, name)


@contextmanager
def _found(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Let imports find these modules by name during a block."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
