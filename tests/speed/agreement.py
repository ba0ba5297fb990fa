"""Hold the batched scores to scikit-learn on latents of trained models, and print both by dataset.

    PYTHONPATH=tests python -m speed.agreement DATASET[:N] ... [--data-root DIR] [--device cpu|cuda] [--workers N]

N latents of a dataset are compared, by default 100. scikit-learn fits in worker processes.

k-means: scikit-learn runs with two seeds, A and B; the batched way runs with seed A. The mean differences of the
batched way from A, in log inertia and in NMI, may be 1.1 times those of A from B. This fails if the 95 % interval of
the ratio lies above 1.1. The mean difference of NMI over all latents of all datasets, with its sign, must lie within
± 0.001, and so must its 95 % interval.

Logistic regression: the reference is scikit-learn in double precision with tol = 1e-10 and 100,000 iterations. The
batched way may differ from the reference in as many test rows as the task does. Tasks whose fit stops at 1,000
iterations are counted apart.

k nearest neighbours: the reference is the task. The batched way may differ from it in one test row of 10,000.

The exit code is 1 if a bound does not hold.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

warnings.filterwarnings("ignore", category=DeprecationWarning)  # importing torch-geometric warns

import joblib  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import normalized_mutual_info_score  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from benchmark.core.environment import processors  # noqa: E402
from benchmark.core.rng import generator, stream  # noqa: E402
from benchmark.datasets import Dataset, data_root, split  # noqa: E402
from benchmark.latents.latents import of_posterior  # noqa: E402
from benchmark.tasks import Case  # noqa: E402
from benchmark.tasks.batched.chunks import budget_of, chunks  # noqa: E402
from benchmark.tasks.batched.columns import (  # noqa: E402
    standardised_latents,
    unchanged_latents,
    unit_norm_latents,
)
from benchmark.tasks.batched.lloyd import cluster  # noqa: E402
from benchmark.tasks.batched.lloyd_rules import start_draws  # noqa: E402
from benchmark.tasks.batched.neighbour_votes import voted_classes  # noqa: E402
from benchmark.tasks.batched.newton import bytes_of_fit, fit_classifiers  # noqa: E402
from benchmark.tasks.clustering import (  # noqa: E402
    ignoring_few_clusters,
    number_of_starts,
    seed_of_starts,
    standardised,
    unchanged,
    unit_norm,
)
from benchmark.tasks.logistic_regression import logistic_regression  # noqa: E402
from benchmark.tasks.nearest_neighbours import nearest_neighbours  # noqa: E402
from benchmark.tasks.task import NodePart  # noqa: E402
from benchmark.training.inputs import Inputs  # noqa: E402
from speed.place import ROWS, Place  # noqa: E402
from speed.turns import Row  # noqa: E402

_SEEDS = 5
_LATENTS = 100  # of each dataset, unless the command says another number
_COLLAPSED = 0.2  # the share of latents without information
_MOST, _SIGNED, _ROWS = 1.1, 1e-3, 1e-4
_RESAMPLES = 2000
_FORMS = {
    "k-means": (unchanged, unchanged_latents),
    "k-means-standardised": (standardised, standardised_latents),
    "k-means-unit-norm": (unit_norm, unit_norm_latents),
}


@dataclass(frozen=True)
class Held:
    """A latent with its case and its kind: the mean of a seed, a sample, or a collapsed latent."""

    kind: str
    z: NDArray[np.float32]
    case: Case


def held_latents(at: Place, dataset: Dataset, count: int, *, epochs: int | None = None) -> list[Held]:
    """Train VGAE, or VAE without a graph, with five seeds, and take means, samples and collapsed latents.

    Args:
        at: Device and data.
        dataset: A dataset with labels.
        count: Number of latents, rounded up to a multiple of five.
        epochs: Epochs of training, if not those of the model.
    """
    graph = dataset.edges is not None
    spec, seeds = ROWS["vgae" if graph else "vae"], range(_SEEDS)
    edges = [dataset.edges] * _SEEDS if graph else None
    inputs = Inputs.of(dataset.x, edges, replicas=_SEEDS, device=at.device, dense=not graph)
    settings = spec.settings if epochs is None else replace(spec.settings, epochs=epochs, least_steps=None)
    each = -(-count // _SEEDS)
    found = []
    for seed, latents in zip(
        seeds, of_posterior(spec.fit_inputs(inputs, settings, seeds, at.device).posterior), strict=True
    ):
        case = Case(dataset.y, split(dataset, seed), dataset.fingerprint, seed)
        mean, std = latents.mean, latents.std
        found.append(Held("mean", mean, case))
        for i in range(1, each):
            rng = generator(seed, "agreement", i)
            noise = rng.standard_normal(mean.shape, dtype=np.float32)
            if i < each * (1 - _COLLAPSED):
                found.append(Held("sample", mean + std * noise, case))
            else:
                share = np.float32(rng.choice([0.0, 0.1, 0.3]))
                found.append(Held("collapsed", share * mean / mean.std() + noise, case))
    return found


def _on_workers(workers: int, function: Callable[..., Any], given: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The results of a function for each tuple of arguments. Each process has one thread."""
    with joblib.parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        return list(joblib.Parallel()(joblib.delayed(function)(*each) for each in given))


