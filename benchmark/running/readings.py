"""Read out the latents of a batch: on the GPU that trained them for all trainings at once, else on the host."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Latents
from benchmark.latents.placed_latents import PlacedLatents
from benchmark.latents.placed_readouts import PlacedPairs, read_out_placed
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.results.record import SCIKIT_LEARN
from benchmark.running.jobs import Wanted
from benchmark.running.outcome import Outcome, Place

_READOUTS = {readout.name: readout for readout in READOUTS}


@dataclass(frozen=True, slots=True)
class Readings:
    """The results of the readouts of one training, by readout and draw.

    Attributes:
        batched: The results that are scored in batches.
        single: The results that scikit-learn scores, on the host.
    """

    batched: dict[Place, Any] = field(default_factory=dict)
    single: dict[Place, Any] = field(default_factory=dict)


def read_on_host(outcomes: Sequence[Outcome], wanted: Wanted) -> list[Readings]:
    """Read out with numpy what is scored in batches. Workers read out the rest."""
    return [
        Readings({place: _of_host(outcome, place) for place in _places(outcome, wanted, batched=True)})
        for outcome in outcomes
    ]


def read_on_device(outcomes: Sequence[Outcome], wanted: Wanted, device: str) -> list[Readings]:
    """Read out on a device, so that a draw is the same numbers whichever way scores it.

    Latents that the training left there are not copied from the host. Others are copied to the device once: saved ones,
    those of controls, and constants. Results that scikit-learn scores are copied to the host. Training passes, sparse
    latents and means for scikit-learn stay on the host, because nothing is drawn for them.

    Args:
        outcomes: The latents, all of one dataset.
        wanted: The slots to score, by the key of the unit.
        device: "cuda". Tests use "cpu".
    """
    found = [Readings() for _ in outcomes]
    groups: dict[Hashable, list[_Member]] = {}
    for outcome, readings in zip(outcomes, found, strict=True):
        batched, single = (_places(outcome, wanted, batched=way) for way in (True, False))
        readings.single.update({place: _of_host(outcome, place) for place in single if _stays(outcome, place)})
        draws = [place for place in single if place not in readings.single]
        if outcome.latents is not None and (batched or draws):
            placed = outcome.placed or PlacedLatents.of_latents(outcome.latents, device)
            member = _Member(outcome.latents, placed, outcome.training.seed, batched, draws, readings)
            groups.setdefault(placed.form, []).append(member)
    for members in groups.values():
        _read_together(members)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """A training whose latents are read out on a device, with the places to fill."""

    latents: Latents
    placed: PlacedLatents
    seed: int
    batched: list[Place]
    single: list[Place]
    readings: Readings


def _read_together(members: Sequence[_Member]) -> None:
    """Read out latents of one form, and fill their readings."""
    together = PlacedLatents.joined([member.placed for member in members])
    for place in dict.fromkeys(place for member in members for place in (*member.batched, *member.single)):
        asking = [k for k, member in enumerate(members) if place in member.batched or place in member.single]
        latents = together if len(asking) == len(members) else together.chosen(asking)
        name, draw = place
        results = read_out_placed(latents, name, seeds=[members[k].seed for k in asking], draw=draw)
        for k, result in zip(asking, results, strict=True):
            member = members[k]
            if place in member.batched:
                member.readings.batched[place] = result
            if place in member.single:
                member.readings.single[place] = _copied(result, member.latents)


def _copied(result: Any, latents: Latents) -> Any:
    """The form of a tensor, or of expected link scores, for workers: without tensors."""
    return PairScores(latents, keys=result.keys) if isinstance(result, PlacedPairs) else result.cpu().numpy()


def _places(outcome: Outcome, wanted: Wanted, *, batched: bool) -> list[Place]:
    """The readouts and draws that one way of scoring needs, each once.

    A readout of decoded features needs the latents that are decoded. Workers decode them.
    """
    if outcome.latents is None:
        return []
    slots = [slot for unit in outcome.training.units for slot in wanted[unit.identity.key]]
    asked = [slot for slot in slots if (slot.scoring != SCIKIT_LEARN) == batched]
    return list(dict.fromkeys((_READOUTS[slot.readout].undecoded, slot.draw) for slot in asked))


def _stays(outcome: Outcome, place: Place) -> bool:
    """Whether a result for scikit-learn is read out on the host."""
    readout = _READOUTS[place[0]]
    sparse = outcome.latents is not None and not isinstance(outcome.latents.mean, np.ndarray)
    return readout.name == "mean" or readout.gives == "epochs" or sparse


def _of_host(outcome: Outcome, place: Place) -> Any:
    """Read out with numpy."""
    assert outcome.latents is not None
    return read_out(outcome.latents, _READOUTS[place[0]], seed=outcome.training.seed, draw=place[1])
