"""The figures of a study's results."""

from __future__ import annotations

from benchmark.report.figures import (
    Chart,
    averaging,
    beta_sweep,
    critical_differences,
    embeddings,
    forest,
    harm_of_samples,
    images,
    ladder,
    law_curve,
    nearness,
    training_curves,
    traversals,
    waterfalls,
)
from benchmark.report.figures.study_arms import Arms
from benchmark.report.found import Found
from benchmark.report.frame_rows import controls, in_order
from benchmark.report.kept import KeptFiles
from benchmark.report.mechanism_charts import mechanism_charts
from benchmark.study.schema import arm_named


def charts(found: Found, kept: KeptFiles) -> dict[str, Chart]:
    """Draw every figure that the results have data for, by name."""
    declared, datasets = found.declared, found.datasets
    rungs = [[arm_named(rung) for rung in names] for names in found.study.ladders]
    arms, known = _arms(found), Arms.of(found.units)
    colours = {arm: number for number, arm in enumerate(arms)}
    models = in_order(found.units["model"], found.study.models)
    drawn = (
        forest(found.contrasts, declared, datasets, found.study.analysis.words, known),
        ladder(found.summary, rungs, declared, datasets, known),
        waterfalls(found.waterfall, datasets),
        beta_sweep(found.summary, found.units, declared, datasets, models, known),
        averaging(found.summary, declared, datasets, colours, found.overlap, known),
        law_curve(found.law, found.study.analysis.law, found.units, found.retained),
        *mechanism_charts(found),
        harm_of_samples(found.scores, found.units, declared, datasets),
        nearness(found.scores, found.units, declared, datasets),
        embeddings(found.units, declared, datasets, kept),
        traversals(found.units, arms, datasets, kept),
        images(found.units, arms, datasets, kept),
        critical_differences(found.scores, declared, datasets, found.evidence, found.overlap, known),
        training_curves(found.units, colours, datasets, known),
    )
    return {chart.name: chart for chart in drawn if chart is not None and chart.groups}


def _arms(found: Found) -> list[tuple[str, str]]:
    """Return models and variants in contrasts, those in confirmatory contrasts first; all models without contrasts."""
    order = in_order(found.units["model"], found.study.models)
    trained = found.units[~found.units["model"].isin(controls(found.units))]
    plain = [(model, "") for model in order if model in set(trained.loc[trained["variant"].eq(""), "model"])]
    arms: list[tuple[str, str]] = []
    for role in ("confirmatory", "secondary"):
        of_role = [each for each in found.declared if each.role == role]
        sides = {(side.model, side.variant) for each in of_role for side in (each.first, each.second)}
        there = sorted((arm for arm in sides if arm[0] in order), key=lambda arm: (order.index(arm[0]), arm[1]))
        arms += [arm for arm in there if arm not in arms]
    return arms or plain
