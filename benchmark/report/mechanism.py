"""Noise by hand, the mean, and interventions: the statistics of a study about why a latent loses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from benchmark.report.figures.asked import COMPARED_READOUTS, primary_metric
from benchmark.report.labels import CHANCE, CONTROL, model_label, noise_of
from benchmark.statistics import (
    ARM,
    Comparison,
    Twins,
    chance_of,
    correlations_over_datasets,
    dataset_means,
    equal_noise,
    equal_signal,
    gaps_over_datasets,
    noise_of_units,
    rank_correlations,
    serves,
    shares,
    summarise,
)
from benchmark.statistics.decoded import decoded_samples
from benchmark.statistics.gaussian_theory import predicted
from benchmark.statistics.noise_curves import NoiseCurve, curves_over_datasets, noise_curves
from benchmark.statistics.stories import story_cells, story_effects, story_numbers, story_verdicts
from benchmark.study.schema import Side, Study
from benchmark.tasks import ROW_SETS

SAME_PROFILE, SAME, TWIN = (
    "noise by hand on the same mean, with the posterior's profile",
    "noise by hand on the same mean, isotropic",
    "noise by hand on the point twin, isotropic",
)
POSTERIOR = "the posterior’s own samples"
# What each family's points and means are compared with: references that need no training.
REFERENCES_OF_POINTS = {"ae": ("raw", "pca"), "gae": ("propagated", "untrained-gcn")}
REFERENCES_OF_MEANS = {"ae": ("raw",), "gae": ("propagated",)}
COMPARED = (0.01, 10.0)  # signal-to-noise ratios at which noise costs something
FEW_LABELS, LABELS = "logistic-regression-few", 20  # labelled rows of each class
_OF_NOISE = ("beta", "estimator", "samples", "beta_schedule", "free_bits", "pseudo_inputs")
_AFTERWARDS = "noise added after training"
FEWEST_SETTINGS = 3  # of a sweep


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Frames of ``benchmark.statistics``. A frame has no rows if the study has no such readouts or models.

    Attributes:
        gaps: Of ``equal_noise``: posteriors against noise by hand.
        gaps_over: The same over datasets.
        padded: Of ``equal_noise``: dimensions of pure noise against isotropic noise by hand.
        padded_over: The same over datasets.
        theory: Retention of few labels, measured and as the theory of Gaussian classes predicts it.
        theory_over: Measured minus predicted retention of informative cells, by kind of noise, over datasets.
        shares: Of ``shares``: the mean against its point twin.
        correlations: Of ``correlations_over_datasets``.
        serves: Of ``serves``: means and points against references without training.
        serves_over: The same over datasets.
        decoded: Of ``decoded_samples``.
        gains_over: The gain of a sample by decoding, over datasets.
        decoded_beside: Mean scores of latents, of their reconstructions, of the point twin and of raw features.
        curves: Of ``noise_curves``.
        curves_over: The same over datasets.
        story_cells: Of ``story_cells``: what the sources say of a posterior.
        story_verdicts: Of ``story_verdicts``.
        interventions: Of ``equal_signal``.
        interventions_over: The same over datasets.
    """

    gaps: pd.DataFrame
    gaps_over: pd.DataFrame
    padded: pd.DataFrame
    padded_over: pd.DataFrame
    theory: pd.DataFrame
    theory_over: pd.DataFrame
    shares: pd.DataFrame
    correlations: pd.DataFrame
    serves: pd.DataFrame
    serves_over: pd.DataFrame
    interventions: pd.DataFrame
    interventions_over: pd.DataFrame
    decoded: pd.DataFrame
    gains_over: pd.DataFrame
    decoded_beside: pd.DataFrame
    curves: pd.DataFrame
    curves_over: pd.DataFrame
    story_cells: pd.DataFrame
    story_verdicts: pd.DataFrame

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the frames by the names of their files."""
        return {f"mechanism-{each.name.replace('_', '-')}": getattr(self, each.name) for each in fields(self)}


def mechanism(
    study: Study, scores: pd.DataFrame, units: pd.DataFrame, overlap: Mapping[str, float], *, seed: int
) -> Mechanism:
    """Compute the frames.

    Args:
        study: The study.
        scores: The scores, without those of units that do not count.
        units: The units.
        overlap: ρ by task, as in ``contrasts``.
        seed: Names the random streams.
    """
    primary = {task: primary_metric(task, scores) for task in study.analysis.law.tasks}
    scores = scores[scores["metric"].eq(scores["task"].map(primary))]
    least, chance = study.analysis.gates.least_retained, chance_of(scores, CONTROL)
    noise, twins, there = noise_of_units(units), _twins(units, study), set(scores["readout"])
    isotropic, profile = (_strengths(there, pattern) for pattern in (r"noise-([\d.]+)", r"own-noise-([\d.]+)"))
    paddings = _strengths(there, r"padded-(\d+)")
    own = [noise.assign(readout="sampled")]
    own += [noise.assign(readout=name, x=noise["dimensions"] ** 1.5 / k) for name, k in paddings.items()]
    arms = (
        units.loc[units["model"].ne(CHANCE), ["model", "variant"]].drop_duplicates().sort_values(["model", "variant"])
    )
    of_padding = [
        Comparison(f"{k:g} dimensions", Side(model=model, variant=variant, readout=name), model, variant, isotropic)
        for name, k in paddings.items()
        for model, variant in arms.itertuples(index=False, name=None)
    ]
    gaps, padded = (
        equal_noise(scores, pd.concat(own), asked if isotropic else [], chance, overlap, least=least)
        for asked in (_comparisons(twins, isotropic, profile), of_padding)
    )
    found = shares(scores, noise, twins, chance, overlap, least=least)
    served = _served(scores, units, twins, overlap)
    sweeps = _sweeps(units)
    read = scores[scores["readout"].isin(COMPARED_READOUTS)]
    tried = equal_signal(read, noise, sweeps, _compared(sweeps, units, twins, study), overlap, within=COMPARED)
    margin = study.analysis.words.share
    decoded = decoded_samples(scores, overlap, study.analysis.words)
    theory = _theory(scores, units, noise, chance, {**isotropic, **profile}, least)
    curves = _curves(scores, noise, twins, isotropic, profile, chance, overlap, least)
    effects = story_effects(
        story_numbers(units, ROW_SETS),
        units,
        [pair for pair in twins if pair.noisy.variant == pair.point.variant],
        least_rate=study.analysis.gates.least_rate,
    )
    return Mechanism(
        gaps=gaps,
        gaps_over=gaps_over_datasets(gaps, margin=margin, seed=seed),
        padded=padded,
        padded_over=gaps_over_datasets(padded, margin=margin, seed=seed),
        theory=theory,
        theory_over=_theory_over(theory, study.analysis.law.informative, seed),
        shares=found,
        correlations=correlations_over_datasets(rank_correlations(found), seed=seed),
        serves=served,
        serves_over=dataset_means(served, ["model", "variant", "reference", "task", "metric"], "difference", seed=seed),
        interventions=tried,
        interventions_over=dataset_means(
            tried, ["first", "second", "readout", "task", "metric"], "difference", seed=seed
        ),
        decoded=decoded,
        gains_over=dataset_means(decoded, ["task", "metric"], "gain", seed=seed),
        decoded_beside=_decoded_beside(scores, decoded, twins),
        curves=curves,
        curves_over=curves_over_datasets(curves, seed=seed),
        story_cells=story_cells(effects),
        story_verdicts=story_verdicts(effects, margin=margin),
    )


def _strengths(readouts: set[str], pattern: str) -> dict[str, float]:
    """Return the numbers in the names of readouts that match, in their order."""
    found = {name: float(match[1]) for name in readouts if (match := re.fullmatch(pattern, name))}
    return dict(sorted(found.items(), key=lambda each: each[1]))


def _twins(units: pd.DataFrame, study: Study) -> list[Twins]:
    """Pair the mean of every noisy model with the point model of equal family, likelihood and other settings."""
    arms = units[units["likelihood"].ne("")].drop_duplicates(["model", "variant"])
    arms = arms[~arms["latent"].str.contains(_AFTERWARDS)].sort_values(["model", "variant"])
    declared = {(each.first.model, each.second.model) for each in study.contrasts}
    points: dict[tuple[str, str, str], list[Side]] = {}
    noisy: list[tuple[tuple[str, str, str], Side]] = []
    for row in arms.itertuples(index=False):
        side = Side(model=str(row.model), variant=str(row.variant), readout="mean")
        settings = {name: value for name, value in json.loads(str(row.settings)).items() if name not in _OF_NOISE}
        key = (str(row.model_family), str(row.likelihood), json.dumps(settings, sort_keys=True))
        if row.latent == "point":
            points.setdefault(key, []).append(side)
        else:
            noisy.append((key, side))
    found = []
    for key, side in noisy:
        twins = points.get(key, [])
        asked = [point for point in twins if (side.model, point.model) in declared]
        if len(asked or twins) == 1:
            found.append(Twins(side, (asked or twins)[0]))
    return found


def _comparisons(twins: list[Twins], isotropic: Mapping[str, float], profile: Mapping[str, float]) -> list[Comparison]:
    found = []
    for kind, strengths in ((SAME_PROFILE, profile), (SAME, isotropic), (TWIN, isotropic)):
        for noisy, point in twins:
            by_hand, sample = point if kind == TWIN else noisy, noisy.model_copy(update={"readout": "sampled"})
            if strengths:
                found.append(Comparison(kind, sample, by_hand.model, by_hand.variant, strengths))
    return found


def _served(
    scores: pd.DataFrame, units: pd.DataFrame, twins: list[Twins], overlap: Mapping[str, float]
) -> pd.DataFrame:
    """Compare models without overridden settings with the references of their family.

    The column ``side`` is "point", or "mean" for a noisy model.
    """
    families = dict(zip(units["model"], units["model_family"], strict=True))
    pairs = [pair for pair in twins if not pair.noisy.variant and not pair.point.variant]
    parts = []
    for family in REFERENCES_OF_POINTS:
        here = [pair for pair in pairs if families[pair.noisy.model] == family]
        for side, sides, names in (
            ("point", dict.fromkeys(pair.point for pair in here), REFERENCES_OF_POINTS[family]),
            ("mean", dict.fromkeys(pair.noisy for pair in here), REFERENCES_OF_MEANS[family]),
        ):
            references = [Side(model=name, readout="mean") for name in names]
            parts.append(serves(scores, tuple(sides), references, overlap).assign(side=side))
    return pd.concat(parts, ignore_index=True)


def _curves(
    scores: pd.DataFrame,
    noise: pd.DataFrame,
    twins: list[Twins],
    isotropic: Mapping[str, float],
    profile: Mapping[str, float],
    chance: pd.Series[float],
    overlap: Mapping[str, float],
    least: float,
) -> pd.DataFrame:
    """Return the retention of noise by hand and of the posteriors' samples; no rows without noise by hand."""
    by_hand = {**isotropic, **profile}
    asked = [
        curve
        for noisy, point in twins
        for curve in (
            NoiseCurve(SAME_PROFILE, noisy.model, noisy.variant, tuple(profile)),
            NoiseCurve(SAME, noisy.model, noisy.variant, tuple(isotropic)),
            NoiseCurve(TWIN, point.model, point.variant, tuple(isotropic)),
            NoiseCurve(POSTERIOR, noisy.model, noisy.variant, ("sampled",) if by_hand else ()),
        )
    ]
    names = noise[[*ARM, "seed"]]
    strengths = [names.assign(readout="sampled", x=noise["x"])]
    strengths += [names.assign(readout=readout, x=x) for readout, x in by_hand.items()]
    return noise_curves(scores, pd.concat(strengths), list(dict.fromkeys(asked)), chance, overlap, least=least)


