"""Shards: every unit belongs to exactly one shard, whenever the shards are started."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import command, content, make_plan, write_study

from benchmark.commands.run_study import _check_writable
from benchmark.core import files
from benchmark.core.errors import InputError
from benchmark.core.names import find
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.shards import Shard
from benchmark.tasks import TASKS

CELLS = {"models": ["raw", "ae", "vae", "gae", "vgae", "random"], "datasets": ["karate", "wine"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run without shards, with the study's file."""
    folder = tmp_path_factory.mktemp("whole")
    code, output, error = command("run", write_study(folder), "--device", "cpu", folder=folder)
    assert code == 0, error
    assert "24 units, 0 recorded; 15 batches to run on cpu" in output
    return folder


def shares(plan, count, replicas=None):
    batches = run.partition(plan, replicas)
    return [Shard(number, count).share(batches) for number in range(1, count + 1)], batches


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 40])
def test_every_training_belongs_to_one_shard(tmp_path, device, count):
    plan = make_plan(tmp_path, device, **CELLS, seeds=10)
    dealt, batches = shares(plan, count)
    assert Counter(key for share in dealt for key in share) == Counter(training.key for training in plan.trainings)
    sizes = [sum(batch.trainings[0].key in share for batch in batches) for share in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_seeds_of_a_cell_are_spread_on_a_cpu_and_stay_together_if_they_train_together(tmp_path):
    plan = make_plan(tmp_path, **CELLS, seeds=10)
    cells = {
        training.key: (training.units[0].dataset, str(training.arm), training.units) for training in plan.trainings
    }
    cells = {key: (name, arm, units[0].unit) for key, (name, arm, units) in cells.items()}
    for share in shares(plan, 5)[0]:
        assert set(Counter(cells[key] for key in share).values()) == {2}
    for plan_of, replicas, together in ((plan, 5, 5), (make_plan(tmp_path, "cuda", **CELLS, seeds=10), None, 10)):
        for share in shares(plan_of, 3, replicas)[0]:
            seeds = Counter(
                (t.units[0].dataset, str(t.arm), t.units[0].unit) for t in plan_of.trainings if t.key in share
            )
            assert all(number % together == 0 for number in seeds.values())


def test_no_shard_gets_the_same_models_on_every_dataset(tmp_path):
    """Dealt in the plan's order to as many shards as arms, each shard would get one arm."""
    plan = make_plan(
        tmp_path, "cuda", **{**CELLS, "datasets": ["karate", "wine", "digits", "breast-cancer", "csbm-easy"]}
    )
    arms = len(run.partition(plan)) // 5
    for share in shares(plan, arms)[0]:
        assert len({str(training.arm) for training in plan.trainings if training.key in share}) > 1


def test_the_share_does_not_depend_on_what_is_recorded(whole, tmp_path):
    plan, seeds = make_plan(tmp_path, seeds=6, tasks=["k-means"]), range(1, 4)
    before = [{u for job in jobs(plan, Store(tmp_path), number) for u in job.wanted} for number in seeds]
    some = Store(tmp_path / "some")
    victim = next(iter(before[1]))
    record = next(Store(whole / "results").read(path) for path in Store(whole / "results").files())
    unit = next(unit for unit in plan.units() if unit.identity.key == victim)
    scores = {cell: dict.fromkeys(find(TASKS, "task", cell.task).metrics, 0.5) for cell in unit.slots}
    some.put(replace(record, identity=unit.identity, scores=scores, status="complete"), same_latent=False)
    after = [{u for job in jobs(plan, some, number) for u in job.wanted} for number in seeds]
    assert after == [before[0], before[1] - {victim}, before[2]]


def jobs(plan, store, number):
    work = run.missing(plan, store, run.read_records(plan.units(), store))
    return Shard(number, 3).jobs(work.jobs, run.partition(plan))


def test_the_missing_rest_of_a_batch_stays_a_batch(tmp_path):
    """The rests of two batches must not become one batch: its shard would depend on the records."""
    plan = make_plan(tmp_path, seeds=4, models=["raw"], tasks=["k-means"])
    parts = {frozenset(t.key for t in batch.trainings) for batch in run.partition(plan, 2)}
    for job in run.missing(plan, Store(tmp_path), {}, 2).jobs:
        assert any({training.key for training in job.batch.trainings} <= part for part in parts)


def test_shards_of_a_shared_folder_give_the_frames_of_one_run_and_the_last_writes_them(whole, tmp_path):
    study = str(whole / "tiny.toml")
    options = ("--device", "cpu", "--results", tmp_path)
    frames = tmp_path / "tiny.parquet"
    for number in (3, 1):
        code, output, error = command("run", study, "--shard", f"{number}/3", *options, folder=tmp_path)
        assert (code, error) == (0, "")
        assert f"5 of {15 if number == 3 else 10} batches (shard {number}/3) to run on cpu" in output
        assert "The last shard writes the frames" in output
        assert not frames.exists()
    declared = (tmp_path / "tiny.declared.json").read_bytes()
    code, output, _ = command("run", study, "--shard", "2/3", *options, folder=tmp_path)
    assert code == 0
    *_, written, following = output.splitlines()
    assert written.endswith(f": {frames}")
    assert following == f"to write the report: latents report {study} --results={tmp_path}"
    assert frames.read_bytes() == (whole / "results" / "tiny.parquet").read_bytes()
    assert (tmp_path / "tiny.declared.json").read_bytes() == declared
    assert declared == (whole / "results" / "tiny.declared.json").read_bytes()
    before = content(tmp_path)
    code, output, _ = command("run", study, "--shard", "2/3", *options, folder=tmp_path)
    assert "24 recorded; 0 of 0 batches (shard" in output
    assert content(tmp_path) == before


def test_a_shard_without_work_succeeds(whole, tmp_path):
    code, output, error = command(
        "run",
        whole / "tiny.toml",
        "--seeds",
        "1",
        "--models",
        "raw",
        "--shard",
        "9/9",
        "--device",
        "cpu",
        folder=tmp_path,
    )
    assert (code, error) == (0, "")
    assert "0 of 1 batches (shard 9/9)" in output
    assert "0 of 2 units are recorded" in output


BROKEN = """
from dataclasses import replace

from benchmark.tasks import TASKS


def score(z, case):
    raise OSError("no luck")


BROKEN = replace(TASKS[0], name="broken", score=score)
"""


def test_a_failed_unit_sets_the_exit_code_of_its_shard_and_keeps_the_frames_back(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    write_study(tmp_path, variants="[]", seeds="1", tasks='["broken"]', plugins='["broken.py"]')
    shards = [("--shard", f"{number}/3") for number in (1, 2, 3)]
    codes = [command("run", "tiny.toml", "--device", "cpu", *shard, folder=tmp_path)[0] for shard in shards]
    assert sorted(codes) == [0, 3, 3]
    assert not (tmp_path / "results" / "tiny.parquet").exists()


def test_two_shards_started_at_once_in_one_folder_give_the_frames_of_one_run(warm, whole, tmp_path):
    program = f"""
import sys, tiny
tiny.named.Local = tiny.InThisProcess
sys.argv = ["benchmark", "run", {str(whole / "tiny.toml")!r}, "--device", "cpu", "--results", {str(tmp_path)!r}]
sys.argv += ["--shard", "NUMBER/2"]
tiny.main()
"""
    both = [warm.start(program.replace("NUMBER", number), whole) for number in "12"]
    assert [child.wait() for child in both] == [0, 0], [child.output for child in both]
    assert (tmp_path / "tiny.parquet").read_bytes() == (whole / "results" / "tiny.parquet").read_bytes()
    assert (tmp_path / "tiny.declared.json").read_bytes() == (whole / "results" / "tiny.declared.json").read_bytes()
    assert not list(tmp_path.rglob(".*"))


def test_the_check_for_writing_survives_another_shard_that_does_the_same(tmp_path, monkeypatch):
    written = files.write_atomically

    def taken(path: Path, probe: bytes) -> None:
        written(path, probe)
        path.unlink()

    monkeypatch.setattr(files, "write_atomically", taken)
    _check_writable(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0/4", r"shards are numbered from 1 to 4\. .* --shard \$\(\(SLURM_ARRAY_TASK_ID \+ 1\)\)/4"),
        ("5/4", "shards are numbered from 1 to 4$"),
        ("1/0", "the number of shards must be at least 1, as in 1/1"),
        ("2", "expected two whole numbers, such as 2/4"),
        ("-1/4", "expected two whole numbers, such as 2/4"),
        ("/4", "expected two whole numbers, such as 2/4"),
        ("a/b", "expected two whole numbers, such as 2/4"),
        ("²/4", "expected two whole numbers, such as 2/4"),
        ("1/4/2", "expected two whole numbers, such as 2/4"),
        ("", "expected two whole numbers, such as 2/4"),
    ],
)
def test_a_text_that_is_not_a_shard_is_refused(text, part):
    with pytest.raises(InputError, match=part):
        Shard.parse(text)


def test_a_shard_is_printed_as_it_is_given():
    assert str(Shard.parse(" 02/4 ")) == "2/4"
