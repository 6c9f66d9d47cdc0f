"""The guard: tiles whose restoration, blurred again, does not reproduce the input are put back.

Per frequency the best of all isotropic blurs counts; what is left is compared with the noise."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft, special

from defocus.blur.crispness import (
    REACH_PX,
    crispness,
    deviation_of,
    mean_around,
    noise_by_brightness,
    noise_of,
    spread,
)
from defocus.blur.learned_map import CELL_PX, BlurMap, enlarged_rows
from defocus.processes.freed_memory import return_freed_memory
from defocus.restoration.guard.share import share_worth_keeping
from defocus.strips import (
    STRIP_ROWS,
    Colours,
    mean_of_colours,
    planes,
    replace_strips,
    strips,
)

Indices = NDArray[np.int64]

Array = NDArray[np.float32]
Numbers = NDArray[np.float64]

RATHER_CRISP, SURELY_CRISP = 0.72, 0.77
"""Crispness from which edges count partly, and fully, as sharp. Drawn edges of one pixel exceed the
first value; so do 1 in 20 of the stream's tiles that gain by restoring, most of them with edges
that restoring sharpens."""
RATHER_SPREAD, SURELY_SPREAD = 0.97, 0.99
"""Ratio of the edges' spread after restoring to that before, from which a change counts partly, and
fully, as spreading. It is 1 where nothing gets sharper."""
SMALL_CHANGE = 0.0055
"""Largest root mean square change where edges are crisp, as a share of white: 45 dB. Within some 30
px around them it grows again."""
FADING_PX = 31
"""Width, px, over which the share of the change that is kept goes from one value to another. A
crisp edge counts fully in the square of 61 px around it and not at all outside, which left straight
lines in the blurred background of letters."""
KEPT_REACH_PX = REACH_PX + FADING_PX // 2
"""Radius of the area that decides on the share of the change that is kept at a pixel, px."""
TINY = 1e-7


def share_kept(
    restored: Array,
    blurry: Array,
    noise: Numbers,
) -> Array:
    """The share of the change that is kept, ``(H, W)``: little at crisp edges that only spread."""
    change = restored - blurry
    square = mean_of_colours(np.square(change, out=change))
    change = np.sqrt(np.maximum(mean_around(square), 0))
    crisp = _ramp(crispness(blurry, noise), RATHER_CRISP, SURELY_CRISP)
    gathered = (spread(restored) + TINY) / (spread(blurry) + TINY)
    doubt = crisp * _ramp(gathered, RATHER_SPREAD, SURELY_SPREAD)
    allowed = SMALL_CHANGE / np.maximum(doubt, TINY)
    kept = np.minimum(1, allowed / (change + TINY))
    return np.asarray(cv2.blur(kept, (FADING_PX, FADING_PX)), np.float32)


def _ramp(
    values: Array,
    low: float,
    high: float,
) -> Array:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)


AROUND_PX = 31
BEYOND = 0.8
"""Distance that a pixel may go beyond the darkest and the brightest value around it, as a share of
the range between them. Blur lowers peaks, so restoring may raise them."""
STEP = 1 / 255
OPPONENT_NOISES = (2.0, 1.0, 1.0)
"""Noise of lightness and of the two colour differences, in standard deviations of the noise. Noise
without colour does not change the latter."""
LIMIT_BYTES = 120
"""Bytes that a pixel takes while its strip is limited: 30 floats, as measured."""
MOST_BYTES = 700e6
"""Memory, in bytes, for all strips that are worked on at once: one strip for a picture of 60
megapixels, three for one of 24."""


def limit(
    restored: Array,
    blurry: Colours,
    noise: Numbers,
    share: Array | None = None,
) -> None:
    """Clip values, in place, far beyond the lightness and the colours around each pixel."""
    # Where edges are as crisp as in focus, only a small change is left: a network that takes a
    # sharp picture for a blurred one does little harm. The result equals ``blurry`` to a step of 8
    # bits where that is flat and clean. ``share`` is what is looked at of the change in each cell.
    width = restored.shape[1]

    def limited_strip(
        rows: slice,
        around: slice,
        changed: Array,
    ) -> Array:
        seen = blurry[around]
        if share is not None:
            _keep_share(
                changed,
                seen,
                enlarged_rows(share, CELL_PX, around.start, around.stop, width),
            )
        inside = slice(rows.start - around.start, rows.stop - around.start)
        return _limited(changed, seen, inside, noise)

    margin = max(AROUND_PX, KEPT_REACH_PX)
    threads = _threads(LIMIT_BYTES * width * (STRIP_ROWS + 2 * margin))
    replace_strips(restored, margin, limited_strip, threads)


def _keep_share(
    changed: Array,
    seen: Array,
    kept: Array,
) -> None:
    """Keep a share of the change, in place."""
    changed -= seen
    changed *= kept[:, :, None]
    changed += seen


def _threads(bytes_of_each: float) -> int:
    """Number of threads for work that takes some bytes in each; at least one."""
    return max(1, min(torch.get_num_threads(), int(MOST_BYTES / bytes_of_each)))


def _limited(
    changed: Array,
    seen: Array,
    inside: slice,
    noise: Numbers,
) -> Array:
    """The rows ``inside`` of a changed strip, limited; ``seen`` is the strip as it was given."""
    around = np.ones((AROUND_PX, AROUND_PX), np.uint8)
    given = _opponents(seen)
    within = _opponents(changed[inside])
    deviation = deviation_of(given[0][inside], noise)
    for light, level, noises in zip(given, within, OPPONENT_NOISES, strict=True):
        low = cv2.erode(light, around)[inside]
        high = cv2.dilate(light, around)[inside]
        more = BEYOND * (high - low) + noises * deviation + STEP
        np.clip(level, low - more, high + more, out=level)
    del given
    kept = share_kept(changed, seen, noise)[inside]
    before = seen[inside]
    colours = _colours(*within)
    colours -= before
    colours *= kept[:, :, None]
    colours += before
    return colours


def _opponents(colours: Array) -> tuple[Array, Array, Array]:
    """``(H, W)`` each: the mean of the colours, red - green, blue - green."""
    red, green, blue = planes(colours)
    lightness = np.asarray((red + green + blue) / 3, np.float32)
    red -= green
    blue -= green
    return lightness, red, blue


def _colours(
    lightness: Array,
    red: Array,
    blue: Array,
) -> Array:
    """``(H, W, 3)``: the inverse of :func:`_opponents`."""
    green = lightness - (red + blue) / 3
    red += green
    blue += green
    return np.asarray(cv2.merge([red, green, blue]), np.float32)


WINDOW_PX, STRIDE_PX = 128, 64
BORDER_PX = (WINDOW_PX - STRIDE_PX) // 2
TILES_AT_ONCE = 8
"""Number of tiles that are compared at once: 1.6 MB of each picture, which stays in the cache."""
OF_ROUNDING = (1 / 255) ** 2 / 12
LEAKED = 5 / 12
"""Variance of one wave's frequency, squared cycles per window: 1/3 of the Hann window's leaking,
1/12 of the rings."""
NOTHING = 1e-9
NOISES = 3.0
"""Multiple of the noise that the remainder may have; neighbouring pixels share part of their noise.
Power below this multiple of noise and of rounding to 8 bits does not count as detail."""
ROUNDING = 1.25 / 255
UNEXPLAINED = 0.8
"""Share of the change that the blur need not explain: real blurs differ by direction, and a tile
has several of them. 3 in 10,000 of the stream's tiles that gain have more."""
IN_FOCUS_PX, BLURRED_PX = 1.0, 2.2
"""Circles of confusion, px: UNEXPLAINED applies from the first diameter on, in full from the
second."""
LEAST_FREQUENCY = 3.0
"""Least frequency, in cycles per 128 px, of a wave whose bandwidth is measured: slower waves have
too few cycles."""
SURELY_WAVE, RATHER_WAVE = 0.15, 0.25
"""Bandwidths of a wave, which looks the same behind any blur: below the first number a part surely
is a wave, from the second on it is none. Of the stream's tiles that gain, 5 in 1,000 have less than
the second."""
SHIFTED = 0.6
"""Largest change of a tile's mean, as a share of the whole change. Light adds up in linear light,
not in stored values, so the mean moves a little."""


