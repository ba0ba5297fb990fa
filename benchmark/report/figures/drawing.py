"""Drawing of panels as inline SVG. Equal frames give equal bytes, and colours follow the style sheet of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmark.core.glyphs import any_script, plain
from benchmark.report.subject import ABOUT_ALL, Subject

INK, FAINT = "#1c2126", "#7d8791"
# Okabe and Ito's colours. A variable of the style sheet replaces each, because a dark page needs lighter ones.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6b5b95", "#8c564b")
VARIABLES = {INK: "ink", FAINT: "faint"} | {colour: f"series-{number}" for number, colour in enumerate(PALETTE)}
READOUT_COLOURS = {"mean": 0, "sampled": 1, "averaged-4": 2, "averaged-16": 3, "mean+logsigma": 4, "expected": 5}

MARKS, DASHES = ("o", "s", "^", "D"), ("-", "--", ":", "-.")
WIDTH = 3.7  # inches; a narrow phone shows this width at full size
RIGHT = 0.975  # right end of the axes, as a share of the width
SVG_METADATA = ("Date", "Creator", "Format", "Type")  # left out, because they differ between builds
PDF_METADATA = ("CreationDate", "Creator", "Producer")
_PLACES = re.compile(r' (?:d|x|y|points|transform)="[^"]*"')
_HUNDREDTHS = re.compile(r"(\d\.\d\d)\d+")  # 0.01 point is finer than any screen
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
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
    """An entry of the legend: a label and its colour, the same in all panels. After the last colour, marks change."""

    label: str
    colour: int

    @property
    def lap(self) -> int:
        """How many times all colours were used before this one."""
        return self.colour // len(PALETTE)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel as the page holds it, and as SVG and PDF files."""

    title: str
    inline: Markup
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
    """A panel that is being drawn. ``drawing`` exists after the ``with`` block of ``panel``."""

    axes: Axes
    done: Drawing | None = None

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
    rows: bool = False,
    bare: bool = False,
    subject: Subject = ABOUT_ALL,
) -> Iterator[Panel]:
    """Give axes to draw on, and make the panel when the ``with`` block ends.

    Args:
        chart: With ``title``, names the panel among all panels of a page.
        title: The heading of the panel.
        description: The content in words, for readers who do not see the panel.
        height: Height in inches.
        left: Left end of the axes, as a share of the width.
        rows: Whether the vertical axis names rows, which need no axis line.
        bare: Whether the axes have no lines and no numbers.
        subject: The names that the panel is about, which the page's filter reads.
    """
    top, bottom = 0.34, 0.02 if bare else 0.46  # inches for the title and for the axis
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"{chart}/{title}"}):  # ids must differ between the panels of a page
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((left, bottom / height, RIGHT - left, 1 - (top + bottom) / height))
        heading = axes.set_title(plain(title), fontsize=8.5, loc="left", pad=7, fontweight="bold")
        heading.set_x(-left / (RIGHT - left))
        drawn = Panel(axes)
        yield drawn
        sns.despine(ax=axes, left=rows or bare, bottom=bare)
        if bare:
            axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
        if rows:
            axes.tick_params(axis="y", labelsize=8, length=0, pad=5)
        svg = io.StringIO()
        with any_script(figure):
            figure.savefig(svg, format="svg", transparent=True, metadata=dict.fromkeys(SVG_METADATA))
    inline = _inline(svg.getvalue(), f"{chart}: {title}", description)
    drawn.done = Drawing(title, inline, _METADATA.sub("", svg.getvalue()).encode(), figure, subject)


def colour(number: int) -> str:
    """Return the colour of a number. After the last colour, the first one follows.

    >>> colour(8) == colour(0)
    True
    """
    return PALETTE[number % len(PALETTE)]


def mark(number: int) -> str:
    """Return matplotlib's mark for a number. The mark changes each time the colours start again."""
    return MARKS[number // len(PALETTE) % len(MARKS)]


def scatter(axes: Axes, x: pd.Series[float], y: pd.Series[float], number: int, *, filled: bool = False) -> None:
    """Draw hollow or filled marks in the colour and with the mark of a number."""
    edge = colour(number)
    face = edge if filled else "none"
    axes.scatter(x, y, s=9, marker=mark(number), facecolors=face, edgecolors=edge, linewidths=0.7)


def dash(number: int) -> str:
    """Return matplotlib's line style for a number. The style changes each time the colours start again."""
    return DASHES[number // len(PALETTE) % len(DASHES)]


def _inline(svg: str, title: str, description: str) -> Markup:
    """Return matplotlib's SVG for the page: no prologue, no size, a text alternative, and the style sheet's colours."""
    body = svg[svg.index("<svg") :]
    opening, rest = body.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', opening)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    rest = _METADATA.sub("", rest)
    # Ids of groups repeat in every panel, and nothing refers to them. The id of a mark can look the same.
    used = {name for names in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', rest) for name in names}
    rest = re.sub(r' id="([\w.]+_\d+)"', lambda found: found[0] if found[1] in used else "", rest)
    rest = re.sub(r"<!--.*?-->\s*", "", rest, flags=re.DOTALL)
    rest = re.sub(
        r"#[0-9a-f]{6}",
        lambda found: f"var(--{VARIABLES[found[0]]})" if found[0] in VARIABLES else found[0],
        rest,
    )
    rest = _PLACES.sub(lambda found: _HUNDREDTHS.sub(r"\1", found[0]), rest)
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box[1]}" role="img" aria-label="{escape(title)}">'
    )
    return Markup(f"{head}<title>{escape(title)}</title><desc>{escape(description)}</desc>{rest}")
