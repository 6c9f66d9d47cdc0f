"""Fuse aligned frames of a focus stack by their local detail, blended in a pyramid without seams.

Source: Li et al., guided filtering, TIP 2013; Burt, Adelson, multiresolution spline, TOG 1983."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Frames = Callable[[], Iterator[tuple[Array, Mask]]]

DETAIL_SIGMA_PX = 0.8
WINDOW_PX = 2.5
"""Standard deviation of the window in which detail is summed up, px."""
WIDE_WINDOWS_PX = ((8.0, 0.1), (32.0, 0.01))
"""Standard deviations of wider windows, px, with their weights; they decide where the narrow window
sees no detail."""
WIDE_STEP = 4
"""Factor by which the picture is reduced for the wide windows."""
STRAY_PX = 5
"""Side of the median filter that removes single stray choices."""
GUIDED_RADIUS_PX = 6
GUIDED_EPS = 1e-4
COARSEST_PX = 16
"""Shorter side of the smallest pyramid level."""
LEAST_CONTRAST = 1 / 255
"""Largest standard deviation of a plain place, encoded: no eye sees it, so what is weaker is not
detail."""
FLATTEST = 0.1
"""Share of a frame that is assumed to be plain; its detail is noise."""
SURE = 2.0
"""Lead of the strongest detail over the next, in multiples of the noise, that is more than
chance."""


@dataclass(frozen=True)
class Fusion:
    """A picture that is in focus wherever one of its frames is."""

    picture: Array  # ``(H, W, 3)`` float32, sRGB-encoded, 0..1
    # ``(H, W)`` uint16, index of the frame with the strongest detail
    index: NDArray[np.uint16]
    # ``(H, W)`` float32, 0..1: how much of the strongest detail the mean of the other frames lacks,
    # beyond what noise explains. 0 where nothing tells the frames apart, as on a plain wall
    confidence: Array


def fused(frames: Frames) -> Fusion:
    """Fuse frames that are on one grid; two of them are in memory at most.

    ``frames`` is called twice; it yields ``(H, W, 3)`` in 0..1 with a mask of what it shows."""
    index, confidence = _chosen(frames())
    total, weights = _summed(frames, index)
    blended = []
    for part, share in zip(total, weights, strict=True):
        divisor = np.maximum(share, np.float32(1e-6))[:, :, None]
        blended.append(np.asarray(part / divisor, np.float32))
    return Fusion(np.clip(_collapsed(blended), 0.0, 1.0), index, confidence)


def _summed(
    frames: Frames,
    index: NDArray[np.uint16],
) -> tuple[list[Array], list[Array]]:
    """Details of each level, weighted, and the weights, summed over the frames."""
    total: list[Array] = []
    weights: list[Array] = []
    for number, (frame, seen) in enumerate(frames()):
        chosen = (index == number).astype(np.float32)
        weight = _weight(frame, chosen) * seen
        count = _levels(frame.shape)
        details = _laplacian(frame, count)
        shares = _gaussian(weight, count)
        for level, (detail, share) in enumerate(zip(details, shares, strict=True)):
            if number == 0:
                total.append(np.zeros_like(detail))
                weights.append(np.zeros_like(share))
            total[level] += share[:, :, None] * detail
            weights[level] += share
    return total, weights


def _chosen(frames: Iterator[tuple[Array, Mask]]) -> tuple[NDArray[np.uint16], Array]:
    """Index of the frame with the strongest detail, and how clearly it leads."""
    best = total = count = np.zeros((1, 1), np.float32)
    index = np.zeros((1, 1), np.uint16)
    noise = np.inf
    for number, (frame, seen) in enumerate(frames):
        detail = _detail(frame) * seen
        if number == 0:
            best = detail.copy()
            total = np.zeros_like(detail)
            index = np.zeros(detail.shape, np.uint16)
            count = np.zeros_like(detail)
        index[detail > best] = number
        best = np.maximum(best, detail)
        total += detail
        count += seen
        noise = min(noise, _noise(detail[seen]))
    others = (total - best) / np.maximum(count - 1, 1)
    return _without_strays(index), _confidence(best, others, noise)


def _without_strays(index: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The index without single places that differ from those around them."""
    return np.asarray(cv2.medianBlur(index, STRAY_PX), np.uint16)


