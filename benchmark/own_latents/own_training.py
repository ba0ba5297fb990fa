"""``benchmark.load`` and ``benchmark.train``: datasets of the studies, and their models on any data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmark.core.errors import InputError
from benchmark.core.names import find
from benchmark.datasets import Dataset, DatasetSpec, Raw, hold_out, make_dataset
from benchmark.datasets import data_root as root_of
from benchmark.datasets import load as load_from
from benchmark.datasets.canonical import canonical_edges
from benchmark.datasets.scaling import Scaling

if TYPE_CHECKING:
    from benchmark.latents.latents import Latents
    from benchmark.study.schema import Setting


def load(name: str, data_root: str | Path | None = None) -> Dataset:
    """Load a dataset as the studies do: checked, scaled and read-only. Missing files are downloaded.

    Args:
        name: A name of ``benchmark.datasets()``, or the name of a file such as ``csv:FILE,label=COLUMN``.
        data_root: Folder of the data files. None is BENCHMARK_DATA_ROOT, or else a folder in the user's cache.

    Raises:
        InputError: if the name is unknown, the content is malformed, or a file cannot be downloaded.

    >>> found = load("wine")
    >>> found.x.shape, found.classes, found.edges is None
    ((178, 13), 3, True)
    """
    return load_from(name, root_of(None if data_root is None else str(data_root)))


def train(
    name: str,
    x: Any,
    *,
    edges: Any = None,
    seed: int = 0,
    scaling: Scaling | Literal["auto"] = "auto",
    device: str = "cpu",
    **settings: Setting,
) -> Latents:
    """Train a model, and return the latents of all rows. Equal arguments give equal latents.

    Args:
        name: A name of ``benchmark.models()``.
        x: Features, [n, f]: an array, a list, a frame, a tensor or a sparse matrix. Or a dataset of ``load``, which is
            trained as a study trains it.
        edges: The edges that a model of graphs sees, pairs of row numbers, [m, 2]. Leave out the edges that a link task
            will test. None is the graph of the dataset, or else of each row's nine nearest neighbours, as in a study.
        seed: Decides initial weights, batches and noise. No global generator is used.
        scaling: Scaling of ``x``: "unit", "standard" or "none". "auto" is "none" if every value is 0 or 1, else "unit".
            Counts need "none".
        device: "cpu", "cuda", or "auto".
        settings: Settings to replace, such as ``beta=0.1``, ``latent=8`` or ``epochs=100``. The table of settings is in
            the documentation of studies.

    Returns:
        Means [n, d], and standard deviations [n, d] if the model has them.

    Raises:
        InputError: if the data are malformed, the model or a setting is unknown, the model cannot be trained on these
            data, or the training diverges.

    >>> latents = train("vae", load("wine"), latent=4, epochs=5, least_steps=5)
    >>> latents.mean.shape, latents.std.shape
    ((178, 4), (178, 4))
    """
    from benchmark.latents.latents import of_fitted
    from benchmark.models import MODELS
    from benchmark.plan.data import Prepared
    from benchmark.training.devices import resolve_device
    from benchmark.training.training_data import TrainingData

    model = find(MODELS, "model", name)
    try:
        chosen = model.overridden(settings)
    except ValueError as error:
        raise InputError(f"model {name!r}: {error}") from None
    dataset = _dataset(x, edges, scaling)
    prepared = Prepared.of(dataset) if model.uses_graph else None
    reason = model.refuses(dataset, _NO_EDGES if prepared is None else prepared.edges, chosen)
    if reason is not None:
        raise InputError(f"model {name!r} cannot be trained: {reason}")
    held_out = chosen.held_out_of(dataset.rows)
    data = TrainingData(
        dataset.x,
        None if prepared is None else (prepared.edges,),
        weights=None if prepared is None else prepared.weights,
        clusters=None if dataset.y is None else dataset.classes,
        training_rows=(hold_out(dataset, held_out, seed).training,) if held_out else None,
    )
    try:
        fitted = model.fit(data, chosen, [seed], resolve_device(device))
    except ValueError as error:
        raise InputError(f"model {name!r} cannot be trained: {error}") from None
    (latents,) = of_fitted(fitted)
    epoch = fitted.curves[0].first_not_finite if fitted.curves else None
    if epoch is not None or not latents.finite:
        where = "latents are not finite" if epoch is None else f"the loss is not finite at epoch {epoch}"
        raise InputError(f"model {name!r} diverged: {where}; lower learning_rate")
    return latents


_NO_EDGES = np.empty((0, 2), dtype=np.int64)


def _dataset(x: Any, edges: Any, scaling: Scaling | Literal["auto"]) -> Dataset:
    """The data to train on."""
    if not isinstance(x, Dataset):
        raw = x if isinstance(x, Raw) else Raw(x)
        return make_dataset(own_spec(scaling), raw if edges is None else replace(raw, edges=edges, weights=None))
    if scaling not in ("auto", x.scaling):
        raise InputError(
            f"dataset {x.name!r} is scaled already ({x.scaling!r}), and scaling is {scaling!r}; leave scaling out"
        )
    return x if edges is None else replace(x, edges=canonical_edges(x.name, edges, x.rows)[0])


def own_spec(scaling: Scaling | Literal["auto"] = "auto") -> DatasetSpec:
    """The spec of features that a caller gives, scaled as those of a file."""
    return DatasetSpec("x", _not_loaded, scaling, family="own", source="", licence="", citation="")


def _not_loaded(_root: Path) -> Raw:
    raise InputError("dataset 'x' is given by the caller, and not loaded")
