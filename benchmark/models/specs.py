"""What a row of MODELS is: a network, a network with noise added, or a control without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp

from benchmark.core.arrays import Matrix
from benchmark.models.controls import Control, pca
from benchmark.models.numerics.layers import Streams
from benchmark.models.parts.convolutions import check_convolution
from benchmark.models.parts.decoders import DecoderSpec
from benchmark.models.parts.encoders import EncoderSpec
from benchmark.models.parts.likelihoods import GAUSSIAN, FeatureLikelihood, PairLikelihood
from benchmark.models.settings import Settings
from benchmark.models.systems.adversarial import Discriminator, adversaries
from benchmark.models.systems.autoencoder import FIXED, POINT, Autoencoder, PosteriorFamily
from benchmark.models.systems.fusion import (
    FeatureAutoencoder,
    FusedAutoencoder,
    GraphAutoencoder,
    SingleAutoencoder,
    components,
)
from benchmark.study.schema import Setting
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Phase

Family = Literal["ae", "gae", "control"]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A row that is a network: an encoder trained with a decoder, or left untrained where its settings say 0 epochs.

    A ``featureless`` row sees the identity in place of X. A ``weighted`` one sees the weights of a graph made of X, ½
    where only one of two rows is among the other's nearest, as entries of A. ``pretraining`` gives the phases before
    the last, in which the whole model is trained; each lasts as long as the settings say. ``note`` says what is wrong
    with a row on purpose, or what to know of it.
    """

    name: str
    family: Family
    encoder: EncoderSpec
    posterior: PosteriorFamily
    decoder: DecoderSpec
    likelihood: FeatureLikelihood | PairLikelihood
    settings: Settings
    source: str
    note: str = ""
    featureless: bool = False
    weighted: bool = False
    pretraining: Callable[[Autoencoder], tuple[Phase, ...]] | None = None
    version: int = 2  # raised whenever its results would change

    @property
    def uses_graph(self) -> bool:
        return self.encoder.uses_graph

    @property
    def samples_pairs(self) -> bool:
        """Whether training draws non-edges, so that there must be some."""
        return isinstance(self.likelihood, PairLikelihood) and self.likelihood.weights is None

    @property
    def unit_interval(self) -> bool:
        """Whether the row refuses features outside [0, 1]."""
        return self.likelihood.unit_interval and self.settings.epochs > 0

    def objective(self, settings: Settings) -> str:
        """What is minimised under ``settings``, in words."""
        if not settings.epochs:
            return "untrained"
        parts = ["reconstruction"]
        if settings.beta is not None:
            bound = "importance-weighted" if settings.estimator == "IW" else f"SGVB {settings.estimator}"
            parts.append(f"β·KL, {bound}" if self.posterior.noisy else "β·½‖z‖²")
        if settings.sparsity is not None:
            parts.append(f"{settings.sparsity:g}·‖z‖₁")
        if settings.decoder_l2 is not None:
            parts.append(f"{settings.decoder_l2:g}·½‖W‖² of the decoder")
        if settings.discrepancy is not None:
            parts.append(f"{settings.discrepancy:g}·MMD² to the prior")
        words = " + ".join(parts)
        words += f", {'K' if settings.estimator == 'IW' else 'L'} = {settings.samples}" if settings.samples else ""
        words += f", {settings.corruption:.0%} of the features masked" if settings.corruption else ""
        if settings.adversary is not None:
            words += (
                f", then a discriminator {'–'.join(map(str, settings.adversary))} and the encoder against each other"
            )
        return words + (", layers pre-trained one by one" if self.pretraining else "")

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The row's settings with some replaced; ValueError for what is none, or impossible."""
        settings = self.settings.with_overrides(overrides)
        if settings.estimator == "IW" and not isinstance(self.likelihood, FeatureLikelihood):
            raise ValueError("estimator 'IW' weighs rows by their nats, and those of this row are of pairs; A or B")
        if self.posterior.spherical and settings.latent < 2:
            raise ValueError(f"latent must be at least 2 on a sphere, got {settings.latent}")
        if settings.convolution is not None and settings.convolution != self.settings.convolution:
            check_convolution(settings.convolution)
        return settings

    def seen(self, x: Matrix) -> Matrix:
        """The features that the row sees of data with features x."""
        return sp.eye_array(x.shape[0], dtype=np.float32, format="csr") if self.featureless else x

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> Autoencoder:
        """The model with freshly drawn weights, for data of the inputs' shape."""
        hidden, latent, features = settings.hidden, settings.latent, inputs.features.shape[-1]
        made_of = {} if settings.convolution is None else {"convolution": settings.convolution}
        encoder = self.encoder.build(streams, features, hidden, self.posterior.widths(latent), **made_of)
        decoder = self.decoder.build(streams, features, hidden, latent, self.likelihood)
        widths = settings.adversary
        discriminator = None if widths is None else Discriminator(streams, latent, widths)
        return Autoencoder(encoder, self.posterior, decoder, settings, inputs.rows, discriminator)

    def phases(self, model: Autoencoder) -> tuple[Phase, ...]:
        """What is trained after what: all of the model last."""
        before = () if self.pretraining is None else self.pretraining(model)
        if model.discriminator is None:
            return (*before, Phase(LAST, model.loss, tuple(model.parameters())))
        rate = model.settings.adversary_rate or model.settings.learning_rate
        encoder, decoder = (tuple(p for _, p in part.named_parameters()) for part in (model.encoder, model.decoder))
        others = adversaries(model, encoder, model.discriminator, rate)
        return (*before, Phase(LAST, model.loss, (*encoder, *decoder), others))