POINT, DECODED_POINT, RAW = "point", "decoded point", "raw"


def _decoded_beside(scores: pd.DataFrame, decoded: pd.DataFrame, twins: list[Twins]) -> pd.DataFrame:
    """Return the mean scores that belong beside a decoded sample, by ``of``, for each row of ``decoded``."""
    question = ["dataset", "unit", "task", "metric"]
    here = scores[scores["readout"].isin(["mean", "decoded-mean"])]
    means = summarise(here).dropna(subset="mean").set_index([*question, "model", "variant", "readout"])["mean"]
    point = {(pair.noisy.model, pair.noisy.variant): pair.point for pair in twins}
    rows = []
    for cell in decoded.to_dict("records"):
        asked, arm = tuple(cell[name] for name in question), (cell["model"], cell["variant"])
        values = {name: cell[name.replace(" ", "_")] for name in ("mean", "sample", "decoded mean", "decoded sample")}
        if arm in point:
            twin = (point[arm].model, point[arm].variant)
            values |= {
                POINT: means.get((*asked, *twin, "mean")),
                DECODED_POINT: means.get((*asked, *twin, "decoded-mean")),
            }
        values[RAW] = means.get((*asked, RAW, "", "mean"))
        rows += [(*asked, *arm, of, value) for of, value in values.items() if value is not None]
    return pd.DataFrame(rows, columns=[*question, "model", "variant", "of", "value"]).dropna(subset="value")


