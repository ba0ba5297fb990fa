"""Latents before and after a draw, traversals, and images from decoders."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from base64 import b64decode
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from frames import make_frames
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from benchmark.core.files import labels_path, packed, write_atomically
from benchmark.core.rng import generator
from benchmark.plugins.tables import OURS
from benchmark.report.blocks import within
from benchmark.report.figures import Chart, embeddings, images, traversals
from benchmark.report.figures.drawing import FAINT
from benchmark.report.figures.embeddings import DATASETS, MOST_ROWS, _in_square, between
from benchmark.report.figures.pictures import LEVELS, Line, picture_panel
from benchmark.report.figures.reconstructions import NAMES
from benchmark.report.kept import KeptFiles
from benchmark.report.sections.latents_drawn import draw_sentences, latents_drawn, traversal_sentences
from benchmark.report.subject import ABOUT_ALL
from benchmark.study.resolve import pair_contrasts
from benchmark.study.study_file import Pair

DECLARED = pair_contrasts(Pair(point="ae", variational="vae", links="link-hadamard"), OURS)
ARMS = [("ae", ""), ("vae", ""), ("gone", "")]
NOISE = {"digits": 0.0, "wine": 0.5, "cora": 3.0, "photo": 40.0}  # σ; the classes are 10 apart
D, ROWS = 4, 60


def classes_of(rows: int) -> np.ndarray:
    return np.arange(rows) % 3


def means_of(rows: int) -> np.ndarray:
    """Three classes, 10 apart, with a spread of 1."""
    return 10 * np.eye(3, D)[classes_of(rows)] + generator(0, "kept").standard_normal((rows, D))


@pytest.fixture
def kept(tmp_path: Path) -> tuple[pd.DataFrame, Path]:
    """Return units with latents, labels and images on disk, and their folder."""
    _, units = make_frames(datasets=dict.fromkeys(NOISE, True), models=("ae", "vae"), seeds=2)
    rng = generator(0, "images")
    for place, unit in enumerate(units.itertuples()):
        noisy = unit.model == "vae"
        parts = {"mean": means_of(ROWS)}
        pictures = {name: rng.random((20 if name == "prior" else 10, 6, 8)) for name in NAMES}
        if noisy:
            parts["std"] = np.full((ROWS, D), NOISE[str(unit.dataset)])
            pictures |= {
                "signal_per_dimension": np.array([1.0, 8.0, 0.0, 2.0]),
                "noise_per_dimension": np.array([1.0, 2.0, 1.0, 1.0]),
                "traversed": np.array([1, 3, 0, 2]),
                "traversal_steps": np.linspace(-2, 2, 9),
                "traversal": np.linspace(0, [[1.0], [0.5], [0.2], [0.0]], 9, axis=1)[..., None] * np.ones((6, 8)),
            }
        else:
            pictures["sampled_reconstructions"] = pictures["reconstructions"]
        write_atomically(tmp_path / f"latents/{place}.npz", packed(parts))
        write_atomically(tmp_path / f"latents/{place}.generated.npz", packed(pictures))
        write_atomically(tmp_path / labels_path(str(unit.fingerprint)), packed({"labels": classes_of(ROWS)}))
    measured = json.dumps({"divergence": 2.5, "signal_to_noise_ratio": 0.75})
    return units.assign(
        degenerate=False,
        diagnostics=measured,
        latents=[f"latents/{place}.npz" for place in range(len(units))],
        generated=[f"latents/{place}.generated.npz" for place in range(len(units))],
    ), tmp_path


def there(chart: Chart | None) -> Chart:
    assert chart is not None
    return chart


def words(chart: Chart) -> str:
    return " ".join(panel.inline for group in chart.groups for panel in group.panels)


def drawn(kept: tuple[pd.DataFrame, Path], datasets: tuple[str, ...] = tuple(NOISE)) -> Chart:
    units, results = kept
    return there(embeddings(units, DECLARED, datasets, KeptFiles(results)))


def test_a_point_a_mean_and_a_sample_have_the_same_rows_and_classes(kept):
    chart = drawn(kept, ("digits",))
    panels = dict(list(chart.data.groupby("latent")))
    assert set(panels) == {"point", "mean", "one sample"}
    for found in panels.values():
        assert list(found["row"]) == list(range(ROWS))
        assert list(found["class"]) == list(classes_of(ROWS))
    again = drawn(kept, ("digits",))
    pd.testing.assert_frame_equal(chart.data, again.data, check_exact=True)
    assert words(chart) == words(again)
    assert "rate 2.50 nats, SNR 0.75" in words(chart)


def test_without_kept_latents_there_is_no_figure(kept):
    units, results = kept
    assert embeddings(units, DECLARED, tuple(NOISE), KeptFiles(None)) is None
    assert embeddings(units.assign(latents=""), DECLARED, tuple(NOISE), KeptFiles(results)) is None
    assert latents_drawn({}) is None


def test_a_degenerate_unit_gives_way_to_the_next_seed(kept):
    units, results = kept
    dead = units["model"].eq("vae") & units["seed"].eq(0)
    assert set(drawn(kept).data["seed"]) == {0}
    assert set(drawn((units.assign(degenerate=dead), results)).data["seed"]) == {1}
    assert embeddings(units.assign(degenerate=True), DECLARED, tuple(NOISE), KeptFiles(results)) is None


def test_a_draw_without_noise_stays_where_its_mean_is_and_a_loud_one_leaves(kept):
    def apart(dataset: str) -> float:
        data = drawn(kept, (dataset,)).data.set_index(["latent", "row"])[["x", "y"]]
        squares = (data.loc["one sample"] - data.loc["mean"]) ** 2
        return float(np.sqrt(squares.to_numpy().sum(1)).mean() / data.loc["mean"].std().mean())

    assert apart("digits") == 0.0
    assert 0 < apart("wine") < 0.5 < apart("photo")


def test_the_share_of_rows_near_their_class_falls_with_the_noise(kept):
    shares = drawn(kept).data.pivot_table("nearest_alike", "dataset", "latent")
    assert (shares["mean"] == 1).all()  # the classes are far apart
    assert shares.loc["digits", "one sample"] == 1
    assert shares.loc["photo", "one sample"] < 0.6 < shares.loc["cora", "one sample"] < 1


def test_the_nearest_mean_is_that_of_another_row():
    from benchmark.report.figures.embeddings import _alike

    rng = generator(0, "alike")
    means, classes = rng.standard_normal((40, 2)), rng.integers(3, size=40)
    classes[:5] = -1
    found = _alike(means, means, classes)
    known = classes >= 0
    assert np.isnan(found[~known]).all()
    for row in np.flatnonzero(known):
        others = np.flatnonzero(known & (np.arange(40) != row))
        nearest = KNeighborsClassifier(1).fit(means[others], classes[others]).predict(means[[row]])
        assert found[row] == (nearest[0] == classes[row])
    assert np.isnan(_alike(means, means, np.full(40, -1))).all()


def test_places_between_means():
    means, places = np.array([[0.0], [1.0], [3.0]]), np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]])
    assert between(means, means, places).tolist() == places.tolist()
    # 0.5 is as far from the first as from the second mean, and five times as far from the third
    expected = (25 * places[0] + 25 * places[1] + places[2]) / 51
    np.testing.assert_allclose(between(np.array([[0.5]]), means, places), [expected])
    twice = between(np.array([[0.0]]), np.zeros((2, 1)), np.array([[0.0, 0.0], [2.0, 4.0]]))
    assert twice.tolist() == [[1.0, 2.0]]  # equal means share the draw


def test_the_panels_show_where_a_draw_costs_least_in_the_middle_and_most(kept):
    chart = drawn(kept)
    (group,) = chart.groups
    assert len(group.panels) == DATASETS < len(NOISE)
    assert group.panels[0].title in ("digits", "wine")
    assert group.panels[-1].title == "photo"
    assert set(chart.data["dataset"]) == set(NOISE)  # the numbers of all
    assert group.panels[-1].subject.named is not None
    assert dict(group.panels[-1].subject.named()) == {"dataset": ("photo",), "model": ("vae", "ae"), "family": ("ae",)}


def test_many_rows_are_one_path_of_each_class(kept):
    units, results = kept
    for unit in units.query("dataset == 'digits'").itertuples():
        parts = {"mean": means_of(5000), "std": np.ones((5000, D))}
        write_atomically(results / unit.latents, packed(parts))
        write_atomically(results / labels_path(unit.fingerprint), packed({"labels": classes_of(5000)}))
    chart = drawn((units, results), ("digits",))
    assert len(chart.data) == 3 * MOST_ROWS
    inline = str(chart.groups[0].panels[0].inline)
    assert inline.count("<path") + inline.count("<use") < 30
    shared = chart.groups[0].panels[0].shared
    strokes = [
        path
        for path, name in re.findall(r'd="([^"]+)" class="(\w+)"', inline)
        if "stroke:var(--series-" in shared[name]
    ]
    assert sum(path.count("M") for path in strokes) == 3 * MOST_ROWS + 3  # three classes in the legend


def test_rows_without_a_label_are_grey_and_count_in_no_share(kept):
    units, results = kept
    before = drawn(kept, ("cora",))
    labels = np.where(classes_of(ROWS) == 2, -1, classes_of(ROWS))
    write_atomically(
        results / labels_path(units.query("dataset == 'cora'")["fingerprint"].iloc[0]), packed({"labels": labels})
    )
    after = drawn(kept, ("cora",))
    assert set(after.data["class"]) == {-1, 0, 1}
    assert after.data.loc[after.data["class"].eq(-1), "nearest_alike"].isna().all()
    assert "coloured by class, 3 in number" in words(before)
    assert "coloured by class, 2 in number" in words(after)
    pale = re.compile(rf"stroke: {FAINT}; stroke-opacity: 0.3|opacity: 0.3; stroke: {FAINT}")
    assert [bool(pale.search(chart.groups[0].panels[0].svg.decode())) for chart in (before, after)] == [False, True]


def test_data_without_labels_have_one_colour_and_no_share(kept):
    _, results = kept
    for path in (results / "labels").iterdir():
        path.unlink()
    chart = drawn(kept, ("cora",))
    assert set(chart.data["class"]) == {0}
    assert chart.data["nearest_alike"].isna().all()
    assert draw_sentences(chart.data) == ()


def test_a_square_holds_its_frame():
    places = np.array([[2.0, 4.0], [6.0, 5.0]])
    inside = _in_square(places, places)
    assert inside.min() > 0
    assert inside.max() < 1
    assert np.ptp(inside[:, 0]) / np.ptp(inside[:, 1]) == pytest.approx(4)
    assert (_in_square(np.zeros((3, 2)), np.zeros((3, 2))) == 0.5).all()  # a constant latent


def test_images_are_drawn_in_rows_and_a_damaged_file_is_noted(kept):
    units, results = kept
    chart = there(images(units, ARMS, ["digits"], KeptFiles(results)))
    assert [panel.title for panel in chart.groups[0].panels] == ["ae", "vae"]
    assert "5 rows of 10 images" in words(chart)
    assert "4 rows of 10 images: data, point, decoded" in words(chart)  # a point is its own sample
    damaged = units.query("dataset == 'digits'")["generated"].iloc[0]
    (results / damaged).write_bytes(b"PK")
    files = KeptFiles(results)
    left = there(images(units.query("seed == 0"), ARMS, ["digits"], files))
    assert files.damaged == (damaged,)
    assert [panel.title for panel in left.groups[0].panels] == ["vae"]


def test_traversals_are_named_by_their_place_and_ratio(kept):
    units, results = kept
    chart = there(traversals(units, ARMS, ["digits"], KeptFiles(results)))
    (panel,) = chart.groups[0].panels  # a point has no noise
    assert panel.title == "vae"
    assert re.findall(r">(\d of 4|SNR [\d.]+)<", panel.inline) == [
        *("1 of 4", "SNR 4.00", "2 of 4", "SNR 2.00", "3 of 4", "SNR 1.00", "4 of 4", "SNR 0.00"),
    ]
    data = chart.data.set_index("dimension")
    assert data["rank"].to_dict() == {0: 3, 1: 1, 2: 4, 3: 2}
    assert data["signal_to_noise"].to_dict() == {0: 1.0, 1: 4.0, 2: 0.0, 3: 2.0}
    assert data["change"].to_dict() == pytest.approx({0: 0.2, 1: 1.0, 2: 0.0, 3: 0.5}, abs=1 / 255)
    (sentence,) = traversal_sentences(chart.data)
    assert "is 1.00 along the dimension with the highest signal-to-noise ratio and 0.00 along" in sentence


def test_kept_files_of_earlier_versions_have_no_traversals(kept):
    units, results = kept
    points = units[units["model"].eq("ae")]
    assert traversals(points, ARMS, ["digits"], KeptFiles(results)) is None
    assert images(points, ARMS, ["digits"], KeptFiles(results)) is not None


def test_the_figures_are_the_same_once_the_latents_are_gone(kept, monkeypatch):
    units, results = kept

    def made() -> tuple[KeptFiles, list[Chart]]:
        files, datasets = KeptFiles(results, ["mine"]), list(NOISE)
        charts = (
            embeddings(units, DECLARED, datasets, files),
            traversals(units, ARMS, datasets, files),
            images(units, ARMS, datasets, files),
        )
        return files, [there(chart) for chart in charts]

    files, before = made()
    files.write_excerpts("mine", {*units["latents"], *units["generated"]})
    for folder in ("latents", "labels"):
        shutil.rmtree(results / folder)
    module = sys.modules[embeddings.__module__]  # the package names the function alone
    monkeypatch.setattr(module, "embedded", mock.Mock(side_effect=AssertionError))
    _, after = made()
    for one, other in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(one.data, other.data, check_exact=True)
        assert words(one) == words(other)


def test_pictures_are_grey_levels_with_transparent_gaps():
    shown = np.array([[[0.0, 0.25], [0.5, 1.0]], [[2.0, -1.0], [0.0, 0.0]]])
    panel = picture_panel("chart", "title", "words", [Line("one", shown), Line("two", shown, apart=True)], ABOUT_ALL)
    for text in (str(panel.inline), panel.svg.decode()):
        (content,) = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
        picture = Image.open(io.BytesIO(b64decode(content)))
        assert picture.mode == "P"
        pixels = np.asarray(picture.convert("RGBA"))
        assert pixels.shape == (3 + 1 + 3, 6, 4)
        np.testing.assert_allclose(pixels[:2, :2, 0], 255 * shown[0], atol=255 / (LEVELS - 1) / 2 + 1)
        assert pixels[0, 3:5, 0].tolist() == [255, 0]  # values beyond the range
        opaque = np.pad(np.ones((2, 2), bool), ((0, 1), (0, 1)))
        whole = np.tile(opaque, (1, 2))
        assert np.array_equal(pixels[..., 3] > 0, np.concatenate([whole, np.zeros((1, 6), bool), whole]))


def test_the_section_says_what_a_draw_does(kept):
    units, results = kept
    files = KeptFiles(results)
    made = (drawn(kept), traversals(units, ARMS, ["digits"], files), images(units, ARMS, ["digits"], files))
    charts = {there(chart).name: there(chart) for chart in made}
    section = latents_drawn(charts)
    assert section is not None
    assert [each.name for each in within([section]) if isinstance(each, Chart)] == ["latents", "traversals", "images"]
    shares = charts["latents"].data.pivot_table("nearest_alike", "dataset", "latent")
    first, second = draw_sentences(charts["latents"].data)
    assert "Over 4 latents, the median share of rows that are nearest to their class is 100 % for the mean" in first
    assert f"{100 * shares['one sample'].median():.0f} % for one sample" in first
    assert f"one end stands vae on photo, from 100 % to {100 * shares.loc['photo', 'one sample']:.0f} %" in second
    assert second.endswith("at the other, vae on digits, from 100 % to 100 %.")
    (alone,) = draw_sentences(charts["latents"].data.query("dataset == 'photo'"))
    assert "changes by a draw: vae on photo, from 100 % to" in alone
