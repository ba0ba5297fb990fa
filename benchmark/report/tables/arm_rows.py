"""Rows of models with readouts, in the order of every table of scores."""

from __future__ import annotations

from collections.abc import Callable, Collection

from benchmark.report.frame_rows import Models, in_order
from benchmark.report.labels import CHANCE
from benchmark.report.tables.table_parts import RowGroup, TableRow
from benchmark.study.schema import Study


def by_arm(
    arms: Collection[tuple[str, str, str]], study: Study, models: Models, row: Callable[..., TableRow]
) -> tuple[RowGroup, ...]:
    """Return a row for each model, variant and readout in the study's order, in groups: trained models, then controls.

    Args:
        arms: Models, variants and readouts.
        study: The study, which orders the rows.
        models: The models of the units.
        row: Returns a row from model, variant, readout, and whether it is the first row of the model and variant.
    """
    names, readouts = (
        in_order({arm[0] for arm in arms}, study.models),
        in_order({arm[2] for arm in arms}, study.readouts),
    )
    ordered = sorted(arms, key=lambda arm: (arm[0] == CHANCE, names.index(arm[0]), arm[1], readouts.index(arm[2])))
    opening = {arm[:2]: arm for arm in reversed(ordered)}
    rows = [(models.is_control(arm[0]), row(*arm, opens=opening[arm[:2]] == arm)) for arm in ordered]
    groups = (
        RowGroup(tuple(each for is_control, each in rows if is_control == controls), label)
        for controls, label in ((False, ""), (True, "controls and chance"))
    )
    return tuple(group for group in groups if group.rows)
