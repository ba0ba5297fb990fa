"""The Ray engine, on clusters of several nodes that are all on this machine."""

import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import processes
import pytest
from processes import alive, started, until
from tiny import Held, command, make_plan, records, write_study

from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.engines import on_ray, opened
from benchmark.running.engines.on_ray import NodeWork, check_packages, packages
from benchmark.running.train import train
from benchmark.running.work import run_job

ray = pytest.importorskip("ray")

RUN = ("run", "tiny.toml", "--device", "cpu")
RAY = (*RUN, "--engine", "ray")


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    from ray.cluster_utils import Cluster

    for module in (sys.modules[__name__], processes):  # workers cannot import these modules
        ray.cloudpickle.register_pickle_by_value(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0, "include_dashboard": False})
        yield made
        made.shutdown()


@pytest.fixture
def cluster(head, monkeypatch):
    """A cluster with one node and one processor. Nodes that a test adds are removed after the test."""
    monkeypatch.setenv("RAY_ADDRESS", head.address)
    yield head
    for node in list(head.worker_nodes):
        head.remove_node(node)


@pytest.mark.usefixtures("cluster")
def test_a_gpu_that_no_node_has_is_refused_at_once(tmp_path):
    write_study(tmp_path)
    words = ("run", "tiny.toml", "--engine", "ray", "--device", "cuda")
    assert command(*words, folder=tmp_path) == (
        2,
        "",
        "error: device 'cuda': no node of the cluster has 1 GPU (Ray with 1 node, 1 CPU). "
        "Use --device auto or cpu, or add such a node\n",
    )
    assert not (tmp_path / "results").exists()


def test_a_lost_node_costs_no_record_and_all_are_equal_to_those_of_the_local_engine(warm, cluster, tmp_path):
    write_study(tmp_path)
    code, _, error = command(*RUN, "--results", "local", folder=tmp_path)
    assert code == 0, error
    node = cluster.add_node(num_cpus=1)
    process = started(warm, *RAY, "--results", "r", folder=tmp_path)
    until(lambda: "[3/" in process.output)
    cluster.remove_node(node, allow_graceful=False)  # by SIGKILL
    assert process.wait(timeout=200) == 0, process.output
    log = process.output
    assert "Ray with 2 nodes, 2 CPUs" in log
    assert "the node was lost, so the batch is tried again" in log
    assert (tmp_path / "r/tiny.parquet").read_bytes() == (tmp_path / "local/tiny.parquet").read_bytes()
    there, expected = ({record.key: record for record in records(tmp_path / name)} for name in ("r", "local"))
    assert len(records(tmp_path / "r")) == len(there) == len(expected)
    for key, record in there.items():
        assert record.status == "complete"
        assert record.scores == expected[key].scores
        assert record.made_by == expected[key].made_by


@pytest.mark.usefixtures("cluster")
def test_workers_find_this_package_in_a_folder_that_holds_another_benchmark(tmp_path):
    """Ray puts the folder of the command before all others on the path of its workers."""
    write_study(tmp_path, models='["raw"]', variants="[]", seeds="1")
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "__init__.py").write_text("raise ImportError('the wrong package')", encoding="utf-8")
    code, _, error = command(*RAY, folder=tmp_path)
    assert code == 0, error
    assert {record.status for record in records(tmp_path / "results")} == {"complete"}


