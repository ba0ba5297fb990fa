"""All that a study says about the law, from its cells to the verdict."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmark.statistics.law import (
    CONSTANTS,
    Predicted,
    law_errors,
    law_parameters,
    law_parts,
    left_out,
    predicted,
)
from benchmark.statistics.rivals import RIVAL, exponents, predictor_correlations, rivals, verdict
from benchmark.study.analysis import Law

FEWEST_INFORMATIVE = 5  # cells; with fewer, the law is not judged
DIVIDED_COLUMNS = ["dataset", "model", "variant", "task", "retention", "low", "high", "law", "raw", "standardised"]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedLaw:
    """The law of a study.

    Attributes:
        cells: The cells of ``law_cells``, with ``predicted`` and ``informative``.
        errors: As ``law_errors`` returns them.
        parts: As ``law_parts`` returns them.
        parameters: As ``law_parameters`` returns them.
        left_out: As ``left_out`` returns them.
        compared: As ``rivals`` returns them.
        ranks: As ``predictor_correlations`` returns them.
        exponents: As ``exponents`` returns them.
        divided: As ``most_divided`` returns it.
        word: The verdict.
        against: What speaks against a better verdict.
    """

    cells: pd.DataFrame
    errors: pd.DataFrame
    parts: pd.DataFrame
    parameters: pd.DataFrame
    left_out: pd.DataFrame
    compared: pd.DataFrame
    ranks: pd.DataFrame
    exponents: pd.DataFrame
    divided: pd.DataFrame
    word: str
    against: tuple[str, ...]


def judge_law(cells: pd.DataFrame, law: Law, *, seed: int) -> JudgedLaw | None:
    """Fit and judge the law on the cells of ``law_cells``; None with fewer than five informative cells.

    Args:
        cells: The cells.
        law: The declared law, rivals and criterion.
        seed: Names the random streams.
    """
    if cells.empty:
        return None
    found = predicted(cells, law)
    if found.informative.sum() < FEWEST_INFORMATIVE:
        return None
    errors, parts, compared = law_errors(found), law_parts(found), rivals(found, law, seed=seed)
    word, against = verdict(errors, parts, compared, law)
    names = compared.loc[compared["role"].eq(RIVAL), "predictor"].drop_duplicates()
    return JudgedLaw(
        cells=cells.assign(predicted=found.of[CONSTANTS], informative=found.informative),
        errors=errors,
        parts=parts,
        parameters=law_parameters(found, seed=seed),
        left_out=left_out(found),
        compared=compared,
        ranks=predictor_correlations(cells, ["signal", *(name for name in names if name in cells)]),
        exponents=exponents(cells),
        divided=most_divided(found, law),
        word=word,
        against=against,
    )


def most_divided(found: Predicted, law: Law) -> pd.DataFrame:
    """Return the trained model whose tasks keep the most different shares, with predictions in both coordinates.

    Returns:
        One row for each task of one dataset, model and variant. ``law`` is the prediction without a fitted parameter,
        in the coordinates of the task. ``raw`` and ``standardised`` are the same in one set of coordinates.
    """
    arm = ["dataset", "model", "variant"]
    kept = found.cells.groupby(arm)["retention"]
    apart = kept.max() - kept.min()
    widest: tuple[str, str, str] = apart.index.tolist()[int(apart.to_numpy().argmax())]
    here = found.cells[(found.cells[arm] == list(widest)).all(axis=1)]
    size = here["dimensions"].to_numpy(float) ** law.dimensions

    def share(column: str) -> pd.Series[float]:
        u = here[column] ** law.exponent * size
        return u / (1 + u)

    values = {"law": share("signal"), "raw": share("signal (raw)"), "standardised": share("signal (standardised)")}
    return here.assign(**values).sort_values("task", ignore_index=True)[DIVIDED_COLUMNS]
