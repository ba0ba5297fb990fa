"""The page as HTML in one file, the same content as Markdown, and the list of records."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.report.blocks import Block
from benchmark.report.exports import as_markdown, markdown
from benchmark.report.page import Page
from benchmark.report.tables.table_parts import Table


def render_html(page: Page) -> str:
    """Return the page as one HTML file. It holds its style, script, figures and tables, and loads nothing."""
    return _environment().get_template("index.html.j2").render(page=page, files=page.files())


def render_records(page: Page) -> str:
    """Return the HTML page that lists the units behind every score."""
    return _environment().get_template("records.html.j2").render(page=page)


def render_markdown(page: Page) -> str:
    """Return the content of the page as Markdown, without figures."""
    return _environment(finalize=_markdown_text).get_template("report.md.j2").render(page=page)


def _kind(block: Block) -> str:
    """Return the name of a block's type, by which a template chooses its macro."""
    return type(block).__name__


def _table(table: Table) -> Markup:
    return Markup(as_markdown(table))


def _environment(finalize: Callable[[object], object] | None = None) -> Environment:
    made = Environment(
        loader=PackageLoader("benchmark.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=finalize,
    )
    made.filters |= {"id": id, "kind": _kind, "markdown": _table}
    return made


def _markdown_text(value: object) -> object:
    """Escape a value, unless it is marked up already."""
    return value if isinstance(value, Markup) else Markup(markdown(str(value)))
