"""The first screen: the question, the answer in a few sentences, large numbers, one figure, and advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import pandas as pd

from benchmark.report import numbers, texts
from benchmark.report.blocks import Block, Term, Terms, blocks, paragraphs
from benchmark.report.citing import stamp
from benchmark.report.extent import remarks
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.frame_rows import by_family, records
from benchmark.report.key_numbers import Kept, Threshold, asked, averaged_over_datasets, kept_cells, thresholds
from benchmark.report.labels import family_label, task_label
from benchmark.report.mechanism import SAME_PROFILE
from benchmark.report.tables.contrast_tables import UNRELIABLE
from benchmark.report.tables.words_table import outcomes_of
from benchmark.statistics import MEAN, NO_SIGNAL, NO_WORD
from benchmark.statistics.law import CONSTANTS
from benchmark.statistics.rivals import CONFIRMED, RULE_OF_THUMB


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
        warning: Why the page is not the answer, and what is missing; empty if it is the answer.
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
        terms = Terms(tuple(Term(f"{each.value} {each.label}", (each.about,)) for each in self.numbers))
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
    names = asked(found.declared, points(found.units))
    mean, sample = (_by_state(kept_cells(found, names[side])) for side in ("mean", "sample"))
    limits = thresholds(found)
    said = (
        _absence(found),
        _of_mean(found, mean),
        _of_sample(found, sample, names["sample"]),
        _of_noise(found),
    )
    return FirstScreen(
        warning=" ".join(filter(None, (*remarks(found.extents), texts.headline(found.units, len(found.evidence))))),
        answer=tuple(_unbroken(sentence) for sentence in said if sentence),
        numbers=tuple(
            KeyNumber(_unbroken(each.label), each.value, _unbroken(each.about))
            for each in _numbers(mean, sample, limits)
        ),
        figure=charts.get("law"),
        advice=_advice(found, sample, limits),
        about=" ".join(
            (
                texts.about(found.study, found.units),
                texts.declared(found.study, found.declaration, late),
                texts.digest(found.study),
                stamp(found.units),
            )
        ),
    )


def _unbroken(text: str) -> str:
    """Keep each percent sign on the line of its number."""
    return text.replace(" %", "\u00a0%")


def points(units: pd.DataFrame) -> frozenset[str]:
    """Return the trained models with a point latent."""
    return frozenset(units.loc[units["latent"].eq("point") & units["likelihood"].ne(""), "model"])


def _by_state(cells: pd.DataFrame) -> tuple[Kept, Kept]:
    """Return what cells keep that have not collapsed, and what those keep that have."""
    return (
        averaged_over_datasets(cells[~cells["collapsed"]]),
        averaged_over_datasets(cells[cells["collapsed"]]),
    )


def _absence(found: Found) -> str:
    """Say why there is no answer; empty if there is one."""
    named = [contrast.name for contrast in found.declared if contrast.role == "confirmatory"]
    if not found.declared:
        return "The study declares no contrast, so there is no answer."
    if named and not found.contrasts["contrast"].isin(named).any():
        return (
            f"The study declares {numbers.counted(len(named), 'confirmatory contrast')}, but these results contain "
            "none of them, so there is no answer."
        )
    return ""


def _of_mean(found: Found, kept: tuple[Kept, Kept]) -> str:
    """Say what the mean keeps of the point latent's score, and the words of the pooled questions."""
    said = _keeps("Read by its mean, a variational latent keeps", "the point latent’s score above chance", kept)
    return f"{said}.{_pooled(found)}" if said else ""


def _of_sample(found: Found, kept: tuple[Kept, Kept], names: Sequence[str]) -> str:
    """Say what a sample keeps of its mean's score, and count the collapsed cells and those that do not count."""
    said = _keeps("One sample keeps", "its mean’s score above chance", kept)
    if not said:
        return ""
    outcomes = outcomes_of(found.contrasts[found.contrasts["contrast"].isin(list(names))])
    out = [(int(outcomes.eq(name).sum()), name) for name in (UNRELIABLE, NO_SIGNAL)]
    alive, dead = kept
    counts = [f"{numbers.whole(dead.cells)} of {numbers.counted(alive.cells + dead.cells, 'cell')} collapsed"]
    counts += [
        f"{numbers.whole(count)} more {'has' if count == 1 else 'have'} {_out(name)}" for count, name in out if count
    ]
    return f"{said} ({'; '.join(counts)})."


def _out(reason: str) -> str:
    return NO_SIGNAL if reason == NO_SIGNAL else "degenerate trainings"


def _keeps(subject: str, of: str, kept: tuple[Kept, Kept]) -> str:
    """Say what posteriors keep that have not collapsed, and what those keep that have; empty without cells."""
    alive, dead = kept
    if not alive.cells and not dead.cells:
        return ""
    if not alive.cells:
        return f"{subject} {_share(dead)} of {of}, and every posterior has collapsed"
    collapsed = f", and {_share(dead)} if the posterior has collapsed" if dead.cells else ""
    return f"{subject} {_share(alive)} of {of}{collapsed}"


