"""Deterministic models with noise that is added to their latents after training."""

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
    """A deterministic model with noise on its latents, at the signal-to-noise ratio of its variational twin.

    Both twins are trained, and the noise is added afterwards. The ratio is ΣVar(μ_j)/ΣE[σ_j²]. A sample therefore shows
    the harm of noise alone. Settings are those of the variational twin.

    Args:
        name: Lower case, unique among models.
        point: The deterministic twin. Its latents get the noise.
        variational: The variational twin. Its posterior decides the amount of noise.
        source: Publication or code that the model comes from.
        note: A remark for readers.
        ranked: Whether the dimensions share the noise as those of the twin do, in the order of their variances. They
            have the same noise otherwise.
    """

    name: str
    point: ModelSpec
    variational: ModelSpec
    source: str = "ours: rung 6 of the ladder"
    note: str = ""
    ranked: bool = False

    is_function: ClassVar[bool] = False
    noisy: ClassVar[bool] = True
    trained: ClassVar[bool] = True
    has_passes: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = True
    compresses: ClassVar[bool] = True

    @property
    def version(self) -> int:
        """Number in the key of every record. It rises with the version of either twin."""
        return self.point.version + self.variational.version - 1

    @property
    def family(self) -> Family:
        """The family of the deterministic twin."""
        return self.point.family

    @property
    def settings(self) -> Settings:
        """The settings of the variational twin."""
        return self.variational.settings

    @property
    def uses_graph(self) -> bool:
        """Whether the twins see edges."""
        return self.point.uses_graph

    @property
    def drawable(self) -> Drawable | None:
        """Whether the decoder's output can be drawn as images or as edges; None if neither."""
        return self.point.drawable

    @property
    def decodes_features(self) -> bool:
        """Whether the decoder of the deterministic twin makes features."""
        return self.point.decodes_features

    @property
    def network(self) -> Trainable:
        """The deterministic twin, for contracts that examine its network."""
        return self.point

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override: those of the variational twin but ``held_out``."""
        return tuple(name for name in self.variational.accepts if name != "held_out")

    @property
    def identity(self) -> Hashable:
        """The parts of both twins, and the profile of the noise; the settings decide the rest."""
        return ("noised by rank" if self.ranked else "noised", self.point.identity, self.variational.identity)

    def describe(self, settings: Settings, rows: int) -> Description:
        """Describe the model under ``settings`` in words, for data of ``rows`` rows."""
        point = self.point.describe(settings, rows)
        return replace(
            point,
            latent="gaussian, noise added after training",
            objective=f"{self.point.name} trained, and {self.variational.name} beside it for the amount "
            + ("and profile of noise" if self.ranked else "of noise"),
            beta=None,
            twin=self.point.name,
        )

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return the variational twin's settings with some replaced.

        Raises:
            ValueError: if that twin raises it, or for ``held_out``: the noise is that of all rows together.
        """
        if "held_out" in overrides:
            raise ValueError(f"{self.name} does not accept the setting 'held_out': its noise is that of all rows")
        return self.variational.overridden(overrides)

    def refuses(self, dataset: Dataset, edges: NDArray[np.int64], settings: Settings) -> str | None:
        """Say why the deterministic twin cannot be trained on a dataset; None if it can."""
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
        """Train both twins, one replica for each seed, and add the noise; see ``Model.fit``."""
        inputs = data.inputs(self.point.seen(data.x), replicas=len(seeds), device=device)
        return self.fit_inputs(inputs, settings, seeds, device, passes=passes)

    def fit_inputs(
        self, inputs: Inputs, settings: Settings, seeds: Sequence[int], device: str, *, passes: int | None = None
    ) -> Fitted:
        """Train both twins as ``fit`` does, from inputs on ``device``.

        Raises:
            ValueError: if ``passes`` is set, because training passes have no noise. Also if the first twin is not
                deterministic or the second is not Gaussian.
        """
        if passes:
            raise ValueError(f"{self.name} has no training passes to keep, because its noise is added after training")
        point = fit_network(self.point, inputs, self.settings_of_point(settings), seeds, device)
        variational = fit_network(self.variational, inputs, settings, seeds, device)
        twin = variational.latents
        if not isinstance(point.latents, PointMass) or not isinstance(twin, DiagonalGaussian) or point.network is None:
            raise ValueError(f"{self.name} needs a deterministic twin for latents and a Gaussian twin for noise")
        posterior = with_noise_of(point.latents, twin, ranked=self.ranked)
        reconstruction = evaluated(point.network, inputs, posterior, seeds, device)
        execution = "; ".join(dict.fromkeys((point.execution, variational.execution)))
        return replace(point, latents=posterior, reconstruction=reconstruction, execution=execution)

    def settings_of_point(self, settings: Settings) -> Settings:
        """Return the deterministic twin's settings: those of the variational twin without the settings of the KL."""
        return replace(settings, beta=None, estimator=None, samples=None, beta_schedule=None, free_bits=None)

    def with_version(self, version: int) -> NoisedSpec:
        """Return the same model with another version of the deterministic twin."""
        return replace(self, point=self.point.with_version(version))
