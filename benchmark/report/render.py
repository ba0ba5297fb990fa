"""The page as text: HTML with all that it needs in it, Markdown of the same content, and the list of records."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.report.exports import as_markdown, markdown
from benchmark.report.page import Page
from benchmark.report.tables.table_values import Table


def render_html(page: Page) -> str:
    """The page with everything in it: style, script, figures and tables, and nothing from elsewhere."""
    return _environment().get_template("index.html.j2").render(page=page, files=page.files())


def render_records(page: Page) -> str:
    """The page that lists the units behind every score."""
    return _environment().get_template("records.html.j2").render(page=page)


def render_markdown(page: Page) -> str:
    """The same content as Markdown, without the figures."""
    return _environment(finalize=_markdown_text).get_template("report.md.j2").render(page=page)


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
    made.filters |= {"id": id, "markdown": _table}
    return made


def _markdown_text(value: object) -> object:
    """What is not marked up already, escaped."""
    return value if isinstance(value, Markup) else Markup(markdown(str(value)))
