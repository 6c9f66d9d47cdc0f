"""Whether a picture was enlarged, by the traces that interpolation leaves, and what it was before.

Sources: Gallagher, Detection of Linear and Cubic Interpolation in JPEG Compressed Images (2005);
Popescu and Farid, Exposing Digital Forgeries by Detecting Traces of Resampling (2005)."""

# What is enlarged by s has the spectrum X(f) = H(f) S(f), with H of the interpolation and S of the
# source, which repeats every 1 / s. So X(g) and X(g - 1 / s) come from one wave of the source and
# agree in all lines of the picture. In other pictures two waves have nothing to do with each other,
# but for the blocks of codecs, the mosaic of a sensor, and things that repeat with the pixels.

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.strips import STRIP_ROWS, Colours

FACTORS = (4, 3, 2)
"""Factors of enlargement that are recognised, the largest first: a picture that was enlarged by 4
may have the traces of 2 as well."""
LARGEST_TILE_PX, WHOLE_PERIODS_PX = 480, 24
"""Largest side of a tile, px, and a number that divides its side: the waves that are looked at have
whole periods in a tile."""
LEAST_PX = 96
"""Least side of a tile, px. Smaller ones have too few waves."""
MOST_TILES = 3
"""Most tiles along each axis; nine tiles show a trace as well as the whole picture."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of the colours in the luma of JPEG, the only part of a picture that is looked at. JPEG
enlarges the colour differences of most photographs by 2."""
APART_PX = 4
"""Distance, px, of the two lines whose difference is looked at. It removes straight edges, which
lie at one place in all lines and look like a trace."""
FAINT = 0.5 / 255
"""Deviation, as a share of white, below which detail may be rounding to 8 bits; such lines have
little weight."""
BAND = 1 / 6
"""Half the width of the band of waves that are compared, as a share of the way from the middle of
the band to the ends of the spectrum."""
TRACE = 0.45
"""Least trace along an axis, as the difference of two coherences after Fisher's transform. A
coherence of 0.42 reaches it where no blocks are seen. Half of the photographs chose it: of those
that were not enlarged none has more than 0.35, with any codec."""
OF_BLOCKS: dict[int, tuple[tuple[float, ...], ...]] = {
    2: ((5 / 8,), (1 / 4, 3 / 4)),
    3: (),
    4: ((3 / 8,), (1 / 2, 3 / 4)),
}
"""Cycles a pixel at which the blocks of a codec leave traces as strong as those at one over a
factor: first JPEG, whose blocks have 8 px, then WebP, which has 4 px and leaves both traces."""
IMAGE_AT = 0.75
"""Where the images of waves are compared with the waves, in units of one over the factor."""
LARGEST_IMAGE = 0.1
"""Largest power of the images there, as a share of the power of the waves. Linear interpolation
leaves 0.02, cubic less, noise adds to it. The blocks of WebP leave 0.16 and more where they look
like an enlargement."""
LARGEST_REST = 0.22
"""Largest deviation of what a source does not reproduce, as a share of the deviation of the fine
detail. Cubic interpolation leaves 0.04, linear 0.15, with JPEG up to 0.2. Repeated pixels leave
more, and so do sharp things before an enlarged ground."""
STEP_PX = 12
"""Tiles begin at multiples of this, px, which has every factor as a divisor."""
BORDER_PX = 12
"""Border of a tile that is left out where it is compared with its source, px."""

SQUARE_OF_WINDOW = 0.375
"""Mean square of the Hann window."""
VARIANCE_OF_ROUNDING = float(np.square(LUMA).sum()) / 12 / 255**2
"""Variance of the luma of three colours that are rounded to 8 bits. So much more may remain."""
SUREST = 0.999
"""Largest coherence of which Fisher's transform is taken; that of 1 is infinite."""
TINY = 1e-30

Array = NDArray[np.float32]
Numbers = NDArray[np.float64]
Spectra = NDArray[np.complex64]