@dataclass(frozen=True)
class Agreement:
    """Measurements of each tile of 64 x 64 px, with its surroundings (128 x 128 px)."""

    left: Numbers  # root of the mean square of what no allowed blur explains, of 1
    change: Numbers  # the same of what restoring changed
    shift: Numbers  # largest change of a colour's mean: no blur makes a tile brighter or tints it
    noise: Numbers  # standard deviation at the tile's brightness
    frequency: Numbers  # centre of the band that the given tile has, cycles per 128 px
    bandwidth: Numbers  # share of the centre: above 0.3 in nearly all pictures, near 0 in a wave


def agreement(
    blurry: Colours,
    restored: Array,
    highest_px: Array,
    noise: Numbers,
) -> Agreement:
    """Compare a restored picture with what was given; each tile's blur has a largest diameter."""
    rows, columns = highest_px.shape
    measures = np.empty((6, rows, columns))

    def compare(row: int) -> None:
        pictures = [_rows_around(picture, row) for picture in (restored, blurry)]
        for begin in range(0, columns, TILES_AT_ONCE):
            tiles = np.arange(begin, min(begin + TILES_AT_ONCE, columns))
            begins = _begins(tiles, restored.shape[1])
            after, before = (_windows(planes, begins) for planes in pictures)
            measures[:, row, tiles] = _measures(
                after,
                before,
                highest_px[row, tiles],
                noise,
            )

    threads = _threads(4 * 3 * 4 * WINDOW_PX * restored.shape[1])
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compare, range(rows)))
    return Agreement(*measures)


