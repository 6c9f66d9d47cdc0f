"""The guard: tiles whose restoration, blurred again, does not give what was given are put back.

Per frequency the best of all isotropic blurs counts; what is left is compared with the noise."""

import math
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
    mean_around,
    noise_by_brightness,
    noise_of,
    spread,
)
from defocus.blur.learned_map import CELL_PX, BlurMap
from defocus.restoration.guard.share import share_worth_keeping

Array = NDArray[np.float32]
Numbers = NDArray[np.float64]

RATHER_CRISP, SURELY_CRISP = 0.72, 0.77
"""What is drawn with edges of one pixel has more than the first; so do 1 in 20 of the stream's
tiles that gain, most of which restoring gathers."""
RATHER_SPREAD, SURELY_SPREAD = 0.97, 0.99
"""Spread behind restoring over that before: 1 where nothing is gathered."""
SMALL_CHANGE = 0.0055
"""Root mean square, 45 dB: no change is larger where edges are crisp."""
TINY = 1e-7


def share_kept(restored: Array, blurry: Array, noise: NDArray[np.float64]) -> Array:
    """The share of the change that is kept, ``(H, W)``: little at crisp edges, if not gathered."""
    square = np.square(restored - blurry).mean(axis=2)
    change = np.sqrt(np.maximum(mean_around(square), 0))
    crisp = _ramp(crispness(blurry, noise), RATHER_CRISP, SURELY_CRISP)
    gathered = (spread(restored) + TINY) / (spread(blurry) + TINY)
    doubt = crisp * _ramp(gathered, RATHER_SPREAD, SURELY_SPREAD)
    allowed = SMALL_CHANGE / np.maximum(doubt, TINY)
    return np.asarray(np.minimum(1, allowed / (change + TINY)), np.float32)


def _ramp(values: Array, low: float, high: float) -> Array:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)


AROUND_PX = 31
BEYOND = 0.8
"""So far beyond the darkest and the brightest around it a pixel may go, of their distance: a blur
makes peaks lower."""
STEP = 1 / 255
OPPONENT_NOISES = (2.0, 1.0, 1.0)
"""Of lightness and of both colours, which noise without colour does not change."""
STRIP_PX = 256


def limited(
    restored: Array, blurry: Array, noise: NDArray[np.float64], share: Array | None = None
) -> Array:
    """Cut off what goes far beyond the lightness and the colours around each pixel."""
    # Where edges are as crisp as in focus, only a small change is left: a network that takes a
    # sharp picture for a blurred one does little harm. The result equals ``blurry`` to a step of 8
    # bits where that is flat and clean. ``share`` is what is looked at of the change.
    within = np.empty_like(restored)
    height, margin = len(blurry), max(AROUND_PX, REACH_PX)
    around = np.ones((AROUND_PX, AROUND_PX), np.uint8)

    def limit(begin: int) -> None:
        end = min(begin + STRIP_PX, height)
        first, last = max(0, begin - margin), min(height, end + margin)
        inside = slice(begin - first, end - first)
        seen, changed = blurry[first:last], restored[first:last]
        if share is not None:
            changed = seen + share[first:last, :, None] * (changed - seen)
        given = _opponents(seen)
        inner = _opponents(changed[inside])
        deviation = noise_of(given[inside, :, 0], noise).astype(np.float32)
        for channel in range(3):
            seen_light = given[:, :, channel]
            low, high = cv2.erode(seen_light, around), cv2.dilate(seen_light, around)
            more = BEYOND * (high - low)[inside] + OPPONENT_NOISES[channel] * deviation + STEP
            np.clip(
                inner[:, :, channel], low[inside] - more, high[inside] + more,
                out=inner[:, :, channel],
            )  # fmt: skip
        kept = share_kept(changed, seen, noise)[inside, :, None]
        within[begin:end] = blurry[begin:end] + kept * (_colours(inner) - blurry[begin:end])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(limit, range(0, height, STRIP_PX)))
    return within


def _opponents(colours: Array) -> Array:
    """``(H, W, 3)``: the mean of the colours, red - green, blue - green."""
    red, green, blue = (colours[:, :, one] for one in range(3))
    return np.stack([(red + green + blue) / 3, red - green, blue - green], axis=2)


