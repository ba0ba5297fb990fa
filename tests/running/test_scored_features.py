"""A run decodes features with the network that it trained, and scores them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from karate_runs import complete, context, missing, planned, retrained

from benchmark.core.errors import InputError
from benchmark.latents.latents import of_fitted
from benchmark.latents.placed_readouts import PlacedFeatures
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.latents.replica_decoders import decoders_of
from benchmark.plan.checks import check_names
from benchmark.plan.cost import scoring_cost
from benchmark.plan.grid import Plan
from benchmark.plan.units import batches
from benchmark.results.store import Store
from benchmark.running import engines, run, score_batches
from benchmark.running.context import Context, case_of
from benchmark.running.engines import local
from benchmark.running.jobs import KeptJob, TrainJob
from benchmark.running.score import score
from benchmark.running.work import outcomes
from benchmark.training.training_data import TrainingData

READOUT = {readout.name: readout for readout in READOUTS}
DECODED = ["decoded-mean", "decoded-sample"]
STUDY = {
    "models": ["vae", "vgae-features", "ae", "vgae", "raw"],
    "variants": [],
    "readouts": ["mean", "sampled", *DECODED],
    "tasks": ["k-means", "logistic-regression-many", "link-hadamard"],
    "seeds": 1,
}


def cells(scores):
    """Model, readout and task of every score."""
    return set(scores[["model", "readout", "task"]].itertuples(index=False, name=None))


def jobs_of(plan):
    """Jobs that train all seeds of an edge set at once."""
    return [
        TrainJob(batch, {unit.identity.key: unit.slots for each in batch.trainings for unit in each.units})
        for batch in batches(plan.trainings, replicas=None)
    ]


def test_only_decoders_of_features_are_scored_and_only_by_tasks_that_take_features(tmp_path):
    plan = planned(**STUDY)
    scores, units = complete(plan, Store(tmp_path))
    assert set(units["status"]) == {"complete"}
    decoded = {cell for cell in cells(scores) if cell[1] in DECODED}
    of_mean, of_sample = ("vae", "vgae-features", "ae"), ("vae", "vgae-features")
    assert decoded == {
        *((model, "decoded-mean", "k-means") for model in of_mean),
        *((model, "decoded-sample", "k-means") for model in of_sample),
    }
    assert set(scores.loc[scores["readout"] == "decoded-sample", "draw"]) == {0, 1}
    prepared = plan.data["karate"]
    for unit in plan.units():
        name, edges = unit.arm.model.name, (prepared.edges,) if unit.arm.model.uses_graph else None
        if unit.unit != "all-edges" or name not in of_mean:
            continue
        weights = prepared.weights if edges else None
        given = TrainingData(prepared.dataset.x, edges, weights=weights, clusters=prepared.dataset.classes)
        result = unit.arm.model.fit(given, unit.arm.settings, (0,), "cpu")
        latents = replace(of_fitted(result)[0], decode=decoders_of(result)[0])
        of_unit = scores[(scores["model"] == name) & (scores["task"] == "k-means") & scores["readout"].isin(DECODED)]
        for (readout, draw, repeat), values in of_unit.groupby(["readout", "draw", "repeat"]):
            x = read_out(latents, READOUT[readout], seed=0, draw=draw)
            expected = plan.tables.tasks[0].score(x, replace(case_of(unit, context(plan)), repeat=repeat))
            assert dict(zip(values["metric"], values["value"], strict=True)) == expected, (name, readout, draw)


def test_decoded_readouts_train_again_and_others_use_the_kept_latents(tmp_path):
    asked = STUDY | {"models": ["vae"], "tasks": ["k-means"]}
    store = Store(tmp_path)
    before, _ = complete(planned(**(asked | {"readouts": ["mean"]})), store)
    sampled, decoded = (planned(**(asked | {"readouts": ["mean", name]})) for name in ("sampled", "decoded-sample"))
    assert [type(job) for job in missing(sampled, store).jobs] == [KeptJob]
    (job,) = missing(decoded, store).jobs
    assert isinstance(job, TrainJob)
    after, _ = complete(decoded, store)
    assert missing(decoded, store).jobs == ()
    again = after[after["readout"] == "mean"].reset_index(drop=True)
    assert again["value"].tolist() == before["value"].tolist()
    assert sorted(after.loc[after["readout"] == "decoded-sample", "draw"].unique()) == [0, 1]


def test_workers_decode_for_a_process_that_trains_all_seeds_at_once():
    """This is how a GPU works. Workers get the decoder of each replica, and the device scores latents in batches."""
    plan = replace(planned(**(STUDY | {"models": ["vae"], "seeds": 2, "tasks": ["k-means"]})), scoring="batched")
    ways = {slot.readout: slot.scoring for unit in plan.units() for slot in unit.slots}
    assert ways == {"mean": "batched", "sampled": "batched"} | dict.fromkeys(DECODED, "scikit-learn")
    jobs = jobs_of(plan)
    with engines.Local(1).handing(plan.data) as handed:
        facts = run.prepare(plan, handed, "")
        there = [record for each in local.do_calls(local.train_here(jobs, facts), 1, 8) for record in each.records]
    calls = list(local.train_here(jobs, context(plan)))
    here = [record for call in calls for record in call.function(*call.arguments).records]
    assert {record.status for record in there} == {"complete"}
    assert {record.key: record.scores for record in there} == {record.key: record.scores for record in here}


def test_a_device_reads_out_latents_alone_and_the_worker_decodes_them(monkeypatch):
    """Reconstructions are wide. The device hands the latents on, and one reconstruction exists at a time."""
    monkeypatch.setattr(Context, "reads_on_device", True)
    plan = replace(planned(**(STUDY | {"models": ["vae"], "seeds": 2, "tasks": ["k-means"]})), scoring="batched")
    k_means, d = plan.tables.tasks[0], plan.arms[0].settings.latent
    for job in jobs_of(plan):
        for outcome in outcomes(job, context(plan)):
            assert outcome.read.keys() == {("mean", 0), ("sampled", 0), ("sampled", 1)}
            assert {z.shape for z in outcome.read.values()} == {(34, d)}
            (record,) = score(outcome, job.wanted, context(plan)).records
            assert record.status == "complete", record.message
            (unit,) = outcome.training.units
            for slot, metrics in record.scores.items():
                if slot.readout in DECODED:
                    z = outcome.read[READOUT[slot.readout].undecoded, slot.draw]
                    case = replace(case_of(unit, context(plan)), repeat=slot.repeat)
                    assert metrics == k_means.score(outcome.latents.decode(z), case)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_device_decodes_and_scores_features_in_batches(device, monkeypatch):
    """The scores are those of scikit-learn on what the decoder makes of the same latents. A CPU stands in for a GPU."""
    monkeypatch.setattr(Context, "reads_on_device", True)
    monkeypatch.setattr(Plan, "decodes_on_device", True)
    study = STUDY | {"models": ["vae", "vgae-features"], "seeds": 2, "tasks": ["k-means", "logistic-regression-few"]}
    plan = replace(planned(**study), scoring="batched")
    facts, given, compared = replace(context(plan), device=device), score_batches.batched_scores, []

    def compare(task, latents, cases, *, device):
        found = given(task, latents, cases, device=device)
        for latent, case, metrics in zip(latents, cases, found, strict=True):
            if isinstance(latent, PlacedFeatures):
                features = latent.decoded().cpu().numpy()
                assert features.shape == plan.data["karate"].dataset.x.shape
                compared.append((metrics, task.score(features, case)))
        return found

    monkeypatch.setattr(score_batches, "batched_scores", compare)
    for job in jobs_of(plan):
        for outcome in outcomes(job, facts):
            for record in score(outcome, job.wanted, facts).records:
                assert record.status == "complete", record.message
                assert {slot.scoring for slot in record.scores} == {"batched"}
                assert DECODED[1] in {slot.readout for slot in record.scores}
    assert len(compared) == 2 * 2 * 3 * 2  # models, seeds, a mean and two draws, tasks
    same = [found == pytest.approx(expected, abs=1e-6) for found, expected in compared]
    assert sum(same) >= len(same) - 2  # rounding can lead k-means to other clusters


@pytest.mark.parametrize("name", ["vae", "vgae-features"])
def test_a_placed_decoder_decodes_like_the_one_on_the_host(name):
    plan = planned(**(STUDY | {"models": [name], "seeds": 2}))
    arm, prepared = plan.arms[0], plan.data["karate"]
    edges = (prepared.edges, prepared.edges[:40]) if arm.model.uses_graph else None
    result = arm.model.fit(TrainingData(prepared.dataset.x, edges, clusters=2), arm.settings, (0, 1), "cpu")
    for decoder, latents in zip(decoders_of(result), of_fitted(result), strict=True):
        found = decoder.to("cpu")(torch.tensor(latents.mean))
        np.testing.assert_allclose(found.numpy(), decoder(latents.mean), rtol=1e-5, atol=1e-6)
        with pytest.raises(ValueError, match="decoded features are not finite, or beyond 1e15"):
            PlacedFeatures(torch.full_like(torch.tensor(latents.mean), np.nan), decoder.to("cpu")).decoded()


@pytest.mark.parametrize("scoring", ["scikit-learn", "batched"])
def test_a_diverged_training_decodes_to_a_constant(scoring, tmp_path, monkeypatch):
    """A CPU stands in for a GPU, which decodes what is scored in batches."""
    if scoring == "batched":
        monkeypatch.setattr(Context, "reads_on_device", True)
        monkeypatch.setattr(Plan, "decodes_on_device", True)

    def diverged(model, data, settings, seeds, device, passes):
        result = model.fit(data, settings, seeds, device, passes=passes)
        result.posterior.mean.fill_(np.nan)
        result.network.decoder.output.bias.data.fill_(np.nan)
        return result

    asked = STUDY | {"models": ["vae"], "tasks": ["k-means"]}
    plan = replace(planned(retrained("vae", diverged), **asked), scoring=scoring)
    scores, units = complete(plan, Store(tmp_path))
    assert set(units["status"]) == {"diverged"}
    assert set(scores["scoring"]) == {scoring}
    assert scores.loc[scores["metric"] == "ami", "value"].abs().max() == pytest.approx(0.0, abs=1e-12)
    assert set(scores["readout"]) == {"mean", "sampled", *DECODED}


def test_models_without_a_decoder_of_features_are_refused_with_the_reason():
    for model, why in (("raw", "it has no trained decoder of features"), ("vgae", "it has no trained decoder")):
        with pytest.raises(InputError, match=rf"^{model}: {why}.*\(decoded-mean\); add the readout 'mean'"):
            planned(**(STUDY | {"models": [model], "readouts": ["decoded-mean"], "tasks": ["k-means"]}))
    sides = {"first": {"model": "vgae", "readout": "decoded-mean"}, "second": {"model": "vae", "readout": "mean"}}
    primary = [{"task": "k-means", "metric": "nmi"}]
    asked = STUDY | {"contrasts": [{"name": "c", **sides, "primary": primary}]}
    with pytest.raises(InputError, match="contrast 'c': vgae lacks readout 'decoded-mean': it has no trained decoder"):
        check_names(planned(**asked).study)
    with pytest.raises(InputError, match="'decoded-mean': it gives decoded features, which only k-means and logistic-"):
        check_names(planned(**(STUDY | {"tasks": ["link-hadamard"]})).study)


def test_decoded_features_cost_their_width():
    plan = planned(**(STUDY | {"models": ["vae"], "tasks": ["k-means"]}))
    unit, prepared = next(plan.units()), plan.data["karate"]
    slots = {slot.readout: slot for slot in unit.slots}
    narrow, wide = (scoring_cost(unit, [slots[name]], prepared).scoring for name in ("mean", "decoded-mean"))
    d, f = unit.arm.settings.latent, prepared.dataset.features
    assert (wide - 0.01) / (narrow - 0.01) == pytest.approx((f + 25) / (d + 25))
