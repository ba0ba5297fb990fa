"""Cards, citation and the origin of the claim; and the Markdown says what the page says."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from documents import ROOT, table
from pages import OVERLAP, Large, Reader, a_study, usual

import benchmark
from benchmark.commands.report_references import references
from benchmark.datasets import spec
from benchmark.plugins.tables import OURS
from benchmark.report import citing
from benchmark.report.blocks import Code, Folded, Link, Terms, within
from benchmark.report.cards import dataset_cards, model_cards
from benchmark.report.claim_context import DIFFERENCES, HEADS, claim_context
from benchmark.report.found import find
from benchmark.report.references import NO_REFERENCES


@pytest.fixture(scope="module")
def found():
    return find(a_study(), *usual(), OVERLAP, None)


def lines_of(section, title):
    """The terms of a card, each with its lines as texts."""
    (card,) = (block for block in section.blocks if isinstance(block, Folded) and block.title == title)
    (terms,) = (block for block in card.blocks if isinstance(block, Terms))
    return {term.name: [line.text if isinstance(line, Link) else line for line in term.lines] for term in terms.items}


def test_a_model_card_holds_the_equations_the_settings_and_the_twin(found):
    vae = lines_of(model_cards(found, references(OURS, found.datasets)), "vae")
    assert vae["encoder"] == ["MLP f–512–16"]
    assert vae["posterior"][1].startswith("q(z|x) = N(μ(x), diag σ(x)²)")
    assert vae["prior"] == ["p(z) = N(0, I); uniform for latents on the sphere"]
    assert vae["objective"] == ["reconstruction, β = 1"]
    assert vae["settings in this study"] == ["the model’s own settings: estimator B, hidden 32, latent 16"]
    assert vae["twin"] == ["ae"]
    assert "prior" not in lines_of(model_cards(found, references(OURS, found.datasets)), "ae")


def test_a_variant_has_its_own_settings():
    both = find(a_study(), *usual(variants={"vae": "beta=0.1"}), OVERLAP, None)
    assert lines_of(model_cards(both, NO_REFERENCES), "vae")["settings in this study"][0].startswith("beta=0.1: ")


def test_a_dataset_card_holds_the_facts_of_the_units_and_of_the_table(found):
    section = dataset_cards(found, references(OURS, found.datasets))
    cora, digits = lines_of(section, "cora"), lines_of(section, "digits")
    assert cora["licence"] == [spec("cora").licence]
    assert cora["to cite"] == [spec("cora").citation]
    assert cora["homophily"] == ["80 % of the edges join one class"]
    assert cora["graph"][0].startswith("its own")
    assert digits["graph"][0].startswith("derived from the features: 9-nearest-neighbours")
    unknown = replace(found, units=found.units.assign(homophily=float("nan")))
    alone = lines_of(dataset_cards(unknown, NO_REFERENCES), "cora")
    assert {"licence", "to cite", "homophily"}.isdisjoint(alone)
    assert alone["rows"] == cora["rows"]


def test_every_model_and_dataset_has_a_card(found):
    assert [each.title for each in model_cards(found, NO_REFERENCES).blocks] == list(found.study.models)
    assert [each.title for each in dataset_cards(found, NO_REFERENCES).blocks] == list(found.datasets)


def test_the_citation_is_that_of_the_package():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    said = dict(re.findall(r'^(?:  - )?(title|name|version|license): "?([^"\n]+)"?$', text, flags=re.MULTILINE))
    assert said == {
        "title": citing.TITLE,
        "name": citing.AUTHORS,
        "version": benchmark.__version__,
        "license": citing.LICENCE,
    }


def test_the_bibtex_names_study_version_day_and_commit(found):
    (code,) = (block.text for block in within([citing.citing(found)]) if isinstance(block, Code))
    assert code.startswith("@software{latents-benchmark-made-up,\n")
    assert "year = {2026}" in code
    assert "results of 2026-01-31, commit 0123456789ab" in code
    assert code.count("{") == code.count("}")


def test_the_newest_day_counts_and_an_unknown_day_is_left_out(found):
    units = found.units.copy()
    units.loc[units.index[0], "day"] = "2026-03-01"
    assert "results of 2026-03-01" in citing.stamp(units)
    assert citing.stamp(units.assign(day="")) == f"latents-benchmark {benchmark.__version__}."
    assert "year" not in citing.bibtex("s", "t", "1", "", "")


def test_special_characters_of_a_title_are_harmless_in_bibtex():
    assert "50 \\% \\& more" in citing.bibtex("s", "50 % & more", "1", "", "")


def test_the_table_of_the_claim_is_that_of_the_documentation():
    documented = [
        [cell.replace("`", "") for cell in row] for row in table("docs/systems.md", "The origin of the claim")
    ]
    assert documented == [list(row) for row in DIFFERENCES]
    assert len(HEADS) == 4
    text = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    assert "in June 2020" in text
    assert len(claim_context().blocks) == 4


SHOWN = re.compile(r'<(h[1-6]|p|dd|dt|summary|pre)\b(?![^>]*class="files")[^>]*>(.*?)</\1>', re.DOTALL)


def plain(text: str) -> str:
    """A text of the page or of the Markdown without marks, links, escapes and blanks."""
    without_links = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"</?[a-z][^>]*>|\s+|[\\`*|]", "", html.unescape(without_links))


def test_the_markdown_has_every_heading_table_and_sentence_of_the_page(six: Large):
    markdown, reader = plain(six.markdown), Reader(six.page)
    cells = {cell for read in reader.tables for row in read.rows for cell in (*row, read.caption)}
    without_contents = re.sub(r"<nav\b.*?</nav>", "", six.page, flags=re.DOTALL)
    said = {line for _, text in SHOWN.findall(without_contents) for line in re.split("<br>|<span>|<small>", text)}
    assert len(said) > 200
    assert len(cells) > 200
    assert [text for text in sorted(cells | said) if plain(text) not in markdown] == []
