"""How crisp edges are, and how concentrated the gradients, around each pixel.

Deblurring concentrates the change at an edge (Krishnan, Tay and Fergus, CVPR 2011); gain does
not."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.strips import Colours, mean_of_colours, plane, strips

Floats = NDArray[np.float64]

BLOCK_PX = 8
BINS = 8
LEAST_BLOCKS = 24
QUIET_QUANTILE = 0.05
"""Share of blocks, those with the least change between pixels, from which noise is measured: they
have no texture, but all of the noise."""
MOST_NOISE = 0.02
"""Largest standard deviation of noise, as a share of white. A larger one comes from the subject."""

Array = NDArray[np.float32]


def noise_by_brightness(picture: Colours) -> Floats:
    """Standard deviation of the noise, ``(8,)``, by brightness; at most :data:`MOST_NOISE`."""
    # A brightness with too few blocks has the noise of all.
    rows, columns = (BLOCK_PX * (length // BLOCK_PX) for length in picture.shape[:2])
    if rows == 0 or columns == 0:
        return np.zeros(BINS)
    blocks = [_noise_in_blocks(picture[strip], columns) for strip in strips(rows)]
    deviations, brightness = (np.concatenate(one) for one in zip(*blocks, strict=True))
    whole = float(np.quantile(deviations, QUIET_QUANTILE))
    bins = np.minimum((brightness * BINS).astype(int), BINS - 1)
    levels = np.full(BINS, whole)
    for one in range(BINS):
        inside = deviations[bins == one]
        if inside.size >= LEAST_BLOCKS:
            levels[one] = np.quantile(inside, QUIET_QUANTILE)
    return np.asarray(np.minimum(levels, MOST_NOISE))


def _noise_in_blocks(picture: Array, columns: int) -> tuple[Array, Array]:
    """Standard deviation and brightness of the blocks of a strip."""
    # By the diagonal differences in squares of 2 x 2 px: they see little of edges, and too little
    # of noise that neighbours share.
    part = picture[:, :columns]
    side = BLOCK_PX // 2
    corners = part[0::2, 0::2] - part[0::2, 1::2] - part[1::2, 0::2] + part[1::2, 1::2]
    squares = mean_of_colours(np.square(corners, out=corners))
    power = _block_means(np.asarray(squares / 4, np.float32), side)
    brightness = _block_means(mean_of_colours(part[0::2, 0::2]), side)
    return np.sqrt(power), brightness


def noise_of(brightness: NDArray[np.floating], levels: Floats) -> Floats:
    """The noise at some brightnesses, between those of :func:`noise_by_brightness`."""
    centres = (np.arange(BINS) + 0.5) / BINS
    return np.asarray(np.interp(brightness, centres, levels))


def deviation_of(brightness: Array, levels: Floats) -> Array:
    """As :func:`noise_of`, in single precision; row by row, as NumPy looks up in double."""
    deviation = np.empty(brightness.shape, np.float32)
    for row, given in zip(deviation, brightness, strict=True):
        row[:] = noise_of(given, levels)
    return deviation


def _block_means(values: Array, side: int) -> Array:
    rows, columns = (length // side for length in values.shape)
    blocks = values.reshape(rows, side, columns, side)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


NOTHING = 1e-7
EDGE_PX = 5
"""Side of the squares in which the steepest step and the range of values are measured, px."""
MEAN_PX = 61
REACH_PX = MEAN_PX // 2 + EDGE_PX // 2 + 1
"""Radius of the area that decides on a pixel's crispness, px."""
LEAST_RANGE = 0.1
NOISES_OF_RANGE, NOISES_OF_STEP = 10.0, 5.0
"""Largest range, and largest step between neighbours, that noise alone makes in a square, in
standard deviations."""


def crispness(picture: Array, noise: Floats) -> Array:
    """The steepest step between neighbours over the range around it, mean of the edges around."""
    # ``(H, W)`` in [0, 1]; 0 where there is no edge. Behind a disc of d px an edge rises by at most
    # 4 / (pi d) of its height per pixel.
    deviation = deviation_of(mean_of_colours(picture), noise)
    total = np.zeros(picture.shape[:2], np.float32)
    weights = np.zeros(picture.shape[:2], np.float32)
    for colour in range(3):
        weight, share = _steepest(plane(picture, colour), deviation)
        weights += weight
        weight *= share
        total += weight
    return np.asarray(mean_around(total) / (mean_around(weights) + NOTHING), np.float32)


def _steepest(level: Array, deviation: Array) -> tuple[Array, Array]:
    """The weight of each edge in one colour, and its steepest step divided by its range."""
    square = np.ones((EDGE_PX, EDGE_PX), np.uint8)
    steps = np.asarray(cv2.dilate(_steps(level), square), np.float32)
    steps -= NOISES_OF_STEP * deviation
    extent = np.asarray(cv2.dilate(level, square), np.float32)
    extent -= cv2.erode(level, square)
    weight = extent - NOISES_OF_RANGE * deviation
    weight -= LEAST_RANGE
    np.square(np.maximum(weight, 0, out=weight), out=weight)
    extent -= NOISES_OF_STEP * deviation
    steps /= np.maximum(extent, NOTHING, out=extent)
    return weight, np.clip(steps, 0, 1, out=steps)


def spread(picture: Array) -> Array:
    """Share of the pixels around over which gradients spread, ``(H, W)``: 1 if all are equal."""
    # The mean of their roots, squared, over the root of the mean of their squares.
    squares = np.zeros(picture.shape[:2], np.float32)
    squares[:, :-1] += _squared_steps(picture, axis=1)
    squares[:-1] += _squared_steps(picture, axis=0)
    most = np.sqrt(np.maximum(mean_around(squares), 0))
    roots = np.sqrt(np.sqrt(squares, out=squares), out=squares)
    return np.asarray(np.square(mean_around(roots)) / (most + NOTHING))


def _squared_steps(picture: Array, axis: int) -> Array:
    """The squared steps along an axis, summed over the colours; one colour is copied at a time."""
    total = _squared_step(picture, 0, axis)
    total += _squared_step(picture, 1, axis)
    total += _squared_step(picture, 2, axis)
    return total


def _squared_step(picture: Array, colour: int, axis: int) -> Array:
    step = np.diff(plane(picture, colour), axis=axis)
    return np.square(step, out=step)


def _steps(level: Array) -> Array:
    """From each pixel to the next, across or down, whichever is larger."""
    steps = np.zeros_like(level)
    steps[:, :-1] = np.abs(np.diff(level, axis=1))
    steps[:-1] = np.maximum(steps[:-1], np.abs(np.diff(level, axis=0)))
    return steps


def mean_around(values: Array) -> Array:
    """The mean of the square of 61 px around each pixel."""
    return np.asarray(cv2.blur(values, (MEAN_PX, MEAN_PX)), np.float32)
