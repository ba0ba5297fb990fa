"""Everything that a training step changes, to go back to it and to compare two ways of running the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from benchmark.training.phases import Draws, Player
from benchmark.training.random_streams import RandomStreams


@dataclass(frozen=True, slots=True, eq=False)
class SavedState:
    """A copy of the state of a training.

    Args:
        parameters: Copies of all parameters.
        streams: The states of the random streams of each purpose, copied.
        moments: The tensors of each optimiser, by parameter and name, copied.
    """

    parameters: tuple[Tensor, ...]
    streams: tuple[list[Tensor], ...]
    moments: tuple[dict[Tensor, dict[str, Tensor]], ...]


class TrainingState:
    """The state of a training: parameters, the tensors of the optimisers, and the random streams.

    Args:
        players: All players of a phase.
        optimisers: Their optimisers.
        draws: The random streams.
    """

    def __init__(self, players: Sequence[Player], optimisers: Sequence[torch.optim.Optimizer], draws: Draws) -> None:
        self._optimisers, self._draws = optimisers, draws
        self._parameters = list({id(p): p for player in players for p in player.parameters}.values())

    def saved(self) -> SavedState:
        """Copy the state."""
        return SavedState(
            tuple(p.detach().clone() for p in self._parameters),
            tuple(streams.state() for streams in self._streams()),
            tuple(
                {p: {name: tensor.clone() for name, tensor in own.items()} for p, own in each.state.items()}
                for each in self._optimisers
            ),
        )

    @torch.no_grad()
    def restore(self, saved: SavedState) -> None:
        """Go back to a copy. What an optimiser has added since then is dropped."""
        for p, value in zip(self._parameters, saved.parameters, strict=True):
            p.copy_(value)
        for streams, state in zip(self._streams(), saved.streams, strict=True):
            streams.restore(state)
        for each, moments in zip(self._optimisers, saved.moments, strict=True):
            for added in each.state.keys() - moments.keys():
                del each.state[added]
            for parameter, own in moments.items():
                for name, value in own.items():
                    each.state[parameter][name].copy_(value)

    def met_more_than(self, saved: SavedState) -> bool:
        """Whether an optimiser has met a parameter for the first time since a copy."""
        return any(
            len(each.state) > len(moments) for each, moments in zip(self._optimisers, saved.moments, strict=True)
        )

    @torch.no_grad()
    def distance(self, other: SavedState, before: SavedState) -> float:
        """Compare the state after a step with another state after the same step.

        Args:
            other: The other state.
            before: The state before the step.

        Returns:
            Euclidean distance of all parameters, as a share of the length of the step. Infinite if a random stream
            differs, or if a parameter is NaN in one state only.
        """
        for streams, state in zip(self._streams(), other.streams, strict=True):
            if not all(torch.equal(one, there) for one, there in zip(streams.state(), state, strict=True)):
                return float("inf")
        apart = moved = 0.0
        for now, there, then in zip(self._parameters, other.parameters, before.parameters, strict=True):
            if not torch.equal(now.isnan(), there.isnan()):
                return float("inf")
            apart += _squares(now - there)
            moved += _squares(now - then)
        return math.sqrt(apart / max(moved, 1e-300))

    def _streams(self) -> list[RandomStreams]:
        return [getattr(self._draws, field.name) for field in fields(self._draws)]


def _squares(difference: Tensor) -> float:
    """Σ x². Entries that are not finite count as 0."""
    return float(difference.nan_to_num(0.0, 0.0, 0.0).double().square().sum())
