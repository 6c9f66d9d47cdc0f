"""Methods that are compared on pairs with a known warp: ours, and what people use otherwise."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.compensate import Release, plan_compensation
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.align.measure import measure
from defocus.align.photometry.linear_light import LUMINANCE, reduced_light
from defocus.align.registration.register import register
from defocus.align.sampling.positions import pixel_grid, transformed
from defocus.pictures.values import Image
from research.light import Array, Matrix, Pixels, homogeneous

ECC_ITERATIONS, ECC_SMOOTHING_PX = 100, 5
FLOW_STEP_PX = 8
LIKE = 0.8
"""Largest ratio of the best descriptor's distance to that of the second best at which it is a
match."""
RANSAC_PX = 1.0
LEAST_MATCHES = 6


@dataclass(frozen=True)
class Placed:
    """Where a method says that the blurry picture's pixels lie in the sharp one."""

    positions: Array  # ``(2, H, W)`` float32
    matrix: Matrix  # ``(3, 3)``, its transform of the whole picture
    sigma_px: float | None = (
        None  # standard error at the worst corner; None where it states none
    )


def _of(
    matrix: Matrix,
    shape: tuple[int, ...],
    sigma_px: float | None = None,
) -> Placed:
    flow = transformed(pixel_grid(*shape[:2]), matrix)
    return Placed(flow, matrix, sigma_px)


def _global(blurry: Image, sharp: Image) -> Placed | None:
    first = reduced_light(blurry, 1, LUMINANCE)
    second = reduced_light(sharp, 1, LUMINANCE)
    registration = register(first, second)
    if registration.matrix is None:
        return None
    return _of(registration.matrix, blurry.shape, registration.corner_error_px)


def _flow(blurry: Image, sharp: Image) -> Placed | None:
    measured = measure(blurry, sharp, flow_estimator(DEFAULT_ESTIMATOR))
    matrix = measured.misalignment.matrix
    if matrix is None:
        return None
    placement = plan_compensation(measured, sharp.shape, Release("flow")).placement
    columns = np.arange(blurry.shape[1], dtype=float)
    rows = np.arange(blurry.shape[0], dtype=float)
    places = np.stack(placement(columns, rows))
    return Placed(places.astype(np.float32), matrix)


def _ecc(blurry: Image, sharp: Image) -> Placed | None:
    """Affine, from the identity, OpenCV's Gaussian of 5."""
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ECC_ITERATIONS, 1e-6)
    first = _grey(blurry)
    second = _grey(sharp)
    start = np.eye(2, 3, dtype=np.float32)
    inside = np.full(first.shape, 255, np.uint8)
    try:
        _, affine = cv2.findTransformECC(
            first,
            second,
            start,
            cv2.MOTION_AFFINE,
            criteria,
            inside,
            ECC_SMOOTHING_PX,
        )
    except cv2.error:  # how OpenCV says that the iteration diverged
        return None
    return _of(homogeneous(affine), blurry.shape)


def _dis(blurry: Image, sharp: Image) -> Placed | None:
    """Dense inverse search, and the similarity on which most of its flow agrees."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    size = blurry.shape[:2]
    none = np.zeros((*size, 2), np.float32)
    first = _grey(blurry)
    second = _grey(sharp)
    flow = np.asarray(estimator.calc(first, second, none))
    grid = pixel_grid(*size)
    every = slice(None, None, FLOW_STEP_PX)
    start = grid[:, every, every].reshape(2, -1).T
    moves = flow[every, every].reshape(-1, 2)
    return _agreed(start, start + moves, blurry)


def _sift(blurry: Image, sharp: Image) -> Placed | None:
    """Features of SIFT, those that match, and the similarity on which most of them agree."""
    sift = cv2.SIFT.create()
    first, first_features = sift.detectAndCompute(_grey(blurry), None)
    second, second_features = sift.detectAndCompute(_grey(sharp), None)
    if first_features is None or second_features is None or len(second_features) < 2:
        return None
    start_points = []
    end_points = []
    matches = cv2.BFMatcher().knnMatch(first_features, second_features, k=2)
    for best, other in matches:
        if best.distance < LIKE * other.distance:
            start_points.append(first[best.queryIdx].pt)
            end_points.append(second[best.trainIdx].pt)
    start = np.array(start_points).reshape(-1, 2)
    end = np.array(end_points).reshape(-1, 2)
    return _agreed(start, end, blurry)


def _agreed(
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    blurry: Image,
) -> Placed | None:
    if len(start) < LEAST_MATCHES:
        return None
    cv2.setRNGSeed(0)
    affine, voted = cv2.estimateAffinePartial2D(
        start,
        end,
        method=cv2.RANSAC,
        ransacReprojThreshold=RANSAC_PX,
        maxIters=5000,
    )
    if affine is None or int(voted.sum()) < LEAST_MATCHES:
        return None
    return _of(homogeneous(affine), blurry.shape)


def _phase(blurry: Image, sharp: Image) -> Placed | None:
    """One shift, by phase correlation of the whole pictures."""
    first = _grey(blurry).astype(np.float32)
    second = _grey(sharp).astype(np.float32)
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(first, second, window)
    affine = np.array(
        [
            [1.0, 0.0, x],
            [0.0, 1.0, y],
        ]
    )
    return _of(homogeneous(affine), blurry.shape)


def _grey(picture: Image) -> Pixels:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


Method = Callable[[Image, Image], Placed | None]
"""Function from two pictures of 8 bits to places; None means no answer."""
OURS = ("ours, global", "ours, flow")
PEERS: dict[str, Method] = {
    OURS[0]: _global,
    OURS[1]: _flow,
    "ECC affine": _ecc,
    "DIS + RANSAC": _dis,
    "SIFT + RANSAC": _sift,
    "phase correlation": _phase,
}
"""The methods by their names in the table."""


def placements(
    blurry: Image,
    sharp: Image,
) -> Iterator[tuple[str, Placed | None, float]]:
    """The placement by each method, and the CPU seconds that it took."""
    for name, method in PEERS.items():
        start = time.process_time()
        placement = method(blurry, sharp)
        yield name, placement, time.process_time() - start
