"""One name for one thing: no two files, classes or types of the package share a name."""

import ast
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "benchmark"
FILES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
TYPE_FORMS = ("Literal[", "Annotated[", "TypeVar(")


def types_in(source):
    """Names of the classes, type aliases and type variables at the top level of a file."""
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if ast.unparse(kind).endswith("TypeAlias"):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if ast.unparse(value).startswith(TYPE_FORMS):
                yield name


def repeated(names):
    return [name for name, count in Counter(names).items() if count > 1]


def test_no_two_files_share_a_name():
    assert repeated(path.name for path in FILES) == []


def test_no_two_classes_or_types_share_a_name():
    found = [name for path in FILES for name in types_in(path.read_text(encoding="utf-8"))]
    assert len(found) > 100
    assert repeated(found) == []
