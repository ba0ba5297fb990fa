"""Studies without training: scores and units of a world whose truth is known, in the schema of a run.

A world says what is true: how well each dataset can be separated, how much of its score a sample retains, and how large
each kind of noise is. ``simulate`` draws one study from it. A study of a thousand units takes a fraction of a second.

Design, section 6, and the schema of the frames are the only sources. No statistics are imported, so a fault there
cannot be repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.core.names import find
from benchmark.core.rng import generator
from benchmark.results.frame_schema import SCORES, UNITS
from benchmark.tasks import TASKS

Floats = NDArray[np.float64]
Fault = Literal["diverged", "low rank"]
Kind = Literal["law", "permuted", "independent"]

CONTROL = "random"
LAW_TASKS = ("k-means", "logistic-regression-few", "link-inner-product", "link-hadamard")
CELL_OF_TRUTH = ["dataset", "model", "variant", "unit", "task", "metric"]


@dataclass(frozen=True, slots=True)
class Arm:
    """A model with its settings.

    Attributes:
        model: Name of the model.
        variant: Overridden settings; "" if none.
        dimensions: Number of latent dimensions.
        signal: Median signal-to-noise ratio over datasets. None for a point, which has no samples.
        lift: What the arm's true mean score lies above that of an arm without lift, by task. A task that is not named
            has 0.
    """

    model: str
    variant: str = ""
    dimensions: int = 16
    signal: float | None = None
    lift: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of the parts of a score, on the scale of scores.

    Attributes:
        training: Differs between trainings; all readouts of a training share it in proportion to their retention.
        together: The correlation of the training noise between tasks that score the same training.
        split: Interaction of a model with the split of a seed. The splits of two seeds overlap in tasks with ρ > 0;
            their noise then has the correlation ρ/(1 + ρ).
        shared: Of the split of a seed. All models share it, so that pairs cancel it.
        repeat: Of one repeat: another label draw, k-means or set of non-edges.
        draw: Of one draw of a sample.
        signal: Of log SNR between trainings of an arm on a dataset.
        chance: Of one score of the control.
    """

    training: float = 0.01
    together: float = 0.0
    split: float = 0.005
    shared: float = 0.01
    repeat: float = 0.01
    draw: float = 0.01
    signal: float = 0.05
    chance: float = 0.005


@dataclass(frozen=True, slots=True)
class Retained:
    """How much of its score above chance a sample retains.

    Attributes:
        kind: "law" is u/(c + u) with u = SNR^exponent · d^power. "permuted" applies the law to the u of another arm of
            the same dataset. "independent" draws retention uniformly from 0 to 1 for each cell.
        exponent: Of the signal-to-noise ratio.
        power: Of the number of dimensions.
        constants: c by task, or one for all.
        per_dataset: Standard deviation of the offset of log c that all tasks of a dataset share.
        per_cell: Standard deviation of the noise of retention itself between cells.
    """

    kind: Kind = "law"
    exponent: float = 1.0
    power: float = 0.5
    constants: Mapping[str, float] | float = 1.0
    per_dataset: float = 0.0
    per_cell: float = 0.0

    def constant(self, task: str) -> float:
        """The constant c of a task."""
        return self.constants[task] if isinstance(self.constants, Mapping) else self.constants


