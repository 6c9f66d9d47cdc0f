"""Geometry of a chart under strong blur, which moves the centres of dots, from the whole sheet.

It is drawn where it seems to be, blurred by discs, and compared with the picture."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import j1

from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.sheet.coverage import printed_light
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Sheet

Floats = NDArray[np.float64]
Light = NDArray[np.float32]
Mask = NDArray[np.bool_]

PX_PER_MM = 1.0
"""Resolution to which the picture is reduced, pixels per mm: such strong blur hides anything
finer."""
MIXING_BLUR_MM = 6.0
"""Blur from which a dot's light is mixed with its surroundings."""
MIXED_SHARE = 0.75
"""Largest share of the sheet that may be less blurred than that."""
ENOUGH_DOTS = 20
"""Least number of the 24 dots. Where a side of the frame is cut off, the dots say little about what
is there."""
SUBPIXELS = 2
CELLS = (6, 4)
LEAST_CELLS = 6
LEAST_CELL_PX = 400
FINEST_PX, STEP, MOST_BLUR_MM = 1.5, 1.3, 25.0
"""Diameters of the discs: the smallest one above a point in px, the ratio of neighbours, and the
largest in mm."""
SMALLER, LARGER = 3, 1
"""Number of smaller and of larger discs that are mixed with the likeliest one."""
MOVED = (1, 3)
"""Distances in the list of diameters from the likeliest disc to two smaller ones. Light that is
less blurred than the rest may also be displaced against it."""
ROOM_PER_BLUR, ROOM_PX = 0.75, 2.0
"""Least distance of a compared point to the end of the paper or of the picture: in diameters of the
blur, and in pixels."""
RIDGE = 1e-7
ROUNDS, ENOUGH_PX = 4, 0.02
"""Largest number of rounds, and movement of the corners, px, below which they end; each round is a
hundred times more exact."""


@dataclass(frozen=True)
class _Drawing:
    """The sheet as it is drawn for a comparison, in pixels of the reduced picture."""

    seen: Light  # ``(h, w)`` the picture
    discs: Light  # ``(K, h, w)`` the sheet blurred by each of the discs
    diameters: Floats  # ``(K,)`` px
    cells: NDArray[np.int_]  # ``(h, w)`` cell that a pixel shows, -1 outside the sheet
    room: Light  # ``(h, w)`` distance to the end of the sheet or of the picture
    places: (
        Floats  # ``(h, w, 2)`` without distortion, from the centre in half diagonals
    )
    px: float


@dataclass(frozen=True)
class _Equations:
    """Normal equations for a change of the geometry, and what is left over of the picture."""

    matrix: Floats
    vector: Floats
    left_over: float


def fit_whole_sheet(
    grey: Floats,
    sheet: Sheet,
    geometry: ChartGeometry,
) -> ChartGeometry:
    """Improve perspective and distortion under strong blur by all that is printed (Gauss-Newton).

    The given one stays if it has 20 dots and under a quarter of the sheet is blurred by 6 mm."""
    scale = geometry.scale(WIDTH / 2, HEIGHT / 2)
    factor = max(1, round(scale / PX_PER_MM))
    most_px = MIXING_BLUR_MM * scale
    best = geometry
    least = np.inf
    for _ in range(ROUNDS):
        drawing = _drawing(grey, sheet, geometry, factor)
        discs = _likeliest_discs(drawing)
        if len(discs) < LEAST_CELLS:
            return best
        if geometry.dots >= ENOUGH_DOTS:
            blur_px = factor * _blur_px(drawing, discs)
            if blur_px < most_px:
                return best
        equations = _equations(drawing, discs)
        if equations.left_over > least:
            return best
        best = geometry
        least = equations.left_over
        step = np.linalg.solve(equations.matrix, equations.vector)
        geometry = _changed(geometry, np.asarray(step, np.float64))
        if _moved_px(best, geometry) < ENOUGH_PX:
            break
    return geometry


def _moved_px(before: ChartGeometry, after: ChartGeometry) -> float:
    """How far a corner of the sheet moves at most along an axis, px."""
    moved = after.to_picture(CORNERS) - before.to_picture(CORNERS)
    return float(np.abs(moved).max())


def _blur_px(drawing: "_Drawing", discs: dict[int, int]) -> float:
    """Diameter of the disc that few cells exceed, px of the drawing."""
    diameters = drawing.diameters[[*discs.values()]]
    return float(np.quantile(diameters, MIXED_SHARE))


def _likeliest_discs(drawing: _Drawing) -> dict[int, int]:
    """The disc that fits each cell best, of those cells that show it."""
    discs = {}
    for cell in range(CELLS[0] * CELLS[1]):
        disc = _likeliest_disc(drawing, cell)
        if disc is not None:
            discs[cell] = disc
    return discs


CORNERS = np.array([(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)])


