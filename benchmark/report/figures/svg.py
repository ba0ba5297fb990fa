"""matplotlib's SVG, short enough for a page with hundreds of panels, and with words on its marks.

Equal styles, marks and clip paths of all panels have one name, a digest of their content. A page defines each once.
matplotlib writes the words of a mark as the address of a link around it; here they become the mark's ``<title>``, which
browsers show if the pointer is on the mark.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping

from markupsafe import Markup, escape

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF, _GROUP = f"{{{_LINK}}}href", f"{{{_SVG}}}g"
_LEFT_OUT = {f"{{{_SVG}}}{name}" for name in ("defs", "style", "title")}
_WORDS = {f"{{{_SVG}}}{name}" for name in ("text", "tspan")}
_NUMBER = re.compile(r"-?\d+\.\d+")
_GAPS = re.compile(r"\s*([A-Za-z])\s*|\s+")
_UPRIGHT = re.compile(r"rotate\(-?0(\.0+)? [^)]*\)")
_COLOUR = re.compile("#[0-9a-f]{6}")
# matplotlib writes the first rule into every SVG. By the second, a pointer within a hollow mark is on the mark.
BASE = "svg{stroke-linejoin:round}svg :has(>title){pointer-events:all}"

ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _LINK)


def titled(svg: str) -> ET.Element:
    """Parse matplotlib's SVG, without its metadata. Words that it holds as links become titles of the marks."""
    root = ET.fromstring(svg)
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for parent in list(root.iter()):
        for place, child in enumerate(list(parent)):
            if child.tag == f"{{{_SVG}}}a":
                parent[place] = child[0]
                mark = next(each for each in child[0].iter() if each.tag != _GROUP)
                ET.SubElement(mark, f"{{{_SVG}}}title").text = child.get(_HREF)
        _joined(parent)
    return root


def _joined(parent: ET.Element) -> None:
    """Join groups in a row that have the same attributes, such as the clip path of each mark."""
    before = None
    for child in list(parent):
        if before is not None and child.tag == before.tag == _GROUP and child.attrib == before.attrib:
            before.extend(child)
            parent.remove(child)
        else:
            before = child


def standalone(root: ET.Element) -> bytes:
    """Return a whole SVG file."""
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def brief(root: ET.Element, variables: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the content of an SVG, and what it shares with others by name.

    Args:
        root: The SVG.
        variables: The variable of the style sheet that replaces each colour.

    Returns:
        The content, and each definition by its name: a rule of a style sheet, a mark or a clip path. The fonts are
        those of the page. Places are rounded to 0.1 points, which is finer than any screen.
    """
    shared: dict[str, str] = {}
    names: dict[str, str] = {}
    for definition in root.iterfind(f".//{{{_SVG}}}defs/*[@id]"):
        clip = definition.tag.endswith("clipPath")
        drawn = definition[0] if clip else definition
        inside = _opening(drawn, dict(_attributes(drawn, {}, 2)))
        names[definition.get("id", "")] = name = _name("c" if clip else "m", inside)
        shared[name] = f'<clipPath id="{name}"><{inside}/></clipPath>' if clip else f'<{inside} id="{name}"/>'
    return "".join(_written(child, names, variables, shared) for child in root), shared


def definitions(of_panels: Iterable[Mapping[str, str]]) -> Markup:
    """Return an invisible SVG that defines once what panels of a page share.

    It must be on the page and shown, because a browser ignores definitions within hidden elements.

    Args:
        of_panels: What ``brief`` returned for each panel.
    """
    shared = dict(pair for each in of_panels for pair in each.items())
    rules = [text for text in shared.values() if text.startswith(".")]
    others = [text for text in shared.values() if not text.startswith(".")]
    return Markup(
        '<svg width="0" height="0" style="position:absolute" aria-hidden="true">'
        f"<style>{BASE}{''.join(rules)}</style><defs>{''.join(others)}</defs></svg>"
    )


def _written(
    element: ET.Element, names: Mapping[str, str], variables: Mapping[str, str], shared: dict[str, str]
) -> str:
    """Write an element without white space, invisible parts and groups that only nest."""
    if element.tag in _LEFT_OUT:
        return ""
    style = _style(element, names, variables)
    if style == "fill:none":
        return ""
    inside = "".join(_written(child, names, variables, shared) for child in element)
    attributes = dict(_attributes(element, names, 1))
    if style:
        attributes["class"] = name = _name("k", style)
        shared[name] = f".{name}{{{style}}}"
    if element.tag == _GROUP and not (attributes and inside):
        return inside
    if element.tag in _WORDS:
        inside = str(escape(element.text or "")) + inside
    title = element.find(f"{{{_SVG}}}title")
    if title is not None:
        inside += f"<title>{escape(title.text or '')}</title>"
    opening = _opening(element, attributes)
    return f"<{opening}>{inside}</{opening.split()[0]}>" if inside else f"<{opening}/>"


def _opening(element: ET.Element, attributes: Mapping[str, str]) -> str:
    """Write the name of an element with attributes."""
    tag = element.tag.removeprefix(f"{{{_SVG}}}")
    return " ".join((tag, *(f'{name}="{escape(value)}"' for name, value in attributes.items())))


def _attributes(element: ET.Element, names: Mapping[str, str], digits: int) -> Iterator[tuple[str, str]]:
    """Yield the attributes other than those that become rules of a style sheet."""
    for name, value in element.items():
        if name == _HREF:
            yield "href", f"#{names[value[1:]]}" if value[1:] in names else value
        elif name in ("style", "clip-path", "id") or (name == "transform" and _UPRIGHT.fullmatch(value)):
            continue
        elif element.tag.endswith("image"):
            yield name, value
        else:
            rounded = _rounded(value, digits)
            yield name, _GAPS.sub(lambda found: found[1] or " ", rounded) if name == "d" else rounded


def _rounded(text: str, digits: int) -> str:
    """Round the numbers in a text, without zeros at their ends."""

    def short(found: re.Match[str]) -> str:
        number = f"{float(found[0]):.{digits}f}".rstrip("0").rstrip(".")
        return "0" if number == "-0" else number

    return _NUMBER.sub(short, text).strip()


def _style(element: ET.Element, names: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """Return the rules of an element: its style without fonts, with the variables of the page, and its clip path."""
    parts = [part.strip() for part in element.get("style", "").split(";")]
    rules = [part.replace(": ", ":") for part in parts if part and not part.startswith("font-family")]
    clip = element.get("clip-path")
    if clip:
        rules.append(f"clip-path:url(#{names[clip[5:-1]]})")
    text = ";".join(rules)
    return _COLOUR.sub(lambda found: f"var(--{variables[found[0]]})" if found[0] in variables else found[0], text)


def _name(kind: str, content: str) -> str:
    return kind + hashlib.sha256(content.encode()).hexdigest()[:8]
