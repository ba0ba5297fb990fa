"""k-means on latents: unchanged, with standardised columns, and with rows of unit length."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import scipy

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.rng import stream
from benchmark.latents.latents import ReadoutKind
from benchmark.tasks.metrics import best_matching
from benchmark.tasks.task import Case, Coordinates, Invariance, Task

CLUSTERING_METRICS = ("acc", "nmi", "ami", "ari", "macro-f1")
_MANY_FEATURES = 1000


def number_of_starts(columns: int) -> int:
    """The starts of k-means: 20, or 5 for a latent with more than 1,000 columns."""
    return 20 if columns <= _MANY_FEATURES else 5


def seed_of_starts(case: Case, clustering: str = "k-means") -> int:
    """The seed of the starts of a clustering, equal for all latents of a (dataset, seed, repeat).

    Args:
        case: Gives fingerprint, seed and repeat.
        clustering: Name of the clustering. Each has a stream of its own.
    """
    repeat = (case.repeat,) if case.repeat else ()
    return stream(case.seed, clustering, case.fingerprint, *repeat) % 2**32


def unchanged(z: Matrix) -> Matrix:
    """Return ``z``."""
    return z


def standardised(z: Matrix) -> Matrix:
    """Divide every column by its standard deviation over all rows, and centre dense columns.

    A constant column stays constant. Sparse columns are not centred, because distances do not change.

    >>> standardised(np.float32([[0, 5], [4, 5]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    from sklearn.preprocessing import StandardScaler

    scaled: Matrix = StandardScaler(with_mean=isinstance(z, np.ndarray)).fit_transform(z)
    return scaled


def unit_norm(z: Matrix) -> Matrix:
    """Divide every row by its Euclidean length. A row of zeros stays zero.

    >>> unit_norm(np.float32([[0, 2], [0, 0]])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    wide = z.astype(np.float64)  # the square of a float32 can overflow or vanish
    lengths = np.sqrt((wide**2).sum(axis=1))
    inverse = scipy.sparse.diags_array(1.0 / np.where(lengths > 0, lengths, 1.0), format="csr")
    unit: Matrix = (inverse @ wide).astype(np.float32)
    return unit


def k_means(z: Matrix, case: Case, *, prepare: Callable[[Matrix], Matrix]) -> dict[str, float]:
    """Cluster all labelled rows into as many clusters as there are classes, and compare clusters with classes.

    The best of 20 k-means++ starts counts, or of 5 if a latent has more than 1,000 columns. The starts come from the
    stream of (dataset, seed, repeat), so they are equal for all models. A latent with fewer distinct rows than classes
    gives fewer clusters.

    Args:
        z: Latents, [n, d].
        case: Labels, fingerprint and seed.
        prepare: Scaling of the labelled rows before the clustering.

    Returns:
        ACC and macro-F1 after the best one-to-one matching of clusters to classes, NMI, AMI and ARI.

    Raises:
        ValueError: if the dataset has no labels.
    """
    z, y = case.with_labels(z)
    return compared_with_classes(y, k_means_clusters(z, int(y.max()) + 1, case, prepare=prepare))


def k_means_clusters(z: Matrix, clusters: int, case: Case, *, prepare: Callable[[Matrix], Matrix]) -> Integers:
    """The clusters of the task ``k-means``, [n].

    Args:
        z: Latents of the labelled rows, [n, d].
        clusters: Number of clusters. Fewer are found if there are fewer distinct rows.
        case: Fingerprint, seed and repeat, which decide the starts.
        prepare: Scaling of the rows before the clustering.
    """
    from sklearn.cluster import KMeans

    starts, seed = number_of_starts(z.shape[1]), seed_of_starts(case)
    with ignoring_few_clusters():
        found: Integers = KMeans(clusters, n_init=starts, random_state=seed).fit_predict(prepare(z)).astype(np.int64)
    return found


def compared_with_classes(y: Integers, clusters: Integers) -> dict[str, float]:
    """Compare clusters with classes.

    Args:
        y: Class numbers 0..k-1, [n].
        clusters: Cluster numbers from 0, [n].

    Returns:
        ACC and macro-F1 after the best one-to-one matching of clusters to classes, NMI, AMI and ARI.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, f1_score, normalized_mutual_info_score

    matched, classes = best_matching(y, clusters), np.arange(int(y.max()) + 1)
    return {
        "acc": float(np.mean(matched == y)),
        "nmi": float(normalized_mutual_info_score(y, clusters)),
        "ami": float(adjusted_mutual_info_score(y, clusters)),
        "ari": float(adjusted_rand_score(y, clusters)),
        "macro-f1": float(f1_score(y, matched, average="macro", labels=classes, zero_division=0.0)),
    }


@contextmanager
def ignoring_few_clusters() -> Iterator[None]:
    """Silence the warning of k-means that a latent has fewer distinct rows than clusters."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        yield


def _task(
    name: str,
    prepare: Callable[[Matrix], Matrix],
    source: str,
    meaning: str,
    invariances: tuple[Invariance, ...],
    takes: tuple[ReadoutKind, ...] = ("matrix",),
    coordinates: Coordinates = "raw",
    decoded_repeats: int | None = None,
) -> Task:
    score: Callable[[Matrix, Case], dict[str, float]] = partial(k_means, prepare=prepare)
    return Task(
        name=name,
        version=2,
        edge_set="all-edges",
        needs="labels",
        metrics=CLUSTERING_METRICS,
        primary="ami",
        overlap=None,
        score=score,
        source=source,
        meaning=meaning,
        takes=takes,
        invariances=invariances,
        coordinates=coordinates,
        repeats=5,
        decoded_repeats=decoded_repeats,
    )


K_MEANS = _task(
    "k-means",
    unchanged,
    "Lloyd (1982); scikit-learn's KMeans; metrics as in Bo et al. (2020)",
    "groups all rows into as many clusters as there are classes, and compares clusters with classes",
    ("rotation",),
    ("matrix", "features"),
    decoded_repeats=1,  # hundreds of columns take as many times longer, and 20 starts differ little
)
K_MEANS_STANDARDISED = _task(
    "k-means-standardised",
    standardised,
    "k-means on columns of variance 1",
    "k-means after each dimension is divided by its standard deviation",
    ("column scale",),
    coordinates="standardised",
)
K_MEANS_UNIT_NORM = _task(
    "k-means-unit-norm",
    unit_norm,
    "k-means on rows of length 1",
    "k-means after each row is divided by its length",
    ("rotation", "row length", "sparse storage"),
    coordinates="rows",
)
