"""Why a latent loses: rival explanations, noise by hand, interventions, decoding, theory, and the sources’ stories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.blocks import Block, Folded, Paragraph, Section, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.figures.kinds import FAMILIES, families_of_models
from benchmark.report.found import Found
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import NOISES, model_label
from benchmark.report.mechanism import COMPARED, FEW_LABELS, SAME_PROFILE, Mechanism
from benchmark.report.tables.law_tables import explanation_tables
from benchmark.report.tables.mechanism_tables import (
    correlation_table,
    decoded_table,
    gap_table,
    intervention_table,
    serves_table,
    share_table,
    story_table,
    theory_table,
)
from benchmark.statistics.decoded import BOTH, ONLY_LATENT, SERVES, UNCLEAR
from benchmark.statistics.judged_law import JudgedLaw
from benchmark.statistics.law import FRESH
from benchmark.statistics.predictor_errors import LAW, best_forms
from benchmark.statistics.rivals import LABELLED, RIVAL
from benchmark.statistics.stories import DYNAMICS, FAILS, HOLDS, IN_ORDER, OPEN, joint_verdict
from benchmark.statistics.words import SIDES, UNDECIDED, words_of
from benchmark.study.schema import Study

EXPLANATIONS = ("predictors", "noise-by-hand", "interventions", "decoded", "theory", "serves")  # in reading order
NAMED = 4  # differences in a sentence
_TELLS = {
    "continuity": "Continuity: the decoder of a posterior should turn a line between two latents into more even steps "
    "than the decoder of its point twin.",
    "completeness": "Completeness: decoded samples of the prior should look like data (precision) and cover them "
    "(recall), more than for the point twin.",
    "completeness, own Gaussian": "Completeness without the scale: the same, but samples come from the Gaussian that "
    "has the latents’ own moments, because a point was never asked to follow the prior.",
    DYNAMICS: "Noise dynamics: σ should shrink while the decoder is poor, and grow again once it is good.",
    "robustness": "Robustness: noise as large as the spread of the latents should cost the decoder of a posterior "
    "fewer nats than that of its point twin.",
    "overfitting": "Overfitting: rows that training did not see should cost a posterior fewer nats beyond seen rows "
    "than they cost its point twin.",
}


def explanations(found: Found, charts: Mapping[str, Chart]) -> dict[str, Section]:
    """Return the sections by their anchors, those that the study has numbers for.

    Args:
        found: The statistics.
        charts: The figures by name.
    """
    study, families = found.study, families_of_models(found.units)
    numbers_of = found.mechanism
    sections = (
        Section("mean", "The mean against its point twin", _mean(numbers_of, study, families)),
        Section("predictors", "Which explanation predicts best?", _predictors(found.law, charts)),
        Section("noise-by-hand", "Noise by hand", _noise_by_hand(numbers_of, study, charts)),
        Section("interventions", "Does it matter what makes the noise?", _interventions(numbers_of, study, charts)),
        Section("decoded", "Geometry or information?", _decoded(numbers_of, study, families, charts)),
        Section("theory", "Theory against measurement", _theory(numbers_of, study, charts)),
        Section("serves", "Does it serve at all?", _serves(numbers_of, study, families, charts)),
        Section("stories", "What the sources say", _stories(numbers_of, study, families, charts)),
    )
    return {section.anchor: section for section in sections if _shows(section.blocks)}


def _mean(found: Mechanism, study: Study, families: Mapping[str, str]) -> tuple[Block, ...]:
    note = (
        "A share is (mean − point)/(point − chance), in percent, with its 95 % interval over seeds. Correlations are "
        "Spearman’s, taken within each dataset and then averaged."
    )
    shares = share_table(found.shares, study, families)
    return blocks(
        *paragraphs([note]),
        correlation_table(found.correlations, study),
        None if shares is None else Folded("By dataset and model", "mean-by-dataset", (shares,)),
    )


def _predictors(law: JudgedLaw | None, charts: Mapping[str, Chart]) -> tuple[Block, ...]:
    tables = explanation_tables(law)
    numbers_of_all = Folded("The numbers of all predictors", "predictor-numbers", tables)
    folded = (numbers_of_all,) if tables else ()
    return (*paragraphs(predictor_sentences(law)), *_drawn(charts, "predictors"), *folded)


def predictor_sentences(law: JudgedLaw | None) -> tuple[str, ...]:
    """Say how the law compares with its rivals on fresh cells, or on seen cells if no cell is fresh."""
    if law is None or law.compared.empty:
        return ()
    kinds = in_order(law.compared["cells_are"], (FRESH,))
    errors = best_forms(law.compared)
    errors = errors[errors["cells_are"].eq(kinds[0])]
    rivals = errors[errors["role"].eq(RIVAL)]
    if rivals.empty:
        return ()
    shown = rivals.merge(law.compared[["predictor", "form", "cells_are", "difference", "low", "high"]])
    ours = errors[errors["role"].eq(LAW)]
    best = records(shown.sort_values("error", kind="stable"))[0]
    better, worse = int(shown["high"].lt(0).sum()), int(shown["low"].gt(0).sum())
    said = (
        f"On {kinds[0]} cells, {_errs('the law', records(ours)[0])}. " if not ours.empty else ""
    ) + f"The best of {len(shown)} rivals is {best['predictor']}: {_errs('it', best)}."
    counts = (
        f"The law errs certainly less than {better} of the rivals and certainly more than {worse}. For the other "
        f"{len(shown) - better - worse}, the interval of the difference of errors holds zero, or three datasets are "
        "missing for an interval."
    )
    oracle = records(errors[errors["role"].eq(LABELLED)])
    with_labels = [f"A predictor that uses the labels, {each['predictor']}: {_errs('it', each)}." for each in oracle]
    return (" ".join([said, counts, *with_labels]),)


def _errs(name: str, row: Mapping[str, float]) -> str:
    ends = "" if np.isnan(row["error_low"]) else f" ({_thousandths(row['error_low'], row['error_high'])})"
    return f"{name} errs by {numbers.thousandths(row['error'])}{ends}"


def _thousandths(low: float, high: float) -> str:
    return f"{numbers.thousandths(low)} to {numbers.thousandths(high)}"


def _noise_by_hand(found: Mechanism, study: Study, charts: Mapping[str, Chart]) -> tuple[Block, ...]:
    return (
        *paragraphs(noise_sentences(found, study)),
        *_drawn(charts, "noise-by-hand"),
        *blocks(
            gap_table(found.gaps_over, study, "Posterior − noise by hand: retention in points", "noise-by-hand"),
            gap_table(found.padded_over, study, "Padded − isotropic noise: retention in points", "padded"),
        ),
    )


def noise_sentences(found: Mechanism, study: Study) -> tuple[str, ...]:
    """Say how a posterior's noise compares with noise by hand on the same mean and with the same profile."""
    margin = study.analysis.words.share
    here = records(found.gaps_over[found.gaps_over["kind"].eq(SAME_PROFILE) & found.gaps_over["datasets"].gt(0)])
    notes = [
        "The strength of noise is x = √d · SNR. Retention is the share of the mean’s score above chance that a noisy "
        "readout keeps. Noise by hand is read at the x of the posterior, on lines between its strengths, and never "
        "beyond them."
    ]
    if here:
        parts = "; ".join(
            f"{each['task']} {numbers.points(each['gap'])} ({numbers.interval(each['low'], each['high'])}) points"
            for each in here
        )
        cells = sum(each["cells"] for each in here)
        beyond = round(sum(each["beyond"] * each["cells"] for each in here))
        notes.append(
            f"At equal x, a sample keeps more (+) or less (−) of its mean’s score than {SAME_PROFILE}: {parts}. "
            f"The gap is beyond ±{100 * margin:g} points in {beyond} of {numbers.counted(cells, 'cell')}."
        )
    outside = found.gaps.loc[~found.gaps["defined"].astype(bool), "reason"].value_counts().sort_index()
    if not outside.empty:
        said = ", ".join(f"{reason} ({count})" for reason, count in outside.items())
        notes.append(f"Cells without a gap: {said}.")
    return tuple(notes)


