"""The first screen: the question, the answer in a few sentences, large numbers, one figure, and advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.report import texts
from benchmark.report.blocks import Block, Term, Terms, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.headline import sentences


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A large number.

    Attributes:
        label: What the number is.
        value: The number as the page writes it.
        about: Its interval, and what it holds for.
    """

    label: str
    value: str
    about: str


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """The first screen.

    Attributes:
        warning: Why the page is not the answer; empty if it is.
        answer: The answer, one sentence each.
        numbers: Three large numbers, those that the results hold.
        figure: The figure beside the answer; None without the cells for it.
        advice: What a reader should do; empty if the numbers support none.
        about: The size of the study, and when it was declared.
    """

    warning: str
    answer: tuple[str, ...]
    numbers: tuple[KeyNumber, ...]
    figure: Chart | None
    advice: str
    about: str

    def blocks(self) -> tuple[Block, ...]:
        """Return the content in reading order."""
        terms = Terms(tuple(Term(each.label, (f"{each.value} {each.about}",)) for each in self.numbers))
        return blocks(
            *paragraphs([self.warning] if self.warning else []),
            *paragraphs(self.answer),
            terms if self.numbers else None,
            self.figure,
            *paragraphs([self.advice] if self.advice else []),
            *paragraphs([self.about]),
        )


def first_screen(found: Found, charts: Mapping[str, Chart], late: Mapping[str, str]) -> FirstScreen:
    """Compose the first screen.

    Args:
        found: The statistics.
        charts: The figures by name.
        late: The contrasts that differ from the declaration, as ``texts.changes`` returns them.
    """
    return FirstScreen(
        warning=texts.headline(found.units, len(found.evidence)),
        answer=sentences(found.declared, found.contrasts, found.overall, found.evidence),
        numbers=(),
        figure=charts.get("law"),
        advice="",
        about=" ".join(
            (
                texts.about(found.study, found.units),
                texts.declared(found.study, found.declaration, late),
                texts.digest(found.study),
            )
        ),
    )
