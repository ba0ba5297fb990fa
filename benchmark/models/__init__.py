"""The models under study: entries of MODELS, the parts that they are composed of, and their settings."""

from benchmark.models.control_spec import ControlSpec
from benchmark.models.controls import Control
from benchmark.models.fusion_spec import FusionSpec
from benchmark.models.model import Description, Model
from benchmark.models.model_spec import ModelSpec
from benchmark.models.noised_spec import NoisedSpec
from benchmark.models.settings import Settings
from benchmark.models.table import MODELS

__all__ = [
    "MODELS",
    "Control",
    "ControlSpec",
    "Description",
    "FusionSpec",
    "Model",
    "ModelSpec",
    "NoisedSpec",
    "Settings",
]
