"""Geometry of blurred charts against the true one: the centre of the kernel's light."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.extras.charts.reading.blobs import dark_blobs
from defocus.extras.charts.reading.frame import find_frame
from defocus.extras.charts.reading.geometry import ChartGeometry, fit_geometry
from defocus.extras.charts.reading.whole_sheet import fit_whole_sheet
from defocus.extras.charts.sheet.coverage import covered, printed_light
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH
from defocus.extras.charts.sheet.raster import INK_LIGHT, PAPER_LIGHT
from defocus.scene.aperture import disc_psf
from defocus.scene.geometry import moved_points

Floats = NDArray[np.float64]

SHOTS = {
    900: (6, 12, 18, 24, 30),
    1680: (12, 24, 36, 48),
    6000: (24, 48),
}
"""Circles of confusion for each width of the picture, px."""
KERNELS = ("disc", "hexagon", "gaussian", "one-sided")
NOISE = 0.01
WALL = 0.25
OUTLINE = np.array([(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)])
SEEN = np.array([(0.06, 0.07), (0.93, 0.04), (0.95, 0.64), (0.05, 0.60)])
"""Corners of the sheet in the picture, in its widths."""
POINTS = np.stack(np.meshgrid(np.linspace(10, 410, 21), np.linspace(10, 287, 15)), -1)
FINENESS = 2
SUPERSAMPLING = 8


@dataclass(frozen=True)
class SheetPlaceError:
    """Errors of the places of points all over the sheet, px RMS."""

    dots: float  # by the dots alone, px RMS
    whole: float  # as charts are read, px RMS
    largest: float  # as charts are read, the largest, px


def sharp_chart(width: int) -> tuple[Floats, Floats]:
    """A chart in perspective before a wall, linear light, and its homography from mm to px."""
    size = width, round(width * 0.667)
    corners = np.asarray(SEEN * width, np.float32)
    outline = np.asarray(OUTLINE, np.float32)
    transform = cv2.getPerspectiveTransform(outline, corners)
    homography = np.asarray(transform, np.float64)
    fine = _fine_picture(width, size, homography)
    printed = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    light = printed * (PAPER_LIGHT - INK_LIGHT) + INK_LIGHT
    seen = moved_points(homography, OUTLINE)
    sheet = covered([seen + 0.5], size[::-1])
    picture = WALL + sheet * (light - WALL)
    return np.asarray(picture, np.float64), homography


def _fine_picture(
    width: int,
    size: tuple[int, int],
    homography: Floats,
) -> NDArray[Any]:
    """The chart on a wall as white as its paper, at several times the resolution."""
    px_per_mm = float(math.ceil(FINENESS * width / WIDTH))
    step = 1.0 / px_per_mm
    off = (FINENESS - 1) / 2
    to_mm = np.array([[step, 0.0, step / 2], [0.0, step, step / 2], [0.0, 0.0, 1.0]])
    finer = np.array([[FINENESS, 0.0, off], [0.0, FINENESS, off], [0.0, 0.0, 1.0]])
    fine = size[0] * FINENESS, size[1] * FINENESS
    return cv2.warpPerspective(
        printed_light("wall", px_per_mm),
        finer @ homography @ to_mm,
        fine,
        borderValue=1.0,
    )


def _kernel(kind: str, diameter_px: float) -> Floats:
    """A kernel of one of :data:`KERNELS`; ``(K, K)``, sum 1."""
    if kind == "disc":
        return disc_psf(diameter_px)
    half = math.ceil(diameter_px) + 1
    side = 2 * half + 1
    steps = (np.arange(side * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - side / 2
    x, y = np.meshgrid(steps, steps)
    disc = np.hypot(x, y) <= diameter_px / 2
    fine = _opening(kind, diameter_px, x, y, disc)
    by_pixel = fine.reshape(side, SUPERSAMPLING, side, SUPERSAMPLING)
    kernel = by_pixel.mean(axis=(1, 3))
    return np.asarray(kernel / kernel.sum())


def _opening(
    kind: str,
    diameter_px: float,
    x: Floats,
    y: Floats,
    disc: NDArray[np.bool_],
) -> Floats:
    """Mask of the places where a kernel lets light through, on a fine grid."""
    match kind:
        case "hexagon":
            normals = 0.2 + np.pi / 3 * np.arange(6)
            inner = diameter_px / 2 * math.cos(math.pi / 6)
            sides = [x * np.cos(a) + y * np.sin(a) <= inner for a in normals]
            fine = np.all(sides, axis=0)
        case "gaussian":
            fine = np.exp(-8.0 * (x * x + y * y) / diameter_px**2)
        case _:
            fine = disc * (1.0 + 0.8 * x / (diameter_px / 2))
    return np.asarray(fine)


def place_errors(
    sharp: Floats,
    homography: Floats,
    kind: str,
    diameter_px: float,
    seed: int = 0,
) -> SheetPlaceError:
    """Blur a chart, read its geometry and compare; the Gaussian's sigma is a quarter."""
    kernel = _kernel(kind, diameter_px)
    seen = _photographed(sharp, kernel, seed)
    frame = find_frame(seen, dark_blobs(seen))
    if frame is None:
        raise ImageError("the simulated chart is not found")
    dots = fit_geometry(seen, frame.sheet.dots, frame.homography)
    steps = np.arange(len(kernel)) - len(kernel) // 2
    centre = np.array([kernel.sum(axis=0) @ steps, kernel.sum(axis=1) @ steps])
    true = moved_points(homography, POINTS.reshape(-1, 2)) + centre
    by_dots = _off(dots, true)
    by_all = _off(fit_whole_sheet(seen, frame.sheet, dots), true)
    return SheetPlaceError(
        math.sqrt(np.mean(by_dots**2)),
        math.sqrt(np.mean(by_all**2)),
        float(by_all.max()),
    )


def _photographed(sharp: Floats, kernel: Floats, seed: int) -> Floats:
    """The chart behind a blur, with the noise of a camera."""
    turned = np.ascontiguousarray(kernel[::-1, ::-1])  # OpenCV correlates
    blurred = cv2.filter2D(sharp, -1, turned, borderType=cv2.BORDER_REPLICATE)
    random = np.random.default_rng(seed)
    noise = NOISE * random.standard_normal(blurred.shape)
    return np.asarray(blurred + noise, np.float64)


def _off(geometry: ChartGeometry, true: Floats) -> Floats:
    """Distances of points from their true places."""
    places = geometry.to_picture(POINTS.reshape(-1, 2))
    right, down = (places - true).T
    return np.asarray(np.hypot(right, down))


def place_table() -> str:
    """The errors as a Markdown table, a row per width and circle of confusion."""
    lines = [
        f"| width, px | circle of confusion, px | {' | '.join(KERNELS)} | disc, dots alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for width in SHOTS:
        lines += _rows(width)
    return "\n".join(lines)


def _rows(width: int) -> Iterator[str]:
    sharp, homography = sharp_chart(width)
    for diameter in SHOTS[width]:
        errors = {}
        cells = []
        for kind in KERNELS:
            error = place_errors(sharp, homography, kind, diameter)
            cells.append(f"{error.whole:.3f} / {error.largest:.3f}")
            errors[kind] = error
        yield f"| {width} | {diameter} | {' | '.join(cells)} | {errors['disc'].dots:.3f} |"
