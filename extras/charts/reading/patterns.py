"""Measure stars and dead leaves of a chart that was found."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import MtfCurve
from defocus.edges.linear_light import grey_of, is_clipped
from defocus.errors import ImageError
from defocus.extras.charts.measures.star import SQUARE_WAVE, star_mtf
from defocus.extras.charts.measures.texture import (
    LEAST_PX,
    TextureResponse,
    compare_texture,
)
from defocus.extras.charts.reading.edges import ReadEdge
from defocus.extras.charts.reading.geometry import ChartGeometry, leaves_picture
from defocus.extras.charts.reading.levels import OVEREXPOSED, paper_is_clipped
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import Sheet
from defocus.extras.charts.sheet.parts import (
    SQUARE_CORNERS,
    LeavesSquare,
    StarPattern,
    part_shapes,
)
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.scene.shapes import draw_shapes

Floats = NDArray[np.float64]
Light = Floats | StoredLight

FINENESS, MOST_PX_PER_MM = 4, 32
"""Subpixels for each pixel, and the resolution, px per mm, at which the smallest leaf is eight
pixels wide."""
RIM_MM, BORDER_MM = 2.0, 0.5
"""Width of the paper around a star that is seen with it, and of the border of leaves that is left
out, mm."""
_TURN = np.linspace(0, 2 * np.pi, 65)
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
SHRINK = np.linspace(1.0, 0.4, 61)
"""Factors on the box around a square. Half of the box fits into a square that is turned by 45
degrees."""
CLEARLY = 0.02
FIRST_PER_MTF50 = 2.8
"""Largest frequency of a first reversal over the MTF50 of the edges near it. A disc has its first
zero at 1.73 times and its third at 4.6 times; a ring half as wide as it is open at 1.65 and 5.5
times."""
MAIN_LOBE = 0.13
"""Least contrast before the first zero, where no edge is near. Before the third zero a disc has
0.06 at most, and a ring half as wide as it is open 0.11."""
BESIDE_EDGES = 8
"""Number of edges nearest to a star that show how blurred it is."""
NO_CONTRAST = "blur leaves the star no contrast; focus better or come nearer"
OUTSIDE_STAR = (
    "the first reversal lies below {low:.3f} cycles/px, where the star ends; focus better or come "
    "nearer"
)
NOT_THE_FIRST = (
    "a reversal at {at:.3f} cycles/px is not the first: the blur is too strong for the star; focus "
    "better or come nearer"
)


@dataclass(frozen=True)
class ReadStar:
    """A star of the chart."""

    x: float
    y: float
    mtf50: float | None  # where contrast falls to 0.5, cycles per px; None if nowhere
    # up to which its phase is right; None if everywhere, or unknown
    turns_at: float | None
    reason: str = ""  # why it was not measured; empty if it was
    turn_reason: str = (
        ""  # why it is unknown where the phase turns first; empty if it is known
    )


@dataclass(frozen=True)
class ReadLeaves:
    """A square of dead leaves of the chart."""

    x: float
    y: float
    texture: TextureResponse | None  # what was measured; None where that is impossible
    reason: str = ""


def _within(
    outline: Floats,
    shape: tuple[int, ...],
    share: float = 1.0,
) -> tuple[slice, slice]:
    """Rows and columns of the box around an outline in px, reduced about its middle."""
    low = outline.min(axis=0)
    high = outline.max(axis=0)
    middle = (low + high) / 2
    half = share * (high - low) / 2
    left, top = np.ceil(middle - half).astype(int)
    right, bottom = np.floor(middle + half).astype(int)
    if leaves_picture((left, top, right + 1, bottom + 1), shape):
        raise ImageError("outside the picture")
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _places(geometry: ChartGeometry, rows: slice, columns: slice) -> Floats:
    """``(rows, columns, 2)`` places on the sheet of pixels, mm."""
    x = np.arange(columns.start, columns.stop)
    y = np.arange(rows.start, rows.stop)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    sheet = geometry.to_sheet(grid.reshape(-1, 2).astype(np.float64))
    return sheet.reshape(grid.shape)


def _inside(
    geometry: ChartGeometry,
    square: LeavesSquare,
    shape: tuple[int, ...],
) -> tuple[slice, slice]:
    """The largest box of pixels that shows nothing but a square, which may be turned."""
    reach = square.side / 2 - BORDER_MM
    middle = np.array([square.x, square.y])
    outline = geometry.to_picture(middle + reach * SQUARE_CORNERS)
    for share in SHRINK:
        rows, columns = _within(outline, shape, share)
        xs, ys = (columns.start, columns.stop), (rows.start, rows.stop)
        ends = list(product(xs, ys))
        off = geometry.to_sheet(np.array(ends, np.float64)) - middle
        if np.abs(off).max() <= reach:
            break
    return rows, columns


def read_stars(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
    black: float,
    edges: Sequence[ReadEdge],
) -> Iterator[ReadStar]:
    """Measure the stars, or say why not; edges separate a phase's first turn from later ones."""
    for star in sheet.parts:
        if not isinstance(star, StarPattern):
            continue
        try:
            curve = _star_response(light, star, geometry, black)
        except ImageError as error:
            yield ReadStar(
                star.x,
                star.y,
                None,
                None,
                str(error),
            )
            continue
        rim = 2 * np.pi * star.radius * geometry.scale(star.x, star.y)
        inside = curve.frequencies >= star.cycles / rim
        values = curve.values[inside]
        frequencies = curve.frequencies[inside]
        below = np.flatnonzero(values < 0.5)
        mtf50 = float(frequencies[below[0]]) if len(below) and below[0] else None
        turns_at, why = _first_turn(values, frequencies, _mtf50_beside(star, edges))
        yield ReadStar(
            star.x,
            star.y,
            mtf50,
            turns_at,
            turn_reason=why,
        )


