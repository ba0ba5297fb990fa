"""The short SVG of a page shows what matplotlib drew."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from benchmark.report.figures.drawing import INK, PALETTE, Drawing, panel, scatter
from benchmark.report.figures.svg import definitions

SVG = "{http://www.w3.org/2000/svg}"


def drawn(title: str, *, offset: float = 0.0, words: tuple[str, ...] = ("one & <two>", "three")) -> Drawing:
    with panel("chart", title, "described") as made:
        made.axes.plot([0, 1], [offset, 1], color=PALETTE[1])
        scatter(made.axes, [0.25, 0.75], [0.5 + offset, 0.5], 0, words=words)
        made.axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="across")
    return made.drawing


@pytest.fixture(scope="module")
def made() -> Drawing:
    return drawn("a title")


def visible(svg: str | bytes, tag: str) -> Iterator[ET.Element]:
    """Yield the elements of a kind that are not definitions."""
    root = ET.fromstring(svg)
    defined = {id(each) for name in ("defs", f"{SVG}defs") for part in root.iter(name) for each in part.iter()}
    return (each for each in root.iter() if each.tag.removeprefix(SVG) == tag and id(each) not in defined)


@pytest.mark.parametrize("tag", ["use", "text"])
def test_marks_and_texts_stay(made: Drawing, tag: str) -> None:
    whole, brief = (list(visible(each, tag)) for each in (made.svg, str(made.inline)))
    assert ["".join(each.itertext()) for each in whole] == ["".join(each.itertext()) for each in brief]
    for ours, theirs in zip(brief, whole, strict=True):
        for name in ("x", "y"):
            assert float(ours.get(name, 0)) == pytest.approx(float(theirs.get(name, 0)), abs=0.05)


def test_what_is_left_out_is_invisible(made: Drawing) -> None:
    whole = [each for each in visible(made.svg, "path") if each.get("style") != "fill: none"]
    brief = list(visible(str(made.inline), "path"))
    assert len(whole) == len(brief)
    for ours, theirs in zip(brief, whole, strict=True):
        places = ([float(each) for each in re.findall(r"-?[\d.]+", path.get("d", ""))] for path in (ours, theirs))
        assert next(places) == pytest.approx(next(places), abs=0.05)


def test_every_name_is_defined_once(made: Drawing) -> None:
    other = drawn("another title", offset=0.2)
    page = f"<page>{definitions([made.shared, other.shared])}{made.inline}{other.inline}</page>"
    names = re.findall(r' id="(.*?)"', page) + re.findall(r"\.(k\w+)\{", page)
    used = re.findall(r'href="#(.*?)"', page) + re.findall(r"url\(#(.*?)\)", page) + re.findall(r'class="(.*?)"', page)
    assert len(names) == len(set(names))
    assert set(names) == set(used)
    assert set(made.shared) == set(other.shared)
    assert len(str(made.inline)) < len(made.svg) / 3


def test_styles_are_those_of_matplotlib_with_the_colours_of_the_page(made: Drawing) -> None:
    (line,) = (each for each in visible(made.svg, "path") if PALETTE[1] in each.get("style", ""))
    rules = dict(part.strip().split(": ") for part in line.get("style", "").split(";"))
    assert rules["stroke"] == PALETTE[1]
    (ours,) = (text for text in made.shared.values() if "--series-1" in text)
    content = dict(part.split(":") for part in ours[ours.index("{") + 1 : -1].split(";"))
    assert content.pop("clip-path").startswith("url(#c")
    assert content == rules | {"stroke": "var(--series-1)"}
    assert not any(INK in text or "font-family" in text for text in made.shared.values())


def test_marks_say_their_words_on_the_page_and_in_the_file(made: Drawing) -> None:
    for svg in (str(made.inline), made.svg):
        marks = [each for each in visible(svg, "use") if len(each)]
        assert ["".join(each.itertext()) for each in marks] == ["one & <two>", "three"]
        assert "<a " not in str(svg)
    alone = visible(str(drawn("equal words", words=("alone",) * 2).inline), "title")
    assert sum(each.text == "alone" for each in alone) == 2
