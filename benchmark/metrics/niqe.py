"""NIQE: how far a picture's statistics are from those of natural pictures; without reference."""

import functools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.special import gammaln

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile
from defocus.pictures.values import LUMA

_BLOCK_PX = 96
_NATURAL = Path(__file__).with_name("niqe.safetensors")

Values = NDArray[np.float64]

_WINDOW_PX, _SIGMA_PX = 7, 7 / 6
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

_SHAPES = np.arange(0.2, 10.001, 0.001)
_LOG_RATIOS = 2 * gammaln(2 / _SHAPES) - gammaln(1 / _SHAPES) - gammaln(3 / _SHAPES)
_RATIOS = np.exp(_LOG_RATIOS)
"""Squared mean of the magnitude over the mean square, for each shape; the ratio grows with the
shape."""

_HALVING = np.array([-0.01171875, -0.03515625, 0.11328125, 0.43359375])
_HALVING = np.concatenate([_HALVING, _HALVING[::-1]])
"""Taps of the cubic that MATLAB's ``imresize`` takes for half the size, with antialiasing."""


def _niqe(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes these
    """NIQE of the blocks of 96 px that are wholly under the mask; lower is better."""
    # Source: Mittal, Soundararajan and Bovik 2013, with the parameters of the authors' release.
    luma = np.rint(np.clip(restored, 0.0, 1.0) @ LUMA * 255.0)
    rows, columns = (side // _BLOCK_PX for side in luma.shape)
    whole = _blocks(mask, rows, columns, _BLOCK_PX).all(axis=(1, 2))
    if whole.sum() < 2:
        raise MetricUnavailableError(
            f"NIQE needs two blocks of {_BLOCK_PX} px at least that are not masked"
        )
    luma = luma[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    statistics = []
    for picture, side in ((luma, _BLOCK_PX), (halved(luma), _BLOCK_PX // 2)):
        blocks = _blocks(normalised(picture), rows, columns, side)
        statistics.append(block_statistics(blocks[whole]))
    return _distance(np.concatenate(statistics, axis=1))


def _distance(blocks: Values) -> float:
    """Distance between the Gaussian of the blocks' statistics ``(N, 36)`` and the natural one."""
    # sqrt(gap' * inverse of the mean of both covariances * gap). Source: Mittal et al. 2013.
    complete = blocks[np.isfinite(blocks).all(axis=1)]
    if len(complete) < 2:
        raise MetricUnavailableError(
            "NIQE has no meaning here: nearly all of the picture is flat"
        )
    natural_mean, natural_covariance = _natural()
    gap = natural_mean - np.nanmean(blocks, axis=0)
    covariance = np.cov(complete, rowvar=False)
    joint = (natural_covariance + covariance) / 2
    return float(np.sqrt(gap @ np.linalg.pinv(joint) @ gap))


def _blocks(picture: NDArray[Any], rows: int, columns: int, side: int) -> NDArray[Any]:
    """The blocks of a picture ``(H, W)``, row by row: ``(rows * columns, side, side)``."""
    height, width = rows * side, columns * side
    inside = picture[:height, :width]
    lines = inside.reshape(rows, side, columns, side)
    blocks = lines.swapaxes(1, 2)
    return blocks.reshape(-1, side, side)


@functools.cache
def _natural() -> tuple[Values, Values]:
    """Mean and covariance of the statistics of natural pictures."""
    from safetensors.numpy import load_file

    stored = load_file(_NATURAL)
    return stored["mean"], stored["covariance"]


def normalised(luma: Values) -> Values:
    """Luma ``(H, W)`` from 0 to 255 less its local mean, by its local deviation plus 1."""
    taps = cv2.getGaussianKernel(_WINDOW_PX, _SIGMA_PX, cv2.CV_64F).ravel()

    def mean(values: Values) -> Values:
        return np.asarray(
            cv2.sepFilter2D(
                values,
                cv2.CV_64F,
                taps,
                taps,
                borderType=cv2.BORDER_REPLICATE,
            )
        )

    centre = mean(luma)
    variance = mean(luma * luma) - centre * centre
    deviation = np.sqrt(np.abs(variance))
    return (luma - centre) / (deviation + 1.0)


def halved(luma: Values) -> Values:
    """A picture of even sides at half its size."""
    rows = correlate1d(luma, _HALVING, axis=0, mode="reflect", origin=-1)[::2]
    return np.asarray(
        correlate1d(rows, _HALVING, axis=1, mode="reflect", origin=-1)[:, ::2]
    )


def block_statistics(blocks: Values) -> Values:
    """18 statistics of each block ``(N, h, w)``; NaN where a block has none, because it is flat."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shape, left, right = _asymmetric_gaussian(blocks)
        columns = [shape, (left + right) / 2]
        for step in _NEIGHBOURS:
            neighbours = np.roll(blocks, step, axis=(1, 2))
            shape, left, right = _asymmetric_gaussian(blocks * neighbours)
            ratio = np.exp(gammaln(2 / shape) - gammaln(1 / shape))
            mean = (right - left) * ratio
            columns += [shape, mean, left, right]
    return np.stack(columns, axis=1)


def _asymmetric_gaussian(blocks: Values) -> tuple[Values, Values, Values]:
    """Shape and the two scales of a generalised Gaussian of each block, by its moments."""
    # With the ratio g of both deviations and r = mean(|x|)² / mean(x²), the shape is the one whose
    # own ratio of moments is r (g³ + 1) (g + 1) / (g² + 1)². Source: Lasmar, Stitou and
    # Berthoumieu, Multiscale skewed heavy tailed model for texture analysis, 2009.
    values = blocks.reshape(len(blocks), -1)
    left = _root_mean_square(values, values < 0)
    right = _root_mean_square(values, values > 0)
    ratio = left / right
    squared_mean = np.abs(values).mean(axis=1) ** 2
    mean_square = (values * values).mean(axis=1)
    magnitude = squared_mean / mean_square
    numerator = magnitude * (ratio**3 + 1) * (ratio + 1)
    aim = numerator / (ratio**2 + 1) ** 2
    nearest = _SHAPES[_nearest_ratio(aim)]
    shape = np.where(np.isfinite(aim), nearest, np.nan)
    log_scale = gammaln(1 / shape) - gammaln(3 / shape)
    scale = np.exp(log_scale / 2)
    return shape, left * scale, right * scale


def _nearest_ratio(aim: Values) -> NDArray[np.intp]:
    """The places of the ratios of moments that are nearest to some."""
    last = len(_RATIOS) - 1
    after = np.clip(np.searchsorted(_RATIOS, aim), 1, last)
    below = _RATIOS[after - 1]
    above = _RATIOS[after]
    nearer_below = aim - below <= above - aim
    return np.asarray(after - nearer_below)


def _root_mean_square(values: Values, counted: NDArray[np.bool_]) -> Values:
    squares = np.square(values * counted).sum(axis=1)
    return np.asarray(np.sqrt(squares / counted.sum(axis=1)))


METRIC = Metric(
    name="niqe",
    display_name="NIQE",
    better="lower",
    unit="",
    decimals=2,
    compute=_niqe,
    span=(0.0, None),
    against="nothing",
    on_request=True,
)
