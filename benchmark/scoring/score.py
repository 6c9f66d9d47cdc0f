"""Score a restored picture under every protocol by every metric, whole and by parts."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.columns import (
    CIRCLE_NAMES,
    CIRCLES_PX,
    INDEPENDENT,
    MOVES,
    place_score,
)
from defocus.benchmark.metrics.metric import (
    NO_REFERENCE,
    Metric,
    MetricUnavailableError,
    lack_truth,
    profile_metrics,
)
from defocus.benchmark.metrics.psnr import METRIC, decibels
from defocus.benchmark.results.run_folder import UNREAD
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.scoring.profiles import (
    DEFAULT,
    Profile,
    prepared,
    require_floats,
)
from defocus.benchmark.scoring.protocols import (
    PROTOCOLS,
    Target,
    deformed_target,
    everywhere,
    make_target,
)
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.pair_files import read_array
from defocus.errors import InputError, NotApplicableError
from defocus.pictures.values import Image, as_float

Floats = NDArray[np.floating[Any]]

Parts = dict[str, float | None]
"""Scores of a picture's parts; None without a pixel or a score."""

Array = NDArray[np.float64]
Picture = NDArray[np.float64]


@dataclass(frozen=True)
class MetricValue:
    """Value of one metric for one picture, or why there is none, with the remedy."""

    value: float | None
    reason: str = ""


PROBE_PX = 64
"""Side of a picture that every metric with weights can score."""


def fetch_weights(metrics: Mapping[str, Metric]) -> None:
    """Let metrics fetch their weights once, before several processes would each do it."""
    black = np.zeros((PROBE_PX, PROBE_PX, 3))
    mask = everywhere(black)
    for metric in metrics.values():
        if metric.remedy and not metric.ready():
            with contextlib.suppress(MetricUnavailableError):  # each score says why
                metric.score(black, black, mask)


_BY_ANOTHER = ("psnr", "ssim", "mae")


