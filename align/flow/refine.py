"""Refinement of flow between pictures of equal blur: the most probable flow, with its error.

Differences in brightness are weighed against neighbours that move alike."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Mask, Shape, Singles
from defocus.align.registration.robust_fit import ERROR_OVER_COC
from defocus.align.sampling.positions import inside, pixel_grid, sampled
from defocus.align.sampling.pyramid import (
    grain_level,
    reduced_area,
    resized_to,
    smoothed,
)
from defocus.blur.gradients import slopes

TILE_PX = 32
"""Side, px, of the place that is judged. The flow around it, up to three sides away, predicts
it."""
LEAST_SHARE = 0.25
"""Least share of reliable pixels, of the tile and of the ring around it."""
OWN_ERROR_PX = 0.05
"""Error of a flow beyond its prediction, px, where nothing is blurred. With blur it grows as that
of a registered tile does."""
SIGNIFICANT = 3.0
LEFT_SHARE = 0.5
"""Largest share of a place's squared flow that the flow around it may leave unexplained."""


def supported(
    residual: Singles,
    uncertainty_px: Singles,
    coc_px: Singles,
    reliable: Mask,
) -> Mask:
    """Where the flow around a place predicts that place, left out, better than no flow does.

    The flow must also exceed three times the error that a blur of its size causes; all in px."""
    counted = reliable.astype(np.float32)
    count = _box(counted, TILE_PX)
    ring_count = _box(counted, 3 * TILE_PX) - count
    inside = np.maximum(count, 1)
    ring = np.maximum(ring_count, 1)
    x, near_x = _mean_and_around(counted * residual[0], inside, ring)
    y, near_y = _mean_and_around(counted * residual[1], inside, ring)
    expected = _box(counted * uncertainty_px, TILE_PX) / inside
    coc = _box(counted * np.abs(coc_px), TILE_PX) / inside
    variance = _expected_variance(expected, coc)
    squared = _squared_length(x, y)
    left = _squared_length(x - near_x, y - near_y)
    significant = squared > SIGNIFICANT**2 * variance
    stays = left < LEFT_SHARE * squared
    return _is_enough(count, ring_count) & significant & stays


def _squared_length(x: Singles, y: Singles) -> Singles:
    return x * x + y * y


def _is_enough(count: Singles, ring_count: Singles) -> Mask:
    """Whether enough pixels of a tile, and of the eight around it, are reliable."""
    area = TILE_PX**2
    share = count / area
    ring_share = ring_count / (8 * area)
    return (share >= LEAST_SHARE) & (ring_share >= LEAST_SHARE)


def _expected_variance(expected_px: NDArray[Any], coc_px: NDArray[Any]) -> Singles:
    """Variance of the flow of a tile, px²: the estimate, plus the part from its blur."""
    of_blur = ERROR_OVER_COC * coc_px
    variance = expected_px**2 + OWN_ERROR_PX**2 + of_blur**2
    return np.asarray(variance)


def _mean_and_around(
    values: Singles, inside: Singles, ring: Singles
) -> tuple[Singles, Singles]:
    """Means of the values over each tile and over the ring around it, by counts of pixels."""
    total = _box(values, TILE_PX)
    around = _box(values, 3 * TILE_PX) - total
    return total / inside, around / ring


def _box(values: Singles, side: int) -> Singles:
    """Sums over a square around each place; nothing is added beyond the border."""
    sums = cv2.boxFilter(
        values,
        cv2.CV_32F,
        (side, side),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )
    return np.asarray(sums)


# Weights of what predicts the error of a flow; they were fitted on the split ``choose``.
OF_STANDARD_ERROR = 0.32
OF_CONSISTENCY = 4.1
"""Weight of the disagreement between the flow there and the flow back. Both are held to one
expectation, so that a small disagreement means much."""
OF_CHANGE_PX = 7.3
"""Distance, px, over which the change of a flow counts as its uncertainty."""
OF_BLUR = 0.0082

