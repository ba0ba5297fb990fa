"""The markup of the page: escaped names, no outside sources, unique ids, and access without sight or mouse."""

from __future__ import annotations

import re

from pages import Ordinary, Reader, a_study, rendered, usual

from benchmark.report.labels import anchored


def test_names_are_escaped() -> None:
    name = "<b>x$&|_*"
    page, markdown = rendered(a_study(datasets=[name]), usual(datasets={name: True}), drawn=True)
    assert "<b>x" not in page
    assert "&lt;b&gt;x$&amp;|_*" in page
    assert "<b>x" not in markdown
    assert r"&lt;b&gt;x\$&amp;\|\_\*" in markdown


def test_nothing_is_loaded_from_anywhere(ordinary: Ordinary) -> None:
    page, reader = ordinary.page, Reader(ordinary.page)
    for tag, attributes in reader.elements:
        assert tag not in ("link", "img", "iframe", "image", "object")
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            target = (attributes.get(name) or "#").partition("#")[0]
            assert not target or (ordinary.out / target).is_file()
    assert [tag for tag, _ in reader.elements].count("script") == 1
    assert not re.search(r"url\((?!#|'#|\"#)|@import|https?://(?!www\.w3\.org/)", page)
    assert str(ordinary.out) not in page


def test_ids_are_unique_and_every_link_leads_to_one(ordinary: Ordinary) -> None:
    texts = {"": ordinary.page, "index.html": ordinary.page}
    texts["records.html"] = (ordinary.out / "records.html").read_text(encoding="utf-8")
    ids: dict[str, list[str]] = {}
    links = []
    for name, text in texts.items():
        elements = Reader(text).elements
        ids[name] = [value for _, attributes in elements if (value := attributes.get("id"))]
        assert len(ids[name]) == len(set(ids[name]))
        found = [
            value for _, attributes in elements if (value := attributes.get("href") or attributes.get("xlink:href"))
        ]
        links += [(to or name, place) for to, hash_mark, place in (link.partition("#") for link in found) if hash_mark]
    assert links
    assert all(place in ids[name] for name, place in links)


def test_figures_and_wide_tables_can_be_reached_without_sight_or_mouse(ordinary: Ordinary) -> None:
    page = ordinary.page
    elements = Reader(page).elements
    drawings = [attributes for tag, attributes in elements if tag == "svg" and "aria-hidden" not in attributes]
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    assert page.count("<desc>Paired differences in points") == 6  # two models by three tasks
    assert page.count("<desc>") == len(drawings)
    assert not re.search(r"<desc>\s*</desc>", page)
    regions = [attributes for _, attributes in elements if attributes.get("class") == "scroll"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert len(regions) == len(Reader(page).tables)


def test_anchors_of_different_names_differ() -> None:
    names = [
        ("数据.csv", "ae"),
        ("資料.csv", "ae"),
        ("a", "b-c"),
        ("a-b", "c"),
        ("vae", "beta=1/n^2"),
        ("vae", "beta=1/n2"),
    ]
    places = [anchored(*parts) for parts in names]
    assert len(set(places)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", place) for place in places)
