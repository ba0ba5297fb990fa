"""``benchmark.tasks``, ``datasets`` and ``models`` are packages and functions, whichever is imported first."""

import copy
import importlib
import inspect
import pickle
import pydoc
import subprocess
import sys

import cloudpickle
import pytest

import benchmark
from benchmark.datasets import DATASETS
from benchmark.models import MODELS
from benchmark.tasks import TASKS

TABLES = {"datasets": DATASETS, "models": MODELS, "tasks": TASKS}
every_table = pytest.mark.parametrize("name", TABLES)
IMPORTS = (
    "import benchmark",
    "import benchmark.{name}",
    "import benchmark, benchmark.{name}",
    "import benchmark; benchmark.{name}; import benchmark.{name}",
    "import benchmark; from benchmark.{name} import listed_{name}",
    "import benchmark; from benchmark import {name}; benchmark.{name} = {name}",
)


@every_table
@pytest.mark.parametrize("imported", IMPORTS)
def test_a_table_can_be_called_whatever_was_imported_before(name, imported):
    code = f"""
{imported.format(name=name)}
assert len(benchmark.{name}()) == {len(TABLES[name])}
from benchmark import {name}
import benchmark.{name} as package
assert {name} is package is benchmark.{name} and {name}.__path__
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@every_table
def test_a_listing_has_one_row_for_each_entry(name):
    listed = getattr(benchmark, name)()
    assert listed.index.tolist() == [entry.name for entry in TABLES[name]]
    assert listed.index.name == "name"


@every_table
def test_a_listing_fits_80_columns(name):
    assert max(map(len, getattr(benchmark, name)().to_string().splitlines())) < 80
    assert "..." not in repr(getattr(benchmark, name)().head(50))


@every_table
def test_a_package_is_pickled_by_its_name(name):
    package = getattr(benchmark, name)
    for copied in (pickle.loads(pickle.dumps(package)), cloudpickle.loads(cloudpickle.dumps(package))):
        assert copied is package
    assert copy.deepcopy(package) is package


@every_table
def test_help_and_reload_still_take_the_package_for_a_module(name):
    package = getattr(benchmark, name)
    assert inspect.ismodule(package)
    assert f"benchmark.{name}()" in pydoc.render_doc(package, renderer=pydoc.plaintext)
    code = f"import importlib, benchmark; importlib.reload(benchmark.{name}); benchmark.{name}()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@every_table
def test_a_package_still_refuses_unknown_names(name):
    with pytest.raises(AttributeError, match="nothing"):
        _ = getattr(benchmark, name).nothing
    with pytest.raises(ImportError):
        importlib.import_module(f"benchmark.{name}.nothing")
