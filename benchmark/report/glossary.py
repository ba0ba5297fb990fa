"""The glossary: every dataset, model, task, metric, readout and word of the page in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from benchmark.report import numbers
from benchmark.report.blocks import Folded, Link, Section, Term, Terms, paragraphs
from benchmark.report.found import Found
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import anchored, shown_readout, slug, task_label
from benchmark.report.plain_words import OTHER_FORMS, WORD_MEANINGS
from benchmark.report.references import DatasetReference, ModelReference, References, TaskReference
from benchmark.report.texts import readout_meaning
from benchmark.statistics.gates import POINT
from benchmark.study.analysis import Analysis
from benchmark.tasks import METRICS, Metric

EntryKind: TypeAlias = Literal["word", "dataset", "model", "task", "metric", "readout"]

_TITLES: Mapping[EntryKind, str] = {
    "word": "Words and statistics",
    "readout": "Readouts",
    "task": "Tasks",
    "metric": "Metrics",
    "model": "Models",
    "dataset": "Datasets",
}
_OF_POINTS = {
    POINT: "the latent of a deterministic model, which has no noise",
    "decoded-point": "the decoder’s reconstruction of the latent of a deterministic model",
}
_ADDRESSES = (
    (re.compile(r"https://\S+"), "{}"),
    (re.compile(r"arXiv (\d{4}\.\d{4,5})"), "https://arxiv.org/abs/{}"),
    (re.compile(r"doi (10\.\d+/[^\s,;]+)"), "https://doi.org/{}"),
)
# What the page prints behind or before a name: settings, units, directions.
_TRIMMED = re.compile(r"\s*\([^()]*\)$|\s*[↑↓]$|, (?:%|nats|points)$|^mean of |^[−-] ")


@dataclass(frozen=True, slots=True)
class GlossaryEntry:
    """One entry of the glossary.

    Attributes:
        kind: What the name names.
        name: The name as the page prints it.
        meaning: What it means, in a plain line without a full stop.
        lines: Source, licence and citation, if there are any.
    """

    kind: EntryKind
    name: str
    meaning: str
    lines: tuple[str | Link, ...] = ()

    @property
    def anchor(self) -> str:
        """The address of the entry in the page.

        >>> GlossaryEntry("model", "vae", "").anchor, GlossaryEntry("word", "log k", "").anchor
        ('term--model--vae', 'term--word--log-k')
        """
        name = slug(self.name) if self.kind == "word" and slug(self.name) != "unnamed" else self.name
        return f"term--{anchored(self.kind, name)}"


@dataclass(frozen=True)
class Glossary:
    """The entries, and the look-up of a name that the page prints."""

    entries: tuple[GlossaryEntry, ...]

    def entries_of(self, label: str) -> tuple[GlossaryEntry, ...]:
        """Return the entries that explain a table's head, a row's head or a label of a legend; empty if none does.

        A label may name several things, such as a task and a metric, a model and a readout, or a difference of both.
        Settings in brackets, units and arrows are left out.

        >>> words = Glossary((GlossaryEntry("model", "vae", "a model"), GlossaryEntry("word", "rate", "nats"),))
        >>> [entry.name for entry in words.entries_of("vae (beta=0.1), Rate")]
        ['vae', 'rate']
        """
        return tuple(dict.fromkeys(self._entries_of(label.strip()) or ()))

    def meaning(self, label: str) -> str | None:
        """Return the text of a tooltip for a label; None if the glossary does not explain it."""
        found = self.entries_of(label)
        if len(found) == 1:
            return found[0].meaning
        return "; ".join(f"{entry.name}: {entry.meaning}" for entry in found) or None

    def href(self, label: str) -> str:
        """Return the link to the first entry that explains a label; empty if there is none."""
        found = self.entries_of(label)
        return f"#{found[0].anchor}" if found else ""

    def section(self) -> Section:
        """Return the glossary as a section of the page, a folded list for each kind of entry."""
        listed = (
            Folded(
                title,
                f"glossary-{kind}",
                (Terms(tuple(_term(entry) for entry in here)),),
                about=f"{len(here)} {'entry' if len(here) == 1 else 'entries'}",
            )
            for kind, title in _TITLES.items()
            if (here := [entry for entry in self.entries if entry.kind == kind])
        )
        how = "A dotted line under a name or a word leads here."
        return Section("glossary", "Glossary", (*paragraphs([how]), *listed))

    @cached_property
    def _index(self) -> Mapping[str, GlossaryEntry]:
        """The entries by their names in lower case. Names of the study come before words."""
        words = {entry.name: entry for entry in self.entries if entry.kind == "word"}
        named = [(entry.name, entry) for entry in self.entries if entry.kind != "word"]
        named += [(task_label(entry.name), entry) for entry in self.entries if entry.kind == "task"]
        named += [*words.items(), *((form, words[name]) for form, name in OTHER_FORMS.items() if name in words)]
        return {name.casefold(): entry for name, entry in reversed(named)}

    def _entries_of(self, label: str) -> list[GlossaryEntry] | None:
        """Return the entries of all parts of a label; None if a part has none."""
        found = self._index.get(label.casefold())
        if found is not None:
            return [found]
        trimmed = _TRIMMED.sub("", label)
        if trimmed != label and trimmed:
            return self._entries_of(trimmed)
        for between in (" − ", ", "):
            parts = [self._entries_of(part) for part in label.split(between)] if between in label else [None]
            if all(part is not None for part in parts):
                return [entry for part in parts for entry in part or ()]
        model, _, readout = label.rpartition(" ")
        pair = [self._entries_of(model) or [], self._entries_of(readout) or []] if model else [[], []]
        kinds = [[entry.kind for entry in part] for part in pair]
        return [*pair[0], *pair[1]] if kinds == [["model"], ["readout"]] else None


def glossary(found: Found, references: References) -> Glossary:
    """Explain every dataset, model, task, metric and readout in the results, and the words of the page.

    Args:
        found: The results.
        references: What the tables say. A name without a reference is explained by the columns of its units.
    """
    units, scores, study = found.units, found.recorded, found.study
    rows_of = {kind: {row[kind]: row for row in records(units.drop_duplicates(kind))} for kind in ("dataset", "model")}
    models, tasks = in_order(units["model"], study.models), in_order(scores["task"], study.tasks)
    return Glossary(
        (
            *_words(study.analysis),
            *(_of_readout(name) for name in _shown(in_order(scores["readout"], study.readouts))),
            *(_of_task(name, references.tasks.get(name)) for name in tasks),
            *(_of_metric(metric) for metric in METRICS if metric.name in set(scores["metric"])),
            *(_of_model(name, rows_of["model"][name], references.models.get(name)) for name in models),
            *(_of_dataset(name, rows_of["dataset"][name], references.datasets.get(name)) for name in found.datasets),
        )
    )


def _words(analysis: Analysis) -> Iterator[GlossaryEntry]:
    words, gates = analysis.words, analysis.gates
    nats = f"{gates.least_rate:g} nat{'' if gates.least_rate == 1 else 's'}"
    told = {
        "confidence": f"{100 * (1 - words.level):g} %",
        "power": f"{100 * words.power:g} %",
        "collapsed": nats,
        "unreliable": f"{100 * gates.unreliable:g} %",
    }
    for name, meaning in WORD_MEANINGS.items():
        yield GlossaryEntry("word", name, meaning.format(**told))


def _shown(readouts: Sequence[str]) -> Iterator[str]:
    """Yield readouts, each after its name for a deterministic model, if that differs."""
    for name in readouts:
        if shown_readout(name, POINT) in _OF_POINTS:
            yield shown_readout(name, POINT)
        yield name


def _of_readout(name: str) -> GlossaryEntry:
    return GlossaryEntry("readout", name, _OF_POINTS.get(name) or readout_meaning(name))


def _of_task(name: str, known: TaskReference | None) -> GlossaryEntry:
    if known is None or not known.meaning:
        return GlossaryEntry("task", name, "a task of a plugin" if known is None else known.source)
    return GlossaryEntry("task", name, known.meaning, (sourced("Source", known.source),))


def _of_metric(metric: Metric) -> GlossaryEntry:
    return GlossaryEntry("metric", metric.label, metric.meaning, (sourced("Definition", metric.source),))


def _of_model(name: str, unit: Mapping[str, Any], known: ModelReference | None) -> GlossaryEntry:
    meaning = known.meaning if known else ""
    lines = (sourced("Source", unit["source"]), Link("Card", f"#{card_anchor('model', name)}"))
    return GlossaryEntry("model", name, meaning or unit["note"] or _composed(unit), lines)


def _composed(unit: Mapping[str, Any]) -> str:
    """Describe a model that no table explains, from the columns of its units."""
    kind = {"ae": "a model of features", "gae": "a model of a graph"}.get(unit["model_family"], "a control")
    return f"{kind} with the latent “{unit['latent']}” and the objective “{unit['objective']}”"


def _of_dataset(name: str, unit: Mapping[str, Any], known: DatasetReference | None) -> GlossaryEntry:
    size = f"{numbers.counted(unit['rows'], 'row')}, {numbers.counted(unit['features'], 'feature')}"
    card = Link("Card", f"#{card_anchor('dataset', name)}")
    meaning = (known.meaning if known else "") or f"data of the family {unit['dataset_family']}: {size}"
    if known is None:
        return GlossaryEntry("dataset", name, meaning, (card,))
    told = (sourced("Source", known.source), f"Licence: {known.licence}", sourced("To cite", known.citation))
    return GlossaryEntry("dataset", name, meaning, (*told, card))


def card_anchor(kind: Literal["dataset", "model"], name: str) -> str:
    """Return the address of the card of a dataset or a model."""
    return f"card--{anchored(kind, name)}"


def sourced(what: str, source: str) -> str | Link:
    """Return a line that names a source, linked if the text has an address, an arXiv number or a DOI.

    Args:
        what: Words before the source; empty for none.
        source: The source.

    >>> sourced("Source", "Kingma and Welling (2014), arXiv 1312.6114, eq. 10").href
    'https://arxiv.org/abs/1312.6114'
    """
    text = f"{what}: {source}" if what else source
    for pattern, address in _ADDRESSES:
        match = pattern.search(source)
        if match:
            return Link(text, address.format(match.group(match.lastindex or 0)))
    return text


def _term(entry: GlossaryEntry) -> Term:
    return Term(entry.name, (f"{entry.meaning[:1].upper()}{entry.meaning[1:]}.", *entry.lines), anchor=entry.anchor)