def _their_clusters(z: NDArray[np.float32], k: int, starts: int, seed: int) -> tuple[float, NDArray[np.int32], float]:
    """Inertia and labels of scikit-learn's k-means, and the seconds that it took."""
    started = time.perf_counter()
    with ignoring_few_clusters():
        fit = KMeans(k, n_init=starts, random_state=seed).fit(z)
    return fit.inertia_, fit.labels_, time.perf_counter() - started


def clusterings(dataset: str, held: Sequence[Held], name: str, device: str, *, workers: int = 1) -> Row:
    """Compare k-means in one form with scikit-learn, for all latents."""
    theirs, ours = _FORMS[name]
    labelled = [each.case.with_labels(each.z) for each in held]
    k, starts = int(labelled[0][1].max()) + 1, number_of_starts(held[0].z.shape[1])
    seeds = {
        "A": [seed_of_starts(each.case) for each in held],
        "B": [stream(each.case.seed, "another seed") % 2**32 for each in held],
    }
    inertia, nmi, seconds = {}, {}, {}
    for way, numbers in seeds.items():
        given = ((theirs(z), k, starts, seed) for (z, _), seed in zip(labelled, numbers, strict=True))
        fits = _on_workers(workers, _their_clusters, given)
        seconds[way] = sum(took for _, _, took in fits)
        inertia[way] = np.array([lowest for lowest, _, _ in fits])
        nmi[way] = np.array(
            [normalized_mutual_info_score(y, found) for (_, y), (_, found, _) in zip(labelled, fits, strict=True)]
        )
    started = time.perf_counter()
    z = torch.tensor(np.stack([z for z, _ in labelled]), device=device)
    draws = torch.tensor(np.stack([start_draws(seed, k, starts) for seed in seeds["A"]]), device=device)
    clusters, lowest = (part.cpu().numpy() for part in cluster(z, k, draws, prepare=ours, budget=budget_of(device)))
    seconds["ours"] = time.perf_counter() - started
    inertia["ours"] = lowest
    nmi["ours"] = np.array(
        [normalized_mutual_info_score(y, found) for (_, y), found in zip(labelled, clusters, strict=True)]
    )
    row: Row = {"dataset": dataset, "task": name, "latents": len(held)}
    row |= _compared("log inertia", {way: np.log(value) for way, value in inertia.items()})
    row |= _compared("nmi", nmi)
    row["differences"] = nmi["ours"] - nmi["A"]
    row |= signed(row["differences"])
    worst = int(np.abs(nmi["ours"] - nmi["A"]).argmax())
    row["worst"] = f"{held[worst].kind} of seed {held[worst].case.seed}: NMI " + ", ".join(
        f"{way} {nmi[way][worst]:.4f}" for way in ("ours", "A", "B")
    )
    row["milliseconds"], row["theirs"] = (1000 * seconds[way] / len(held) for way in ("ours", "A"))
    low = max(row["log inertia ratio low"], row["nmi ratio low"])
    row["holds"] = low <= _MOST
    return row


def signed(differences: NDArray[np.float64]) -> Row:
    """The mean of differences with its 95 % interval."""
    return dict(zip(("signed", "signed low", "signed high"), _interval(np.mean, differences), strict=True))


