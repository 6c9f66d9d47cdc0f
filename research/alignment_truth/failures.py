"""Silent failures of the global registration: wrong transforms reported as reliable."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from defocus.align.registration.register import Registration
from research.alignment_truth.rendered.pair import TruthPair
from research.light import Matrix

FAILURE_PX = 1.0
"""Error at a corner, px, from which a transform that is not called unknown counts as a failure."""


@dataclass(frozen=True)
class RegistrationTrial:
    """The registration of one pair."""

    error_px: float | None  # of corner_error_px; None if it reported ``unknown``
    largest_coc_px: float  # diameter of the circle of confusion
    sigma_px: float | None = (
        None  # standard error at the worst corner, as registration gives it
    )
    reason: str = ""  # why it reported ``unknown``
    model: str = ""
    inlier_share: float = 0.0  # of the tiles with texture, those that agree
    agreeing: int = 0  # tiles
    # root mean squared circle of confusion of these tiles, as registration found it
    blur_px: float = 0.0


@dataclass(frozen=True)
class Failures:
    """Counted failures."""

    pairs: int
    unknown: int  # pairs that were reported so
    failed: int  # silently, by more than FAILURE_PX
    bound: float  # of the share of silent failures among all pairs: upper end, 95 %, one-sided
    median_px: float | None  # of the answered pairs
    # of the answered pairs, those that err by two of their standard errors at most
    within: float | None


def corner_error_px(pair: TruthPair, matrix: Matrix) -> float:
    """Error of a transform at the worst corner of the frame.

    With parallax, a corner's right place is a range, from the farthest surface to the nearest."""
    height, width = pair.coc_px.shape
    corners = []
    for x in (0, width - 1):
        corners += [(x, 0, 1.0), (x, height - 1, 1.0)]
    places = np.array(corners)
    moved = places @ matrix.T
    answer = moved[:, :2] / moved[:, 2:]
    similarity = pair.view.similarity.matrix(width, height)
    difference = answer - places @ similarity.T
    left = difference - _by_parallax(difference, pair)
    return float(np.linalg.norm(left, axis=1).max())


def _by_parallax(difference: Matrix, pair: TruthPair) -> Matrix:
    """The part of differences ``(4, 2)`` that the parallax of some surface explains."""
    parallax = np.array(pair.view.parallax_px)
    length_squared = float(parallax @ parallax)
    if not length_squared:
        return np.zeros_like(difference)
    low, high = pair.depth_range
    depths = difference @ parallax / length_squared
    depths = np.clip(depths, low - 0.5, high - 0.5)
    return np.asarray(depths[:, None] * parallax)


def trial(pair: TruthPair, registration: Registration) -> RegistrationTrial:
    """Judge a registration of a pair."""
    error = None
    if registration.matrix is not None:
        error = corner_error_px(pair, registration.matrix)
    return RegistrationTrial(
        error,
        float(pair.coc_px.max()),
        sigma_px=registration.corner_error_px,
        reason=registration.reason,
        model=registration.model,
        inlier_share=registration.inlier_share,
        agreeing=registration.agreeing,
        blur_px=registration.blur_px,
    )


def count_failures(trials: Sequence[RegistrationTrial]) -> Failures:
    """Count failures, with the 95 % bound.

    Source: Clopper and Pearson, The use of confidence or fiducial limits (Biometrika 1934)."""
    from scipy.stats import beta  # slow to import

    errors = [one.error_px for one in trials if one.error_px is not None]
    failed = sum(not error <= FAILURE_PX for error in errors)  # NaN fails
    pairs = len(trials)
    bound = 1.0
    if failed < pairs:
        bound = float(beta.ppf(0.95, failed + 1, pairs - failed))
    median = float(np.median(errors)) if errors else None
    if median is not None and not math.isfinite(median):
        median = None
    said = []
    for one in trials:
        if one.error_px is not None and one.sigma_px is not None:
            sure = one.error_px <= 2 * one.sigma_px
            said.append(sure)
    return Failures(
        pairs,
        unknown=pairs - len(errors),
        failed=failed,
        bound=bound,
        median_px=median,
        within=sum(said) / len(said) if said else None,
    )
