"""Help and lists start without the packages that take long to import."""

import os
import subprocess
import sys

import pytest

# scipy itself imports these parts at their first use.
HEAVY = (
    "torch",
    "sklearn",
    "pandas",
    "matplotlib",
    "requests",
    "scipy.sparse",
    "scipy.special",
    "scipy.optimize",
    "scipy.stats",
)
PROGRAM = """
import sys
from benchmark.commands.cli import main
try:
    main()
finally:
    print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""
PLUGIN = """
from benchmark import DatasetSpec, Raw
MINE = DatasetSpec(
    name="mine", load=lambda root: Raw(x=[[1.0]]), scaling="none", family="f", source="s", licence="l", citation="c"
)
"""


def started(*words, folder):
    """Run a command in a process of its own. Returns its output, and the heavy packages that it imported."""
    program = PROGRAM.format(heavy=HEAVY)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=folder, env=environment, check=True
    )
    return done.stdout, done.stderr.split()


@pytest.mark.parametrize(
    "words",
    [["-h"], ["--version"], ["run", "-h"], ["doctor", "-h"], ["studies"], ["datasets"], ["tasks"]],
    ids=" ".join,
)
def test_help_and_lists_import_no_heavy_package(words, tmp_path):
    output, imported = started(*words, folder=tmp_path)
    assert output
    assert imported == []


def test_a_plugin_of_data_is_listed_without_a_heavy_package(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN, encoding="utf-8")
    output, imported = started("datasets", "--plugin", "mine.py", folder=tmp_path)
    assert "mine" in output
    assert imported == []


def test_the_list_of_models_needs_torch(tmp_path):
    """If it did not, the tests above could not tell."""
    assert "torch" in started("models", folder=tmp_path)[1]
