"""Settings: the hyperparameters of a row, checked when made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from benchmark.study.schema import Setting

PER_PAIR = "1/n^2"  # β of the claim's scripts: KL/n is averaged over rows, and the pairs are summed
_WHOLE = ("latent", "epochs", "batch", "least_steps", "samples", "pretraining_batch")
_TUPLES = ("hidden", "adversary", "pretraining_epochs")
_WORDS = ("estimator", "convolution")


@dataclass(frozen=True, slots=True)
class Settings:
    """Hyperparameters of a row; a study's variants may override any of them. None marks what is no setting of the row.

    ``hidden`` are the widths of the encoder's hidden layers, which the decoder mirrors. ``batch`` is the rows of a
    mini-batch, 0 for all at once. Training lasts ``epochs``, or as many more as ``least_steps`` optimiser steps take,
    so that small data are not left untrained. ``beta`` weighs the KL, or ½‖z‖² of a point; it may be "1/n^2", n the
    rows of the data. ``estimator`` is SGVB's A or B, ``samples`` its L; or the importance-weighted bound, IW, and its
    K. ``sparsity`` weighs ‖z‖₁ and ``decoder_l2`` ½‖W‖² of the decoder's weights, in nats per row, ``discrepancy`` the
    MMD² of latents and prior. ``corruption`` is the share of features that are set to 0 before they are encoded.
    ``adversary`` are the widths of a discriminator of latents and prior, ``adversary_rate`` the learning rate of both
    its players. ``convolution`` is the name of one of torch-geometric's, of which the encoder is made.
    ``pretraining_epochs`` are the lengths of the phases before the last, ``pretraining_rate`` their learning rate, and
    ``pretraining_batch`` the rows of a mini-batch in those that see features alone.
    """

    hidden: tuple[int, ...]
    latent: int
    learning_rate: float
    epochs: int
    batch: int | None = None
    least_steps: int | None = None
    beta: float | str | None = None
    estimator: str | None = None
    samples: int | None = None
    sparsity: float | None = None
    decoder_l2: float | None = None
    discrepancy: float | None = None
    corruption: float | None = None
    adversary: tuple[int, ...] | None = None
    adversary_rate: float | None = None
    convolution: str | None = None
    pretraining_epochs: tuple[int, ...] | None = None
    pretraining_rate: float | None = None
    pretraining_batch: int | None = None

    def __post_init__(self) -> None:
        checks = {
            "hidden": (all(width >= 1 for width in self.hidden), "widths of at least 1"),
            "latent": (self.latent >= 1, "at least 1"),
            "learning_rate": (0 < self.learning_rate < float("inf"), "above 0"),
            "epochs": (self.epochs >= 0, "not negative"),
            "batch": (self.batch is None or self.batch >= 0, "not negative (0 is full batch)"),
            "least_steps": (self.least_steps is None or self.least_steps >= 0, "not negative"),
            "beta": (_finite(self.beta) or self.beta == PER_PAIR, f"a number that is not negative, or {PER_PAIR!r}"),
            "estimator": (self.estimator in (None, "A", "B", "IW"), "'A', 'B' or 'IW'"),
            "samples": (self.samples is None or self.samples >= 1, "at least 1"),
            "sparsity": (_finite(self.sparsity), "not negative"),
            "decoder_l2": (_finite(self.decoder_l2), "not negative"),
            "discrepancy": (_finite(self.discrepancy), "not negative"),
            "adversary": (all(width >= 1 for width in self.adversary or ()), "widths of at least 1"),
            "adversary_rate": (self.adversary_rate is None or 0 < self.adversary_rate < float("inf"), "above 0"),
            "pretraining_epochs": (all(length >= 0 for length in self.pretraining_epochs or ()), "not negative"),
            "pretraining_rate": (self.pretraining_rate is None or 0 < self.pretraining_rate < float("inf"), "above 0"),
            "pretraining_batch": (
                self.pretraining_batch is None or self.pretraining_batch >= 0,
                "not negative (0 is full batch)",
            ),
            "corruption": (self.corruption is None or 0 <= self.corruption < 1, "from 0 to below 1"),
        }
        for name, (holds, wanted) in checks.items():
            if not holds:
                raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}")

    def variational(self, beta: float | str = 1.0) -> Settings:
        """Those of a variational twin: SGVB's estimator B with one sample a row."""
        return replace(self, beta=beta, estimator="B", samples=1)

    def with_overrides(self, overrides: Mapping[str, Setting]) -> Settings:
        """These settings with some replaced; ValueError names an unknown key or a value of the wrong kind."""
        names = [field.name for field in fields(self)]
        changed: dict[str, Any] = {}
        for key, value in overrides.items():
            if key not in names:
                raise ValueError(f"unknown setting {key!r}; known: {', '.join(names)}")
            if getattr(self, key) is None:
                raise ValueError(f"{key} is no setting of this row")
            changed[key] = _of_kind(key, value)
        return replace(self, **changed)

    def epochs_for(self, rows: int) -> int:
        """Epochs that a data set of ``rows`` rows is trained for."""
        steps = -(-rows // self.batch) if self.batch else 1
        return max(self.epochs, -(-(self.least_steps or 0) // steps))

    def beta_for(self, rows: int) -> float | None:
        """β on a data set of ``rows`` rows."""
        return 1.0 / rows**2 if isinstance(self.beta, str) else self.beta


def _finite(value: float | str | None) -> bool:
    return value is None or (not isinstance(value, str) and 0 <= value < float("inf"))


def _of_kind(key: str, value: Setting) -> Setting:
    """``value`` as the setting ``key`` holds it; ValueError where it is of another kind."""
    if key in _TUPLES:
        widths = value if isinstance(value, tuple) else (value,)
        if all(isinstance(width, int) and not isinstance(width, bool) for width in widths):
            return widths  # type: ignore[return-value]
        raise ValueError(f"{key} must be a whole number or a list of them, got {value!r}")
    if key == "convolution" and not isinstance(value, str):
        raise ValueError(f"convolution must be a name, got {value!r}")
    if key in _WORDS or (key == "beta" and isinstance(value, str)):
        return value
    if key in _WHOLE:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise ValueError(f"{key} must be a whole number, got {value!r}")
    if isinstance(value, bool | str | tuple):
        raise ValueError(f"{key} must be a number, got {value!r}")
    return float(value)
