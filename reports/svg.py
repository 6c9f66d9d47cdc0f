"""Drawings of matplotlib as parts of a page, whose policy forbids their own styles and files."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator


def inline_svg(svg: bytes, name: str, words: str = "", font_pt: float = 0) -> str:
    """SVG for a page: styles become attributes, and identifiers begin with the name."""
    root = ET.fromstring(svg)  # noqa: S314 - written by matplotlib a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.partition("}")[2]
        element.attrib = dict(_attributes(element, name))
        element.text = (element.text or "").strip() or None
        element.tail = None
    width = root.attrib.pop("width").removesuffix("pt")
    height = root.attrib.pop("height").removesuffix("pt")
    root.set("stroke-linejoin", "round")
    if font_pt:
        root.attrib |= {"font-size": f"{font_pt:g}", "font-family": "Libertinus Serif"}
    if not name:
        root.attrib |= {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": width,
            "height": height,
        }
    elif words:
        _describe(root, name, words)
    else:
        root.attrib |= {"class": "swatch", "aria-hidden": "true"}
    return ET.tostring(root, encoding="unicode")


def _describe(root: ET.Element, name: str, words: str) -> None:
    """Let readers who do not see a plot hear its name and description."""
    root.attrib |= {
        "class": "plot",
        "role": "img",
        "aria-labelledby": f"{name} {name}-words",
    }
    description = ET.Element("desc", {"id": f"{name}-words"})
    description.text = words
    root.insert(0, description)


def _without_font(style: str) -> Iterator[tuple[str, str]]:
    """The properties of a style but those of its font."""
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name = name.strip()
        value = value.strip()
        if name and not name.startswith("font"):
            yield name, value


def _attributes(element: ET.Element, name: str) -> Iterator[tuple[str, str]]:
    """The attributes of an element of matplotlib; groups lose their names, fonts are the page's."""
    for key, value in element.items():
        if key == "style":
            yield from _without_font(value)
        elif key.endswith("}href"):
            yield "href", f"#{name}-{value[1:]}"
        elif key == "d":
            yield key, " ".join(value.split())
        elif value.startswith("url(#"):
            yield key, f"url(#{name}-{value[5:]}"
        elif key != "id":
            yield key, value
        elif element.tag not in ("g", "svg"):
            yield key, f"{name}-{value}"