RELIABLE_PX = 0.5


def expected_error(
    standard_error: Singles,
    consistency: Singles,
    residual: Singles,
    coc: Singles,
) -> Singles:
    """The expected error ``(H, W)``, px of the measured picture, as are all arguments."""
    terms = (
        OF_STANDARD_ERROR * standard_error,
        OF_CONSISTENCY * consistency,
        OF_CHANGE_PX * _change(residual),
        OF_BLUR * coc,
    )
    squares = [term * term for term in terms]
    return np.sqrt(np.sum(squares, axis=0, dtype=np.float32))


def reliable_mask(expected: Singles, standard_error: Singles, occluded: Mask) -> Mask:
    """The mask of reliable flow; the standard error alone must be small enough too.

    A wall without texture has small errors if the registration is right, but gives no evidence."""
    sure = expected <= RELIABLE_PX
    sure &= standard_error <= RELIABLE_PX
    return ~occluded & sure


def _change(residual: Singles) -> Singles:
    """Length of the flow's gradient, pixels per pixel."""
    squares = []
    for component in residual:
        across, down = slopes(component)
        squares += [down**2, across**2]
    change = np.sqrt(np.sum(squares, axis=0))
    return np.asarray(change, np.float32)


WINDOWS_PX = (32, 16, 8, 4)
"""Widths (sigma) of the windows, px, from coarse to fine. Each starts from the result of the one
before."""
GRID_PER_WINDOW = 2
"""Points of the flow's grid for each width of a window."""
EXPECTED_PX = (1.0, 0.3, 0.2, 0.2)
"""Standard deviation, px, that is first assumed between the flow of a window and that of the window
before."""
LEAST_EXPECTED_PX = 0.06
BELIEF = 0.01
"""Weight of the expectation, as a share of the places. Evidence from more places outweighs it."""
ITERATIONS = 2

NOISE = 0.006
"""Standard deviation of the finest noise, encoded 0..1."""
NOISE_PX = 1.5
"""Width over which differences are correlated, px. Most of them are not noise but an imperfectly
equalised blur."""
DIFFERENCE_PX = 5.0
"""Width over which the strength of the differences is judged."""
SHADING_PX = 10.0
"""Differences wider than this are light, not motion."""
UNEXPECTED_PX = 3.0
"""Standard deviation of a step for which there is no expectation, px."""
DOUBT = 1.0
"""Standard errors of a step that are subtracted before the rest counts as a surprise."""
CAUTION = 3.0
"""Factor on the variance of the differences, chosen on the choosing split of the truth set."""

DERIVATIVE = np.array([[1, -8, 0, 8, -1]], np.float32) / 12
GRAIN_GRADIENT = float((DERIVATIVE**2).sum()) / 4
"""Variance of the mean gradient of two pictures over that of their difference, for white noise."""
NOISE_SCATTER = 1.5
"""Factor by which the energy of noise in a window may exceed its mean."""

Terms: TypeAlias = tuple[Singles, Singles, Singles, Singles, Singles]
"""Terms of the normal equations of each pixel: matrix (xx, xy, yy) times flow = right side (x,
y)."""


@dataclass(frozen=True)
class Refined:
    """A flow ``(2, H, W)`` with its standard error ``(H, W)`` in the worst direction, px."""

    flow: Singles  # ``(2, H, W)`` float32, px
    standard_error: Singles  # ``(H, W)`` float32, px, in the worst direction


def refined(
    first: Singles,
    second: Singles,
    flow: Singles,
    prior: Singles,
    valid: Mask,
) -> Refined:
    """Improve a flow, or undo it towards ``prior`` where the pictures do not support it, px.

    Pictures are ``(H, W)`` float32, encoded 0..1, of the same exposure and blur."""
    shape = valid.shape
    expected: tuple[float, ...] = EXPECTED_PX
    for _ in range(ITERATIONS):
        evidence = _evidence(first, second, flow, valid)
        coarse, standard_error, expected = _fused(evidence, prior, valid, expected)
        flow = _resized_flow(coarse, shape)
    return Refined(flow, resized_to(standard_error, shape))


