"""Every figure holds the numbers of its frame in its data, its marks and its words."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from frames import make_frames
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.plugins.tables import OURS
from benchmark.report import numbers
from benchmark.report.figures import (
    Chart,
    averaging,
    beta_sweep,
    critical_differences,
    forest,
    harm_of_samples,
    ladder,
    nearness,
    training_curves,
    waterfalls,
)
from benchmark.report.figures.asked import primaries
from benchmark.report.figures.drawing import Series, colour, dash, mark
from benchmark.report.figures.study_arms import Arms
from benchmark.report.labels import axis_labels
from benchmark.statistics import (
    average_ranks,
    blocks_of_datasets,
    contrasts,
    critical_difference,
    indistinguishable,
    pairwise,
    summarise,
)
from benchmark.statistics.steps import WATERFALL_COLUMNS
from benchmark.study.analysis import Analysis, Words
from benchmark.study.origin import steps
from benchmark.study.resolve import pair_contrasts
from benchmark.study.study_file import Pair
from benchmark.tasks import TASKS

DECLARED = tuple(
    contrast
    for pair in (
        Pair(point="ae", variational="vae", links="link-hadamard"),
        Pair(point="gae", variational="vgae", links="link-inner-product"),
    )
    for contrast in pair_contrasts(pair, OURS)
)
COLOURS = {("ae", ""): 0, ("vae", ""): 1, ("gae", ""): 2, ("vgae", ""): 3}
OVERLAP = {"link-inner-product": 0.1, "link-hadamard": 0.1}
DATASETS = ("cora", "digits")


@pytest.fixture(scope="module")
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    return make_frames(datasets={"cora": True, "digits": False}, models=("ae", "vae", "gae", "vgae", "raw"), seeds=4)


def swept() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and units of ae, and of vae at four values of β."""
    parts = [make_frames(datasets={"digits": False}, models=("ae", "vae"), seeds=2)]
    for beta in (0.01, 0.1, 4.0):
        variant = f"beta={beta:g}"
        scores, units = make_frames(datasets={"digits": False}, models=("vae",), variants={"vae": variant}, seeds=2)
        settings = json.dumps(json.loads(units["settings"].iloc[0]) | {"beta": beta})
        parts.append((scores, units.assign(beta=beta, settings=settings)))
    scores, units = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    return scores, units


def there(chart: Chart | None) -> Chart:
    assert chart is not None
    return chart


def words(chart: Chart) -> str:
    """Return the descriptions of the panels, for readers who do not see them."""
    return " ".join(re.findall(r"<desc>(.*?)</desc>", "".join(panel.inline for _, panel in chart.paths())))


def mean_confidence(mean: float, sd: float, seeds: int) -> tuple[str, str]:
    """Return the ends of the 95 % t interval of a mean, as the page writes them."""
    half = stats.t.ppf(0.975, seeds - 1) * sd / np.sqrt(seeds)
    return numbers.percent(mean - half), numbers.percent(mean + half)


def drawn(frames: tuple[pd.DataFrame, pd.DataFrame]) -> list[Chart | None]:
    scores, units = frames
    summary = summarise(scores)
    return [
        forest(contrasts(scores, DECLARED, OVERLAP, Analysis()), DECLARED, DATASETS, Words(), Arms.of(units)),
        ladder(summary, [[("ae", ""), ("vae", "")]], DECLARED, DATASETS, Arms.of(units)),
        averaging(summary, DECLARED, DATASETS, COLOURS, OVERLAP, Arms.of(units)),
        harm_of_samples(scores, units, DECLARED, DATASETS),
        nearness(scores, units, DECLARED, DATASETS),
        critical_differences(scores, DECLARED, DATASETS, {}, OVERLAP, Arms.of(units)),
        training_curves(units, COLOURS, DATASETS, Arms.of(units)),
    ]


