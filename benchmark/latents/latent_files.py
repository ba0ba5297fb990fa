"""Latents from anywhere: npz, csv and h5ad files, checked and in one form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.datasets.canonical import canonical_edges, canonical_features
from benchmark.datasets.class_numbers import class_numbers
from benchmark.datasets.conversion import LOSS, as_array
from benchmark.datasets.dataset import check_aligned
from benchmark.datasets.scaling import LARGEST, Unscaled
from benchmark.datasets.sources import csv, h5ad, npz, torch_files
from benchmark.datasets.sources.name_options import name_options

KEYS = ("mean", "z", "std", "y", "x", "edges", "test_edges")
_TORCH = "mean=mean, std=std, y=y"
_CSV_OPTIONS = {"label": "COLUMN", "id": "COLUMN", "keep": "COLUMN", "unlabelled": "TEXT"}
_H5AD_OPTIONS = {"latent": "KEY", "std": "KEY", "label": "COLUMN"}
FORMS = ("FILE.npz", "FILE.csv[,label=COLUMN][,id=COLUMN]", "h5ad:FILE,latent=KEY[,std=KEY][,label=COLUMN]")


@dataclass(frozen=True, slots=True, eq=False)
class LatentFile:
    """Latents of rows, with all that the user gave beside them. Nothing is scaled.

    Attributes:
        mean: The latents, or posterior means, float32 [n, d].
        std: Standard deviations of Gaussian posteriors, float32 [n, d], not negative.
        y: Class numbers 0..k-1, −1 for no label, [n].
        x: Features of the rows, [n, f]: float32 if it holds all of them exactly, else float64.
        edges: All edges of the graph, [m, 2], with i < j, unique and in lexicographic order.
        test_edges: Edges that the model never saw, in the same form.
        notes: A sentence on each part of the file that is left out.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32] | None = None
    y: Integers | None = None
    x: Unscaled | None = None
    edges: Integers | None = None
    test_edges: Integers | None = None
    notes: tuple[str, ...] = ()


def read_latents(name: str) -> LatentFile:
    """Read latents from a file.

    - ``FILE.npz``: the keys ``mean`` or ``z``, and optional ``std``, ``y``, ``x``, ``edges`` and ``test_edges``.
    - ``FILE.csv[,label=COLUMN][,id=COLUMN]``: all columns of numbers are the latent. ``keep`` and ``unlabelled`` work
      as for datasets. Columns of texts are left out with a note.
    - ``h5ad:FILE,latent=KEY[,std=KEY][,label=COLUMN]``: two keys of ``obsm``, and a column of ``obs``.

    A prefix (``npz:``, ``csv:``, ``h5ad:``) names the form if the ending of the file does not.

    Args:
        name: The file, relative to the current folder, with options.

    Raises:
        InputError: if the file or an option is wrong. Unknown keys of an npz file are refused and listed.
    """
    prefix = next((each for each in _READERS if name.startswith(each)), "")
    file = name.removeprefix(prefix).partition(",")[0]
    if torch_files.is_torch_file(Path(file)):
        raise torch_files.refused(Path(file), _TORCH)
    if not prefix:
        prefix = f"{Path(file).suffix.lower()[1:]}:"
        name = prefix + name
    if prefix not in _READERS:
        raise InputError(f"latents {file}: expected {', '.join(FORMS)}; save them as one of these")
    return _READERS[prefix](name)


def checked_latents(
    name: str,
    mean: Any,
    *,
    std: Any = None,
    y: Any = None,
    x: Any = None,
    edges: Any = None,
    test_edges: Any = None,
    notes: Sequence[str] = (),
) -> LatentFile:
    """Check latents and all that comes with them, and bring them into one form.

    Args:
        name: The name in messages, such as that of the file.
        mean: Latents or posterior means, [n, d]: an array, a list, a frame or a tensor.
        std: Standard deviations, [n, d].
        y: Labels of any type, [n]; −1, None and NaN mean no label.
        x: Features, [n, f], dense or sparse.
        edges: Pairs of row numbers, [m, 2]: all edges of the graph.
        test_edges: Pairs of row numbers, [m, 2]: edges that the model never saw.
        notes: Notes to keep.

    Raises:
        InputError: if a part has another shape or is not finite, if ``std`` is negative, or if the index of a frame has
            another order.

    >>> checked_latents("mine", [[0.5], [2.0]], y=["auk", "gull"]).y.tolist()
    [0, 1]
    """
    with _about_latents(name):
        check_aligned(name, {"mean": mean, "std": std, "y": y, "x": x})
        z = _numbers(name, "mean", mean)
        _check_digits(name, as_array(name, "mean", mean), z)
        n = len(z)
        spread = None if std is None else _numbers(name, "std", std)
        if spread is not None and spread.shape != z.shape:
            raise InputError(f"dataset {name!r}: std has shape {spread.shape}, expected that of the mean, {z.shape}")
        if spread is not None and (spread < 0).any():
            raise InputError(
                f"dataset {name!r}: std holds {np.count_nonzero(spread < 0)} negative value(s), expected standard "
                "deviations; of a logarithm of the variance, give exp(logvar / 2)"
            )
        numbers = None if y is None else class_numbers(name, y)[0]
        features = None if x is None else canonical_features(name, x)[0]
        for key, part in (("y", numbers), ("x", features)):
            if part is not None and part.shape[0] != n:
                raise InputError(f"dataset {name!r}: {key} has {part.shape[0]} rows, and the latent {n}; give as many")
        pairs, unseen = (None if each is None else canonical_edges(name, each, n)[0] for each in (edges, test_edges))
    unlabelled = 0 if numbers is None else int(np.count_nonzero(numbers < 0))
    if unlabelled:
        notes = (*notes, f"{unlabelled:,} of {n:,} rows have no label, and no task scores them")
    return LatentFile(z, spread, numbers, features, pairs, unseen, tuple(notes))