def _confidence(best: Array, others: NDArray[Any], noise: float) -> Array:
    """How clearly the best frame leads the mean of the others, 0..1."""
    lead = 1.0 - (others + SURE * noise) / np.maximum(best, noise)
    return np.asarray(np.clip(lead, 0.0, 1.0), np.float32)


def _detail(frame: Array) -> Array:
    """Energy of the fine detail around each pixel, > 0."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (0, 0), DETAIL_SIGMA_PX)
    edges = cv2.Laplacian(smooth, cv2.CV_32F)
    power = edges * edges
    narrow = cv2.GaussianBlur(power, (0, 0), WINDOW_PX)
    return np.asarray(narrow + _in_wide_windows(power), np.float32)


def _in_wide_windows(power: Array) -> Array:
    """The power summed up in the wide windows, each with its weight."""
    height, width = power.shape
    size = max(1, width // WIDE_STEP), max(1, height // WIDE_STEP)
    small = cv2.resize(power, size, interpolation=cv2.INTER_AREA)
    wide = np.zeros_like(small)
    for sigma, share in WIDE_WINDOWS_PX:
        blurred = cv2.GaussianBlur(small, (0, 0), sigma / WIDE_STEP)
        wide = wide + share * np.asarray(blurred)
    return np.asarray(cv2.resize(wide, (width, height)))


def _noise(detail: Array) -> float:
    """Energy of the noise in the flattest places of a frame; at least what no eye sees."""
    point = np.zeros((15, 15), np.float32)
    point[7, 7] = LEAST_CONTRAST  # as strong as white noise of that deviation
    blurred = cv2.GaussianBlur(point, (0, 0), DETAIL_SIGMA_PX)
    edges = cv2.Laplacian(blurred, cv2.CV_32F)
    unseen = float((edges**2).sum())
    flattest = float(np.quantile(detail, FLATTEST)) if detail.size else 0.0
    return max(flattest, unseen)


def _weight(frame: Array, mask: Array) -> Array:
    """The choice of one frame, smoothed along the edges of the frame."""
    # a guided filter: in each window the mask is slope · guide + offset by least squares
    guide = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    side = 2 * GUIDED_RADIUS_PX + 1
    size = (side, side)
    mean = cv2.blur(guide, size)
    mean_mask = cv2.blur(mask, size)
    mean_square = cv2.blur(guide * guide, size)
    mean_product = cv2.blur(guide * mask, size)
    variance = np.maximum(mean_square - mean * mean, 0.0)
    covariance = mean_product - mean * mean_mask
    slope = covariance / (variance + GUIDED_EPS)
    offset = mean_mask - slope * mean
    weight = cv2.blur(slope, size) * guide + cv2.blur(offset, size)
    return np.asarray(np.clip(weight, 1e-4, 1.0), np.float32)


def _levels(shape: tuple[int, ...]) -> int:
    ratio = max(min(shape[:2]) / COARSEST_PX, 1.0)
    return int(np.log2(ratio)) + 1


def _gaussian(picture: Array, levels: int) -> list[Array]:
    pyramid = [picture]
    for _ in range(levels - 1):
        pyramid.append(np.asarray(cv2.pyrDown(pyramid[-1])))
    return pyramid


def _laplacian(picture: Array, levels: int) -> list[Array]:
    smooth = _gaussian(picture, levels)
    details: list[Array] = []
    for fine, coarse in pairwise(smooth):
        enlarged = cv2.pyrUp(coarse, dstsize=fine.shape[1::-1])
        details.append(fine - enlarged)
    return [*details, smooth[-1]]


def _collapsed(levels: list[Array]) -> Array:
    picture = levels[-1]
    for detail in levels[-2::-1]:
        enlarged = cv2.pyrUp(picture, dstsize=detail.shape[1::-1])
        picture = detail + enlarged
    return picture
