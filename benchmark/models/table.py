"""MODELS: every row of the study, a point on the axes encoder, posterior, decoder, likelihood, β and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

from benchmark.models import baselines
from benchmark.models.autoencoder import LOG_STD, LOG_VARIANCE, POINT, Autoencoder, PosteriorFamily
from benchmark.models.base import Features
from benchmark.models.baselines import Control
from benchmark.models.decoders import InnerProduct, MLPDecoder
from benchmark.models.encoders import GCN, MLP, Encoder
from benchmark.models.layers import Streams
from benchmark.models.objectives import (
    BERNOULLI,
    BERNOULLI_BALANCED,
    GAUSSIAN,
    FeatureLikelihood,
    PairLikelihood,
)

Overrides: TypeAlias = dict[str, float | int | str | bool]


@dataclass(frozen=True, slots=True)
class Settings:
    """Hyperparameters of a row; a study's variants may override any of them.

    ``batch`` is the rows of a mini-batch, 0 for all at once. Training lasts ``epochs``, or as many more as
    ``least_steps`` optimiser steps take, so that small data are not left untrained. ``beta`` weighs the KL. None marks
    what is no setting of the row: β of a point; mini-batches and their least steps of a graph, which is one batch.
    """

    hidden: int
    latent: int
    learning_rate: float
    epochs: int
    batch: int | None = None
    least_steps: int | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        checks = {
            "hidden": (self.hidden >= 1, "at least 1"),
            "latent": (self.latent >= 1, "at least 1"),
            "learning_rate": (0 < self.learning_rate < float("inf"), "above 0"),
            "epochs": (self.epochs >= 0, "not negative"),
            "batch": (self.batch is None or self.batch >= 0, "not negative (0 is full batch)"),
            "least_steps": (self.least_steps is None or self.least_steps >= 0, "not negative"),
            "beta": (self.beta is None or 0 <= self.beta < float("inf"), "not negative"),
        }
        for name, (holds, wanted) in checks.items():
            if not holds:
                raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}")

    def with_overrides(self, overrides: Overrides) -> Settings:
        """These settings with some replaced; ValueError names an unknown key or a value of the wrong kind."""
        for key, value in overrides.items():
            present = getattr(self, key, None)
            if key not in {field.name for field in fields(self)}:
                raise ValueError(f"unknown setting {key!r}; known: {', '.join(field.name for field in fields(self))}")
            if present is None:
                raise ValueError(f"{key} is no setting of this row")
            if isinstance(value, bool | str) or (isinstance(present, int) and not isinstance(value, int)):
                raise ValueError(
                    f"{key} must be {'a whole number' if isinstance(present, int) else 'a number'}, got {value!r}"
                )
        return replace(self, **{k: type(getattr(self, k))(v) for k, v in overrides.items()})

    def epochs_for(self, rows: int) -> int:
        """Epochs that a data set of ``rows`` rows is trained for."""
        steps = -(-rows // self.batch) if self.batch else 1
        return max(self.epochs, -(-(self.least_steps or 0) // steps))


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A row that is a network: an encoder trained with a decoder, or left untrained where its settings say 0 epochs."""

    name: str
    family: Literal["ae", "gae", "control"]
    encoder: type[Encoder]
    posterior: PosteriorFamily
    decoder: Callable[..., MLPDecoder | InnerProduct]
    likelihood: FeatureLikelihood | PairLikelihood
    settings: Settings
    source: str
    version: int = 1  # raised whenever its results would change

    @property
    def uses_graph(self) -> bool:
        return self.encoder.uses_graph

    @property
    def unit_interval(self) -> bool:
        """Whether the row refuses features outside [0, 1]."""
        return self.likelihood.unit_interval and self.settings.epochs > 0

    def overridden(self, overrides: Overrides) -> Settings:
        """The row's settings with some replaced; ValueError for what is none, or impossible."""
        return self.settings.with_overrides(overrides)

    def build(self, settings: Settings, features: int, streams: Streams) -> Autoencoder:
        """The model with freshly drawn weights, for data of ``features`` columns."""
        hidden, latent = settings.hidden, settings.latent
        encoder = self.encoder(streams, features, hidden, latent, self.posterior.heads)
        decoder = self.decoder(streams, features, hidden, latent, self.likelihood)
        return Autoencoder(encoder, self.posterior, decoder, settings.beta or 0.0)


