"""The page in a browser: filter, address, sorting, links, keyboard, colours, widths, paper, and no requests."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markupsafe import Markup
from matplotlib.figure import Figure
from pages import Large, Ordinary, a_study, composed, usual

from benchmark.report.blocks import Code, Folded, Paragraph, Section
from benchmark.report.figures import Chart
from benchmark.report.figures.drawing import Drawing, PanelGroup
from benchmark.report.render import render_html
from benchmark.report.subject import Subject
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, row_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAPER = 703  # CSS pixels between the margins of A4
DATASETS = ("cora", "citeseer", "pubmed", "photo", "digits", "wine", "dblp", "cs", "wiki", "acm")
NOTHING = "nothing here for this filter"

# Every visible text below the contrast of WCAG 2.1, criterion 1.4.3, with its contrast.
FAINT_TEXTS = """() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((part, at) => a * part + (1 - a) * under[at]);
  const grounds = new Map([[null, [255, 255, 255]]]);
  const ground = (part) => {
    if (!grounds.has(part)) {
      grounds.set(part, over(rgba(getComputedStyle(part).backgroundColor), ground(part.parentElement)));
    }
    return grounds.get(part);
  };
  const light = (colour) => {
    const [r, g, b] = colour
      .map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const part = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || part.closest("script, style, title, desc, :disabled")) continue;
    if (!part.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const style = getComputedStyle(part);
    const under = ground(part);
    const colour = rgba(part instanceof SVGElement ? style.fill : style.color);
    const [low, high] = [light(over(colour, under)), light(under)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < needed) faint.push(`${text}: ${contrast.toFixed(2)} (${part.tagName} ${part.className})`);
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        launched.close()


def a_table(name: str, families: dict[str, tuple[str, ...]], *, cards: bool = False) -> Table:
    """Return a table with a column for each dataset and a group of rows for each family."""
    columns = (Column("model", numeric=False), *(Column(each, subject=Subject(dataset=(each,))) for each in DATASETS))
    tints = ("worse-1", "worse-2", "worse-3", "better-1", "better-2", "better-3", "", "", "", "")
    groups = tuple(
        RowGroup(
            tuple(
                row_of(
                    model,
                    *(
                        TableCell(
                            f"−{(7 * place + 3 * at) % 11}.{place}5", "somewhat worse", tint=tint, href="#table-wide"
                        )
                        for at, tint in enumerate(tints)
                    ),
                    subject=Subject(model=(model,)),
                )
                for place, model in enumerate(models)
            ),
            label=family,
            subject=Subject(family=(family,)),
        )
        for family, models in families.items()
    )
    return Table(f"Made up {name}, points", columns, groups, name, cards=cards)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with a part for every field of the filter."""
    drawing = Markup('<svg role="img" aria-label="{0}" viewBox="0 0 9 9"><desc>{0}</desc></svg>')
    panels = [
        Drawing(task, drawing.format(task), {}, b"", Figure(), Subject(task=(task,)))
        for task in ("k-means", "link-hadamard")
    ]
    chart = Chart("made", "Made", "A figure. It is made up.", (), (PanelGroup("", tuple(panels)),), pd.DataFrame())
    families = {"ae": ("ae", "vae"), "gae": ("gae", "vgae", "vgae-free-bits")}
    inner = a_table("inside", {"ae": ("vae",)})
    readouts = Table(
        "Readouts",
        (Column("readout", numeric=False), Column("score")),
        (RowGroup(tuple(row_of(each, "1.0", subject=Subject(readout=(each,))) for each in ("mean", "sample"))),),
    )
    sections = (
        Section("board", "Board", (a_table("wide", families, cards=True), chart)),
        Section(
            "more", "More", (readouts, Folded("Folded block", "folded", (inner,), subject=Subject(task=("k-means",))))
        ),
        Section("cite", "Cite", (Paragraph(("Words.",)), Code("@misc{made}"))),
    )
    page = tmp_path_factory.mktemp("made") / "index.html"
    composition = composed(a_study(datasets=["cora"]), *usual(datasets={"cora": True}))
    page.write_text(render_html(replace(composition, sections=sections)), encoding="utf-8")
    return page


def opened(browser: Any, address: str, said: list[str] | None = None, **given: Any) -> Any:
    """Return a tab that shows an address. What the page logs or asks for is added to ``said``."""
    tab = browser.new_page(**({"viewport": {"width": 1300, "height": 900}} | given))
    if said is not None:
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: said.append(request.url))
    tab.goto(address)
    return tab


def address_of(tab: Any) -> str:
    """Return the address as the page sees it at once."""
    address: str = tab.evaluate("location.href")
    return address


def visible(tab: Any, selector: str) -> list[str]:
    return [text.strip() for text in tab.locator(f"{selector} >> visible=true").all_inner_texts()]


def test_no_message_no_request_no_overflow_and_enough_contrast(
    browser: Any, six: Large, made: Path, tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text(six.page, encoding="utf-8")
    grounds = set()
    for path, width, scheme in (
        (page, 1600, "light"),
        (page, 1000, "dark"),
        (page, 390, "light"),
        (made, 1300, "dark"),
        (made, 390, "light"),
    ):
        said: list[str] = []
        tab = opened(browser, path.as_uri(), said, viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        wide, room = tab.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.scrollingElement)")
        assert said == [path.as_uri()]
        assert wide <= room == width
        assert tab.evaluate(FAINT_TEXTS) == []
        grounds.add((scheme, tab.evaluate("getComputedStyle(document.body).backgroundColor")))
        tab.close()
    assert len(grounds) == 2  # one for each scheme


def test_the_filter_hides_what_is_about_other_names_and_lives_in_the_address(browser: Any, made: Path) -> None:
    said: list[str] = []
    tab = opened(browser, f"{made.as_uri()}#board", said)
    board, form = "#table-wide", tab.locator("#filter")
    assert visible(tab, f"{board} tbody th[scope=row]") == ["ae", "vae", "gae", "vgae", "vgae-free-bits"]
    for name, value in (("dataset", "cora"), ("dataset", "wine"), ("model", "vgae"), ("task", "link-hadamard")):
        fold = form.locator("details > details, .fields > details", has=tab.locator("legend", has_text=name))
        if fold.get_attribute("open") is None:
            fold.locator("summary").click()
        fold.get_by_label(value, exact=True).check()
    for _ in range(2):  # the second time from the address alone
        assert address_of(tab) == f"{made.as_uri()}?dataset=cora&dataset=wine&model=vgae&task=link-hadamard#board"
        assert visible(tab, f"{board} thead th") == ["model", "cora", "wine"]
        assert visible(tab, f"{board} tbody tr > :first-child") == ["gae", "vgae"]
        assert len(visible(tab, f"{board} tbody td")) == 2
        assert tab.locator("#figure-made svg >> visible=true").count() == 1
        assert not tab.locator("#folded").is_visible()
        assert visible(tab, "#table-readouts tbody th") == ["mean", "sample"]
        assert form.locator("output").inner_text() == "3 of 8 rows"
        tab.reload()
    form.get_by_role("button", name="show all").click()
    assert address_of(tab) == f"{made.as_uri()}#board"
    assert len(visible(tab, f"{board} thead th")) == 1 + len(DATASETS)
    tab.goto(f"{made.as_uri()}?model=ae&readout=sample&task=unknown")
    assert visible(tab, "#table-readouts tbody th") == ["sample"]
    assert address_of(tab).endswith("task=unknown")
    tab.goto(f"{made.as_uri()}?model=vae&family=gae")
    assert NOTHING in tab.locator(board).inner_text()
    assert tab.locator("#figure-made svg >> visible=true").count() == 2
    tab.goto(f"{made.as_uri()}?model=vae&family=gae#table-wide")
    tab.locator(f"{board} tbody tr[id]").first.evaluate("row => { location.hash = row.id }")
    tab.locator(f"{board} tr:target").wait_for(state="visible")  # a link to a hidden row ends the filter
    assert "?" not in address_of(tab)
    assert {address.partition("?")[0].partition("#")[0] for address in said} == {made.as_uri()}
    tab.close()


def test_a_third_click_returns_to_the_order_of_the_study(browser: Any, made: Path) -> None:
    tab = opened(browser, made.as_uri())
    head = tab.locator("#table-wide thead th").nth(1)

    def column() -> list[list[float]]:
        groups = tab.locator("#table-wide tbody").all()
        return [
            [float(text.replace("−", "-")) for text in group.locator("td:nth-child(2) a").all_inner_texts()]
            for group in groups
        ]

    first = column()
    assert first == [[-0.05, -7.15], [-0.05, -7.15, -3.25]]
    expected = {
        "descending": [sorted(group, reverse=True) for group in first],
        "ascending": [sorted(group) for group in first],
        None: first,
    }
    for order, values in expected.items():
        head.get_by_role("button").focus()
        tab.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == order
        assert column() == values
        assert visible(tab, "#table-wide tbody tr:first-child") == ["ae", "gae"]  # labels of groups stay in front
    tab.close()


def test_addresses_light_up_and_open_what_they_lead_to(browser: Any, made: Path, ordinary: Ordinary) -> None:
    tab = opened(browser, made.as_uri())
    before = tab.locator("#folded tbody tr[id] > *").first.evaluate("cell => getComputedStyle(cell).boxShadow")
    row = tab.locator("#folded tbody tr[id]").get_attribute("id")
    tab.goto(f"{made.as_uri()}#{row}")
    assert tab.locator("#folded").get_attribute("open") is not None
    cell = tab.locator("tr:target > *").first
    cell.wait_for(state="visible")
    assert cell.evaluate("cell => getComputedStyle(cell).boxShadow") != before
    cell.hover()
    assert cell.locator(".at").get_attribute("href").endswith(f"#{row}")
    for owner in ("#board > h2", "#table-wide caption", "#figure-made figcaption", "#folded summary h3"):
        link = tab.locator(f"{owner} .at")
        link.focus()
        assert link.evaluate("link => getComputedStyle(link).opacity") == "1"
        assert tab.locator(link.get_attribute("href").partition("/")[0]).count() == 1
    for label, is_open in (("expand all", True), ("collapse all", False)):
        tab.get_by_role("button", name=label).click()
        assert tab.locator("#folded").evaluate("part => part.open") == is_open
    tab.get_by_role("link", name="Board", exact=True).click()
    tab.locator("nav a[aria-current]", has_text="Board").wait_for()
    tab.goto((ordinary.out / "index.html").as_uri())
    tab.locator("td a[href^='records.html#']").first.evaluate("link => link.click()")
    tab.wait_for_url(re.compile(r"/records\.html#\w+--[\w-]+$"))
    assert tab.locator(":target table").is_visible()
    tab.get_by_role("searchbox").fill("digits vae 1")
    tab.reload()
    found = visible(tab, ".behind h2")
    assert found
    assert all("digits" in title and "vae" in title for title in found)
    assert set(visible(tab, ".behind tbody th")) == {"1"}
    tab.close()


def test_a_phone_shows_cards_and_folds_the_filter(browser: Any, made: Path) -> None:
    tab = opened(browser, f"{made.as_uri()}?dataset=cora", viewport={"width": 390, "height": 844}, has_touch=True)
    assert (
        tab.locator("#table-wide td").first.evaluate("cell => getComputedStyle(cell, '::before').content") == '"cora"'
    )
    assert all(
        box["x"] >= 0 and box["x"] + box["width"] <= 390
        for cell in tab.locator("#table-wide td >> visible=true").all()
        if (box := cell.bounding_box())
    )
    assert len(visible(tab, "#table-wide tbody td")) == 5
    assert not tab.locator("#filter .fields").is_visible()
    tab.locator("#filter summary").first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#filter .fields").is_visible()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert address_of(tab) == made.as_uri()  # "cora" was the first box
    tab.keyboard.press("Escape")
    assert not tab.locator("#filter .fields").is_visible()
    tab.close()


def test_ten_datasets_fit_beside_the_contents(browser: Any, made: Path) -> None:
    tab = opened(browser, made.as_uri())
    wide, room = tab.locator("#table-wide .scroll").evaluate("part => [part.scrollWidth, part.clientWidth]")
    assert wide <= room
    assert visible(tab, "nav li") == ["Board", "More", "Cite"]
    tab.close()


def test_without_script_the_page_is_complete(browser: Any, made: Path) -> None:
    with_script, without = opened(browser, made.as_uri()), opened(browser, made.as_uri(), java_script_enabled=False)
    tables = [tab.locator("tbody").all_text_contents() for tab in (with_script, without)]
    assert tables[0] == tables[1]
    assert without.locator("nav a >> visible=true").count() == 3
    without.locator("#folded summary").click()
    assert without.locator("#folded table").is_visible()
    with_script.close()
    without.close()


def test_paper_shows_every_cell_and_no_controls(browser: Any, made: Path, six: Large, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    page = tmp_path / "index.html"
    page.write_text(six.page, encoding="utf-8")
    for path in (made, page):
        tab = opened(browser, path.as_uri(), viewport={"width": PAPER, "height": 1000})
        tab.emulate_media(media="print")
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        clipped = tab.evaluate(
            "room => [...document.querySelectorAll('main :not(svg *)')]"
            ".filter((part) => part.getBoundingClientRect().right > room + 1)"
            ".map((part) => `${part.tagName} ${part.textContent.slice(0, 40)}`)",
            PAPER,
        )
        assert clipped == []
        assert not tab.locator("#filter").is_visible()
        assert not tab.locator("nav").is_visible()
        tab.close()
    tab = opened(browser, made.as_uri())
    pages = pypdf.PdfReader(io.BytesIO(tab.pdf(prefer_css_page_size=True, print_background=True))).pages
    assert all(abs(float(each.mediabox.width) - 595) < 2 for each in pages)  # A4, in points
    printed = re.sub(r"\s", "", "".join(each.extract_text() for each in pages))
    for row in tab.locator("main tr").all_text_contents():
        assert re.sub(r"\s", "", row) in printed
    assert "showall" not in printed
    tab.close()
