"""The law and its rivals in one frame."""

import pandas as pd

from benchmark.statistics.law import CONSTANTS, FRESH, SEEN
from benchmark.statistics.predictor_errors import ERROR_COLUMNS, LAW, best_forms
from benchmark.statistics.rivals import OTHER, RIVAL, RIVAL_COLUMNS, SLOPE


def row(predictor, form, are, error, measured=1.0, role=RIVAL):
    given = {"predictor": predictor, "role": role, "form": form, "cells_are": are, "measured": measured, "error": error}
    law = {"law": 0.05, "law_low": 0.03, "law_high": 0.07} if measured == 1 else {"law": 0.5}
    return dict.fromkeys(RIVAL_COLUMNS) | given | law | {"cells": 9, "datasets": 3}


def test_a_rival_has_the_form_that_errs_less_on_seen_cells_and_keeps_it_on_fresh_ones():
    compared = pd.DataFrame(
        [
            row("few", CONSTANTS, SEEN, 0.3, measured=0.5),
            row("rate", CONSTANTS, SEEN, 0.2),
            row("rate", SLOPE, SEEN, 0.1),
            row("rate", CONSTANTS, FRESH, 0.1),
            row("rate", SLOPE, FRESH, 0.4),
            row("rate (raw)", SLOPE, SEEN, 0.01, role=OTHER),
            row("unknown", SLOPE, SEEN, None),
        ]
    )
    found = best_forms(compared)
    assert list(found.columns) == ERROR_COLUMNS
    errors = {(each["predictor"], each["cells_are"]): each["error"] for each in found.to_dict("records")}
    assert errors == {
        (LAW, SEEN): 0.05,  # on all informative cells, not on those of a rival that is not known for all
        (LAW, FRESH): 0.05,
        ("few", SEEN): 0.3,
        ("rate", SEEN): 0.1,
        ("rate", FRESH): 0.4,
    }
    ends = found.loc[found["predictor"].eq(LAW), ["error_low", "error_high"]]
    assert ends.to_numpy().tolist() == [[0.03, 0.07]] * 2
    assert best_forms(compared.iloc[:0]).empty
