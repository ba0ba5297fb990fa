"""FusionSpec: the models of Tu et al. (2021)."""

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

    The network sees principal components of X. DFCN is told the number of clusters.

    Args:
        name: Lower case, unique among models.
        part: Which of the three.
        settings: Hyperparameters; the graph autoencoder of DFCN has all hidden widths but the last.
        source: Publication.
        note: What a reader should know.
        version: Part of every key.
        most_rows: Largest data that are accepted; the attention of DFCN takes n × n numbers.
    """

    name: str
    part: Literal["ae", "igae", "dfcn"]
    settings: Settings
    source: str
    note: str = ""
    version: int = 1
    most_rows: int | None = None

    noisy: ClassVar[bool] = False
    trained: ClassVar[bool] = True
    drawable: ClassVar[None] = None
    has_passes: ClassVar[bool] = True
    keeps_latents: ClassVar[bool] = True
    compresses: ClassVar[bool] = True

    @property
    def family(self) -> Family:
        """Whether the model sees features, graphs, or is a control."""
        return "gae" if self.uses_graph else "ae"

    @property
    def uses_graph(self) -> bool:
        """Whether the model sees edges."""
        return self.part != "ae"

    @property
    def network(self) -> Trainable:
        """The network that contracts examine."""
        return self

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override."""
        further = {
            "ae": ("batch", "least_steps"),
            "igae": (),
            "dfcn": ("pretraining_epochs", "pretraining_rate", "pretraining_batch"),
        }
        return in_table_order((*TRAINING, *further[self.part]))

    @property
    def identity(self) -> Hashable:
        """Everything but the settings that decides what is trained."""
        return self.part

    def describe(self, settings: Settings, rows: int) -> Description:
        """What tables print of the model under ``settings`` on ``rows`` rows."""
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
        """The model's settings with some replaced. Raises ValueError if one is not accepted or impossible."""
        settings = overridden(self.name, self.settings, self.accepts, overrides)
        if self.part == "dfcn" and len(settings.pretraining_epochs or ()) != 3:
            raise ValueError(f"pretraining_epochs must be three lengths, got {settings.pretraining_epochs}")
        return settings

    def refuses(self, dataset: Dataset, _edges: NDArray[np.int64], _settings: Settings) -> str | None:
        """Why the model cannot be trained on a dataset; None if it can."""
        if self.most_rows is not None and dataset.rows > self.most_rows:
            return (
                f"the attention of the model takes n × n numbers, and the {dataset.rows:,} rows are more than "
                f"{self.most_rows:,}; leave the model or the dataset out"
            )
        if self.part == "dfcn" and dataset.y is None:
            return "the model is told the number of classes, and the data have no labels; leave either out"
        return None

    def seen(self, x: Matrix) -> Matrix:
        """The principal components that the network sees of data with features x [n, f]; equal for every seed."""
        return pca(Control(x, None, components(x.shape[1]), np.random.default_rng(0)))

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> SingleAutoencoder | FusedAutoencoder:
        """The network with freshly drawn weights, for data of the inputs' shape."""
        features, hidden, latent = inputs.features.shape[-1], settings.hidden, settings.latent
        if self.part == "ae":
            return SingleAutoencoder(FeatureAutoencoder(streams, features, hidden, latent))
        if self.part == "igae":
            return SingleAutoencoder(GraphAutoencoder(streams, features, hidden, latent))
        if inputs.clusters is None:
            raise ValueError(f"{self.name} must be told the number of clusters")
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
        """As ``fit``, from tensors on ``device`` that hold what the network sees."""
        return fit_network(self, inputs, settings, seeds, device, passes=passes)

    def with_version(self, version: int) -> FusionSpec:
        """The model with another version."""
        return replace(self, version=version)
