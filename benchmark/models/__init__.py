"""The systems under study: rows of MODELS, and the values that training receives and returns."""

from benchmark.models.base import (
    LAST,
    DiagonalGaussian,
    Draws,
    Inputs,
    Loss,
    Model,
    Phase,
    Player,
    PointMass,
    Posterior,
    VonMisesFisher,
    divergence,
    sample,
    with_noise_of,
)
from benchmark.models.baselines import Control
from benchmark.models.settings import Settings
from benchmark.models.specs import BaselineSpec, FusionSpec, ModelSpec, NoisedSpec, Row
from benchmark.models.table import MODELS
from benchmark.models.upper_blocks import forget_blocks

__all__ = [
    "LAST",
    "MODELS",
    "BaselineSpec",
    "Control",
    "DiagonalGaussian",
    "Draws",
    "FusionSpec",
    "Inputs",
    "Loss",
    "Model",
    "ModelSpec",
    "NoisedSpec",
    "Phase",
    "Player",
    "PointMass",
    "Posterior",
    "Row",
    "Settings",
    "VonMisesFisher",
    "divergence",
    "forget_blocks",
    "sample",
    "with_noise_of",
]
