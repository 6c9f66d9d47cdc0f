"""Draws ``architecture.svg`` from the code: the layers of the import contract and their rooms."""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from research.pages import DOCS

ROOT = Path(__file__).parents[2]
PICTURE = DOCS / "architecture.svg"

WIDTH, MARGIN = 1096, 16
ROOM_WIDTH, ROOM_HEIGHT, GAP = 128, 30, 6
LABEL_WIDTH = 130
STYLE = """
text { font: 12px sans-serif; fill: #1b1f24 }
.stage { font-weight: bold; font-size: 14px }
.layer { fill: #eef1f6; stroke: #c3cbd8 }
.room { fill: #ffffff; stroke: #7d8aa0 }
.arrow { font-size: 16px; fill: #5a6780 }
"""


def layers() -> list[tuple[str, ...]]:
    """The packages of each layer of the import contract, from the top down."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    by_name = {contract["name"]: contract for contract in contracts}
    stages = by_name["stages import downward only"]
    layers = []
    for layer in stages["layers"]:
        packages = layer.split("|")
        layers.append(tuple(map(str.strip, packages)))
    return layers


def rooms(package: str) -> list[str]:
    """The sub-packages of a package, sorted; none for a module."""
    folder = ROOT / package.replace(".", "/")
    if not folder.is_dir():
        return []
    return sorted({module.parent.name for module in folder.glob("*/*.py")})


def drawn() -> str:
    """The picture as SVG: a band per layer; a layer may import what lies below it."""
    bands: list[str] = []
    top = MARGIN
    for layer in layers():
        begin = top
        inside: list[str] = []
        top += GAP
        for name, held in _rows(layer):
            inside += _labelled(name, held, top)
            top += _height(held) + GAP
        height = top - begin
        bands.append(_box("layer", MARGIN, begin, WIDTH - 2 * MARGIN, height))
        bands += inside
        bands.append(f'<text class="arrow" x="{WIDTH // 2}" y="{top + 15}">↓</text>')
        top += 20
    del bands[-1]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img">'
    title = "<title>The packages of defocus: each layer imports only what lies below it</title>"
    paper = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join(
        [head, title, f"<style>{STYLE}</style>", paper, *bands, "</svg>\n"]
    )


def _rows(layer: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Each package with its rooms; modules without rooms are drawn together."""
    modules = []
    for package in layer:
        name = package.removeprefix("defocus.")
        inside = rooms(package)
        if inside:
            yield name, inside
        else:
            modules.append(name)
    if modules:
        yield "", modules


def _per_row() -> int:
    return (WIDTH - 2 * MARGIN - LABEL_WIDTH) // (ROOM_WIDTH + GAP)


def _height(held: list[str]) -> int:
    rows = -(-len(held) // _per_row())
    return rows * (ROOM_HEIGHT + GAP) - GAP


def _labelled(name: str, held: list[str], top: int) -> Iterator[str]:
    """The name of a package, and its rooms beside it."""
    label_x = MARGIN + 10
    label_y = top + 20
    yield f'<text class="stage" x="{label_x}" y="{label_y}">{escape(name)}</text>'
    left = MARGIN + LABEL_WIDTH
    for number, room in enumerate(held):
        row, column = divmod(number, _per_row())
        x = left + column * (ROOM_WIDTH + GAP)
        y = top + row * (ROOM_HEIGHT + GAP)
        yield _box("room", x, y, ROOM_WIDTH, ROOM_HEIGHT)
        yield f'<text x="{x + 8}" y="{y + 19}">{escape(room)}</text>'


def _box(
    kind: str,
    x: int,
    y: int,
    width: int,
    height: int,
) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>'


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(drawn(), encoding="utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