def _colours(opponents: Array) -> Array:
    """The inverse of :func:`_opponents`."""
    lightness, red, blue = (opponents[:, :, one] for one in range(3))
    green = lightness - (red + blue) / 3
    return np.stack([red + green, green, blue + green], axis=2)


WINDOW_PX, STRIDE_PX = 128, 64
OF_ROUNDING = (1 / 255) ** 2 / 12
LEAKED = 5 / 12
"""Variance of one wave's frequency, squared cycles per window: 1/3 of the Hann window's leaking,
1/12 of the rings."""
NOTHING = 1e-9
NOISES = 3.0
"""What is left may be so many times the noise, which is the same in neighbours to some degree; so
many times the power of noise and of rounding to 8 bits does not count as detail."""
ROUNDING = 1.25 / 255
UNEXPLAINED = 0.8
"""Of the change: real blurs are not the same in every direction, and a tile has several of them. Of
the stream's tiles that gain, 3 in 10,000 have more."""
IN_FOCUS_PX, BLURRED_PX = 1.0, 2.2
"""From the first diameter on that begins to hold, and from the second it holds fully."""
LEAST_FREQUENCY = 3.0
"""Cycles per 128 px: what is slower than that has no band to speak of."""
SURELY_WAVE, RATHER_WAVE = 0.15, 0.25
"""Bandwidth of a wave, which looks the same behind any blur; of the stream's tiles that gain, 5 in
1,000 have less than the second."""
SHIFTED = 0.6
"""Of the change, so much the mean may move: light adds up in linear light, not in stored values."""


@dataclass(frozen=True)
class Agreement:
    """What each tile of 64 x 64 px says, seen with its surroundings (128 x 128 px)."""

    left: Numbers  # root of the mean square of what no allowed blur explains, of 1
    change: Numbers  # the same of what restoring changed
    shift: Numbers  # largest change of a colour's mean: no blur makes a tile brighter or tints it
    noise: Numbers  # standard deviation at the tile's brightness
    frequency: Numbers  # centre of the band that the given tile has, cycles per 128 px
    bandwidth: Numbers  # share of the centre: above 0.3 in nearly all pictures, near 0 in a wave


def agreement(
    blurry: Array, restored: Array, highest_px: Array, noise: NDArray[np.float64]
) -> Agreement:
    """Compare a restored picture with what was given; each tile's blur has a largest diameter."""
    rows, columns = highest_px.shape
    left, change, shift, deviation = (np.empty((rows, columns)) for _ in range(4))
    frequency, bandwidth = np.empty((rows, columns)), np.empty((rows, columns))
    taper = _geometry()[0]

    def compare(row: int) -> None:
        seen = [_windows(picture, row, columns) for picture in (restored, blurry)]
        deviation[row] = noise_of(seen[1].mean(axis=(1, 2, 3)), noise)
        left[row], change[row], power = _compared(seen[0], seen[1], highest_px[row])
        frequency[row], bandwidth[row] = _band(power, deviation[row])
        means = ((seen[0] - seen[1]) * taper).sum(axis=(2, 3)) / taper.sum()
        shift[row] = np.abs(means).max(axis=1)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(compare, range(rows)))
    return Agreement(left, change, shift, deviation, frequency, bandwidth)


def _windows(picture: Array, row: int, columns: int) -> Array:
    """``(columns, 3, 128, 128)`` around the tiles of a row, mirrored at the picture's borders."""
    down = _window(np.asarray(row), picture.shape[0])
    across = _window(np.arange(columns), picture.shape[1])
    windows = picture[down][:, across]
    return np.ascontiguousarray(windows.transpose(1, 3, 0, 2), np.float32)


