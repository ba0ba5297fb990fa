"""Drawing of panels as inline SVG. Equal frames give equal bytes, and colours follow the style sheet of the page."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, NullFormatter

from benchmark.core.glyphs import any_script, plain
from benchmark.report.figures.svg import brief, standalone, titled
from benchmark.report.subject import ABOUT_ALL, Subject

INK, FAINT = "#1c2126", "#7d8791"
# Okabe and Ito's colours. A variable of the style sheet replaces each, because a dark page needs lighter ones.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6b5b95", "#8c564b")
VARIABLES = {INK: "ink", FAINT: "faint"} | {colour: f"series-{number}" for number, colour in enumerate(PALETTE)}
READOUT_COLOURS = {"mean": 0, "sampled": 1, "averaged-4": 2, "averaged-16": 3, "mean+logsigma": 4, "expected": 5}
# The mark of a sample is a triangle, so that no figure tells it from the mean by colour alone.
READOUT_SHAPES = {"mean": 0, "sampled": 2, "averaged-4": 1, "averaged-16": 3, "mean+logsigma": 1, "expected": 3}
FAMILY_COLOURS = {"ae": 0, "gae": 1, "control": 6}

MARKS, DASHES = ("o", "s", "^", "D"), ("-", "--", ":", "-.")
WIDTH = 3.7  # inches; a narrow phone shows this width at full size
HEADING, LONGEST = 46, 140  # characters of a line of a panel's heading, and of the heading
RIGHT = 0.975  # right end of the axes, as a share of the width
SVG_METADATA = ("Date", "Creator", "Format", "Type")  # left out, because they differ between builds
PDF_METADATA = ("CreationDate", "Creator", "Producer")
STYLE = sns.axes_style("ticks") | {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.labelsize": 8,
    "axes.labelpad": 3,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "path.simplify": True,
    "savefig.dpi": 220,  # for images
}


@dataclass(frozen=True, slots=True)
class Series:
    """An entry of the legend: a label and how it is drawn, the same in all panels.

    Attributes:
        label: The words of the entry.
        colour: The number of its colour; None for the colour of text.
        shape: The number of its mark; None if marks change each time the colours start again.
        dash: The number of its line style, for an entry that is a line without marks.
    """

    label: str
    colour: int | None
    shape: int | None = None
    dash: int | None = None

    @property
    def lap(self) -> int:
        """The number of its mark."""
        return (self.colour or 0) // len(PALETTE) if self.shape is None else self.shape

    @property
    def look(self) -> str:
        """The class of the style sheet that draws the mark or the line."""
        return f"lap{self.lap % len(MARKS)}" if self.dash is None else f"dash{self.dash % len(DASHES)}"

    @property
    def variable(self) -> str:
        """The variable of the style sheet that holds the colour."""
        return "ink" if self.colour is None else f"series-{self.colour % len(PALETTE)}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel as the page holds it, and as SVG and PDF files.

    Attributes:
        title: The heading.
        inline: The SVG for a page that defines what panels share.
        shared: What it shares with other panels, by name.
        svg: The panel as a whole file.
        figure: The panel for PDF.
        subject: The names that the panel is about, which the page's filter reads.
    """

    title: str
    inline: Markup
    shared: Mapping[str, str]
    svg: bytes
    figure: Figure
    subject: Subject = ABOUT_ALL

    def pdf(self) -> bytes:
        """Return the panel as PDF with embedded fonts."""
        content = io.BytesIO()
        with mpl.rc_context(STYLE), any_script(self.figure):
            self.figure.savefig(content, format="pdf", transparent=True, metadata=dict.fromkeys(PDF_METADATA))
        return content.getvalue()


