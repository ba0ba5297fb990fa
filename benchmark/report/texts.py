"""Sentences of the page: notes that are always the same, and sentences composed from the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.after_looking import AFTER_LOOKING
from benchmark.report.frame_rows import controls
from benchmark.report.labels import law_label, metric_named
from benchmark.statistics import FEWEST_DATASETS, JudgedLaw
from benchmark.study.analysis import Analysis, Law
from benchmark.study.declaration import Declaration, changed, changed_analysis, changed_models
from benchmark.study.schema import Contrast, Study

DEMONSTRATION = "a demonstration, not the answer. It describes these datasets and pools nothing over others"
CONTRAST_NOTES = (
    "A contrast is a difference of two scores, first − second, paired by seed. It is given in points: one point is "
    "0.01 of the 0–1 scale. Above zero, the first side scored higher. A seed counts if both sides are complete: "
    "failed, diverged and degenerate units have no score. The interval is conditional on the data. If random splits "
    "overlap between seeds, it is wider for this reason (Nadeau and Bengio 2003).",
    "Contrasts of one kind are a family; cells with a model on a derived graph are a family apart. The intervals of a "
    "family are simultaneous: the chance that any of its m intervals misses its true difference is at most {level}. "
    "All cells in the results count in m, also those without a word, so m does not depend on scores.",
    "The word follows from the simultaneous interval and the margin, which is {margins}. The tables also give the "
    "difference as a share of second − chance, with Fieller’s interval, and its word with a margin of {share}.",
    "Chance is the mean of the control random over all its seeds. A side is above chance if it is so by {signal} or "
    "more, with a simultaneous lower bound above zero. If neither side is, the cell has no signal and no word. A cell "
    "is unreliable if {unreliable} or more of the trainings of a side are degenerate or diverged; then it has no word "
    "either. Such cells are shown and count nowhere. Without scores of the control, a cell is not judged against "
    "chance.",
    "Beside undecided stands the number of seeds that gives another word in {power} of studies, if the difference and "
    "its spread are as measured. If splits overlap too much, no number does.",
)
SCOREBOARD_NOTE = (
    "Every cell is a difference in points, first − second, with its word for the first side. The first that fits: "
    "same, the whole interval within the margin ({margins}); worse or better, the whole interval beyond the margin; "
    "somewhat worse or better, the whole interval beyond zero; not worse or not better, not beyond the margin on that "
    "side; else undecided, which does not mean equal. A star marks a word that was not judged against chance. Below "
    "stand the rate of the noisy side and flags. The colour grows with the effect, at one, three and ten margins; an "
    "interval that holds zero has none. Words of single cells describe. The pooled questions of the confirmatory "
    "families test the claim."
)
SPREAD_NOTE = (
    "A task makes random choices of its own: the rows with few labels, the non-edges, the starts of k-means. It scores "
    "each latent several times with other choices, and the mean counts. The table shows how far the scores of one "
    "model spread over trainings with other seeds, and over repeats on one latent. Averaging divides the variance of "
    "repeats by their number."
)
SEEN_NOTE = (
    "A variant with held_out = 0.2 trains on 80 % of the rows, drawn for each seed. The trained encoder then encodes "
    "all rows. Each quantity is measured on the unseen rows, and on as many random rows of the seen ones. If a model "
    "overfits, the unseen rows cost more nats. Differences of scores are in points. The number after ± is the standard "
    "deviation over seeds. A difference has noise from the choice of rows too. Models of one seed have the same rows, "
    "so their differences can be compared. Only complete trainings count. Tasks use the labels of these rows alone. "
    "Link tasks and published splits are left out, because edges and the split belong to the whole dataset."
)
OVERALL_NOTE = (
    "An observation is the share of one dataset: the difference over second − chance, averaged over the family’s "
    "contrasts on it. Cells that are unreliable, without signal, or with a second side not above chance are left out "
    "and counted. The word follows from the t interval that is simultaneous over all pooled questions of the same "
    "role, with a margin of {share}. Beside it: the same interval for this question alone, the bootstrap-t interval, "
    "the mean difference in points, the exact p of all sign flips with the smallest p that so many datasets can give, "
    "τ, the standard deviation of the true shares between datasets, the range that holds the share on one further "
    "dataset in 95 % of cases, and whether the word depends on one dataset or one family of datasets."
)
INDEX_NOTES = (
    "A user without labels can choose a model only by numbers that need none. These describe the clusters of k-means "
    "with as many clusters as there are classes. Stability is the agreement (adjusted Rand index) of the clusters of "
    "two seeds, averaged over all pairs of seeds. Pairs with a common seed are not independent, so no spread is given. "
    "If all rows are in one cluster, stability, silhouette and modularity are 0. The silhouette is taken in the latent "
    "itself, on at most 1,000 rows. Modularity is taken on the dataset’s graph. Graph models train on this graph, so "
    "modularity favours them. If a dataset has no graph, the graph of nearest neighbours stands in, which is derived "
    "from the features.",
    "τ-b is Kendall’s rank correlation of an index with the score over all trained models, each read by its mean. A "
    "model with a variant counts as another model. 1 means the same order, 0 means no relation. Points lost is the "
    "score of the best model minus that of the model with the highest index. The next column is the average loss of "
    "a model that is chosen at random.",
)
SCORES_NOTE = (
    "Scores lie between 0 and 1. The page shows them in percent, as mean ± standard deviation over seeds. A readout is "
    "the part of a model’s latent that a task receives:"
)
BOLD_NOTE = (
    "In the tables of scores, the best score is bold, and so are all that read like it, those of controls included. "
    "Controls have a group of their own. They need no autoencoder: raw features, principal components, propagated "
    "features and untrained encoders. The scores of random noise are chance. In these tables a diverged unit scores "
    "chance; contrasts leave it out, as they do a degenerate one. A failed unit has no score."
)
EVIDENCE_NOTE = (
    "Each dataset is one observation, and all datasets weigh equally. Synthetic data and karate do not count; your own "
    "files do."
)
ORIGIN_NOTE = (
    "The claim was published with a training and an evaluation of its own. The start “scripts” is its scripts of "
    "autumn 2020. The start “june” is its model classes of June 2020, trained as in the scripts. The row of a "
    "correction shows the protocol with this correction. A gap below zero is harm. The column “removed” is the gap "
    "with the correction minus the gap without it. Below zero, the correction adds harm. The corrections:"
)
PUBLISHED_NOTE = (
    "The difference is ours − published, with the 95 % interval of our mean over seeds. A published number counts as "
    "exact. If a row does not match, we did not tune it to match."
)
DATA_NOTE = (
    "Scaling is fitted on all rows and is the same for every model. A graph that is derived from the features has no "
    "link prediction. The column evidence says whether a dataset counts in statements over datasets."
)
SENSITIVITY_NOTE = (
    "Contrasts leave out seeds with a degenerate or diverged side. The next table puts chance in their place."
)
UNFINISHED_NOTE = (
    "More epochs would have lowered the loss of these units further. The study budget asks whether that matters."
)
NAMED = 5  # cells in a sentence
_MEANINGS = {
    "mean": "the mean of the posterior; the latent itself of a deterministic model (a point)",
    "sampled": "one draw from the posterior; each draw is scored alone, and the scores of a seed are averaged",
    "averaged-4": "the average of four draws, taken before scoring",
    "averaged-16": "the average of sixteen draws, taken before scoring",
    "mean+logsigma": "the mean, followed by the logarithms of the standard deviations",
    "expected": "for links only: the expected score of a pair under the posterior, from 64 joint draws",
    "noise": "the mean with noise by hand, √d · SNR = {}, equal in all dimensions",
    "own-noise": "the mean with noise by hand, √d · SNR = {}, divided as the posterior divides it",
    "padded": "the mean with {} more dimensions of noise, each of the mean’s average variance",
    "decoded-mean": "the decoder's reconstruction of the mean, in feature space; for k-means and few labels only",
    "decoded-sample": "the reconstruction of one draw, the same draw that `sampled` scores",
    "epochs-mean": "the means of every fifth training pass; the best test score counts, which is the published mistake",
    "epochs-sampled": "the draws of every fifth training pass; the best test score counts",
}


def law_notes(judged: JudgedLaw, law: Law) -> tuple[str, ...]:
    """Say the verdict on the law, and how to read its tables."""
    low, high = law.informative
    against = f" ({'; '.join(judged.against)})" if judged.against else ""
    return (
        f"The law with a fitted constant for each task: {judged.word}{against}.",
        "Retention is (score of a sample − chance) / (score of the mean − chance). The law says u/(c + u) with "
        f"u = {law_label(law)} and a constant c for each task. The constants are fitted to "
        "seen cells and judged on fresh ones.",
        "Errors are on informative cells: the predicted or the measured retention lies between "
        f"{low:g} and {high:g}. They are averaged within a task, within a dataset, then over datasets. The column "
        "“half of the seeds” is the error of one half of the seeds that predicts the other half. It is "
        "about twice the error of the mean over all seeds.",
        f"Confirmed needs an error of at most {law.confirmed:g}, a bias within ±{law.bias:g}, and a certainly smaller "
        f"error than that of each rival. Up to {law.rule_of_thumb:g} the law is a rule of thumb. Above it is refuted, "
        f"and also if a task or d has a bias beyond ±{law.worst_bias:g}.",
    )


def readout_meaning(readout: str) -> str:
    """Say what a readout gives. Its name may end with a number, such as the strength of noise by hand.

    >>> readout_meaning("noise-0.3")
    'the mean with noise by hand, √d · SNR = 0.3, equal in all dimensions'
    """
    kind, _, number = readout.rpartition("-")
    return _MEANINGS[readout] if readout in _MEANINGS else _MEANINGS[kind].format(number)


def numbers_of_words(analysis: Analysis) -> dict[str, str]:
    """Return the numbers that decide words, as the notes write them."""
    words, gates = analysis.words, analysis.gates
    return {
        "margins": f"±{_points(words.clusters)} of AMI and NMI and ±{_points(words.others)} of other metrics",
        "level": f"{100 * words.level:g} %",
        "share": f"±{100 * words.share:g} %",
        "power": f"{100 * words.power:g} %",
        "signal": _points(gates.least_signal),
        "unreliable": f"{100 * gates.unreliable:g} %",
    }


def stand_ins(study: Study, declared: Sequence[Contrast]) -> tuple[str, ...]:
    """Say which metric stands in for one that the scores lack; empty if none does."""
    asked, shown = (
        {(contrast.name, primary.task): primary.metric for contrast in each for primary in contrast.primary}
        for each in (study.contrasts, declared)
    )
    changed = sorted({(key[1], asked[key], metric) for key, metric in shown.items() if metric != asked[key]})
    return tuple(
        f"The scores of {task} lack {metric_named(metric).label}, because an earlier version made them; "
        f"{metric_named(other).label} stands in for it, which is not adjusted for chance."
        for task, metric, other in changed
    )


def changes(study: Study, declaration: Declaration | None) -> dict[str, str]:
    """Return the contrasts that differ from the declaration, by name: "added", "changed" or "withdrawn"."""
    return changed(study, declaration) if declaration else {}


def role(contrast: Contrast, late: Mapping[str, str]) -> str:
    """Return the role of a contrast, and a remark if the contrast was added or changed after the run."""
    change = late.get(contrast.name)
    return f"{contrast.role}, {change} after units were recorded" if change else contrast.role


def declared(study: Study, declaration: Declaration | None, late: Mapping[str, str]) -> str:
    """Say when contrasts and analysis were declared, and which changes came later."""
    if declaration is None:
        return "No declaration from before the run was kept. The contrasts and the analysis may have been chosen later."
    subject = f"The contrasts{' and the analysis' if declaration.analysis else ''}"
    recorded = numbers.counted(declaration.recorded, "unit")
    if not declaration.recorded:
        said = [f"{subject} were declared before any unit was recorded."]
    elif declaration.known is None:
        said = [f"{subject} were declared after {recorded} of the study had been recorded."]
    else:
        said = [f"{subject} were declared when a run started. {_earlier(declaration, recorded)}"]
    for kind in ("changed", "added", "withdrawn"):
        names = [name for name, change in late.items() if change == kind]
        if names:
            said.append(f"{kind.capitalize()} since: {', '.join(names)}.")
    if declaration.analysis is None:
        said.append(
            "The declaration is of an older version, without an analysis. The analysis may have been chosen later."
        )
    analysis = changed_analysis(study, declaration)
    if analysis:
        each = (f"{name} was {_setting(then)} and is {_setting(now)}" for name, (then, now) in analysis.items())
        said.append(f"The analysis was changed since: {'; '.join(each)}. What it shaped is marked “{AFTER_LOOKING}”.")
    models = changed_models(study, declaration)
    for kind in ("added", "withdrawn"):
        names = [name for name, change in models.items() if change == kind]
        if names:
            said.append(f"Models {kind} since: {', '.join(names)}.")
    return " ".join(said) if len(said) > 1 else f"{said[0]} Nothing was changed since."


def _earlier(declaration: Declaration, recorded: str) -> str:
    """Say which units were recorded before the declaration, and how many of them hold a score of its contrasts."""
    names = declaration.recorded_by
    by = f", by {'study' if len(names) == 1 else 'studies'} {' and '.join(names)}" if names else ""
    confirmatory = any(contrast.role == "confirmatory" for contrast in declaration.contrasts)
    score = "a confirmatory score" if confirmatory else "a score of the contrasts"
    known = f"{numbers.whole(declaration.known)} of them hold" if declaration.known else "none holds"
    return f"{recorded} {'was' if declaration.recorded == 1 else 'were'} recorded before{by}; {known} {score}."


def is_after_looking(study: Study, declaration: Declaration | None) -> bool:
    """Return whether the analysis was changed after the declaration."""
    return declaration is not None and bool(changed_analysis(study, declaration))


def digest(study: Study) -> str:
    """Name the analysis by its digest."""
    return f"The digest of the analysis is {study.analysis.digest}."


def headline(units: pd.DataFrame, evidence: int) -> str:
    """Return the warning above an answer from too few real datasets; empty if there are enough."""
    if evidence >= FEWEST_DATASETS:
        return ""
    few = "Small built-in data" if units["built_in"].all() else f"Only {numbers.counted(evidence, 'real dataset')}"
    return f"{few}: {DEMONSTRATION}."


def about(study: Study, units: pd.DataFrame) -> str:
    """Sum up the run in a sentence."""
    trained = units.loc[~units["model"].isin(controls(units)), "model"].nunique()
    rest = units["model"].nunique() - trained
    return (
        f"{numbers.counted(trained, 'trained model')} and {numbers.counted(rest, 'control')} on "
        f"{numbers.counted(units['dataset'].nunique(), 'dataset')}, with up to "
        f"{numbers.counted(units['seed'].nunique(), 'seed')} each. The margin is "
        f"{numbers_of_words(study.analysis)['margins']}."
    )


def listed_alone(whole: Study, listed: Study) -> str:
    """Say that the page lists the scores of one study only."""
    return (
        f"These tables hold the scores of the study {listed.name} alone. The frames hold those of all studies of "
        f"{whole.name}, and data.zip has their means."
    )


def gaps(holes: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence about missing scores that names the first cells; empty without ``holes``."""
    if holes.empty:
        return ()
    lacking = int((holes["expected"] - holes["there"]).sum())
    names = ["/".join(str(part) for part in row if part) for row in holes.iloc[:, :6].head(NAMED).to_numpy()]
    more = f" and {len(holes) - NAMED} more" if len(holes) > NAMED else ""
    cells, absent = numbers.counted(len(holes), "cell"), numbers.counted(lacking, "score")
    return (f"Missing, although similar cells have them: {absent} in {cells}: {', '.join(names)}{more}.",)


def unreadable(damaged: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence that names the damaged files; empty without any.

    >>> unreadable(["latents/a.npz"])
    ('1 kept file is damaged, and the figures do not show it: latents/a.npz.',)
    """
    if not damaged:
        return ()
    are, them = ("is", "it") if len(damaged) == 1 else ("are", "them")
    files = numbers.counted(len(damaged), "kept file")
    return (f"{files} {are} damaged, and the figures do not show {them}: {', '.join(damaged)}.",)


def _setting(value: object) -> str:
    """Write a setting of the analysis in a sentence; lists in brackets.

    >>> _setting((0.05, 0.95)), _setting(2.0), _setting(())
    ('[0.05, 0.95]', '2', '[]')
    """
    if isinstance(value, tuple):
        return f"[{', '.join(map(_setting, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _points(difference: float) -> str:
    points = 100 * difference
    return f"{points:g} point{'' if points == 1 else 's'}"