def _resized_flow(flow: Singles, shape: Shape) -> Singles:
    """A flow ``(2, h, w)`` interpolated on another grid; its lengths stay."""
    components = [resized_to(component, shape) for component in flow]
    return np.stack(components)


def _evidence(
    first: Singles,
    second: Singles,
    flow: Singles,
    valid: Mask,
) -> Terms:
    """Evidence of the brightness differences, linearised around a flow."""
    at = pixel_grid(*first.shape) + flow
    warped = sampled(second, at, cubic=True)
    middle = (first + warped) / np.float32(2)
    gx = _derivative(middle, DERIVATIVE)
    gy = _derivative(middle, DERIVATIVE.T)
    counted = (valid & inside(at)).astype(np.float32)
    left = (warped - first) * counted
    shading = _wide_mean(left, counted, SHADING_PX)
    left = (left - shading) * counted
    # the long-run variance: white noise and one that is correlated weigh as they should
    variance = _long_run_variance(left, counted)
    share = _texture_share(gx, gy, left, counted)
    weight = counted / variance * share
    return _normal_terms(flow, gx, gy, left, weight)


def _derivative(picture: Singles, kernel: Doubles) -> Singles:
    """Derivative of a picture along the kernel: to the right, or down."""
    derivative = cv2.filter2D(
        picture,
        cv2.CV_32F,
        kernel,
        borderType=cv2.BORDER_REPLICATE,
    )
    return np.asarray(derivative, np.float32)


def _long_run_variance(left: Singles, counted: Singles) -> Singles:
    """Long-run variance of the differences around each place, plus that of white noise."""
    slow = smoothed(left, NOISE_PX)
    area = np.float32(4 * np.pi * NOISE_PX**2)
    wide = _wide_mean(slow * slow, counted, DIFFERENCE_PX)
    white = 4 * NOISE**2
    return white + area * wide


def _normal_terms(
    flow: Singles,
    gx: Singles,
    gy: Singles,
    left: Singles,
    weight: Singles,
) -> Terms:
    """Terms of the normal equations of the flow, see :data:`Terms`."""
    target = gx * flow[0] + gy * flow[1] - left
    xx = weight * (gx * gx)
    xy = weight * (gx * gy)
    yy = weight * (gy * gy)
    x = weight * (gx * target)
    y = weight * (gy * target)
    return xx, xy, yy, x, y


def _texture_share(
    gx: Singles,
    gy: Singles,
    left: Singles,
    counted: Singles,
) -> Singles:
    """Share of the gradients, 0..1, that exceeds noise and so shows the motion."""
    squared_slope = gx * gx + gy * gy
    energy = _wide_mean(squared_slope, counted, DIFFERENCE_PX)
    grain = grain_level(left, counted)
    noise = NOISE_SCATTER * 2 * GRAIN_GRADIENT * grain**2
    noise_share = noise / (energy + np.float32(1e-9))
    share = np.clip(1 - noise_share, 0, 1)
    return np.asarray(share, np.float32)