@dataclass(frozen=True)
class Lines:
    """Spectra of the lines of tiles along one axis."""

    spectra: Spectra  # ``(n, side / 2 + 1)``
    begins: NDArray[np.int64]  # ``(n,)``: where each line begins, px
    side_px: int  # their length


def enlarged_by(picture: Colours) -> int:
    """The factor by which ``(H, W, 3)`` was enlarged: 2, 3 or 4; 1 where no trace shows one.

    Both axes must show it. A part that was cut out is recognised if the cut left whole pixels of
    the source at the top and at the left."""
    height, width = picture.shape[:2]
    shortest = min(height, width, LARGEST_TILE_PX)
    side_px = shortest - shortest % WHOLE_PERIODS_PX
    if side_px < LEAST_PX:
        return 1
    tiles = []
    across = []
    down = []
    for top in _begins(height, side_px):
        for left in _begins(width, side_px):
            area = slice(top, top + side_px), slice(left, left + side_px)
            tile = np.asarray(picture[area] @ LUMA, np.float32)
            tiles.append(tile)
            across.append(_lines(tile, left))
            down.append(_lines(np.ascontiguousarray(tile.T), top))
    axes = _joined(across), _joined(down)
    for factor in FACTORS:
        traced = all(_traced(lines, factor) for lines in axes)
        if traced and _reproduced(tiles, factor):
            return factor
    return 1


