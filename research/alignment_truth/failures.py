"""Silent failures of the global registration: wrong transforms reported as reliable."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import Registration
from research.alignment_truth.rendered.pair import TruthPair

FAILURE_PX = 1.0
"""A transform that is farther off than this at a corner, and is not called unknown, fails."""


@dataclass(frozen=True)
class RegistrationTrial:
    """The registration of one pair.

    Attributes:
        error_px: See :func:`corner_error_px`; None if the registration reported ``unknown``.
        largest_coc_px: Largest diameter of the circle of confusion in the pair.
        sigma_px: Standard error at the worst corner that the registration gives.
        reason: Why it reported ``unknown``.
        model: The transform's model.
        inlier_share: Share of the tiles with texture that agree.
        agreeing: Number of tiles that agree.
        blur_px: Root mean squared circle of confusion of these tiles, as the registration found it.
    """

    error_px: float | None
    largest_coc_px: float
    sigma_px: float | None = None
    reason: str = ""
    model: str = ""
    inlier_share: float = 0.0
    agreeing: int = 0
    blur_px: float = 0.0


@dataclass(frozen=True)
class Failures:
    """Counted failures.

    Attributes:
        pairs: Number of registered pairs.
        unknown: Number of pairs reported as ``unknown``.
        failed: Number of silent failures, wrong by more than :data:`FAILURE_PX`.
        bound: Upper end of the 95 % interval (one-sided, Clopper and Pearson) of the share of
            silent failures among all pairs.
        median_px: Median error of the answered pairs.
        within: Share of the answered pairs whose error is at most twice the standard error given
            with it.
    """

    pairs: int
    unknown: int
    failed: int
    bound: float
    median_px: float | None
    within: float | None


def corner_error_px(pair: TruthPair, matrix: NDArray[np.float64]) -> float:
    """Error of a transform at the worst corner of the frame.

    With parallax, a scene has no single transform: a point at a corner moves by the camera's
    similarity, plus parallax between that of the farthest and that of the nearest surface in the
    picture. A corner's error is the distance from this range.
    """
    height, width = pair.coc_px.shape
    corners = np.array([(x, y, 1.0) for x in (0, width - 1) for y in (0, height - 1)])
    found = corners @ matrix.T
    similarity = pair.view.similarity.matrix(width, height)
    difference = found[:, :2] / found[:, 2:] - corners @ similarity.T
    parallax = np.array(pair.view.parallax_px)
    low, high = (depth - 0.5 for depth in pair.depth_range)
    length2 = float(parallax @ parallax)
    along = np.clip(difference @ parallax / length2, low, high) if length2 else np.zeros(4)
    return float(np.linalg.norm(difference - along[:, None] * parallax, axis=1).max())


def trial(pair: TruthPair, found: Registration) -> RegistrationTrial:
    """Judge a registration of a pair."""
    error = None if found.matrix is None else corner_error_px(pair, found.matrix)
    return RegistrationTrial(
        error,
        float(pair.coc_px.max()),
        sigma_px=found.corner_error_px,
        reason=found.reason,
        model=found.model,
        inlier_share=found.inlier_share,
        agreeing=found.agreeing,
        blur_px=found.blur_px,
    )


def count_failures(trials: Sequence[RegistrationTrial]) -> Failures:
    """Count failures, with the 95 % bound.

    Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case
    of the binomial (Biometrika 1934).
    """
    from scipy.stats import beta  # slow to import

    errors = [one.error_px for one in trials if one.error_px is not None]
    failed = sum(not error <= FAILURE_PX for error in errors)  # NaN fails
    pairs = len(trials)
    bound = 1.0 if failed == pairs else float(beta.ppf(0.95, failed + 1, pairs - failed))
    median = float(np.median(errors)) if errors else None
    if median is not None and not math.isfinite(median):
        median = None
    said = [
        one.error_px <= 2 * one.sigma_px
        for one in trials
        if one.error_px is not None and one.sigma_px is not None
    ]
    within = sum(said) / len(said) if said else None
    return Failures(pairs, pairs - len(errors), failed, bound, median, within)
