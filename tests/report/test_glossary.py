"""The glossary explains every name and word that a page can show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pages import OVERLAP, a_study, usual

from benchmark.commands.report_references import references
from benchmark.datasets import DATASETS
from benchmark.latents.readouts import READOUTS
from benchmark.models import MODELS
from benchmark.models.equations import DECODERS, LIKELIHOODS, POSTERIORS, PRIORS
from benchmark.models.meanings import MEANINGS
from benchmark.plugins.tables import OURS
from benchmark.report.blocks import Folded, Terms
from benchmark.report.found import find
from benchmark.report.glossary import Glossary, glossary, sourced
from benchmark.report.plain_words import OTHER_FORMS, WORD_MEANINGS
from benchmark.report.references import NO_REFERENCES
from benchmark.report.texts import readout_meaning
from benchmark.statistics import WORDS
from benchmark.tasks import METRICS, TASKS

DESCRIBED = [model.describe(model.settings, 100) for model in MODELS]


@pytest.fixture(scope="module")
def found():
    return find(a_study(), *usual(), OVERLAP, None)


@pytest.fixture(scope="module")
def ours(found) -> Glossary:
    return glossary(found, references(OURS, found.datasets))


@pytest.mark.parametrize("entry", [*DATASETS, *TASKS, *METRICS], ids=lambda entry: entry.name)
def test_every_dataset_task_and_metric_has_a_plain_meaning(entry):
    assert 10 < len(entry.meaning) < 200
    assert not entry.meaning.endswith(".")


def test_every_model_has_a_plain_meaning_and_equations():
    assert list(MEANINGS) == [model.name for model in MODELS]
    assert {each.latent for each in DESCRIBED} <= set(POSTERIORS)
    assert {each.prior for each in DESCRIBED} - {""} == set(PRIORS)
    assert {each.decoder for each in DESCRIBED} - {""} == set(DECODERS)
    assert {each.likelihood for each in DESCRIBED} - {""} == set(LIKELIHOODS)


def test_every_readout_has_a_meaning():
    assert all(readout_meaning(readout.name) for readout in READOUTS)


def test_every_word_of_a_difference_and_every_status_is_explained():
    assert {*WORDS, "complete", "diverged", "failed", "degenerate", "collapsed", "unreliable"} <= set(WORD_MEANINGS)
    assert set(OTHER_FORMS.values()) <= set(WORD_MEANINGS)


def test_the_glossary_of_a_page_explains_all_of_its_names(found, ours):
    names = {
        *found.datasets,
        *found.units["model"],
        *found.recorded["task"],
        *found.recorded["readout"],
        *(metric.label for metric in METRICS if metric.name in set(found.recorded["metric"])),
    }
    assert {entry.name for entry in ours.entries if entry.kind != "word"} == names | {"point"}
    anchors = [entry.anchor for entry in ours.entries]
    assert len(set(anchors)) == len(anchors)
    assert all(anchor.startswith("term--") for anchor in anchors)


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("vae", ["vae"]),
        ("vae (beta=0.1)", ["vae"]),
        ("random (chance)", ["random"]),
        ("vae sampled − vae mean", ["vae", "sampled", "mean"]),
        ("k-means, AMI", ["k-means", "AMI"]),
        ("few labels", ["logistic-regression-few"]),
        ("AUC ↑", ["AUC"]),
        ("Rate, nats", ["rate"]),
        ("signal-to-noise ratio", ["SNR"]),
        ("p, sign flips (least)", ["sign flips"]),
        ("mean point", []),
        ("an unknown head", []),
        ("", []),
    ],
)
def test_a_label_is_explained_by_its_parts(ours, label, names):
    assert [entry.name for entry in ours.entries_of(label)] == names
    assert (ours.meaning(label) is None) == (ours.href(label) == "") == (names == [])


def test_a_tooltip_names_its_parts_if_there_are_several(ours):
    assert ours.meaning("random") == MEANINGS["random"]
    assert ours.meaning("k-means, AMI") == f"k-means: {TASKS[0].meaning}; AMI: {METRICS[2].meaning}"


def test_names_that_no_table_has_are_explained_by_their_units(found):
    alone = glossary(found, NO_REFERENCES)
    assert "citation" in alone.meaning("cora")
    assert "reconstruction" in alone.meaning("vae")
    noted = replace(found, units=found.units.assign(note="a plugin’s model"))
    assert glossary(noted, NO_REFERENCES).meaning("vae") == "a plugin’s model"


def test_a_dataset_names_source_licence_and_citation(ours):
    (cora,) = (entry for entry in ours.entries if entry.name == "cora")
    told = [line if isinstance(line, str) else line.text for line in cora.lines]
    assert told[0].startswith("Source: https://")
    assert told[1].startswith("Licence: MIT")
    assert told[2].startswith("To cite: Yang")


def test_the_section_lists_every_entry_once(ours):
    folded = [block for block in ours.section().blocks if isinstance(block, Folded)]
    terms = [term for each in folded for block in each.blocks if isinstance(block, Terms) for term in block.items]
    assert sorted(term.anchor for term in terms) == sorted(entry.anchor for entry in ours.entries)


def test_the_numbers_of_the_words_are_those_of_the_analysis(found):
    gates = found.study.analysis.gates.model_copy(update={"least_rate": 2.0, "unreliable": 0.25})
    study = found.study.model_copy(update={"analysis": found.study.analysis.model_copy(update={"gates": gates})})
    other = glossary(replace(found, study=study), NO_REFERENCES)
    assert "below 2 nats" in other.meaning("collapsed")
    assert "25 %" in other.meaning("unreliable")


def test_a_source_is_linked():
    assert (
        sourced("Source", "doi 10.1038/s41592-018-0229-2, its twin").href == "https://doi.org/10.1038/s41592-018-0229-2"
    )
    assert sourced("Source", "Pearson (1901)") == "Source: Pearson (1901)"
