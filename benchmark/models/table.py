"""MODELS: every row of the study, a point on the axes encoder, posterior, decoder, likelihood, objective, settings."""

from __future__ import annotations

from dataclasses import replace

from benchmark.core.names import distinct
from benchmark.models import controls
from benchmark.models.parts.decoders import INNER_PRODUCT_DECODER, MLP_DECODER
from benchmark.models.parts.encoders import GCN_ENCODER, MLP_ENCODER
from benchmark.models.parts.likelihoods import BERNOULLI, BERNOULLI_BALANCED
from benchmark.models.rows.feature_rows import FEATURES, OF_FEATURES, RUNGS_OF_FEATURES, TWINS_OF_FEATURES
from benchmark.models.rows.graph_rows import GRAPHS, OF_GRAPHS, OF_THE_ORIGIN, RUNGS_OF_GRAPHS, TWINS_OF_GRAPHS
from benchmark.models.settings import Settings
from benchmark.models.specs import BaselineSpec, FusionSpec, ModelSpec, Row
from benchmark.models.systems.autoencoder import POINT

# f–128–256–512–20, Adam 1e-4 for DBLP and CiteSeer, pre-trained for 30, 30 and 100 epochs, 256 rows a batch where there
# is no graph; the lengths are unverified, and the rate before the last phase is ours, Adam's default.
_DFCN = Settings(
    hidden=(128, 256, 512),
    latent=20,
    learning_rate=1e-4,
    epochs=200,
    pretraining_epochs=(30, 30, 100),
    pretraining_rate=1e-3,
    pretraining_batch=256,
)
_DFCN_AE = Settings(hidden=(128, 256, 512), latent=20, learning_rate=1e-3, epochs=30, batch=256)
_IGAE = Settings(hidden=(128, 256), latent=20, learning_rate=1e-3, epochs=30)
_TU = "Tu et al. (2021), AAAI, DFCN"
_FUSED: tuple[Row, ...] = (
    FusionSpec("dfcn-ae", "ae", _DFCN_AE, _TU, "DFCN's autoencoder alone"),
    FusionSpec("igae", "igae", _IGAE, _TU, "DFCN's graph autoencoder alone"),
    FusionSpec(
        "dfcn", "dfcn", _DFCN, _TU, "told the number of clusters; a is learned, as its paper says", most_rows=20_000
    ),
)

_UNTRAINED_FEATURES = replace(FEATURES, epochs=0, least_steps=0)
_UNTRAINED_GRAPHS = replace(GRAPHS, epochs=0)

_CONTROLS: tuple[Row, ...] = (
    BaselineSpec("raw", controls.raw, False, _UNTRAINED_FEATURES, "ours: X itself"),
    BaselineSpec(
        "pca", controls.pca, False, _UNTRAINED_FEATURES, "Pearson (1901)", has_dimension=True, at_most_features=True
    ),
    BaselineSpec("propagated", controls.propagated(1), True, _UNTRAINED_GRAPHS, "ÂX, Wu et al. (2019), eq. 8"),
    BaselineSpec("propagated-twice", controls.propagated(2), True, _UNTRAINED_GRAPHS, "Â²X, Wu et al. (2019), eq. 8"),
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
        controls.random,
        False,
        _UNTRAINED_FEATURES,
        "ours: normal noise, which is chance",
        has_dimension=True,
    ),
)

MODELS: tuple[Row, ...] = distinct(
    "model",
    *TWINS_OF_FEATURES,
    *TWINS_OF_GRAPHS,
    *OF_FEATURES,
    *OF_GRAPHS,
    *_FUSED,
    *OF_THE_ORIGIN,
    *RUNGS_OF_FEATURES,
    *RUNGS_OF_GRAPHS,
    *_CONTROLS,
)
