"""Names of the settings that models accept, by the part of a model that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.models.settings import SETTINGS, Settings
from benchmark.study.schema import Setting

UNTRAINED = ("hidden", "latent")
TRAINING = (*UNTRAINED, "learning_rate", "learning_rate_decay", "epochs")
ROWWISE = ("batch", "least_steps", "corruption", "held_out")  # for encoders without a graph
PENALTIES = (
    "sparsity",
    "discrepancy",
    "adversary",
    "adversary_rate",
    "adversary_reconstruction",
    "autoencoder_steps",
)


def overridden(name: str, own: Settings, accepts: Sequence[str], overrides: Mapping[str, Setting]) -> Settings:
    """Replace some of a model's settings.

    Args:
        name: The model's name, for messages.
        own: The model's own settings.
        accepts: Names of the settings that the model accepts.
        overrides: New values by name.

    Raises:
        ValueError: if the model does not accept a setting, or a value is impossible.
    """
    for key in overrides:
        if key in SETTINGS and key not in accepts:
            instead = f"its settings are {', '.join(accepts)}" if accepts else "it has no settings"
            raise ValueError(f"{name} does not accept the setting {key!r}; {instead}")
    return own.with_overrides(overrides)


def in_table_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sort names of settings by the fields of ``Settings``, and drop repetitions.

    >>> in_table_order(["epochs", "hidden", "epochs"])
    ('hidden', 'epochs')
    """
    return tuple(name for name in SETTINGS if name in names)


def architecture_of(encoder: str, settings: Settings) -> str:
    """Describe encoder and widths in words.

    >>> architecture_of("MLP", Settings(hidden=(512,), latent=16, learning_rate=1e-3, epochs=20))
    'MLP f–512–16'
    """
    return f"{encoder} {'–'.join(map(str, ('f', *settings.hidden, settings.latent)))}"
