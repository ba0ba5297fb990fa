"""The settings that a model accepts, by the parts that read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.models.settings import SETTINGS, Settings
from benchmark.study.schema import Setting

UNTRAINED = ("hidden", "latent")
TRAINING = (*UNTRAINED, "learning_rate", "epochs")
ROWWISE = ("batch", "least_steps", "corruption")  # for encoders that see one row at a time
PENALTIES = ("sparsity", "discrepancy", "adversary", "adversary_rate")


def overridden(name: str, own: Settings, accepts: Sequence[str], overrides: Mapping[str, Setting]) -> Settings:
    """A model's settings with some replaced.

    Args:
        name: The model's name, for messages.
        own: The model's own settings.
        accepts: Names of the settings that the model accepts.
        overrides: New values by name.

    Raises:
        ValueError: If the model does not accept a setting, or a value is impossible.
    """
    for key in overrides:
        if key in SETTINGS and key not in accepts:
            instead = f"its settings are {', '.join(accepts)}" if accepts else "it has no settings"
            raise ValueError(f"{name} does not accept the setting {key!r}; {instead}")
    return own.with_overrides(overrides)


def in_table_order(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once, in the order of the fields of ``Settings``.

    >>> in_table_order(["epochs", "hidden", "epochs"])
    ('hidden', 'epochs')
    """
    return tuple(name for name in SETTINGS if name in names)


def architecture_of(encoder: str, settings: Settings) -> str:
    """Encoder and widths in words, such as "MLP f–512–16"."""
    return f"{encoder} {'–'.join(map(str, ('f', *settings.hidden, settings.latent)))}"
