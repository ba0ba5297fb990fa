"""Every example in a docstring runs and is true."""

import ast
import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "benchmark"
PROMPT = re.compile(r"^[\s#]*>>> ", re.MULTILINE)
OPTIONAL = {"running/engines/on_ray.py": "ray"}  # file: the package that its import needs
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if PROMPT.search(path.read_text(encoding="utf-8"))]


def docstrings(source):
    """Name, first line and text of every docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield getattr(node, "name", "module"), node.body[0].lineno - 1, text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_example_runs_and_is_true(path):
    file = path.relative_to(PACKAGE)
    if file.as_posix() in OPTIONAL:
        pytest.importorskip(OPTIONAL[file.as_posix()])
    module = import_module(".".join(("benchmark", *file.with_suffix("").parts)).removesuffix(".__init__"))
    source, report = path.read_text(encoding="utf-8"), []
    runner, parser = doctest.DocTestRunner(verbose=False), doctest.DocTestParser()
    for name, line, text in docstrings(source):
        runner.run(parser.get_doctest(text, dict(vars(module)), name, str(file), line), out=report.append)
    assert not report, "".join(report)
    assert runner.tries == len(PROMPT.findall(source)), "an example is outside a docstring"
