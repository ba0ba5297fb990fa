"""The units of a plan that were recorded before its study is declared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmark.plan.arms import Arm
from benchmark.plan.grid import Plan
from benchmark.results.record import Record
from benchmark.results.store import Recorded
from benchmark.study.declaration import Earlier
from benchmark.study.schema import Contrast

_LISTS = ("--datasets", "--models", "--tasks", "--seeds")


def earlier(plan: Plan, records: Recorded) -> Earlier:
    """Count the recorded units of a plan, and those that hold a score of its contrasts.

    Args:
        plan: The plan.
        records: The records of its units.
    """
    contrasts = plan.study.contrasts
    deciding = [contrast for contrast in contrasts if contrast.role == "confirmatory"] or contrasts
    here = [(unit.arm, record) for unit in plan.units() if (record := records.get(unit.identity.key))]
    return Earlier(
        units=len(here),
        known=sum(_is_known(arm, record, deciding) for arm, record in here),
        studies=tuple(sorted({study_of(record.provenance.command) for _, record in here} - {""})),
    )


def _is_known(arm: Arm, record: Record, contrasts: Sequence[Contrast]) -> bool:
    """Whether a record holds a score that one of the contrasts compares."""
    wanted = {
        (side.readout, primary.task)
        for contrast in contrasts
        for side in (contrast.first, contrast.second)
        if (side.model, side.variant) == (arm.model.name, arm.variant)
        for primary in contrast.primary
    }
    return any(metrics and (slot.readout, slot.task) in wanted for slot, metrics in record.scores.items())


def study_of(command: str) -> str:
    """Name the study of a recorded command. Empty if the command names none.

    >>> study_of("latents run mine.toml --device cpu"), study_of("latents run paper --seeds 2 --device cpu")
    ('mine', 'paper--subset')
    >>> study_of("latents run paper --seeds 2 --as two-seeds")
    'two-seeds'
    """
    found = re.search(r"\brun (\S+)(.*)", command)
    if found is None:
        return ""
    study, options = found.group(1), found.group(2).split()
    if "--as" in options[:-1]:
        return options[options.index("--as") + 1]
    return f"{Path(study).name.removesuffix('.toml')}{'--subset' if set(options) & set(_LISTS) else ''}"
