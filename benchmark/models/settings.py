"""The hyperparameters of a model, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_type_hints

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from benchmark.core.names import suggestion
from benchmark.study.schema import Setting
from benchmark.training.phases import Budget
from benchmark.training.schedules import Cyclical, WarmUp, parse_schedule

PER_PAIR: Literal["1/n^2"] = "1/n^2"  # the claim's scripts average the KL over rows and sum the pairs
PER_ROW: Literal["1/n"] = "1/n"  # from nats per row to a mean over the n² pairs


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, int) else value


def _as_schedule(value: Any) -> Any:
    return parse_schedule(value) if isinstance(value, str) else value


# A description completes the sentence "NAME must be …" of an error.
_Count: TypeAlias = Annotated[int, Field(ge=0, description="a whole number that is not negative")]
_Positive: TypeAlias = Annotated[int, Field(ge=1, description="a whole number of at least 1")]
_Widths: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...],
    BeforeValidator(_as_tuple),
    Field(description="a width of at least 1, or a list of them"),
]
_Lengths: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(_as_tuple),
    Field(description="a number of epochs, or a list of them, not negative"),
]
_Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False, description="a number that is not negative")]
_Rate: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
_Share: TypeAlias = Annotated[float, Field(ge=0, lt=1, description="a number from 0 to below 1")]
_Fraction: TypeAlias = Annotated[float, Field(gt=0, le=1, description="a number above 0 and at most 1")]
_Half: TypeAlias = Annotated[float, Field(gt=0, le=0.5, description="a number above 0 and at most 0.5")]
_Name: TypeAlias = Annotated[str, Field(min_length=1, description="a name")]
_Beta: TypeAlias = Annotated[
    Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["1/n^2"],
    Field(description=f"a number that is not negative, or {PER_PAIR!r}"),
]
_PerRow: TypeAlias = Annotated[
    Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["1/n"],
    Field(description=f"a number that is not negative, or {PER_ROW!r}"),
]
_Estimator: TypeAlias = Annotated[Literal["A", "B", "IW"], Field(description="'A', 'B' or 'IW'")]
_BetaSchedule: TypeAlias = Annotated[
    WarmUp | Cyclical,
    BeforeValidator(_as_schedule),
    Field(description="warm-up:SHARE with a share above 0 and at most 1, or cyclical:CYCLES"),
]
_Own: TypeAlias = Annotated[tuple[tuple[str, Any], ...], Field(description="pairs of a name and a value")]


@dataclass(frozen=True, slots=True)
class Settings:
    """Hyperparameters of a model. A study may override the ones that the model accepts.

    A setting that is None is unset. Unset settings are left out of the record's key.

    Args:
        hidden: Widths of the encoder's hidden layers, which the decoder mirrors.
        latent: Latent dimension d.
        learning_rate: Learning rate of Adam.
        epochs: Passes over all rows; 0 leaves the model untrained.
        batch: Rows of a mini-batch; 0 is full batch.
        held_out: Share of the rows that training does not see. Without it, training sees all rows.
        learning_rate_decay: Share of the optimiser steps, at the end, over which the learning rate falls linearly to 0.
        least_steps: Optimiser steps that training takes at least, so that small data are not left untrained.
        beta: Weight of the KL divergence, or of ½‖z‖² for a point. "1/n^2" follows the number of rows.
        beta_schedule: Factor of ``beta`` over the course of the training, such as warm-up:0.5 or cyclical:4.
        estimator: SGVB's A or B, or the importance-weighted bound IW.
        samples: Samples per row: L of SGVB, or K of the importance-weighted bound.
        sparsity: Weight of ‖z‖₁, in nats per row.
        decoder_l2: Weight of ½‖W‖² of the decoder's weights, in nats per row.
        discrepancy: Weight of the MMD² between latents and prior, in nats per row.
        corruption: Share of the features that is set to 0 before encoding.
        adversary: Hidden widths of a discriminator between latents and prior.
        adversary_rate: Learning rate of the discriminator and of the encoder against it.
        adversary_reconstruction: Weight of the reconstruction in the encoder's loss against the discriminator. "1/n"
            follows the number of rows.
        autoencoder_steps: Steps of the autoencoder on each batch, before the two adversaries take one step each.
        convolution: Name of the torch-geometric convolution that the encoder is made of.
        pretraining_epochs: Epochs of the phases before the last.
        pretraining_rate: Learning rate of these phases.
        pretraining_batch: Rows of a mini-batch in the phases that see features alone; 0 is full batch.
        free_bits: The KL divergence in nats that each latent dimension may have at no cost, as a mean over a batch.
        pseudo_inputs: Number of pseudo-inputs of a learned prior.
        own: Hyperparameters of a ``FunctionSpec`` by name. All other settings have no meaning beside these.

    Raises:
        ValueError: if a value has the wrong type or is out of range. The message names the setting.

    >>> Settings(hidden=(512,), latent=0, learning_rate=1e-3, epochs=20)
    Traceback (most recent call last):
    ValueError: latent must be a whole number of at least 1, got 0
    """

    hidden: _Widths
    latent: _Positive
    learning_rate: _Rate
    epochs: _Count
    batch: _Count | None = None
    least_steps: _Count | None = None
    beta: _Beta | None = None
    estimator: _Estimator | None = None
    samples: _Positive | None = None
    sparsity: _Weight | None = None
    decoder_l2: _Weight | None = None
    discrepancy: _Weight | None = None
    corruption: _Share | None = None
    adversary: _Widths | None = None
    adversary_rate: _Rate | None = None
    adversary_reconstruction: _PerRow | None = None
    autoencoder_steps: _Positive | None = None
    convolution: _Name | None = None
    pretraining_epochs: _Lengths | None = None
    pretraining_rate: _Rate | None = None
    pretraining_batch: _Count | None = None
    beta_schedule: _BetaSchedule | None = None
    free_bits: _Weight | None = None
    pseudo_inputs: _Positive | None = None
    learning_rate_decay: _Fraction | None = None
    held_out: _Half | None = None
    own: _Own | None = None

    def __post_init__(self) -> None:
        for name, (kind, wanted) in _kinds().items():
            value = getattr(self, name)
            if value is None and name not in _REQUIRED:
                continue
            try:
                object.__setattr__(self, name, kind.validate_python(value, strict=True))
            except ValidationError:
                raise ValueError(f"{name} must be {wanted}, got {value!r}") from None

    def variational(self, beta: float | Literal["1/n^2"] = 1.0) -> Settings:
        """Return the settings of a variational twin: SGVB's estimator B with one sample per row, and this ``beta``."""
        return replace(self, beta=beta, estimator="B", samples=1)

    def with_overrides(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return these settings with some replaced.

        Args:
            overrides: New values by name.

        Raises:
            ValueError: if a setting is unknown, has the wrong type or is out of range.
        """
        unknown = sorted(overrides.keys() - set(SETTINGS))
        if unknown:
            raise ValueError(f"unknown setting {unknown[0]!r}; {suggestion(unknown[0], SETTINGS)}")
        return replace(self, **dict(overrides))  # type: ignore[arg-type]  # values are checked when they are set

    def in_key(self) -> dict[str, Any]:
        """Return the settings that are set, as a record's key holds them. A schedule becomes its text."""
        if self.own is not None:
            return dict(self.own)
        values = {name: getattr(self, name) for name in SETTINGS}
        return {
            name: str(value) if isinstance(value, WarmUp | Cyclical) else value
            for name, value in values.items()
            if value is not None
        }

    def held_out_of(self, rows: int) -> int:
        """Compute the number of held-out rows of ``rows`` rows, at most half. 0 if training sees all rows.

        >>> replace(Settings((8,), 2, 0.001, epochs=20), held_out=0.2).held_out_of(178)
        36
        """
        return min(round((self.held_out or 0.0) * rows), rows // 2)

    def budget(self, rows: int) -> Budget:
        """Return epochs, learning rate and batch size of a training on ``rows`` rows."""
        epochs = self.epochs_for(rows) if self.epochs else 0
        return Budget(epochs, self.learning_rate, self.batch or 0, self.learning_rate_decay or 0.0)

    def epochs_for(self, rows: int) -> int:
        """Compute the epochs of a training on ``rows`` rows: ``epochs``, or more if ``least_steps`` needs more.

        >>> Settings((8,), 2, 0.001, epochs=20, batch=100, least_steps=1000).epochs_for(500)  # 5 steps per epoch
        200
        """
        steps = -(-rows // self.batch) if self.batch else 1
        return max(self.epochs, -(-(self.least_steps or 0) // steps))

    def beta_for(self, rows: int) -> float | None:
        """Compute β of a training on ``rows`` rows, before any schedule. None if it is unset."""
        return 1.0 / rows**2 if isinstance(self.beta, str) else self.beta

    def adversary_reconstruction_for(self, rows: int) -> float:
        """Compute the weight of the reconstruction against a discriminator, on ``rows`` rows. 0 if it is unset."""
        weight = self.adversary_reconstruction
        return 1.0 / rows if isinstance(weight, str) else weight or 0.0


SETTINGS: tuple[str, ...] = tuple(field.name for field in fields(Settings) if field.name != "own")
_REQUIRED = ("hidden", "latent", "learning_rate", "epochs")


@cache
def _kinds() -> dict[str, tuple[TypeAdapter[Any], str]]:
    """The check of every setting, and the words after "must be" in its error."""
    found = {}
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        kind = hint if name in _REQUIRED else get_args(hint)[0]
        wanted = next(part.description for part in get_args(kind) if getattr(part, "description", None))
        found[name] = (TypeAdapter(kind), wanted)
    return found