def _share(kept: Kept) -> str:
    ends = numbers.share_interval(kept.low, kept.high)
    return numbers.share(kept.share) if ends == numbers.ABSENT else f"{numbers.share(kept.share)} ({ends})"


def _pooled(found: Found) -> str:
    """State the words of the confirmatory pooled questions about the mean, by family; empty without words."""
    asked = found.overall[found.overall["role"].eq("confirmatory") & found.overall["word"].ne(NO_WORD)]
    about_mean = {each.family for each in found.declared if each.first.readout == each.second.readout == MEAN}
    said = []
    for family, graphs, here in by_family(asked[asked["family"].isin(about_mean)]):
        words = ", ".join(f"{task_label(row['task'])} {row['word']}" for row in records(here))
        said.append(f"{family_label(family, graphs)}: {words}")
    return f" Pooled: {'; '.join(said)}." if said else ""


def _of_noise(found: Found) -> str:
    """Say how well the law predicts a sample's share, and how a posterior's noise compares with noise by hand."""
    said = []
    if found.law is not None:
        errors = records(found.law.errors[found.law.errors["form"].eq(CONSTANTS)])
        parts = (f"{100 * row['error']:.0f} points on {row['cells_are']} cells" for row in errors)
        stands = found.law.word in (CONFIRMED, RULE_OF_THUMB)
        said.append(
            f"The share {'follows' if stands else 'was declared to follow'} the signal-to-noise ratio of the latent; "
            f"the law errs by {' and '.join(parts)} ({found.law.word})"
        )
    gaps = found.mechanism.gaps_over
    gaps = gaps[gaps["kind"].eq(SAME_PROFILE) & gaps["gap"].notna()]
    if not gaps.empty:
        least, most = numbers.points(gaps["gap"].min()), numbers.points(gaps["gap"].max())
        said.append(
            "at the same ratio, what a posterior’s noise keeps differs from what noise by hand keeps on the same mean "
            f"by {least} to {most} points, depending on the task"
        )
    return _sentence("; ".join(said))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _numbers(mean: tuple[Kept, Kept], sample: tuple[Kept, Kept], limits: Sequence[Threshold]) -> Iterator[KeyNumber]:
    """Yield the large numbers that the results hold."""
    for (alive, dead), label in (
        (mean, "of the point latent’s score: the mean"),
        (sample, "of the mean’s score: one sample"),
    ):
        kept = alive if alive.cells else dead
        if kept.cells:
            of_tasks = ", ".join(f"{task_label(task)} {numbers.share(share)}" for task, share in kept.tasks.items())
            about = (
                _over_datasets(kept),
                of_tasks,
                f"collapsed: {numbers.share(dead.share)}" if alive.cells and dead.cells else "",
                "" if alive.cells else "all collapsed",
            )
            yield KeyNumber(label, numbers.share(kept.share), "; ".join(each for each in about if each))
    if limits:
        values = [limit.strength for limit in limits]
        ends = [f"{value:.0f}" for value in (min(values), max(values))]
        tasks = "; ".join(f"{task_label(limit.task)} {_with_ends(limit)}" for limit in limits)
        yield KeyNumber("is the √d · SNR at which a sample keeps 90 %", " to ".join(dict.fromkeys(ends)), tasks)


def _over_datasets(kept: Kept) -> str:
    ends, datasets = numbers.share_interval(kept.low, kept.high), numbers.counted(kept.datasets, "dataset")
    return datasets if ends == numbers.ABSENT else f"{ends} over {datasets}"


def _with_ends(limit: Threshold) -> str:
    there = isfinite(limit.low) and isfinite(limit.high)
    return f"{limit.strength:.0f} ({limit.low:.0f} to {limit.high:.0f})" if there else f"{limit.strength:.0f}"


def _advice(found: Found, sample: tuple[Kept, Kept], limits: Sequence[Threshold]) -> str:
    """Say what to read and what to check first; empty if no cell counts."""
    alive, dead = sample
    if not alive.cells and not dead.cells:
        return ""
    certain = alive.high < 1 if alive.cells else dead.high < 1
    first = (
        "Read the mean, not a sample."
        if certain
        else "Read the mean: what a sample costs without a collapse is undecided here."
    )
    gate = found.study.analysis.gates.least_rate
    check = f"Check that the rate exceeds {gate:g} nat{'' if gate == 1 else 's'}: below it the posterior has collapsed."
    need = max((limit.strength for limit in limits), default=0.0)
    if not need:
        return f"{first} {check}"
    return f"{first} {check} If you need samples, check that √d · SNR exceeds {need:.0f}."
