"""Models with a discriminator between latents and prior: an autoencoder of features, and a GAE and a VGAE."""

from __future__ import annotations

from dataclasses import replace

from benchmark.models.model import Model
from benchmark.models.parts.likelihoods import BERNOULLI
from benchmark.models.parts.posterior_families import LOG_STD, POINT
from benchmark.models.rows.feature_rows import FEATURES, feature_model
from benchmark.models.rows.graph_rows import GRAPHS, graph_model
from benchmark.models.settings import PER_ROW
from benchmark.models.siblings import differs_from, twin_of

# Pan et al. (2018), section 4.1: 32 hidden units and d = 16, a discriminator of 16 and 64 units, 200 epochs, Adam at
# 0.001 for all players. The order of their steps is in their code alone (github.com/Ruiqi-Hu/ARGA): in every epoch five
# of the autoencoder, one of the discriminator, and one of the encoder on −log D(z) + reconstruction. Both terms are
# means there, the first over rows and the second over n² pairs, so the weight of nats per row is 1/n.
#
# Ours differs from the code in three things. Settings are those of the paper. The code has d = 32, a discriminator of
# 64 and 32 units that starts in N(0, 0.01²), and 0.0005 for the autoencoder. It also adds noise to the hidden layer of
# arga, which the paper does not mention. Ours has no noise, because arga is the deterministic twin. The code leaves the
# reconstruction out of the last loss of arvga. Ours keeps it, so that the twins differ in the posterior alone.
_GRAPHS = replace(
    GRAPHS,
    learning_rate=1e-3,
    adversary=(16, 64),
    adversary_rate=1e-3,
    adversary_reconstruction=PER_ROW,
    autoencoder_steps=5,
)
# Makhzani et al. (2016), section 2: on every batch a step of the autoencoder, of the discriminator, and of the encoder
# on −log D(z) alone. Of their three encoders, ours is the deterministic one. Appendix A: all networks have two hidden
# layers of 1,000 units. Ours has the layers of ae, and a discriminator with two hidden layers of the encoder's width.
# They descend with momentum at 0.01 and 0.1 (reconstruction, adversaries), on squared errors, with a prior N(0, 25 I).
# Ours takes Adam at 0.001 for all players, the cross-entropy of ae, and N(0, I).
_FEATURES = replace(FEATURES, adversary=(512, 512))

_MAKHZANI = "Makhzani et al. (2016), arXiv 1511.05644"
_PAN = "Pan et al. (2018), arXiv 1802.04407, and its code"
_ADDED = "five steps of the autoencoder an epoch, and the reconstruction added to the encoder's adversarial loss"

ADVERSARIAL: tuple[Model, ...] = (
    feature_model(
        "aae",
        POINT,
        BERNOULLI,
        _FEATURES,
        _MAKHZANI,
        "the sizes, Adam and likelihood of ae, and the prior N(0, I)",
        differs=(differs_from("ae", "adversary"),),
    ),
    replace(
        graph_model(
            "arga",
            POINT,
            _GRAPHS,
            _PAN,
            f"{_ADDED}, as in their code; sizes and learning rates are those of the paper; without the noise that the "
            "code adds to the hidden layer",
            differs=(
                differs_from(
                    "gae",
                    "adversary",
                    "adversary_rate",
                    "adversary_reconstruction",
                    "autoencoder_steps",
                    "learning_rate",
                    "version",
                ),
            ),
        ),
        version=3,
    ),
    replace(
        graph_model(
            "arvga",
            LOG_STD,
            _GRAPHS.variational(),
            _PAN,
            f"{_ADDED}; their code leaves that reconstruction out of arvga, and ours keeps the twins alike",
            differs=(twin_of("arga"),),
        ),
        version=3,
    ),
)