def _interventions(found: Mechanism, study: Study, charts: Mapping[str, Chart]) -> tuple[Block, ...]:
    return (
        *paragraphs(intervention_sentences(found.interventions_over, study)),
        *_drawn(charts, "equal-signal"),
        *blocks(intervention_table(found.interventions_over, study)),
    )


def intervention_sentences(over: pd.DataFrame, study: Study) -> tuple[str, ...]:
    """Say how many differences at equal signal over noise are decided, and name the largest of them."""
    low, high = COMPARED
    words = study.analysis.words
    over = over[over["datasets"].gt(0)]
    over = over.assign(word=words_of(over["low"], over["high"], [words.margin(metric) for metric in over["metric"]]))
    judged = over[over["word"].ne("")]
    notes = [
        f"Two sweeps over β are compared at equal signal-to-noise ratios between {low:g} and {high:g}, within the "
        "range that both reach. Differences are in points, with the 95 % interval over datasets."
    ]
    if not judged.empty:
        sure = judged[judged["word"].map(SIDES).ne(0)]
        sure = sure.reindex(sure["difference"].abs().sort_values(ascending=False, kind="stable").index)
        same, total = int(judged["word"].eq("same").sum()), len(judged)
        names = "; ".join(
            f"{row['first']} − {row['second']}, {row['readout']}, {row['task']}: {numbers.points(row['difference'])}"
            for row in records(sure.head(NAMED))
        )
        open_ = total - len(sure) - same
        listed = f" ({names}{'; …' if len(sure) > NAMED else ''})" if names else ""
        notes.append(
            f"At equal signal over noise, {len(sure)} of {numbers.counted(total, 'difference')} between two sweeps lie "
            f"certainly on one side of zero{listed}, {same} certainly within the margin, and {open_} are not decided."
        )
    return tuple(notes)


