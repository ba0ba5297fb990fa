"""The table of models, MODELS. Most models combine encoder, posterior, decoder, likelihood, objective and settings."""

from __future__ import annotations

from dataclasses import replace

from benchmark.core.names import distinct
from benchmark.models import controls
from benchmark.models.control_spec import ControlSpec
from benchmark.models.fusion_spec import FusionSpec
from benchmark.models.model import Model
from benchmark.models.model_spec import ModelSpec
from benchmark.models.parts.decoders import INNER_PRODUCT_DECODER, MLP_DECODER
from benchmark.models.parts.encoders import GCN_ENCODER, MLP_ENCODER
from benchmark.models.parts.likelihoods import BERNOULLI, BERNOULLI_BALANCED
from benchmark.models.parts.posterior_families import POINT
from benchmark.models.rows.adversarial_rows import ADVERSARIAL
from benchmark.models.rows.clustering_rows import OF_CLUSTERING
from benchmark.models.rows.count_rows import OF_COUNTS
from benchmark.models.rows.feature_rows import FEATURES, OF_FEATURES, RUNGS_OF_FEATURES, TWINS_OF_FEATURES
from benchmark.models.rows.graph_rows import GRAPHS, OF_GRAPHS, OF_THE_ORIGIN, RUNGS_OF_GRAPHS, TWINS_OF_GRAPHS
from benchmark.models.rows.linear_rows import LINEAR
from benchmark.models.rows.prior_rows import OF_PRIORS
from benchmark.models.settings import Settings
from benchmark.models.siblings import differs_from

# Published for DBLP and CiteSeer: widths f–128–256–512–20, Adam at 1e-4, pre-training for 30, 30 and 100 epochs, and
# batches of 256 rows without a graph. We could not verify these epochs. Pre-training uses Adam's default learning rate.
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
_FUSED: tuple[Model, ...] = (
    FusionSpec(name="dfcn-ae", part="ae", settings=_DFCN_AE, source=_TU, note="the autoencoder of DFCN alone"),
    FusionSpec(name="igae", part="igae", settings=_IGAE, source=_TU, note="the graph autoencoder of DFCN alone"),
    FusionSpec(
        name="dfcn",
        part="dfcn",
        settings=_DFCN,
        source=_TU,
        note="is told the number of classes; the fusion weight a is learned, as in the paper",
        most_rows=20_000,
    ),
)

_UNTRAINED_FEATURES = replace(FEATURES, epochs=0, least_steps=0)
_UNTRAINED_GRAPHS = replace(GRAPHS, epochs=0)

_CONTROLS: tuple[Model, ...] = (
    ControlSpec(
        name="raw", latent=controls.raw, uses_graph=False, settings=_UNTRAINED_FEATURES, source="ours: X itself"
    ),
    ControlSpec(
        name="pca",
        latent=controls.pca,
        uses_graph=False,
        settings=_UNTRAINED_FEATURES,
        source="Pearson (1901)",
        has_dimension=True,
        at_most_features=True,
    ),
    ControlSpec(
        name="pca-whitened",
        latent=controls.whitened_pca,
        uses_graph=False,
        settings=_UNTRAINED_FEATURES,
        source="principal components over their standard deviations",
        note="the scale that a prior of unit variance asks for, without noise",
        has_dimension=True,
        at_most_features=True,
    ),
    ControlSpec(
        name="ppca",
        latent=controls.probabilistic_pca(),
        uses_graph=False,
        settings=_UNTRAINED_FEATURES,
        source="Tipping and Bishop (1999), eq. 7 and 8",
        note="has a posterior; the optimum of linear-vae in closed form",
        has_dimension=True,
        noisy=True,
    ),
    ControlSpec(
        name="ppca-unit-variance",
        latent=controls.probabilistic_pca(variance=1.0),
        uses_graph=False,
        settings=_UNTRAINED_FEATURES,
        source="Tipping and Bishop (1999), eq. 7 with σ² = 1",
        note="has a posterior; constant if no eigenvalue is above 1, as on small data in [0, 1]",
        has_dimension=True,
        noisy=True,
    ),
    ControlSpec(
        name="propagated",
        latent=controls.propagated(1),
        uses_graph=True,
        settings=_UNTRAINED_GRAPHS,
        source="ÂX, Wu et al. (2019), eq. 8",
    ),
    ControlSpec(
        name="propagated-twice",
        latent=controls.propagated(2),
        uses_graph=True,
        settings=_UNTRAINED_GRAPHS,
        source="Â²X, Wu et al. (2019), eq. 8",
    ),
    ModelSpec(
        name="untrained-mlp",
        family="control",
        encoder=MLP_ENCODER,
        posterior=POINT,
        decoder=MLP_DECODER,
        likelihood=BERNOULLI,
        settings=_UNTRAINED_FEATURES,
        source="ours: ae before training",
        differs=(differs_from("ae", "epochs", "family", "least_steps"),),
    ),
    ModelSpec(
        name="untrained-gcn",
        family="control",
        encoder=GCN_ENCODER,
        posterior=POINT,
        decoder=INNER_PRODUCT_DECODER,
        likelihood=BERNOULLI_BALANCED,
        settings=_UNTRAINED_GRAPHS,
        source="ours: gae before training",
        differs=(differs_from("gae", "epochs", "family"),),
    ),
    ControlSpec(
        name="random",
        latent=controls.random,
        uses_graph=False,
        settings=_UNTRAINED_FEATURES,
        source="ours: normal noise, which is chance",
        has_dimension=True,
    ),
)

MODELS: tuple[Model, ...] = distinct(
    "model",
    *TWINS_OF_FEATURES,
    *TWINS_OF_GRAPHS,
    *OF_FEATURES,
    *OF_COUNTS,
    *OF_PRIORS,
    *LINEAR,
    *OF_GRAPHS,
    *OF_CLUSTERING,
    *ADVERSARIAL,
    *_FUSED,
    *OF_THE_ORIGIN,
    *RUNGS_OF_FEATURES,
    *RUNGS_OF_GRAPHS,
    *_CONTROLS,
)
