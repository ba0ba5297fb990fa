"""One direction: who may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "benchmark"
MODULES = sorted(PACKAGE.rglob("*.py"))
USES_TORCH = (
    "training/",
    "models/",
    "core/rng.py",
    "latents/drawings.py",
    "latents/latents.py",
    "datasets/sources/pyg.py",
    "datasets/sources/bundled.py",
    "contracts/contract.py",
    "contracts/model_contract.py",
)


def imported(path: Path) -> set[str]:
    """Every module that a file imports anywhere in it, but for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_import_graph(path):
    home = path.relative_to(PACKAGE).as_posix()
    names = imported(path)
    ours = {name for name in names if name.startswith("benchmark.")}
    if not home.startswith(USES_TORCH):
        assert not {name for name in names if name.split(".")[0] in ("torch", "torch_geometric")}
    if home.startswith("models/"):
        assert all(
            name.startswith(("benchmark.core", "benchmark.models", "benchmark.study", "benchmark.training"))
            for name in ours
        )
    if home.startswith("datasets/"):
        assert all(name.startswith(("benchmark.core", "benchmark.datasets")) for name in ours)
    if home.startswith(("statistics/", "report/")):
        allowed = (
            "benchmark.core",
            "benchmark.statistics",
            "benchmark.study",
            "benchmark.tasks",
            *(("benchmark.report", "benchmark.results.frame_schema") if home.startswith("report/") else ()),
        )
        assert all(name.startswith(allowed) for name in ours), ours
    if home.startswith("study/"):
        assert all(name.startswith(("benchmark.core", "benchmark.study")) for name in ours)
    if home.startswith("core/"):
        assert all(name.startswith("benchmark.core") for name in ours)


@pytest.mark.parametrize(
    "module",
    ["benchmark.statistics", "benchmark.report", "benchmark.tasks", "benchmark.datasets", "benchmark.commands.cli"],
)
def test_torch_stays_out_of(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_module_is_short():
    assert {
        path.name: lines for path in MODULES if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    } == {}