def _changed(geometry: ChartGeometry, step: Floats) -> ChartGeometry:
    """The geometry after a small change, see :func:`_movements`."""
    right, xx, xy, down, yx, yy, wx, wy, radial = step
    change = np.array(
        [
            [1.0 + xx, xy, right],
            [yx, 1.0 + yy, down],
            [-wx, -wy, 1.0],
        ]
    )
    (x, y), half = geometry.middle()
    to_px = np.array(
        [
            [half, 0.0, x],
            [0.0, half, y],
            [0.0, 0.0, 1.0],
        ]
    )
    from_px = np.linalg.inv(to_px)
    moved = to_px @ change @ from_px @ geometry.homography
    return replace(geometry, homography=moved, radial=geometry.radial + float(radial))


def _movements(places: Floats) -> tuple[Floats, Floats]:
    """Movement of points by shift, linear change, perspective and distortion, half diagonals."""
    # dx = t + xx x + xy y + x (wx x + wy y) + k x r², and dy likewise
    x, y = places.T
    one = np.ones_like(x)
    zero = np.zeros_like(x)
    xx = x * x
    xy = x * y
    yy = y * y
    square = xx + yy
    right = np.stack([one, x, y, zero, zero, zero, xx, xy, x * square], axis=1)
    down = np.stack([zero, zero, zero, one, x, y, xy, yy, y * square], axis=1)
    return right, down


def _drawing(
    grey: Floats,
    sheet: Sheet,
    geometry: ChartGeometry,
    factor: int,
) -> _Drawing:
    """Draw and blur the sheet as the geometry has it."""
    seen = _reduced(grey, factor)
    scale = geometry.scale(WIDTH / 2, HEIGHT / 2) / factor
    ratio = max(MOST_BLUR_MM * scale / FINEST_PX, 1.0)
    count = int(np.log(ratio) / np.log(STEP)) + 1
    diameters = np.append(0.0, FINEST_PX * STEP ** np.arange(count))
    sharp = _sharp(sheet, geometry, seen.shape, factor, scale)
    places = _pixels(seen.shape, factor, 1)
    on_sheet = geometry.to_sheet(places.reshape(-1, 2)).reshape(places.shape)
    cells, room = _cells_and_room(on_sheet)
    centre, half = geometry.middle()
    return _Drawing(
        seen,
        _blurred(sharp, diameters),
        diameters,
        cells,
        room,
        (places - centre) / half,
        half / factor,
    )


def _cells_and_room(on_sheet: Floats) -> tuple[NDArray[np.int_], Light]:
    """The cell of each pixel, -1 beyond the sheet, and its distance to the sheet's end, px."""
    size = (WIDTH, HEIGHT)
    within = ((on_sheet > 0) & (on_sheet < size)).all(axis=-1)
    column, row = np.moveaxis((on_sheet / size * CELLS).astype(int), -1, 0)
    cells = np.where(within, row * CELLS[0] + column, -1)
    framed = np.pad(within, 1).astype(np.uint8)
    room = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return cells, np.asarray(room[1:-1, 1:-1], np.float32)


