"""The systems under study: rows of MODELS, and the values that training receives and returns."""

from benchmark.models.controls import Control
from benchmark.models.numerics.upper_blocks import forget_blocks
from benchmark.models.settings import Settings
from benchmark.models.specs import BaselineSpec, FusionSpec, ModelSpec, NoisedSpec, Row
from benchmark.models.table import MODELS
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Draws, Loss, Model, Phase, Player
from benchmark.training.posteriors import (
    DiagonalGaussian,
    PointMass,
    Posterior,
    VonMisesFisher,
    divergence,
    sample,
    with_noise_of,
)

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
