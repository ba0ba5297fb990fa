"""What the page says in words: notes that are always there, and sentences composed from what was found."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.report import numbers
from benchmark.report.tables.how_it_was_run import controls
from benchmark.statistics import FEWEST_DATASETS
from benchmark.study.declaration import Declaration, changed, changed_models
from benchmark.study.schema import Contrast, Study

DEMONSTRATION = "a demonstration, not the answer"
CONTRAST_NOTE = (
    "A contrast is first − second, paired by seed, in points (hundredths of the 0–1 scale): above zero, the first "
    "scored higher. Its interval covers 95 % and is not corrected for how many intervals there are. With the plain "
    "paired t it is conditional on the data; where random splits overlap between seeds it is widened for that (Nadeau "
    "and Bengio 2003). Differences within ±{margin} are too small to matter by the study’s own declaration, and "
    "verdicts at half and at twice that margin stand beside. The p of difference and of equivalence are corrected "
    "within a dataset: by Holm for the confirmatory contrasts, by Benjamini and Hochberg for the others. The p of sign "
    "flips is exact and uncorrected, with the smallest that so many seeds can give."
)
SCOREBOARD_NOTE = (
    "Every cell is a difference in points, first − second, and its verdict: equivalent (certainly within ±{margin}, "
    "which is asked first), hurts, helps, or inconclusive, which is not the same as equal. Confirmatory contrasts are "
    "those by which the study tests the claim; they are corrected together (Holm), so that false differences and false "
    "equivalences are each bounded at 5 %, not both together. The others are secondary (Benjamini and Hochberg)."
)
OVERALL_NOTE = (
    "The t over the datasets’ means decides. Beside it: the bootstrap-t interval; the exact p of all sign flips with "
    "the smallest that so many datasets can give; τ, by how much the true difference varies between datasets; where "
    "the difference on one further dataset lies in 95 % of cases; and whether the verdict hangs on one dataset or one "
    "family of them."
)
NAMED = 5  # cells in a sentence
READOUTS = {
    "mean": "the mean of the posterior, and the only readout of a deterministic model (a point)",
    "sampled": "one draw from the posterior; draws are scored one by one, and a seed’s scores averaged",
    "averaged-4": "the average of four draws, taken before scoring",
    "averaged-16": "the average of sixteen draws, taken before scoring",
    "mean+logsigma": "the mean with the logarithms of the standard deviations beside it",
    "expected": "for links alone: the expected score of a pair over the posterior, by 64 joint draws",
    "epochs-mean": "the means of every fifth training pass, whose best test score is taken: the published mistake",
    "epochs-sampled": "the draws of the same passes, and their best test score",
}


def margin(study: Study) -> str:
    """The margin of equivalence in points."""
    return _points(study.margin)


def became(study: Study, declaration: Declaration | None) -> dict[str, str]:
    """The contrasts that are not as they were declared, each with what became of it."""
    return changed(study, declaration) if declaration else {}


def role(contrast: Contrast, became: Mapping[str, str]) -> str:
    """A contrast's role, and whether it was declared as it is only after the run."""
    late = became.get(contrast.name)
    return f"{contrast.role}, {late} after units were recorded" if late else contrast.role


def declared(study: Study, declaration: Declaration | None, became: Mapping[str, str]) -> str:
    """When the contrasts and the margin were declared, and what was changed since."""
    if declaration is None:
        return (
            "No declaration from before the run was kept, so the contrasts and the margin may have been chosen later."
        )
    recorded = numbers.counted(declaration.recorded, "unit")
    when = (
        f"when {recorded} of the study were recorded already"
        if declaration.recorded
        else "before any unit was recorded"
    )
    said = [f"The contrasts and the margin were declared {when}."]
    if declaration.margin != study.margin:
        said.append(f"The margin was ±{_points(declaration.margin)} then and was changed since.")
    for what in ("changed", "added", "withdrawn"):
        names = [name for name, became_of in became.items() if became_of == what]
        if names:
            said.append(f"{what.capitalize()} since: {', '.join(names)}.")
    models = changed_models(study, declaration)
    for what in ("added", "withdrawn"):
        names = [name for name, change in models.items() if change == what]
        if names:
            said.append(f"Models {what} since: {', '.join(names)}.")
    return " ".join(said) if len(said) > 1 else f"{said[0]} Nothing was changed since."


def headline(units: pd.DataFrame, evidence: int) -> str:
    """What stands above a verdict that rests on too few real datasets; nothing where there are enough."""
    if evidence >= FEWEST_DATASETS:
        return ""
    few = "small built-in data" if units["built_in"].all() else f"only {numbers.counted(evidence, 'real dataset')}"
    return f"{few}: {DEMONSTRATION}"


def about(study: Study, units: pd.DataFrame) -> str:
    """What was run, in a sentence."""
    trained = units.loc[~units["model"].isin(controls(units)), "model"].nunique()
    rest = units["model"].nunique() - trained
    return (
        f"{numbers.counted(trained, 'trained model')} and {numbers.counted(rest, 'control')} on "
        f"{numbers.counted(units['dataset'].nunique(), 'dataset')}, with up to "
        f"{numbers.counted(units['seed'].nunique(), 'seed')} each; the margin of equivalence is ±{margin(study)}."
    )


def gaps(holes: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for the scores that the grid lacks, with the first of the cells."""
    if holes.empty:
        return ()
    lacking = int((holes["expected"] - holes["there"]).sum())
    names = ["/".join(str(part) for part in row if part) for row in holes.iloc[:, :6].head(NAMED).to_numpy()]
    more = f" and {len(holes) - NAMED} more" if len(holes) > NAMED else ""
    cells, absent = numbers.counted(len(holes), "cell"), numbers.counted(lacking, "score")
    return (f"Not there, though others like them are: {absent} in {cells}: {', '.join(names)}{more}.",)


def _points(difference: float) -> str:
    points = 100 * difference
    return f"{points:g} point{'' if points == 1 else 's'}"