@dataclass(frozen=True, slots=True)
class PanelGroup:
    """Panels under a common title."""

    title: str
    panels: tuple[Drawing, ...]
    subject: Subject = ABOUT_ALL


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure of the page.

    Attributes:
        name: The name in links and file names.
        title: The heading.
        caption: The content of the figure in words.
        series: The legend.
        groups: The panels.
        data: The numbers behind the panels.
        concludes: Whether the study's analysis shapes the figure: its gates, margins, families or its law.
        switch: What the reader chooses one of, such as ("predictor", "task"): the groups, and the panels of a group.
            Then the page shows one panel at a time. None shows all.
    """

    name: str
    title: str
    caption: str
    series: tuple[Series, ...]
    groups: tuple[PanelGroup, ...]
    data: pd.DataFrame
    concludes: bool = False
    switch: tuple[str, str] | None = None

    def paths(self) -> Iterator[tuple[str, Drawing]]:
        """Yield the path of the files of every panel, without suffix, and the panel."""
        for place, group in enumerate(self.groups):
            for number, drawing in enumerate(group.panels):
                yield f"figures/{self.name}-{place + 1}-{number + 1}", drawing


@dataclass(slots=True)
class Panel:
    """A panel that is being drawn. ``drawing`` exists after the ``with`` block of ``panel``.

    Attributes:
        stack: All axes, from top to bottom.
        done: The finished panel.
    """

    stack: tuple[Axes, ...]
    done: Drawing | None = None

    @property
    def axes(self) -> Axes:
        """The first axes."""
        return self.stack[0]

    @property
    def drawing(self) -> Drawing:
        """The finished panel.

        Raises:
            ValueError: If the panel is not finished.
        """
        if self.done is None:
            raise ValueError("the panel is not finished; leave the with block of panel() first")
        return self.done


@contextmanager
def panel(
    chart: str,
    title: str,
    description: str,
    *,
    height: float = 2.4,
    left: float = 0.17,
    right: float = RIGHT,
    rows: bool = False,
    bare: bool = False,
    stack: int = 1,
    subject: Subject = ABOUT_ALL,
) -> Iterator[Panel]:
    """Give axes to draw on, and make the panel when the ``with`` block ends.

    Args:
        chart: With ``title``, names the panel among all panels of a page.
        title: The heading of the panel.
        description: The content in words, for readers who do not see the panel.
        height: Height in inches; of one axes with its heading and its axis, if there are several.
        left: Left end of the axes, as a share of the width.
        right: Right end of the axes, as a share of the width.
        rows: Whether the vertical axis names rows, which need no axis line.
        bare: Whether the axes have no lines and no numbers.
        stack: The number of axes one above the other, which share their horizontal axis.
        subject: The names that the panel is about, which the page's filter reads.
    """
    lines = textwrap.wrap(plain(title, LONGEST), HEADING) or [""]
    first, top, bottom = (
        0.14 * (len(lines) - 1) + 0.16 * (stack > 1),
        0.34,
        0.02 if bare else 0.46,
    )  # inches for headings and for the axis
    inner = height - top - bottom
    whole = first + bottom + stack * (top + inner)
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"{chart}/{title}"}):  # ids must differ between the panels of a page
        figure = Figure(figsize=(WIDTH, whole))
        FigureCanvasSVG(figure)
        found: list[Axes] = []
        for place in reversed(range(stack)):
            low = (bottom + place * (top + inner)) / whole
            above = found[0] if found else None
            found.append(figure.add_axes((left, low, right - left, inner / whole), sharex=above))
        drawn = Panel(tuple(found))
        heading = drawn.axes.set_title(
            "\n".join(lines), fontsize=8.5, loc="left", pad=7 if stack == 1 else 18, fontweight="bold"
        )
        heading.set_x(-left / (right - left))
        yield drawn
        for axes in drawn.stack:
            sns.despine(ax=axes, left=rows or bare, bottom=bare)
            if bare:
                axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
            if rows:
                axes.tick_params(axis="y", labelsize=8, length=0, pad=5)
            if axes is not drawn.stack[-1]:
                axes.tick_params(axis="x", labelbottom=False)
            for axis in (axes.xaxis, axes.yaxis):
                if isinstance(axis.get_major_formatter(), LogFormatter):
                    axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
                    axis.set_minor_formatter(NullFormatter())
        svg = io.StringIO()
        with any_script(figure):
            figure.savefig(svg, format="svg", transparent=True, metadata=dict.fromkeys(SVG_METADATA))
    root = titled(svg.getvalue())
    content, shared = brief(root, VARIABLES)
    name = escape(f"{chart}: {title}")
    body = Markup(
        f'<svg viewBox="{root.get("viewBox")}" role="img" aria-label="{name}"><title>{name}</title>'
        f"<desc>{escape(description)}</desc>{content}</svg>"
    )
    drawn.done = Drawing(title, body, shared, standalone(root), figure, subject)


def colour(number: int) -> str:
    """Return the colour of a number. After the last colour, the first one follows.

    >>> colour(8) == colour(0)
    True
    """
    return PALETTE[number % len(PALETTE)]


def mark(number: int) -> str:
    """Return matplotlib's mark for a number. The mark changes each time the colours start again."""
    return MARKS[number // len(PALETTE) % len(MARKS)]


def scatter(
    axes: Axes,
    x: Iterable[float],
    y: Iterable[float],
    number: int | None,
    *,
    filled: bool = False,
    shape: int | None = None,
    size: float = 9,
    words: Sequence[str] | None = None,
    clip: bool = True,
) -> None:
    """Draw hollow or filled marks.

    Args:
        axes: The axes.
        x: Places across.
        y: Places up.
        number: The number of the colour, which also chooses the mark; None for the colour of text.
        filled: Whether the marks are filled.
        shape: The number of the mark, if the colour does not choose it.
        size: The area of a mark in square points.
        words: What a browser says of each mark if the pointer is on it.
        clip: Whether the axes cut off marks at their edge.
    """
    edge = INK if number is None else colour(number)
    face = edge if filled else "none"
    kind = mark(number or 0) if shape is None else MARKS[shape % len(MARKS)]
    ink: dict[str, Any] = {"marker": kind, "facecolors": face, "edgecolors": edge, "linewidths": 0.7}
    axes.scatter(list(x), list(y), s=size, urls=words, zorder=3, clip_on=clip, **ink)


def power(value: float) -> str:
    """Write a number of a logarithmic axis.

    >>> power(0.01), power(1000), power(1e-5), power(3e6), power(0.0)
    ('0.01', '1,000', '10⁻⁵', '3·10⁶', '0')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.15g}".replace("-", "−")
    digits, exponent = f"{value:e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    factor = f"{float(digits):g}"
    return {"1": "", "-1": "−"}.get(factor, f"{factor}·".replace("-", "−")) + f"10{raised}"


def room_for(labels: Iterable[str]) -> float:
    """Return the left end of the axes, as a share of the width, that leaves room for the names of rows.

    A line of a name is at most as wide as about half of the panel; ``wrapped`` breaks longer names.
    """
    lines = [line for label in labels for line in label.splitlines()]
    points = max((sum(8.0 if east_asian_width(each) in "WF" else 4.5 for each in line) for line in lines), default=0)
    return min(max((points + 9) / (72 * WIDTH), 0.12), 0.55)


def wrapped(label: str, most: int = 30) -> str:
    """Break a name of a row into lines, also within long words.

    >>> wrapped("vae-gaussian-learned (latent=8)", 26)
    'vae-gaussian-learned\\n(latent=8)'
    """
    return "\n".join(textwrap.wrap(label, most)) or label


def dash(number: int) -> str:
    """Return matplotlib's line style for a number. The style changes each time the colours start again."""
    return DASHES[number // len(PALETTE) % len(DASHES)]