@dataclass(frozen=True)
class PairScorer:
    """Scores a restored picture: of a study, of a folder, or in memory."""

    # ``independent`` is a second flow estimator for targets that follow the output, where the first
    # has trained the system; its scores are named so (``psnr_independent``).

    dataset: Dataset | None
    estimator: FlowEstimator
    metrics: Mapping[str, Metric]
    profile: Profile = DEFAULT
    independent: FlowEstimator | None = None

    def scores(self, pair: Pair, restored: Picture, blurry: Image) -> Iterator[Score]:
        """The scores of one picture ``(H, W, 3)``, not clamped, under all protocols."""
        # Without ground truth only metrics without reference are computed, under no protocol.
        assert self.dataset is not None  # noqa: S101 - its pairs are scored
        source = np.asarray(as_float(blurry, np.float64), dtype=np.float64)
        beside = self.beside(restored, source)
        if lack_truth(self.dataset.split("test")):
            yield from self._named(pair, NO_REFERENCE, None, beside)
            return
        for protocol, facts in PROTOCOLS.items():
            try:
                target = make_target(
                    protocol,
                    self.dataset,
                    pair,
                    restored,
                    self.estimator,
                )
            except NotApplicableError as error:
                yield from self._without_value(pair, protocol, str(error))
                continue
            values = self.values(restored, target, beside)
            yield from self._named(pair, protocol, target, values)
            if facts.ranked and "psnr" in values:
                psnr = values["psnr"].value
                seen = source.astype(np.float32)  # as a network reads it
                parts = self.parts(pair, restored, seen, target, psnr)
                yield from self._named(pair, protocol, target, _known(parts))
            elif protocol == "deformed-gt" and self.independent is not None:
                yield from self._by_another(pair, restored, self.independent)

    def of_unread(self, pair: Pair, reason: str) -> Iterator[Score]:
        """Placeholder scores of a picture that is left out, each with the reason."""
        assert self.dataset is not None  # noqa: S101 - its pairs are scored
        # tables are published
        reason = reason.replace(f"{self.dataset.root}{os.sep}", "")
        protocols: Iterable[str] = PROTOCOLS
        if lack_truth(self.dataset.split("test")):
            protocols = (NO_REFERENCE,)
        for protocol in protocols:
            yield from self._without_value(pair, protocol, UNREAD + reason)

    def beside(
        self,
        restored: Picture,
        blurry: Picture | None,
    ) -> dict[str, MetricValue]:
        """The metrics that look at the blurry picture; without a value where that is None."""
        return score_against_input(restored, blurry, self.profile, self.metrics)

    def values(
        self,
        restored: Picture,
        target: Target,
        beside: Mapping[str, MetricValue],
    ) -> dict[str, MetricValue]:
        """Every metric of a picture, not clamped, against a target."""
        every = {
            **score_picture(restored, target, self.profile, self.metrics),
            **beside,
        }
        return {name: every[name] for name in self.metrics}

    def target(self, sharp: Picture, restored: Picture) -> Target:
        """The reference of the profile; ``sharp`` is in [0, 1], cropped as the profile says."""
        if self.profile.protocol == "deformed-gt":
            return deformed_target(sharp, restored, self.estimator, self.profile.grid)
        return Target(sharp, everywhere(sharp))

    def parts(
        self,
        pair: Pair,
        restored: Picture,
        blurry: Floats,
        target: Target,
        psnr: float | None,
        corner: tuple[int, int] = (0, 0),
    ) -> Parts:
        """PSNR of a picture's parts (edges, by blur, place), over its input, and of moves."""
        # ``corner`` is the row and column of the pair's pictures where the restored one begins; a
        # value is None if there is no pixel or no score.
        picture = prepared(restored, target.reference.shape, self.profile)
        return {
            **psnr_over_input(psnr, blurry, target, self.profile),
            **dict(psnr_moved(picture, target, self.profile)),
            **psnr_by_place(psnr, pair),
            **psnr_by_region(picture, target, self.profile, pair, corner),
        }

    def _without_value(self, pair: Pair, protocol: str, reason: str) -> Iterator[Score]:
        facts = PROTOCOLS.get(protocol)
        uses_flow = facts is not None and facts.uses_flow
        flow = self.estimator.name if uses_flow else ""
        for name in self.metrics:
            where = (self.profile.name, protocol, name, pair.id, pair.scene)
            yield Score(*where, None, flow, reason)

    def _named(
        self,
        pair: Pair,
        protocol: str,
        target: Target | None,
        scores: Mapping[str, MetricValue],
    ) -> Iterator[Score]:
        for name, score in scores.items():
            yield Score(
                profile=self.profile.name,
                protocol=protocol,
                metric=name,
                pair=pair.id,
                scene=pair.scene,
                value=score.value,
                flow=target.flow if target else "",
                reason=score.reason if score.value is None else "",
                flow_weights=target.flow_weights if target else "",
            )

    def _by_another(
        self,
        pair: Pair,
        restored: Picture,
        estimator: FlowEstimator,
    ) -> Iterator[Score]:
        """Scores against the sharp picture warped by an estimator that did not train the system."""
        metrics = {
            name: self.metrics[name] for name in _BY_ANOTHER if name in self.metrics
        }
        if not metrics:
            return
        assert self.dataset is not None  # noqa: S101 - its pairs are scored
        target = make_target("deformed-gt", self.dataset, pair, restored, estimator)
        scores = score_picture(restored, target, self.profile, metrics)
        renamed = {name + INDEPENDENT: score for name, score in scores.items()}
        yield from self._named(pair, "deformed-gt", target, renamed)


def _known(parts: Parts) -> dict[str, MetricValue]:
    """The values that there are."""
    return {
        name: MetricValue(value) for name, value in parts.items() if value is not None
    }


_ROUNDING = 1e-4
"""Distance beyond [0, 1] that a value may have, because interpolation and conversion overshoot."""


