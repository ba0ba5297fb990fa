"""The simulated studies have the truth, the noise and the faults that their world states."""

import json

import numpy as np
import pytest
from simulated_frames import CELL_OF_TRUTH, CONTROL, Arm, Noise, Retained, World, grid, simulate

from benchmark.statistics.scores import by_seed, check_scores

SEVERAL = tuple(f"set-{number}" for number in range(6))
MANY = tuple(f"set-{number}" for number in range(30))
TASKS_OF_LATENTS = ("k-means", "link-hadamard")
PAIR = (Arm("point"), Arm("noisy", signal=0.5))


def test_equal_seeds_give_equal_frames_that_the_statistics_accept():
    world = World(SEVERAL, grid(), faults={"noisy": ("diverged", 0.1)})
    first, again, other = simulate(world, seed=1), simulate(world, seed=1), simulate(world, seed=2)
    for name in ("scores", "units", "truth"):
        assert getattr(first, name).equals(getattr(again, name))
        assert not getattr(first, name).equals(getattr(other, name))
    check_scores(first.scores)
    assert set(first.scores["key"]) == set(first.units["key"])
    assert not first.units["key"].duplicated().any()


def test_means_and_samples_scatter_about_their_truth_as_stated():
    noise = Noise(training=0.02, together=0.5, split=0.01, shared=0.015, repeat=0.02, draw=0.03)
    seeds, repeats, draws = 900, 4, 2
    world = World(("one",), PAIR, seeds=seeds, repeats=repeats, draws=draws, noise=noise)
    found = simulate(world, seed=3)
    cells = by_seed(found.scores).groupby([*CELL_OF_TRUTH, "readout"])["value"].agg(["mean", "std"]).reset_index()
    cells = cells.merge(found.truth.rename(columns={"mean": "true"}), on=CELL_OF_TRUTH)
    sampled = cells["readout"].eq("sampled")
    truth = cells["true"].where(~sampled, cells["sampled"])
    retained = cells["retention"].where(sampled, 1.0)
    latent = retained**2 * (0.02**2 + 0.01**2 + 0.015**2)
    sd = np.sqrt(latent + (0.02**2 / repeats)).where(~sampled, np.sqrt(latent + (0.02**2 + 0.03**2) / draws))
    sd = sd.where(cells["model"].ne(CONTROL), 0.005 / np.sqrt(repeats))
    assert len(cells) == 4 * 4  # four tasks; the means of three models and the samples of one
    assert (cells["mean"] - truth).abs().lt(4 * sd / np.sqrt(seeds)).all()
    assert cells["std"].to_numpy() == pytest.approx(sd.to_numpy(), rel=4 / np.sqrt(2 * seeds))


def test_overlapping_splits_leave_the_stated_part_of_the_variance_to_the_mean():
    seeds, sets, rho = 5, 600, 0.25
    world = World(
        tuple(map(str, range(sets))),
        PAIR,
        tasks=("k-means", "link-hadamard"),
        seeds=seeds,
        draws=1,
        repeats=1,
        noise=Noise(training=0, split=0.02, repeat=0, signal=0),
        overlap={"link-hadamard": rho},
    )
    scores = simulate(world, seed=4).scores
    values = scores[scores["readout"].eq("mean")].pivot_table(
        index=["task", "dataset", "seed"], columns="model", values="value"
    )
    pairs = (values["noisy"] - values["point"]).groupby(["task", "dataset"]).agg(["mean", "var"])
    share = pairs["mean"].groupby("task").var() / pairs["var"].groupby("task").mean()
    assert share["k-means"] == pytest.approx(1 / seeds, rel=4 * np.sqrt(2 / sets))
    assert share["link-hadamard"] == pytest.approx(1 / seeds + rho, rel=4 * np.sqrt(2 / sets))


def test_the_law_has_its_exponents_constants_and_offsets():
    constants = {"k-means": 1.5, "link-hadamard": 0.5}
    law = Retained(exponent=1.3, power=0.4, constants=constants, per_dataset=0.3)
    world = World(
        tuple(map(str, range(150))), grid(), tasks=tuple(constants), seeds=1, retained=law, constants_of={"7": 8.0}
    )
    truth = simulate(world, seed=5).truth
    truth = truth[truth["retention"].notna()]
    log_u = 1.3 * np.log(truth["signal"]) + 0.4 * np.log(truth["dimensions"])
    offsets = log_u - np.log(truth["retention"] / (1 - truth["retention"])) - np.log(truth["task"].map(constants))
    offsets = offsets.groupby(truth["dataset"]).agg(["mean", "std"])
    assert offsets["std"].max() < 1e-9  # one offset for all cells of a dataset
    offsets.loc["7", "mean"] -= np.log(8)
    assert offsets["mean"].mean() == pytest.approx(0, abs=4 * 0.3 / np.sqrt(150))
    assert offsets["mean"].std() == pytest.approx(0.3, rel=4 / np.sqrt(2 * 150))
    assert offsets["mean"].abs().max() < 0.3 * 5


def test_without_a_law_retention_tells_nothing_of_the_signal():
    def truth(kind, task="k-means"):
        found = simulate(
            World(MANY, grid(), tasks=TASKS_OF_LATENTS, seeds=1, retained=Retained(kind=kind)), seed=6
        ).truth
        return found[found["retention"].notna() & found["task"].eq(task)]

    law, permuted, independent = truth("law"), truth("permuted"), truth("independent")
    assert law["retention"].corr(np.log(law["signal"]), method="spearman") > 0.9
    for other in (permuted, independent):
        assert abs(other["retention"].corr(np.log(other["signal"]), method="spearman")) < 4 / np.sqrt(len(other))
    for name in MANY:
        here = permuted[permuted["dataset"].eq(name)]
        assert sorted(here["retention"]) == pytest.approx(sorted(law.loc[law["dataset"].eq(name), "retention"]))
    links = truth("permuted", "link-hadamard")
    assert links["retention"].to_numpy() == pytest.approx(permuted["retention"].to_numpy())  # tasks share the order


@pytest.mark.parametrize(("fault", "status"), [("diverged", "diverged"), ("low rank", "complete")])
def test_faulty_trainings_score_chance_and_tell_why(fault, status):
    world = World(SEVERAL, PAIR, seeds=50, faults={"noisy": (fault, 0.2)}, noise=Noise(chance=1e-6))
    found = simulate(world, seed=7)
    units = found.units.set_index("key")
    rank = units["diagnostics"].map(lambda text: json.loads(text)["effective_rank"])
    faulty = rank < 1.5
    noisy = units["model"].eq("noisy")
    assert not faulty[~noisy].any()
    assert faulty[noisy].mean() == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(noisy.sum()))
    assert units["status"].eq(status)[faulty].all()
    assert units["status"].eq("complete")[~faulty].all()
    scores = found.scores.merge(found.truth[[*CELL_OF_TRUTH, "chance"]], on=CELL_OF_TRUTH)
    at_chance = (scores["value"] - scores["chance"]).abs() < 1e-4
    assert at_chance.eq(scores["key"].map(faulty) | scores["model"].eq(CONTROL)).mean() > 0.995
    assert scores["status"].eq(scores["key"].map(units["status"])).all()
