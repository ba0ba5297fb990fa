"""Noise by hand, the mean and interventions on the page: numbers of real runs, and studies without such readouts."""

from pathlib import Path

import pandas as pd
import pytest
from pages import a_study, usual

from benchmark.plugins.tables import OURS
from benchmark.report import numbers
from benchmark.report.figures.theory_points import theory_points
from benchmark.report.labels import NOISES
from benchmark.report.mechanism import SAME, SAME_PROFILE, TWIN, Mechanism, mechanism
from benchmark.report.tables.mechanism_tables import mechanism_sections
from benchmark.results.frames import read_frames
from benchmark.statistics import judge_units
from benchmark.study.resolve import resolve
from benchmark.study.toml import load_study

FRAMES = Path(__file__).parents[1] / "data" / "frames"


def found(name, datasets, models):
    study = resolve(load_study(name), OURS)
    scores, units = read_frames(FRAMES, name)
    scores, units = (frame[frame["dataset"].isin(datasets) & frame["model"].isin(models)] for frame in (scores, units))
    return study, mechanism(study, scores, judge_units(units, study.analysis.gates), {}, seed=0)


@pytest.fixture(scope="module")
def noise():
    return found("noise", ["digits", "worm", "cora"], ["ae", "vae", "pca", "ae-noised-ranked", "random"])


def test_every_kind_of_noise_by_hand_is_compared_and_a_noised_model_is_no_twin(noise):
    _, of_noise = noise
    assert list(dict.fromkeys(of_noise.gaps["kind"])) == [SAME_PROFILE, SAME, TWIN]
    assert set(of_noise.gaps["model"]) == set(of_noise.shares["model"]) == {"vae"}
    assert set(of_noise.shares["point"]) == {"ae"}
    few = of_noise.gaps_over[of_noise.gaps_over["task"].eq("logistic-regression-few")].set_index("kind")["gap"]
    assert abs(few[SAME_PROFILE]) < 0.03 < few[TWIN]  # a posterior harms as noise of its own profile does


def test_the_theory_of_gaussian_classes_predicts_noise_by_hand_without_a_fit(noise):
    _, of_noise = noise
    by_hand = of_noise.theory[of_noise.theory["readout"].str.startswith("noise-")]
    informative = by_hand[by_hand["measured"].between(0.05, 0.95)]
    assert len(informative) > 40
    assert (informative["predicted"] - informative["measured"]).abs().mean() < 0.05


def test_the_figure_of_the_theory_has_a_mark_for_each_cell(noise):
    study, of_noise = noise
    chart = theory_points(of_noise.theory, study.datasets, (0.05, 0.95))
    assert [panel.title for panel in chart.groups[0].panels] == list(NOISES.values())
    assert chart.data is of_noise.theory
    assert [series.label for series in chart.series] == ["cora", "digits", "worm"]
    assert theory_points(of_noise.theory, study.datasets, (5.0, 6.0)) is None
    assert theory_points(of_noise.theory.iloc[:0], study.datasets, (0.05, 0.95)) is None


def test_the_page_says_the_numbers_of_the_frames(noise):
    study, of_noise = noise
    sections = {section.anchor: section for section in mechanism_sections(of_noise, study)}
    assert list(sections) == ["noise-by-hand", "mean"]
    gaps = of_noise.gaps_over[of_noise.gaps_over["kind"].eq(SAME_PROFILE)]
    for row in gaps.to_dict("records"):
        ends = numbers.interval(row["low"], row["high"])
        assert f"{row['task']} {numbers.points(row['gap'])} ({ends}) points" in sections["noise-by-hand"].notes[1]
    table = sections["noise-by-hand"].tables[0]
    assert [group.label for group in table.groups] == [SAME_PROFILE, SAME, TWIN]
    assert len(table.groups[0].rows) == len(gaps)


def test_sweeps_of_other_models_are_compared_with_the_plain_one():
    models = ["ae", "vae", "vae-warm-up", "vae-free-bits", "random"]
    models += ["ae-gaussian-learned", "vae-gaussian-learned", "vae-vamp"]
    study, of_rate = found("rate", ["digits"], models)
    pairs = set(zip(of_rate.interventions["first"], of_rate.interventions["second"], strict=True))
    assert pairs == {
        ("vae-warm-up", "vae"),
        ("vae-free-bits", "vae"),
        ("vae-gaussian-learned", "vae"),
        ("vae-vamp", "vae-gaussian-learned"),  # of one likelihood, so that the prior alone differs
    }
    twins = dict(zip(of_rate.shares["variant"], of_rate.shares["point_variant"], strict=True))
    assert twins["beta=0.1 latent=8"] == "latent=8"
    assert twins["beta=0.1"] == ""
    assert [section.anchor for section in mechanism_sections(of_rate, study)][-1] == "interventions"


def test_a_study_without_such_readouts_has_the_mean_alone_or_nothing():
    study, (scores, units) = a_study(), usual()
    sections = mechanism_sections(mechanism(study, scores, judge_units(units, study.analysis.gates), {}, seed=0), study)
    assert {section.anchor for section in sections} <= {"mean", "noise-by-hand"}
    empty = mechanism(study, scores.iloc[:0], judge_units(units.iloc[:0], study.analysis.gates), {}, seed=0)
    assert isinstance(empty, Mechanism)
    assert mechanism_sections(empty, study) == ()
    assert all(isinstance(frame, pd.DataFrame) and frame.empty for frame in empty.frames().values())
