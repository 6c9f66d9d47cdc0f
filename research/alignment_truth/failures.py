"""Silent failures of the global registration: wrong transforms reported as reliable."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import Registration
from research.alignment_truth.rendered.pair import TruthPair

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


def corner_error_px(pair: TruthPair, matrix: NDArray[np.float64]) -> float:
    """Error of a transform at the worst corner of the frame.

    With parallax, a corner's right place is a range, from the farthest surface to the nearest."""
    height, width = pair.coc_px.shape
    corners = np.array([(x, y, 1.0) for x in (0, width - 1) for y in (0, height - 1)])
    moved = corners @ matrix.T
    similarity = pair.view.similarity.matrix(width, height)
    places = moved[:, :2] / moved[:, 2:]
    difference = places - corners @ similarity.T
    parallax = np.array(pair.view.parallax_px)
    low, high = (depth - 0.5 for depth in pair.depth_range)
    length2 = float(parallax @ parallax)
    along = (
        np.clip(difference @ parallax / length2, low, high) if length2 else np.zeros(4)
    )
    left = difference - along[:, None] * parallax
    return float(np.linalg.norm(left, axis=1).max())


def trial(pair: TruthPair, registration: Registration) -> RegistrationTrial:
    """Judge a registration of a pair."""
    error = (
        None
        if registration.matrix is None
        else corner_error_px(pair, registration.matrix)
    )
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
    bound = (
        1.0 if failed == pairs else float(beta.ppf(0.95, failed + 1, pairs - failed))
    )
    median = float(np.median(errors)) if errors else None
    if median is not None and not math.isfinite(median):
        median = None
    said = []
    for one in trials:
        if one.error_px is not None and one.sigma_px is not None:
            sure = one.error_px <= 2 * one.sigma_px
            said.append(sure)
    within = sum(said) / len(said) if said else None
    return Failures(pairs, pairs - len(errors), failed, bound, median, within)
