"""The stability of clusters, from runs to frames: all pairs of seeds, resumed runs, and records without clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from karate_runs import TABLES, complete, context, gathered, missing, planned
from tiny import command, write_study

from benchmark.core.errors import InputError
from benchmark.results import frames, kept_clusters
from benchmark.results.frame_schema import STABILITY
from benchmark.results.merge import merge
from benchmark.results.record import Provenance, Record
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.seed_pairs import seed_pairs
from benchmark.running.work import run_job
from benchmark.tasks import ClusterScores
from benchmark.tasks.label_free import K_MEANS_WITHOUT_LABELS

ASKED = {"tasks": ["k-means", "k-means-without-labels"], "models": ["raw", "vgae"], "variants": [], "seeds": 3}


def pairs(plan, store):
    return seed_pairs(plan, run.read_records(plan.units(), store))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("results"))
    complete(planned(**ASKED), made)
    return made


def test_every_pair_of_seeds_is_compared_for_mean_and_sample(store):
    found = pairs(planned(**ASKED), store)
    cells = found.groupby(["model", "readout"])[["seed", "other_seed"]].apply(lambda rows: rows.to_numpy().tolist())
    three = [[0, 1], [0, 2], [1, 2]]
    assert cells.to_dict() == {("raw", "mean"): three, ("vgae", "mean"): three, ("vgae", "sampled"): three}
    assert set(found["draw"]) == set(found["repeat"]) == {0}
    assert found["ari"].between(-0.5, 1).all()
    assert found.loc[found["readout"].eq("mean") & found["model"].eq("vgae"), "ari"].min() > 0.2  # karate has groups


def test_the_scores_stand_beside_those_of_other_tasks(store):
    scores, units = gathered(planned(**ASKED), store)
    of_task = scores[scores["task"].eq("k-means-without-labels")]
    assert set(of_task["metric"]) == {"silhouette", "modularity"}
    assert set(of_task["readout"]) == {"mean", "sampled"}
    assert set(of_task["draw"]) == {0}  # of two draws
    assert units["status"].eq("complete").all()


def made_records(plan, clusters):
    """Records of a plan's units with these clusters. None leaves the clusters out."""
    made = Provenance(0.0, 0.0, 0, "", 1, {}, "", "")
    scores = {"silhouette": 0.5}
    return {
        unit.identity.key: Record(
            unit.identity,
            "karate",
            "complete",
            "",
            made,
            dict.fromkeys(unit.slots, scores),
            clusters={} if each is None else dict.fromkeys(unit.slots, each),
        )
        for unit, each in zip(plan.units(), clusters, strict=True)
    }


def plan_of(seeds):
    return planned(tasks=["k-means-without-labels"], models=["raw"], variants=[], seeds=seeds)


def text(*numbers):
    return kept_clusters.as_text(np.array(numbers))


def test_the_agreement_by_hand():
    same, other, one = text(0, 0, 1, 1), text(1, 1, 0, 0), text(0, 0, 0, 0)
    found = seed_pairs(plan_of(4), made_records(plan_of(4), [same, other, one, one]))
    assert found["ari"].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]  # only seeds 0 and 1 have groups


def test_a_record_without_clusters_is_complete_and_in_no_pair():
    plan = plan_of(3)
    records = made_records(plan, [text(0, 1), None, text(1, 0)])
    assert run.incomplete(plan, records) == []
    assert seed_pairs(plan, records)[["seed", "other_seed"]].to_numpy().tolist() == [[0, 2]]
    assert seed_pairs(plan, made_records(plan, [None] * 3)).equals(STABILITY.frame([]))
    assert seed_pairs(plan, {}).empty


def test_a_study_without_the_task_has_no_pairs(store):
    assert pairs(planned(**(ASKED | {"tasks": ["k-means"]})), store).empty


def test_clusters_of_other_rows_and_damaged_clusters_are_refused():
    plan = plan_of(2)
    with pytest.raises(InputError, match="its clusters have 2 rows of karate for seed 0, and 3 for seed 1; it must"):
        seed_pairs(plan, made_records(plan, [text(0, 1), text(0, 1, 2)]))
    with pytest.raises(InputError, match=r"record [0-9a-f]{32}: .* Delete the file, and run the same command again"):
        seed_pairs(plan, made_records(plan, [text(0, 1), "damaged"]))


def test_a_resumed_run_a_merged_one_and_added_tasks_give_the_same_frame(store, tmp_path):
    plan = planned(**ASKED)
    whole = pairs(plan, store)
    resumed, facts = Store(tmp_path / "resumed"), context(plan)
    for job in missing(plan, resumed).jobs[:4]:
        run.keep(run_job(run.ready(job, resumed), facts), job, resumed)
    assert len(pairs(plan, resumed)) < len(whole)
    complete(plan, resumed)
    pd.testing.assert_frame_equal(pairs(plan, resumed), whole)
    merge([store.results], tmp_path / "merged")
    pd.testing.assert_frame_equal(pairs(plan, Store(tmp_path / "merged")), whole)
    added = Store(tmp_path / "added")
    complete(planned(**(ASKED | {"tasks": ["k-means"]})), added)
    complete(planned(**ASKED), added)
    pd.testing.assert_frame_equal(pairs(plan, added), whole)


def test_a_task_of_ones_own_can_return_clusters(tmp_path):
    halves = ClusterScores({"silhouette": 0.0}, np.arange(34) // 17)
    task = replace(K_MEANS_WITHOUT_LABELS, name="halves", score=lambda _z, _case: halves)
    tables = replace(TABLES, tasks=(*TABLES.tasks, task))
    plan = planned(tables, tasks=["halves"], models=["raw"], variants=[], seeds=2)
    store = Store(tmp_path)
    complete(plan, store)
    assert pairs(plan, store)["ari"].tolist() == [1.0]


def test_the_command_writes_the_frame_and_the_report_shows_it(tmp_path):
    study = write_study(tmp_path, tasks='["k-means", "k-means-without-labels"]', seeds="2")
    for _ in range(2):  # the second run has nothing left to do
        assert command("run", study, "--device", "cpu", folder=tmp_path)[0] == 0
        found = frames.read_stability(tmp_path / "results", "tiny")
        assert set(found["model"]) == {"raw", "random", "ae", "vgae"}
    assert command("report", study, folder=tmp_path)[0] == 0
    assert '<section id="without-labels">' in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert len(pd.read_csv(tmp_path / "report" / "data" / "stability.csv")) == 5
    assert command("run", write_study(tmp_path), "--device", "cpu", folder=tmp_path)[0] == 0
    assert not frames.stability_path(tmp_path / "results", "tiny").exists()
    assert frames.read_stability(tmp_path / "results", "tiny").empty
    again = frames.combine_stability([found, found])
    pd.testing.assert_frame_equal(again, found)
