"""Linear models of features, whose optimum is known in closed form; see ``linear_theory``."""

from __future__ import annotations

from dataclasses import replace

from benchmark.models.model import Model
from benchmark.models.parts.decoders import CENTRED_MLP_DECODER
from benchmark.models.parts.encoders import CENTRED_MLP
from benchmark.models.parts.likelihoods import GAUSSIAN_LEARNED
from benchmark.models.parts.posterior_families import LOG_VARIANCE, POINT
from benchmark.models.rows.feature_rows import FEATURES, feature_model
from benchmark.models.siblings import differs_from, twin_of

# Signal-to-noise ratios of single dimensions come last, because dimensions turn slowly within the principal subspace.
# With this budget they come near to the optimum: see tests/models/test_linear_theory.py.
_LINEAR = replace(FEATURES, hidden=(), learning_rate=0.01, learning_rate_decay=0.5, batch=2048, least_steps=20_000)

LINEAR: tuple[Model, ...] = (
    feature_model(
        "linear-ae",
        POINT,
        GAUSSIAN_LEARNED,
        _LINEAR,
        "Baldi and Hornik (1989)",
        "spans the principal subspace at its optimum",
        encoder=CENTRED_MLP,
        decoder=CENTRED_MLP_DECODER,
        differs=(
            differs_from(
                "ae-gaussian-learned",
                "batch",
                "decoder",
                "encoder",
                "hidden",
                "learning_rate",
                "learning_rate_decay",
                "least_steps",
            ),
        ),
    ),
    feature_model(
        "linear-vae",
        LOG_VARIANCE,
        GAUSSIAN_LEARNED,
        _LINEAR.variational(),
        "Lucas et al. (2019), arXiv 1911.02469",
        "its optimum in closed form is ppca",
        encoder=CENTRED_MLP,
        decoder=CENTRED_MLP_DECODER,
        differs=(twin_of("linear-ae"),),
    ),
)