def _numbers(name: str, key: str, value: Any) -> NDArray[np.float32]:
    """Finite numbers [n, d] as float32, which models and tasks use."""
    given = as_array(name, key, value)
    if given.ndim != 2 or given.dtype.kind not in "biuf" or 0 in given.shape:
        raise InputError(
            f"dataset {name!r}: {key} has shape {given.shape} and type {given.dtype}, expected numbers [rows, "
            f"dimensions]{'; give a column, as with z[:, None]' if given.ndim == 1 else ''}"
        )
    wrong = np.argwhere(~np.isfinite(given))
    if len(wrong):
        i, j = wrong[0]
        raise InputError(
            f"dataset {name!r}: {key} holds {len(wrong)} value(s) that are not finite, the first is {given[i, j]} in "
            f"row {i}, column {j}; drop these rows"
        )
    largest = float(np.abs(given.astype(np.float64)).max())
    if largest > LARGEST:
        raise InputError(
            f"dataset {name!r}: {key} reaches {largest:g}, so squares overflow in float32; scale the latent down"
        )
    return given.astype(np.float32)


def _check_digits(name: str, given: NDArray[Any], found: NDArray[np.float32]) -> None:
    """Refuse a dimension whose values float32 cannot tell apart, such as one with a large offset."""
    wide = given.astype(np.float64)
    low, high = wide.min(axis=0), wide.max(axis=0)
    lost = np.flatnonzero((high > low) & (np.abs(wide - found).max(axis=0) > LOSS * (high - low)))
    if len(lost):
        j = int(lost[0])
        raise InputError(
            f"dataset {name!r}: column {j} of the mean goes from {low[j]:.17g} to {high[j]:.17g}, which float32 cannot "
            "tell apart; subtract the smallest value"
        )


@contextmanager
def _about_latents(name: str) -> Iterator[None]:
    """Let messages that the checks of datasets raise name the latents."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(f"dataset {name!r}", f"latents {name}")) from None


def _options(name: str, prefix: str, known: Mapping[str, str]) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """The file in a name, and its options."""
    with _about_latents(name):
        file, options = name_options(name, prefix, known)
    return Path(file).expanduser(), options


def _read_npz(name: str) -> LatentFile:
    path, _ = _options(name, npz.PREFIX, {})
    with npz.opened(path, _TORCH) as archive:
        strange = [key for key in archive if key not in KEYS]
        if "concentration" in strange:
            raise InputError(
                f"npz file {path}: key 'concentration' is of a latent on the sphere, which is not sampled here; leave "
                "it out, and the mean is scored as a point"
            )
        if strange:
            raise InputError(
                f"npz file {path}: unknown key(s) {', '.join(map(repr, strange))}; known: {', '.join(KEYS)}; rename "
                "them, or leave them out"
            )
        given: dict[str, Any] = {key: npz.array_of(path, archive, key) for key in archive}
    if "mean" in given and "z" in given:
        raise InputError(f"npz file {path}: keys 'mean' and 'z' both hold the latent; leave one out")
    if "mean" not in given and "z" not in given:
        raise InputError(f"npz file {path}: no latent: expected mean or z; it has {', '.join(given) or 'no key'}")
    mean = given.pop("mean") if "mean" in given else given.pop("z")
    return checked_latents(str(path), mean, **given)


def _read_csv(name: str) -> LatentFile:
    path, options = _options(name, csv.PREFIX, _CSV_OPTIONS)
    one = {key: values[0] for key, values in options.items()}
    raw = csv.read_csv(
        path,
        label=one.get("label"),
        identity=one.get("id"),
        keep=options.get("keep", ()),
        unlabelled=one.get("unlabelled"),
        leave_texts=True,
    )
    return checked_latents(str(path), raw.x, y=raw.y, notes=raw.notes)


def _read_h5ad(name: str) -> LatentFile:
    path, options = _options(name, h5ad.PREFIX, _H5AD_OPTIONS)
    one = {key: values[0] for key, values in options.items()}
    with h5ad.opened(path) as content:
        if "latent" not in one:
            known = ", ".join(h5ad.keys_of(content, "obsm")) or "none"
            raise InputError(f"h5ad file {path}: say latent=KEY, the latent in obsm; it has {known}")
        if "std" in one and one["std"].lower().endswith("qzv"):
            raise InputError(
                f"h5ad file {path}: obsm/{one['std']} holds variances, as scVI stores them; store their square roots, "
                "and name these in std="
            )
        parts = {key: h5ad.matrix(path, content, f"obsm/{one[key]}") for key in ("latent", "std") if key in one}
        y = h5ad.column(path, content, one["label"]) if "label" in one else None
    return checked_latents(str(path), parts["latent"], std=parts.get("std"), y=y)


_READERS: Mapping[str, Callable[[str], LatentFile]] = {
    npz.PREFIX: _read_npz,
    csv.PREFIX: _read_csv,
    h5ad.PREFIX: _read_h5ad,
}
