"""Fonts for names of any script in figures."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from unicodedata import category

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

_LONGEST = 60  # characters


@contextmanager
def any_script(figure: Figure) -> Iterator[None]:
    """Give the texts of a finished figure fonts that have their characters, for saving the figure in the block.

    Installed fonts are added to a text if its own font lacks a character. A character that no font has becomes a box,
    without matplotlib's warning. An SVG holds the text itself, so that the reader's fonts count.
    """
    log = logging.getLogger("matplotlib.font_manager")  # tells which weights a font lacks
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        for text in figure.findobj(Text):
            own = _characters(findfont(text.get_fontproperties()))
            lacking = frozenset(each for each in text.get_text() if each.isprintable() and ord(each) not in own)
            if lacking and (further := _fonts(lacking, str(text.get_fontweight()))):
                text.set_fontfamily([*text.get_fontfamily(), *further])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
            warnings.filterwarnings("ignore", "Matplotlib currently does not support .* natively", UserWarning)
            yield
    finally:
        log.setLevel(level)


def plain(name: str, longest: int = _LONGEST) -> str:
    """Return a name of at most ``longest`` characters for a figure, with ``$`` escaped, which would start a formula.

    Control characters become �.
    """
    shown = name if len(name) <= longest else f"{name[: longest - 1]}…"
    return "".join("�" if category(each) == "Cc" else each for each in shown).replace("$", r"\$")


@lru_cache(maxsize=1024)
def _fonts(lacking: frozenset[str], weight: str) -> tuple[str, ...]:
    """The fewest installed fonts that have the characters in this weight, chosen one by one."""
    names = {font.name for font in fontManager.ttflist if not font.name.startswith("Last Resort")}  # draws boxes alone
    order = sorted(names, key=lambda name: ("Sans" not in name, name))
    own = {name: _characters(findfont(FontProperties(family=name, weight=weight))) for name in order}
    has = {name: {each for each in lacking if ord(each) in own[name]} for name in order}
    chosen: list[str] = []
    while best := max(order, key=lambda name: len(has[name]), default=None):
        found = set(has[best])
        if not found:
            break
        chosen.append(best)
        has = {name: own - found for name, own in has.items()}
    return tuple(chosen)


@lru_cache(maxsize=1024)
def _characters(path: str) -> frozenset[int]:
    """The characters of a font; none if its file cannot be read."""
    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
