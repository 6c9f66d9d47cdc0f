"""Statistics of natural scenes, as NIQE takes them of a block of locally normalised luma.

Source: Mittal, Soundararajan and Bovik 2013, with the constants of the authors' program."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.special import gammaln

__all__ = ["block_statistics", "halved", "normalised"]

Values = NDArray[np.float64]

_WINDOW_PX, _SIGMA_PX = 7, 7 / 6
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

_SHAPES = np.arange(0.2, 10.001, 0.001)
_RATIOS = np.exp(2 * gammaln(2 / _SHAPES) - gammaln(1 / _SHAPES) - gammaln(3 / _SHAPES))
"""(Mean of the magnitude)² by the mean square of each shape; it grows with the shape."""

_HALVING = np.array([-0.01171875, -0.03515625, 0.11328125, 0.43359375])
_HALVING = np.concatenate([_HALVING, _HALVING[::-1]])
"""Taps of the cubic that MATLAB's ``imresize`` takes for half the size, with antialiasing."""


def normalised(luma: Values) -> Values:
    """Luma ``(H, W)`` from 0 to 255 less its local mean, by its local deviation plus 1."""
    taps = cv2.getGaussianKernel(_WINDOW_PX, _SIGMA_PX, cv2.CV_64F).ravel()

    def mean(values: Values) -> Values:
        return np.asarray(
            cv2.sepFilter2D(values, cv2.CV_64F, taps, taps, borderType=cv2.BORDER_REPLICATE)
        )

    centre = mean(luma)
    deviation = np.sqrt(np.abs(mean(luma * luma) - centre * centre))
    return (luma - centre) / (deviation + 1.0)


def halved(luma: Values) -> Values:
    """A picture of even sides at half its size."""
    rows = correlate1d(luma, _HALVING, axis=0, mode="reflect", origin=-1)[::2]
    return np.asarray(correlate1d(rows, _HALVING, axis=1, mode="reflect", origin=-1)[:, ::2])


def block_statistics(blocks: Values) -> Values:
    """18 statistics of each block ``(N, h, w)``; NaN where a block has none, because it is flat."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shape, left, right = _asymmetric_gaussian(blocks)
        columns = [shape, (left + right) / 2]
        for step in _NEIGHBOURS:
            shape, left, right = _asymmetric_gaussian(blocks * np.roll(blocks, step, axis=(1, 2)))
            mean = (right - left) * np.exp(gammaln(2 / shape) - gammaln(1 / shape))
            columns += [shape, mean, left, right]
    return np.stack(columns, axis=1)


def _asymmetric_gaussian(blocks: Values) -> tuple[Values, Values, Values]:
    """Shape and the two scales of a generalised Gaussian of each block, by its moments."""
    values = blocks.reshape(len(blocks), -1)
    left, right = (_root_mean_square(values, values < 0), _root_mean_square(values, values > 0))
    ratio = left / right
    magnitude = np.abs(values).mean(axis=1) ** 2 / (values * values).mean(axis=1)
    aim = magnitude * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    after = np.clip(np.searchsorted(_RATIOS, aim), 1, len(_RATIOS) - 1)
    nearest = after - (aim - _RATIOS[after - 1] <= _RATIOS[after] - aim)
    shape = np.where(np.isfinite(aim), _SHAPES[nearest], np.nan)
    scale = np.exp((gammaln(1 / shape) - gammaln(3 / shape)) / 2)
    return shape, left * scale, right * scale


def _root_mean_square(values: Values, counted: NDArray[np.bool_]) -> Values:
    squares = np.square(values * counted).sum(axis=1)
    return np.asarray(np.sqrt(squares / counted.sum(axis=1)))
