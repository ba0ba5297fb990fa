"""The number of units of a study, before its data are loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from benchmark.plan.data import OWN_GRAPH
from benchmark.plan.grid import Plan
from benchmark.plugins.tables import Tables
from benchmark.study.expansion import expand
from benchmark.study.schema import Study
from benchmark.tasks import Need, unmet_needs


def unit_count(study: Study, tables: Tables, unmet: Mapping[str, Collection[Need]]) -> int:
    """Count the units of a study on some datasets.

    Args:
        study: The resolved study.
        tables: Our tables and the plugins.
        unmet: The needs of tasks that each of the datasets does not meet.
    """
    plan = Plan(study, {}, "cpu", tables)
    return study.seeds * sum(
        len(plan.unit_names(arm, needs)) for name, needs in unmet.items() for arm in plan.arms_on(name)
    )


def unmet_by_name(study: Study, tables: Tables, units: pd.DataFrame) -> tuple[dict[str, set[Need]], bool]:
    """Find which needs of tasks the datasets of a study do not meet, without reading files.

    A dataset with units is known from them. Another one is known from the tables if they have its number of edges or if
    it needs no file. The rest are taken to have labels alone.

    Args:
        study: The resolved study.
        tables: Our tables and the plugins.
        units: The frame of units.

    Returns:
        The unmet needs of each dataset, and whether all are known.
    """
    known = {str(row["dataset"]): row for row in units.drop_duplicates("dataset").to_dict("records")}
    specs = {spec.name: spec for spec in tables.datasets if f"dataset {spec.name}" not in tables.sources}
    found: dict[str, set[Need]] = {}
    exact = True
    for name in study.datasets:
        spec = specs.get(name)
        published = spec is not None and bool(spec.published_split)
        if name in known:
            labels, links = bool(known[name]["classes"]), known[name]["dataset_graph"] == OWN_GRAPH
            found[name] = _without(labels=labels, links=links, published=published)
        elif spec is not None and not spec.files:
            found[name] = {*unmet_needs(tables.load(name, Path()))}
        else:
            links = spec is not None and spec.edges is not None
            found[name] = _without(labels=True, links=links, published=published)
            exact = exact and (links or (spec is not None and spec.seen))
    return found, exact


def _without(*, labels: bool, links: bool, published: bool) -> set[Need]:
    met: dict[Need, bool] = {"labels": labels, "links": links, "published": published}
    return {need for need, there in met.items() if not there}


def are_known(study: Study, tables: Tables) -> bool:
    """Whether the tables have every model of a study. Those of a plugin are known if the plugin is named."""
    names = {model.name for model in tables.models}
    return all(arm.model in names for arm in expand(study))
