"""The sentences at the top of the report agree with the frames."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from benchmark.plugins.tables import OURS
from benchmark.report.headline import gap_sentences, sentences
from benchmark.statistics import NO_SIGNAL, NOT_JUDGED, SIGNAL
from benchmark.study.resolve import pair_contrasts
from benchmark.study.schema import Contrast
from benchmark.study.study_file import Pair

DECLARED = tuple(
    contrast
    for pair in (
        Pair(point="ae", variational="vae", links="link-hadamard"),
        Pair(point="gae", variational="vgae", links="link-inner-product"),
    )
    for contrast in pair_contrasts(pair, OURS)
)
NOTHING = pd.DataFrame({"contrast": [], "verdict": [], "without_signal": []})


def cells(verdicts: Mapping[tuple[str, str], tuple[str, float]]) -> pd.DataFrame:
    """Return a row for each (contrast, dataset), with its verdict and difference, on k-means."""
    return pd.DataFrame(
        {
            "contrast": contrast,
            "dataset": dataset,
            "task": "k-means",
            "metric": "nmi",
            "difference": difference,
            "low": difference - 0.01,
            "high": difference + 0.01,
            "verdict": verdict,
            "signal": SIGNAL,
        }
        for (contrast, dataset), (verdict, difference) in verdicts.items()
    )


def said(
    verdicts: Mapping[tuple[str, str], tuple[str, float]],
    overall: pd.DataFrame = NOTHING,
    evidence: tuple[str, ...] = ("one", "two", "a", "b", "c", "d"),
) -> tuple[str, ...]:
    return sentences(DECLARED, cells(verdicts), overall, evidence, {("ae", ""), ("gae", "")})


def test_three_sentences_count_mean_and_sample_and_name_the_counter_example() -> None:
    mean, sample, counter = said(
        {
            ("vae mean − ae", "one"): ("equivalent", 0.001),
            ("vae mean − ae", "two"): ("helps", 0.03),
            ("vgae mean − gae", "one"): ("helps", 0.05),
            ("vae sample − ae", "one"): ("hurts", -0.2),
            ("vae sample − ae", "two"): ("hurts", -0.3),
            ("vgae sample − gae", "one"): ("hurts", -0.1),
            ("vae sample − mean", "one"): ("helps", 0.9),
        }
    )
    assert mean == (
        "The posterior’s mean (vae − ae and vgae − gae): there is no statement over datasets, because a question needs "
        "5 real datasets. On 2 real datasets taken singly, it helps in 2 and is equivalent in 1 of 3 cells."
    )
    assert "One sample (vae − ae and vgae − gae)" in sample
    assert "it hurts in 3 of 3 cells" in sample
    assert counter == (
        "The most frequent verdict is “hurts”, in 3 of 6 decided cells. The strongest counter-example: vgae mean − gae "
        "helps on one in k-means, +5.00 points of NMI (+4.00 to +6.00)."
    )


def test_the_counter_example_has_another_verdict_than_most_cells() -> None:
    helps = {("vae mean − ae", name): ("helps", 0.03) for name in "abc"}
    *_, counter = said({**helps, ("vae mean − ae", "d"): ("hurts", -0.02), ("vae sample − ae", "d"): ("hurts", -0.07)})
    assert counter.startswith(
        "The most frequent verdict is “helps”, in 3 of 5 decided cells. The strongest counter-example: vae sample − ae "
        "hurts on d in k-means"
    )
    alike = {("vae mean − ae", name): ("equivalent", 0.001) for name in "abc"}
    *_, counter = said(
        {**alike, ("vae mean − ae", "d"): ("hurts", -0.3), ("vae sample − ae", "d"): ("inconclusive", 0.9)}
    )
    assert counter.startswith(
        "The most frequent verdict is “equivalent”, in 3 of 4 decided cells. The strongest counter-example: "
        "vae mean − ae hurts on d"
    )
    hurts = {("vae mean − ae", name): ("hurts", -0.1) for name in "ab"}
    *_, counter = said({**hurts, ("vae mean − ae", "c"): ("equivalent", 0.004)})
    assert "vae mean − ae is equivalent on c in k-means, +0.40 points" in counter


def test_a_missing_counter_example_is_said() -> None:
    *_, counter = said({("vae mean − ae", "one"): ("hurts", -0.1)})
    assert counter == "The most frequent verdict is “hurts”, in 1 of 1 decided cell, so there is no counter-example."
    *_, counter = said({("vae mean − ae", "one"): ("inconclusive", -0.1)})
    assert counter == "No cell is decided, so there is no counter-example."


def test_toys_count_only_without_real_data() -> None:
    verdicts = {("vae mean − ae", "one"): ("hurts", -0.1), ("vae mean − ae", "toy"): ("helps", 0.5)}
    mean, counter = said(verdicts)
    assert "On 1 real dataset taken singly, it hurts in 1 of 1 cell" in mean
    assert "toy" not in counter
    mean, counter = said(verdicts, evidence=())
    assert "On 2 synthetic or toy datasets taken singly, it hurts in 1 and helps in 1 of 2 cells" in mean
    assert "vae mean − ae helps on toy" in counter


def test_datasets_and_questions_over_datasets_are_counted_apart() -> None:
    overall = pd.DataFrame(
        {"contrast": "vae mean − ae", "verdict": ["inconclusive", "hurts", ""], "without_signal": [0, 0, 0]}
    )
    mean, *_ = said({("vae mean − ae", name): ("equivalent", 0.0) for name in "ab"}, overall)
    assert "over datasets, it hurts in 1 and is inconclusive in 1 of 2 questions" in mean
    assert "On 2 real datasets taken singly, it is equivalent in 2 of 2 cells" in mean


def test_untested_cells_are_counted_too() -> None:
    mean, counter = said({("vae mean − ae", "one"): ("", -0.1)})
    assert mean.endswith("On 1 real dataset, there are too few seeds for a test.")
    assert counter == "No cell is decided, so there is no counter-example."
    mean, _ = said({("vae mean − ae", "one"): ("", -0.1), ("vae mean − ae", "two"): ("hurts", -0.1)})
    assert mean.endswith("it hurts in 1 of 1 cell; 1 more could not be tested.")


def test_cells_without_signal_are_counted_apart_and_are_no_counter_example() -> None:
    frame = cells(
        {
            ("vae mean − ae", "one"): ("hurts", -0.1),
            ("vae mean − ae", "two"): ("", 0.9),
            ("vae mean − ae", "a"): ("", 0.8),
            ("vae mean − ae", "b"): ("", 0.7),
        }
    ).assign(signal=[SIGNAL, NO_SIGNAL, NO_SIGNAL, NOT_JUDGED])
    evidence, points = ["one", "two", "a", "b"], {("ae", ""), ("gae", "")}
    mean, counter = sentences(DECLARED, frame, NOTHING, evidence, points)
    assert mean.endswith(
        "On 4 real datasets taken singly, it hurts in 1 of 1 cell; 2 more cells without signal; "
        "1 more could not be tested."
    )
    assert counter == "The most frequent verdict is “hurts”, in 1 of 1 decided cell, so there is no counter-example."
    mean, counter = sentences(DECLARED, frame[1:], NOTHING, evidence, points)
    assert mean.endswith(
        "On 3 real datasets, there is no verdict: 2 cells without signal, and 1 with too few seeds for a test."
    )
    assert counter == "No cell is decided, so there is no counter-example."


@pytest.mark.parametrize(
    ("verdicts", "out", "words"),
    [
        (["hurts", ""], [0, 3], "over datasets, it hurts in 1 of 1 question, which leave out 3 cells without signal."),
        (["", ""], [1, 3], "no statement over datasets, because a question needs 5 real datasets with signal."),
        (["", ""], [0, 0], "no statement over datasets, because a question needs 5 real datasets."),
    ],
)
def test_statements_over_datasets_count_the_cells_that_they_leave_out(
    verdicts: list[str], out: list[int], words: str
) -> None:
    overall = pd.DataFrame({"contrast": "vae mean − ae", "verdict": verdicts, "without_signal": out})
    mean, *_ = said({("vae mean − ae", "a"): ("hurts", -0.1)}, overall)
    assert words in mean


def test_verdicts_that_were_not_judged_against_chance_are_counted() -> None:
    frame = cells({("vae mean − ae", name): ("hurts" if name != "c" else "", -0.1) for name in "abc"})
    frame["signal"] = [SIGNAL, NOT_JUDGED, NOT_JUDGED]
    _, unjudged, counter = sentences(DECLARED, frame, NOTHING, ["a", "b", "c"], ())
    assert unjudged == (
        "Not judged against chance: 1 of 2 verdicts, because the results lack scores of the control “random”. "
        "Both sides of such a cell may be noise."
    )
    assert counter.startswith("The most frequent verdict is “hurts”, in 2 of 2")


def test_a_point_is_not_called_a_posterior() -> None:
    swapped = [
        each.model_copy(update={"first": each.second, "second": each.first})
        for each in DECLARED
        if "mean −" in each.name
    ]
    (sentence, _) = sentences(
        swapped, cells({("vae mean − ae", "one"): ("hurts", -0.1)}), NOTHING, ["one"], {("ae", ""), ("gae", "")}
    )
    assert sentence.startswith("A point (ae − vae and gae − vgae):")
    own = [each.model_copy(update={"role": "confirmatory"}) for each in DECLARED if each.name == "vae sample − mean"]
    (sentence, _) = sentences(own, cells({("vae sample − mean", "one"): ("hurts", -0.1)}), NOTHING, ["one"], ())
    assert sentence.startswith("One sample (vae − its own mean):")


def test_secondary_contrasts_do_not_enter_the_verdict() -> None:
    secondary: list[Contrast] = [each for each in DECLARED if each.role == "secondary"]
    frame = cells({("vae sample − mean", "one"): ("hurts", -0.1)})
    assert sentences(secondary, frame, NOTHING, [], ()) == (
        "The study declares no confirmatory contrast, so there is no verdict.",
    )
    assert sentences(DECLARED, frame, NOTHING, [], ()) == (
        "The study declares 4 confirmatory contrasts, but these results contain none of them, so there is no verdict.",
    )


def test_a_sentence_states_the_published_gap_and_the_certain_correction_that_removes_most() -> None:
    def step(kind: str, correction: str, removed: float, low: float, gap: float = 0.25) -> dict[str, object]:
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
        "The published protocol (scripts) on cora, GAE − VGAE in points: k-means, NMI +25.00 (+23.00 to +27.00), and "
        "the correction “readout” alone removes +20.00.",
    )
    (sentence,) = gap_sentences(pd.DataFrame([steps[0], steps[-1]]))
    assert sentence.endswith("and no correction alone removes any of this with certainty.")
    assert gap_sentences(pd.DataFrame(steps[1:])) == ()
