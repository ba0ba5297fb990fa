"""The protocol that every entry of MODELS follows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:  # the protocol itself needs no torch
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
UNFORESEEN = "gaussian or point"  # the posterior of a function, until it has returned


@dataclass(frozen=True, slots=True)
class Description:
    """A model under some settings in words, as tables print it. A part that the model lacks is empty.

    Args:
        latent: Name of the family of posteriors.
        architecture: Encoder and widths, such as "MLP f–512–16".
        decoder: Name of the decoder.
        likelihood: Name of the likelihood.
        objective: The minimised loss, in words.
        beta: Weight of the KL divergence, or of ½‖z‖² of a point.
        prior: Name of the prior; empty for a point.
        twin: Name of the deterministic model that shares all but the noise; empty if the table has none.
    """

    latent: str
    architecture: str
    objective: str
    decoder: str = ""
    likelihood: str = ""
    beta: float | None = None
    prior: str = ""
    twin: str = ""


class Trainable(Protocol):
    """A model that is one network."""

    @property
    def settings(self) -> Settings:
        """The model's own hyperparameters."""

    def seen(self, x: Matrix) -> Matrix:
        """Turn the features of the data, [n, f], into the features that the network sees, [n, f′]."""

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> Network:
        """Make the network with freshly drawn weights.

        Args:
            settings: Hyperparameters.
            inputs: Give the shape of the data.
            streams: Random generators for the initial weights.
        """


@runtime_checkable
class Model(Protocol):
    """An entry of MODELS. No code outside ``benchmark.models`` asks which kind of model it is."""

    @property
    def name(self) -> str:
        """Lower case, unique among models."""

    @property
    def family(self) -> Family:
        """One of "ae" for models of features, "gae" for models of graphs, and "control"."""

    @property
    def version(self) -> int:
        """Number in the key of every record. It is raised if results change."""

    @property
    def source(self) -> str:
        """The publication or code that the model comes from."""

    @property
    def note(self) -> str:
        """A remark for readers, such as a mistake that is kept on purpose; may be empty."""

    @property
    def settings(self) -> Settings:
        """The model's own hyperparameters."""

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override."""

    @property
    def is_function(self) -> bool:
        """Whether a function of somebody's own makes the latents.

        Such a function runs in a worker process on the CPU, one seed at a time. Only its result tells the width of the
        latents, and whether they have a spread.
        """

    @property
    def noisy(self) -> bool:
        """Whether posteriors have a spread to sample from. Those of a function may have one."""

    @property
    def uses_graph(self) -> bool:
        """Whether the model sees edges."""

    @property
    def trained(self) -> bool:
        """Whether the model is trained under its own settings."""

    @property
    def drawable(self) -> Drawable | None:
        """Whether the decoder's output can be drawn as images or as edges; None if neither."""

    @property
    def decodes_features(self) -> bool:
        """Whether a trained network has a decoder of features. Other decoders make edges."""

    @property
    def has_passes(self) -> bool:
        """Whether the latents of training passes can be read out."""

    @property
    def keeps_latents(self) -> bool:
        """Whether a study saves the latents. Latents of controls without a network are quickly made again."""

    @property
    def compresses(self) -> bool:
        """Whether latents have a dimension of their own. The latents of a control may be the features themselves."""

    @property
    def identity(self) -> Hashable:
        """The parts that are trained. Two models with equal parts and settings train the same network."""

    @property
    def network(self) -> Trainable | None:
        """The model as one network, for contracts that examine its parts. None for a control without a network."""

    def describe(self, settings: Settings, rows: int, /) -> Description:
        """Describe the model under ``settings`` in words, for data of ``rows`` rows."""

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return the model's settings with some replaced.

        Args:
            overrides: New values by name of the setting.

        Raises:
            ValueError: if the model does not accept a setting, or a value is impossible.
        """

    def refuses(self, dataset: Dataset, edges: NDArray[np.int64], settings: Settings, /) -> str | None:
        """Say why the model cannot be trained on a dataset under ``settings``; None if it can.

        Args:
            dataset: The data.
            edges: The graph that the model would see, [m, 2]: the dataset's own or one derived from features.
            settings: Hyperparameters.
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
            data: All that the model may see. Only a model that accepts the setting ``held_out`` may be given
                ``training_rows``: it trains on these rows alone and encodes all rows.
            settings: Hyperparameters.
            seeds: One for each replica.
            device: "cpu" or "cuda".
            passes: Keep the latents of every ``passes``-th epoch. Only for models with ``has_passes``.
        """

    def with_version(self, version: int) -> Model:
        """Return the same model with another version. Plugins need it."""
