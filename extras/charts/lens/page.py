"""A measured lens as lines of text and as a page with its point spread functions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.lens.properties import lens_properties
from defocus.extras.charts.lens.summary import (
    PLACES,
    FittedLens,
    edges_by_place,
    kernel_mtf50,
    mtf50_by_place,
)
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.reports.html import write_html
from defocus.reports.model import (
    Cell,
    Column,
    Facts,
    Gallery,
    Page,
    Paragraph,
    Part,
    Table,
    Tile,
)
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.lens_file import MeasuredLens
from defocus.scene.real_lens import RealLens

KERNELS = ((-8.0, "nearer"), (8.0, "farther"))
ENLARGED = 5
MTF50 = "MTF50, cycles/px"


def lens_lines(fit: FittedLens, shots: Sequence[ChartShot]) -> Iterator[str]:
    """A lens as text: its photographs, what they show of it, and what they do not show."""
    properties, untold, blades = lens_properties(fit)
    yield f"f/{fit.lens.open_f_number:g} lens; it explains {_explained(fit.residual)}"
    yield from _picture_lines(fit, shots)
    yield "What the pictures tell:"
    if blades is not None:
        yield f"  {blades} blades"
    for one in properties:
        yield f"  {one}"
    if untold:
        yield f"Not told by these pictures: {', '.join(untold)}"


def _picture_lines(fit: FittedLens, shots: Sequence[ChartShot]) -> Iterator[str]:
    """MTF50 by place in each photograph, as a table."""
    rows = []
    width = len(MTF50)
    for path, f_number, blur, values in _pictures(fit, shots):
        name = f"{Path(path).name}, {f_number}: {blur}"
        rows.append((name, values))
        width = max(width, len(name))
    heads = "  ".join(f"{name:6}" for name, _ in PLACES)
    yield f"  {MTF50:{width}}  {heads}".rstrip()
    for name, values in rows:
        cells = "   ".join(map(_mtf50_words, values))
        yield f"  {name:{width}}  {cells}".rstrip()


def _mtf50_words(value: float | None) -> str:
    return "  –  " if value is None else f"{value:.3f}"


def _explained(residual: float) -> str:
    return f"all but {residual:.1%} of the contrast"


def _pictures(
    fit: FittedLens,
    shots: Sequence[ChartShot],
) -> Iterator[tuple[str, str, str, list[float | None]]]:
    """Name, f-number, blur and MTF50 by place; in focus of the chart, otherwise of the lens."""
    for place, shot in enumerate(shots):
        f_number = f"f/{shot.f_number:g}"
        if place not in fit.used:
            yield shot.name, f_number, "in focus", edges_by_place(shot)
            continue
        number = fit.used.index(place)
        diameter = fit.diameters[number]
        side = "nearer" if diameter > 0 else "farther"
        blur = f"blurred by {abs(diameter):.1f} px, focused {side} than the chart"
        yield shot.name, f_number, blur, [*mtf50_by_place(fit, number)]


def write_lens_page(
    path: Path,
    fit: FittedLens,
    measured: MeasuredLens,
    shots: Sequence[ChartShot],
) -> None:
    """Write a page with the point spread functions of a lens, and what is known of it."""
    properties, untold, blades = lens_properties(fit)
    rows: list[tuple[Cell, ...]] = []
    if blades is not None:
        rows.append(("blades of the aperture", blades, None, ""))
    rows += [(one.words, one.value, one.error, one.unit) for one in properties]
    columns = (
        "Property",
        Column("Value", decimals=2),
        Column("Standard error", decimals=2),
        "Unit",
    )
    note = f"Not told by these pictures: {', '.join(untold)}." if untold else ""
    page = Page(
        title=f"Measured lens ({path.stem})",
        notice="",
        summary=f"The fitted lens explains {_explained(fit.residual)}.",
        sections=(
            ("Photographs", (_picture_table(fit, shots),)),
            (
                "Point spread functions",
                (Paragraph(KERNEL_WORDS), *lens_parts(measured)),
            ),
            ("Properties", (Table.of("What the pictures tell", columns, rows, note),)),
        ),
    )
    write_html(page, path)


KERNEL_WORDS = (
    "How the lens shows a point nearer than the focus, or farther. The side is half way "
    "to the picture's corner, and what is called corner 0.89 of the way. Each colour is drawn "
    "against the brightest value."
)


def _picture_table(fit: FittedLens, shots: Sequence[ChartShot]) -> Table:
    columns: list[Column | str] = ["Picture", "F-number", "Focus"]
    for place, _ in PLACES:
        columns.append(Column(f"MTF50, {place}", "cycles/px", "higher"))
    rows: list[tuple[Cell, ...]] = []
    for name, f_number, blur, values in _pictures(fit, shots):
        rows.append((Path(name).name, f_number, blur, *values))
    return Table.of("Photographs of the chart", columns, rows, PICTURE_NOTE)


PICTURE_NOTE = (
    "Out of focus MTF50 is that of the fitted lens. In focus it is measured: the median of the "
    "chart's edges near each place, of green light."
)


def lens_parts(measured: MeasuredLens) -> list[Part]:
    """Pictures of point spread functions at each measured f-number, and what was measured."""
    noise = "not measured"
    if measured.recording is not None:
        noise = f"{measured.recording.shot:.2g} x + {measured.recording.read:.2g}"
    facts = (
        ("F-numbers", ", ".join(map(_f_number, measured.f_numbers))),
        ("Not explained by the lens", f"{measured.residual:.1%} of the contrast"),
        ("Variance of linear light x", noise),
    )
    kernels = map(partial(_kernels, measured.lens), measured.f_numbers)
    return [*kernels, Facts("Measured", facts)]


def _kernels(opened: RealLens, f_number: float) -> Gallery:
    lens = replace(opened, f_number=f_number)
    tiles = []
    for diameter, side in KERNELS:
        for place, field in PLACES:
            kernel = _kernel_picture(colour_psfs(lens, diameter, field))
            mtf50 = kernel_mtf50(lens, diameter, field)
            tiles.append(Tile(f"{side}, {place}", kernel, f"MTF50 {mtf50:.3f}"))
    blur = f"a circle of confusion of {KERNELS[1][0]:g} px"
    return Gallery(
        f"Point spread functions at {_f_number(f_number)} and {blur}",
        tuple(tiles),
    )


def _f_number(value: float) -> str:
    return f"f/{value:.2g}"


def _kernel_picture(kernels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """``(3, K, K)`` enlarged, each colour against the brightest value."""
    picture = kernels.transpose(1, 2, 0) / kernels.max()
    stored = np.asarray(
        as_integer(np.asarray(linear_to_srgb(picture), np.float32), 8),
        np.uint8,
    )
    return np.ascontiguousarray(
        stored.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    )
