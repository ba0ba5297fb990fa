"""The sentences at the top of the report agree with the frames."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.plugins.tables import OURS
from benchmark.report.published_gap import gap_sentences, sentences
from benchmark.statistics import DERIVED, NO_SIGNAL, NOT_JUDGED, REAL, SIGNAL
from benchmark.study.resolve import pair_contrasts
from benchmark.study.schema import Contrast
from benchmark.study.study_file import Pair

DECLARED = tuple(
    contrast
    for pair in (
        Pair(point="ae", variational="vae", links="link-hadamard", family="as practised"),
        Pair(point="gae", variational="vgae", links="link-inner-product", family="as practised"),
    )
    for contrast in pair_contrasts(pair, OURS)
)
FAMILIES = {contrast.name: contrast.family for contrast in DECLARED}
POOLED_COLUMNS = ["family", "graphs", "role", "task", "metric", "share", "low", "high", "datasets", "word"]
NOTHING = pd.DataFrame(columns=POOLED_COLUMNS)


def cells(words: Mapping[tuple[str, str], tuple[str, float]], graphs: str = REAL) -> pd.DataFrame:
    """Return a row for each (contrast, dataset), with its word and difference, on k-means."""
    return pd.DataFrame(
        {
            "contrast": contrast,
            "family": FAMILIES[contrast],
            "graphs": graphs,
            "dataset": dataset,
            "task": "k-means",
            "metric": "ami",
            "difference": difference,
            "low": difference - 0.01,
            "high": difference + 0.01,
            "margin": 0.02,
            "word": word,
            "signal": SIGNAL,
            "reliable": True,
        }
        for (contrast, dataset), (word, difference) in words.items()
    )


def said(
    frame: pd.DataFrame, overall: pd.DataFrame = NOTHING, evidence: tuple[str, ...] = ("one", "two", "a", "b", "c", "d")
) -> tuple[str, ...]:
    return sentences(DECLARED, frame, overall, evidence)


def pooled(**given: object) -> pd.DataFrame:
    """Return one pooled question."""
    row = {"family": "as practised: mean − point", "graphs": REAL, "role": "confirmatory", "task": "k-means"}
    row |= {"metric": "ami", "share": -0.12, "low": -0.2, "high": -0.04, "datasets": 7, "word": "somewhat worse"}
    return pd.DataFrame([row | given], columns=POOLED_COLUMNS)


WORDS = {
    ("vae mean − ae", "one"): ("same", 0.001),
    ("vae mean − ae", "two"): ("better", 0.05),
    ("vgae mean − gae", "one"): ("same", 0.002),
    ("vae sample − ae", "one"): ("worse", -0.2),
    ("vae sample − ae", "two"): ("worse", -0.3),
    ("vgae sample − gae", "one"): ("undecided", 0.0),
    ("vae sample − mean", "one"): ("better", 0.9),
}


def test_a_sentence_for_each_family_counts_its_words_and_names_its_counter_example() -> None:
    mean, sample = said(cells(WORDS))
    assert mean == (
        "As practised: mean − point, real graphs and tables: no pooled statement, because it needs 5 real datasets "
        "that count. Of 3 cells on 2 datasets, 2 same and 1 better. The most frequent word is “same”; the strongest "
        "counter-example is vae mean − ae on two in k-means: better, +5.00 points of AMI (+4.00 to +6.00)."
    )
    assert sample.startswith("As practised: sample − point, real graphs and tables: ")
    assert "Of 3 cells on 2 datasets, 2 worse and 1 undecided. " in sample
    assert sample.endswith("The most frequent word is “worse”; no interval lies beyond the margin against it.")


def test_counts_never_add_cells_of_different_families() -> None:
    frame = pd.concat([cells(WORDS), cells({("vgae mean − gae", "two"): ("worse", -0.4)}, DERIVED)], ignore_index=True)
    answer = said(frame)
    assert [sentence.split(": no pooled")[0] for sentence in answer] == [
        "As practised: mean − point, real graphs and tables",
        "As practised: sample − point, real graphs and tables",
        "As practised: mean − point, derived graphs",
    ]
    assert "Of 1 cell on 1 dataset, 1 worse." in answer[2]
    assert answer[:2] == said(cells(WORDS))


def test_the_pooled_questions_of_the_family_come_first() -> None:
    overall = pd.concat(
        [
            pooled(),
            pooled(task="logistic-regression-few", metric="accuracy", share=0.001, low=-0.01, high=0.012, word="same"),
            pooled(family="as practised: sample − point", word="worse", share=-0.5, low=-0.6, high=-0.4),
            pooled(role="secondary", share=9.0),
            pooled(graphs=DERIVED, share=9.0),
            pooled(task="link-hadamard", metric="auc", word="", share=float("nan")),
        ],
        ignore_index=True,
    )
    mean, sample = said(cells(WORDS), overall)
    assert mean.startswith(
        "As practised: mean − point, real graphs and tables: pooled over datasets, as a share of point − chance, "
        "k-means, AMI −12.0 % (−20.0 % to −4.0 %; 7 datasets): somewhat worse; "
        "logistic-regression-few, accuracy +0.1 % (−1.0 % to +1.2 %; 7 datasets): same. Of 3 cells"
    )
    assert "k-means, AMI −50.0 % (−60.0 % to −40.0 %; 7 datasets): worse. Of" in sample


def test_the_counter_example_is_the_interval_farthest_beyond_the_margin() -> None:
    """Not the largest difference: what counts is the near end of the simultaneous interval, less the margin."""
    alike = {("vae mean − ae", name): ("same", 0.001) for name in "abc"}
    frame = cells({**alike, ("vae mean − ae", "d"): ("worse", -0.3), ("vgae mean − gae", "d"): ("better", 0.1)})
    assert "counter-example is vae mean − ae on d in k-means: worse, −30.00" in said(frame)[0]
    frame.loc[3, "high"] = -0.03
    assert "counter-example is vgae mean − gae on d in k-means: better, +10.00" in said(frame)[0]
    frame.loc[4, "margin"] = 0.085
    assert "counter-example is vae mean − ae on d in k-means: worse, −30.00" in said(frame)[0]


def test_a_counter_example_is_on_another_side_than_the_most_frequent_word() -> None:
    better = {("vae mean − ae", name): ("better", 0.06) for name in "abc"}
    (mean,) = said(cells({**better, ("vae mean − ae", "d"): ("worse", -0.05)}))
    assert "The most frequent word is “better”; the strongest counter-example is vae mean − ae on d" in mean
    (mean,) = said(cells({**better, ("vae mean − ae", "d"): ("somewhat better", 0.9)}))
    assert mean.endswith("The most frequent word is “better”; no interval lies beyond the margin against it.")


def test_toys_count_only_without_real_data() -> None:
    frame = cells({("vae mean − ae", "one"): ("worse", -0.1), ("vae mean − ae", "toy"): ("better", 0.5)})
    (mean,) = said(frame)
    assert "Of 1 cell on 1 dataset, 1 worse." in mean
    assert "toy" not in mean
    (mean,) = said(frame, evidence=())
    assert "Of 2 cells on 2 synthetic or toy datasets, 1 worse and 1 better." in mean


def test_cells_without_a_word_are_counted_by_reason_and_are_no_counter_example() -> None:
    frame = cells({("vae mean − ae", name): ("same" if name == "one" else "", 0.9) for name in ("one", "two", *"abc")})
    frame["signal"] = [SIGNAL, NO_SIGNAL, NO_SIGNAL, NOT_JUDGED, NO_SIGNAL]
    frame.loc[4, "reliable"] = False
    (mean,) = said(frame)
    assert "Of 5 cells on 5 datasets, 1 same, 1 unreliable, 2 without signal and 1 with too few seeds. " in mean
    (mean,) = said(frame[1:])
    assert mean.endswith("1 with too few seeds. No cell has a word, so there is no counter-example.")


def test_words_that_were_not_judged_against_chance_are_counted() -> None:
    frame = cells({("vae mean − ae", name): ("worse" if name != "c" else "", -0.1) for name in "abc"})
    frame["signal"] = [SIGNAL, NOT_JUDGED, NOT_JUDGED]
    assert (
        "2 worse and 1 with too few seeds; 1 of these not judged against chance, because scores of the control "
        "“random” are missing."
    ) in said(frame)[0]


def test_secondary_contrasts_do_not_enter_the_answer() -> None:
    secondary: list[Contrast] = [each for each in DECLARED if each.role == "secondary"]
    frame = cells({("vae sample − mean", "one"): ("worse", -0.1)})
    assert sentences(secondary, frame, NOTHING, []) == (
        "The study declares no confirmatory contrast, so there is no answer.",
    )
    assert sentences(DECLARED, frame, NOTHING, []) == (
        "The study declares 4 confirmatory contrasts, but these results contain none of them, so there is no answer.",
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
