"""One direction: who may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "benchmark"
# plugins of bundled studies are loaded last, as those of users are
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "bundled")
USES_TORCH = (
    "training/",
    "models/",
    "core/rng.py",
    "latents/drawings.py",
    "latents/latents.py",
    "latents/mechanisms.py",
    "latents/placed_latents.py",
    "latents/placed_readouts.py",
    "latents/replica_decoders.py",
    "tasks/batched/",
    "datasets/sources/pyg.py",
    "datasets/sources/bundled.py",
    "contracts/contract.py",
    "contracts/function_contract.py",
    "contracts/model_contract.py",
)


ORDER = (
    "core",
    "study",
    "datasets",
    "training",
    "models",
    "latents",
    "tasks",
    "results",
    "plugins",
    "statistics",
    "report",
    "plan",
    "running",
    "contracts",
    "own_latents",
    "commands",
)  # bottom-up: a package imports itself and those before it
ONLY = {"statistics": {"core", "study", "tasks"}, "report": {"core", "study", "tasks", "results", "statistics"}}


def imported(path: Path) -> set[str]:
    """Every module that a file imports anywhere in it, also in functions and for type checkers alone."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_of(path: Path) -> str:
    return ".".join(("benchmark", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def test_every_package_has_its_place_in_the_order():
    assert sorted(ORDER) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_packages_below_its_own(path):
    home = path.relative_to(PACKAGE).as_posix()
    names = imported(path)
    if home in ("__init__.py", "__main__.py"):
        return
    package = home.split("/")[0]
    below = {name.split(".")[1] for name in names if name.startswith("benchmark.")} - {package}
    allowed = ONLY.get(package, set(ORDER[: ORDER.index(package)]))
    assert below & set(ORDER) <= allowed
    if not home.startswith(USES_TORCH):
        assert not {name for name in names if name.split(".")[0] in ("torch", "torch_geometric")}


def test_statistics_name_no_model():
    allowed = ("core", "statistics", "study.analysis", "study.schema", "tasks.metrics")
    for path in sorted((PACKAGE / "statistics").glob("*.py")):
        ours = {name for name in imported(path) if name.startswith("benchmark.")}
        assert {name for name in ours if not name.startswith(tuple(f"benchmark.{part}" for part in allowed))} == set()


def test_modules_do_not_import_each_other_in_a_circle():
    """A package stands for its ``__init__``, which an import of one of its modules does not count as."""
    files = {module_of(path): path for path in MODULES}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        found = imported(path) & files.keys()
        graph[name] = found - {module.rpartition(".")[0] for module in found} - {name, "benchmark"}
    while free := {name for name in graph if not graph[name] or not any(name in needs for needs in graph.values())}:
        graph = {name: needs - free for name, needs in graph.items() if name not in free}
    assert graph == {}


@pytest.mark.parametrize(
    "module",
    ["benchmark.statistics", "benchmark.report", "benchmark.tasks", "benchmark.datasets", "benchmark.commands.cli"],
)
def test_torch_stays_out_of(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
