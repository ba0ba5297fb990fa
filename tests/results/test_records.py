"""Records: identity, files, joining and damage."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.errors import InputError
from benchmark.results.kept_clusters import as_text, from_text
from benchmark.results.record import NUMERICS, Identity, Provenance, Record, Slot, check_metrics
from benchmark.results.store import Store
from benchmark.tasks import METRICS, TASKS

IDENTITY = Identity("f" * 64, "own", "gae", 1, {"hidden": 32, "beta": None}, 0, "all-edges", "cpu")
PROVENANCE = Provenance(1.5, 0.5, 1000, "a processor", 1, {"torch": "2.13"}, "abc", "latents run x")
SCORES = {"acc": 0.5, "nmi": 1 / 3, "ami": 0.25, "ari": 0.125, "macro-f1": 0.5}
TASK = {task.name: task for task in TASKS}
K_MEANS, LINKS = TASK["k-means"], TASK["link-inner-product"]
MEAN, DRAW = Slot("mean", 0, "k-means", K_MEANS.version), Slot("sampled", 1, "k-means", K_MEANS.version)
LINK = Slot("mean", 0, LINKS.name, LINKS.version)


def record(scores=None, **changes):
    made = Record(
        IDENTITY,
        "cora",
        "complete",
        "",
        PROVENANCE,
        {MEAN: SCORES} if scores is None else scores,
        {"epoch": [1], "reconstruction": [None]},
    )
    return replace(made, **changes)


def test_a_record_is_read_back_equal(tmp_path):
    store = Store(tmp_path)
    assert store.get(IDENTITY.key) is None
    store.put(record(), same_latent=False)
    assert store.get(IDENTITY.key) == record()
    json.loads(store.path(IDENTITY.key).read_text(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_the_way_of_execution_is_left_out_of_a_record_if_it_is_empty():
    assert "execution" not in json.loads(record().to_json())["provenance"]
    captured = record(provenance=replace(PROVENANCE, execution="captured"))
    assert json.loads(captured.to_json())["provenance"]["execution"] == "captured"
    assert Record.from_json(captured.to_json()) == captured
    assert Record.from_json(record().to_json()).provenance.execution == ""


def test_the_day_is_left_out_if_it_is_not_known_and_the_newest_counts():
    assert "day" not in json.loads(record().to_json())["provenance"]
    first, later = (record(provenance=replace(PROVENANCE, day=day)) for day in ("2026-01-31", "2026-02-01"))
    assert Record.from_json(first.to_json()) == first
    assert first.extended(later).provenance.day == later.extended(first).provenance.day == "2026-02-01"
    assert record().extended(later).provenance.day == "2026-02-01"


def test_the_note_of_a_score_is_kept_with_it_and_joined():
    entries = json.loads(record({MEAN: SCORES, DRAW: SCORES}, notes={DRAW: "all rows are equal"}).to_json())["scores"]
    assert [entry.get("note") for entry in entries] == [None, "all rows are equal"]
    first, later = record(notes={MEAN: "one"}), record({DRAW: SCORES}, notes={DRAW: "two"})
    assert Record.from_json(first.to_json()) == first
    assert first.extended(later).notes == {MEAN: "one", DRAW: "two"}


def test_clusters_stand_beside_the_scores_of_their_slot_and_other_records_have_none():
    assert "clusters" not in record().to_json().decode()
    clustered = record({MEAN: SCORES, DRAW: SCORES}, clusters={MEAN: as_text(np.array([0, 1, 1]))})
    entries = json.loads(clustered.to_json())["scores"]
    assert [entry["readout"] for entry in entries if "clusters" in entry] == ["mean"]
    assert Record.from_json(clustered.to_json()) == clustered
    assert from_text(clustered.clusters[MEAN]).tolist() == [0, 1, 1]


def test_scores_that_are_added_bring_their_clusters():
    first = record({MEAN: SCORES}, clusters={MEAN: as_text(np.array([0, 1, 1]))})
    later = record({DRAW: SCORES}, clusters={DRAW: as_text(np.array([1, 1, 0]))})
    assert first.extended(later).clusters == {**first.clusters, **later.clusters}
    assert first.replaced(later).clusters == later.clusters


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=50))
def test_clusters_are_read_back_equal(numbers):
    assert from_text(as_text(np.array(numbers))).tolist() == numbers


@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", as_text(np.arange(9))[:-8]])
def test_damaged_clusters_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        from_text(text)


def test_a_cluster_number_is_not_negative():
    with pytest.raises(ValueError, match="the cluster number -1 is below 0"):
        as_text(np.array([0, -1]))


def test_the_record_of_the_first_schema_still_loads():
    path = Path(__file__).parents[1] / "data" / "record-schema-1.json"
    loaded = Record.from_json(path.read_bytes())
    assert (loaded.key, loaded.identity.schema) == ("bcbcee13b81f1bdd502ec493591c1ed9", 1)
    assert loaded.scores[replace(MEAN, version=1)] == {"acc": 0.5, "nmi": 0.25, "ari": 0.125, "macro-f1": 0.5}
    assert MEAN not in loaded.scores


def test_a_record_may_lack_a_metric_that_has_a_reason():
    bare = {"auc": 0.5, "ap": 0.5}
    assert Record.from_json(record({LINK: bare}).to_json()).scores == {LINK: bare}
    assert set(LINKS.metrics) - set(LINKS.required) == {"hits@20"}
    assert {metric.name: metric.absent for metric in METRICS if metric.absent} == {
        "hits@20": "fewer than 20 test non-edges",
        "modularity": "no edge joins two labelled rows",
    }


def test_a_primary_metric_is_always_required():
    hits = replace(LINKS, primary="hits@20")
    assert hits.required == hits.metrics
    with pytest.raises(ValueError, match="has the metrics ap, auc, expected ap, auc, hits@20"):
        check_metrics(LINK, {"auc": 0.5, "ap": 0.5}, hits)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"unit": "training-edges"},
        {"device": "cuda"},
        {"settings": {"hidden": 16}},
        {"model_version": 2},
        {"graph": "none"},
        {"numerics": 1},
    ],
)
def test_every_part_of_the_identity_is_in_the_key(change):
    assert replace(IDENTITY, **change).key != IDENTITY.key


def test_a_numerics_version_of_zero_is_left_out():
    """Records of CPUs, and earlier records of GPUs, keep their keys and bytes."""
    assert IDENTITY.key == "bcbcee13b81f1bdd502ec493591c1ed9"
    assert b"numerics" not in record().to_json()
    assert NUMERICS["cpu"] == 0 < NUMERICS["cuda"]
    made = record(identity=replace(IDENTITY, device="cuda", numerics=NUMERICS["cuda"]))
    assert Record.from_json(made.to_json()) == made
    earlier = record(identity=replace(IDENTITY, device="cuda"))
    assert Record.from_json(earlier.to_json()) == earlier
    assert earlier.key != made.key


def test_settings_in_another_order_are_the_same_key():
    assert replace(IDENTITY, settings={"beta": None, "hidden": 32}).key == IDENTITY.key


NEWER = replace(PROVENANCE, seconds=99.0, versions={"torch": "3.0"})
OTHER = dict.fromkeys(SCORES, 0.4)


def test_scores_of_the_same_latent_are_added_and_provenance_stays(tmp_path):
    store = Store(tmp_path)
    store.put(record(message="a failure of before", latents="latents/x.npz"), same_latent=False)
    later = record({DRAW: OTHER}, provenance=NEWER, curve={})
    extended = store.put(later, same_latent=True)
    assert extended.scores == {MEAN: SCORES, DRAW: OTHER}
    assert (extended.provenance.seconds, extended.provenance.scoring_seconds) == (1.5, 1.0)
    assert (extended.curve, extended.message, extended.latents) == (record().curve, "", "latents/x.npz")
    assert store.get(IDENTITY.key) == extended


@pytest.mark.parametrize("same_latent", [True, False])
def test_the_same_key_with_other_scores_is_refused(tmp_path, same_latent):
    store = Store(tmp_path)
    store.put(record(), same_latent=False)
    with pytest.raises(InputError, match="The same key must give the same scores"):
        store.put(record({MEAN: OTHER}), same_latent=same_latent)
    assert store.get(IDENTITY.key) == record()


def test_a_training_of_other_versions_or_of_a_gpu_replaces_the_record_whole(tmp_path):
    store = Store(tmp_path)
    store.put(record({MEAN: SCORES, DRAW: SCORES}), same_latent=False)
    assert store.put(record({MEAN: OTHER}, provenance=NEWER), same_latent=False).scores == {MEAN: OTHER}
    identity = replace(IDENTITY, device="cuda")
    store.put(record({MEAN: SCORES, DRAW: SCORES}, identity=identity), same_latent=False)
    assert store.put(record({MEAN: OTHER}, identity=identity), same_latent=False).scores == {MEAN: OTHER}


@pytest.mark.parametrize("provenance", [PROVENANCE, NEWER], ids=["same versions", "other versions"])
def test_a_failure_is_replaced_and_replaces_no_scores(tmp_path, provenance):
    store = Store(tmp_path)
    store.put(record({}, status="failed", message="OSError: gone"), same_latent=False)
    assert store.put(record(), same_latent=False) == record()
    failure = record({}, status="failed", message="later", provenance=provenance)
    assert store.put(failure, same_latent=False) == record(message="later")


def edited(change):
    content = json.loads(record().to_json())
    change(content)
    return json.dumps(content).encode()


DAMAGES = {
    "no metrics": lambda c: c["scores"][0].update(metrics={}),
    "null metrics": lambda c: c["scores"][0].update(metrics=None),
    "a word": lambda c: c["scores"][0]["metrics"].update(acc="high"),
    "out of range": lambda c: c["scores"][0]["metrics"].update(acc=17.5),
    "negative accuracy": lambda c: c["scores"][0]["metrics"].update(acc=-0.5),
    "not a number": lambda c: c["scores"][0]["metrics"].update(acc=float("nan")),
    "unknown status": lambda c: c.update(status="weird"),
    "a file elsewhere": lambda c: c.update(latents="../secret.npz"),
    "seconds": lambda c: c["provenance"].update(seconds="x"),
    "no identity": lambda c: c.pop("identity"),
}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"scores": []}', b"\xff\xfe", *(edited(change) for change in DAMAGES.values())],
    ids=["empty", "cut off", "a list", "no scores", "no text", *DAMAGES],
)
def test_a_damaged_record_is_named_in_one_line(tmp_path, content):
    store = Store(tmp_path)
    store.put(record(), same_latent=False)
    store.path(IDENTITY.key).write_bytes(content)
    with pytest.raises(InputError, match=rf"{IDENTITY.key}\.json: not a readable record .* Delete the file"):
        store.get(IDENTITY.key)


def test_a_record_under_a_wrong_name_is_refused(tmp_path):
    store = Store(tmp_path)
    other = replace(IDENTITY, seed=7)
    path = store.path(other.key)
    path.parent.mkdir(parents=True)
    path.write_bytes(record().to_json())
    with pytest.raises(InputError, match="holds the record of another unit"):
        store.get(other.key)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": {MEAN: SCORES | {"acc": 1.5}}}, "k-means on mean: acc is 1.5, expected a number from 0 to 1"),
        ({"scores": {MEAN: SCORES | {"ari": -0.75}}}, "ari is -0.75, expected a number from -0.5 to 1"),
        ({"scores": {MEAN: SCORES | {"acc": float("nan")}}}, "acc is nan"),
        ({"scores": {MEAN: {"acc": 0.5}}}, "has the metrics acc, expected acc, ami, ari, macro-f1, nmi"),
        ({"scores": {LINK: {"auc": 0.5, "hits@20": 0.5}}}, "has the metrics auc, hits@20, expected ap, auc, hits@20"),
        ({"scores": {replace(MEAN, task="of a plugin"): {"auc": -0.5}}}, "auc is -0.5, expected a number from 0 to 1"),
        ({"status": "weird"}, "status 'weird' is unknown, expected one of complete, diverged, failed"),
        ({"generated": "../secret.npz"}, "generated '../secret.npz' is not a file of the folder 'latents'"),
    ],
)
def test_what_is_refused_on_reading_is_refused_on_writing(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        record(**changes)


def test_every_metric_takes_the_bounds_of_its_range_with_rounding():
    for metric in METRICS:
        for value in (metric.low, metric.high, metric.high + 2e-16):
            written = record({replace(MEAN, task="of a plugin"): {metric.name: value}})
            assert Record.from_json(written.to_json()) == written
