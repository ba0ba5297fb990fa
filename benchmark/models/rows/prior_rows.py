"""Models of features that differ from ``vae`` or its learned twin in the prior, or in how the divergence is charged."""

from __future__ import annotations

from dataclasses import replace

from benchmark.models.model import Model
from benchmark.models.parts.likelihoods import BERNOULLI, GAUSSIAN_LEARNED
from benchmark.models.parts.posterior_families import LOG_VARIANCE
from benchmark.models.parts.priors import PSEUDO_INPUTS
from benchmark.models.rows.feature_rows import VARIATIONAL_FEATURES, feature_model
from benchmark.models.siblings import differs_from
from benchmark.training.schedules import WarmUp

OF_PRIORS: tuple[Model, ...] = (
    replace(
        feature_model(
            "vae-vamp",
            LOG_VARIANCE,
            GAUSSIAN_LEARNED,
            replace(VARIATIONAL_FEATURES, estimator="A", pseudo_inputs=50),
            "Tomczak and Welling (2018), arXiv 1705.07120",
            "the prior is a mixture of the posteriors of learned pseudo-inputs",
            differs=(differs_from("vae-gaussian-learned", "estimator", "prior", "pseudo_inputs"),),
        ),
        prior=PSEUDO_INPUTS,
    ),
    feature_model(
        "vae-warm-up",
        LOG_VARIANCE,
        BERNOULLI,
        replace(VARIATIONAL_FEATURES, beta_schedule=WarmUp(0.5)),
        "Bowman et al. (2016); Sønderby et al. (2016)",
        "β rises over half of the steps, and the objective at the end is that of vae",
        differs=(differs_from("vae", "beta_schedule"),),
    ),
    feature_model(
        "vae-free-bits",
        LOG_VARIANCE,
        BERNOULLI,
        replace(VARIATIONAL_FEATURES, free_bits=0.5),
        "Kingma et al. (2016), arXiv 1606.04934, eq. 15",
        "the rate is the KL before the floor",
        differs=(differs_from("vae", "free_bits"),),
    ),
)