@dataclass(frozen=True, slots=True)
class BaselineSpec:
    """A control that is a function of its inputs, without a network."""

    name: str
    latent: Callable[[Control], Features]
    uses_graph: bool
    settings: Settings
    source: str
    has_dimension: bool = False  # whether its width is settings.latent
    version: int = 1
    family: Literal["control"] = "control"
    likelihood: None = None
    unit_interval: bool = False

    def overridden(self, overrides: Overrides) -> Settings:
        """The row's settings with another latent dimension; ValueError for all else, which a control has not."""
        for key in overrides:
            if key != "latent" or not self.has_dimension:
                raise ValueError(f"{key} is no setting of this row")
        return self.settings.with_overrides(overrides)


Row = ModelSpec | BaselineSpec

# Twins share everything but the posterior and β. 784–512–16 and 20 epochs are the sizes of the study's MNIST runs;
# Adam's rate is its authors' default (Kingma and Ba, 2015); batches of 128 and the floor of 1,000 steps are ours.
_FEATURES = Settings(hidden=512, latent=16, learning_rate=1e-3, epochs=20, batch=128, least_steps=1000)
_VARIATIONAL_FEATURES = replace(_FEATURES, beta=1.0)
# Hidden 32, latent 16, Adam 0.01, 200 full-batch epochs: Kipf and Welling (2016), section 3.
_GRAPHS = Settings(hidden=32, latent=16, learning_rate=0.01, epochs=200)
_VARIATIONAL_GRAPHS = replace(_GRAPHS, beta=1.0)
_UNTRAINED_FEATURES = replace(_FEATURES, epochs=0, least_steps=0)
_UNTRAINED_GRAPHS = replace(_GRAPHS, epochs=0)

_KINGMA = "Kingma and Welling (2014), arXiv 1312.6114, eq. 10"
_HINTON = "Hinton and Salakhutdinov (2006)"
_KIPF = "Kipf and Welling (2016), arXiv 1611.07308"

MODELS: tuple[Row, ...] = (
    ModelSpec("ae", "ae", MLP, POINT, MLPDecoder, BERNOULLI, _FEATURES, _HINTON),
    ModelSpec("vae", "ae", MLP, LOG_VARIANCE, MLPDecoder, BERNOULLI, _VARIATIONAL_FEATURES, _KINGMA),
    ModelSpec("ae-gaussian", "ae", MLP, POINT, MLPDecoder, GAUSSIAN, _FEATURES, _HINTON),
    ModelSpec("vae-gaussian", "ae", MLP, LOG_VARIANCE, MLPDecoder, GAUSSIAN, _VARIATIONAL_FEATURES, _KINGMA),
    ModelSpec("gae", "gae", GCN, POINT, InnerProduct, BERNOULLI_BALANCED, _GRAPHS, _KIPF),
    ModelSpec("vgae", "gae", GCN, LOG_STD, InnerProduct, BERNOULLI_BALANCED, _VARIATIONAL_GRAPHS, _KIPF),
    BaselineSpec("raw", baselines.raw, False, _UNTRAINED_FEATURES, "X itself"),
    BaselineSpec("pca", baselines.pca, False, _UNTRAINED_FEATURES, "Pearson (1901)", has_dimension=True),
    BaselineSpec("propagated", baselines.propagated(1), True, _UNTRAINED_GRAPHS, "ÂX, Wu et al. (2019), eq. 8"),
    BaselineSpec("propagated-twice", baselines.propagated(2), True, _UNTRAINED_GRAPHS, "Â²X, Wu et al. (2019), eq. 8"),
    ModelSpec("untrained-mlp", "control", MLP, POINT, MLPDecoder, BERNOULLI, _UNTRAINED_FEATURES, "ae at start"),
    ModelSpec(
        "untrained-gcn", "control", GCN, POINT, InnerProduct, BERNOULLI_BALANCED, _UNTRAINED_GRAPHS, "gae at start"
    ),
    BaselineSpec("random", baselines.random, False, _UNTRAINED_FEATURES, "normal noise: chance", has_dimension=True),
)

if len({row.name for row in MODELS}) < len(MODELS):
    raise ValueError("two rows of MODELS share a name")
