"""Models of somebody's own: a function that makes latents from features."""

from __future__ import annotations

import hashlib
import inspect
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.core.environment import ABSENT, installed_version
from benchmark.core.errors import InputError
from benchmark.core.names import suggestion
from benchmark.core.told import told
from benchmark.datasets.dataset import Dataset
from benchmark.models.model import UNFORESEEN, Description, Family
from benchmark.models.settings import Settings
from benchmark.study.schema import Setting
from benchmark.training.devices import out_of_memory
from benchmark.training.fitted import Fitted, Matrices
from benchmark.training.posteriors import DiagonalGaussian
from benchmark.training.training_data import TrainingData

Own: TypeAlias = Mapping[str, Setting] | Iterable[tuple[str, Setting]]
"""Hyperparameters of a function by name."""

_OWN = "its own"  # likelihood and objective in tables
_EXPECTED = 16  # latent dimensions, for estimates of size, if no setting "latent" tells them


class FitError(Exception):
    """A function of somebody's own failed, or returned something that is no latent. The message says why."""


@dataclass(frozen=True, slots=True, init=False)
class FunctionSpec:
    """A model of your own: a function that gives each row a latent.

    Args:
        name: Letters, digits and ``. _ + -``; unique among models.
        fit: Called as ``fit(x, edges, seed, **settings)``.

            - x: features, float32 [n, f], a copy. Dense, or a ``scipy.sparse.csr_array`` with ``sparse``.
            - edges: pairs of row numbers i < j, int64 [m, 2], if ``uses_graph``, else None. The function is called
              with all edges, and once more with the training edges alone. Links are scored on the latents of the
              second call.
            - seed: a whole number from 0.

            Returns the mean of each row, [n, d], or a tuple of mean and standard deviation, [n, d] each. A standard
            deviation is not negative. Arrays, tensors and frames are accepted. All latents become float32.
        uses_graph: Whether ``fit`` sees edges.
        settings: Hyperparameters with their defaults, ``{"latent": 16}`` or pairs of name and value. ``fit`` gets them
            as keywords, and variants of a study override them.
        version: Part of the identity of every record. Raise it if something changes that no file shows.
        source: Publication or code that the model comes from.
        packages: Names of installed packages, as pip knows them. Their versions are part of the identity.
        sparse: Whether ``fit`` gets x as a sparse matrix.
        note: A remark for readers.

    The global random generators of Python, numpy and torch are seeded with ``seed`` before each call, and restored
    after it. The function runs in a worker process on the CPU, unless it moves itself to a GPU. Latents that are
    constant, not finite or of a wrong shape make a failed unit, and so does an exception.

    Raises:
        ValueError: if an argument is impossible, or ``fit`` does not take the settings.

    >>> def principal(x, edges, seed, latent):
    ...     return x[:, :latent]
    >>> FunctionSpec("first-columns", principal, settings={"latent": 2}).settings.in_key()
    {'latent': 2}
    """

    name: str
    call: Callable[..., Any]
    uses_graph: bool
    settings: Settings
    version: int
    source: str
    packages: tuple[str, ...]
    sparse: bool
    note: str

    is_function: ClassVar[bool] = True
    noisy: ClassVar[bool] = True  # perhaps: only the result tells
    trained: ClassVar[bool] = True
    drawable: ClassVar[None] = None
    decodes_features: ClassVar[bool] = False
    has_passes: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = True
    compresses: ClassVar[bool] = True
    network: ClassVar[None] = None

    def __init__(
        self,
        name: str,
        fit: Callable[..., Any],
        *,
        uses_graph: bool = False,
        settings: Own = (),
        version: int = 1,
        source: str = "",
        packages: Sequence[str] = (),
        sparse: bool = False,
        note: str = "",
    ) -> None:
        where = f"model {name!r}"
        if not callable(fit):
            raise ValueError(f"{where}: fit must be a function of x, edges and seed, got {fit!r}")
        if isinstance(packages, str) or not all(isinstance(each, str) for each in packages):
            raise ValueError(f'{where}: packages must be a tuple of names such as ("scikit-learn",), got {packages!r}')
        if isinstance(version, bool) or not isinstance(version, int):
            raise ValueError(f"{where}: version must be a whole number, got {version!r}")
        own = _own(where, settings)
        _check_call(where, fit, own)
        values = {
            "name": name,
            "call": fit,
            "uses_graph": bool(uses_graph),
            "settings": _settings(own),
            "version": version,
            "source": source,
            "packages": tuple(packages),
            "sparse": bool(sparse),
            "note": note,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    @property
    def family(self) -> Family:
        """Family "gae" if the function sees edges, else "ae"."""
        return "gae" if self.uses_graph else "ae"

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override: all of the function's own."""
        return tuple(self.settings.in_key())

    @property
    def identity(self) -> Hashable:
        """The function and the form of its inputs; the settings decide the rest."""
        return self.call, self.uses_graph, self.sparse

    def describe(self, _settings: Settings, _rows: int) -> Description:
        """Describe the model in words, under any settings. Only a fit tells whether latents have a spread."""
        return Description(latent=UNFORESEEN, architecture="a function", likelihood=_OWN, objective=_OWN)

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return the function's settings with some replaced.

        Raises:
            ValueError: if the function has no such setting, or a value is of another type than its default.
        """
        own = self.settings.in_key()
        for name, value in overrides.items():
            if name not in own:
                known = suggestion(name, own) if own else "it has none; name them in FunctionSpec(settings=…)"
                raise ValueError(f"{self.name} does not accept the setting {name!r}; {known}")
            own[name] = _like_default(name, value, own[name])
        return _settings(own)

    def refuses(self, _dataset: Dataset, _edges: NDArray[np.int64], _settings: Settings) -> None:
        """Refuse no dataset. A function that cannot take one raises, which is recorded."""

    def fit(
        self,
        data: TrainingData,
        settings: Settings,
        seeds: Sequence[int],
        _device: str,
        *,
        passes: int | None = None,
    ) -> Fitted:
        """Call the function once for each seed; see ``Model.fit``.

        Raises:
            FitError: if the function raises an exception, or returns something that is no latent.
            ValueError: if passes are asked for.
        """
        if passes:
            raise ValueError(f"{self.name} is a function, so it has no training passes to keep")
        found = [self._latents(data, settings, seed, replica) for replica, seed in enumerate(seeds)]
        means, stds = zip(*found, strict=True)
        if any(std is None for std in stds):
            if any(std is not None for std in stds):
                raise FitError("fit returned a standard deviation for some seeds only; return one for all or for none")
            return Fitted(Matrices(means))
        mean, std = (torch.from_numpy(np.stack(part)) for part in (means, stds))
        return Fitted(DiagonalGaussian(mean, std))

    def _latents(self, data: TrainingData, settings: Settings, seed: int, replica: int) -> tuple[Any, Any]:
        """Mean and standard deviation of one seed, float32 [n, d] each; None for the latter if there is no spread."""
        edges = None if data.edges is None or not self.uses_graph else np.array(data.edges[replica], dtype=np.int64)
        x = _features(data.x, sparse=self.sparse)
        with seeded(seed):
            try:
                returned = self.call(x, edges, seed, **settings.in_key())
            except (Exception, SystemExit) as error:
                if out_of_memory(error):
                    raise
                raise FitError(f"fit failed: {told(error, _file(self.call))}") from None
        return checked(returned, data.x.shape[0])

    def with_version(self, version: int) -> FunctionSpec:
        """Return the same model with a version made of ``version``, its own version, and those of its packages.

        Raises:
            InputError: if a package is not installed.
        """
        parts = (version, self.version, *(f"{name} {number}" for name, number in self.installed().items()))
        mixed = int(hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12], 16)
        return self._with("version", mixed)

    def with_call(self, call: Callable[..., Any]) -> FunctionSpec:
        """Return the same model with another function, which takes the same arguments."""
        return self._with("call", call)

    def installed(self) -> dict[str, str]:
        """The installed versions of ``packages`` by name.

        Raises:
            InputError: if a package is not installed.
        """
        found = {name: installed_version(name) for name in self.packages}
        for name, version in found.items():
            if version == ABSENT:
                known = packages_distributions().get(name.replace("-", "_"), [])
                remedy = f"did you mean {known[0]!r}?" if known else "name packages as `pip list` does"
                raise InputError(f"model {self.name!r}: no package {name!r} is installed; {remedy}")
        return found

    def _with(self, field: str, value: Any) -> FunctionSpec:
        changed = copy(self)
        object.__setattr__(changed, field, value)
        return changed


def _own(where: str, settings: Any) -> dict[str, Setting]:
    """Hyperparameters by name."""
    try:
        own = {name: tuple(value) if isinstance(value, list) else value for name, value in dict(settings).items()}
    except (TypeError, ValueError):
        raise ValueError(f'{where}: settings must be such as {{"latent": 16}}, got {settings!r}') from None
    for name, value in own.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"{where}: settings: {name!r} is no name of a keyword")
        if not isinstance(value, bool | int | float | str | tuple):
            raise ValueError(
                f"{where}: setting {name} must be a number, a word or a list of whole numbers, got {value!r}"
            )
    return own


def _settings(own: Mapping[str, Setting]) -> Settings:
    """The hyperparameters of a function as settings. Nothing that is trained or scored reads the others."""
    named = own.get("latent")
    latent = named if isinstance(named, int) and named > 0 else _EXPECTED
    return Settings(hidden=(), latent=int(latent), learning_rate=1.0, epochs=0, own=tuple(own.items()))


def _check_call(where: str, fit: Callable[..., Any], own: Mapping[str, Setting]) -> None:
    """Raise ValueError if a function does not take x, edges, seed and the settings."""
    try:
        signature = inspect.signature(fit)
    except (TypeError, ValueError):  # some functions in C tell nothing
        return
    try:
        signature.bind(None, None, 0, **own)
    except TypeError as error:
        wanted = ", ".join(("x, edges, seed", *own))
        raise ValueError(f"{where}: fit is called as fit({wanted}), and takes {signature}: {error}") from None


def _like_default(name: str, value: Setting, default: Setting) -> Setting:
    """Return a new value of a setting. Raises ValueError unless the value has the type of the default."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, tuple) and isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if type(value) is not type(default):
        raise ValueError(f"{name} must be a {type(default).__name__} as its default {default!r} is, got {value!r}")
    return value


def _features(x: Matrix, *, sparse: bool) -> Matrix:
    """A copy of the features, float32 [n, f], so that no function changes the data of the next."""
    if sparse:
        return sp.csr_array(x, dtype=np.float32, copy=True)
    return np.array(x if isinstance(x, np.ndarray) else x.toarray(), dtype=np.float32)


def _file(call: Callable[..., Any]) -> Path:
    """The file of a function, also of one inside ``functools.partial``; empty if it has none."""
    while hasattr(call, "func"):
        call = call.func
    code = getattr(call, "__code__", None)
    return Path(code.co_filename) if code else Path()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, numpy and torch for a block, and restore them after it.

    The default dtype, the number of threads and the mode of gradients of torch are restored too, because other models
    train in the same process.

    >>> with seeded(3):
    ...     first = random.random()
    >>> with seeded(3):
    ...     first == random.random()
    True
    """
    python, legacy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    kept = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cards:
            torch.cuda.set_rng_state_all(cards)
        dtype, threads, gradients = kept
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.set_grad_enabled(gradients)


def checked(returned: Any, rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Check what a function returned.

    Args:
        returned: A mean [n, d], or a tuple of mean and standard deviation.
        rows: n.

    Returns:
        Mean and standard deviation, float32 [n, d] each. The latter is None if there is none.

    Raises:
        FitError: if it is no latent.

    >>> checked(([[0], [1]], [[1], [1]]), 2)[1].tolist()
    [[1.0], [1.0]]
    """
    if isinstance(returned, tuple) and len(returned) != 2:
        raise FitError(f"fit returned {len(returned)} values, expected a mean, or a mean and a standard deviation")
    given = returned if isinstance(returned, tuple) else (returned, None)
    mean = _array("mean", given[0], rows)
    std = None if given[1] is None else _array("standard deviation", given[1], rows)
    if not (mean != mean[0]).any():
        raise FitError(f"fit returned a constant: all {rows} rows have the same mean")
    if std is not None and std.shape != mean.shape:
        raise FitError(f"fit returned a mean of shape {mean.shape}, but a standard deviation of shape {std.shape}")
    if std is not None and (std < 0).any():
        raise FitError(
            f"fit returned a standard deviation of {std.min():g}; of a log variance, return exp(log_variance / 2)"
        )
    return mean, std


def _array(what: str, value: Any, rows: int) -> NDArray[np.float32]:
    """One part of what a function returned, as float32 [n, d]."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if sp.issparse(value):
        raise FitError(f"fit returned a sparse {what}; return it dense, with toarray()")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"its type is {array.dtype if array.ndim else type(value).__name__}")
        with np.errstate(over="ignore"):  # beyond float32 is infinite
            array = np.ascontiguousarray(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise FitError(f"fit returned a {what} that is no array of numbers ({error})") from None
    if array.ndim != 2 or array.shape[0] != rows or not array.shape[1]:
        raise FitError(f"fit returned a {what} of shape {array.shape}, expected ({rows}, d): one row for each row of x")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise FitError(f"fit returned a {what} with {count} value(s) that are not finite")
    return array
