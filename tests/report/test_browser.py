"""The page in a browser: no errors, no requests, no overflow; sorting, filtering and links."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import Large, Ordinary, number

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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


def test_the_page_in_a_browser(browser: Any, six: Large, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(six.page, encoding="utf-8")
    grounds = set()
    for width in (390, 1600):
        for scheme in ("light", "dark"):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            said: list[str] = []
            asked: list[str] = []
            tab.on("console", lambda message, said=said: said.append(message.text))
            tab.on("pageerror", lambda error, said=said: said.append(str(error)))
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.goto(page.as_uri())
            tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            wide, room = tab.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.scrollingElement)")
            grounds.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert said == []
            assert asked == [page.as_uri()]
            assert wide <= room == width
            tab.close()
    assert len(grounds) == 2  # light and dark differ


def test_tables_are_sorted_and_filtered_and_links_open_what_they_lead_to(browser: Any, ordinary: Ordinary) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto((ordinary.out / "index.html").as_uri())
    table = tab.locator("table", has=tab.locator("caption", has_text="k-means on cora, %"))
    trained = table.locator("tbody").first

    def column(place: int) -> list[str]:
        return trained.locator(f"tr:visible > *:nth-child({place})").all_text_contents()

    before = column(3)
    table.get_by_role("button", name="ACC ↑").click()
    assert [number(text.split(" ± ")[0]) for text in column(3)] == sorted(
        (number(text.split(" ± ")[0]) for text in before), reverse=True
    )
    table.get_by_role("button", name="ACC ↑").click()
    assert table.locator("th[aria-sort=ascending]").count() == 1
    assert sorted(column(3)) == sorted(before)
    table.get_by_role("button", name="model").focus()
    tab.keyboard.press("Enter")
    assert column(1) == sorted(column(1))
    area = tab.locator(".tabular", has=table)
    area.get_by_role("searchbox").fill("VGAE sampled")
    assert column(1) == ["vgae"]
    assert column(2) == ["sampled"]
    assert area.get_by_role("status").text_content() == "1 row"
    area.get_by_role("searchbox").fill("")
    assert len(column(1)) == len(before)
    cell = tab.locator("#scoreboard td a").first
    cell.click()
    opened = tab.locator(f"details{cell.get_attribute('href')}")
    assert opened.get_attribute("open") is not None
    opened.locator("table").wait_for(state="visible")
    table.locator("tbody tr").first.get_by_role("link").click()
    assert re.search(r"/records\.html#cora--\w+--all-edges$", tab.url)
    assert tab.locator(":target table").is_visible()
    tab.close()