def score_picture(
    restored: Floats,
    target: Target,
    profile: Profile = DEFAULT,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, MetricValue]:
    """Score ``(H, W, 3)`` float RGB by every metric of a profile that compares with the target."""
    _require_scale(target.reference, "reference")
    picture = prepared(restored, target.reference.shape, profile)
    chosen = profile_metrics(profile.name) if metrics is None else metrics
    fused = psnr_ssim_mae(picture, target.reference, target.mask, profile)
    scores = {}
    for name, metric in chosen.items():
        if metric.against != "target":
            continue
        if name in fused and name not in profile.without:
            scores[name] = MetricValue(fused[name])
        else:
            scores[name] = _score(
                metric,
                picture,
                target.reference,
                target.mask,
                profile,
            )
    return scores


def score_against_input(
    restored: Floats,
    blurry: Array | None,
    profile: Profile = DEFAULT,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, MetricValue]:
    """Score a restored picture by every metric of a profile that needs no target."""
    # They compare with the blurry input in [0, 1], or look at the restored picture alone.
    chosen = profile_metrics(profile.name) if metrics is None else metrics
    if blurry is None:
        reference = picture = prepared(restored, restored.shape, profile)
    else:
        _require_scale(blurry, "blurry picture")
        reference, picture = blurry, prepared(restored, blurry.shape, profile)
    mask = np.ones(picture.shape[:2], dtype=np.bool_)
    scores = {}
    for name, metric in chosen.items():
        if blurry is None and metric.against == "input":
            scores[name] = MetricValue(None, "needs the blurry input picture")
        elif metric.against != "target":
            scores[name] = _score(metric, picture, reference, mask, profile)
    return scores


def _score(
    metric: Metric,
    restored: Array,
    reference: Array,
    mask: NDArray[np.bool_],
    profile: Profile,
) -> MetricValue:
    if metric.name in profile.without:
        return MetricValue(None, f"no part of the profile {profile.name}")
    try:
        return MetricValue(metric.score(restored, reference, mask, profile))
    except MetricUnavailableError as error:
        return MetricValue(None, str(error))


def _require_scale(picture: NDArray[Any], name: str) -> None:
    """Refuse an input or reference outside [0, 1], except by rounding errors."""
    require_floats(picture, name)
    if not (picture.min() >= -_ROUNDING and picture.max() <= 1 + _ROUNDING):
        raise InputError(
            f"the {name} has values from {picture.min():.4g} to {picture.max():.4g}; they are "
            "in [0, 1]"
        )


def psnr_ssim_mae(
    restored: Picture,
    reference: Picture,
    mask: NDArray[np.bool_],
    profile: Profile,
) -> dict[str, float]:
    """The values that one pass can give; the metrics' own functions explain missing ones."""
    from defocus.benchmark.scoring.fused import fused_sums  # imports numba

    if not mask.any():
        return {}
    sums = fused_sums(restored, reference, mask)
    values = {"psnr": decibels(sums.squared_error, profile), "mae": sums.absolute_error}
    colours = profile.ssim_window == "uniform-7" and not profile.ssim_of_luma
    if colours and sums.ssim is not None:
        values["ssim"] = sums.ssim
    return values


TAPS = np.arange(-1, 3)
"""Pixels that a cubic kernel reaches, from the one at or before a place."""


def psnr_moved(
    restored: Array,
    target: Target,
    profile: Profile,
) -> Iterator[tuple[str, float | None]]:
    """PSNR against the reference moved by its standard error, if it has one, by move."""
    # A move changes the scores of all systems, mostly alike; what is left in a difference of two
    # cannot be distinguished from a real one.
    if not target.sigma_px or not target.mask.any():
        return
    for name, (right, down) in MOVES.items():
        moved = _moved(
            target.reference,
            right * target.sigma_px,
            down * target.sigma_px,
        )
        squares = np.square(restored - moved)[target.mask]
        yield name, decibels(float(squares.mean()), profile)


