"""The sentences about the gap of the published protocol agree with the frame."""

from __future__ import annotations

import pandas as pd

from benchmark.report.published_gap import gap_sentences


def test_a_sentence_states_the_published_gap_and_the_certain_correction_that_removes_most() -> None:
    def step(kind: str, correction: str, removed: float, low: float, gap: float = -0.25) -> dict[str, object]:
        asked = {"start": "scripts", "dataset": "cora", "task": "k-means", "metric": "nmi"}
        found = {"gap": gap, "low": gap - 0.02, "high": gap + 0.02, "removed": removed, "removed_low": low}
        return asked | {"kind": kind, "correction": correction} | found

    nothing = float("nan")
    steps = [
        step("one after another", "", nothing, nothing),
        step("one after another", "sizes", 0.24, 0.2),
        step("alone", "readout", 0.2, 0.15),
        step("alone", "epoch", 0.01, 0.005),
        step("alone", "rate", 0.5, -0.1),
    ]
    assert gap_sentences(pd.DataFrame(steps)) == (
        "The published protocol (scripts) on cora, VGAE − GAE in points: k-means, NMI −25.00 (−27.00 to −23.00), and "
        "the correction “readout” alone removes +20.00.",
    )
    (sentence,) = gap_sentences(pd.DataFrame([steps[0], steps[-1]]))
    assert sentence.endswith("and no correction alone removes any of this with certainty.")
    assert gap_sentences(pd.DataFrame(steps[1:])) == ()
