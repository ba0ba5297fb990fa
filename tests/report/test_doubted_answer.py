"""Doubts: each check changes what it says and nothing else, and finds the fault that it looks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from resolved import study_named

from benchmark.report.doubted_answer import (
    DECLARED,
    HARNESS,
    LAW,
    WORD,
    answer,
    compared,
    doubts,
    noise_appended,
    times_100,
    truth_shuffled,
)
from benchmark.report.doubted_frames import (
    SHUFFLED,
    TIMES_100,
    Frames,
    half_of_seeds,
    in_place,
    moved_gates,
    of_dimensions,
    one_draw,
    with_ending,
    with_gates,
    without_collapsed,
    without_dataset,
)
from benchmark.report.first_screen import points
from benchmark.report.found import find
from benchmark.report.key_numbers import asked, averaged_over_datasets, kept_cells, thresholds
from benchmark.results.frames import read_frames

FOLDER = Path(__file__).parents[1] / "data/frames"
OVERLAP = {"link-inner-product": 0.1 / 0.85, "link-hadamard": 0.1 / 0.85}
LIMIT = 0.12
LAW_TASKS = ["k-means", "logistic-regression-few", "link-inner-product", "link-hadamard"]
APPENDED = "dimensions of pure noise appended to the mean"
SCALED, HIDDEN = "latents times 100", "labels and edges shuffled"


def kept(study: str, tasks: list[str], datasets: list[str], readouts: list[str]) -> Frames:
    """A part of the kept frames of a study."""
    scores, units = read_frames(FOLDER, study)
    asked_for = scores["task"].isin(tasks) & scores["dataset"].isin(datasets) & scores["readout"].isin(readouts)
    return Frames(study_named(study), scores[asked_for], units[units["dataset"].isin(datasets)])


@pytest.fixture(scope="module")
def claim() -> Frames:
    return kept("claim", [*LAW_TASKS, "gaussian-mixture"], ["cora", "digits"], ["mean", "sampled"])


@pytest.fixture(scope="module")
def noise() -> Frames:
    return kept("noise", LAW_TASKS, ["cora", "digits"], ["mean", "sampled", "padded-8", "padded-16", "padded-48"])


def there(found: dict[str, object] | str) -> dict[str, object]:
    """The row of a check that has scores."""
    assert isinstance(found, dict)
    return found


def row(found: pd.DataFrame, check: str) -> Mapping[str, object]:
    (only,) = found[found["check"].eq(check)].to_dict("records")
    return {str(name): value for name, value in only.items()}


def ended(frames: Frames, end: str) -> Frames:
    """The frames of the study doubts: the tasks of the law, and the same scores under names with an end."""
    plain = frames.scores[frames.scores["task"].isin(LAW_TASKS)]
    other = plain.assign(task=plain["task"] + end)
    return frames._replace(scores=pd.concat([plain, other], ignore_index=True))


def test_the_answer_is_that_of_the_page(claim: Frames) -> None:
    found = find(*claim, OVERLAP, None)
    names = asked(found.declared, points(found.units))
    mine = answer(claim, OVERLAP)
    for kind, share in (("mean", mine.mean), ("sample", mine.sample)):
        cells = kept_cells(found, names[kind])
        assert share == averaged_over_datasets(cells[~cells["collapsed"]])
    assert found.law is not None
    assert mine.law_word == found.law.word
    errors = found.law.errors.query("form == 'task constants' and cells_are == 'seen'")
    assert mine.law_error == pytest.approx(errors["error"].item())
    assert thresholds(found)


def test_changes_of_rows(claim: Frames) -> None:
    odd, even = half_of_seeds(claim, odd=True), half_of_seeds(claim, odd=False)
    assert set(odd.scores["seed"]) == set(odd.units["seed"]) == {1, 3}
    assert len(odd.scores) + len(even.scores) == len(claim.scores)
    assert set(without_dataset(claim, name="cora").units["dataset"]) == {"digits"}
    single = one_draw(claim)
    assert single is not None
    assert set(single.scores["draw"]) == {0}
    assert one_draw(single) is None
    assert claim.scores["draw"].max() > 0


def test_a_task_takes_the_place_of_another(claim: Frames) -> None:
    changed = in_place(claim, old="k-means", new="gaussian-mixture")
    assert changed is not None
    assert "gaussian-mixture" not in set(changed.scores["task"])
    before = claim.scores.query("task == 'gaussian-mixture'")["value"]
    assert changed.scores.query("task == 'k-means'")["value"].tolist() == before.tolist()
    assert in_place(claim, old="k-means", new="k-nearest-neighbours-few") is None


def test_gates_move(claim: Frames) -> None:
    declared = claim.study.analysis.gates
    halved, doubled = (moved_gates(claim, factor=factor).study.analysis for factor in (0.5, 2.0))
    assert [halved.gates.least_rank, doubled.gates.least_rank] == [1.25, 2.0]
    assert doubled.gates.least_rate == 2 * declared.least_rate == 4 * halved.gates.least_rate
    assert halved.words == claim.study.analysis.words
    assert with_gates(claim, {"least_rank": 1.0}).study.analysis.gates.unreliable == declared.unreliable


def test_collapsed_models_are_left_out(claim: Frames) -> None:
    trained = answer(claim, OVERLAP).core.trained
    dead = trained[trained["collapsed"].astype(bool)]
    changed = without_collapsed(claim)
    assert not dead.empty
    assert changed is not None
    left = changed.scores[["dataset", "model", "unit"]].drop_duplicates()
    assert left.merge(dead, on=["dataset", "model", "unit"]).empty
    assert without_collapsed(changed) is None


def test_twins_of_other_dimensions_answer_the_contrasts() -> None:
    rate = kept("rate", LAW_TASKS, ["cora", "digits"], ["mean", "sampled"])
    changed = of_dimensions(rate, d=8)
    assert changed is not None
    assert set(changed.units["variant"]) == {"latent=8", ""}
    assert set(changed.units.query("variant == ''")["model"]) == {"random"}
    assert {side.variant for each in changed.study.contrasts for side in (each.first, each.second)} == {"latent=8"}
    assert answer(changed, OVERLAP).cells > 0
    assert of_dimensions(rate, d=7) is of_dimensions(None, d=8) is None


def test_ends_of_names(claim: Frames) -> None:
    frames = ended(claim, SHUFFLED)
    plain, shuffled = with_ending(frames, end=""), with_ending(frames, end=SHUFFLED)
    assert plain is not None
    assert shuffled is not None
    assert set(plain.scores["task"]) == set(shuffled.scores["task"]) == set(LAW_TASKS)
    assert with_ending(frames, end=TIMES_100) is with_ending(None, end="") is None


def test_checks_without_scores_are_named(claim: Frames) -> None:
    found, missing = doubts({"claim": claim}, OVERLAP)
    assert {APPENDED, SCALED, HIDDEN, "d = 2", "k-means-standardised for k-means"} <= set(missing)
    assert not set(missing) & set(found["check"])
    assert list(found["check"])[:3] == [DECLARED, "even seeds alone", "odd seeds alone"]
    assert {"without cora", "without digits", "gaussian-mixture for k-means"} <= set(found["check"])
    declared = row(found, DECLARED)
    assert declared["changed"] == declared["breaks"] == ""
    worst = row(found, next(name for name in found["check"] if name.startswith("the law on")))
    assert isinstance(worst["law_error"], float)
    assert worst["law_error"] > float(str(declared["law_error"]))


def test_a_score_of_a_shuffled_truth_is_a_fault_of_the_harness(claim: Frames) -> None:
    frames = ended(claim, SHUFFLED)
    declared = answer(claim, OVERLAP)
    assert there(truth_shuffled({"doubts": frames}, declared, OVERLAP, LIMIT))["breaks"] == HARNESS
    scores = frames.scores.copy()
    of_question = scores.groupby(["dataset", "task", "metric", "unit"])
    chance = scores["value"].where(scores["model"].eq("random"))
    at_chance = of_question["seed"].transform("size") * 0 + chance.groupby(
        [scores[name] for name in ("dataset", "task", "metric", "unit")]
    ).transform("mean")
    jitter = np.random.default_rng(0).normal(0, 1e-3, len(scores))
    hidden = scores["task"].str.endswith(SHUFFLED)
    scores["value"] = scores["value"].mask(hidden, at_chance + jitter)
    silent = there(truth_shuffled({"doubts": frames._replace(scores=scores)}, declared, OVERLAP, LIMIT))
    assert silent["breaks"] == ""
    assert silent["without_signal"] == silent["cells"]


def test_scaled_latents_show_the_largest_change_of_a_score(claim: Frames) -> None:
    frames = ended(claim, TIMES_100)
    declared = answer(claim, OVERLAP)
    found = there(times_100({"doubts": frames}, declared, OVERLAP, LIMIT))
    assert found["largest"] == 0
    assert found["breaks"] == ""
    scores = frames.scores.copy()
    moved = scores["task"].eq(f"k-means{TIMES_100}") & scores["model"].eq("vae") & scores["metric"].eq("ami")
    scores.loc[moved, "value"] -= 0.25
    changed = frames._replace(scores=scores)
    assert there(times_100({"doubts": changed}, declared, OVERLAP, LIMIT))["largest"] == pytest.approx(0.25)


def test_appended_noise_is_predicted_by_its_size(claim: Frames, noise: Frames) -> None:
    """Scores that follow the law give no error. Those of the kept frames do, and break the law."""
    declared = answer(claim, OVERLAP)
    assert there(noise_appended({"noise": noise}, declared, OVERLAP, LIMIT))["breaks"] == LAW
    core = declared.core
    assert core.law is not None
    constants = core.law.parameters.query("form == 'task constants'").set_index("parameter")["estimate"]
    cell = ["dataset", "model", "unit", "task", "metric"]
    scores = noise.scores.copy()
    mean = scores[scores["readout"].eq("mean")].groupby(cell)["value"].mean().rename("mean")
    control = scores[scores["model"].eq("random") & scores["readout"].eq("mean")]
    chance = control.groupby([name for name in cell if name != "model"])["value"].mean().rename("chance")
    scores = scores.join(mean, on=cell).join(chance, on=[name for name in cell if name != "model"])
    k = scores["readout"].str.extract(r"padded-(\d+)")[0].astype(float)
    u = 16 / k * np.sqrt(16 + k)
    share = u / (np.exp(scores["task"].map(constants)) + u)
    lawful = scores["chance"] + share * (scores["mean"] - scores["chance"])
    scores["value"] = scores["value"].where(k.isna() | lawful.isna(), lawful)
    changed = noise._replace(scores=scores.drop(columns=["mean", "chance"]))
    found = there(noise_appended({"noise": changed}, declared, OVERLAP, LIMIT))
    assert found["law_error"] == pytest.approx(0, abs=1e-6)


def test_a_word_that_changes_sides_is_told(claim: Frames) -> None:
    declared = answer(claim, OVERLAP)
    before = replace(declared, words={"mean, k-means": "better", "mean, links": "same", "gone": "worse"})
    after = replace(declared, words={"mean, k-means": "somewhat worse", "mean, links": "better"}, law_error=0.5)
    found = compared("check", before, after, LIMIT)
    assert found["words"] == 2
    assert found["changed"] == "mean, k-means: better → somewhat worse; mean, links: same → better"
    assert found["breaks"] == f"{LAW}, {WORD}"
    beside = replace(declared, words={"mean, k-means": "undecided", "mean, links": "same"})
    assert compared("check", before, beside, LIMIT)["breaks"] == ""
