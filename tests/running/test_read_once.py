"""A command reads each record once."""

from collections import Counter

import pytest
from tiny import command, records

from benchmark.results.store import Store


@pytest.mark.parametrize(
    "words",
    [
        ("run", "tiny.toml", "--device", "cpu"),
        ("run", "tiny.toml", "--device", "cpu", "--shard", "1/2"),
        ("status", "tiny.toml", "--device", "cpu"),
        ("verify", "tiny.toml", "--device", "cpu", "--sample", "8"),
        ("report", "tiny.toml"),
        ("merge", "results", "--results", "all"),
        ("doctor",),
    ],
    ids=lambda words: " ".join(words[:1] + words[4:]),
)
def test_every_record_is_read_once(folder, monkeypatch, words):
    reads, read = Counter(), Store.read

    def counted(store, path):
        record = read(store, path)
        reads[record.key] += 1
        return record

    expected = Counter(record.key for record in records(folder / "results"))
    monkeypatch.setattr(Store, "read", counted)
    code, _, error = command(*words, folder=folder)
    assert code == 0, error
    assert reads == expected