def _compared(what: str, values: dict[str, NDArray[np.float64]]) -> Row:
    """Mean absolute differences of ours from A and of A from B, and their ratio, each with its 95 % interval."""
    differences = np.abs(np.stack([values["ours"] - values["A"], values["A"] - values["B"]], axis=1))
    row: Row = {}
    for name, column in (("ours to A", 0), ("A to B", 1)):
        row[f"{what} {name}"], row[f"{what} {name} low"], row[f"{what} {name} high"] = _interval(
            np.mean, differences[:, column]
        )
    row[f"{what} ratio"], row[f"{what} ratio low"], row[f"{what} ratio high"] = _interval(ratio_of_means, differences)
    return row


def ratio_of_means(differences: NDArray[np.float64]) -> float:
    """The mean of the first column over that of the second. Of two means of 0 it is 1."""
    first, second = differences.mean(axis=0)
    return 1.0 if first == second else float(first / second) if second > 0 else float("inf")


def _interval(
    statistic: Callable[[NDArray[np.float64]], float], values: NDArray[np.float64]
) -> tuple[float, float, float]:
    """A statistic of the latents, and its 95 % interval over resampled latents."""
    rng = generator(0, "agreement")
    resampled = [statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(_RESAMPLES)]
    low, high = np.quantile(resampled, [0.025, 0.975], method="nearest")
    return float(statistic(values)), float(low), float(high)


def _their_classes(
    x: NDArray[np.float32], y: NDArray[np.int64], test: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, float]:
    """Classes of test rows by the task's classifier and at the optimum, the task's iterations, and its seconds."""
    started = time.perf_counter()
    fit = logistic_regression(x, y)
    theirs = fit.predict(test)
    seconds = time.perf_counter() - started
    scaler = StandardScaler().fit(x.astype(np.float64))
    exact = LogisticRegression(tol=1e-10, max_iter=100_000).fit(scaler.transform(x.astype(np.float64)), y)
    return theirs, exact.predict(scaler.transform(test)), fit[-1].n_iter_.max(), seconds


def classifications(dataset: str, held: Sequence[Held], part: NodePart, device: str, *, workers: int = 1) -> Row:
    """Compare logistic regression on one node split with the optimum, for all latents."""
    x, y, test = _divided(held, part)
    k = len(np.unique(y[0]))
    ours: list[NDArray[np.int64]] = []
    started = time.perf_counter()
    for chunk in chunks(len(held), bytes_of_fit(*x[0].shape, k, device), budget_of(device)):
        place = [torch.tensor(np.stack(some[chunk]), device=device) for some in (x, y, test)]
        ours += list(fit_classifiers(place[0], place[1], k).predicted(place[2]).cpu().numpy())
    seconds = time.perf_counter() - started
    fits = _on_workers(workers, _their_classes, zip(x, y, test, strict=True))
    their_seconds = sum(took for _, _, _, took in fits)
    stopped = np.array([iterations >= 1000 for _, _, iterations, _ in fits])
    counts = np.array(
        [
            (np.sum(found != exact), np.sum(theirs != exact))
            for found, (theirs, exact, _, _) in zip(ours, fits, strict=True)
        ]
    )
    mine, its = counts[~stopped].sum(axis=0)
    worst = int(counts[:, 0].argmax())
    return {
        "dataset": dataset,
        "task": f"logistic-regression-{part}",
        "latents": len(held),
        "rows": sum(len(rows) for rows in test),
        "ours differ": int(mine),
        "theirs differ": int(its),
        "stopped": int(stopped.sum()),
        "stopped ours differ": int(counts[stopped, 0].sum()),
        "worst": f"{held[worst].kind} of seed {held[worst].case.seed}: {counts[worst, 0]} rows",
        "milliseconds": 1000 * seconds / len(held),
        "theirs": 1000 * their_seconds / len(held),
        "holds": bool(mine <= its),
    }


def _their_votes(
    x: NDArray[np.float32], y: NDArray[np.int64], test: NDArray[np.float32]
) -> tuple[NDArray[np.int64], float]:
    """Classes of test rows by the task's nearest neighbours, and its seconds."""
    started = time.perf_counter()
    found = nearest_neighbours(x, y).predict(test)
    return found, time.perf_counter() - started


