"""``new`` and ``check``: start a plugin, and try the promises of a dataset, model or task."""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands.display import followed, print_table, tell_loading
from benchmark.commands.new_study import write_study
from benchmark.commands.options import DataRoot, Plugins
from benchmark.core.errors import InputError
from benchmark.core.names import find, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.contracts import Contract, DatasetCase, Finding
    from benchmark.contracts.contract import Tested
    from benchmark.models import Model
    from benchmark.plugins.tables import Tables

KINDS = ("dataset", "model", "task")
BROKEN = 1  # exit code if a promise is broken
_KIND = Annotated[str, typer.Argument(metavar="dataset|model|task", help="Table of the entry.")]


def new(
    kind: Annotated[str, typer.Argument(metavar="dataset|model|task|study", help="What to write.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the entry or study, and of its file.")],
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the new file.")] = Path(),
    black_box: Annotated[
        bool, typer.Option("--black-box", help="Write a model that is a function of your own, not a row of parts.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Write a commented example of a dataset, model or task, to fill in with your own; or a study with your models."""
    _check_kind(kind, (*KINDS, "study"))
    from benchmark.core.files import write_atomically
    from benchmark.plugins.loading import check_plain

    check_plain(kind, name, f"new {kind}")
    if black_box and kind != "model":
        raise InputError(f"--black-box writes a model, not a {kind}; leave it out")
    if kind == "study":
        path = write_study(name, folder, plugin or ())
        print(f"wrote {path}. Then: latents run {_word(path)}, and latents report {_word(path)}")
        return
    if plugin:
        raise InputError(f"--plugin names the models of a new study; a new {kind} needs none, so leave it out")
    path = folder / f"{name}.py"
    if path.exists():
        raise InputError(f"{path} exists already; choose another name, or move the file away")
    template = Template(
        (resources.files("benchmark.plugins") / "templates" / f"{'black-box' if black_box else kind}.py.txt").read_text(
            encoding="utf-8"
        )
    )
    constant = re.sub(r"\W+", "_", name).upper().lstrip("_0123456789") or kind.upper()
    write_atomically(path, template.substitute(name=name, file=path.name, constant=constant).encode())
    print(
        f"wrote {path}, an example that runs. Fill in your own {kind}{'' if black_box else ' and each TODO'}, then: "
        f"latents check {kind} {name} --plugin {_word(path)}"
    )


def check(
    kind: _KIND,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from the tables or from a plugin.")],
    plugin: Plugins = None,
    data_root: DataRoot = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the dataset into this file too.")
    ] = None,
) -> None:
    """Try every promise of a dataset, model or task, and say why a promise is broken."""
    _check_kind(kind)
    if picture is not None and kind != "dataset":
        raise InputError(f"--picture: a {kind} has no picture; leave the option out")
    tell_loading("torch")
    from benchmark import contracts
    from benchmark.plugins.loading import with_plugins

    contracts.one_thread()
    tables = with_plugins(plugin or ())
    if kind == "dataset":
        kept = _check_dataset(tables, name, data_root, picture)
    elif kind == "model":
        kept = _check_model(find(tables.models, "model", name))
    else:
        kept = _print_findings(contracts.OF_TASKS, contracts.TaskCase(find(tables.tasks, "task", name)))
    if not kept:
        raise typer.Exit(BROKEN)


def _check_model(model: Model) -> bool:
    from benchmark import contracts

    if model.is_function:
        return _print_findings(contracts.OF_FUNCTIONS, contracts.FunctionCase(model))
    return _print_findings(contracts.OF_MODELS, contracts.ModelCase(model))


def _check_dataset(tables: Tables, name: str, data_root: str | None, picture: Path | None) -> bool:
    from benchmark import contracts
    from benchmark.datasets import data_root as root_of
    from benchmark.datasets import spec

    case = contracts.DatasetCase(spec(name, tables.datasets), root_of(data_root))
    kept = _print_findings(contracts.OF_DATASETS, case)
    if kept:
        _show_card(case, picture)
    return kept


def _show_card(case: DatasetCase, picture: Path | None) -> None:
    from benchmark import contracts
    from benchmark.core.files import write_atomically

    print()
    print_table((case.spec.name, ""), contracts.card(case.dataset))
    if picture is not None:
        write_atomically(picture, contracts.picture(case.dataset))
        print(f"\npicture: {picture}")


def _print_findings(promises: Sequence[Contract[Tested]], subject: Tested) -> bool:
    """Try the promises and print the findings. True if no promise is broken."""
    from benchmark import contracts

    steps = [f"trying: {promise.promise}" for promise in promises]
    found = list(followed(contracts.examine(promises, subject), steps))
    print_table(("promise", "", "why"), list(_rows(found)))
    answers = Counter(finding.answer for finding in found)
    broken = f", {answers['fails']} broken" if answers["fails"] else ""
    print(f"{answers['holds']} of {len(found)} promises hold{broken}", flush=True)
    return not answers["fails"]


def _rows(found: list[Finding]) -> Iterator[tuple[str, str, str | None]]:
    """One row for each finding. Promises that were not examined for the same reason share a row."""
    reasons = Counter(finding.trouble for finding in found if finding.answer == "not examined")
    for finding in found:
        if finding.answer != "not examined":
            yield finding.promise, finding.answer, finding.trouble or None
        elif count := reasons.pop(finding.trouble, 0):
            yield finding.promise if count == 1 else f"{count} promises", finding.answer, finding.trouble


def _check_kind(kind: str, known: Sequence[str] = KINDS) -> None:
    if kind not in known:
        raise unknown("kind", kind, known)


def _word(path: Path) -> str:
    """The path as one word of a command line."""
    return shlex.quote(str(path)) if sys.platform != "win32" else f'"{path}"'
