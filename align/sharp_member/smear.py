"""Motion, or a second image, of the whole sharp member: a pattern of its spectrum."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Mask, Singles
from defocus.align.sharp_member.texture import grain

BLOCK_PX = 64
"""Side of the blocks whose spectra are averaged; they overlap by half."""
LEAST_CONTRAST = 0.03
"""Least standard deviation of a block, codes."""
LEAST_BLOCKS = 10
"""Least number of blocks that have this contrast."""
OVER_NOISE = 4.0
"""Least power of a frequency over that of the grain."""
LEAST_FREQUENCIES = 250
"""Least number of frequencies with this power."""
LOWEST = 0.04
"""Lowest frequency that is compared, cycles a px."""
HIGHEST = 0.46
"""Highest frequency that is compared, cycles a px."""
DIRECTIONS = 12
"""Number of directions whose mean strength is removed from the spectrum: scenes have upright and
level lines."""
RINGS = 14
"""Number of bands of frequency whose mean strength is removed: lenses and cameras soften all
directions alike."""
LENGTHS_PX = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0)
"""Lengths of a motion, and distances of a second image. Longer ones look like textures of a scene,
and make the sharp member the blurrier one."""
ANGLES = 16
SECOND = 0.4
"""Share of the light that a double image has in its second, displaced image."""
DEEPEST = 0.02
"""Least share of a frequency's power that a pattern leaves, because grain fills its zeros."""
LEAST = 1e-9


@dataclass(frozen=True)
class Smear:
    """How alike the spectrum is to that of a motion or a second image."""

    likeness: float  # correlation, -1 to 1, with the most alike pattern
    length_px: float  # of that motion, or distance of that second image


def smear(codes: Singles, blurry: Singles | None = None) -> Smear | None:
    """Compare the spectrum of a sharp member, sRGB codes, with that of each pattern.

    What the spectrum of the ``blurry`` member has too lies in the scene, such as a row of posts.
    None if too little of the picture has detail."""
    spectrum = mean_log_spectrum(codes)
    if spectrum is None:
        return None
    all_logs, above_grain = spectrum
    patterns = _patterns()
    logs = all_logs[patterns.places]
    seen = above_grain[patterns.places]
    if seen.sum() < LEAST_FREQUENCIES:
        return None
    columns = _common_columns(patterns, blurry)
    common, _ = np.linalg.qr(columns[seen])
    rest = _without(logs[None, seen], common)[0]
    tried = _without(patterns.logs[:, seen], common)
    rest_size = float(np.linalg.norm(rest))
    sizes = np.linalg.norm(tried, axis=1) * rest_size
    likeness = tried @ rest / np.maximum(sizes, LEAST)
    best = int(likeness.argmax())
    length_px = float(patterns.lengths_px[best])
    return Smear(float(likeness[best]), length_px)


def _common_columns(patterns: "_Patterns", blurry: Singles | None) -> Doubles:
    """``(n, k)``: what any picture has, and the scene's spectrum as the blurry member shows it."""
    scene = None if blurry is None else mean_log_spectrum(blurry)
    if scene is None:
        return patterns.common
    scene_logs, _ = scene
    compared = scene_logs[patterns.places]
    return np.column_stack([patterns.common, compared])


def mean_log_spectrum(codes: Singles) -> tuple[Doubles, Mask] | None:
    """``(64, 33)`` mean log power over blocks with detail, and where it is above the grain."""
    hann = np.hanning(BLOCK_PX)
    window = np.outer(hann, hann).astype(np.float32)
    blocks = _blocks(codes, window)
    if len(blocks) < LEAST_BLOCKS:
        return None
    energy = float((window * window).sum())
    floor = grain(codes) ** 2 * energy
    spectra = np.fft.rfft2(np.stack(blocks))
    power = np.square(spectra.real) + np.square(spectra.imag)
    log_power = np.log(power + floor)
    logs = log_power.mean(axis=0)
    above_grain = logs > math.log(OVER_NOISE * floor)
    return logs, np.asarray(above_grain)


def _blocks(codes: Singles, window: Singles) -> list[Singles]:
    """Blocks with detail, each half over the next, without their mean and windowed."""
    step = BLOCK_PX // 2
    height, width = codes.shape
    tops = range(0, height - BLOCK_PX + 1, step)
    lefts = range(0, width - BLOCK_PX + 1, step)
    blocks = []
    for top in tops:
        rows = codes[top : top + BLOCK_PX]
        for left in lefts:
            block = rows[:, left : left + BLOCK_PX]
            mean, deviation = cv2.meanStdDev(block)
            if deviation[0, 0] > LEAST_CONTRAST:
                centred = block - np.float32(mean[0, 0])
                blocks.append(centred * window)
    return blocks


@dataclass(frozen=True)
class _Patterns:
    """Log spectra of motions and second images, and what every spectrum has."""

    places: Mask  # ``(64, 33)`` the F frequencies that are compared
    logs: Doubles  # ``(P, F)``
    lengths_px: Doubles  # ``(P,)``
    common: Doubles  # ``(F, C)`` columns: rings, and a line over the log frequency a direction


@cache
def _patterns() -> _Patterns:
    down, across = np.meshgrid(
        np.fft.fftfreq(BLOCK_PX),
        np.fft.rfftfreq(BLOCK_PX),
        indexing="ij",
    )
    frequency = np.hypot(across, down)
    places = (frequency > LOWEST) & (frequency < HIGHEST)
    x = across[places]
    y = down[places]
    logs = []
    lengths = []
    for angle in np.arange(ANGLES) * math.pi / ANGLES:
        across_motion = x * math.cos(angle)
        along = across_motion + y * math.sin(angle)
        for length in LENGTHS_PX:
            motion, second = _motion_and_double(length, along)
            logs.append(np.log(motion + DEEPEST))
            logs.append(np.log(second + DEEPEST))
            lengths += [length, length]
    common = _common(x, y, frequency[places])
    return _Patterns(
        places,
        np.array(logs),
        np.array(lengths),
        common,
    )


def _motion_and_double(length: float, along: Doubles) -> tuple[Doubles, Doubles]:
    """Power spectrum of a motion of this length, and of a second picture at this distance.

    A motion of length l leaves sinc²(l f), and a second picture with the share s of the light, at
    the distance l, leaves 1 - 2 s (1 - s) (1 - cos(2 π l f))."""
    motion = np.sinc(length * along) ** 2
    phase = 2 * math.pi * length * along
    beat = 1 - np.cos(phase)
    strength = 2 * SECOND * (1 - SECOND)
    second = 1 - strength * beat
    return motion, second


def _common(x: Doubles, y: Doubles, frequency: Doubles) -> Doubles:
    """Columns that span what scenes, lenses and cameras do to a spectrum."""
    angle = np.arctan2(y, x) % math.pi
    direction = (angle / math.pi * DIRECTIONS).astype(int)
    direction = np.minimum(direction, DIRECTIONS - 1)
    compared = HIGHEST - LOWEST
    ring = (frequency - LOWEST) / compared * RINGS
    ring = np.minimum(ring.astype(int), RINGS - 1)
    directions = np.eye(DIRECTIONS)[direction]
    rings = np.eye(RINGS)[ring]
    log_frequency = np.log(frequency)
    falls = directions * log_frequency[:, None]
    # each of the two sets of columns adds up to 1: one ring is left out, so that none is double
    all_but_first = rings[:, 1:]
    return np.hstack([directions, falls, all_but_first])


def _without(rows: Doubles, common: Doubles) -> Doubles:
    """Rows without their part in orthonormal columns."""
    coefficients = rows @ common
    return rows - coefficients @ common.T