def _star_response(
    light: Light,
    star: StarPattern,
    geometry: ChartGeometry,
    black: float,
) -> MtfCurve:
    """The transfer function that a star shows; ImageError if it is cut off or overexposed."""
    reach = star.radius + RIM_MM
    centre = np.array([star.x, star.y])
    circle = geometry.to_picture(centre + reach * CIRCLE)
    rows, columns = _within(circle, light.shape)
    off = _places(geometry, rows, columns) - centre
    radius = np.hypot(off[..., 0], off[..., 1])
    near = radius <= reach
    seen = light[rows, columns][near]
    if is_clipped(seen):
        raise ImageError(OVEREXPOSED)
    part = grey_of(seen)
    outer = part[radius[near] > 0.5 * star.radius]
    x, y = geometry.scale(*centre) * off[near].T
    return star_mtf(part, x, y, star.cycles, _contrast(outer, black))


def _contrast(outer: Floats, black: float) -> float:
    """Contrast of a star in focus, from the light of its outer half and of ink."""
    white = float(np.percentile(outer, 98))
    return SQUARE_WAVE * (white - black) / (white + black)


def _mtf50_beside(star: StarPattern, edges: Sequence[ReadEdge]) -> float | None:
    """Median MTF50 of the edges nearest to a star; None without any."""

    def distance(edge: ReadEdge) -> float:
        return math.hypot(edge.x - star.x, edge.y - star.y)

    measured = [edge for edge in edges if edge.response is not None]
    mtf50s = []
    for edge in sorted(measured, key=distance)[:BESIDE_EDGES]:
        mtf50 = edge.response.mtf50 if edge.response else None
        if mtf50 is not None:
            mtf50s.append(mtf50)
    return float(np.median(mtf50s)) if mtf50s else None