def _measures(
    restored: Array,
    given: Array,
    highest_px: Array,
    noise: Numbers,
) -> tuple[Numbers, ...]:
    """The fields of :class:`Agreement` of some windows ``(n, 3, 128, 128)``, in their order."""
    taper = _geometry()[0]
    deviation = noise_of(given.mean(axis=(1, 2, 3)), noise)
    left, change, power = _compared(restored, given, highest_px)
    frequency, bandwidth = _band(power, deviation)
    means = ((restored - given) * taper).sum(axis=(2, 3)) / taper.sum()
    shift = np.abs(means).max(axis=1)
    return left, change, shift, deviation, frequency, bandwidth


def _rows_around(picture: Colours, row: int) -> Sequence[Array]:
    """The colours, ``(128, W + 64)`` each, around a row of tiles, mirrored at the borders."""
    height, width = picture.shape[:2]
    begin = int(_begins(np.asarray(row), height))
    places = _mirrored(
        np.arange(begin - BORDER_PX, begin + WINDOW_PX - BORDER_PX),
        height,
    )
    first = int(places.min())
    rows = picture[first : int(places.max()) + 1][places - first]
    right = max(width, STRIDE_PX) + BORDER_PX - width
    wide = cv2.copyMakeBorder(rows, 0, 0, BORDER_PX, right, cv2.BORDER_REFLECT)
    return planes(np.asarray(wide, np.float32))


def _windows(colours: Sequence[Array], begins: Indices) -> Array:
    """``(n, 3, 128, 128)`` around the tiles of a row that begin at some columns."""
    windows = np.empty(
        (
            len(begins),
            len(colours),
            WINDOW_PX,
            WINDOW_PX,
        ),
        np.float32,
    )
    for window, begin in zip(windows, begins, strict=True):
        for colour, plane in zip(window, colours, strict=True):
            colour[:] = plane[:, begin : begin + WINDOW_PX]
    return windows


def _begins(tiles: Indices, length: int) -> Indices:
    """Where some tiles of an axis begin, for their windows."""
    # A narrow tile at the end is seen with the whole tile that ends there: a window that is mostly
    # its own mirror picture would show no wave.
    return np.minimum(tiles * STRIDE_PX, max(0, length - STRIDE_PX))


def _mirrored(places: Indices, length: int) -> Indices:
    """Places beyond the borders of an axis, mirrored back onto it."""
    folded = places % (2 * length)
    return np.asarray(
        np.where(folded < length, folded, 2 * length - 1 - folded),
        np.int64,
    )