def test_replicas_that_train_on_a_gpu_have_the_scores_of_the_local_work(cluster, tmp_path):
    """One task trains all seeds of a cell, here on a pretended GPU. Another task scores each seed."""

    def on_cpu(job, shared):
        return [None, *train(job, replace(shared[0], device="cpu"))]

    cluster.add_node(num_cpus=0, num_gpus=1)
    tasks = ["k-means", "logistic-regression-few", "link-inner-product"]
    plan = make_plan(tmp_path, device="cuda", models=["vgae"], seeds=2, tasks=tasks, drawings=True)
    jobs = run.missing(plan, Store(tmp_path), {}).jobs
    with opened("ray", None, None) as engine, engine.handing(plan.data) as handed:
        engine = replace(engine, work=replace(engine.work, train=on_cpu))
        context = run.prepare(plan, handed, "")
        on_nodes = list(engine.run(jobs, context, sum(len(job.batch.trainings) for job in jobs)))
    handed = {name: Held(prepared) for name, prepared in plan.data.items()}
    here = [run_job(job, replace(run.prepare(plan, handed, ""), device="cpu")) for job in jobs]
    found, expected = ({record.key: record for s in each for record in s.records} for each in (on_nodes, here))
    assert {record.status for record in found.values()} == {"complete"}
    assert {record.provenance.replicas for record in found.values()} == {2}
    assert {key: record.scores for key, record in found.items()} == {k: r.scores for k, r in expected.items()}
    assert {key: record.diagnostics for key, record in found.items()} == {k: r.diagnostics for k, r in expected.items()}
    files, same = ({path: content for s in each for path, content in s.files.items()} for each in (on_nodes, here))
    assert files == same
    assert len(files) == 8  # two seeds, two units, a latent and the edges that it generates


@pytest.mark.usefixtures("cluster")
def test_sparse_features_give_the_scores_of_the_local_engine(data_root, tmp_path):
    few = """[{ models = ["ae"], settings = { epochs = 2, least_steps = 2 } }]"""
    write_study(tmp_path, datasets='["cora"]', models='["random"]', variants=few, seeds="1", tasks='["k-means"]')
    for engine in ("local", "ray"):
        words = (*RUN, "--engine", engine, "--results", engine, "--data-root", data_root)
        code, _, error = command(*words, folder=tmp_path)
        assert code == 0, error
    assert (tmp_path / "ray/tiny.parquet").read_bytes() == (tmp_path / "local/tiny.parquet").read_bytes()


# Stand-ins for the functions of a node. They spare each worker the seconds that it takes to import torch.


@dataclass(frozen=True)
class Context:
    device: str


@dataclass(frozen=True)
class Numbers:
    """A batch of numbers instead of trainings."""

    trainings: tuple[int, ...]


@dataclass(frozen=True)
class NumbersJob:
    """A job of numbers. Workers unpickle this class without importing ours."""

    batch: Numbers
    of_function = False

    def split(self):
        return [NumbersJob(Numbers((number,))) for number in self.batch.trainings]


def unused(*_):
    raise AssertionError("this function is not for this test")


def worked(jobs, device, gpu_share=None, patience=30.0, **work):
    """Do jobs of numbers with some functions of a node replaced. Return all that the engine yields."""
    stand_ins = NodeWork(**{"whole": unused, "train": unused, "score": unused, "lost": unused} | work)
    with opened("ray", None, gpu_share) as cluster:
        assert cluster.device("auto") == device
        engine = replace(cluster, work=stand_ins, patience=patience)
        return list(engine.run([NumbersJob(Numbers(job)) for job in jobs], Context(device), sum(map(len, jobs))))


@pytest.mark.usefixtures("cluster")
def test_a_batch_is_tried_again_if_its_worker_dies_and_lost_if_it_dies_twice(tmp_path):
    def whole(job, _):
        (training,) = job.batch.trainings
        for death in range(training):
            path = tmp_path / f"{training}-{death}"
            if not path.exists():
                path.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return training

    def lost(job, error, _):
        return f"{job.batch.trainings[0]}: {type(error).__name__}"

    found = worked([(0,), (1,), (2,)], "cpu", whole=whole, lost=lost)
    assert set(found) == {0, 1, "2: WorkerCrashedError"}


@pytest.mark.parametrize(
    ("gpus", "share", "together"), [(2, 0.5, {"0": 2, "1": 2}), (4, 1.0, dict.fromkeys("0123", 1))]
)
def test_trainings_are_packed_onto_gpus(cluster, tmp_path, gpus, share, together):
    """Each training has a process of its own that knows its GPU. As many run at a time as fit. Scoring needs no GPU."""
    cluster.add_node(num_cpus=2, num_gpus=gpus)
    slots = sum(together.values())

    def train(job, _):
        gpu = os.environ["CUDA_VISIBLE_DEVICES"]
        (tmp_path / f"{gpu}-{os.getpid()}").touch()
        until(lambda: len(list(tmp_path.iterdir())) >= slots)
        return [None, *((training, gpu, os.getpid()) for training in job.batch.trainings)]

    def score(outcome, job, _):
        assert job.batch.trainings == outcome[:1]
        return *outcome, ray.get_gpu_ids()

    found = worked([(2 * i, 2 * i + 1) for i in range(slots)], "cuda", share, train=train, score=score)
    assert sorted(training for training, *_ in found) == list(range(2 * slots))
    assert Counter({process: gpu for _, gpu, process, _ in found}.values()) == together
    assert all(gpus == [] for *_, gpus in found)


