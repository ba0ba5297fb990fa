"""NoisedSpec: a deterministic model whose latents get noise after training."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from benchmark.models.fitting import fit_network
from benchmark.models.model import Description, Drawable, Family, Trainable
from benchmark.models.model_spec import ModelSpec
from benchmark.models.settings import Settings
from benchmark.study.schema import Setting
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.loop import evaluated
from benchmark.training.posteriors import DiagonalGaussian, PointMass, with_noise_of
from benchmark.training.training_data import TrainingData


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisedSpec:
    """A deterministic model whose latents get isotropic noise after training, as much as its variational twin's have.

    Both twins are trained. The noise has the variational twin's signal-to-noise ratio ΣVar(μ_j)/ΣE[σ_j²], so a sample
    shows the harm of noise alone. Settings are those of the variational twin.

    Args:
        name: Lower case, unique among models.
        point: The deterministic twin, whose latents get the noise.
        variational: The variational twin, which decides the amount.
        source: Publication or code.
        note: What a reader should know.
    """

    name: str
    point: ModelSpec
    variational: ModelSpec
    source: str = "ours: rung 6 of the ladder"
    note: str = ""

    noisy: ClassVar[bool] = True
    trained: ClassVar[bool] = True
    has_passes: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = True
    compresses: ClassVar[bool] = True

    @property
    def version(self) -> int:
        """Rises with the version of either twin."""
        return self.point.version + self.variational.version - 1

    @property
    def family(self) -> Family:
        """Whether the model sees features, graphs, or is a control."""
        return self.point.family

    @property
    def settings(self) -> Settings:
        """The model's own hyperparameters."""
        return self.variational.settings

    @property
    def uses_graph(self) -> bool:
        """Whether the model sees edges."""
        return self.point.uses_graph

    @property
    def drawable(self) -> Drawable | None:
        """What the output of the trained decoder can be drawn as."""
        return self.point.drawable

    @property
    def network(self) -> Trainable:
        """The network that contracts examine."""
        return self.point

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override."""
        return self.variational.accepts

    @property
    def identity(self) -> Hashable:
        """Everything but the settings that decides what is trained."""
        return ("noised", self.point.identity, self.variational.identity)

    def describe(self, settings: Settings, rows: int) -> Description:
        """What tables print of the model under ``settings`` on ``rows`` rows."""
        point = self.point.describe(settings, rows)
        return replace(
            point,
            latent="gaussian, noise added after training",
            objective=f"{self.point.name} trained, and {self.variational.name} beside it for the amount of noise",
            beta=None,
        )

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The model's settings with some replaced. Raises ValueError if one is not accepted or impossible."""
        return self.variational.overridden(overrides)

    def refuses(self, dataset: Dataset, edges: NDArray[np.int64], settings: Settings) -> str | None:
        """Why the model cannot be trained on a dataset; None if it can."""
        return self.point.refuses(dataset, edges, settings)

    def fit(
        self,
        data: TrainingData,
        settings: Settings,
        seeds: Sequence[int],
        device: str,
        *,
        passes: int | None = None,
    ) -> Fitted:
        """Train one replica for each seed; see ``Model.fit``."""
        inputs = data.inputs(self.point.seen(data.x), replicas=len(seeds), device=device)
        return self.fit_inputs(inputs, settings, seeds, device, passes=passes)

    def fit_inputs(
        self, inputs: Inputs, settings: Settings, seeds: Sequence[int], device: str, *, passes: int | None = None
    ) -> Fitted:
        """As ``fit``, from tensors on ``device``.

        Raises:
            ValueError: If passes are asked for, since noise comes after training, or the twins are of other kinds.
        """
        if passes:
            raise ValueError(f"{self.name}: its noise comes after training, so training passes have none")
        point = fit_network(self.point, inputs, self.settings_of_point(settings), seeds, device)
        twin = fit_network(self.variational, inputs, settings, seeds, device).latents
        if not isinstance(point.latents, PointMass) or not isinstance(twin, DiagonalGaussian) or point.network is None:
            raise ValueError(f"{self.name}: noise goes from a Gaussian to a point")
        posterior = with_noise_of(point.latents, twin)
        reconstruction = evaluated(point.network, inputs, posterior, seeds, device)
        return replace(point, latents=posterior, reconstruction=reconstruction)

    def settings_of_point(self, settings: Settings) -> Settings:
        """The variational twin's settings without the ones that a point lacks."""
        return replace(settings, beta=None, estimator=None, samples=None, beta_schedule=None)

    def with_version(self, version: int) -> NoisedSpec:
        """The model with another version."""
        return replace(self, point=self.point.with_version(version))
