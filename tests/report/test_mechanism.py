"""Noise by hand, the mean and interventions on the page: numbers of real runs, and studies without such readouts."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from pages import a_study, usual

from benchmark.plugins.tables import OURS
from benchmark.report import numbers
from benchmark.report.blocks import Paragraph
from benchmark.report.figures.kinds import families_of_models
from benchmark.report.figures.noise_retention import noise_by_hand
from benchmark.report.figures.theory_points import theory_points
from benchmark.report.labels import NOISES
from benchmark.report.mechanism import FEW_LABELS, POSTERIOR, SAME, SAME_PROFILE, TWIN, Mechanism, mechanism
from benchmark.report.mechanism_charts import mechanism_charts
from benchmark.report.sections.explanations import explanations
from benchmark.report.tables.table_parts import Table
from benchmark.results.frames import read_frames
from benchmark.statistics import judge_units
from benchmark.statistics.decoded import BOTH, ONLY_LATENT, SERVES
from benchmark.study.resolve import resolve
from benchmark.study.toml import load_study
from benchmark.tasks import ROW_SETS

FRAMES = Path(__file__).parents[1] / "data" / "frames"


def found(name, datasets, models):
    """The study, its statistics and its units."""
    study = resolve(load_study(name), OURS)
    scores, units = read_frames(FRAMES, name)
    scores, units = (frame[frame["dataset"].isin(datasets) & frame["model"].isin(models)] for frame in (scores, units))
    units = judge_units(units, study.analysis.gates)
    return study, mechanism(study, scores[~scores["unit"].isin(ROW_SETS)], units, {}, seed=0), units


@pytest.fixture(scope="module")
def noise():
    return found("noise", ["digits", "worm", "cora"], ["ae", "vae", "pca", "ae-noised-ranked", "random"])


def test_every_kind_of_noise_by_hand_is_compared_and_a_noised_model_is_no_twin(noise):
    _, of_noise, _ = noise
    assert list(dict.fromkeys(of_noise.gaps["kind"])) == [SAME_PROFILE, SAME, TWIN]
    assert set(of_noise.gaps["model"]) == set(of_noise.shares["model"]) == {"vae"}
    assert set(of_noise.shares["point"]) == {"ae"}
    few = of_noise.gaps_over[of_noise.gaps_over["task"].eq("logistic-regression-few")].set_index("kind")["gap"]
    assert abs(few[SAME_PROFILE]) < 0.03 < few[TWIN]  # a posterior harms as noise of its own profile does


def test_the_theory_of_gaussian_classes_predicts_noise_by_hand_without_a_fit(noise):
    _, of_noise, _ = noise
    by_hand = of_noise.theory[of_noise.theory["readout"].str.startswith("noise-")]
    informative = by_hand[by_hand["measured"].between(0.05, 0.95)]
    assert len(informative) > 40
    assert (informative["predicted"] - informative["measured"]).abs().mean() < 0.05


def page_of(study, of_study, units):
    """The sections by their anchors, and the figures by name."""
    found = SimpleNamespace(
        mechanism=of_study, law=None, study=study, units=units, datasets=study.datasets, declared=study.contrasts
    )
    charts = {chart.name: chart for chart in mechanism_charts(found) if chart is not None}
    return explanations(found, charts), charts


def charts_of(*given):
    return page_of(*given)[1]


def sections_of(*given):
    return page_of(*given)[0]


def paragraphs_of(section):
    return ["".join(map(str, block.parts)) for block in section.blocks if isinstance(block, Paragraph)]


def described(chart):
    """The text alternatives of all panels."""
    return " ".join(str(panel.inline) for group in chart.groups for panel in group.panels)


def test_the_figure_of_the_theory_has_a_mark_for_each_cell(noise):
    study, of_noise, units = noise
    chart = charts_of(study, of_noise, units)["theory"]
    assert [panel.title for panel in chart.groups[0].panels] == list(NOISES.values())
    assert len(chart.data) == len(of_noise.theory)
    assert [series.label for series in chart.series] == ["feature encoder", "control"]
    assert "Diamonds: graph; squares: image; circles: table." in chart.caption
    here = chart.data[chart.data["informative"]]
    error = numbers.percent((here["predicted"] - here["measured"]).abs().mean())
    assert f"the mean absolute error is {error} points over {len(here)} informative cells" in chart.caption
    kinds = dict.fromkeys(study.datasets, "graph")
    families = families_of_models(units)
    for given, between in ((of_noise.theory, (5.0, 6.0)), (of_noise.theory.iloc[:0], (0.05, 0.95))):
        assert theory_points(given, families, kinds, between, FEW_LABELS) is None


def test_the_page_says_the_numbers_of_the_frames(noise):
    study, of_noise, units = noise
    sections = sections_of(study, of_noise, units)
    assert list(sections) == ["mean", "noise-by-hand", "theory", "serves"]
    gaps = of_noise.gaps_over[of_noise.gaps_over["kind"].eq(SAME_PROFILE)]
    said = paragraphs_of(sections["noise-by-hand"])
    for row in gaps.to_dict("records"):
        ends = numbers.interval(row["low"], row["high"])
        assert f"{row['task']} {numbers.points(row['gap'])} ({ends}) points" in said[1]
    table = next(block for block in sections["noise-by-hand"].blocks if isinstance(block, Table))
    assert [group.label for group in table.groups] == [SAME_PROFILE, SAME, TWIN]
    assert len(table.groups[0].rows) == len(gaps)
    for row in of_noise.theory_over.to_dict("records"):
        ends = numbers.interval(row["low"], row["high"])
        assert f"by {numbers.points(row['residual'])} points ({ends})" in paragraphs_of(sections["theory"])[0]


def test_noise_by_hand_is_drawn_as_lines_and_posteriors_as_marks(noise):
    study, of_noise, units = noise
    chart = charts_of(study, of_noise, units)["noise-by-hand"]
    assert [series.label for series in chart.series] == [POSTERIOR, SAME_PROFILE, SAME, TWIN]
    assert chart.data is of_noise.curves
    words = described(chart)
    for row in of_noise.curves[of_noise.curves["kind"].eq(POSTERIOR)].to_dict("records"):
        assert f"vae on {row['dataset']}: {row['retention']:.2f} at {row['x']:.2g}".replace("-0.", "−0.") in words
    line = of_noise.curves_over[of_noise.curves_over["kind"].eq(TWIN)].iloc[0]
    assert f"{line['retention']:.2f} at {line['x']:g}" in words
    only = of_noise.curves[of_noise.curves["kind"].eq(POSTERIOR)]
    assert noise_by_hand(only, of_noise.curves_over, study.tasks, {}) is None


def test_references_are_those_of_the_family(noise):
    study, of_noise, units = noise
    assert set(zip(of_noise.serves["model"], of_noise.serves["reference"], strict=True)) == {("ae", "pca")}
    chart = charts_of(study, of_noise, units)["serves"]
    for row in of_noise.serves[of_noise.serves["task"].eq("k-means")].to_dict("records"):
        ends = numbers.interval(row["low"], row["high"])
        assert f"{row['dataset']}, k-means: {numbers.points(row['difference'])} ({ends})" in described(chart)
    (said,) = paragraphs_of(sections_of(study, of_noise, units)["serves"])
    judged = of_noise.serves.dropna(subset="low")
    above = int(judged["low"].gt(0).sum())
    assert f"point of the feature encoder − pca: {above} above, " in said


def test_decoded_samples_are_counted_by_their_fate():
    study, of_claim, units = found("claim", ["digits", "cora"], ["ae", "vae", "raw", "random"])
    section = sections_of(study, of_claim, units)["decoded"]
    (said,) = paragraphs_of(section)
    counts = of_claim.decoded["fate"].value_counts()
    fails = len(of_claim.decoded) - counts.get(SERVES, 0)
    assert f"worse than its own mean in {fails} of {len(of_claim.decoded)} cells" in said
    assert f"does not fail in {counts.get(ONLY_LATENT, 0)} of these {fails}, fails too in {counts.get(BOTH, 0)}" in said
    chart = charts_of(study, of_claim, units)["decoded"]
    for row in of_claim.decoded_beside.to_dict("records"):
        assert f"{row['of']} {numbers.percent(row['value'])}" in described(chart)
    assert {"point", "decoded point", "raw"} < set(of_claim.decoded_beside["of"])
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [group.subject.dataset for group in table.groups] == [("cora",), ("digits",)]


def test_the_stories_of_the_sources_are_judged_for_each_pair():
    models = ["ae", "vae", "gae", "vgae", "vae-fixed", "ae-gaussian-learned", "vae-gaussian-learned", "random"]
    study, of_sources, units = found("sources", ["digits"], models)
    verdicts = of_sources.story_verdicts
    assert set(verdicts["variant"]) == {"", "held_out=0.2"}  # pairs differ in the noise alone
    section = sections_of(study, of_sources, units)["stories"]
    said = paragraphs_of(section)
    chart = charts_of(study, of_sources, units)["stories"]
    for row in verdicts.to_dict("records"):
        verdict = row["verdict"]
        assert any(row["model"] in sentence and verdict in sentence for sentence in said)
        ends = f"({row['low']:.2f} to {row['high']:.2f}), {verdict}".replace("-", "−")
        assert f"{row['effect']:.2f} ".replace("-", "−") + ends in described(chart)
    continuous = next(sentence for sentence in said if sentence.startswith("Continuity"))
    assert "Not measured for vgae." in continuous  # its decoder makes edges
    assert "over seeds" in said[-1]
    assert "vae-fixed" not in next(sentence for sentence in said if sentence.startswith("Noise dynamics"))


def test_sweeps_of_other_models_are_compared_with_the_plain_one():
    models = ["ae", "vae", "vae-warm-up", "vae-free-bits", "random"]
    models += ["ae-gaussian-learned", "vae-gaussian-learned", "vae-vamp"]
    study, of_rate, units = found("rate", ["digits", "cora"], models)
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
    section = sections_of(study, of_rate, units)["interventions"]
    over = of_rate.interventions_over
    assert f" of {over['low'].notna().sum()} differences between two sweeps" in paragraphs_of(section)[1]
    chart = charts_of(study, of_rate, units)["equal-signal"]
    for row in over.dropna(subset="difference").to_dict("records"):
        ends = numbers.interval(row["low"], row["high"])
        said = f"{row['first']} − {row['second']}, {row['readout']}: {numbers.points(row['difference'])} ({ends})"
        assert said in described(chart)


def test_a_study_without_such_readouts_has_no_such_section():
    study, (scores, units) = a_study(), usual()
    units = judge_units(units, study.analysis.gates)
    sections = sections_of(study, mechanism(study, scores, units, {}, seed=0), units)
    assert set(sections) <= {"mean", "serves", "theory"}
    empty = mechanism(study, scores.iloc[:0], units.iloc[:0], {}, seed=0)
    assert isinstance(empty, Mechanism)
    assert sections_of(study, empty, units.iloc[:0]) == {}
    assert all(isinstance(frame, pd.DataFrame) and frame.empty for frame in empty.frames().values())
