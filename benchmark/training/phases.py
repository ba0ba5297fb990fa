"""Draws, losses and phases: the values that a model hands to training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Protocol, runtime_checkable

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


LAST = "whole"  # the name of the phase that ends every training


class Player(NamedTuple):
    """A loss, the parameters that minimise it, and the rate of their Adam."""

    loss: Callable[..., Loss]  # of inputs and draws, as Model.loss
    parameters: Sequence[nn.Parameter]
    learning_rate: float


class Phase(NamedTuple):
    """A stretch of training with its own loss and parameters.

    The epochs, the learning rate and the rows of a mini-batch are those of the settings where it has none of its own.
    ``others`` step after it on every batch, each by its own loss and Adam; curves show the phase's own loss alone.
    ``begin`` is called once, with the inputs and the draws, before the phase.
    """

    name: str
    loss: Callable[..., Loss]  # of inputs and draws, as Model.loss
    parameters: Sequence[nn.Parameter]
    others: tuple[Player, ...] = ()
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    begin: Callable[[Inputs, Draws], None] | None = None


class Decoder(Protocol):
    """A network, or a function without parameters, that scores latents against what was encoded."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Those of its layers; weights are named so."""

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:
        """Nats per row of the inputs given latents z [r, n, d]: a mean over rows, [r]; may be NaN if not ``value``."""


@runtime_checkable
class RowDecoder(Protocol):
    """A decoder whose nats are sums over rows."""

    def costs(self, z: Tensor, inputs: Inputs) -> Tensor:
        """Nats of every row of the inputs given latents z [r, n, d]; [r, n]."""


class Encoding(Protocol):
    """What gives latents."""

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""


class Model(Encoding, Protocol):
    """The face of every trained row of the table."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Everything that training changes, each with its leading replica axis."""

    @property
    def decoder(self) -> Decoder:
        """What scores latents against the inputs."""

    def loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:
        """One estimate of the objective; ``value`` False where only the gradient is wanted."""