def _compared(
    restored: Array,
    given: Array,
    highest_px: Array,
) -> tuple[Numbers, Numbers, Numbers]:
    """For each window: the remaining difference, the change, and the given power in each ring."""
    taper = _geometry()[0]
    mean = given.mean(axis=(2, 3), keepdims=True)
    after = fft.rfft2((restored - mean) * taper)
    before = fft.rfft2((given - mean) * taper)
    own = _in_rings(after, after)
    shared = _in_rings(after, before)
    other = _in_rings(before, before)
    weakest = _weakest(highest_px)[:, None, :]
    kernel = np.clip(shared / np.maximum(own, 1e-12), weakest, 1.0)
    left = other - 2 * kernel * shared + kernel**2 * own
    change = other - 2 * shared + own
    return _root_mean(left), _root_mean(change), other.sum(axis=1)


def _root_mean(power: Numbers) -> Numbers:
    """For each window, the root mean square of a signal with this power in each ring."""
    taper, _, counts = _geometry()
    scale = 3 * counts * np.square(taper).sum()
    mean_square = np.maximum(power, 0).sum(axis=(1, 2)) / scale
    return np.asarray(np.sqrt(mean_square))


def _band(power: Numbers, deviation: Numbers) -> tuple[Numbers, Numbers]:
    """Centre and relative width of frequencies stronger than noise, by the power ``(n, rings)``."""
    taper, ring, _ = _geometry()
    weights = np.full(ring.shape, 2.0)
    weights[:, [0, -1]] = 1.0
    places = np.bincount(ring.ravel(), weights.ravel())
    floor = 3 * np.square(taper).sum() * (np.square(deviation) + OF_ROUNDING)
    detail = np.maximum(power - NOISES * floor[:, None] * places, 0)
    rings = np.arange(len(places))
    total = detail.sum(axis=1) + NOTHING
    centre = (detail * rings).sum(axis=1) / total
    variance = (detail * rings**2).sum(axis=1) / total - centre**2 - LEAKED
    return centre, np.sqrt(np.maximum(variance, 0)) / (centre + NOTHING)


def _in_rings(first: NDArray[np.complex64], second: NDArray[np.complex64]) -> Numbers:
    """Product of two spectra over rings of frequency, ``(n, 3, rings)``; half counts for both."""
    _, ring, _ = _geometry()
    weights = np.full(ring.shape[-1], 2.0)
    weights[0] = weights[-1] = 1.0
    power = np.asarray((first * second.conj()).real, np.float32)
    weighted = (power * weights).reshape(-1, ring.size)
    places = ring.ravel()
    count = int(ring.max()) + 1
    sums = [np.bincount(places, window, minlength=count) for window in weighted]
    return np.asarray(np.reshape(sums, (*power.shape[:2], count)), np.float64)


@cache
def _geometry() -> tuple[Array, Indices, float]:
    """A Hann window, the ring of each place of half a spectrum, and the places of a whole one."""
    hann = np.hanning(WINDOW_PX + 2)[1:-1]
    taper = np.outer(hann, hann).astype(np.float32)
    frequency = np.hypot(
        fft.fftfreq(WINDOW_PX)[:, None],
        fft.rfftfreq(WINDOW_PX)[None, :],
    )
    ring = np.rint(frequency * WINDOW_PX).astype(np.int64)
    return taper, ring, float(WINDOW_PX**2)


def _weakest(highest_px: Array) -> Numbers:
    """``(n, rings)``: the least that a disc up to a diameter lets through at each frequency."""
    _, ring, _ = _geometry()
    frequency = np.arange(int(ring.max()) + 1) / WINDOW_PX
    argument = np.maximum(
        np.pi * highest_px.astype(np.float64)[:, None] * frequency,
        1e-6,
    )
    passed = 2 * special.j1(argument) / argument
    return np.asarray(np.minimum.accumulate(passed, axis=1), np.float64)


@dataclass(frozen=True)
class Guarded:
    """Result of the guard for a restored picture; tiles are of 64 x 64 px."""

    restored: Array
    tiles: int
    put_back: int  # how many of the tiles are as they were given


