"""Draws, losses and phases: the values that a model hands to training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor, nn

from benchmark.training.inputs import Inputs
from benchmark.training.posteriors import Posterior


@dataclass(frozen=True, slots=True)
class Draws:
    """What a model draws from while it trains, a generator a replica for each purpose: twins that need fewer of them
    meet the same numbers in the rest."""

    noise: Sequence[torch.Generator]
    negatives: Sequence[torch.Generator]
    corruption: Sequence[torch.Generator]
    prior: Sequence[torch.Generator]

    @classmethod
    def of(cls, generators: Callable[[str], Sequence[torch.Generator]]) -> Draws:
        """``generators`` gives those of a purpose by its name."""
        return cls(*(generators(field.name) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Step:
    """The part of a training step that a loss is told.

    Args:
        draws: The random generators of the step.
        value: Whether the value of the reconstruction is needed. Without it only the gradient is exact, and the value
            may be NaN.
        progress: Optimiser steps taken so far over all steps of the phase, from 0 to 1. Schedules of β follow it.
    """

    draws: Draws
    value: bool = True
    progress: float = 1.0


class Loss(NamedTuple):
    """Nats per row, means over rows, each [r]; total = reconstruction + β · divergence + the row's penalties.

    ``std`` is the mean σ over rows and dimensions, 0 for a point. A reconstruction that was not asked for its value is
    NaN and still has its gradient.
    """

    total: Tensor
    reconstruction: Tensor
    divergence: Tensor
    std: Tensor

    @classmethod
    def of_cost(cls, cost: Tensor) -> Loss:
        """Of something that has neither divergence nor noise: all of ``cost`` [r] is reconstruction."""
        none = torch.zeros_like(cost)
        return cls(cost, cost, none, none)


LossFunction: TypeAlias = Callable[[Inputs, Step], Loss]

LAST = "whole"  # the name of the phase that ends every training


class Player(NamedTuple):
    """A loss, the parameters that minimise it, and the learning rate of its Adam."""

    loss: LossFunction
    parameters: Sequence[nn.Parameter]
    learning_rate: float


class Phase(NamedTuple):
    """A stretch of training with its own loss and parameters.

    Epochs, learning rate and batch size default to the budget of the training. On every batch the players in
    ``others`` step after the phase, each by its own loss and Adam. Curves show the loss of the phase alone.
    ``begin`` is called once before the phase.
    """

    name: str
    loss: LossFunction
    parameters: Sequence[nn.Parameter]
    others: tuple[Player, ...] = ()
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    begin: Callable[[Inputs, Draws], None] | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a network is trained and by which optimiser steps. Adam is the only optimiser.

    Args:
        epochs: Passes over all rows in the last phase; 0 leaves the network untrained.
        learning_rate: Of Adam.
        batch: Rows of a mini-batch; 0 is full batch.
    """

    epochs: int
    learning_rate: float
    batch: int = 0


class Decoder(Protocol):
    """A network, or a function without parameters, that scores latents against the encoded inputs."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and values of its parameters; the names of weights end in "weight"."""

    def reconstruction(self, z: Tensor, inputs: Inputs, step: Step, /) -> Tensor:
        """Nats per row of the inputs given latents z [r, n, d], the mean over rows; [r]."""


@runtime_checkable
class RowDecoder(Protocol):
    """A decoder whose nats are sums over rows."""

    def costs(self, z: Tensor, inputs: Inputs) -> Tensor:
        """Nats of every row of the inputs given latents z [r, n, d]; [r, n]."""


class Encoding(Protocol):
    """Anything that encodes inputs into latents."""

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""


class Network(Encoding, Protocol):
    """The networks that training knows: parameters, a decoder, a loss, and the phases that train them."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Every trained parameter, each with a leading replica axis."""

    @property
    def decoder(self) -> Decoder:
        """The part that scores latents against the inputs."""

    def loss(self, inputs: Inputs, step: Step, /) -> Loss:
        """One estimate of the objective."""

    def to(self, *, device: str) -> object:
        """Move all parameters to a device, in place."""

    def phases(self) -> tuple[Phase, ...]:
        """The phases of training, in their order; the last trains the whole network and is called ``LAST``."""
