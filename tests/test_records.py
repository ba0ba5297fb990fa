"""Records: identity, round trip, merging, damage."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.records import Cell, Identity, Provenance, Record, Store

IDENTITY = Identity("f" * 64, "own", "gae", 1, {"hidden": 32, "beta": None}, 0, "all-edges", "cpu")
PROVENANCE = Provenance(1.5, 0.5, 1000, "a processor", 1, {"torch": "2.13"}, "abc", "python -m benchmark run x")
MEAN, DRAW = Cell("mean", 0, "k-means", 1), Cell("sampled", 1, "k-means", 1)


def record(scores=None, **changes):
    made = Record(
        IDENTITY,
        "cora",
        "complete",
        "",
        PROVENANCE,
        scores or {MEAN: {"nmi": 1 / 3}},
        {"epoch": [1], "reconstruction": [None]},
    )
    return replace(made, **changes)


def test_a_record_survives_its_file(tmp_path):
    store = Store(tmp_path)
    assert store.get(IDENTITY.key) is None
    store.put(record())
    assert store.get(IDENTITY.key) == record()
    json.loads(store.path(IDENTITY.key).read_text(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_the_record_of_the_first_schema_still_loads():
    path = Path(__file__).parent / "data" / "record-schema-1.json"
    loaded = Record.from_json(path.read_bytes())
    assert loaded.key == "2f0d6f29e3d5a8de4c11dd4a9ea4d0ba" or loaded.identity.schema == 1
    assert loaded.scores[MEAN] == {"acc": 0.5, "nmi": 0.25, "ari": 0.125, "macro-f1": 0.5}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"unit": "training-edges"},
        {"device": "cuda"},
        {"settings": {"hidden": 16}},
        {"model_version": 2},
        {"graph": "none"},
    ],
)
def test_every_part_of_the_identity_is_in_the_key(change):
    assert replace(IDENTITY, **change).key != IDENTITY.key


def test_settings_in_another_order_are_the_same_key():
    assert replace(IDENTITY, settings={"beta": None, "hidden": 32}).key == IDENTITY.key


def test_scores_are_added_and_provenance_stays(tmp_path):
    store = Store(tmp_path)
    store.put(record())
    later = record(
        {DRAW: {"nmi": 0.5}}, provenance=replace(PROVENANCE, seconds=99.0), curve={}, latents="latents/x.npz"
    )
    merged = store.put(later)
    assert merged.scores == {MEAN: {"nmi": 1 / 3}, DRAW: {"nmi": 0.5}}
    assert merged.provenance.seconds == 1.5
    assert merged.provenance.scoring_seconds == 1.0
    assert merged.curve == record().curve
    assert merged.latents == "latents/x.npz"
    assert store.get(IDENTITY.key) == merged


def test_the_same_key_with_other_scores_is_an_error(tmp_path):
    store = Store(tmp_path)
    store.put(record())
    with pytest.raises(InputError, match="the same key must give the same scores"):
        store.put(record({MEAN: {"nmi": 0.4}}))
    assert store.get(IDENTITY.key) == record()


def test_other_versions_are_not_mixed(tmp_path):
    store = Store(tmp_path)
    store.put(record())
    newer = record({DRAW: {"nmi": 0.4}}, provenance=replace(PROVENANCE, versions={"torch": "3.0"}))
    assert store.put(newer).scores == newer.scores


def test_a_failure_is_replaced_and_does_not_replace(tmp_path):
    store = Store(tmp_path)
    store.put(record({}, status="failed", message="OSError: gone"))
    assert store.put(record()) == record()
    assert store.put(record({}, status="failed", message="later")) == record(message="later")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"scores": []}', b"\xff\xfe"])
def test_a_damaged_record_is_named_in_one_line(tmp_path, content):
    store = Store(tmp_path)
    store.put(record())
    store.path(IDENTITY.key).write_bytes(content)
    with pytest.raises(InputError, match=rf"{IDENTITY.key}\.json: not a readable record .* delete it"):
        store.get(IDENTITY.key)


def test_a_record_under_a_wrong_name_is_refused(tmp_path):
    store = Store(tmp_path)
    other = replace(IDENTITY, seed=7)
    path = store.path(other.key)
    path.parent.mkdir(parents=True)
    path.write_bytes(record().to_json())
    with pytest.raises(InputError, match="holds the record of another unit"):
        store.get(other.key)