def _window(tiles: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Places ``(..., 128)`` of the windows around some tiles of an axis."""
    # A narrow tile at the end is seen with the whole tile that ends there: a window that is mostly
    # its own mirror picture would show no wave.
    begin = np.minimum(tiles * STRIDE_PX, max(0, length - STRIDE_PX))
    border = (WINDOW_PX - STRIDE_PX) // 2
    return _mirrored(begin[..., None] + np.arange(-border, WINDOW_PX - border), length)


def _mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Places beyond the borders of an axis, mirrored back onto it."""
    folded = places % (2 * length)
    return np.asarray(np.where(folded < length, folded, 2 * length - 1 - folded), np.int64)


def _compared(restored: Array, given: Array, highest_px: Array) -> tuple[Numbers, Numbers, Numbers]:
    """Of each window: what is left, the change, and the given power in each ring."""
    taper, ring, counts = _geometry()
    mean = given.mean(axis=(2, 3), keepdims=True)
    after, before = (fft.rfft2((one - mean) * taper) for one in (restored, given))
    own, shared, other = (
        _in_rings(part, ring)
        for part in (_product(after, after), _product(after, before), _product(before, before))
    )
    weakest = _weakest(highest_px)[:, None, :]
    kernel = np.clip(shared / np.maximum(own, 1e-12), weakest, 1.0)
    left = other - 2 * kernel * shared + kernel**2 * own
    change = other - 2 * shared + own
    scale = 3 * counts * np.square(taper).sum()
    sums = (np.maximum(one, 0).sum(axis=(1, 2)) / scale for one in (left, change))
    root_left, root_change = (np.sqrt(one) for one in sums)
    return root_left, root_change, other.sum(axis=1)


def _band(power: Numbers, deviation: Numbers) -> tuple[Numbers, Numbers]:
    """Centre and relative width of what is stronger than noise, by the power ``(n, rings)``."""
    taper, ring, _ = _geometry()
    weights = np.full(ring.shape, 2.0)
    weights[:, [0, -1]] = 1.0
    places = np.bincount(ring.ravel(), weights.ravel())
    floor = 3 * np.square(taper).sum() * (np.square(deviation) + OF_ROUNDING)
    detail = np.maximum(power - NOISES * floor[:, None] * places, 0)
    rings, total = np.arange(len(places)), detail.sum(axis=1) + NOTHING
    centre = (detail * rings).sum(axis=1) / total
    variance = (detail * rings**2).sum(axis=1) / total - centre**2 - LEAKED
    return centre, np.sqrt(np.maximum(variance, 0)) / (centre + NOTHING)


def _product(first: NDArray[np.complex64], second: NDArray[np.complex64]) -> Array:
    return np.asarray((first * second.conj()).real, np.float32)


def _in_rings(power: Array, ring: NDArray[np.int64]) -> Numbers:
    """Sums over rings of frequency, ``(n, 3, rings)``; half of the spectrum counts for both."""
    weights = np.full(power.shape[-1], 2.0)
    weights[0] = weights[-1] = 1.0
    flat = (power * weights).reshape(-1, ring.size)
    count = int(ring.max()) + 1
    place = (np.arange(len(flat))[:, None] * count + ring.ravel()).ravel()
    sums = np.bincount(place, flat.ravel().astype(np.float64), minlength=len(flat) * count)
    return np.asarray(sums.reshape(*power.shape[:2], count), np.float64)


@cache
def _geometry() -> tuple[Array, NDArray[np.int64], float]:
    """A Hann window, the ring of each place of half a spectrum, and the places of a whole one."""
    hann = np.hanning(WINDOW_PX + 2)[1:-1]
    taper = np.outer(hann, hann).astype(np.float32)
    frequency = np.hypot(fft.fftfreq(WINDOW_PX)[:, None], fft.rfftfreq(WINDOW_PX)[None, :])
    ring = np.rint(frequency * WINDOW_PX).astype(np.int64)
    return taper, ring, float(WINDOW_PX**2)


def _weakest(highest_px: Array) -> Numbers:
    """``(n, rings)``: the least that a disc up to a diameter lets through at each frequency."""
    _, ring, _ = _geometry()
    frequency = np.arange(int(ring.max()) + 1) / WINDOW_PX
    argument = np.maximum(np.pi * highest_px.astype(np.float64)[:, None] * frequency, 1e-6)
    passed = 2 * special.j1(argument) / argument
    return np.asarray(np.minimum.accumulate(passed, axis=1), np.float64)


@dataclass(frozen=True)
class Guarded:
    """What the guard made of a restored picture; tiles are of 64 x 64 px."""

    restored: Array
    tiles: int
    put_back: int  # how many of the tiles are as they were given


def guarded(blurry: Array, restored: Array, blur_map: BlurMap) -> Guarded:
    """Put back what cannot be true of a restored picture ``(H, W, 3)``."""
    # As much of the change is kept as is likely to be worth it. Lightness and colours are limited
    # to what is around each pixel, and changes to small ones where edges are crisp. Then each tile
    # is blurred again as strongly as the map allows at most: where that does not give what was
    # given, within the noise, the tile fades back to it. So does a tile that is a plain wave, of
    # which no blur can be seen.
    share = share_worth_keeping(blurry, restored)
    within, shares = _judged(blurry, restored, blur_map, share)
    _fade_back(within, blurry, shares)
    return Guarded(within, shares.size, int((shares == 1).sum()))


def guarded_beyond(blurry: Array, restored: Array, blur_map: BlurMap) -> Array:
    """Twice the change behind the guard: what cannot be true stays as it was restored."""
    within, shares = _judged(blurry, 2 * restored - blurry, blur_map)
    _fade_back(within, restored, shares)
    return within


def _judged(
    blurry: Array, restored: Array, blur_map: BlurMap, share: Array | None = None
) -> tuple[Array, NDArray[np.float64]]:
    """The picture within its limits, and how surely each tile of it cannot be true, in [0, 1]."""
    noise = noise_by_brightness(blurry)
    within = limited(restored, blurry, noise, share)
    del restored  # if nobody else has it: two copies of a large picture take much memory
    median, highest = (
        _of_tiles(one, blur_map.size) for one in (blur_map.diameter_px, blur_map.highest_px)
    )
    compared = agreement(blurry, within, highest, noise)
    likely = np.sqrt((1 + median) * (1 + highest)) - 1
    return within, np.maximum(_disagrees(compared, likely), _wave(compared))


def _of_tiles(cells: Array, size: tuple[int, int]) -> Array:
    """``(rows, columns)``: the largest of the cells in each tile."""
    per_tile = STRIDE_PX // CELL_PX
    rows, columns = (math.ceil(length / STRIDE_PX) for length in size)
    pad = (rows * per_tile - cells.shape[0], columns * per_tile - cells.shape[1])
    wide = np.pad(cells, ((0, pad[0]), (0, pad[1])), mode="edge")
    largest = wide.reshape(rows, per_tile, columns, per_tile).max(axis=(1, 3))
    return np.asarray(largest, np.float32)


def _disagrees(compared: Agreement, likely: Array) -> NDArray[np.bool_]:
    blurred = np.clip((likely - IN_FOCUS_PX) / (BLURRED_PX - IN_FOCUS_PX), 0, 1)
    left = np.hypot(NOISES * compared.noise, ROUNDING) + UNEXPLAINED * blurred * compared.change
    shifted = compared.noise + ROUNDING + SHIFTED * compared.change
    return np.asarray((compared.left > left) | (compared.shift > shifted))


def _wave(compared: Agreement) -> NDArray[np.float64]:
    """How surely each tile is a plain wave, in [0, 1]."""
    narrow = (RATHER_WAVE - compared.bandwidth) / (RATHER_WAVE - SURELY_WAVE)
    return np.asarray(np.clip(narrow, 0, 1) * (compared.frequency > LEAST_FREQUENCY))


def _fade_back(restored: Array, safe: Array, shares: NDArray[np.float64]) -> None:
    """Give each tile a share of a safe picture, and fade over half of a tile around it."""
    if not shares.any():
        return
    rows, columns = (2 * count for count in shares.shape)
    halves = cv2.resize(shares.astype(np.float32), (columns, rows), interpolation=cv2.INTER_NEAREST)
    grown = np.asarray(cv2.dilate(halves, np.ones((3, 3), np.uint8)), np.float32)
    size = (columns * STRIDE_PX // 2, rows * STRIDE_PX // 2)
    share = cv2.resize(grown, size, interpolation=cv2.INTER_LINEAR)
    share = np.asarray(share, np.float32)[: safe.shape[0], : safe.shape[1], None]
    restored += share * (safe - restored)