@dataclass(frozen=True, slots=True)
class World:
    """What is true, and how large the study is.

    Attributes:
        datasets: Names of the datasets.
        arms: The models with their settings. A control of noise, called "random", is added.
        tasks: Names of tasks.
        seeds: Trainings of an arm on a dataset.
        draws: Samples of each posterior; draw i is scored by repeat i.
        repeats: Repeats of the score of a mean.
        separation: Least and largest share of the range from chance to 1 that a mean attains; uniform over datasets.
        spread: Standard deviation over datasets of log SNR of an arm.
        concentration: How alike the dimensions of a latent are: the sum of the parameters of a Beta law of the share of
            signal in a dimension. Below 2, most dimensions are either nearly all signal or nearly all noise. None makes
            all dimensions equal, so that many predictors say the same.
        retained: The truth about samples.
        noise: Sizes of the noise.
        overlap: ρ of the tasks whose splits overlap.
        faults: By model, a fault and the chance that a training has it. The training then scores chance.
        constants_of: Multiplies the constants c on some datasets, by name.
    """

    datasets: tuple[str, ...]
    arms: tuple[Arm, ...]
    tasks: tuple[str, ...] = LAW_TASKS
    seeds: int = 5
    draws: int = 3
    repeats: int = 2
    separation: tuple[float, float] = (0.3, 0.9)
    spread: float = 0.3
    concentration: float | None = None
    retained: Retained = Retained()
    noise: Noise = Noise()
    overlap: Mapping[str, float] = field(default_factory=dict)
    faults: Mapping[str, tuple[Fault, float]] = field(default_factory=dict)
    constants_of: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated study.

    Attributes:
        scores: In the schema SCORES, primary metrics only.
        units: In the schema UNITS.
        truth: One row for each dataset, arm and task with the true ``mean`` and ``sampled`` score, ``chance``,
            ``retention``, ``signal``, ``dimensions`` and the ``constant`` of the cell. Points lack a sample.
    """

    scores: pd.DataFrame
    units: pd.DataFrame
    truth: pd.DataFrame


def grid(
    dimensions: tuple[int, ...] = (4, 16, 64), u: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
) -> tuple[Arm, ...]:
    """Return a point for each d, and noisy arms with SNR · √d = u for each u and d."""
    points = [Arm("point", f"latent={d}", d) for d in dimensions]
    return (*points, *(Arm("noisy", f"beta={x:g} latent={d}", d, x / np.sqrt(d)) for d in dimensions for x in u))


def simulate(world: World, *, seed: int) -> Simulated:
    """Draw one study. Equal arguments give equal frames."""
    rng = generator(seed, "simulated study")
    sets, arms = len(world.datasets), (*world.arms, Arm(CONTROL))
    drawn = _Drawn.of(world, arms, rng)
    faulty = np.array([world.faults.get(arm.model, ("", 0.0))[1] for arm in arms])
    edge_sets = list(dict.fromkeys(find(TASKS, "task", task).edge_set for task in world.tasks))
    scores, units, truths = [], [], []
    for place, edge_set in enumerate(edge_sets):
        broken = rng.random((sets, len(arms), world.seeds)) < faulty[:, None]
        trained = rng.standard_normal((sets, len(arms), world.seeds))
        names = _Names(world, arms, edge_set, place, broken)
        units.append(_units(names, drawn, rng))
        for task in (task for task in world.tasks if find(TASKS, "task", task).edge_set == edge_set):
            truth = _truth(world, arms, task, drawn, rng)
            truths.append(names.truth(task, truth))
            scores += _scores(names, task, truth, trained, rng)
    return Simulated(
        SCORES.checked(pd.concat(scores, ignore_index=True), "simulated scores"),
        UNITS.checked(pd.concat(units, ignore_index=True), "simulated units"),
        pd.concat(truths, ignore_index=True),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """The random part of the truth.

    Attributes:
        shares: Share of signal in the variance of every dimension, [datasets, arms] lists of [d]. NaN for points.
        signal: SNR of every dataset and arm, [datasets, arms]. NaN for points.
        lawful: The arm whose u the law uses for each arm, [datasets, arms].
        classes: Number of classes, [datasets].
        separation: Share of the range above chance that a mean attains, [datasets].
        offsets: Offset of log c, [datasets].
    """

    shares: list[list[Floats]]
    signal: Floats
    lawful: NDArray[np.int64]
    classes: NDArray[np.int64]
    separation: Floats
    offsets: Floats

    @classmethod
    def of(cls, world: World, arms: tuple[Arm, ...], rng: np.random.Generator) -> _Drawn:
        """Draw the truth of a study."""
        sets = len(world.datasets)
        median = np.array([np.nan if arm.signal is None else arm.signal for arm in arms])
        signal = median * np.exp(world.spread * rng.standard_normal((sets, len(arms))))
        lawful = np.tile(np.arange(len(arms)), (sets, 1))
        if world.retained.kind == "permuted":
            noisy = np.flatnonzero(np.isfinite(median))
            lawful[:, noisy] = rng.permuted(lawful[:, noisy], axis=1)
        shares = [
            [_shares(float(snr), arm.dimensions, world.concentration, rng) for snr, arm in zip(row, arms, strict=True)]
            for row in signal
        ]
        return cls(
            shares=shares,
            signal=np.array([[each.sum() / (1 - each).sum() for each in row] for row in shares]),
            lawful=lawful,
            classes=rng.integers(3, 11, sets),
            separation=rng.uniform(*world.separation, sets),
            offsets=world.retained.per_dataset * rng.standard_normal(sets)
            + np.log([world.constants_of.get(name, 1.0) for name in world.datasets]),
        )


def _shares(signal: float, d: int, concentration: float | None, rng: np.random.Generator) -> Floats:
    """Return the share of signal in the variance of each dimension, [d]. Without concentration SNR is ``signal``."""
    share = signal / (1 + signal)
    if concentration is None or np.isnan(share):
        return np.full(d, share)
    return rng.beta(concentration * share, concentration * (1 - share), d).clip(1e-4, 1 - 1e-4)


@dataclass(frozen=True, slots=True, eq=False)
class _Truth:
    """True values of a task, [datasets, arms]. ``chance`` is [datasets, 1]."""

    mean: Floats
    retention: Floats
    chance: Floats
    constant: Floats
    signal: Floats


def _truth(world: World, arms: tuple[Arm, ...], task: str, drawn: _Drawn, rng: np.random.Generator) -> _Truth:
    metric, law = find(TASKS, "task", task).primary, world.retained
    chance = {"accuracy": 1 / drawn.classes, "auc": np.full(len(drawn.classes), 0.5)}.get(metric, 0.0 * drawn.classes)
    chance = chance[:, None]
    control = np.array([arm.model == CONTROL for arm in arms])
    lift = np.array([arm.lift.get(task, 0.0) for arm in arms])
    mean = chance + np.where(control, 0.0, drawn.separation[:, None] * (1 - chance) + lift)
    constant = np.broadcast_to(law.constant(task) * np.exp(drawn.offsets)[:, None], mean.shape)
    u = drawn.signal**law.exponent * np.array([arm.dimensions for arm in arms]) ** law.power
    u = np.take_along_axis(u, drawn.lawful, axis=1)
    lawful = u / (constant + u) if law.kind != "independent" else rng.random(u.shape)
    retention = np.where(np.isfinite(u), lawful + law.per_cell * rng.standard_normal(u.shape), np.nan)
    return _Truth(mean, retention, chance, constant, drawn.signal)


@dataclass(frozen=True, slots=True, eq=False)
class _Names:
    """The units of an edge set in the order [datasets, arms, seeds].

    Attributes:
        place: Number of the edge set, which makes the keys of two edge sets differ.
        broken: Whether a training has a fault, [datasets, arms, seeds].
    """

    world: World
    arms: tuple[Arm, ...]
    edge_set: str
    place: int
    broken: NDArray[np.bool_]

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Whether each training diverged, [datasets, arms, seeds]."""
        faults = [self.world.faults.get(arm.model) for arm in self.arms]
        diverges = np.array([fault is not None and fault[0] == "diverged" for fault in faults])
        return np.asarray(self.broken & diverges[:, None])

    def rows(self, again: int, arms: NDArray[np.bool_]) -> tuple[dict[str, Any], tuple[NDArray[np.int64], ...]]:
        """Return the columns that name a score, for ``again`` scores of each unit of some arms, and their indices."""
        shape = (len(self.world.datasets), int(arms.sum()), self.world.seeds, again)
        dataset, arm, seed, number = (each.ravel() for each in np.indices(shape))
        arm = np.flatnonzero(arms)[arm]
        at = (dataset * len(self.arms) + arm) * self.world.seeds + seed
        names = {
            "dataset": _chosen(self.world.datasets, dataset),
            "model": _chosen([each.model for each in self.arms], arm),
            "variant": _chosen([each.variant for each in self.arms], arm),
            "seed": seed,
            "unit": _chosen([self.edge_set], 0 * at),
            "status": _chosen(["complete", "diverged"], self.diverged.ravel()[at].astype(int)),
            "key": _chosen([f"{self.place:04x}{unit:028x}" for unit in range(self.broken.size)], at),
        }
        return names, (dataset, arm, seed, number)

    def truth(self, task: str, truth: _Truth) -> pd.DataFrame:
        """Return the rows of the frame ``Simulated.truth`` of a task."""
        alone = _Names(
            World(self.world.datasets, self.world.arms, seeds=1), self.arms, self.edge_set, 0, self.broken[:, :, :1]
        )
        names, (dataset, arm, _, _) = alone.rows(1, np.ones(len(self.arms), bool))
        chance = truth.chance[dataset, 0]
        mean, retention = truth.mean[dataset, arm], truth.retention[dataset, arm]
        frame = pd.DataFrame(names).drop(columns=["seed", "status", "key"])
        return frame.assign(
            task=task,
            metric=find(TASKS, "task", task).primary,
            mean=mean,
            sampled=chance + retention * (mean - chance),
            chance=chance,
            retention=retention,
            signal=truth.signal[dataset, arm],
            dimensions=[self.arms[each].dimensions for each in arm],
            constant=truth.constant[dataset, arm],
        )