def _sweeps(units: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Return the settings that differ in β alone, three or more, by a model and its other overrides."""
    arms = units.loc[units["beta"].notna(), ["model", "variant", "latent"]].drop_duplicates(["model", "variant"])
    arms = arms[~arms["latent"].str.contains(_AFTERWARDS)]
    sweeps: dict[str, list[tuple[str, str]]] = {}
    for model, variant in sorted(zip(arms["model"], arms["variant"], strict=True)):
        rest = " ".join(part for part in variant.split() if not part.startswith("beta="))
        sweeps.setdefault(model_label(model, rest), []).append((model, variant))
    return {name: each for name, each in sweeps.items() if len(each) >= FEWEST_SETTINGS}


def _compared(
    sweeps: Mapping[str, list[tuple[str, str]]], units: pd.DataFrame, twins: list[Twins], study: Study
) -> list[tuple[str, str]]:
    """Compare each sweep with a plain one, if both override the same other settings. Declared twins come first.

    The plain model is the first twin of its family with the same likelihood, so that nothing but the intervention
    differs. It is itself compared with the first twin of the family: then the likelihood is the intervention.
    """
    kinds = units[["model", "model_family", "likelihood"]].drop_duplicates("model").itertuples(index=False, name=None)
    kind = {model: (family, likelihood) for model, family, likelihood in kinds}
    plain: dict[tuple[str, ...], str] = {}
    declared = {each.first.model for each in study.contrasts}
    names = {pair.noisy.model for pair in twins}
    for model in sorted(names, key=lambda name: (name not in declared, len(name), name)):
        family, likelihood = kind[model]
        plain.setdefault((family, likelihood), model)
        plain.setdefault((family,), model)
    found = []
    for name, arms in sweeps.items():
        model = arms[0][0]
        family, likelihood = kind[model]
        other = plain.get((family, likelihood), "")
        reference = name.replace(model, plain.get((family,), "") if other == model else other, 1)
        if reference != name and reference in sweeps:
            found.append((name, reference))
    return found


THEORY_COLUMNS = [*ARM, "readout", "signal", "measured", "predicted"]


def _theory(
    scores: pd.DataFrame,
    units: pd.DataFrame,
    noise: pd.DataFrame,
    chance: pd.Series[float],
    strengths: Mapping[str, float],
    least: float,
) -> pd.DataFrame:
    """Predict the retention of few labels from the accuracy of the mean, and put the measured one beside it.

    As many dimensions as the effective rank count as such; the others count as collapsed.
    """
    few = summarise(scores[scores["task"].eq(FEW_LABELS)])
    ranks = [json.loads(text).get("effective_rank") for text in units["diagnostics"]]
    arms = (
        noise.merge(units.assign(rank=np.array(ranks, float))[[*ARM, "seed", "rank"]], on=[*ARM, "seed"])
        .sort_values([*ARM, "seed"])
        .groupby(ARM)[["dimensions", "signal", "rank", "classes"]]
        .mean()
        .to_dict("index")
    )
    rows = []
    for names, here in few.dropna(subset="mean").groupby(ARM, sort=True):
        values = dict(zip(here["readout"], here["mean"], strict=True))
        metric = here["metric"].iloc[0]
        level = float(chance.get((names[0], FEW_LABELS, metric), np.nan))
        if "mean" not in values or names not in arms or not values["mean"] - level >= least:
            continue
        arm = arms[names]
        d, rank = float(arm["dimensions"]), min(float(arm["rank"]), float(arm["dimensions"]))
        for readout in sorted({*strengths, "sampled"} & set(values)):
            signal = strengths[readout] / np.sqrt(d) if readout in strengths else float(arm["signal"])
            kept = predicted(
                values["mean"], signal, classes=int(arm["classes"]), labels=LABELS, dimensions=rank, collapsed=d - rank
            )
            measured = (values[readout] - level) / (values["mean"] - level)
            rows.append((*names, readout, signal, measured, float(kept)))
    return pd.DataFrame(rows, columns=THEORY_COLUMNS)


def _theory_over(theory: pd.DataFrame, informative: tuple[float, float], seed: int) -> pd.DataFrame:
    """Average measured − predicted retention over the datasets of informative cells, by kind of noise."""
    counts = theory[["measured", "predicted"]].apply(lambda each: each.between(*informative)).any(axis=1)
    here = theory[counts]
    here = here.assign(noise=noise_of(here["readout"]), residual=here["measured"] - here["predicted"])
    return dataset_means(here, ["noise"], "residual", seed=seed)
