"""Models of graphs: GCNs and other convolutions, mostly with inner-product decoders; their settings and sources."""

from __future__ import annotations

from dataclasses import replace

from benchmark.models.model import Model
from benchmark.models.model_spec import ModelSpec
from benchmark.models.noised_spec import NoisedSpec
from benchmark.models.parts.convolutions import CONVOLUTION_ENCODER
from benchmark.models.parts.decoders import GRAPH_CONVOLUTION_DECODER, INNER_PRODUCT_DECODER
from benchmark.models.parts.encoders import GCN_DEFAULT_START, GCN_ENCODER, GCN_WITH_BIASES, EncoderSpec
from benchmark.models.parts.likelihoods import (
    BERNOULLI_BALANCED,
    BERNOULLI_OFF_DIAGONAL,
    BERNOULLI_PAIRS,
    BERNOULLI_SAMPLED,
    GAUSSIAN,
    PairLikelihood,
)
from benchmark.models.parts.posterior_families import (
    AS_PRINTED,
    FIXED,
    LOG_STD,
    LOG_VARIANCE,
    POINT,
    VON_MISES_FISHER,
    PosteriorFamily,
)
from benchmark.models.settings import PER_PAIR, Settings
from benchmark.models.siblings import Sibling, differs_from, twin_of

# Kipf and Welling (2016), section 3: 32 hidden units, 16 latent dimensions, Adam at 0.01, 200 full-batch epochs.
GRAPHS = Settings(hidden=(32,), latent=16, learning_rate=0.01, epochs=200)
_VARIATIONAL_GRAPHS = GRAPHS.variational()
_LINEAR_GRAPHS = replace(GRAPHS, hidden=())
# Kipf and Welling's learning rate kills the ReLUs of gae on dense features (photo, computers, mnist-test). The
# unweighted loss does so too: on cora, 24 of 32 die and z is nearly 0. These settings use Adam's default learning rate.
# Of 200 and 600 epochs, 600 are the first after which neither gae nor vgae has a loss on photo that still falls by 1 %.
_SLOW = replace(GRAPHS, learning_rate=1e-3, epochs=600)
# The claim's scripts: 1024 hidden units, 128 latent dimensions, 200 epochs, Adam at 1e-4 for GAE and 5e-4 for VGAE, and
# KL/n averaged over rows.
_SCRIPT = replace(GRAPHS, hidden=(1024,), latent=128, learning_rate=1e-4)
_VARIATIONAL_SCRIPT = replace(_SCRIPT.variational(beta=PER_PAIR), learning_rate=5e-4)

_SOURCES = "the claim's sources"
_JUNE = "the claim's model classes of June 2020"
_SCRIPTS = "the claim's scripts of autumn 2020"
_KIPF = "Kipf and Welling (2016), arXiv 1611.07308"
_PYG = "torch-geometric's GAE example"
_SALHA = "Salha et al. (2020), arXiv 2001.07614"
_ATTENTION = "Veličković et al. (2018), arXiv 1710.10903; torch-geometric's GATConv as it stands"
_AGGREGATION = "Hamilton et al. (2017), arXiv 1706.02216; torch-geometric's SAGEConv as it stands"
_DAVIDSON = "Davidson et al. (2018), arXiv 1804.00891"
_HIGGINS = "Higgins et al. (2017)"
_DYING = "{} at a learning rate low enough for its ReLUs to survive {}"
_LADDER = "ours: the ladder from point to variational"


def graph_model(
    name: str,
    posterior: PosteriorFamily,
    settings: Settings,
    source: str,
    note: str = "",
    *,
    likelihood: PairLikelihood = BERNOULLI_BALANCED,
    encoder: EncoderSpec = GCN_ENCODER,
    featureless: bool = False,
    weighted: bool = False,
    differs: tuple[Sibling, ...] = (),
) -> ModelSpec:
    """Make a model with a GCN as encoder and the inner product as decoder; see ``ModelSpec``."""
    return ModelSpec(
        name=name,
        family="gae",
        encoder=encoder,
        posterior=posterior,
        decoder=INNER_PRODUCT_DECODER,
        likelihood=likelihood,
        settings=settings,
        source=source,
        note=note,
        featureless=featureless,
        weighted=weighted,
        differs=differs,
    )


def _graph_features(
    name: str, posterior: PosteriorFamily, settings: Settings, *, differs: tuple[Sibling, ...]
) -> ModelSpec:
    """A model with a GCN as encoder and a graph convolution back to the features as decoder."""
    return ModelSpec(
        name=name,
        family="gae",
        encoder=GCN_ENCODER,
        posterior=posterior,
        decoder=GRAPH_CONVOLUTION_DECODER,
        likelihood=GAUSSIAN,
        settings=settings,
        source=_SOURCES,
        note="decodes X by a graph convolution; Kipf and Welling's learning rate would kill most ReLUs",
        differs=differs,
    )


def _convolved(
    name: str,
    posterior: PosteriorFamily,
    settings: Settings,
    convolution: str,
    source: str,
    *,
    differs: tuple[Sibling, ...],
) -> ModelSpec:
    """A model like gae or vgae with another convolution in place of the GCN."""
    made_of = replace(settings, convolution=convolution)
    return graph_model(name, posterior, made_of, source, encoder=CONVOLUTION_ENCODER, differs=differs)


