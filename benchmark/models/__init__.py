"""The models under study: entries of MODELS, the parts that they are composed of, and their settings.

Each name is imported at its first use. ``Model``, the protocol, does not load torch. ``benchmark.models()`` lists the
models in a DataFrame.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmark.core.lazy import CallablePackage, lazy_names

if TYPE_CHECKING:
    from benchmark.models.control_spec import ControlSpec
    from benchmark.models.controls import Control
    from benchmark.models.function_spec import FunctionSpec
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
    "FunctionSpec",
    "FusionSpec",
    "Model",
    "ModelSpec",
    "NoisedSpec",
    "Settings",
]

_HOMES = {
    "MODELS": "table",
    "Control": "controls",
    "ControlSpec": "control_spec",
    "Description": "model",
    "FunctionSpec": "function_spec",
    "FusionSpec": "fusion_spec",
    "Model": "model",
    "ModelSpec": "model_spec",
    "NoisedSpec": "noised_spec",
    "Settings": "settings",
}

if not TYPE_CHECKING:  # a type checker that saw this function would accept any name
    __getattr__ = lazy_names(__name__, {name: f"{__name__}.{home}" for name, home in _HOMES.items()})

sys.modules[__name__].__class__ = CallablePackage
