"""Draw the picture of the README: the first screen of the page, from the committed frames of the study ``claim``.

    make picture
    python tests/support/picture.py

The command needs chromium. It writes the picture, and beside it a text of all that the picture shows. Pictures differ
between machines, so a test compares the text with the one that these frames give now.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.plugins.tables import OURS
from benchmark.report.figures import law_curve
from benchmark.report.found import find
from benchmark.report.page import Page, compose
from benchmark.report.render import render_html, render_markdown
from benchmark.results.frames import read_frames, read_stability
from benchmark.study.resolve import resolve
from benchmark.study.toml import load_study

ROOT = Path(__file__).parents[2]
FRAMES = ROOT / "tests" / "data" / "frames"
PICTURE = ROOT / "docs" / "first-screen.png"
SHOWN = ROOT / "docs" / "first-screen.txt"
STUDY = "claim"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1300, 1000  # pixels


def first_screen_alone() -> Page:
    """Compose the page of the committed frames, without its other sections."""
    study = resolve(load_study(STUDY), OURS)
    overlap = OURS.overlap
    found = find(study, *read_frames(FRAMES, STUDY), overlap, None, pairs=read_stability(FRAMES, STUDY))
    figure = law_curve(found.law, study.analysis.law, found.units, found.retained)
    return replace(compose(found, {} if figure is None else {"law": figure}, lambda _: ""), sections=())


def shown(page: Page) -> str:
    """Return all that the picture shows: the texts, and the numbers of the figure with three digits."""
    figure = page.first.figure
    if figure is None:
        return render_markdown(page)
    numbers = figure.data.map(lambda value: f"{value:.3g}" if isinstance(value, float) else value)
    return f"{render_markdown(page)}\n{pd.DataFrame(numbers).to_csv(index=False)}"


def draw(page: Page, browser: str) -> None:
    """Take the picture with a browser, without a window."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "index.html"
        file.write_text(render_html(page), encoding="utf-8")
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(file.as_uri())
        tab.screenshot(path=PICTURE)
        opened.close()


def main() -> int:
    """Write the picture and its text; return the exit code."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"error: none of {', '.join(BROWSERS)} is installed; the picture needs one of them", file=sys.stderr)
        return 2
    page = first_screen_alone()
    draw(page, browser)
    SHOWN.write_text(shown(page), encoding="utf-8")
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
