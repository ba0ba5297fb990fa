"""Runs, verification and lack of memory on a GPU.

The variants with "cpu" run everywhere. They show that the tests themselves are sound.
"""

import pandas as pd
import pytest
import torch
from scipy.stats import ks_2samp
from tiny import command, records, write_study

DEVICES = [pytest.param("cpu"), pytest.param("cuda", marks=pytest.mark.gpu)]
DATASETS = {"cpu": '["karate"]', "cuda": '["csbm-easy"]'}  # 34 and 1,000 rows
TASKS = '["logistic-regression-few", "link-inner-product", "link-hadamard"]'  # k-means may turn rounding into jumps
UNEQUAL = 1e-5  # p of the Kolmogorov–Smirnov test, which is made some eighty times


def ran(folder, device, **lines):
    """The scores of a study that ran in a folder of its own."""
    folder.mkdir(exist_ok=True)
    code, _, error = command("run", write_study(folder, **lines), "--device", device, folder=folder)
    assert code == 0, error
    return pd.read_parquet(folder / "results/tiny.parquet")


@pytest.mark.parametrize("device", DEVICES)
def test_records_are_reproduced_on_the_kind_of_device_that_made_them(device, tmp_path):
    lines = {
        "datasets": DATASETS[device],
        "models": '["raw"]',
        "variants": '[{ models = ["ae", "vae"], settings = { epochs = 3, least_steps = 0 } }, '
        '{ models = ["gae", "vgae"], settings = { epochs = 20 } }]',
        "tasks": TASKS,
        "seeds": "2",
    }
    ran(tmp_path, device, **lines)
    made = records(tmp_path / "results")
    assert {record.status for record in made} == {"complete"}
    assert {record.identity.device for record in made} == {device}
    code, output, _ = command("verify", "tiny.toml", "--device", device, "--sample", "100", folder=tmp_path)
    assert code == 0, output
    assert f"{len(made)} of {len(made)} records are reproduced" in output


@pytest.mark.parametrize("device", DEVICES)
def test_two_runs_on_a_device_and_one_on_a_cpu_give_equal_distributions_of_scores(device, tmp_path):
    """Sums on a GPU have no fixed order, so two runs differ by rounding. GPU and CPU draw other random numbers."""
    lines = {
        "datasets": DATASETS[device],
        "models": '["random"]',
        "variants": '[{ models = ["vae"], settings = { epochs = 3, least_steps = 0 } }, '
        '{ models = ["vgae"], settings = { epochs = 20 } }]',
        "tasks": TASKS,
        "seeds": "20" if device == "cuda" else "3",
    }
    first = ran(tmp_path / "first", device, **lines)
    others = [ran(tmp_path / name, on, **lines) for name, on in (("again", device), ("cpu", "cpu"))]
    of = ["model", "task", "readout", "metric"]
    assert set(first["model"]) == {"random", "vae", "vgae"}
    for cell, scores in first.groupby(of)["value"]:
        for other in others:
            again = other.groupby(of)["value"].get_group(cell)
            assert len(again) == len(scores)
            assert ks_2samp(scores, again).pvalue > UNEQUAL, cell
            assert device == "cuda" or (scores.to_numpy() == again.to_numpy()).all()


@pytest.mark.gpu
def test_latents_leave_the_card_after_their_cell(tmp_path):
    """The first run loads libraries, which keep memory."""
    lines = {"models": '["vgae"]', "variants": "[]", "tasks": TASKS, "seeds": "2", "draws": "3"}
    ran(tmp_path / "first", "cuda", **lines)
    before = torch.cuda.memory_allocated()
    ran(tmp_path / "second", "cuda", **lines)
    assert torch.cuda.memory_allocated() - before < 2**20


@pytest.mark.gpu
def test_a_batch_that_does_not_fit_is_halved_and_the_records_say_so(tmp_path):
    """Weights, gradients and the moments of Adam take some 1.6 GB for each seed. Torch may take one and a half of it.

    Other processes can use the rest of the card meanwhile.
    """

    def wide_of(folder):
        return [record for record in records(folder / "results") if record.identity.model == "ae"]

    wide = {
        "models": '["raw"]',
        "variants": '[{ models = ["ae"], settings = { epochs = 1, least_steps = 0, hidden = 1_000_000 } }]',
        "tasks": '["k-means"]',
    }
    ran(tmp_path / "alone", "cuda", **wide, seeds="1")
    (alone,) = wide_of(tmp_path / "alone")
    assert (alone.provenance.halved, alone.provenance.replicas) == (0, 1)
    torch.cuda.empty_cache()
    limit = torch.cuda.memory_reserved() + 1.5 * (alone.provenance.peak_memory - torch.cuda.memory_allocated())
    torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.get_device_properties(0).total_memory)
    try:
        ran(tmp_path / "two", "cuda", **wide, seeds="2")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    made = wide_of(tmp_path / "two")
    assert {record.status for record in made} == {"complete"}
    assert {(record.provenance.halved, record.provenance.replicas) for record in made} == {(1, 1)}