def _origin(
    name: str,
    posterior: PosteriorFamily,
    settings: Settings,
    source: str,
    note: str,
    *,
    biases: bool,
    balanced: bool,
    differs: tuple[Sibling, ...],
) -> ModelSpec:
    """A model of the claim's published protocol, or a step from it to the fair protocol. Study origin uses them."""
    return graph_model(
        name,
        posterior,
        settings,
        source,
        note,
        likelihood=BERNOULLI_BALANCED if balanced else BERNOULLI_OFF_DIAGONAL,
        encoder=GCN_WITH_BIASES if biases else GCN_ENCODER,
        weighted=not balanced,
        differs=differs,
    )


_GAE = graph_model("gae", POINT, GRAPHS, _KIPF)
_VGAE = graph_model("vgae", LOG_STD, _VARIATIONAL_GRAPHS, _KIPF, differs=(twin_of("gae"),))

TWINS_OF_GRAPHS: tuple[Model, ...] = (_GAE, _VGAE)

OF_GRAPHS: tuple[Model, ...] = (
    graph_model(
        "gae-as-printed",
        POINT,
        GRAPHS,
        _JUNE,
        "as printed: unweighted pairs; corrected in gae. Its ReLUs die; in gae-unweighted-slow they survive",
        likelihood=BERNOULLI_PAIRS,
        differs=(differs_from("gae", "likelihood"),),
    ),
    graph_model(
        "vgae-as-printed",
        AS_PRINTED,
        _VARIATIONAL_GRAPHS,
        _JUNE,
        "as printed: samples with σ = 0.5·exp(h), but its KL takes h as log σ²; corrected in vgae-corrected",
        likelihood=BERNOULLI_PAIRS,
        encoder=GCN_DEFAULT_START,
        differs=(differs_from("vgae-corrected", "posterior"),),
    ),
    graph_model(
        "vgae-corrected",
        LOG_VARIANCE,
        _VARIATIONAL_GRAPHS,
        _JUNE,
        "vgae-as-printed with σ = exp(h/2)",
        likelihood=BERNOULLI_PAIRS,
        encoder=GCN_DEFAULT_START,
        differs=(differs_from("vgae", "encoder", "likelihood", "posterior"),),
    ),
    graph_model(
        "vgae-unweighted",
        LOG_STD,
        _VARIATIONAL_GRAPHS,
        _LADDER,
        "vgae with unweighted pairs; its deterministic twin is gae-as-printed",
        likelihood=BERNOULLI_PAIRS,
        differs=(twin_of("gae-as-printed"), differs_from("vgae", "likelihood")),
    ),
    graph_model(
        "gae-unweighted-slow",
        POINT,
        _SLOW,
        _LADDER,
        _DYING.format("gae-as-printed", "the unweighted loss"),
        likelihood=BERNOULLI_PAIRS,
        differs=(differs_from("gae-slow", "likelihood"), differs_from("gae-as-printed", "epochs", "learning_rate")),
    ),
    graph_model(
        "vgae-unweighted-slow",
        LOG_STD,
        _SLOW.variational(),
        _LADDER,
        _DYING.format("vgae-unweighted", "the unweighted loss"),
        likelihood=BERNOULLI_PAIRS,
        differs=(twin_of("gae-unweighted-slow"),),
    ),
    graph_model(
        "gae-sampled", POINT, GRAPHS, _PYG, likelihood=BERNOULLI_SAMPLED, differs=(differs_from("gae", "likelihood"),)
    ),
    graph_model(
        "vgae-sampled",
        LOG_STD,
        _VARIATIONAL_GRAPHS,
        _PYG,
        "the reconstruction weighs twice as much as in vgae, so the KL counts half",
        likelihood=BERNOULLI_SAMPLED,
        differs=(twin_of("gae-sampled"),),
    ),
    graph_model(
        "gae-featureless",
        POINT,
        GRAPHS,
        _KIPF,
        "X = I",
        featureless=True,
        differs=(differs_from("gae", "featureless"),),
    ),
    graph_model(
        "vgae-featureless",
        LOG_STD,
        _VARIATIONAL_GRAPHS,
        _KIPF,
        "X = I",
        featureless=True,
        differs=(twin_of("gae-featureless"),),
    ),
    graph_model(
        "linear-gae", POINT, _LINEAR_GRAPHS, _SALHA, "one propagation ÂXW", differs=(differs_from("gae", "hidden"),)
    ),
    graph_model(
        "linear-vgae",
        LOG_STD,
        _LINEAR_GRAPHS.variational(),
        _SALHA,
        "two propagations ÂXW, for μ and log σ",
        differs=(twin_of("linear-gae"),),
    ),
    graph_model(
        "gae-slow",
        POINT,
        _SLOW,
        _KIPF,
        _DYING.format("gae", "dense features"),
        differs=(differs_from("gae", "epochs", "learning_rate"),),
    ),
    graph_model(
        "vgae-slow",
        LOG_STD,
        _SLOW.variational(),
        _KIPF,
        _DYING.format("vgae", "dense features"),
        differs=(twin_of("gae-slow"),),
    ),
    _convolved(
        "gae-gat", POINT, GRAPHS, "GATConv", _ATTENTION, differs=(differs_from("gae", "convolution", "encoder"),)
    ),
    _convolved("vgae-gat", LOG_STD, _VARIATIONAL_GRAPHS, "GATConv", _ATTENTION, differs=(twin_of("gae-gat"),)),
    _convolved("gae-sage", POINT, GRAPHS, "SAGEConv", _AGGREGATION, differs=(differs_from("gae-gat", "convolution"),)),
    _convolved("vgae-sage", LOG_STD, _VARIATIONAL_GRAPHS, "SAGEConv", _AGGREGATION, differs=(twin_of("gae-sage"),)),
    graph_model(
        "s-vgae",
        VON_MISES_FISHER,
        _VARIATIONAL_GRAPHS,
        _DAVIDSON,
        "logits between −1 and 1",
        differs=(differs_from("vgae", "posterior"),),
    ),
    graph_model("beta-vgae", LOG_STD, GRAPHS.variational(beta=4.0), _HIGGINS, differs=(differs_from("vgae", "beta"),)),
    _graph_features("gae-features", POINT, _SLOW, differs=(differs_from("gae-slow", "decoder", "likelihood"),)),
    _graph_features("vgae-features", LOG_STD, _SLOW.variational(), differs=(twin_of("gae-features"),)),
)

