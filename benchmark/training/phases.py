"""The protocol between models and training: random streams, losses, phases, decoders and networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor, nn

from benchmark.training.inputs import Inputs
from benchmark.training.mixture import Mixture
from benchmark.training.posteriors import Posterior
from benchmark.training.random_streams import RandomStreams
from benchmark.training.schedules import Scalar


@dataclass(frozen=True, slots=True)
class Draws:
    """The random streams of a training, one per replica for each purpose.

    Each purpose has its own stream. Twins therefore meet the same random numbers in all purposes that both have.
    """

    noise: RandomStreams  # of samples from posteriors
    negatives: RandomStreams  # of sampled non-edges
    corruption: RandomStreams  # of masked features
    prior: RandomStreams  # of samples from the prior, and of first cluster centres

    @classmethod
    def of(cls, streams: Callable[[str], RandomStreams]) -> Draws:
        """Make the streams of all purposes.

        Args:
            streams: Makes the streams of one purpose, by its name.
        """
        return cls(*(streams(field.name) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Step:
    """The inputs of a loss besides the batch.

    Args:
        draws: Random streams.
        value: Whether the value of the reconstruction is needed. If False, the value may be NaN. The gradient is exact
            in both cases.
        progress: Share of the optimiser steps of the phase already taken, from 0 to 1. Schedules of β need it. It is a
            tensor on the device in a captured step.
    """

    draws: Draws
    value: bool = True
    progress: Scalar = 1.0


class Loss(NamedTuple):
    """One estimate of the objective. Each part is [r], in nats per row, averaged over rows."""

    total: Tensor  # reconstruction + β · divergence + penalties
    reconstruction: Tensor  # NaN if the step does not need its value
    divergence: Tensor
    std: Tensor  # σ averaged over rows and dimensions; 0 for a point

    @classmethod
    def of_cost(cls, cost: Tensor) -> Loss:
        """Make a loss without divergence and noise. All of ``cost``, [r], counts as reconstruction.

        >>> Loss.of_cost(torch.tensor([2.0])).divergence.tolist()
        [0.0]
        """
        none = torch.zeros_like(cost)
        return cls(cost, cost, none, none)


LossFunction: TypeAlias = Callable[[Inputs, Step], Loss]

LAST = "whole"  # the name of the phase that ends every training


class Player(NamedTuple):
    """A loss, the parameters that minimise it, the learning rate of its Adam, and its steps on every batch."""

    loss: LossFunction
    parameters: Sequence[nn.Parameter]
    learning_rate: float
    steps: int = 1


class Phase(NamedTuple):
    """A stretch of training with its own loss and parameters.

    Epochs, learning rate and batch size default to the budget of the training.
    """

    name: str  # as training curves show it
    loss: LossFunction
    parameters: Sequence[nn.Parameter]  # the parameters that minimise the loss
    others: tuple[Player, ...] = ()  # on every batch they step after the phase's own step; curves leave them out
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None  # rows of a mini-batch; 0 is full batch
    begin: Callable[[Inputs, Draws], None] | None = None  # called once before the phase
    steps: int = 1  # the phase's own steps on every batch


@dataclass(frozen=True, slots=True)
class Budget:
    """Length and step size of a training. The optimiser is always Adam.

    Args:
        epochs: Passes over all rows in the last phase; 0 leaves the network untrained.
        learning_rate: Learning rate of Adam.
        batch: Rows of a mini-batch; 0 is full batch.
        decay: Share of the steps of a phase, at its end, over which learning rates fall linearly to 0.
    """

    epochs: int
    learning_rate: float
    batch: int = 0
    decay: float = 0.0


class Decoder(Protocol):
    """A network, or a function without parameters, that scores latents against the encoded inputs."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and values of all parameters. Names of weights end in "weight"."""

    def reconstruction(self, z: Tensor, inputs: Inputs, step: Step, /) -> Tensor:
        """Compute the negative log-likelihood of the inputs given latents z, [r, n, d]: nats per row, [r]."""


@runtime_checkable
class RowDecoder(Protocol):
    """A decoder that scores every row by itself."""

    def costs(self, z: Tensor, inputs: Inputs) -> Tensor:
        """Compute the negative log-likelihood of every row given latents z, [r, n, d]: nats, [r, n]."""


@runtime_checkable
class WithPrior(Protocol):
    """A network that may learn its prior."""

    def mixture(self) -> Mixture | None:
        """The prior of the present weights if it is learned; None if it is N(0, I) or uniform on the sphere."""


class Encoding(Protocol):
    """Anything that encodes inputs into latents."""

    def encode(self, inputs: Inputs) -> Posterior:
        """Compute the posterior of every row, [r, n, d]. No noise is drawn."""


class Network(Encoding, Protocol):
    """A network that can be trained. Every parameter has a leading replica axis."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """All trained parameters, each [r, …]."""

    @property
    def decoder(self) -> Decoder:
        """The part that scores latents against the inputs."""

    @property
    def uncapturable(self) -> str:
        """Why a step cannot be captured as a CUDA graph, such as that the host waits for a result. Empty if it can."""

    def loss(self, inputs: Inputs, step: Step, /) -> Loss:
        """Estimate the objective on a batch."""

    def to(self, *, device: str) -> object:
        """Move all parameters to a device, in place."""

    def phases(self) -> tuple[Phase, ...]:
        """The phases of training in order. The last one is named ``LAST`` and trains the whole network."""