def test_a_training_is_repeated_if_its_node_is_lost_before_it_is_scored(cluster, tmp_path, monkeypatch):
    """Each replica is then trained by itself."""
    nodes = [cluster.add_node(num_cpus=0, num_gpus=1)]
    begin = on_ray._Tasks.start

    def start(tasks, task):
        if task.outcome is not None and nodes:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            cluster.add_node(num_cpus=0, num_gpus=1)
        return begin(tasks, task)

    def train(job, _):
        numbers = job.batch.trainings
        (tmp_path / "-".join(map(str, numbers))).touch()
        return [None, *(np.full(10**6, number) for number in numbers)]  # large arrays stay on their node

    monkeypatch.setattr(on_ray._Tasks, "start", start)
    assert sorted(worked([(0, 1)], "cuda", train=train, score=lambda outcome, *_: int(outcome[0]))) == [0, 1]
    assert {path.name for path in tmp_path.iterdir()} == {"0-1", "0", "1"}


def test_the_run_ends_in_a_line_if_the_last_gpu_is_lost(cluster, tmp_path):
    node = cluster.add_node(num_cpus=1, num_gpus=1)

    def train(job, _):  # noqa: ARG001, the engine passes the job
        (tmp_path / "begun").touch()
        time.sleep(600)

    def remove():
        until((tmp_path / "begun").exists)
        cluster.remove_node(node, allow_graceful=False)

    removing = threading.Thread(target=remove)
    removing.start()
    with pytest.raises(InputError, match=r"^no node of the cluster can do a task on cuda any more \(Ray with 1"):
        worked([(0,)], "cuda", patience=1.0, train=train)
    removing.join()


# Nodes with other packages.


@pytest.mark.usefixtures("cluster")
def test_other_versions_on_a_node_are_refused_by_name(tmp_path, monkeypatch):
    write_study(tmp_path, models='["raw"]', variants="[]")
    monkeypatch.setattr(on_ray, "packages", lambda: {**environment.versions(), "torch": "1.0"})
    code, _, error = command(*RAY, folder=tmp_path)
    assert code == 2
    assert re.search(r"error: node \S+ of the Ray cluster has torch 2\S+, and this run 1\.0\. Install the same", error)


def test_a_node_with_another_or_no_version_of_a_plugin_package_is_refused(monkeypatch):
    other = [SimpleNamespace(name="birds:models", digest="12ab"), SimpleNamespace(name="fish:models", digest="34cd")]
    monkeypatch.setattr(on_ray, "installed", lambda: other[:1])
    here = packages.__wrapped__()
    packages.cache_clear()
    check_packages(here)
    for name, digest, there in (("birds:models", "99", "12ab"), ("fish:models", "34cd", "not at all")):
        wanted = re.escape(f"has the code of {name} as {there}, and this run {digest}. Install the same on every node")
        with pytest.raises(InputError, match=wanted):
            check_packages({**here, f"the code of {name} as": digest})
    packages.cache_clear()


