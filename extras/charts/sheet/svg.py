"""The chart as SVG and PDF, all of it vectors."""

import tempfile
from pathlib import Path

import numpy as np

from defocus.errors import InputError
from defocus.extras.charts.sheet.layout import HEIGHT, PAPERS, WIDTH, Sheet
from defocus.extras.charts.sheet.targets import TargetSheet
from defocus.scene.shapes import Colour, Disc, Shape
from defocus.storage.files import write_bytes, write_text


def svg_text(sheet: Sheet | TargetSheet) -> str:
    """The chart as an SVG document in its true size."""
    width, height = PAPERS[sheet.paper]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}">'
    )
    paper = f'<rect width="{WIDTH:g}" height="{HEIGHT:g}" fill="#ffffff"/>'
    return "\n".join([head, paper, *map(_element, sheet.shapes), "</svg>\n"])


def write_sheet(path: Path, sheet: Sheet | TargetSheet) -> None:
    """Write the chart to an SVG or PDF file, by the suffix."""
    suffix = path.suffix.lower()
    if suffix == ".svg":
        write_text(path, svg_text(sheet))
    elif suffix == ".pdf":
        write_bytes(path, _pdf(sheet))
    else:
        raise InputError(f"{path}: give a name that ends in .pdf or .svg")


def _pdf(sheet: Sheet | TargetSheet) -> bytes:
    import typst  # slow to import

    width, height = PAPERS[sheet.paper]
    with tempfile.TemporaryDirectory(prefix="defocus-chart-") as folder:
        (Path(folder) / "chart.svg").write_text(svg_text(sheet), encoding="utf-8")
        page = Path(folder) / "chart.typ"
        page.write_text(
            f"#set page(width: {width}mm, height: {height}mm, margin: 0mm)\n"
            f'#image("chart.svg", width: {width}mm, height: {height}mm)\n',
            encoding="utf-8",
        )
        pdf: bytes = typst.compile(str(page))
    return pdf


def _element(shape: Shape) -> str:
    fill = _hex(shape.colour)
    if isinstance(shape, Disc):
        place = f'cx="{shape.x:.3f}" cy="{shape.y:.3f}" r="{shape.radius:.3f}"'
        return f'<circle {place} fill="{fill}"/>'
    outlines = []
    for contour in shape.contours:
        corners = [f"{x:.3f} {y:.3f}" for x, y in np.asarray(contour)]
        outlines.append(f"M{'L'.join(corners)}Z")
    return f'<path d="{" ".join(outlines)}" fill="{fill}" fill-rule="evenodd"/>'


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