def _decoded(
    found: Mechanism, study: Study, families: Mapping[str, str], charts: Mapping[str, Chart]
) -> tuple[Block, ...]:
    return (
        *paragraphs(decoded_sentences(found, study)),
        *_drawn(charts, "decoded"),
        *blocks(decoded_table(found.decoded, study, families)),
    )


def decoded_sentences(found: Mechanism, study: Study) -> tuple[str, ...]:
    """Say how often a sample fails in the latent and not after decoding, and what decoding gains over datasets."""
    if found.decoded.empty:
        return ()
    counts = found.decoded["fate"].value_counts()
    fails = len(found.decoded) - int(counts.get(SERVES, 0))
    first = (
        f"A sample certainly scores worse than its own mean in {fails} of "
        f"{numbers.counted(len(found.decoded), 'cell')}: the whole 95 % interval over seeds lies below the margin."
    )
    if fails:
        only, both, unclear = (int(counts.get(fate, 0)) for fate in (ONLY_LATENT, BOTH, UNCLEAR))
        first += (
            f" Decoded, the sample then does not fail in {only} of these {fails}, fails too in {both}, and {unclear} "
            "are undecided."
        )
    margin = study.analysis.words
    gains = [
        f"{row['task']} {numbers.points(row['gain'])} points ({numbers.interval(row['low'], row['high'])}; "
        f"{_word(row['low'], row['high'], margin.margin(row['metric']))})"
        for row in records(found.gains_over[found.gains_over["datasets"].gt(0)])
    ]
    second = f"Decoding changes the score of a sample, over datasets: {'; '.join(gains)}."
    return (f"{first} {second}",)


def _word(low: float, high: float, margin: float) -> str:
    """Return the word of an interval; undecided without ends."""
    return words_of([low], [high], [margin])[0] or UNDECIDED


def _theory(found: Mechanism, study: Study, charts: Mapping[str, Chart]) -> tuple[Block, ...]:
    table = theory_table(found.theory, study)
    if table is None:
        return ()
    return (*paragraphs(theory_sentences(found.theory_over, study)), *_drawn(charts, "theory"), table)


def theory_sentences(over: pd.DataFrame, study: Study) -> tuple[str, ...]:
    """Say for each kind of noise whether more or less is kept than the theory predicts."""
    margin = study.analysis.words.share
    verdicts = {-1: "less than predicted", 1: "more than predicted"}
    said = []
    for row in sorted(records(over), key=lambda row: list(NOISES).index(row["noise"])):
        word = _word(row["low"], row["high"], margin)
        verdict = "as predicted" if word == "same" else verdicts.get(SIDES[word], "undecided")
        ends = "" if np.isnan(row["low"]) else f" ({numbers.interval(row['low'], row['high'])})"
        said.append(f"{NOISES[row['noise']]}: {verdict}, by {numbers.points(row['residual'])} points{ends}")
    return (
        f"The theory of Gaussian classes predicts the retention of {FEW_LABELS} from the accuracy of the mean alone. "
        f"Measured minus predicted, over datasets, on informative cells: {'; '.join(said)}.",
    )


