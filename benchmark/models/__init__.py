"""The systems under study: rows of MODELS, and the values that training receives and returns."""

from benchmark.models.base import DiagonalGaussian, Inputs, Loss, Model, PointMass, Posterior, divergence, sample
from benchmark.models.baselines import Control
from benchmark.models.table import MODELS, BaselineSpec, ModelSpec, Row, Settings

__all__ = [
    "MODELS",
    "BaselineSpec",
    "Control",
    "DiagonalGaussian",
    "Inputs",
    "Loss",
    "Model",
    "ModelSpec",
    "PointMass",
    "Posterior",
    "Row",
    "Settings",
    "divergence",
    "sample",
]
