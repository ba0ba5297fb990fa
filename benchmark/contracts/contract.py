"""A contract, and what its examination finds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np

from benchmark.core.errors import InputError

Case = TypeVar("Case")
Status = Literal["holds", "fails", "note", "not examined"]


@dataclass(frozen=True, slots=True)
class Contract(Generic[Case]):
    """One promise, as a sentence, and what of a case breaks it: a sentence, or nothing.

    ``advice`` is for what is allowed and seldom meant: it is noted, and is no failure.
    """

    promise: str
    trouble: Callable[[Case], str]
    advice: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise, whether it is kept, and where it is not, why."""

    promise: str
    status: Status
    trouble: str = ""


class NotExaminedError(Exception):
    """Raised by a contract that has nothing to look at, in a few words: "it has no edges"."""


def examine(contracts: Sequence[Contract[Case]], case: Case) -> Iterator[Finding]:
    """A finding for each contract; what someone's code raises meanwhile breaks the contract that it was raised in."""
    for contract in contracts:
        try:
            trouble = contract.trouble(case)
        except NotExaminedError as reason:
            yield Finding(contract.promise, "not examined", str(reason))
            continue
        except InputError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001, the code under examination may raise anything
            trouble = f"{type(error).__name__}: {' '.join(str(error).split())}"
        status: Status = "holds" if not trouble else "note" if contract.advice else "fails"
        yield Finding(contract.promise, status, trouble)


def one_thread() -> None:
    """Have torch compute in one thread: what is small is slower with more."""
    import torch  # here, and below: tasks and datasets need it for nothing else

    torch.set_num_threads(1)


@dataclass(slots=True)
class Drawn:
    """Which random generators that all share a block drew from, or seeded; filled in when it ends."""

    names: str = ""


@contextmanager
def global_draws() -> Iterator[Drawn]:
    """A block whose draws from global generators are found out."""
    import torch

    drawn = Drawn()
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002, it is what is watched
    yield drawn
    after = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    same = {
        "random": before[0] == after[0],
        "numpy.random": all(np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True)),
        "torch": torch.equal(before[2], after[2]),
    }
    drawn.names = " and ".join(name for name, equal in same.items() if not equal)
