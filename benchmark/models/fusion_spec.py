"""The models of Tu et al. (2021): dfcn-ae, igae and dfcn."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.datasets.dataset import Dataset
from benchmark.models.accepted import TRAINING, architecture_of, in_table_order, overridden
from benchmark.models.controls import Control, pca
from benchmark.models.fitting import fit_network
from benchmark.models.model import Description, Family, Trainable
from benchmark.models.numerics.layers import Streams
from benchmark.models.parts.posterior_families import POINT
from benchmark.models.settings import Settings
from benchmark.models.systems.fusion import (
    FeatureAutoencoder,
    FusedAutoencoder,
    GraphAutoencoder,
    SingleAutoencoder,
    components,
)
from benchmark.study.schema import Setting
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.training_data import TrainingData

_PARTS = {
    "ae": ("MLP with LeakyReLU", FeatureAutoencoder),
    "igae": ("IGAE", GraphAutoencoder),
    "dfcn": ("MLP and IGAE, fused", FusedAutoencoder),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSpec:
    """A model of Tu et al. (2021): their autoencoder, their graph autoencoder (IGAE), or both fused (DFCN).

    The network sees principal components of X. DFCN is told the number of classes.

    Args:
        name: Lower case, unique among models.
        part: One of the three.
        settings: Hyperparameters. In DFCN, the graph autoencoder has all hidden widths but the last.
        source: Publication that the model comes from.
        note: A remark for readers.
        version: Number in the key of every record. It is raised if results change.
        most_rows: Largest number of rows. The attention of DFCN takes n × n numbers.
    """

    name: str
    part: Literal["ae", "igae", "dfcn"]
    settings: Settings
    source: str
    note: str = ""
    version: int = 1
    most_rows: int | None = None

    is_function: ClassVar[bool] = False
    noisy: ClassVar[bool] = False
    trained: ClassVar[bool] = True
    drawable: ClassVar[None] = None
    decodes_features: ClassVar[bool] = False  # it decodes principal components
    has_passes: ClassVar[bool] = True
    keeps_latents: ClassVar[bool] = True
    compresses: ClassVar[bool] = True

    @property
    def family(self) -> Family:
        """Family "ae" for the autoencoder of features, else "gae"."""
        return "gae" if self.uses_graph else "ae"

    @property
    def uses_graph(self) -> bool:
        """Whether the network sees edges. Only the autoencoder of features does not."""
        return self.part != "ae"

    @property
    def network(self) -> Trainable:
        """The model itself, because it is one network."""
        return self

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override: those of training, and those of the part."""
        further = {
            "ae": ("batch", "least_steps"),
            "igae": (),
            "dfcn": ("pretraining_epochs", "pretraining_rate", "pretraining_batch"),
        }
        return in_table_order((*TRAINING, *further[self.part]))

    @property
    def identity(self) -> Hashable:
        """Which of the three networks is trained; the settings decide the rest."""
        return self.part

    def describe(self, settings: Settings, rows: int) -> Description:
        """Describe the model under ``settings`` in words, for data of ``rows`` rows."""
        features, graph = "MSE of x", "MSE of ÃX + 0.1·MSE of the adjacency"
        lengths = ", ".join(map(str, settings.pretraining_epochs or ()))
        objectives = {
            "ae": features,
            "igae": graph,
            "dfcn": f"{features} + {graph} + 10·KL of cluster assignments; AE, IGAE and both pre-trained for {lengths} "
            "epochs",
        }
        return Description(
            latent=POINT.name,
            architecture=architecture_of(_PARTS[self.part][0], settings),
            objective=objectives[self.part],
            decoder="its mirror",
            likelihood="squared errors",
            beta=settings.beta_for(rows),
        )

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return the model's settings with some replaced.

        Raises:
            ValueError: if the model does not accept a setting, or a value is impossible.
        """
        settings = overridden(self.name, self.settings, self.accepts, overrides)
        if self.part == "dfcn" and len(settings.pretraining_epochs or ()) != 3:
            raise ValueError(f"pretraining_epochs must be three lengths, got {settings.pretraining_epochs}")
        return settings

    def refuses(self, dataset: Dataset, _edges: NDArray[np.int64], _settings: Settings) -> str | None:
        """Say why the model cannot be trained on a dataset: too many rows, or no labels for DFCN. None if it can."""
        if self.most_rows is not None and dataset.rows > self.most_rows:
            return (
                f"the attention of the model takes n × n numbers, and the {dataset.rows:,} rows are more than "
                f"{self.most_rows:,}; leave the model or the dataset out"
            )
        if self.part == "dfcn" and dataset.y is None:
            return "the model is told the number of classes, and the data have no labels; leave either out"
        return None

    def seen(self, x: Matrix) -> Matrix:
        """Return the principal components of x, [n, f], that the network sees. They are the same for every seed."""
        return pca(Control(x, None, components(x.shape[1]), np.random.default_rng(0)))

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> SingleAutoencoder | FusedAutoencoder:
        """Make the network with freshly drawn weights. Raises ValueError if DFCN is not told the number of classes."""
        features, hidden, latent = inputs.features.shape[-1], settings.hidden, settings.latent
        if self.part == "ae":
            return SingleAutoencoder(FeatureAutoencoder(streams, features, hidden, latent))
        if self.part == "igae":
            return SingleAutoencoder(GraphAutoencoder(streams, features, hidden, latent))
        if inputs.clusters is None:
            raise ValueError(f"{self.name} needs the number of classes: pass clusters to Inputs.of")
        inner = FeatureAutoencoder(streams, features, hidden, latent)
        graphs = GraphAutoencoder(streams, features, hidden[:-1], latent)
        return FusedAutoencoder(inner, graphs, inputs.rows, inputs.clusters, settings)

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
        inputs = data.inputs(self.seen(data.x), replicas=len(seeds), device=device)
        return self.fit_inputs(inputs, settings, seeds, device, passes=passes)

    def fit_inputs(
        self, inputs: Inputs, settings: Settings, seeds: Sequence[int], device: str, *, passes: int | None = None
    ) -> Fitted:
        """Train as ``fit`` does, from inputs on ``device`` with the features that the network sees."""
        return fit_network(self, inputs, settings, seeds, device, passes=passes)

    def with_version(self, version: int) -> FusionSpec:
        """Return the same model with another version."""
        return replace(self, version=version)
