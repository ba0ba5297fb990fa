"""How every figure is drawn: as inline SVG whose bytes follow from the frame, and whose colours follow the page's."""

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

INK, FAINT = "#1c2126", "#7d8791"
# Okabe and Ito's colours, each with the name of the style sheet's variable that takes its place, lighter on dark
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6b5b95", "#8c564b")
VARIABLES = {INK: "ink", FAINT: "faint"} | {colour: f"series-{number}" for number, colour in enumerate(PALETTE)}
READOUT_COLOURS = {"mean": 0, "sampled": 1, "averaged-4": 2, "averaged-16": 3, "mean+logsigma": 4, "expected": 5}

MARKS, DASHES = ("o", "s", "^", "D"), ("-", "--", ":", "-.")
WIDTH = 3.7  # inches, which is what a narrow phone shows at full size
RIGHT = 0.975  # where axes end, of the width
SVG_METADATA = ("Date", "Creator", "Format", "Type")  # left out, so that the same frame gives the same bytes
PDF_METADATA = ("CreationDate", "Creator", "Producer")
_PLACES = re.compile(r' (?:d|x|y|points|transform)="[^"]*"')
_HUNDREDTHS = re.compile(r"(\d\.\d\d)\d+")  # of a point, which is finer than any screen
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
    "savefig.dpi": 220,  # of what is an image
}


@dataclass(frozen=True, slots=True)
class Series:
    """What a colour stands for, the same in every panel of a chart; past the last colour the marks change."""

    label: str
    colour: int

    @property
    def lap(self) -> int:
        """How many times all colours were given away before."""
        return self.colour // len(PALETTE)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel as it stands in the page, and as files of its own."""

    title: str
    inline: Markup
    svg: bytes
    figure: Figure

    def pdf(self) -> bytes:
        """The panel as PDF, with its fonts in it."""
        content = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.figure.savefig(content, format="pdf", transparent=True, metadata=dict.fromkeys(PDF_METADATA))
        return content.getvalue()


@dataclass(frozen=True, slots=True)
class Group:
    """Panels that belong together under a title."""

    title: str
    panels: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure of the page: its name in links, one line that says what to see, a legend, panels, and its numbers."""

    name: str
    title: str
    caption: str
    series: tuple[Series, ...]
    groups: tuple[Group, ...]
    data: pd.DataFrame

    def paths(self) -> Iterator[tuple[str, Drawing]]:
        """Every panel with the path of its files, without their ending."""
        for place, group in enumerate(self.groups):
            for number, drawing in enumerate(group.panels):
                yield f"figures/{self.name}-{place + 1}-{number + 1}", drawing


@dataclass(slots=True)
class Panel:
    """A panel that is being drawn; ``drawing`` is there once it is done."""

    axes: Axes
    done: Drawing | None = None

    @property
    def drawing(self) -> Drawing:
        """The panel as it was drawn; ValueError while it still is."""
        if self.done is None:
            raise ValueError("a panel that is still being drawn")
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
) -> Iterator[Panel]:
    """Axes to draw on, ``height`` inches high and from ``left``, a share of the width, on; made SVG at the end.

    ``chart`` and ``title`` name the drawing among all of a page; ``description`` says it to those who do not see it.
    Where its ``rows`` have names there is no line beside them; ``bare`` axes have neither lines nor numbers.
    """
    top, bottom = 0.34, 0.02 if bare else 0.46  # of the title and of the axis, inches
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"{chart}/{title}"}):  # ids differ between the drawings of a page
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
        figure.savefig(svg, format="svg", transparent=True, metadata=dict.fromkeys(SVG_METADATA))
    inline = _inline(svg.getvalue(), f"{chart}: {title}", description)
    drawn.done = Drawing(title, inline, _METADATA.sub("", svg.getvalue()).encode(), figure)


def colour(number: int) -> str:
    """The colour of that number, from the start again after the last."""
    return PALETTE[number % len(PALETTE)]


def mark(number: int) -> str:
    """matplotlib's mark for that number: another one each time that the colours start again."""
    return MARKS[number // len(PALETTE) % len(MARKS)]


def dash(number: int) -> str:
    """matplotlib's line style for that number: another one each time that the colours start again."""
    return DASHES[number // len(PALETTE) % len(DASHES)]


def plain(name: str, most: int = 60) -> str:
    """A name as an axis has room for it; ``$`` would start mathematics."""
    shown = name if len(name) <= most else f"{name[: most - 1]}…"
    return shown.replace("$", r"\$")


def _inline(svg: str, title: str, description: str) -> Markup:
    """matplotlib's SVG without prologue and sizes, with a text alternative and colours the style sheet can change."""
    body = svg[svg.index("<svg") :]
    opening, rest = body.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', opening)
    if box is None:
        raise ValueError("an SVG without a viewBox")
    rest = _METADATA.sub("", rest)
    rest = re.sub(r' id="[\w.]+_\d+"', "", rest)  # names that repeat from drawing to drawing, and nothing refers to
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
