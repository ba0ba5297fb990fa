"""``new`` and ``check``: begin a plugin, and find out whether a dataset, model or task keeps its promises."""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from benchmark.commands.display import print_table
from benchmark.commands.options import DataRoot, Plugins
from benchmark.core.errors import InputError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmark.contracts import DatasetCase, Finding
    from benchmark.plugins.tables import Tables

Kind = Literal["dataset", "model", "task"]
BROKEN = 1  # exit code where a promise is not kept
_KIND = Annotated[str, typer.Argument(metavar="dataset|model|task")]


def new(
    kind: _KIND,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it will be called, and its file.")],
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where its file is written.")] = Path(),
) -> None:
    """Write a commented file to start a dataset, model or task of your own from."""
    _check_kind(kind)
    from benchmark.core.files import write_atomically
    from benchmark.plugins.loading import check_plain

    check_plain(kind, name, f"new {kind}")
    path = folder / f"{name}.py"
    if path.exists():
        raise InputError(f"{path}: there is such a file already; choose another name, or move it away")
    template = Template(
        (resources.files("benchmark.plugins") / "templates" / f"{kind}.py.txt").read_text(encoding="utf-8")
    )
    constant = re.sub(r"\W+", "_", name).upper().lstrip("_0123456789") or kind.upper()
    write_atomically(path, template.substitute(name=name, file=path.name, constant=constant).encode())
    print(
        f"{path}: it runs as it is; put yours in, then: python -m benchmark check {kind} {name} --plugin {_word(path)}"
    )


def check(
    kind: _KIND,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of the table, or of a plugin's.")],
    plugin: Plugins = None,
    data_root: DataRoot = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Where a dataset's picture is written; NAME.png if not given."),
    ] = None,
) -> None:
    """Try every promise that a dataset, model or task makes, and say in plain words which it breaks."""
    _check_kind(kind)
    from benchmark import contracts
    from benchmark.plan.checks import named
    from benchmark.plugins.loading import with_plugins

    contracts.one_thread()
    tables = with_plugins(plugin or ())
    if kind == "dataset":
        kept = _check_dataset(tables, name, data_root, picture)
    elif kind == "model":
        (row,) = named(tables.models, "model", [name])
        kept = _told(contracts.examine(contracts.OF_MODELS, contracts.ModelCase(row)))
    else:
        (task,) = named(tables.tasks, "task", [name])
        kept = _told(contracts.examine(contracts.OF_TASKS, contracts.TaskCase(task)))
    if not kept:
        raise typer.Exit(BROKEN)


def _check_dataset(tables: Tables, name: str, data_root: str | None, picture: Path | None) -> bool:
    from benchmark import contracts, datasets

    case = contracts.DatasetCase(datasets.spec(name, tables.datasets), datasets.data_root(data_root))
    kept = _told(contracts.examine(contracts.OF_DATASETS, case))
    if kept:
        _show_card(case, picture)
    return kept


def _show_card(case: DatasetCase, picture: Path | None) -> None:
    from benchmark import contracts
    from benchmark.core.files import write_atomically

    print()
    print_table((case.spec.name, ""), contracts.card(case.dataset))
    path = picture or Path(re.sub(r"[^\w.+-]+", "-", case.spec.name) + ".png")
    write_atomically(path, contracts.picture(case.dataset))
    print(f"\nits picture: {path}")


def _told(findings: Iterable[Finding]) -> bool:
    """Print what was found; whether all promises are kept."""
    found = list(findings)
    print_table(("promise", "", "why"), list(_rows(found)))
    broken = sum(finding.status == "fails" for finding in found)
    held = sum(finding.status == "holds" for finding in found)
    print(f"{held} of {len(found)} promises hold" + (f", {broken} broken" if broken else ""), flush=True)
    return not broken


def _rows(found: list[Finding]) -> Iterator[tuple[str, str, str | None]]:
    """A row for each finding, but one for all that were not examined for the same reason."""
    reasons = Counter(finding.trouble for finding in found if finding.status == "not examined")
    for finding in found:
        if finding.status != "not examined":
            yield finding.promise, finding.status, finding.trouble or None
        elif count := reasons.pop(finding.trouble, 0):
            yield finding.promise if count == 1 else f"{count} promises", finding.status, finding.trouble


def _check_kind(kind: str) -> None:
    if kind not in get_args(Kind):
        raise unknown("kind", kind, get_args(Kind))


def _word(path: Path) -> str:
    return shlex.quote(str(path)) if sys.platform != "win32" else f'"{path}"'
