"""Contract: a promise that every dataset, model or task keeps, and the search for a breach."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

import numpy as np

from benchmark.core.errors import InputError

Tested = TypeVar("Tested")
_TO_DO = "TODO"  # how a template begins each description that the author has to give
Answer: TypeAlias = Literal["holds", "fails", "note", "not examined"]


@dataclass(frozen=True, slots=True)
class Contract(Generic[Tested]):
    """One promise.

    Attributes:
        promise: The promise as a sentence.
        trouble: Says how a subject breaks the promise; "" if the subject keeps it.
        advice: A breach is allowed, but rarely intended. It becomes a note, not a failure.
    """

    promise: str
    trouble: Callable[[Tested], str]
    advice: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one promise, with the reason unless the promise holds."""

    promise: str
    answer: Answer
    trouble: str = ""


def undescribed(said: Mapping[str, object]) -> str:
    """Name the descriptions that are missing, or that a template wrote; "" if all are given.

    Args:
        said: Each description by its name, such as "source".

    >>> undescribed({"source": "TODO: address of the data", "licence": "", "citation": "Horst (2020)"})
    'licence not given; source still the "TODO" of the template'
    """
    missing = [name for name, text in said.items() if not isinstance(text, str) or not text.strip()]
    left = [name for name, text in said.items() if isinstance(text, str) and text.strip().startswith(_TO_DO)]
    parts = [f"{_listed(missing)} not given"] * bool(missing)
    parts += [f'{_listed(left)} still the "{_TO_DO}" of the template'] * bool(left)
    return "; ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


class NotExaminedError(Exception):
    """A contract does not apply. The message says why in a few words: "it has no edges"."""


def examine(contracts: Sequence[Contract[Tested]], subject: Tested) -> Iterator[Finding]:
    """Try every contract on a subject. An exception of the subject's code breaks the contract that met it.

    >>> even = Contract("it is even", lambda number: "" if number % 2 == 0 else f"{number} is odd")
    >>> [finding.answer for number in (2, 3) for finding in examine([even], number)]
    ['holds', 'fails']
    """
    for contract in contracts:
        try:
            trouble = contract.trouble(subject)
        except NotExaminedError as reason:
            yield Finding(contract.promise, "not examined", str(reason))
            continue
        except InputError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001, the code under examination may raise anything
            trouble = f"{type(error).__name__}: {' '.join(str(error).split())}"
        answer: Answer = "holds" if not trouble else "note" if contract.advice else "fails"
        yield Finding(contract.promise, answer, trouble)


def one_thread() -> None:
    """Make torch compute in one thread, because small models are slower with more."""
    import torch  # here and below, because contracts of tasks and datasets need nothing else of torch

    torch.set_num_threads(1)


@dataclass(slots=True)
class Drawn:
    """The global random generators that a block drew from or seeded ("random and torch"); set when the block ends."""

    names: str = ""


@contextmanager
def global_draws() -> Iterator[Drawn]:
    """Watch the global random generators during a block.

    >>> with global_draws() as drawn:
    ...     _ = random.random()
    >>> drawn.names
    'random'
    """
    import torch

    drawn = Drawn()
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002, the state under watch
    yield drawn
    after = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    same = {
        "random": before[0] == after[0],
        "numpy.random": all(np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True)),
        "torch": torch.equal(before[2], after[2]),
    }
    drawn.names = " and ".join(name for name, equal in same.items() if not equal)
