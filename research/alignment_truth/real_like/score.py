"""Errors of the methods on pairs with a known warp."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from defocus.align.registration.models import corner_distance_px
from defocus.align.sampling.positions import inside, pixel_grid, sampled, transformed
from defocus.pictures.values import Image, as_float, as_linear
from research.alignment_truth.real_like.pair import RealLikePair
from research.alignment_truth.real_like.peers import Placed, placements
from research.alignment_truth.score import mean_of_known
from research.light import Array, Mask, encoded

TRUE, RAW = "true transform", "nothing moved"
BORDER_PX = 8
WRONG_PX = 1.0
MOST_DB = 60.0
"""Largest likeness that counts, dB, so that no pair alone determines a mean."""


@dataclass(frozen=True)
class WarpScore:
    """Scores of one method on one pair."""

    seconds: float  # CPU
    corner_px: float | None = (
        None  # error at the worst corner; None without a transform
    )
    psnr_db: float | None = (
        None  # of the compensated sharp picture against the one without a warp
    )
    sigma_px: float | None = None  # the standard error that it states there

    @property
    def answered(self) -> bool:
        """Whether the method gave a transform."""
        return self.corner_px is not None


def score_pair(pair: RealLikePair) -> dict[str, WarpScore]:
    """Scores of every method on a pair, and of the true transform and of no transform, by name."""
    grid = pixel_grid(*pair.blurry.shape[:2])
    true = Placed(transformed(grid, pair.matrix), pair.matrix)
    answers = placements(pair.blurry, pair.sharp)
    return scores_of(pair.sharp, pair.unmoved, true, answers)


def scores_of(
    moved: Image,
    unmoved: Image,
    true: Placed,
    answers: Iterable[tuple[str, Placed | None, float]],
) -> dict[str, WarpScore]:
    """Answers, and the true one and none, by name."""
    shape = moved.shape
    seen = _seen(true)
    linear = as_linear(moved)
    raw = Placed(pixel_grid(*shape[:2]), np.eye(3))
    references = [(TRUE, true, 0.0), (RAW, raw, 0.0)]
    scores = {}
    for name, placed, seconds in (*references, *answers):
        if placed is None:
            scores[name] = WarpScore(seconds)
            continue
        scores[name] = WarpScore(
            seconds,
            corner_px=corner_distance_px(placed.matrix, true.matrix, shape),
            psnr_db=_psnr_db(linear, placed.positions, unmoved, seen),
            sigma_px=placed.sigma_px,
        )
    return scores


def _seen(true: Placed) -> Mask:
    """Places that the moved picture shows, but for those near its border."""
    shown = inside(true.positions).astype(np.uint8)
    shown[[0, -1]] = 0
    shown[:, [0, -1]] = 0
    side = 2 * BORDER_PX + 1
    neighbours = np.ones((side, side), np.uint8)
    return cv2.erode(shown, neighbours) > 0


def _psnr_db(
    linear: Array,
    positions: Array,
    wanted: Image,
    seen: Mask,
) -> float:
    picture = encoded(sampled(linear, positions, cubic=True))
    difference = picture[seen] - as_float(wanted)[seen]
    error = float(np.square(difference, dtype=np.float64).mean())
    return min(-10 * math.log10(max(error, 1e-12)), MOST_DB)


@dataclass(frozen=True)
class MethodMeans:
    """Means of a method over all pairs."""

    pairs: int
    answered: int
    median_px: float | None  # corner error over its own answers
    p95_px: float | None  # likewise
    wrong: int  # answers that are off by more than 1 px
    psnr_db: float | None  # over its own answers
    common_db: float | None  # over the pairs that every method answered
    seconds: float  # CPU


ScoredPairs = Sequence[dict[str, WarpScore]]
"""Scores of the methods on each pair, by their names."""


def method_means(pairs: ScoredPairs) -> dict[str, MethodMeans]:
    """Each method over all pairs."""
    if not pairs:
        return {}
    common = [pair for pair in pairs if _answered_by_all(pair)]
    means = {}
    for name in pairs[0]:
        scores = [pair[name] for pair in pairs]
        of_common = [pair[name] for pair in common]
        means[name] = _means(scores, of_common)
    return means


def _answered_by_all(pair: dict[str, WarpScore]) -> bool:
    return all(score.answered for score in pair.values())


def _means(scores: Sequence[WarpScore], common: Sequence[WarpScore]) -> MethodMeans:
    errors_px = [one.corner_px for one in scores if one.corner_px is not None]
    corner = np.array(errors_px)
    return MethodMeans(
        pairs=len(scores),
        answered=len(corner),
        median_px=float(np.median(corner)) if corner.size else None,
        p95_px=float(np.percentile(corner, 95)) if corner.size else None,
        wrong=int((corner > WRONG_PX).sum()),
        psnr_db=mean_of_known(one.psnr_db for one in scores),
        common_db=mean_of_known(one.psnr_db for one in common),
        seconds=float(np.mean([one.seconds for one in scores])),
    )