def _moved(picture: Array, right_px: float, down_px: float) -> Array:
    """The picture moved ``right_px`` to the left and ``down_px`` up; border values are repeated."""
    # Source: Keys, Cubic convolution interpolation for digital image processing (1981).
    moved: Any = picture  # OpenCV's stubs know no float64 alone
    border = cv2.BORDER_REPLICATE
    if right_px:
        across = _shift_kernel(right_px)[None, :]
        moved = cv2.filter2D(moved, cv2.CV_64F, across, borderType=border)
    if down_px:
        down = _shift_kernel(down_px)[:, None]
        moved = cv2.filter2D(moved, cv2.CV_64F, down, borderType=border)
    return np.asarray(moved, np.float64)


def _shift_kernel(shift_px: float) -> Array:
    """The kernel that moves a line of pixels, with its centre in the middle."""
    whole = int(np.floor(shift_px))
    reach = max(abs(whole - 1), abs(whole + 2))
    kernel = np.zeros(2 * reach + 1)
    part = shift_px - whole
    kernel[reach + whole + TAPS] = _cubic(np.asarray(TAPS - part, np.float64))
    return kernel


def _cubic(x: Array) -> Array:
    """Keys' kernel, with the weights of four neighbours at distances x below 2."""
    # 1.5 |x|³ - 2.5 |x|² + 1 below 1, else -0.5 |x|³ + 2.5 |x|² - 4 |x| + 2
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, outer)


BLURRED_PX = 2.0
"""Circle of confusion, px, below which a pixel counts as in focus."""

_EDGE_SHARE = 0.1


Region = tuple[str, NDArray[np.bool_]]


def psnr_by_region(
    restored: Array,
    target: Target,
    profile: Profile,
    pair: Pair,
    corner: tuple[int, int] = (0, 0),
) -> Parts:
    """PSNR of each region, dB: ``psnr_edges``, ``psnr_in_focus``, ``psnr_coc_2_4`` and so on."""
    # Edges are the tenth of the pixels where the target's brightness changes most. ``corner`` is
    # the row and column of the pair's pictures where the restored one begins.
    squares = np.square(restored - target.reference).mean(axis=2)
    values: Parts = {}
    for name, region in (*_edges(target), *_by_circle(pair, target, corner)):
        counted = squares[region & target.mask]
        values[f"psnr_{name}"] = (
            decibels(float(counted.mean()), profile) if counted.size else None
        )
    return values


def psnr_by_place(psnr: float | None, pair: Pair) -> Parts:
    """The same score as ``psnr_indoor`` or ``psnr_outdoor``, if the place is known."""
    name = place_score(pair.metadata)
    return {name: psnr} if name else {}


def psnr_over_input(
    psnr: float | None,
    blurry: Floats,
    target: Target,
    profile: Profile,
) -> Parts:
    """Gain in dB over a blurry input in [0, 1]; ``made_worse`` is 1 if it is negative, else 0."""
    before = score_picture(blurry, target, profile, {"psnr": METRIC})["psnr"].value
    if psnr is None or before is None:
        return {"psnr_gain": None, "made_worse": None}
    return {"psnr_gain": psnr - before, "made_worse": float(psnr < before)}


def _edges(target: Target) -> Iterator[Region]:
    grey = target.reference.mean(axis=2)
    across = cv2.Sobel(grey, cv2.CV_64F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_64F, 0, 1)
    steep = np.hypot(across, down)
    edges = steep > np.quantile(steep, 1 - _EDGE_SHARE)
    yield "edges", edges
    yield "flat", ~edges


def _by_circle(pair: Pair, target: Target, corner: tuple[int, int]) -> Iterator[Region]:
    if pair.defocus_map is None:
        return
    top, left = corner
    height, width = target.mask.shape
    whole = np.abs(read_array(pair.defocus_map))
    circle_px = whole[top : top + height, left : left + width]
    yield "in_focus", circle_px < BLURRED_PX
    yield "blurred", circle_px >= BLURRED_PX
    for name, (low, high) in zip(CIRCLE_NAMES, pairwise(CIRCLES_PX), strict=True):
        yield name, (circle_px >= low) & (circle_px < high)