def _serves(
    found: Mechanism, study: Study, families: Mapping[str, str], charts: Mapping[str, Chart]
) -> tuple[Block, ...]:
    return (
        *paragraphs(serves_sentences(found.serves, families, study)),
        *_drawn(charts, "serves"),
        *blocks(serves_table(found.serves_over, study, families)),
    )


def serves_sentences(served: pd.DataFrame, families: Mapping[str, str], study: Study) -> tuple[str, ...]:
    """Count for each family and reference the cells that are certainly above or below the reference."""
    words = study.analysis.words
    judged = served.assign(
        word=words_of(served["low"], served["high"], [words.margin(metric) for metric in served["metric"]]),
        family=served["model"].map(families),
    )
    judged = judged[judged["word"].ne("")]
    said = []
    for (family, side, reference), here in judged.groupby(["family", "side", "reference"], sort=False):
        sides = here["word"].map(SIDES)
        above, below = int(sides.gt(0).sum()), int(sides.lt(0).sum())
        named = FAMILIES.get(str(family), str(family))
        said.append(f"{side} of the {named} − {reference}: {above} above, {below} below, of {len(here)}")
    if not said:
        return ()
    return (
        "A reference needs no training: raw features, their principal components, propagated features, and an "
        "untrained network. Cells with the whole 95 % interval over seeds above or below zero, over models, datasets "
        f"and tasks: {'; '.join(said)}. The rest are not told apart from the reference.",
    )


def _stories(
    found: Mechanism, study: Study, families: Mapping[str, str], charts: Mapping[str, Chart]
) -> tuple[Block, ...]:
    return (
        *paragraphs(story_sentences(found.story_cells, found.story_verdicts)),
        *_drawn(charts, "stories"),
        *blocks(story_table(found.story_verdicts, study, families)),
    )


def story_sentences(cells: pd.DataFrame, verdicts: pd.DataFrame) -> tuple[str, ...]:
    """Say of each story of the sources for which models it holds, does not hold, or is undecided."""
    said = []
    measured = set(cells["model"])
    for story in IN_ORDER:
        of_all = cells[cells["story"].eq(story)]
        if of_all.empty:
            continue
        here = verdicts[verdicts["story"].eq(story)]
        by_arm = {
            model_label(str(model), str(variant)): joint_verdict(rows["verdict"])
            for (model, variant), rows in here.groupby(["model", "variant"], sort=False)
        }
        parts = [
            f"{verdict} for {', '.join(names)}" if verdict != OPEN else f"is undecided for {', '.join(names)}"
            for verdict in (HOLDS, FAILS, OPEN)
            if (names := [name for name, found in by_arm.items() if found == verdict])
        ]
        collapsed = of_all[of_all["collapsed"].astype(bool)]
        gone = list(dict.fromkeys(f"{row['model']} on {row['dataset']}" for row in records(collapsed)))
        absent = [] if story == DYNAMICS else sorted(measured - set(of_all["model"]))  # fixed noise has no dynamics
        said.append(
            f"{_TELLS[story]} In these numbers the story {'; '.join(parts) or 'cannot be judged'}."
            + f" Collapsed, and left out: {', '.join(gone)}." * bool(gone)
            + f" Not measured for {', '.join(absent)}." * bool(absent)
        )
    return tuple(said) if verdicts.empty else (*said, _basis(verdicts))


def _basis(verdicts: pd.DataFrame) -> str:
    over = set(verdicts["over"])
    if over == {"datasets"}:
        return "Each verdict follows from a 95 % interval over datasets."
    most = numbers.counted(int(verdicts["datasets"].max()), "dataset")
    return (
        f"With fewer than five datasets, a verdict follows from the 95 % interval over seeds, and holds for the {most} "
        "here alone."
    )


def _drawn(charts: Mapping[str, Chart], *names: str) -> tuple[Chart, ...]:
    return tuple(charts[name] for name in names if name in charts)


def _shows(parts: Iterable[Block]) -> bool:
    """Whether anything but paragraphs is there."""
    return any(not isinstance(block, Paragraph) for block in parts)