def neighbours(dataset: str, held: Sequence[Held], device: str, *, workers: int = 1) -> Row:
    """Compare k nearest neighbours on few training rows with the task, for all latents."""
    x, y, test = _divided(held, "few")
    k = int(y[0].max()) + 1
    started = time.perf_counter()
    place = [torch.tensor(np.stack(some), device=device) for some in (x, y, test)]
    ours = voted_classes(*place, k, budget=budget_of(device)).cpu().numpy()
    seconds = time.perf_counter() - started
    theirs = _on_workers(workers, _their_votes, zip(x, y, test, strict=True))
    differ = [int(np.sum(found != its)) for found, (its, _) in zip(ours, theirs, strict=True)]
    worst = int(np.argmax(differ))
    return {
        "dataset": dataset,
        "task": "k-nearest-neighbours-few",
        "latents": len(held),
        "rows": ours.size,
        "ours differ": sum(differ),
        "worst": f"{held[worst].kind} of seed {held[worst].case.seed}: {differ[worst]} rows",
        "milliseconds": 1000 * seconds / len(held),
        "theirs": 1000 * sum(took for _, took in theirs) / len(held),
        "holds": sum(differ) <= _ROWS * ours.size,
    }


def _divided(
    held: Sequence[Held], part: NodePart
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int64]], list[NDArray[np.float32]]]:
    """Training rows, their labels, and test rows of each latent."""
    splits = [each.case.rows(part) for each in held]
    both = list(zip(held, splits, strict=True))
    return (
        [each.z[rows.train] for each, rows in both],
        [each.case.labels[rows.train] for each, rows in both],
        [each.z[rows.test] for each, rows in both],
    )


def agreement(at: Place, name: str, count: int, *, epochs: int | None = None, workers: int = 1) -> Iterator[Row]:
    """Compare all forms of k-means and of node classification on the latents of a dataset."""
    dataset = at.dataset(name)
    held = held_latents(at, dataset, count, epochs=epochs)
    for form in _FORMS:
        yield clusterings(name, held, form, at.device, workers=workers)
    parts: tuple[NodePart, ...] = ("few", "many") if dataset.published is None else ("few", "many", "published")
    for part in parts:
        yield classifications(name, held, part, at.device, workers=workers)
    yield neighbours(name, held, at.device, workers=workers)


def line(row: Row) -> str:
    """Format a row for the terminal."""
    words = [f"{row['dataset']:10} {row['task']:29} {row['latents']} latents:"]
    if "stopped" in row:
        words.append(
            f"of {row['rows']:,} test rows ours differ in {row['ours differ']}, the task in {row['theirs differ']}; "
            f"{row['stopped']} fits stopped (ours differ in {row['stopped ours differ']});"
        )
    elif "rows" in row:
        words.append(f"of {row['rows']:,} test rows ours differ from the task in {row['ours differ']};")
    else:
        for what in ("log inertia", "nmi"):
            parts = (f"{name} {_range(row, f'{what} {name}')}" for name in ("ours to A", "A to B", "ratio"))
            words.append(f"{what}: {', '.join(parts)};")
        words.append(f"signed nmi {_range(row, 'signed')};")
    words.append(f"worst {row['worst']}; {row['milliseconds']:.2f} ms a latent, scikit-learn {row['theirs']:.2f} ms")
    return " ".join((*words, "" if row["holds"] else "DOES NOT HOLD"))


def _range(row: Row, key: str) -> str:
    return f"{row[key]:.2g} ({row[f'{key} low']:.2g} to {row[f'{key} high']:.2g})"


def main() -> None:
    """Compare on the given datasets."""
    parser = argparse.ArgumentParser(
        prog="python -m speed.agreement", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", nargs="+", metavar="DATASET[:N]", help="a dataset, and its number of latents")
    parser.add_argument("--data-root", help="folder with the data, as of latents run")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--workers", type=int, default=processors(), help="processes for scikit-learn (default: all CPUs)"
    )
    given = parser.parse_args()
    at, rows = Place(given.device, data_root(given.data_root)), []
    for word in given.datasets:
        name, _, count = word.partition(":")
        for row in agreement(at, name, int(count or _LATENTS), workers=given.workers):
            print(line(row).rstrip(), flush=True)
            rows.append(row)
    whole = signed(np.concatenate([row["differences"] for row in rows if "differences" in row]))
    within = whole["signed low"] >= -_SIGNED and whole["signed high"] <= _SIGNED
    print(f"all latents: signed nmi {_range(whole, 'signed')}" + ("" if within else " DOES NOT HOLD"))
    sys.exit(not (within and all(row["holds"] for row in rows)))


if __name__ == "__main__":
    main()