_PARTS = {
    "ae": ("MLP with LeakyReLU", FeatureAutoencoder),
    "igae": ("IGAE", GraphAutoencoder),
    "dfcn": ("MLP and IGAE, fused", FusedAutoencoder),
}


@dataclass(frozen=True, slots=True)
class FusionSpec:
    """A row of Tu et al. (2021): its autoencoder of features, its graph autoencoder (IGAE), or both fused (DFCN).

    It sees principal components of X. The hidden widths are those of the autoencoder; the graph autoencoder beside it
    has all but the last. DFCN is told the number of clusters, and refuses data of more than ``most_rows`` rows, for its
    attention is n × n.
    """

    name: str
    part: Literal["ae", "igae", "dfcn"]
    settings: Settings
    source: str
    note: str = ""
    version: int = 1
    most_rows: int | None = None

    posterior: ClassVar[PosteriorFamily] = POINT
    likelihood: ClassVar[FeatureLikelihood] = replace(GAUSSIAN, name="squared errors")
    samples_pairs: ClassVar[bool] = False
    unit_interval: ClassVar[bool] = False

    @property
    def family(self) -> Family:
        return "gae" if self.uses_graph else "ae"

    @property
    def uses_graph(self) -> bool:
        return self.part != "ae"

    @property
    def told_clusters(self) -> bool:
        """Whether training is told how many classes there are."""
        return self.part == "dfcn"

    @property
    def encoder(self) -> EncoderSpec:
        name, network = _PARTS[self.part]
        return EncoderSpec(name, network, self.uses_graph)

    @property
    def decoder(self) -> DecoderSpec:
        return DecoderSpec("its mirror", _PARTS[self.part][1], None)

    def objective(self, settings: Settings) -> str:
        """What is minimised under ``settings``, in words."""
        features, graph = "MSE of x", "MSE of ÃX + 0.1·MSE of the adjacency"
        if self.part != "dfcn":
            return features if self.part == "ae" else graph
        lengths = ", ".join(map(str, settings.pretraining_epochs or ()))
        return (
            f"{features} + {graph} + 10·KL of cluster assignments; AE, IGAE and both pre-trained for {lengths} epochs"
        )

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The row's settings with some replaced; ValueError for what is none, or impossible."""
        settings = self.settings.with_overrides(overrides)
        if self.part == "dfcn" and len(settings.pretraining_epochs or ()) != 3:
            raise ValueError(f"pretraining_epochs must be three lengths, got {settings.pretraining_epochs}")
        return settings

    def seen(self, x: Matrix) -> Matrix:
        """The principal components that the row sees of data with features x; the same for every seed."""
        width = components(x.shape[1])
        return pca(Control(x, None, width, np.random.default_rng(0)))

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> SingleAutoencoder | FusedAutoencoder:
        """The model with freshly drawn weights, for data of the inputs' shape."""
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

    def phases(self, model: SingleAutoencoder | FusedAutoencoder) -> tuple[Phase, ...]:
        """What is trained after what: DFCN's two autoencoders alone, then both, then all with clusters."""
        last = Phase(LAST, model.loss, tuple(model.parameters()))
        if not isinstance(model, FusedAutoencoder):
            return (last,)
        inner, graphs = SingleAutoencoder(model.inner), SingleAutoencoder(model.graphs)
        rate = model.settings.pretraining_rate
        (own, graph, both), batch = model.settings.pretraining_epochs or (0, 0, 0), model.settings.pretraining_batch
        return (
            Phase("ae", inner.loss, tuple(inner.parameters()), epochs=own, learning_rate=rate, batch=batch),
            Phase("igae", graphs.loss, tuple(graphs.parameters()), epochs=graph, learning_rate=rate),
            Phase("both", model.pretraining_loss, tuple(model.without_centres()), epochs=both, learning_rate=rate),
            last._replace(begin=model.place_centres),
        )


