"""Names of any script are drawn without a warning, in fonts that have their characters."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib as mpl
import pytest
from made_up import a_dataset
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from benchmark.contracts import picture
from benchmark.core.glyphs import any_script, plain
from benchmark.report.figures.drawing import STYLE, panel

SCRIPTS = {
    "Chinese": "数据集",
    "Japanese": "データ",
    "Korean": "데이터",
    "Arabic": "بيانات",
    "Hebrew": "נתונים",
    "Thai": "ข้อมูล",
    "Devanagari": "डेटा",
    "emoji": "👩‍🔬 😀",
    "a formula": "$a_1$ and $x^{$",
    "half a formula": r"cost_$ \frac{",
    "control characters": "a\tb\x01\nc",
}


def drawn(name):
    with panel("chart", name, "described", rows=True) as made:
        made.axes.set_yticks([0], [plain(name)])
    return made.drawing


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
def test_a_name_of_any_script_is_drawn_without_a_warning(name, caplog):
    made = drawn(name)
    assert made.pdf().startswith(b"%PDF")
    assert not caplog.records
    texts = [
        "".join(element.itertext()) for element in ET.fromstring(made.svg).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert texts.count(plain(name).replace(r"\$", "$")) == 2


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
def test_the_picture_of_a_dataset_takes_any_name(name):
    assert picture(replace(a_dataset(), name=name)).startswith(b"\x89PNG")


def test_a_font_that_has_the_characters_is_added():
    """Two fonts come with matplotlib: STIXGeneral has some characters that DejaVu Sans has not."""
    of = {
        (name, weight): set(get_font(findfont(FontProperties(family=name, weight=weight))).get_charmap())
        for name in ("STIXGeneral", "DejaVu Sans")
        for weight in ("normal", "bold")
    }
    both = of["STIXGeneral", "normal"] & of["STIXGeneral", "bold"]
    rare = chr(min(both - of["DejaVu Sans", "normal"] - of["DejaVu Sans", "bold"]))
    families = re.compile(r"font-family: ([^;\"]*)")
    usual, further = (set(families.findall(drawn(name).svg.decode())) for name in ("wine − ½", f"a{rare}"))
    (own,) = further - usual
    assert any(own.startswith(f"{each}, ") for each in usual)


def test_our_own_warnings_pass():
    with pytest.warns(UserWarning, match="ours"), any_script(Figure()):
        warnings.warn("ours", UserWarning, stacklevel=1)


def test_a_figure_that_needs_no_font_is_the_same():
    files = []
    for block in (any_script, lambda _: warnings.catch_warnings()):
        with mpl.rc_context(STYLE | {"svg.hashsalt": "same"}):
            figure = Figure()
            figure.add_axes((0.2, 0.2, 0.7, 0.7)).set_title("plain names, β − 10 %", fontweight="bold")
            with block(figure):
                figure.savefig(content := io.BytesIO(), format="svg", metadata={"Date": None})
        files.append(content.getvalue())
    assert files[0] == files[1]