def _chosen(values: Sequence[str], index: NDArray[np.int64]) -> Any:
    """Return the texts at the places ``index``; much faster than a list of them."""
    return pd.array(list(values), dtype="str").take(index)


def _scores(names: _Names, task: str, truth: _Truth, trained: Floats, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Return the scores of the means and of the samples of a task."""
    world, noise = names.world, names.world.noise
    sets, arms, seeds = names.broken.shape
    rho = world.overlap.get(task, 0.0)
    own = np.sqrt(noise.together) * trained + np.sqrt(1 - noise.together) * rng.standard_normal(trained.shape)
    split = np.sqrt(rho / (1 + rho)) * rng.standard_normal((sets, arms, 1)) + np.sqrt(
        1 / (1 + rho)
    ) * rng.standard_normal(trained.shape)
    alive = ~names.broken & (np.array([arm.model for arm in names.arms]) != CONTROL)[:, None]
    shared = noise.shared * rng.standard_normal((sets, 1, seeds))
    chance = truth.chance[:, :, None]
    above = np.where(alive, truth.mean[:, :, None] + noise.training * own + noise.split * split + shared - chance, 0.0)
    spec = find(TASKS, "task", task)
    fixed = {"task": task, "metric": spec.primary, "version": spec.version, "scoring": "scikit-learn", "note": ""}
    noisy = np.array([arm.signal is not None for arm in names.arms])
    frames = []
    for readout, again, which in (("mean", world.repeats, noisy | True), ("sampled", world.draws, noisy)):
        labels, (dataset, arm, seed, number) = names.rows(again, which)
        retained = truth.retention[dataset, arm] if readout == "sampled" else 1.0
        of_repeat = rng.standard_normal((sets, seeds, again))[dataset, seed, number]  # all models have the same labels
        scatter = noise.repeat * np.sqrt(0.5) * (of_repeat + rng.standard_normal(number.shape))
        if readout == "sampled":
            scatter = scatter + noise.draw * rng.standard_normal(number.shape)
        silent = noise.chance * rng.standard_normal(number.shape)
        value = chance[dataset, 0, 0] + retained * above[dataset, arm, seed]
        value = value + np.where(alive[dataset, arm, seed], scatter, silent)
        frames.append(
            pd.DataFrame(
                {
                    **labels,
                    **fixed,
                    "readout": readout,
                    "draw": number if readout == "sampled" else 0,
                    "repeat": number,
                    "value": value,
                }
            )
        )
    return [frame.astype({"draw": "int64"})[SCORES.names] for frame in frames if len(frame)]


def _units(names: _Names, drawn: _Drawn, rng: np.random.Generator) -> pd.DataFrame:
    """Return the units of an edge set with their diagnostics."""
    labels, (dataset, arm, _, _) = names.rows(1, np.ones(len(names.arms), bool))
    noisy = np.isfinite(drawn.signal[dataset, arm])
    wobble = np.exp(names.world.noise.signal * rng.standard_normal(dataset.shape))
    broken = names.broken.ravel()
    d = np.array([each.dimensions for each in names.arms])[arm]
    scatter = rng.standard_normal((2, dataset.size))
    diagnostics = [
        _diagnostics(drawn.shares[row][column] if of_noise else None, *rest)
        for row, column, of_noise, *rest in zip(
            dataset, arm, noisy, wobble.tolist(), d.tolist(), broken.tolist(), *scatter.tolist(), strict=True
        )
    ]
    settings = _chosen([json.dumps({"hidden": [32], "latent": each.dimensions}) for each in names.arms], arm)
    control = np.array([each.model == CONTROL for each in names.arms])[arm]
    given: dict[str, Any] = {
        **labels,
        "message": _chosen(["", "loss is not finite at epoch 3"], names.diverged.ravel().astype(int)),
        "model_family": np.where(control, "control", "ae"),
        "likelihood": np.where(control, "", "gaussian"),
        "beta": np.where(noisy, 1.0, np.nan),
        "latent": np.where(noisy, "gaussian, h = log σ²", "point"),
        "settings": settings,
        "fingerprint": _chosen([name.encode().hex().ljust(40, "0") for name in names.world.datasets], dataset),
        "classes": drawn.classes[dataset],
        "diagnostics": diagnostics,
        "objective": "reconstruction",
        "source": "simulated",
        "dataset_family": labels["dataset"],
        "evidence": True,
        "built_in": True,
        "scaling": "unit",
        "rows": 1000,
        "features": 100,
        "notes": "[]",
        "dataset_graph": "own",
        "edges": 4000,
        "graph": "none",
        "replicas": 1,
        "device": "cpu",
        "versions": "{}",
        "curve": "{}",
    }
    empty = {"str": "", "int64": 0, "float64": 0.0, "bool": False}
    return pd.DataFrame({each.name: given.get(each.name, empty[each.type]) for each in UNITS.columns}).astype(
        {each.name: each.type for each in UNITS.columns}
    )


def _diagnostics(shares: Floats | None, wobble: float, d: int, broken: bool, first: float, second: float) -> str:
    """Return the diagnostics, as JSON, of a training whose draws have variance 1 in each dimension.

    A dimension with the share r of signal has SNR s = r/(1 − r), multiplied by ``wobble``, and a rate of ½·log(1 + s).
    Standardised ratios equal the plain ones. The discrepancies are made up and fall with the signal.
    """
    rank = 1.1 if broken else 0.95 * d
    point: dict[str, float | None] = {"active_units": d, "effective_rank": rank}
    if shares is None:
        noisy = ("divergence", "divergence_median", "signal_to_noise_ratio", "mutual_information", "prior_mmd_sample")
        return json.dumps(point | {"prior_mmd_mean": float(0.02 * np.exp(0.3 * first))} | dict.fromkeys(noisy))
    ratio = wobble * shares / (1 - shares)
    shares = ratio / (1 + ratio)
    signal, active = float(shares.sum() / (1 - shares).sum()), shares >= 0.01
    rates = 0.5 * np.log1p(ratio)
    rate = float(rates.sum())
    of_active = float(shares[active].sum() / (1 - shares[active]).sum()) if active.any() else 0.0
    lists = {
        "signal_to_noise": ratio,
        "signal_per_dimension": shares,
        "noise_per_dimension": 1 - shares,
        "divergence_per_dimension": rates,
    }
    standardised = "signal_to_noise_ratio_standardised"
    numbers = {
        **point,
        **dict.fromkeys(("signal_to_noise_ratio", "signal_to_noise_ratio_median"), signal),
        **dict.fromkeys((standardised, f"{standardised}_median"), signal),
        **dict.fromkeys(("signal_to_noise_ratio_active", f"{standardised}_active"), of_active),
        "divergence": rate,
        "divergence_median": rate,
        "mutual_information": min(rate, float(np.log(1000))),
        "mutual_information_error": 0.01,
        "active_units": int(active.sum()),
        "active": int((1 - shares < 0.1).sum()),
        "prior_mmd_mean": float(np.exp(0.3 * first) / (20 * (1 + signal))),
        "prior_mmd_sample": float(0.01 * np.exp(0.3 * second)),
    }
    return json.dumps(numbers | {name: values.tolist() for name, values in lists.items()})
