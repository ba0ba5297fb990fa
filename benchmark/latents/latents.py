"""Latents of one trained replica as numpy arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError
from benchmark.core.files import packed, unpacked

if TYPE_CHECKING:
    from benchmark.training.fitted import Fitted, Snapshot
    from benchmark.training.posteriors import Posterior

ReadoutKind: TypeAlias = Literal["matrix", "pairs", "epochs", "features"]
"""A Matrix of latents, PairScores, Epochs, or a Matrix of decoded features."""

EVERY = 5  # epochs between two training passes that a readout uses


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """The posterior of every row in one replica: a point, a Gaussian, or a distribution on the unit sphere.

    Attributes:
        mean: Posterior means, [n, d]. On the sphere the mean is A(κ) μ. Sparse only for controls on sparse features.
        std: Standard deviations of a Gaussian, [n, d].
        concentration: Concentrations κ on the sphere, [n].
        passes: Means and draws of training passes, [n, d] each, if the training was asked for them. A pass of
            mini-batches has no draw of all rows. Passes have a file of their own.
        decode: The decoder, from latents of all rows [n, d] to features [n, f], if the training was asked for it. It
            has a file of its own.
    """

    mean: Matrix
    std: NDArray[np.float32] | None = None
    concentration: NDArray[np.float32] | None = None
    passes: tuple[tuple[NDArray[np.float32], NDArray[np.float32] | None], ...] = ()
    decode: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None

    @property
    def finite(self) -> bool:
        """Whether every number of the posterior is finite."""
        values = self.mean if isinstance(self.mean, np.ndarray) else self.mean.data
        parts = [values, *(part for part in (self.std, self.concentration) if part is not None)]
        return all(bool(np.isfinite(part).all()) for part in parts)

    @property
    def noisy(self) -> bool:
        """Whether the posterior has a spread."""
        return self.std is not None or self.concentration is not None

    def chosen(self, rows: Integers) -> Latents:
        """The posteriors of some rows, without passes and decoder.

        >>> Latents(np.float32([[0], [1], [2]])).chosen(np.array([2, 0])).mean.tolist()
        [[2.0], [0.0]]
        """
        std, concentration = (None if part is None else part[rows] for part in (self.std, self.concentration))
        return Latents(self.mean[rows], std, concentration)

    @property
    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        """The saved arrays, dense."""
        mean = self.mean if isinstance(self.mean, np.ndarray) else self.mean.toarray()
        parts = {"mean": mean, "std": self.std, "concentration": self.concentration}
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def digest(self) -> str:
        """The first 12 digits of the SHA-256 of the content. File names of latents end in these digits."""
        content = b"".join(np.ascontiguousarray(array).tobytes() for array in self._arrays.values())
        return hashlib.sha256(content).hexdigest()[:12]

    def packed(self) -> bytes:
        """The content of an npz file with the keys mean, std and concentration."""
        return packed(self._arrays)

    @classmethod
    def load(cls, path: Path) -> Latents:
        """Read a file with the content of ``packed``.

        Raises:
            InputError: if the file is missing or damaged.
        """
        arrays = unpacked(path)
        if "mean" not in arrays:
            raise InputError(f"{path}: not a readable file of latents (it has no array 'mean')")
        return cls(arrays["mean"], arrays.get("std"), arrays.get("concentration"))

    def packed_passes(self) -> bytes:
        """The training passes as the content of an npz file.

        Its keys are "means", [p, n, d], "drawn", [p], and "draws", [s, n, d]. "drawn" says which passes have a draw.
        The draws of a point are its means, and are left out.
        """
        draws = [drawn if self.noisy else None for _, drawn in self.passes]
        kept = [drawn for drawn in draws if drawn is not None]
        return packed(
            {
                "means": np.stack([mean for mean, _ in self.passes]),
                "drawn": np.array([drawn is not None for drawn in draws]),
                "draws": np.stack(kept) if kept else np.zeros((0, *self.mean.shape), dtype=np.float32),
            }
        )

    def with_passes(self, path: Path) -> Latents:
        """These latents with the training passes of a file that ``packed_passes`` made.

        Raises:
            InputError: if the file is missing or damaged.
        """
        arrays = unpacked(path)
        if not {"means", "drawn", "draws"} <= arrays.keys():
            raise InputError(f"{path}: not a readable file of training passes; delete it, and run the study again")
        draws = iter(arrays["draws"])
        kept = zip(arrays["means"], arrays["drawn"], strict=True)
        return replace(self, passes=tuple((mean, next(draws) if drawn else None) for mean, drawn in kept))


def noisy_mean(latents: Latents) -> NDArray[np.float32]:
    """The mean of a posterior with a spread, [n, d].

    Raises:
        ValueError: if the posterior is a point.
    """
    if not latents.noisy or not isinstance(latents.mean, np.ndarray):
        raise ValueError("a point has no samples and no σ")
    return latents.mean


def of_fitted(fitted: Fitted) -> list[Latents]:
    """The latents of each replica of a fitted model, with those of training passes if they were kept."""
    from benchmark.training.fitted import Matrices

    if isinstance(fitted.latents, Matrices):
        return [Latents(matrix) for matrix in fitted.latents.of_replicas]
    return of_posterior(fitted.latents, fitted.snapshots)


def of_posterior(q: Posterior, snapshots: Sequence[Snapshot] = ()) -> list[Latents]:
    """The latents of each replica of a posterior.

    Args:
        q: Posteriors of all rows. Mean and std are [r, n, d].
        snapshots: Training passes to keep with the latents.
    """
    means = q.mean.detach().cpu().numpy()
    stds, concentrations = (
        [None] * len(means) if part is None else part.detach().cpu().numpy()
        for part in (getattr(q, name, None) for name in ("std", "concentration"))
    )
    taken = [
        (s.posterior.mean.detach().cpu().numpy(), None if s.drawn is None else s.drawn.detach().cpu().numpy())
        for s in snapshots
    ]
    return [
        Latents(
            mean,
            std,
            None if concentration is None else concentration[:, 0],
            tuple((mean_then[i], None if drawn is None else drawn[i]) for mean_then, drawn in taken),
        )
        for i, (mean, std, concentration) in enumerate(zip(means, stds, concentrations, strict=True))
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Epochs:
    """The latents of several training passes in order, [n, d] each. A task chooses one of them by its score."""

    latents: tuple[NDArray[np.float32], ...]