_UNCORRECTED = "as printed: unweighted pairs, target A, β = 1/n², and another learning rate for each twin; study origin"
_REWEIGHTED = "{} with balanced pairs and target A + I"

OF_THE_ORIGIN: tuple[Model, ...] = (
    _origin(
        "gae-scripts",
        POINT,
        _SCRIPT,
        _SCRIPTS,
        _UNCORRECTED,
        biases=True,
        balanced=False,
        differs=(differs_from("gae", "encoder", "hidden", "latent", "learning_rate", "likelihood", "weighted"),),
    ),
    _origin(
        "vgae-scripts",
        LOG_STD,
        _VARIATIONAL_SCRIPT,
        _SCRIPTS,
        _UNCORRECTED,
        biases=True,
        balanced=False,
        differs=(
            differs_from("vgae", "beta", "encoder", "hidden", "latent", "learning_rate", "likelihood", "weighted"),
            differs_from("gae-scripts", "beta", "estimator", "learning_rate", "posterior", "samples"),
        ),
    ),
    _origin(
        "gae-scripts-balanced",
        POINT,
        _SCRIPT,
        _SCRIPTS,
        _REWEIGHTED.format("gae-scripts"),
        biases=True,
        balanced=True,
        differs=(differs_from("gae-scripts", "likelihood", "weighted"),),
    ),
    _origin(
        "vgae-scripts-balanced",
        LOG_STD,
        _VARIATIONAL_SCRIPT,
        _SCRIPTS,
        _REWEIGHTED.format("vgae-scripts"),
        biases=True,
        balanced=True,
        differs=(differs_from("vgae-scripts", "likelihood", "weighted"),),
    ),
    _origin(
        "gae-june",
        POINT,
        _SCRIPT,
        _JUNE,
        f"{_UNCORRECTED}; trained like gae-scripts, as the source has no training code",
        biases=False,
        balanced=False,
        differs=(differs_from("gae-scripts", "encoder"),),
    ),
    _origin(
        "vgae-june",
        AS_PRINTED,
        _VARIATIONAL_SCRIPT,
        _JUNE,
        f"{_UNCORRECTED}; samples with σ = 0.5·exp(h); trained like vgae-scripts, as the source has no training code",
        biases=False,
        balanced=False,
        differs=(differs_from("vgae-scripts", "encoder", "posterior"),),
    ),
    _origin(
        "vgae-june-scaled",
        LOG_STD,
        _VARIATIONAL_SCRIPT,
        _JUNE,
        "vgae-june with σ = exp(h)",
        biases=False,
        balanced=False,
        differs=(differs_from("vgae-june", "posterior"),),
    ),
    _origin(
        "vgae-june-balanced",
        AS_PRINTED,
        _VARIATIONAL_SCRIPT,
        _JUNE,
        _REWEIGHTED.format("vgae-june"),
        biases=False,
        balanced=True,
        differs=(differs_from("vgae-june", "likelihood", "weighted"),),
    ),
)

# Rungs 2, 3 and 6 of the ladder.
RUNGS_OF_GRAPHS: tuple[Model, ...] = (
    graph_model("gae-l2", POINT, replace(GRAPHS, beta=1.0), _LADDER, differs=(differs_from("gae", "beta"),)),
    graph_model("vgae-fixed", FIXED, _VARIATIONAL_GRAPHS, _LADDER, differs=(differs_from("vgae", "posterior"),)),
    NoisedSpec(name="gae-noised", point=_GAE, variational=_VGAE, source=_LADDER),
    NoisedSpec(name="gae-noised-ranked", point=_GAE, variational=_VGAE, source=_LADDER, ranked=True),
)
