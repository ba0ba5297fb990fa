"""A card for each model and each dataset: all that a reader needs to know of it, folded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.blocks import Folded, Link, Section, Term, Terms
from benchmark.report.found import Found
from benchmark.report.frame_rows import in_order, records
from benchmark.report.glossary import card_anchor, sourced
from benchmark.report.references import DatasetReference, ModelReference, References
from benchmark.report.subject import Subject
from benchmark.report.tables.how_it_was_run import OWN_GRAPH, settings_in_words

_FAMILIES = {
    "ae": "ae: reads features",
    "gae": "gae: reads features and a graph",
    "control": "control: no autoencoder was trained",
}
_PLAIN = "the model’s own settings"


def model_cards(found: Found, references: References) -> Section:
    """Return the card of each model in the results, in the study's order.

    Args:
        found: The results.
        references: What the tables say about the models.
    """
    units = found.units
    names = in_order(units["model"], found.study.models)
    cards = (
        _model_card(name, units[units["model"].eq(name)], references.models.get(name, ModelReference()), names)
        for name in names
    )
    return Section("model-cards", "Models", tuple(cards))


def dataset_cards(found: Found, references: References) -> Section:
    """Return the card of each dataset in the results, in the study's order.

    Args:
        found: The results.
        references: What the tables say about the datasets.
    """
    units = found.units
    cards = (
        _dataset_card(name, units[units["dataset"].eq(name)], references.datasets.get(name)) for name in found.datasets
    )
    return Section("dataset-cards", "Data in detail", tuple(cards))


def _model_card(name: str, units: pd.DataFrame, known: ModelReference, names: Sequence[str]) -> Folded:
    """Return the card of one model. Its twin is linked if it is among ``names``, the models with a card."""
    first = records(units)[0]
    variants = [(str(variant), records(here)[0]) for variant, here in units.groupby("variant")]
    terms = (
        _term("in words", known.meaning),
        _term("family", _FAMILIES.get(first["model_family"], first["model_family"])),
        _term("encoder", known.encoder),
        _term("posterior", *filter(None, (first["latent"], known.posterior_equation))),
        _term("prior", known.prior_equation or known.prior),
        _term("decoder", *filter(None, (known.decoder, known.decoder_equation))),
        _term("likelihood", *filter(None, (first["likelihood"], known.likelihood_equation))),
        _term("objective", *dict.fromkeys(_objective(unit) for _, unit in variants)),
        _term("settings in this study", *map(_settings, variants)),
        _term("twin", Link(known.twin, f"#{card_anchor('model', known.twin)}") if known.twin in names else known.twin),
        _term("source", sourced("", first["source"])),
        _term("note", first["note"]),
    )
    return Folded(
        name,
        card_anchor("model", name),
        (Terms(tuple(term for term in terms if term is not None)),),
        about=known.meaning or first["note"],
        subject=Subject(model=(name,), family=(first["model_family"],)),
    )


def _objective(unit: Mapping[str, Any]) -> str:
    beta = "" if pd.isna(unit["beta"]) else f", β = {unit['beta']:g}"
    return f"{unit['objective']}{beta}"


def _settings(given: tuple[str, Mapping[str, Any]]) -> str:
    """Write the settings of a variant and its first unit."""
    variant, unit = given
    return f"{variant or _PLAIN}: {settings_in_words(unit['settings']) or 'none'}"


def _dataset_card(name: str, units: pd.DataFrame, known: DatasetReference | None) -> Folded:
    first = records(units)[0]
    unlabelled = f", {numbers.whole(first['unlabelled'])} of them without a label" if first["unlabelled"] else ""
    own = first["dataset_graph"] == OWN_GRAPH
    graph = "its own" if own else f"derived from the features: {first['dataset_graph']}"
    homophily = units["homophily"].dropna().unique()
    terms = (
        _term("in words", known.meaning if known else ""),
        _term("family", first["dataset_family"]),
        _term("rows", f"{numbers.whole(first['rows'])}{unlabelled}"),
        _term("features", numbers.whole(first["features"])),
        _term("classes", numbers.whole(first["classes"]) if first["classes"] else "no labels"),
        _term("graph", f"{graph}, {numbers.counted(first['edges'], 'edge')}"),
        _term("homophily", f"{numbers.share(homophily[0])} of the edges join one class" if len(homophily) else ""),
        _term("scaling", ", ".join(filter(None, (first["scaling"], first["scaling_reason"])))),
        _term("evidence", "counts" if first["evidence"] else "does not count in statements over datasets"),
        _term("source", sourced("", known.source) if known else ""),
        _term("licence", known.licence if known else ""),
        _term("to cite", sourced("", known.citation) if known else ""),
        _term("left out", *(f"{note}." for note in json.loads(first["notes"]))),
        _term("fingerprint", *sorted(units["fingerprint"].unique()), code=True),
    )
    return Folded(
        name,
        card_anchor("dataset", name),
        (Terms(tuple(term for term in terms if term is not None)),),
        about=known.meaning if known else "",
        subject=Subject(dataset=(name,)),
    )


def _term(name: str, *lines: str | Link, code: bool = False) -> Term | None:
    """Return a term; None if nothing is known of it."""
    return Term(name, lines, code=code) if lines and lines != ("",) else None
