"""Figures of matplotlib as SVG that stands inside the page.

The page's security policy allows no style attributes, so that they become attributes of their own. Colours follow the
page's light or dark theme: they are drawn in the stand-ins `TONES`, and each becomes a class that the style sheet
colours.
"""

import io
import re
from typing import Final
from xml.etree import ElementTree

from matplotlib.figure import Figure

__all__ = ["TITLE", "TONES", "to_inline_svg"]

TONES: Final = {
    "ink": "#000010",
    "faint": "#000020",
    "grid": "#000030",
    "tone-0": "#000040",
    "tone-1": "#000050",
    "yes": "#000060",
    "no": "#000070",
}
"""Class → the colour that stands for it while matplotlib draws."""

TITLE: Final = "title: "
"""An artist whose gid begins so shows the rest of it where a pointer rests on it."""

_CLASSES: Final = {colour: name for name, colour in TONES.items()}
_KEPT: Final = re.compile(r"fill|stroke|opacity|(fill|stroke)-[a-z]+|font-size|font-weight|text-anchor")
_DROPPED: Final = ("metadata", "style")
_REFERENCES: Final = ("clip-path", "href")


def to_inline_svg(figure: Figure, name: str, label: str) -> str:
    """Draw a figure.

    Args:
        figure: In the colours of `TONES`.
        name: Stands before the ids inside, so that they are unique in the page.
        label: What it shows, for those who do not see it.
    """
    root = _drawn(figure)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag.rpartition("}")[2] in _DROPPED]:
            parent.remove(child)
    for element in list(root.iter()):
        _plain(element)
    del root.attrib["width"], root.attrib["height"]
    root.attrib |= {"role": "img", "aria-label": label}
    _own_ids(root, name)
    return ElementTree.tostring(root, encoding="unicode")


def _drawn(figure: Figure) -> ElementTree.Element:
    file = io.BytesIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return ElementTree.fromstring(file.getvalue())


def _plain(element: ElementTree.Element) -> None:
    """No namespaces, which HTML does without; no style attribute; theme colours as a class."""
    element.tag = element.tag.rpartition("}")[2]
    if element.get("id", "").startswith(TITLE):
        title = ElementTree.Element("title")
        title.text = element.get("id", "").removeprefix(TITLE)
        element.insert(0, title)
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    declared = (each.partition(":") for each in attributes.pop("style", "").split(";"))
    attributes |= {name.strip(): value.strip() for name, _, value in declared if _KEPT.fullmatch(name.strip())}
    for name in ("fill", "stroke"):
        if tone := _CLASSES.get(attributes.get(name, "")):
            attributes |= {name: "currentColor", "class": tone}
    element.attrib = attributes


def _own_ids(root: ElementTree.Element, name: str) -> None:
    """Ids that are referred to get the figure's name before them, all others go."""
    used = {
        value[value.index("#") + 1 :].rstrip(")")
        for each in root.iter()
        for key, value in each.items()
        if key in _REFERENCES
    }
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for key in element.attrib.keys() & {"id", *_REFERENCES}:
            start, hash_mark, id = element.attrib[key].rpartition("#")
            element.attrib[key] = f"{start}{hash_mark}{name}-{id}"