def guarded(
    blurry: Colours,
    restored: Array,
    blur_map: BlurMap,
) -> Guarded:
    """Put back, in place, what cannot be true of a restored picture ``(H, W, 3)``."""
    # As much of the change is kept as is likely to be worth it. Lightness and colours are limited
    # to what is around each pixel, and changes to small ones where edges are crisp. Then each tile
    # is blurred again as strongly as the map allows at most: where that does not give what was
    # given, within the noise, the tile fades back to it. So does a tile that is a plain wave, of
    # which no blur can be seen.
    share = share_worth_keeping(blurry, restored)
    return_freed_memory(restored.shape[0] * restored.shape[1])
    shares = _limit_and_judge(blurry, restored, blur_map, share)
    _fade_back(restored, blurry, shares)
    return Guarded(restored, shares.size, int((shares == 1).sum()))


def guarded_beyond(
    blurry: Colours,
    restored: Colours,
    blur_map: BlurMap,
) -> Array:
    """Twice the change behind the guard: what cannot be true stays as it was restored."""
    beyond = np.multiply(restored[:], 2)
    for rows in strips(len(beyond)):
        beyond[rows] -= blurry[rows]
    shares = _limit_and_judge(blurry, beyond, blur_map)
    _fade_back(beyond, restored, shares)
    return beyond


def _limit_and_judge(
    blurry: Colours,
    restored: Array,
    blur_map: BlurMap,
    share: Array | None = None,
) -> Numbers:
    """Limit a picture in place; how surely each tile of it cannot be true, in [0, 1]."""
    noise = noise_by_brightness(blurry)
    return_freed_memory(restored.shape[0] * restored.shape[1])
    limit(restored, blurry, noise, share)
    return_freed_memory(restored.shape[0] * restored.shape[1])
    median = _of_tiles(blur_map.diameter_px, blur_map.size)
    highest = _of_tiles(blur_map.highest_px, blur_map.size)
    compared = agreement(blurry, restored, highest, noise)
    likely = np.sqrt((1 + median) * (1 + highest)) - 1
    return np.maximum(_disagrees(compared, likely), _wave(compared))


def _of_tiles(cells: Array, size: tuple[int, int]) -> Array:
    """``(rows, columns)``: the largest of the cells in each tile."""
    height, width = size
    rows, columns = math.ceil(height / STRIDE_PX), math.ceil(width / STRIDE_PX)
    per_tile = STRIDE_PX // CELL_PX
    below = rows * per_tile - cells.shape[0]
    right = columns * per_tile - cells.shape[1]
    wide = np.pad(cells, ((0, below), (0, right)), mode="edge")
    largest = wide.reshape(rows, per_tile, columns, per_tile).max(axis=(1, 3))
    return np.asarray(largest, np.float32)


def _disagrees(compared: Agreement, likely: Array) -> NDArray[np.bool_]:
    blurred = np.clip((likely - IN_FOCUS_PX) / (BLURRED_PX - IN_FOCUS_PX), 0, 1)
    noise = np.hypot(NOISES * compared.noise, ROUNDING)
    left = noise + UNEXPLAINED * blurred * compared.change
    shifted = compared.noise + ROUNDING + SHIFTED * compared.change
    return np.asarray((compared.left > left) | (compared.shift > shifted))


def _wave(compared: Agreement) -> Numbers:
    """How surely each tile is a plain wave, in [0, 1]."""
    narrow = (RATHER_WAVE - compared.bandwidth) / (RATHER_WAVE - SURELY_WAVE)
    return np.asarray(np.clip(narrow, 0, 1) * (compared.frequency > LEAST_FREQUENCY))


def _fade_back(
    restored: Array,
    safe: Colours,
    shares: Numbers,
) -> None:
    """Give each tile a share of a safe picture, and fade over half of a tile around it."""
    rows, columns = (2 * count for count in shares.shape)
    halves = cv2.resize(
        shares.astype(np.float32),
        (columns, rows),
        interpolation=cv2.INTER_NEAREST,
    )
    grown = np.asarray(cv2.dilate(halves, np.ones((3, 3), np.uint8)), np.float32)
    height, width = restored.shape[:2]
    for strip in strips(height):
        share = enlarged_rows(grown, STRIDE_PX // 2, strip.start, strip.stop, width)
        if share.any():
            change = safe[strip] - restored[strip]
            change *= share[:, :, None]
            restored[strip] += change
