"""Clustering by a mixture of Gaussians with full covariances. It does not depend on the scale of a latent's columns."""

from __future__ import annotations

import warnings

import numpy as np

from benchmark.core.arrays import Integers, Matrix
from benchmark.tasks.clustering import CLUSTERING_METRICS, compared_with_classes, seed_of_starts
from benchmark.tasks.task import Case, NotedScores, Task

MOST_COLUMNS = 64
ROWS_A_COLUMN = 10  # of each class
REGULARISER = 1e-3  # of the mean variance of the columns
STARTS = 5


def gaussian_mixture(z: Matrix, case: Case) -> dict[str, float]:
    """Cluster all labelled rows by a mixture of as many Gaussians as there are classes, and compare with classes.

    Args:
        z: Latents, [n, d].
        case: Labels, fingerprint, seed and repeat.

    Returns:
        ACC and macro-F1 after the best one-to-one matching of clusters to classes, NMI, AMI and ARI. Nothing if
        d > 64 or n < 10·k·d, because k covariances have k·d²/2 parameters. If the fit fails, all rows are one cluster,
        which gives chance, and the note says why.

    Raises:
        ValueError: if the dataset has no labels.
    """
    z, y = case.with_labels(z)
    classes, (rows, columns) = int(y.max()) + 1, z.shape
    if columns > MOST_COLUMNS or rows < ROWS_A_COLUMN * classes * columns:
        return {}
    try:
        found = mixture_clusters(z, classes, seed=seed_of_starts(case, "gaussian-mixture"))
    except MixtureError as error:
        return NotedScores(compared_with_classes(y, np.zeros_like(y)), note=str(error))
    return compared_with_classes(y, found)


class MixtureError(ValueError):
    """A mixture of Gaussians cannot be fitted to a latent. The message says why."""


def mixture_clusters(z: Matrix, clusters: int, *, seed: int) -> Integers:
    """Fit scikit-learn's GaussianMixture with full covariances, and assign each row to its likeliest component.

    The best of five k-means starts counts, after at most 100 iterations each. Every column is divided by the root of
    its variance plus 0.001 of the mean variance. So the starts do not depend on scale either, and a collapsed column
    stays small. 0.001 of the mean variance is added to the diagonal of each covariance.

    Args:
        z: Latents, [n, d].
        clusters: Number of components.
        seed: Seed of the starts.

    Returns:
        Cluster numbers, [n].

    Raises:
        MixtureError: if all rows are equal, or a covariance cannot be inverted in spite of the regulariser.
        ValueError: if the latent has values that are not finite.

    Source: Dempster, Laird and Rubin (1977); scikit-learn's GaussianMixture.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from sklearn.utils import check_array

    wide = check_array(z if isinstance(z, np.ndarray) else z.toarray(), dtype=np.float64)
    variance = wide.var(axis=0)
    if not variance.any():
        raise MixtureError("all rows are equal")
    scaled = (wide - wide.mean(axis=0)) / np.sqrt(variance + REGULARISER * variance.mean())
    added = REGULARISER * float(scaled.var(axis=0).mean())
    mixture = GaussianMixture(clusters, reg_covar=added, n_init=STARTS, random_state=seed)
    with warnings.catch_warnings():
        # the limit of iterations is part of the task, and a latent may have fewer distinct rows than clusters
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            found: Integers = mixture.fit_predict(scaled).astype(np.int64)
        except ValueError as error:
            if "ill-defined" not in str(error):
                raise
            raise MixtureError("a covariance cannot be inverted") from error
    return found


GAUSSIAN_MIXTURE = Task(
    name="gaussian-mixture",
    version=1,
    edge_set="all-edges",
    needs="labels",
    metrics=CLUSTERING_METRICS,
    primary="ami",
    overlap=None,
    score=gaussian_mixture,
    coordinates="standardised",
    source="Dempster, Laird and Rubin (1977); scikit-learn's GaussianMixture",
    meaning="fits one Gaussian for each class to all rows, and compares these clusters with the classes",
    left_out=f"it takes latents of at most {MOST_COLUMNS} columns, with {ROWS_A_COLUMN} rows for each class and column",
)