def _reduced(grey: Floats, factor: int) -> NDArray[np.float32]:
    """The picture, reduced by a whole factor."""
    height, width = (side // factor for side in grey.shape)
    whole = grey[: height * factor, : width * factor]
    reduced = cv2.resize(
        whole.astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_AREA,
    )
    return np.asarray(reduced, np.float32)


def _pixels(shape: tuple[int, ...], factor: int, fineness: int) -> Floats:
    """``(h, w, 2)`` places of pixels of the reduced picture, or finer ones, in the whole one."""

    def places(side: int) -> Floats:
        fine = (np.arange(side * fineness) + 0.5) / fineness
        return fine * factor - 0.5

    height, width = shape
    grid = np.meshgrid(places(width), places(height))
    return np.stack(grid, axis=-1)


def _sharp(
    sheet: Sheet,
    geometry: ChartGeometry,
    shape: tuple[int, ...],
    factor: int,
    scale: float,
) -> Light:
    """The sheet in focus, with paper all around."""
    px_per_mm = float(np.ceil(SUBPIXELS * scale))
    fine = _pixels(shape, factor, SUBPIXELS)
    on_sheet = geometry.to_sheet(fine.reshape(-1, 2)).reshape(fine.shape)
    places = on_sheet * px_per_mm - 0.5
    x, y = np.moveaxis(places.astype(np.float32), -1, 0)
    printed = printed_light(sheet.layout, px_per_mm)
    drawn = cv2.remap(printed, x, y, cv2.INTER_LINEAR, borderValue=1.0)
    sharp = cv2.resize(drawn, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(sharp, np.float32)


def _blurred(sharp: Light, diameters: Floats) -> Light:
    """``(K, h, w)``: a picture blurred by each disc, whose transfer is 2 J1(x) / x, x = π f D."""
    reach = int(np.ceil(diameters.max() / 2)) + 1
    size = [scipy.fft.next_fast_len(side + reach, real=True) for side in sharp.shape]
    # paper is 0, so that nothing ends at the border
    spectrum = scipy.fft.rfft2(sharp - 1.0, size)
    rows = np.fft.fftfreq(size[0])[:, None]
    columns = np.fft.rfftfreq(size[1])[None, :]
    frequency = np.hypot(rows, columns)
    x = np.pi * frequency * diameters[:, None, None] + 1e-6
    transfer = np.asarray(2.0 * j1(x) / x, np.float32)
    light = scipy.fft.irfft2(spectrum * transfer, size)
    height, width = sharp.shape
    return np.asarray(light[:, :height, :width] + 1.0, np.float32)


def _equations(drawing: _Drawing, discs: dict[int, int]) -> _Equations:
    """Sum of the equations of cells, each by the light that is left over in it."""
    matrix = np.zeros((9, 9))
    vector = np.zeros(9)
    left_over = 0.0
    pixels = 0
    for cell, disc in discs.items():
        slopes, rest = _cell(drawing, cell, disc)
        variance = float(rest @ rest) / len(rest)
        matrix += slopes.T @ slopes / variance
        vector += slopes.T @ rest / variance
        left_over += len(rest) * np.log(variance)
        pixels += len(rest)
    return _Equations(matrix, vector, left_over / pixels)


def _compared(drawing: _Drawing, number: int, diameter: float) -> Mask:
    """Pixels of a cell that blur does not mix with what lies beyond the paper or the picture."""
    free = drawing.room > ROOM_PER_BLUR * diameter + ROOM_PX
    return np.asarray(free & (drawing.cells == number))


def _likeliest_disc(drawing: _Drawing, number: int) -> int | None:
    """Number of the disc that explains a cell best; None where too little can be compared."""
    best = None
    least = np.inf
    for disc, diameter in enumerate(drawing.diameters):
        mask = _compared(drawing, number, float(diameter))
        if mask.sum() < LEAST_CELL_PX:
            break
        likeness = np.corrcoef(drawing.discs[disc][mask], drawing.seen[mask])
        correlation = likeness[0, 1]
        if 1.0 - correlation < least:
            best = disc
            least = 1.0 - correlation
    return best


def _free_terms(
    discs: Floats,
    mask: Mask,
    disc: int,
    mixed: list[int],
    places: Floats,
) -> Floats:
    """``(N, terms)``: what blur and light may change of a cell's pixels.

    Several discs mix, the light is a plane, and smaller discs move against the likeliest one."""
    x, y = places.T
    main = discs[disc][mask]
    terms = [discs[one][mask] for one in mixed]
    terms += [np.ones_like(main), main * x, main * y]
    down, right = np.gradient(discs[disc])
    moved = {max(disc - one, 0) for one in MOVED} - {disc}
    for smaller in sorted(moved):
        smaller_down, smaller_right = np.gradient(discs[smaller])
        terms.append((down - smaller_down)[mask])
        terms.append((right - smaller_right)[mask])
    return np.stack(terms, axis=1)


def _cell(drawing: _Drawing, number: int, disc: int) -> tuple[Floats, Floats]:
    """Change of a cell's light by the geometry, and what is left, without blur and light."""
    whole = _compared(drawing, number, float(drawing.diameters[disc]))
    box = _box(whole)
    mask = whole[box]
    seen = drawing.seen[whole].astype(np.float64)
    discs = drawing.discs[:, *box].astype(np.float64)
    mixed = _mixed_discs(disc, len(discs))
    design = _free_terms(discs, mask, disc, mixed, drawing.places[whole])
    normal = _ridged(design.T @ design)
    shares = np.linalg.solve(normal, design.T @ seen)
    explained = np.tensordot(shares[: len(mixed)], discs[mixed], axes=1)
    slopes = _changes(drawing, explained, mask, whole, design, normal)
    left_over = seen - design @ shares
    return slopes, left_over


def _mixed_discs(disc: int, count: int) -> list[int]:
    """The discs near one, and none."""
    first = max(disc - SMALLER, 0)
    last = min(disc + LARGER, count - 1)
    return sorted({0, *range(first, last + 1)})


def _ridged(normal: Floats) -> Floats:
    """Normal equations that prefer small parameters a little."""
    count = len(normal)
    mean = np.trace(normal)
    ridge = RIDGE * mean / count * np.eye(count)
    return np.asarray(normal + ridge)


def _box(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns that a mask covers."""
    rows, columns = np.nonzero(mask)
    height = slice(rows.min(), rows.max() + 1)
    width = slice(columns.min(), columns.max() + 1)
    return height, width


def _changes(
    drawing: _Drawing,
    explained: NDArray[Any],
    mask: Mask,
    whole: Mask,
    design: Floats,
    normal: Floats,
) -> Floats:
    """Change of the light by the geometry, without what blur and light explain."""
    down_slope, right_slope = np.gradient(explained)
    by_row = down_slope[mask] * drawing.px
    by_column = right_slope[mask] * drawing.px
    right, down = _movements(drawing.places[whole])
    by_right = by_column[:, None] * right
    by_down = by_row[:, None] * down
    slopes = -(by_right + by_down)
    shares = np.linalg.solve(normal, design.T @ slopes)
    slopes -= design @ shares
    return np.asarray(slopes)
