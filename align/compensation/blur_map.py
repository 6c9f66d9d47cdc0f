"""The blur map of a pair: how much more the blurry member is blurred at each place, as files."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from defocus.align.arrays import Bytes, Mask, Singles, Size
from defocus.align.flow.dense import LARGEST_SIDE
from defocus.align.measure import Measurement
from defocus.align.photometry.unexplained import unexplained_picture
from defocus.align.photometry.wide_blur import ALL_DIAMETERS_PX, AT_END, largest_blur_px
from defocus.align.sampling.pyramid import factor_for
from defocus.align.sampling.resample import Rectangle, ReleaseGrid, whole
from defocus.pictures import picture_name
from defocus.pictures.write import write_float_tiff, write_image

BLUR_NAMES = (
    "blur_map.tif",
    "blur_sigma.tif",
    picture_name("blur_map"),
    picture_name("unexplained"),
)
WINDOW_PX = 16
"""Side of the window, in pixels of the reduced map, over which the scatter of the estimate is
taken."""
GREY = 128
STRIP_ROWS = 256
LEVEL = 3
"""Compression level of the TIFF files. Level 3 takes half the time of the usual 6."""
TILE = (64, 512)
"""Height and width of the tiles of the TIFF files, px."""
SHOWN_PX = 2048
"""Longest side of the picture of a map. Larger maps are thinned out; they were enlarged before, so
nothing is lost."""
LEAST_WIDTH_PX = 160
BAR_PX = 16
"""Height of the scale's bar, px."""
GAP_PX = 6
"""Space around the scale's bar, px."""
FONT_PX = 24
"""Least height of the scale's words, px."""


@dataclass(frozen=True)
class ReducedBlur:
    """The blur that a measurement found: all that a blur map is made of."""

    coc_px: Singles  # ``(h, w)`` float32, relative blur on the reduced grid and in its pixels
    known: Mask  # ``(h, w)``
    factor: int
    shape: Size
    unexplained: Singles | None = None  # ``(h', w')`` stops, on its own grid


@dataclass(frozen=True)
class PairBlurMap:
    """Diameter, px, of the circle of confusion by which the blurry member is more blurred."""

    diameter_px: (
        Singles  # ``(H, W)``; negative where the sharp one is; NaN if not shown
    )
    sigma_px: Singles  # ``(H, W)``, standard error; too large where the blur changes
    unexplained: Singles | None = None  # ``(h', w')`` stops, on a coarser grid
    largest_px: float = math.inf  # where the range of diameters ends


def blur_map(
    measurement: Measurement,
    grid: ReleaseGrid | None = None,
    step: int = 1,
) -> PairBlurMap | None:
    """The blur map of a measurement, at every ``step``-th pixel; None if it is unknown."""
    reduced_blur = reduced_blur_of(measurement)
    if reduced_blur is None:
        return None
    return blur_map_of(reduced_blur, grid, step)


def reduced_blur_of(measurement: Measurement) -> ReducedBlur | None:
    """The blur that a measurement found; None if it is unknown."""
    field = measurement.field
    if field is None:
        return None
    flow = field.flow
    return ReducedBlur(
        flow.coc_px,
        flow.blur_known,
        field.factor,
        measurement.shape,
        field.unexplained,
    )


def blur_map_of(
    small: ReducedBlur,
    grid: ReleaseGrid | None = None,
    step: int = 1,
) -> PairBlurMap:
    """The blur map at full size; ``grid`` and ``step`` as for :func:`blur_map`."""
    coc = small.coc_px
    sigma = _coc_sigma_px(coc)
    coc_map = np.where(small.known, small.factor * coc, np.nan)
    sigma_map = np.where(small.known, small.factor * sigma, np.nan)
    area = whole(small.shape) if grid is None else grid.crop
    full = []
    for one in (coc_map, sigma_map):
        part = _enlarged_part(one.astype(np.float32), small.factor, area, step)
        if grid is not None:
            part = _on_grid(part, grid)
        full.append(part)
    diameter, error = full
    scale = 1.0 if grid is None else grid.scale
    return PairBlurMap(
        diameter,
        error,
        _part_of(small, area),
        scale * largest_measured_px(small.shape),
    )


