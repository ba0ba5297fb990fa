"""ControlSpec: a control without a network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.core.rng import generator
from benchmark.datasets.dataset import Dataset
from benchmark.models.accepted import overridden
from benchmark.models.controls import Control
from benchmark.models.model import Description, Family
from benchmark.models.parts.posterior_families import POINT
from benchmark.models.settings import Settings
from benchmark.study.schema import Setting
from benchmark.training.fitted import Fitted, Matrices
from benchmark.training.training_data import TrainingData


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSpec:
    """A control that is a function of its inputs, without a network.

    Args:
        name: Lower case, unique among models.
        latent: From the inputs of a control to a matrix [n, d].
        uses_graph: Whether it sees edges.
        settings: Its latent dimension; the other settings are not used.
        source: Publication or code.
        note: What a reader should know.
        has_dimension: Whether the width of the latent is ``settings.latent``, else it is f.
        at_most_features: Whether a width that a study asks for may not exceed the rows and columns of the data.
        version: Part of every key.
    """

    name: str
    latent: Callable[[Control], Matrix]
    uses_graph: bool
    settings: Settings
    source: str
    note: str = ""
    has_dimension: bool = False
    at_most_features: bool = False
    version: int = 1

    family: ClassVar[Family] = "control"
    noisy: ClassVar[bool] = False
    trained: ClassVar[bool] = False
    drawable: ClassVar[None] = None
    has_passes: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = False
    network: ClassVar[None] = None

    @property
    def compresses(self) -> bool:
        """Whether latents have their own dimension."""
        return self.has_dimension

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override."""
        return ("latent",) if self.has_dimension else ()

    @property
    def identity(self) -> Hashable:
        """Everything but the settings that decides what is trained."""
        return self.latent

    def describe(self, settings: Settings, _rows: int) -> Description:
        """What tables print of the model under ``settings`` on ``rows`` rows."""
        width = f"d = {settings.latent}" if self.has_dimension else ""
        return Description(latent=POINT.name, architecture=width, objective="untrained")

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The model's settings with some replaced. Raises ValueError if one is not accepted or impossible."""
        return overridden(self.name, self.settings, self.accepts, overrides)

    def refuses(self, dataset: Dataset, _edges: NDArray[np.int64], settings: Settings) -> str | None:
        """Why the model cannot be trained on a dataset; None if it can."""
        most = min(dataset.rows, dataset.features)
        if self.at_most_features and settings != self.settings and settings.latent > most:
            return (
                f"{settings.latent} components were asked for, and {dataset.rows} rows of {dataset.features} features "
                f"have {most}; ask for at most {most}, or leave the variant out"
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
        """The matrix of every seed. Raises ValueError if training passes are asked for."""
        if passes:
            raise ValueError(f"{self.name} is not trained, so it has no training passes")
        matrices = [
            self.latent(Control(data.x, data.edges[i] if data.edges else None, settings.latent, own))
            for i, own in enumerate(generator(seed, self.name) for seed in seeds)
        ]
        return Fitted(Matrices(tuple(matrices)))

    def with_version(self, version: int) -> ControlSpec:
        """The model with another version."""
        return replace(self, version=version)