def _begins(length: int, side_px: int) -> list[int]:
    """Where tiles begin that lie evenly along an axis."""
    count = min(MOST_TILES, math.ceil(length / side_px))
    begins = np.linspace(0, length - side_px, count)
    return [int(begin) // STEP_PX * STEP_PX for begin in begins]


def _lines(tile: Array, begin: int) -> Lines:
    """Spectra of every second line of a tile, less the line some pixels before it."""
    side_px = len(tile)
    detail = tile[APART_PX::2] - tile[:-APART_PX:2]
    detail -= detail.mean(axis=1, keepdims=True)
    window = np.hanning(side_px + 1)[:-1].astype(np.float32)
    spectra = np.asarray(fft.rfft(detail * window, axis=1), np.complex64)
    return Lines(spectra, np.full(len(detail), begin), side_px)


def _joined(lines: Sequence[Lines]) -> Lines:
    """The lines of several tiles."""
    spectra = np.concatenate([one.spectra for one in lines])
    begins = np.concatenate([one.begins for one in lines])
    return Lines(spectra, begins, lines[0].side_px)


def _traced(lines: Lines, factor: int) -> bool:
    """Whether two waves of a factor agree, more than the blocks of a codec make them agree."""
    cycles = 1 / factor
    trace = _agreement(lines, cycles)
    if trace <= TRACE:
        return False
    for blocks in OF_BLOCKS[factor]:
        of_blocks = min(_agreement(lines, other) for other in blocks)
        if trace - of_blocks <= TRACE:
            return False
    return _image(lines, cycles) < LARGEST_IMAGE


def _agreement(lines: Lines, cycles: float) -> float:
    """Fisher's transform of the mean coherence of pairs of waves of about the same strength."""
    pairs = _pairs(lines, cycles, cycles / 2)
    coherence = pairs.shared.real / np.sqrt(pairs.upper * pairs.lower + TINY)
    return math.atanh(min(float(coherence.mean()), SUREST))


def _image(lines: Lines, cycles: float) -> float:
    """Power of the images of waves as a share of that of the waves."""
    pairs = _pairs(lines, cycles, IMAGE_AT * cycles)
    return float(pairs.upper.mean()) / (float(pairs.lower.mean()) + TINY)


def _reproduced(tiles: Sequence[Array], factor: int) -> bool:
    """Whether enlarging the sources of tiles gives the tiles again, so that nothing is lost."""
    inside = slice(BORDER_PX, -BORDER_PX)
    rest = detail = 0.0
    for tile in tiles:
        source = _projected_back(tile, factor)
        again = cv2.resize(source, tile.shape[::-1], interpolation=cv2.INTER_CUBIC)
        smooth = cv2.GaussianBlur(tile, (0, 0), factor)
        rest += float(np.square(tile - again)[inside, inside].mean())
        detail += float(np.square(tile - smooth)[inside, inside].mean())
    rest -= VARIANCE_OF_ROUNDING * len(tiles)
    return rest < LARGEST_REST**2 * detail


@dataclass(frozen=True)
class Pairs:
    """Sums over all lines for the waves ``g`` and ``g - cycles``, one value for each ``g``."""

    shared: NDArray[np.complex128]  # product of the two
    upper: Numbers  # power of the first
    lower: Numbers  # power of the second


def _pairs(
    lines: Lines,
    cycles: float,
    middle: float,
) -> Pairs:
    """The waves in a band around ``middle``, in cycles a pixel, with those ``cycles`` below."""
    shift = round(cycles * lines.side_px)
    bins = _band(lines.side_px, cycles, middle)
    upper = lines.spectra[:, bins]
    lower = lines.spectra[
        :, shift - bins
    ]  # of a real line X(-f) is the conjugate of X(f)
    upper_power = np.square(np.abs(upper))
    lower_power = np.square(np.abs(lower))
    strength = np.sqrt(upper_power.mean(axis=1) * lower_power.mean(axis=1))
    weight = 1 / (strength + SQUARE_OF_WINDOW * lines.side_px * FAINT**2)
    # the first pixel of the picture lies before the first one of the source, which is wider
    place_px = lines.begins - (1 / cycles - 1) / 2
    turn = weight * np.exp(-2j * np.pi * cycles * place_px)
    return Pairs(turn @ (upper * lower), weight @ upper_power, weight @ lower_power)


def _band(
    side_px: int,
    cycles: float,
    middle: float,
) -> NDArray[np.int64]:
    """Numbers of the waves around ``middle``, whole ones in a line."""
    reach = max(2, round(min(cycles, 1 - cycles) * BAND * side_px))
    first = math.ceil(middle * side_px - reach)
    last = math.floor(middle * side_px + reach)
    return np.arange(first, last + 1)


BACK_PROJECTIONS = 2
"""How often what an enlargement of the source lacks is added to it. Without, the source would be
softer than it was, and a network would sharpen it; more would gain less than 1 dB of 54."""
MARGIN_PX = 12
"""Rows of the source around a strip, px, on which its values may depend."""


def source_picture(picture: Colours, factor: int) -> Array:
    """``(h, w, 3)`` in [0, 1]: a picture whose cubic enlargement by a factor is the given one.

    Its sides are those of ``picture`` divided by the factor, rounded up. Source: iterative back
    projection, Irani and Peleg, Improving Resolution by Image Registration (1991)."""
    height, width = picture.shape[:2]
    rows, columns = -(-height // factor), -(-width // factor)
    source = np.empty((rows, columns, 3), np.float32)
    for top in range(0, rows, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, rows)
        first = max(0, top - MARGIN_PX)
        last = min(rows, bottom + MARGIN_PX)
        part = _projected_back(picture[first * factor : last * factor], factor)
        source[top:bottom] = part[top - first : bottom - first]
    return np.clip(source, 0, 1, out=source)


def _projected_back(picture: Array, factor: int) -> Array:
    """The source of some rows, of colours or grey."""
    below, right = (-length % factor for length in picture.shape[:2])
    border = cv2.BORDER_REPLICATE
    filled = cv2.copyMakeBorder(picture, 0, below, 0, right, border)
    whole = np.asarray(filled, np.float32)
    large = whole.shape[1], whole.shape[0]
    small = large[0] // factor, large[1] // factor
    source = _resized(whole, small, cv2.INTER_AREA)
    for _ in range(BACK_PROJECTIONS):
        enlarged = _resized(source, large, cv2.INTER_CUBIC)
        lacking = whole - enlarged
        source += _resized(lacking, small, cv2.INTER_AREA)
    return source


def _resized(picture: Array, size: tuple[int, int], interpolation: int) -> Array:
    """A picture of another width and height."""
    resized = cv2.resize(picture, size, interpolation=interpolation)
    return np.asarray(resized, np.float32)
