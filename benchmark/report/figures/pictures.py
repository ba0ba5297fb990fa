"""Panels of small grey images in rows, which the page holds as palettised PNG."""

from __future__ import annotations

import io
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from benchmark.report.figures.drawing import RIGHT, WIDTH, Drawing, panel
from benchmark.report.frame_rows import records
from benchmark.report.kept import Arrays, KeptFiles
from benchmark.report.subject import Subject

LEFT = 0.215  # share of the width; the names of rows stand there
LEVELS = 15  # of grey; with the transparent gaps, a pixel needs four bits
_EDGES, _FOOT = 0.36, 0.16  # inches
_PNG = re.compile(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of images, [k, height, width] with values from 0 to 1, and its name. ``apart`` puts a gap above it."""

    name: str
    images: NDArray[Any]
    apart: bool = False


def picture_panel(
    chart: str, title: str, described: str, lines: Sequence[Line], subject: Subject, *, foot: Sequence[str] = ()
) -> Drawing:
    """Draw lines of equally many images of one size below each other.

    Args:
        chart: With ``title``, names the panel among all panels of a page.
        title: The heading.
        described: The content in words.
        lines: The rows of images. Lines with the same name share one label.
        subject: The names that the panel is about.
        foot: A label below each column; an empty one is not drawn.
    """
    side = lines[0].images.shape[1]
    gaps = [side // 2 if line.apart else 0 for line in lines]
    bands = [_band(line.images, gap) for line, gap in zip(lines, gaps, strict=True)]
    sheet = np.concatenate(bands)
    ends = np.cumsum([len(band) for band in bands])
    tall, wide = sheet.shape
    inch = wide / (WIDTH * (RIGHT - LEFT))  # pixels
    below = _FOOT * inch if foot else 0.0
    height = _EDGES + (tall + below) / inch
    with panel(chart, title, described, height=height, left=LEFT, bare=True, subject=subject) as drawn:
        axes = drawn.axes
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto", extent=(0, wide, tall, 0))
        axes.set(xlim=(0, wide), ylim=(tall + below, 0))
        for name in dict.fromkeys(line.name for line in lines):
            places = [place for place, line in enumerate(lines) if line.name == name]
            middle = (ends[places[0]] - len(bands[places[0]]) + gaps[places[0]] + ends[places[-1]]) / 2
            axes.text(-0.04 * inch, middle, name, ha="right", va="center", fontsize=7.2, linespacing=1.05)
        for place, label in enumerate(foot):
            axes.text((place + 0.5) * wide / len(foot), tall + below, label, ha="center", va="bottom", fontsize=7)
    return _small(drawn.drawing)


def _band(images: NDArray[Any], gap: int) -> NDArray[np.float64]:
    """Return images side by side, with transparent pixels between them and above them."""
    padded = np.pad(images.astype(np.float64), ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    return np.pad(np.concatenate(list(padded), axis=1), ((gap, 0), (0, 0)), constant_values=np.nan)


def _small(drawing: Drawing) -> Drawing:
    """Return the drawing with its images in grey levels, which takes a tenth of the size of colours."""
    inline = Markup(_PNG.sub(_in_greys, drawing.inline))
    return replace(drawing, inline=inline, svg=_PNG.sub(_in_greys, drawing.svg.decode()).encode())


def _in_greys(found: re.Match[str]) -> str:
    pixels = np.asarray(Image.open(io.BytesIO(b64decode(found[1]))).convert("RGBA"))
    levels = np.round(pixels[..., 0] / 255 * (LEVELS - 1))
    picture = Image.fromarray(np.where(pixels[..., 3] < 128, LEVELS, levels).astype(np.uint8))
    greys = np.append(np.round(np.linspace(0, 255, LEVELS)), 0).astype(np.uint8)
    picture.putpalette(np.repeat(greys, 3).tobytes())
    content = io.BytesIO()
    picture.save(content, "png", optimize=True, bits=4, transparency=LEVELS)
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"


def first_generated(units: pd.DataFrame, dataset: str, model: str, variant: str) -> list[dict[str, Any]]:
    """Return the unit with the smallest seed that has kept images, as the only entry; empty without any."""
    here = units[units["dataset"].eq(dataset) & units["model"].eq(model) & units["variant"].eq(variant)]
    return records(here[here["generated"].ne("")].sort_values(["seed", "unit"]).head(1))


def drawn_part(kept: KeptFiles, file: str, part: str, names: Sequence[str]) -> Arrays | None:
    """Return the named arrays of a file of drawings, with values of images in steps of 1/255.

    Args:
        kept: The kept files.
        file: The file of drawings.
        part: Names the arrays together.
        names: Names of arrays, in the order of the result.
    """

    def make() -> Arrays | None:
        found = kept.arrays(file, *names)
        if found is None:
            return None
        return {name: _in_bytes(array) if array.ndim >= 3 else array for name, array in zip(names, found, strict=True)}

    found = kept.excerpt(f"{file}/{part}", make)
    return None if found is None else {name: _from_bytes(found[name]) for name in names}


def _in_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.round(np.clip(images, 0, 1) * 255), dtype=np.uint8)


def _from_bytes(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array / np.float32(255), dtype=np.float32) if array.dtype == np.uint8 else array