def _wide_mean(values: Singles, weight: Singles, sigma_px: float) -> Singles:
    """Weighted Gaussian mean, on a grid that is fine enough for the window."""
    factor = max(int(sigma_px) // GRID_PER_WINDOW, 1)
    small_px = sigma_px / factor
    small = reduced_area(values, factor)
    small_weight = reduced_area(weight, factor)
    total = smoothed(small_weight, small_px) + 1e-2
    mean = smoothed(small, small_px) / total
    return resized_to(np.asarray(mean, np.float32), values.shape)


def _fused(
    evidence: Terms,
    prior: Singles,
    valid: Mask,
    expected: tuple[float, ...],
) -> tuple[Singles, Singles, tuple[float, ...]]:
    """The most probable flow, its error, and the expected deviations for the next round."""
    deviations: list[float] = []
    error = np.zeros(valid.shape, np.float32)
    for window, deviation in zip(WINDOWS_PX, expected, strict=True):
        terms = _windowed(evidence, window)
        shape = terms[0].shape
        before = _resized_flow(prior, shape)
        slack = resized_to(error, shape) + np.float32(deviation**2)
        variance = slack + _surprise(terms, before)
        prior, covariance = _posterior(terms, before, variance)
        xx, xy, yy = covariance
        error = (xx + yy) / 2
        gain = _evidence_share(valid, window, error / slack)
        deviations.append(_deviation(prior - before, error, gain, deviation))
    return prior, _largest_error(xx, xy, yy), tuple(deviations)


def _evidence_share(valid: Mask, window: int, left: Singles) -> Singles:
    """How much the pictures show in each window, 0..1; ``left`` is the error over the prior's."""
    weight = reduced_area(valid.astype(np.float32), window // GRID_PER_WINDOW)
    return weight * np.clip(1 - left, 0, 1)


def _largest_error(xx: Singles, xy: Singles, yy: Singles) -> Singles:
    """Root of the larger eigenvalue of a covariance."""
    # the larger eigenvalue of a symmetric matrix of two rows
    middle = (xx + yy) / 2
    half_apart = (xx - yy) / 2
    largest = middle + np.sqrt(half_apart**2 + xy * xy)
    return np.sqrt(np.asarray(largest, np.float32))


def _windowed(evidence: Terms, window: int) -> list[Singles]:
    """The evidence in each window, as far as its pixels are independent."""
    factor = window // GRID_PER_WINDOW
    area = np.float32(4 * np.pi * window**2 / CAUTION)
    windowed = []
    for term in evidence:
        small = reduced_area(term, factor)
        windowed.append(area * smoothed(small, GRID_PER_WINDOW))
    return windowed


def _surprise(terms: list[Singles], before: Singles) -> Singles:
    """Variance ``(h, w)``, px², of steps beyond what the errors of the evidence explain.

    A few places move much more than the others; the expectation for all must not hold them back."""
    unexpected = np.float32(UNEXPECTED_PX**2)
    flow, (xx, _, yy) = _posterior(terms, before, unexpected)
    explained = DOUBT * (xx + yy)
    step = flow - before
    squared_step = (step**2).sum(axis=0)
    excess = np.maximum(squared_step - explained, np.float32(0))
    by_component = excess / np.float32(2)
    return smoothed(by_component, GRID_PER_WINDOW / 2)


def _posterior(
    terms: list[Singles],
    before: Singles,
    variance: Singles | np.float32,
) -> tuple[Singles, Singles]:
    """Flow ``(2, h, w)`` and its covariance ``(3, h, w)`` (xx, xy, yy), from evidence and prior."""
    trust = 1 / variance
    own_xx, xy, own_yy, own_x, own_y = terms
    xx = own_xx + trust
    yy = own_yy + trust
    x = own_x + trust * before[0]
    y = own_y + trust * before[1]
    determinant = xx * yy - xy * xy
    right = yy * x - xy * y
    down = xx * y - xy * x
    flow = np.stack([right, down]) / determinant
    covariance = np.stack([yy, -xy, xx]) / determinant
    return flow, covariance


def _deviation(
    step: Singles,
    error: Singles,
    evidence: Singles,
    expected: float,
) -> float:
    """Deviation of the steps where there is evidence; ``expected`` weighs as :data:`BELIEF`."""
    belief = BELIEF * evidence.size
    squared_step = (step**2).sum(axis=0)
    squares = evidence * (squared_step / 2 + error)
    total = float(squares.sum()) + belief * expected**2
    weight = float(evidence.sum()) + belief
    deviation = float(np.sqrt(total / weight))
    return max(deviation, LEAST_EXPECTED_PX)