@dataclass(frozen=True, slots=True)
class NoisedSpec:
    """A deterministic row whose latents get isotropic noise after training, as much as its variational twin's have.

    Both are trained, as they stand in the table; the noise has the twin's signal-to-noise ratio ΣVar(μ_j)/ΣE[σ_j²]. So
    a sample of it is harmed by noise alone. Settings are the twin's; those that the point has not are left out for it.
    """

    name: str
    point: ModelSpec
    variational: ModelSpec
    source: str = "ours: rung 6 of the ladder"
    note: str = ""

    posterior: ClassVar[PosteriorFamily] = PosteriorFamily("gaussian, noise added after training", (), FIXED.std)

    @property
    def version(self) -> int:
        """Rises with that of either."""
        return self.point.version + self.variational.version - 1

    @property
    def family(self) -> Family:
        return self.point.family

    @property
    def encoder(self) -> EncoderSpec:
        return self.point.encoder

    @property
    def decoder(self) -> DecoderSpec:
        return self.point.decoder

    @property
    def likelihood(self) -> FeatureLikelihood | PairLikelihood:
        return self.point.likelihood

    @property
    def settings(self) -> Settings:
        return self.variational.settings

    def objective(self, settings: Settings) -> str:  # noqa: ARG002, its rows have objectives of their own
        """What is minimised, in words."""
        return f"{self.point.name} trained, and {self.variational.name} beside it for the amount of noise"

    @property
    def uses_graph(self) -> bool:
        return self.point.uses_graph

    @property
    def samples_pairs(self) -> bool:
        return self.point.samples_pairs

    @property
    def unit_interval(self) -> bool:
        return self.point.unit_interval

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The twin's settings with some replaced; ValueError for what is none, or impossible."""
        return self.settings.with_overrides(overrides)

    def seen(self, x: Matrix) -> Matrix:
        """The features that the row sees of data with features x: they themselves."""
        return x

    def settings_of_point(self, settings: Settings) -> Settings:
        """The deterministic row's part of the twin's settings."""
        return replace(settings, beta=None, estimator=None, samples=None)


@dataclass(frozen=True, slots=True)
class BaselineSpec:
    """A control that is a function of its inputs, without a network."""

    name: str
    latent: Callable[[Control], Matrix]
    uses_graph: bool
    settings: Settings
    source: str
    has_dimension: bool = False  # whether its width is settings.latent
    at_most_features: bool = False  # whether a width that is asked for may not exceed that of the data
    note: str = ""
    version: int = 1
    family: Family = "control"
    likelihood: None = None
    unit_interval: bool = False

    def objective(self, settings: Settings) -> str:  # noqa: ARG002
        """What is minimised: nothing."""
        return "untrained"

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """The row's settings with another latent dimension; ValueError for all else, which a control has not."""
        for key in overrides:
            if key != "latent" or not self.has_dimension:
                raise ValueError(f"{key} is no setting of this row")
        return self.settings.with_overrides(overrides)


Row = ModelSpec | FusionSpec | NoisedSpec | BaselineSpec
