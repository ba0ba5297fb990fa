"""Models of counts: MLPs of log(1 + x) under a negative binomial, with the sizes and the budget of ae and vae."""

from __future__ import annotations

from benchmark.models.model import Model
from benchmark.models.parts.encoders import MLP_OF_LOGARITHMS
from benchmark.models.parts.likelihoods import NEGATIVE_BINOMIAL
from benchmark.models.parts.posterior_families import LOG_VARIANCE, POINT
from benchmark.models.rows.feature_rows import FEATURES, VARIATIONAL_FEATURES, feature_model
from benchmark.models.siblings import differs_from, twin_of

_LOPEZ = "Lopez et al. (2018), scVI, doi 10.1038/s41592-018-0229-2"
_NOTE = "for counts without scaling; the row's total is given, and there are no batches and no dropout"

OF_COUNTS: tuple[Model, ...] = (
    feature_model(
        "ae-counts",
        POINT,
        NEGATIVE_BINOMIAL,
        FEATURES,
        f"{_LOPEZ}, its deterministic twin",
        _NOTE,
        encoder=MLP_OF_LOGARITHMS,
        differs=(differs_from("ae", "encoder", "likelihood"),),
    ),
    feature_model(
        "vae-counts",
        LOG_VARIANCE,
        NEGATIVE_BINOMIAL,
        VARIATIONAL_FEATURES,
        _LOPEZ,
        _NOTE,
        encoder=MLP_OF_LOGARITHMS,
        differs=(twin_of("ae-counts"),),
    ),
)