def test_every_panel_is_a_whole_svg_and_pdf_and_is_told_in_words(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    charts = [there(chart) for chart in drawn(frames)]
    titles = set()
    for chart in charts:
        assert chart.groups
        assert not chart.data.empty
        for (path, panel), again in zip(chart.paths(), chart.paths(), strict=True):
            assert path == again[0]
            root = ET.fromstring(panel.svg)
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            brief = ET.fromstring(str(panel.inline))
            assert brief.attrib["role"] == "img"
            titles.add(brief.attrib["aria-label"])
            assert any("var(--" in each for each in panel.shared.values())
        assert panel.pdf().startswith(b"%PDF")
    assert len(titles) == sum(len(group.panels) for chart in charts for group in chart.groups)


def test_every_panel_and_group_names_its_subject(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    tasks = {task.name for task in TASKS}
    for chart in map(there, drawn(frames)):
        for group in chart.groups:
            named = {name for panel in group.panels for name in panel.subject.dataset}
            assert named
            assert named <= set(DATASETS)
            assert not group.subject.dataset or set(group.subject.dataset) == named
            for panel in group.panels:
                assert set(panel.subject.model) <= {"ae", "vae", "gae", "vgae", "raw"}
                assert set(panel.subject.task) <= tasks
                assert ("gae" in panel.subject.family) == bool({"gae", "vgae"} & set(panel.subject.model))


def test_every_mark_of_the_forest_says_what_the_page_says_in_words(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, units = frames
    found = contrasts(scores, DECLARED, OVERLAP, Analysis())
    chart = forest(found, DECLARED, DATASETS, Words(), Arms.of(units))
    said = [
        each
        for _, panel in chart.paths()
        for each in re.findall("<(?:use|path)[^>]*><title>(.*?)</title>", panel.inline)
    ]
    assert len(said) == len(found)
    for row in found.to_dict("records"):
        start = f"{row['contrast']} on {row['dataset']}: {numbers.points(row['difference'])}"
        assert any(each.startswith(start) for each in said)
    assert all(each in words(chart) for each in said)


def test_the_forest_names_readouts_and_shares_scales_and_has_no_empty_row(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, units = frames
    found = contrasts(scores, DECLARED, OVERLAP, Analysis())
    chart = forest(found, DECLARED, DATASETS, Words(), Arms.of(units))
    assert [series.label for series in chart.series] == ["mean − point", "sample − point", "sample − own mean"]
    scales: dict[str, set[object]] = {}
    for _, panel in chart.paths():
        (axes,) = panel.figure.axes
        scales.setdefault(panel.title, set()).add(axes.get_xlim())
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == (["cora"] if "link" in panel.title else ["cora", "digits"])
        assert panel.subject.dataset == tuple(labels)
    assert len(chart.groups) == 2
    assert all(len(each) == 1 for each in scales.values())


@pytest.mark.filterwarnings("error")
def test_figures_take_names_of_any_script_whole() -> None:
    names = ("بيانات", "数据集" * 12, "डेटा", "👩‍🔬 😀", "npz:" + "a" * 70 + "/one.npz", "npz:" + "a" * 70 + "/two.npz")
    scores, units = make_frames(datasets=dict.fromkeys(names, True), models=("ae", "vae"), seeds=3)
    units = units.assign(
        curve=json.dumps({"epoch": [0, 1], "reconstruction": [2.0, 1.0], "divergence": [1.0, 1.0], "std": [1, 1]})
    )
    declared = [contrast for contrast in DECLARED if contrast.first.model == "vae"]
    arms, summary = Arms.of(units), summarise(scores)
    for chart in (
        forest(contrasts(scores, declared, OVERLAP, Analysis()), declared, names, Words(), arms),
        ladder(summary, [[("ae", ""), ("vae", "")]], declared, names, arms),
        harm_of_samples(scores, units, declared, names),
        nearness(scores, units, declared, names),
        training_curves(units, COLOURS, names, arms),
    ):
        found = there(chart)
        shown = [axes for _, panel in found.paths() for axes in panel.figure.axes]
        for panel in (panel for _, panel in found.paths()):
            assert panel.pdf().startswith(b"%PDF")
        texts = [[label.get_text() for label in axes.get_yticklabels()] for axes in shown]
        assert all(len(set(each)) == len(each) for each in texts)
        assert len({(panel.title, group.title) for group in found.groups for panel in group.panels}) == len(
            list(found.paths())
        )


def test_equal_frames_give_equal_bytes(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    shuffled = frames[0].iloc[::-1], frames[1].iloc[::-1]
    for one, other in zip(drawn(frames), drawn(shuffled), strict=True):
        first, second = there(one), there(other)
        for ours, theirs in zip(first.paths(), second.paths(), strict=True):
            assert ours[1].inline == theirs[1].inline
            assert ours[1].shared == theirs[1].shared
            assert ours[1].svg == theirs[1].svg
    assert ours[1].pdf() == theirs[1].pdf()


def test_the_ladder_stands_on_the_means(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    summary = summarise(frames[0])
    chart = there(
        ladder(summary, [[("ae", ""), ("vae", "")], [("ae", ""), ("gone", "")]], DECLARED, DATASETS, Arms.of(frames[1]))
    )
    assert [group.title for group in chart.groups] == ["From ae"]
    for row in chart.data.to_dict("records"):
        assert f"{row['model']}, {row['readout']}: {numbers.percent_spread(row['mean'], row['sd'])}" in words(chart)
    assert set(chart.data["readout"]) == {"mean", "sampled"}
    assert ladder(summary, [], DECLARED, DATASETS, Arms.of(frames[1])) is None


def test_the_sweep_follows_beta_and_counts_active_units() -> None:
    scores, units = swept()
    chart = there(beta_sweep(summarise(scores), units, DECLARED, ["digits"], ["ae", "vae"], Arms.of(units)))
    assert sorted(set(chart.data["beta"])) == [0.01, 0.1, 1.0, 4.0]
    assert len(chart.groups[0].panels) == 3  # two tasks, and the active units
    active = units[units["beta"].eq(0.1)]["diagnostics"].map(json.loads).map(lambda found: found["active_units"])
    assert f"β 0.1: {active.mean():.1f}" in words(chart)
    assert (
        beta_sweep(
            summarise(scores),
            units[units["beta"].ne(4.0) & units["beta"].ne(0.1)],
            DECLARED,
            ["digits"],
            ["vae"],
            Arms.of(units),
        )
        is None
    )


def test_settings_other_than_beta_are_another_line() -> None:
    scores, units = swept()
    parts = [(scores, units)]
    renamed = [frame[frame["model"].eq("vae")].copy() for frame in (scores, units)]
    for frame in renamed:
        frame["variant"] = [f"{variant} latent=2".strip() for variant in frame["variant"]]
    parts.append((renamed[0].assign(key=renamed[0]["key"] + "0"), renamed[1].assign(key=renamed[1]["key"] + "0")))
    scores, units = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    chart = there(beta_sweep(summarise(scores), units, DECLARED, ["digits"], ["ae", "vae"], Arms.of(units)))
    titles = [panel.title for panel in chart.groups[0].panels]
    assert [title.split(": ")[0] for title in titles] == ["vae"] * 3 + ["vae (latent=2)"] * 3
    few = units["variant"].isin(["beta=0.1 latent=2", "beta=4 latent=2"])
    chart = there(beta_sweep(summarise(scores), units[~few], DECLARED, ["digits"], ["ae", "vae"], Arms.of(units)))
    assert len(chart.groups[0].panels) == 3


def test_a_beta_that_depends_on_the_dataset_is_that_of_each() -> None:
    parts = []
    for place, dataset in enumerate(("digits", "wine"), 1):
        for beta in (0.1 * place, 1.0 * place, 10.0 * place):
            variant = f"beta={beta / place:g}"
            scores, units = make_frames(datasets={dataset: False}, models=("vae",), variants={"vae": variant}, seeds=2)
            parts.append((scores, units.assign(beta=beta)))
    scores, units = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    chart = there(beta_sweep(summarise(scores), units, DECLARED, ["digits", "wine"], ["vae"], Arms.of(units)))
    found = {name: sorted(set(here["beta"])) for name, here in chart.data.groupby("dataset")}
    assert found == {"digits": [0.1, 1.0, 10.0], "wine": [0.2, 2.0, 20.0]}


def test_averaging_goes_from_one_draw_to_the_mean(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    summary = summarise(frames[0])
    chart = there(averaging(summary, DECLARED, DATASETS, COLOURS, OVERLAP, Arms.of(frames[1])))
    lines = [("point twin", None), ("raw features", None)]  # these frames have no random control
    assert [(series.label, series.colour) for series in chart.series] == [("vae", 1), ("vgae", 3), *lines]
    assert set(chart.data["readout"]) == {"sampled", "averaged-4", "mean"}
    for row in chart.data.to_dict("records"):
        asked = (row["task"], row["metric"]) in {(p.task, p.metric) for each in DECLARED for p in each.primary}
        assert not asked or f"{row['model']}, {row['readout']}: {numbers.percent(row['mean'])}" in words(chart)
    assert (
        averaging(summary[summary["readout"].ne("averaged-4")], DECLARED, DATASETS, COLOURS, {}, Arms.of(frames[1]))
        is None
    )


def test_the_harm_of_a_sample_is_its_mean_less_its_draws(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, units = frames
    chart = there(harm_of_samples(scores, units, DECLARED, DATASETS))
    row = chart.data[chart.data["model"].eq("vae") & chart.data["task"].eq("k-means")].iloc[0]
    here = scores[
        (scores[["dataset", "model", "seed", "unit"]] == row[["dataset", "model", "seed", "unit"]]).all(axis=1)
    ]
    here = here[here["task"].eq("k-means") & here["metric"].eq("ami")]
    means = here.groupby("readout")["value"].mean()
    assert row["difference"] == pytest.approx(means["sampled"] - means["mean"])
    unit = units[(units[["dataset", "model", "seed", "unit"]] == row[["dataset", "model", "seed", "unit"]]).all(axis=1)]
    assert row["ratio"] == json.loads(unit["diagnostics"].iloc[0])["signal_to_noise_ratio"]
    assert "rank correlation" in words(chart)
    assert harm_of_samples(scores, units.assign(diagnostics="{}"), DECLARED, DATASETS) is None


def test_nearness_sets_each_readout_against_the_point_twin(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, units = frames
    chart = there(nearness(scores, units, DECLARED, DATASETS))
    assert set(chart.data["model"]) == {"vae", "vgae"}
    assert set(chart.data["readout"]) == {"mean", "sampled"}
    assert np.allclose(chart.data["difference"], chart.data["value"] - chart.data["value_of_point"])
    named = dict(zip(units["key"], units["diagnostics"].map(json.loads), strict=True))
    row = chart.data[chart.data["readout"].eq("sampled")].iloc[0]
    keys = scores[
        (scores[["dataset", "model", "seed", "unit"]] == row[["dataset", "model", "seed", "unit"]]).all(axis=1)
    ]
    assert row["near"] == named[keys["key"].iloc[0]]["prior_mmd_sample"]


def test_nearness_keeps_estimates_below_zero_and_asks_only_twins(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, units = frames
    below = units.assign(diagnostics=json.dumps({"prior_mmd_mean": -0.001, "prior_mmd_sample": 0.0}))
    chart = there(nearness(scores, below, DECLARED, DATASETS))
    assert set(chart.data["near"]) == {-0.001, 0.0}
    points = [each.model_copy(update={"first": each.second, "second": DECLARED[3].second}) for each in DECLARED[:1]]
    assert nearness(scores, units, points, DATASETS) is None  # ae against gae


def test_harm_and_nearness_have_one_panel_for_each_dataset_with_one_scale(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, units = frames
    for draw in (harm_of_samples, nearness):
        chart = there(draw(scores, units, DECLARED, DATASETS))
        (group,) = chart.groups
        assert [panel.title for panel in group.panels] == list(DATASETS)
        assert [panel.subject.dataset for panel in group.panels] == [("cora",), ("digits",)]
        assert len({(axes.get_xlim(), axes.get_ylim()) for panel in group.panels for axes in panel.figure.axes}) == 1
        here = chart.data[chart.data["dataset"].eq("cora") & chart.data["model"].eq("vae")]
        here = here[here["task"].eq("k-means")]
        if draw is nearness:
            here = here[here["readout"].eq("sampled")]
        mean = here["difference"].mean()
        assert f"vae sampled, k-means, AMI: {numbers.points(mean)} points" in words(chart)


def test_an_arm_that_lacks_most_rows_is_left_out_of_all_pairs(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, units = frames
    gone = scores[~(scores["model"].eq("vae") & scores["seed"].lt(3))]
    chart = there(critical_differences(gone, DECLARED, DATASETS, {}, OVERLAP, Arms.of(units)))
    assert not {"vae mean", "vae sampled"} & {*chart.data["first"], *chart.data["second"]}
    assert set(chart.data["blocks"]) == {4}


def test_bars_join_the_arms_that_no_pair_tells_apart(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores, units = frames
    arms = Arms.of(units)
    chart = there(critical_differences(scores, DECLARED, DATASETS, {}, OVERLAP, arms))
    assert [group.title for group in chart.groups] == ["cora", "digits"]
    here = scores[scores["dataset"].eq("cora") & scores["task"].eq("k-means") & scores["metric"].eq("ami")]
    here = here[here["readout"].isin(["mean", "sampled"])]
    blocks = here.pivot_table(index="seed", columns=["model", "variant", "readout"], values="value")
    pairs = pairwise(blocks)
    mine = chart.data[chart.data["level"].eq("cora") & chart.data["task"].eq("k-means")]
    assert np.allclose(mine["adjusted"], pairs["adjusted"])
    joined = "; ".join(f"{arms.label(*a)} to {arms.label(*b)}" for a, b in indistinguishable(pairs))
    assert f"Not told apart: {joined}." in words(chart)


def test_five_datasets_of_evidence_are_compared_over_datasets() -> None:
    names = [f"d{place}" for place in range(5)]
    scores, units = make_frames(datasets=dict.fromkeys(names, False), models=("ae", "vae", "raw"), seeds=2)
    evidence = dict.fromkeys(names, "family")
    chart = there(critical_differences(scores, DECLARED, names, evidence, OVERLAP, Arms.of(units)))
    assert [group.title for group in chart.groups] == ["over datasets"]
    assert set(chart.data["blocks"]) == {5}
    means, ranks = chart.groups[0].panels[:2]
    assert ranks.title == f"{means.title}: average rank"
    blocks = blocks_of_datasets(scores[scores["readout"].isin(["mean", "sampled"])], DECLARED[0].primary[0], evidence)
    for arm, rank in average_ranks(blocks).items():
        assert f"{Arms.of(units).label(*arm)} {rank:.2f}" in ranks.inline
    assert f"critical difference {critical_difference(4, 5):.2f}" in ranks.inline


def test_training_curves_are_means_over_seeds(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    units = frames[1].copy()
    units["curve"] = [
        json.dumps({"epoch": [1, 2], "reconstruction": [seed + 1.0, 0.5], "divergence": [0.0, 0.0], "std": [1.0, 0.3]})
        for seed in units["seed"]
    ]
    chart = there(training_curves(units, COLOURS, DATASETS, Arms.of(units)))
    first = chart.data[chart.data["epoch"].eq(1)]
    assert set(first["reconstruction"]) == {2.5}  # the mean over seeds 0 to 3
    assert "divergence" not in " ".join(panel.title for panel in chart.groups[0].panels)
    assert training_curves(units.assign(curve="{}"), COLOURS, DATASETS, Arms.of(units)) is None


def test_a_diverged_seed_is_left_out_of_the_curves(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    units = frames[1].copy()
    bad = units["model"].eq("vae") & units["seed"].eq(0)
    units.loc[bad, "status"] = "diverged"
    units.loc[bad, "curve"] = json.dumps({"epoch": [0], "reconstruction": [None], "divergence": [None], "std": [None]})
    chart = there(training_curves(units, COLOURS, DATASETS, Arms.of(units)))
    assert chart.data.notna().all(axis=None)
    assert "vae" in set(chart.data["model"])


def test_curves_end_where_the_epochs_of_seeds_differ(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    units = frames[1].copy()
    units["curve"] = [
        json.dumps({"epoch": [0, 1 + seed % 2], "reconstruction": [1.0, 2.0], "divergence": [0, 0], "std": [1, 1]})
        for seed in units["seed"]
    ]
    assert set(there(training_curves(units, COLOURS, DATASETS, Arms.of(units))).data["epoch"]) == {0}


def test_after_the_last_colour_the_marks_change() -> None:
    assert [Series("", number).lap for number in (0, 7, 8, 17)] == [0, 0, 1, 2]
    assert len({(colour(number), mark(number), dash(number)) for number in range(32)}) == 32


def test_without_contrasts_the_usual_tasks_are_drawn(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    summary = summarise(frames[0])
    chart = there(ladder(summary, [[("ae", ""), ("vae", "")]], (), DATASETS, Arms.of(frames[1])))
    assert set(chart.data["task"]) == {"k-means", "logistic-regression-few", "link-inner-product"}
    assert there(harm_of_samples(*frames, (), DATASETS)).groups


def test_the_waterfall_has_a_row_for_each_correction() -> None:
    protocols = list(steps("scripts"))
    removals = pd.DataFrame(
        {
            "start": "scripts",
            "dataset": "cora",
            "task": "k-means",
            "metric": "nmi",
            "kind": step.kind,
            "correction": step.correction,
            "point": 0.4,
            "variational": 0.4 - 0.01 * place,
            "seeds": 3,
            "gap": 0.01 * place,
            "low": 0.01 * place - 0.005,
            "high": 0.01 * place + 0.005,
            "removed": 0.0,
            "removed_low": 0.0,
            "removed_high": 0.0,
        }
        for place, step in enumerate(protocols)
    )[WATERFALL_COLUMNS]
    chart = there(waterfalls(removals, ["cora"]))
    assert [group.title for group in chart.groups] == ["scripts, cora"]
    in_a_row = removals[removals["kind"].eq("one after another")]
    for row in in_a_row.to_dict("records"):
        said = f"{numbers.points(row['gap'])} ({numbers.interval(row['low'], row['high'])})"
        assert f"{row['correction'] or 'as published'}: {said}" in words(chart)
    assert waterfalls(removals.iloc[:0], ["cora"]) is None


def test_figures_show_the_primary_metric_of_each_task_without_contrasts() -> None:
    plugin = pd.DataFrame({"task": ["mine", "mine", "other"], "metric": ["ap", "auc", "nmi"]})
    usual = pd.DataFrame({"task": ["link-inner-product", "k-means"], "metric": ["ap", "ari"]})
    primary = {task.name: task.primary for task in TASKS}
    assert [(each.task, each.metric) for each in primaries(plugin, ())] == [("mine", "auc"), ("other", "nmi")]
    assert [(each.task, each.metric) for each in primaries(pd.concat([plugin, usual]), ())] == [
        ("k-means", primary["k-means"]),
        ("link-inner-product", primary["link-inner-product"]),
    ]


FOLDERS = "npz:a/long/way/to/a/folder/"
ALIKE = {
    "the folder differs": [f"{FOLDERS}one/mine.npz", f"{FOLDERS}two/mine.npz", "wine"],
    "the beginning differs": [f"npz:{place}/{40 * 'a'}/mine.npz" for place in "ab"],
    "the middle differs": [f"npz:{40 * 'a'}{place}{40 * 'a'}.npz" for place in "abc"],
    "the options differ": [f"csv:some/long/folder/mine.csv,label={label}" for label in ("kind", "sort")],
    "the kind of file differs": [f"{kind}:{20 * 'a'}/mine" for kind in ("npz", "csv")],
    "one is a shorter form of the other": ["npz:mine.npz", "npz:some/long/folder/mine.npz"],
    "one is the end of the other": ["npz:b/mine.npz", f"{FOLDERS}a/b/mine.npz", f"{FOLDERS}b/mine.npz"],
    "no file": [f"vae (beta={weight} beta_schedule=warm-up:0.5) sampled" for weight in (0.1, 0.2)],
}


@pytest.mark.parametrize("names", ALIKE.values(), ids=ALIKE)
@pytest.mark.parametrize("most", [15, 24, 30])
def test_labels_of_different_names_differ(names, most):
    labels = axis_labels(names, most)
    assert list(labels) == names
    assert len(set(labels.values())) == len(names)
    assert max(map(len, labels.values())) <= most
    assert all(labels[name] == name for name in names if len(name) <= most)


@given(st.lists(st.text("npz:/,=ab…12 ", max_size=24), unique=True, max_size=6), st.sampled_from([12, 15]))
def test_labels_of_any_names_differ(names, most):
    labels = axis_labels(names, most)
    assert len(set(labels.values())) == len(names)
    assert max(map(len, labels.values()), default=0) <= most


def test_two_files_of_one_name_have_two_rows_in_the_forest():
    one, two, _ = ALIKE["the folder differs"]
    scores, units = make_frames(datasets={one: True, two: True}, models=("ae", "vae"), seeds=4)
    declared = [contrast for contrast in DECLARED if contrast.first.model == "vae"]
    drawn = forest(contrasts(scores, declared, OVERLAP, Analysis()), declared, (one, two), Words(), Arms.of(units))
    for _, panel in drawn.paths():
        assert "one/mine.npz" in panel.inline
        assert "two/mine.npz" in panel.inline