def _coc_sigma_px(coc: Singles) -> Singles:
    """Standard error of the circle of confusion, px: its scatter and the step between trials.

    A step s between trials errs by s / sqrt(12), as a rounding does."""
    size = (WINDOW_PX, WINDOW_PX)
    mean = cv2.blur(coc, size)
    mean_square = cv2.blur(coc * coc, size)
    scatter = np.maximum(mean_square - mean * mean, 0.0)
    tried = np.array(ALL_DIAMETERS_PX)
    steps = np.diff(tried)
    between = (tried[1:] + tried[:-1]) / 2
    spacing = np.interp(np.abs(coc), between, steps)
    variance = scatter + spacing**2 / 12
    return np.sqrt(variance)


def largest_measured_px(shape: Size) -> float:
    """The largest diameter that is measured in a pair of this size; a larger blur reads as this."""
    factor = factor_for(shape, LARGEST_SIDE)
    height, width = (max(side // factor, 1) for side in shape)
    return factor * largest_blur_px((height, width))


def at_least(diameter_px: float, largest_px: float) -> str:
    """Words for a diameter at the end of the measured range; empty below it."""
    if diameter_px >= AT_END * largest_px:
        return f"at least {diameter_px:.0f} px"
    return ""


def _part_of(small: ReducedBlur, area: Rectangle) -> Singles | None:
    """The part of the map of unexplained light that covers an area of the picture."""
    stops = small.unexplained
    if stops is None:
        return None
    height, width = small.shape
    map_rows, map_columns = stops.shape
    rows = _covering(area.top, area.height, map_rows, height)
    columns = _covering(area.left, area.width, map_columns, width)
    return np.ascontiguousarray(stops[rows, columns])


def _covering(
    start: int,
    length: int,
    count: int,
    side: int,
) -> slice:
    """The places of a coarser map, ``count`` along a side, that cover a part of that side."""
    first = min(round(start * count / side), count - 1)
    last = max(round((start + length) * count / side), first + 1)
    return slice(first, last)


def _enlarged_part(
    values: Singles,
    factor: int,
    area: Rectangle,
    step: int,
) -> Singles:
    """A part of an enlarged map, without making the whole, which takes much memory."""
    height, width = values.shape
    down = np.arange(area.top + step // 2, area.top + area.height, step)
    across = np.arange(area.left + step // 2, area.left + area.width, step)
    rows = np.minimum(down // factor, height - 1)
    columns = np.minimum(across // factor, width - 1)
    strips = values.take(columns, axis=1)
    return np.asarray(strips.take(rows, axis=0))


def _on_grid(part: Singles, grid: ReleaseGrid) -> Singles:
    """A map in pixels of a release, whose own pixels are larger if it is reduced."""
    if grid.scale == 1.0:
        return part
    size = grid.shape[::-1]
    smaller = cv2.resize(part, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(grid.scale * smaller, np.float32)


def blur_picture(blur: PairBlurMap) -> Bytes:
    """``(H, W, 3)`` RGB, bright at the largest blur, grey where nothing is known."""
    return _coloured(blur.diameter_px, blur_scale_px(blur))


def blur_scale_px(blur: PairBlurMap) -> float:
    """Blur that is shown brightest, px: 99 % of the known places have at most that, or 1 px."""
    seen = blur.diameter_px[np.isfinite(blur.diameter_px)]
    if not seen.size:
        return 1.0
    np.abs(seen, out=seen)
    most = float(np.quantile(seen, 0.99, overwrite_input=True))
    return max(most, 1.0)


def scale_words(blur: PairBlurMap) -> str:
    """The blur that is shown brightest, in words."""
    brightest_px = blur_scale_px(blur)
    return at_least(brightest_px, blur.largest_px) or f"{brightest_px:.1f} px or more"


def _coloured(diameter_px: Singles, largest: float) -> Bytes:
    finite = np.isfinite(diameter_px)
    picture = np.empty((*finite.shape, 3), np.uint8)
    # the map of a large picture takes much memory
    for top in range(0, len(picture), STRIP_ROWS):
        strip = slice(top, top + STRIP_ROWS)
        known_px = np.where(finite[strip], diameter_px[strip], np.float32(0.0))
        size = np.abs(known_px)
        size /= largest
        levels = 255 * np.minimum(size, 1.0)
        coloured = cv2.applyColorMap(levels.astype(np.uint8), cv2.COLORMAP_VIRIDIS)
        blue_first = np.asarray(coloured, np.uint8)
        picture[strip] = blue_first[:, :, ::-1]
    picture[~finite] = GREY
    return picture


def with_scale(blur: PairBlurMap) -> Bytes:
    """:func:`blur_picture` with a bar below it that gives the blur in px."""
    picture = blur_picture(blur)
    largest = blur_scale_px(blur)
    width = max(picture.shape[1], LEAST_WIDTH_PX)
    below = _scale_bar(blur, width, largest)
    missing = width - picture.shape[1]
    margin = ((0, 0), (0, missing), (0, 0))
    wide_picture = np.pad(picture, margin, constant_values=255)
    return np.asarray(np.concatenate([wide_picture, below]), np.uint8)


def _scale_bar(blur: PairBlurMap, width: int, largest: float) -> Bytes:
    """``(h, width, 3)``: the colours from 0 to ``largest`` px, with these numbers below."""
    size = max(width / 1000, 0.4)
    height = round(FONT_PX * max(size, 1.0))
    below = _coloured_bar(width, height, largest)
    base = BAR_PX + 2 * GAP_PX + round(0.75 * height)
    most = scale_words(blur)
    wide = cv2.getTextSize(most, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0]
    left = width - GAP_PX - wide
    _write(below, "0", (GAP_PX, base), size)
    _write(below, most, (left, base), size)
    return below


def _coloured_bar(width: int, height: int, largest: float) -> Bytes:
    """The colours above as much white as a line of text of a height needs."""
    length = width - 2 * GAP_PX
    lengths_px = np.linspace(0.0, largest, length, dtype=np.float32)
    rows = BAR_PX + 3 * GAP_PX + height
    bar = np.full((rows, width, 3), 255, np.uint8)
    bar_rows = slice(GAP_PX, GAP_PX + BAR_PX)
    bar[bar_rows, GAP_PX:-GAP_PX] = _coloured(lengths_px[None], largest)
    return bar


def _write(
    picture: Bytes,
    text: str,
    at: tuple[int, int],
    size: float,
) -> None:
    """Write in black, from the left end of the base line on."""
    cv2.putText(
        picture,
        text,
        at,
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )


def write_blur_map(folder: Path, blur: PairBlurMap) -> list[str]:
    """Write :data:`BLUR_NAMES`, float32 TIFF in px, and pictures; return the names."""
    for name, values in zip(
        BLUR_NAMES,
        (blur.diameter_px, blur.sigma_px),
        strict=False,
    ):
        write_float_tiff(
            folder / name,
            values,
            tile=TILE,
            compressionargs={"level": LEVEL},
        )
    step = -(-max(blur.diameter_px.shape) // SHOWN_PX)
    thin = slice(step // 2, None, step)
    shown = replace(blur, diameter_px=blur.diameter_px[thin, thin])
    write_image(folder / BLUR_NAMES[2], with_scale(shown))
    if blur.unexplained is None:
        return list(BLUR_NAMES[:3])
    write_image(folder / BLUR_NAMES[3], unexplained_picture(blur.unexplained))
    return list(BLUR_NAMES)