@pytest.mark.usefixtures("cluster")
def test_a_missing_module_of_a_node_is_named():
    def whole(job, _):  # noqa: ARG001, the engine passes the job
        import no_such_module  # noqa: F401

    with pytest.raises(InputError, match="cannot run a batch: ModuleNotFoundError: No module named 'no_such_module'"):
        worked([(0,)], "cpu", whole=whole)


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("127.0.0.1:1", "no Ray cluster answers ([Errno 111] Connection refused)"),
        ("nonsense", "no Ray cluster answers (Invalid address format: nonsense)"),
        ("ray://head:10001", "a run starts on a node of the cluster, not through a Ray client. Name the head's"),
    ],
)
def test_an_address_without_a_cluster_is_refused_in_one_line(address, answer, tmp_path, monkeypatch):
    write_study(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", address)
    code, output, error = command(*RAY, folder=tmp_path)
    assert (code, output) == (2, "")
    assert error.startswith(f"error: RAY_ADDRESS={address}: {answer}")
    assert len(error.splitlines()) == 1


# A Ray on this machine.

PLUGIN = """
from benchmark.tasks import Task


def score(z, case):
    return {"acc": 0.25}


CONSTANT = Task(
    name="constant", version=1, edge_set="all-edges", needs="labels", metrics=("acc",), primary="acc", overlap=None,
    score=score, source="ours",
)
"""


def test_without_a_cluster_a_run_has_its_own_which_leaves_nothing_behind(warm, tmp_path):
    """No token and no session stay. The bytes are those of the local engine, with a plugin and with latents."""
    lists = {"seeds": "1", "plugins": '["constant.py"]', "tasks": '["k-means", "constant"]'}
    write_study(tmp_path, **lists, drawings="true")
    (tmp_path / "constant.py").write_text(PLUGIN, encoding="utf-8")
    code, _, error = command(*RUN, "--results", "local", folder=tmp_path)
    assert code == 0, error
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    places = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    left = left_in_tmp()
    process = started(warm, *RAY, "--workers", "1", "--results", "r", folder=tmp_path, **places)
    assert process.wait(timeout=200) == 0, process.output
    assert "Ray with 1 node, 1 CPU" in process.output
    assert [list(Path(place).iterdir()) for place in places.values()] == [[], []]
    assert left_in_tmp() <= left
    here, there = tmp_path / "local", tmp_path / "r"
    assert (there / "tiny.parquet").read_bytes() == (here / "tiny.parquet").read_bytes()
    files = [{path.name: path.read_bytes() for path in (each / "latents").iterdir()} for each in (here, there)]
    assert files[0] == files[1]
    assert len(files[0]) == 3  # the latents of two models, and the drawings of one


def left_in_tmp():
    """Return the folders of our Rays in /tmp, which is used if the name of TMPDIR is too long for sockets."""
    return set(Path("/tmp").glob("latents-ray-*"))


def test_an_interrupt_ends_the_ray_of_a_run(warm, tmp_path):
    """Ray's own signal handlers must not replace ours. A second signal changes nothing.

    The signals reach the whole process group, so Ray's own processes must not end before the command ends them.
    """
    write_study(tmp_path, seeds="20")
    process = started(warm, *RAY, folder=tmp_path, HOME=str(tmp_path))
    until(lambda: "[2/" in process.output)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.killpg(process.pid, number)
    assert process.wait(timeout=60) == 143
    log = process.output
    assert "\nterminated\n" in log
    assert "are recorded. The same command continues the run." in log
    assert "Traceback" not in log
    until(lambda: not alive(process.pid))


def test_without_ray_the_engine_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "find_spec", lambda _: None)
    write_study(tmp_path)
    code, output, error = command(*RAY, folder=tmp_path)
    assert (code, output) == (2, "")
    assert error == (
        "error: --engine ray: Ray is not installed. Install it in the project's folder: pip install -e '.[ray]'\n"
    )


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--engine", "slurm"], "unknown engine 'slurm'; known: local, ray"),
        (
            ["--engine", "ray", "--gpu-share", "1.5"],
            "--gpu-share 1.5: expected a part of one GPU, above 0 and at most 1",
        ),
        (["--engine", "ray", "--gpu-share", "0"], "--gpu-share 0: expected a part of one GPU, above 0 and at most 1"),
        (["--gpu-share", "0.5"], "--gpu-share needs --engine ray. The local engine trains one batch at a time"),
    ],
)
def test_impossible_options_of_an_engine_are_refused(words, answer, tmp_path):
    write_study(tmp_path)
    assert command(*RUN, *words, folder=tmp_path) == (2, "", f"error: {answer}\n")
