"""MODELS: every row of the study, a point on the axes encoder, posterior, decoder, likelihood, objective, settings."""

from __future__ import annotations

from dataclasses import replace

from benchmark.models import baselines
from benchmark.models.autoencoder import POINT
from benchmark.models.decoders import INNER_PRODUCT_DECODER, MLP_DECODER
from benchmark.models.encoders import GCN_ENCODER, MLP_ENCODER
from benchmark.models.objectives import BERNOULLI, BERNOULLI_BALANCED
from benchmark.models.rows_of_features import FEATURES, OF_FEATURES, RUNGS_OF_FEATURES, TWINS_OF_FEATURES
from benchmark.models.rows_of_graphs import GRAPHS, OF_GRAPHS, OF_THE_ORIGIN, RUNGS_OF_GRAPHS, TWINS_OF_GRAPHS
from benchmark.models.specs import BaselineSpec, ModelSpec, Row

_UNTRAINED_FEATURES = replace(FEATURES, epochs=0, least_steps=0)
_UNTRAINED_GRAPHS = replace(GRAPHS, epochs=0)

_CONTROLS: tuple[Row, ...] = (
    BaselineSpec("raw", baselines.raw, False, _UNTRAINED_FEATURES, "ours: X itself"),
    BaselineSpec(
        "pca", baselines.pca, False, _UNTRAINED_FEATURES, "Pearson (1901)", has_dimension=True, at_most_features=True
    ),
    BaselineSpec("propagated", baselines.propagated(1), True, _UNTRAINED_GRAPHS, "ÂX, Wu et al. (2019), eq. 8"),
    BaselineSpec("propagated-twice", baselines.propagated(2), True, _UNTRAINED_GRAPHS, "Â²X, Wu et al. (2019), eq. 8"),
    ModelSpec(
        "untrained-mlp",
        "control",
        MLP_ENCODER,
        POINT,
        MLP_DECODER,
        BERNOULLI,
        _UNTRAINED_FEATURES,
        "ours: ae before training",
    ),
    ModelSpec(
        "untrained-gcn",
        "control",
        GCN_ENCODER,
        POINT,
        INNER_PRODUCT_DECODER,
        BERNOULLI_BALANCED,
        _UNTRAINED_GRAPHS,
        "ours: gae before training",
    ),
    BaselineSpec(
        "random",
        baselines.random,
        False,
        _UNTRAINED_FEATURES,
        "ours: normal noise, which is chance",
        has_dimension=True,
    ),
)

MODELS: tuple[Row, ...] = (
    *TWINS_OF_FEATURES,
    *TWINS_OF_GRAPHS,
    *OF_FEATURES,
    *OF_GRAPHS,
    *OF_THE_ORIGIN,
    *RUNGS_OF_FEATURES,
    *RUNGS_OF_GRAPHS,
    *_CONTROLS,
)

if len({row.name for row in MODELS}) < len(MODELS):
    raise ValueError("two rows of MODELS share a name")
