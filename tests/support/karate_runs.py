"""A small study of karate, planned and run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from resolved import study_of
from tiny import Held

from benchmark.models import Model, ModelSpec, NoisedSpec
from benchmark.plan.data import Prepared, load_all
from benchmark.plan.grid import Plan, make_plan
from benchmark.plugins.tables import OURS, Tables
from benchmark.results.store import Store
from benchmark.running import gather, run
from benchmark.running.context import Context
from benchmark.running.work import run_job

STUDY = {
    "name": "tiny",
    "title": "Tiny",
    "datasets": ["karate"],
    "models": ["ae", "vgae", "raw"],
    "variants": [{"models": ["ae"], "settings": {"hidden": 8, "epochs": 5}}],
    "seeds": 2,
    "draws": 2,
    "repeats": 1,
}


@cache
def karate() -> dict[str, Prepared]:
    """Load karate, which needs no file."""
    return load_all(study_of(STUDY), Path("no folder"), skip_missing=False)[0]


def _quick(model: Model) -> Model:
    """Return the model with a short training."""
    if isinstance(model, NoisedSpec):
        return replace(model, point=_quick(model.point), variational=_quick(model.variational))
    if isinstance(model, ModelSpec):
        epochs = 40 if model.settings.epochs else 0
        return replace(model, settings=replace(model.settings, epochs=epochs, least_steps=None))
    return model


TABLES = replace(OURS, models=tuple(map(_quick, OURS.models)))


def planned(tables: Tables = TABLES, **changes: Any) -> Plan:
    """Return the plan of STUDY with some fields changed."""
    return make_plan(study_of({**STUDY, **changes}, tables), karate(), "cpu", tables)


class Retrained:
    """A model whose training is replaced by a function. In everything else it is like another model."""

    def __init__(self, model: Model, fit: Callable[..., Any]) -> None:
        self._model, self._fit = model, fit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def fit(self, data, settings, seeds, device, /, *, passes=None):
        return self._fit(self._model, data, settings, seeds, device, passes)


def retrained(name: str, fit: Callable[..., Any]) -> Tables:
    """Return the tables with one model trained by ``fit``."""
    return replace(TABLES, models=tuple(Retrained(m, fit) if m.name == name else m for m in TABLES.models))


def context(plan: Plan) -> Context:
    """Return the facts of a run in this process. All work is done on the CPU, whatever the records say."""
    handed = {name: Held(prepared) for name, prepared in plan.data.items()}
    return run.prepare(replace(plan, device="cpu"), handed, "")


def missing(plan: Plan, store: Store, replicas: int | None = None, **options: bool) -> run.Work:
    """Return the missing work of a plan."""
    return run.missing(plan, store, run.read_records(plan.units(), store), replicas, **options)


def gathered(plan: Plan, store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the frames of a plan."""
    return gather.gather(plan, run.read_records(plan.units(), store))


def complete(
    plan: Plan, store: Store, replicas: int | None = None, **options: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Do the missing work in this process, and return the frames."""
    facts = context(plan)
    for job in missing(plan, store, replicas, **options).jobs:
        run.keep(run_job(run.ready(job, store), facts), job, store)
    return gathered(plan, store)