def _first_turn(
    values: Floats,
    frequencies: Floats,
    mtf50: float | None,
) -> tuple[float | None, str]:
    """The frequency at which the phase first turns, or why it is unknown; ``None, ""`` is nowhere.

    A star ends at a lowest frequency; its first zero may be below, so the third would seem
    first."""
    if np.abs(values).max() < CLEARLY:
        return None, NO_CONTRAST
    at = _turn(values, frequencies)
    if at is None and values[0] > CLEARLY:
        return None, ""
    if at is None or at <= frequencies[0]:
        return None, OUTSIDE_STAR.format(low=frequencies[0])
    if mtf50 is None:
        is_first = values[frequencies <= at].max() >= MAIN_LOBE
    else:
        is_first = at <= FIRST_PER_MTF50 * mtf50
    return (at, "") if is_first else (None, NOT_THE_FIRST.format(at=at))


def _turn(values: Floats, frequencies: Floats) -> float | None:
    """The last frequency whose phase is right before a clear wrong one; else lowest, or None."""
    turned = np.flatnonzero(values < -CLEARLY)
    if len(turned) == 0:
        return None
    right = np.flatnonzero(values[: turned[0]] > 0)
    return float(frequencies[right[-1]]) if len(right) else float(frequencies[0])


def read_leaves(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
    white: float,
    black: float,
    *,
    restored: bool = False,
) -> Iterator[ReadLeaves]:
    """Compare the dead leaves in the picture with those that were printed, or say why not.

    Where a ``restored`` picture is white says nothing about the exposure."""
    clipped = not restored and paper_is_clipped(light, sheet, geometry)
    for square in sheet.parts:
        if not isinstance(square, LeavesSquare):
            continue
        try:
            rows, columns = _inside(geometry, square, light.shape)
            least = min(rows.stop - rows.start, columns.stop - columns.start)
            if least < LEAST_PX:
                raise ImageError(
                    f"{least} px wide, and {LEAST_PX} are needed; come nearer"
                )
            seen = light[rows, columns]
            if clipped or (not restored and is_clipped(seen)):
                raise ImageError(OVEREXPOSED)
            sharp = black + (white - black) * _printed(square, geometry, rows, columns)
            yield ReadLeaves(square.x, square.y, compare_texture(grey_of(seen), sharp))
        except ImageError as error:
            yield ReadLeaves(square.x, square.y, None, str(error))


def _printed(
    square: LeavesSquare,
    geometry: ChartGeometry,
    rows: slice,
    columns: slice,
) -> Floats:
    """Light of the printed leaves as the picture's pixels would see it in focus, paper 1, ink 0."""
    scale = geometry.scale(square.x, square.y) * FINENESS
    px_per_mm = float(min(np.ceil(scale), MOST_PX_PER_MM))
    origin = square.x - square.side / 2, square.y - square.side / 2
    printed = _drawn(square, origin, px_per_mm)
    height = rows.stop - rows.start
    width = columns.stop - columns.start
    places = _fine_places(geometry, rows, columns) - origin
    on_canvas = (places * px_per_mm - 0.5).astype(np.float32)
    seen = cv2.remap(printed, on_canvas[..., 0], on_canvas[..., 1], cv2.INTER_LINEAR)
    reduced = cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float64)


def _drawn(
    square: LeavesSquare,
    origin: tuple[float, float],
    px_per_mm: float,
) -> NDArray[Any]:
    """Light of the printed leaves on a canvas of their own."""
    size = round(square.side * px_per_mm)
    drawn = draw_shapes(part_shapes(square), origin, (size, size), px_per_mm)[:, :, 0]
    return cv2.LUT(drawn, srgb_to_linear(as_float(np.arange(256, dtype=np.uint8))))


def _fine_places(geometry: ChartGeometry, rows: slice, columns: slice) -> Floats:
    """Places on the sheet of finer pixels; within a pixel, perspective is straight."""
    x = np.arange(columns.start - 1, columns.stop + 1)
    y = np.arange(rows.start - 1, rows.stop + 1)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    on_sheet = geometry.to_sheet(grid.reshape(-1, 2).astype(np.float64))
    coarse = on_sheet.reshape(grid.shape)
    fine = cv2.resize(
        coarse,
        None,
        fx=FINENESS,
        fy=FINENESS,
        interpolation=cv2.INTER_LINEAR,
    )
    inner = slice(FINENESS, -FINENESS)
    return np.asarray(fine[inner, inner], np.float64)
