"""Verify: a record counts as reproduced only if its scores come out again."""

import math
import re
from dataclasses import replace

import pandas as pd
import pytest
from tiny import SMALLER, command, content, make_plan, records, write_study

from benchmark.results.record import Slot
from benchmark.results.store import Store
from benchmark.running.engines import Local
from benchmark.running.verify import Difference, draw, largest_difference, verify


def verified(folder, *words, study="tiny.toml"):
    return command("verify", study, "--device", "cpu", *words, folder=folder)


def change(folder, which=0, add=0.0, **provenance):
    """Change a record: add ``add`` to its first score, and replace parts of its provenance."""
    record = records(folder / "results")[which]
    slot = min(record.scores)
    metrics = {name: value + add * (name == "nmi") for name, value in record.scores[slot].items()}
    changed = replace(
        record, scores={**record.scores, slot: metrics}, provenance=replace(record.provenance, **provenance)
    )
    Store(folder / "results").path(record.key).write_bytes(changed.to_json())
    return changed


def row(output, record):
    """Return the line of the table for a record."""
    (line,) = [line for line in output.splitlines() if line.startswith(record.key[:8])]
    return line


def test_records_are_reproduced_to_the_bit_and_nothing_is_written(folder):
    before = content(folder)
    code, output, error = verified(folder, "--sample", "100")
    assert (code, error) == (0, "")
    assert "tiny: 8 of 8 records (seed 0), again on cpu" in output
    assert output.count("reproduced to the bit") == 8
    assert "8 of 8 records are reproduced (equal to the bit if " in output
    assert ", else within 0.05)" in output
    assert content(folder) == before


def test_a_record_that_is_not_reproduced_is_named_with_the_score(folder):
    record = change(folder, add=-1e-9)
    code, output, _ = verified(folder, "--sample", "8")
    assert code == 1
    assert re.search(r"differs by 1e-09 \(k-means nmi on [\w-]+, draw 0\)", row(output, record))
    assert "7 of 8 records are reproduced" in output


@pytest.mark.parametrize(
    ("provenance", "part"),
    [
        ({"device_name": "another"}, "processor another →"),
        ({"versions": {"torch": "1.0"}}, "torch 1.0 →"),
        ({"replicas": 3}, "replicas 3 → 1"),
    ],
    ids=["processor", "versions", "replicas"],
)
def test_a_record_from_other_conditions_may_differ_by_the_tolerance(folder, provenance, part):
    record = change(folder, add=-0.01, **provenance)
    code, output, _ = verified(folder, "--sample", "8")
    assert (code, "equal within 0.01 (k-means nmi" in output) == (0, True)
    said = " ".join(output.split())
    assert part in said
    assert record.key[:8] in said
    code, output, _ = verified(folder, "--sample", "8", "--tolerance", "0.001")
    assert (code, "differs by 0.01" in output) == (1, True)


def test_a_failed_record_and_one_of_another_status_are_not_reproduced(folder):
    store, (first, second) = Store(folder / "results"), records(folder / "results")[:2]
    store.path(first.key).write_bytes(replace(first, status="failed", message="OSError: gone", scores={}).to_json())
    store.path(second.key).write_bytes(replace(second, status="diverged").to_json())
    code, output, _ = verified(folder, "--sample", "8")
    assert code == 1
    assert "failed when it was made: OSError: gone" in row(output, first)
    assert "diverged then, complete now" in row(output, second)


def test_a_record_outside_the_study_is_not_reproduced(folder):
    write_study(folder, **SMALLER | {"variants": '[{ models = ["vgae"], settings = { epochs = 3 } }]'})
    code, output, _ = verified(folder, "--sample", "8")
    assert code == 1
    assert output.count("not in the study any more") == 4
    assert "4 of 8 records are reproduced" in output


def test_records_of_another_device_are_counted_and_not_drawn(folder):
    elsewhere = records(folder / "results")[0]
    elsewhere = replace(elsewhere, identity=replace(elsewhere.identity, device="cuda"))
    Store(folder / "results").put(elsewhere, same_latent=False)
    path = folder / "results/tiny.units.parquet"
    units = pd.read_parquet(path)
    pd.concat([units, units[:1].assign(key=elsewhere.key)]).to_parquet(path, index=False)
    code, output, error = verified(folder, "--sample", "1")
    assert (code, error) == (0, "left out: 1 records from other devices than cpu; choose with --device\n")
    assert "1 of 8 records" in output


def test_a_record_whose_dataset_is_absent_is_not_reproduced(folder):
    plan = make_plan(folder, models=["random"])
    checks = verify(plan, records(folder / "results"), ["karate"], 0.05, Local(1))
    assert {check.verdict for check in checks} == {"its dataset cannot be loaded here"}
    assert not any(check.reproduced for check in checks)


def test_the_seed_draws_the_sample():
    keys = [f"{number:03}" for number in range(100)]
    drawn = draw(keys, 5, seed=0)
    assert drawn == draw(keys[::-1], 5, seed=0)
    assert len(set(drawn)) == 5
    assert drawn != draw(keys, 5, seed=1)
    assert draw(keys, 1000, seed=0) == keys


def test_the_largest_difference_is_found():
    one, other = Slot("mean", 0, "k-means", 1), Slot("sampled", 1, "k-means", 1)
    then = {one: {"acc": 0.5, "nmi": 0.5}, other: {"acc": 0.5, "nmi": 0.5}}
    now = {one: {"acc": 0.5, "nmi": 0.625}, other: {"acc": 0.25, "nmi": 0.5}}
    assert largest_difference(then, now) == Difference(0.25, other, "acc")
    assert largest_difference(then, {one: then[one]}) is None
    for more, less in (({one: {"acc": 0.5}}, {one: {}}), ({one: {}}, {one: {"acc": 0.5}})):
        assert largest_difference(more, less) == Difference(math.inf, one, "acc")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--sample", "0"], "--sample 0: must be at least 1"),
        (["--seed", "-1"], "--seed -1: must be at least 0"),
        (["--tolerance", "2"], "--tolerance 2: must be from 0 to 1"),
        (["--results", "empty"], "empty holds no record of tiny from cpu; run the study"),
    ],
)
def test_bad_input_is_one_line(folder, words, part):
    code, output, error = verified(folder, *words)
    assert (code, output) == (2, "")
    assert part in error
    assert len(error.splitlines()) == 1
