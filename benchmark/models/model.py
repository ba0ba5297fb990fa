"""Model: the one face of every entry of MODELS."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.datasets.dataset import Dataset
from benchmark.models.numerics.layers import Streams
from benchmark.models.settings import Settings
from benchmark.study.schema import Setting
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Network
from benchmark.training.training_data import TrainingData

Family: TypeAlias = Literal["ae", "gae", "control"]
Drawable: TypeAlias = Literal["images", "edges"]


@dataclass(frozen=True, slots=True)
class Description:
    """What tables print of a model under some settings; a part that the model lacks is empty.

    Args:
        latent: The family of posteriors.
        architecture: Encoder and widths.
        decoder: Name of the decoder.
        likelihood: Name of the likelihood.
        objective: What training minimises, in words.
        beta: Weight of the KL divergence, or of ½‖z‖² of a point.
    """

    latent: str
    architecture: str
    objective: str
    decoder: str = ""
    likelihood: str = ""
    beta: float | None = None


class Trainable(Protocol):
    """A model that is one network: it can be built, and shown the features that it sees."""

    @property
    def settings(self) -> Settings:
        """The model's own hyperparameters."""

    def seen(self, x: Matrix) -> Matrix:
        """The features that the network sees of data with features x [n, f]."""

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> Network:
        """The network with freshly drawn weights, for data of the inputs' shape."""


@runtime_checkable
class Model(Protocol):
    """An entry of MODELS. No code outside ``benchmark.models`` asks which kind of model it is."""

    @property
    def name(self) -> str:
        """Lower case, unique among models."""

    @property
    def family(self) -> Family:
        """Whether the model sees features, graphs, or is a control."""

    @property
    def version(self) -> int:
        """Part of every key; raised if results change."""

    @property
    def source(self) -> str:
        """The publication or code that the model comes from."""

    @property
    def note(self) -> str:
        """What a reader should know of the model, such as a mistake that is kept on purpose; may be empty."""

    @property
    def settings(self) -> Settings:
        """The model's own hyperparameters."""

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override."""

    @property
    def noisy(self) -> bool:
        """Whether latents have a spread to sample from."""

    @property
    def uses_graph(self) -> bool:
        """Whether the model sees edges."""

    @property
    def trained(self) -> bool:
        """Whether the model is trained under its own settings."""

    @property
    def drawable(self) -> Drawable | None:
        """What the output of a trained decoder can be drawn as."""

    @property
    def has_passes(self) -> bool:
        """Whether the latents of training passes can be read out."""

    @property
    def keeps_latents(self) -> bool:
        """Whether a study saves its latents; those of controls without a network are made anew in no time."""

    @property
    def compresses(self) -> bool:
        """Whether latents have their own dimension; those of a control may be the features themselves."""

    @property
    def identity(self) -> Hashable:
        """Everything but the settings that decides what is trained. Equal identities train the same model."""

    @property
    def network(self) -> Trainable | None:
        """The single network of the model, None for a control without one. Contracts examine its parts."""

    def describe(self, settings: Settings, rows: int, /) -> Description:
        """What tables print of the model under ``settings`` on ``rows`` rows."""

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The model's settings with some replaced.

        Raises:
            ValueError: If the model does not accept a setting, or a value is impossible.
        """

    def refuses(self, dataset: Dataset, edges: NDArray[np.int64], settings: Settings, /) -> str | None:
        """Why the model cannot be trained on a dataset under ``settings``; None if it can.

        Args:
            dataset: The data.
            edges: The graph [m, 2] that the model would see, its own or a derived one.
            settings: The settings of the arm.
        """

    def fit(
        self,
        data: TrainingData,
        settings: Settings,
        seeds: Sequence[int],
        device: str,
        /,
        *,
        passes: int | None = None,
    ) -> Fitted:
        """Train one replica for each seed, with random generators made from the seeds alone.

        Args:
            data: All that the model may see.
            settings: Its settings.
            seeds: One for each replica.
            device: "cpu" or "cuda".
            passes: Keep the latents of every so many epochs; only if ``has_passes``.
        """

    def with_version(self, version: int) -> Model:
        """The model with another version, as plugins need it."""
