"""Controls without a network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.core.rng import generator
from benchmark.datasets.dataset import Dataset
from benchmark.models.accepted import overridden
from benchmark.models.controls import Control, Spread
from benchmark.models.model import Description, Family
from benchmark.models.parts.posterior_families import POINT
from benchmark.models.settings import Settings
from benchmark.study.schema import Setting
from benchmark.training.fitted import Fitted, Matrices
from benchmark.training.posteriors import DiagonalGaussian
from benchmark.training.training_data import TrainingData


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSpec:
    """A control that computes latents from its inputs by a function, without a network.

    Args:
        name: Lower case, unique among models.
        latent: Maps the inputs of a control to a matrix, [n, d], or to means and standard deviations if noisy.
        uses_graph: Whether the function sees edges.
        settings: Holds the latent dimension. Other settings are not used.
        source: Publication or code that the control comes from.
        note: A remark for readers.
        has_dimension: Whether latents have ``settings.latent`` columns, else f.
        noisy: Whether latents are Gaussian posteriors with a spread to sample from.
        at_most_features: Whether a study is refused if it asks for more columns than the data have rows or features.
        version: Number in the key of every record. It is raised if results change.
    """

    name: str
    latent: Callable[[Control], Matrix | Spread]
    uses_graph: bool
    settings: Settings
    source: str
    note: str = ""
    has_dimension: bool = False
    at_most_features: bool = False
    noisy: bool = False
    version: int = 1

    is_function: ClassVar[bool] = False
    family: ClassVar[Family] = "control"
    trained: ClassVar[bool] = False
    drawable: ClassVar[None] = None
    decodes_features: ClassVar[bool] = False
    has_passes: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = False
    network: ClassVar[None] = None

    @property
    def compresses(self) -> bool:
        """Whether latents have a dimension of their own. Otherwise they have the width of the features."""
        return self.has_dimension

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override: the latent dimension, if the control has one."""
        return ("latent",) if self.has_dimension else ()

    @property
    def identity(self) -> Hashable:
        """The function that makes the latents."""
        return self.latent

    def describe(self, settings: Settings, _rows: int) -> Description:
        """Describe the control in words, for data of any size."""
        width = f"d = {settings.latent}" if self.has_dimension else ""
        return Description(latent="gaussian" if self.noisy else POINT.name, architecture=width, objective="untrained")

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return the control's settings with some replaced. Raises ValueError for any but ``latent``."""
        return overridden(self.name, self.settings, self.accepts, overrides)

    def refuses(self, dataset: Dataset, _edges: NDArray[np.int64], settings: Settings) -> str | None:
        """Say why the control cannot be computed for a dataset: more components than it has. None if it can."""
        most = min(dataset.rows, dataset.features)
        if self.at_most_features and settings != self.settings and settings.latent > most:
            return (
                f"{dataset.rows} rows of {dataset.features} features have only {most} components, fewer than latent = "
                f"{settings.latent}; ask for at most {most}, or leave the variant out"
            )
        return None

    def fit(
        self,
        data: TrainingData,
        settings: Settings,
        seeds: Sequence[int],
        _device: str,
        *,
        passes: int | None = None,
    ) -> Fitted:
        """Compute the latents of each seed, with random numbers from the seed alone. ``passes`` must be unset."""
        if passes:
            raise ValueError(f"{self.name} is not trained, so it has no training passes to keep")
        found = [
            self.latent(Control(data.x, data.edges[i] if data.edges else None, settings.latent, own))
            for i, own in enumerate(generator(seed, self.name) for seed in seeds)
        ]
        spreads = [each for each in found if isinstance(each, tuple)]
        if bool(spreads) != self.noisy:
            raise ValueError(f"{self.name} says noisy = {self.noisy}, and its latents say otherwise")
        if spreads:
            mean, std = (torch.from_numpy(np.stack(part)) for part in zip(*spreads, strict=True))
            return Fitted(DiagonalGaussian(mean, std))
        return Fitted(Matrices(tuple(each for each in found if not isinstance(each, tuple))))

    def with_version(self, version: int) -> ControlSpec:
        """Return the same control with another version."""
        return replace(self, version=version)
