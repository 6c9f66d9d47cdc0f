"""Score one restored picture of a pair under every protocol."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.columns import INDEPENDENT
from defocus.benchmark.evaluation.without_truth import NO_REFERENCE, lack_truth
from defocus.benchmark.metric.metric import Metric
from defocus.benchmark.results.left_out import UNREAD
from defocus.benchmark.results.scores.score import Score
from defocus.benchmark.scoring.breakdown import psnr_by_place, psnr_by_region, psnr_over_input
from defocus.benchmark.scoring.moved import psnr_moved
from defocus.benchmark.scoring.profiles import DEFAULT, Profile, prepared
from defocus.benchmark.scoring.protocols import (
    PROTOCOLS,
    Target,
    deformed_target,
    everywhere,
    make_target,
)
from defocus.benchmark.scoring.score import MetricValue, score_against_input, score_picture
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.images import Image, as_float

__all__ = ["PairScorer", "Picture"]

_BY_ANOTHER = ("psnr", "ssim", "mae")

Picture = NDArray[np.float64]


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
        given = np.asarray(as_float(blurry, np.float64), dtype=np.float64)
        beside = self.beside(restored, given)
        if lack_truth(self.dataset.split("test")):
            yield from self._named(pair, NO_REFERENCE, None, beside)
            return
        for protocol, facts in PROTOCOLS.items():
            try:
                target = make_target(protocol, self.dataset, pair, restored, self.estimator)
            except NotApplicableError as error:
                yield from self._without_value(pair, protocol, str(error))
                continue
            found = self.values(restored, target, beside)
            yield from self._named(pair, protocol, target, found)
            if facts.ranked and "psnr" in found:
                as_network_reads = given.astype(np.float32)
                parts = self.parts(pair, restored, as_network_reads, target, found["psnr"].value)
                known = {name: value for name, value in parts.items() if value is not None}
                scores = {name: MetricValue(value) for name, value in known.items()}
                yield from self._named(pair, protocol, target, scores)
            elif protocol == "deformed-gt" and self.independent is not None:
                yield from self._by_another(pair, restored, self.independent)

    def of_unread(self, pair: Pair, reason: str) -> Iterator[Score]:
        """What stands for the scores of a picture that is left out: the reason, everywhere."""
        assert self.dataset is not None  # noqa: S101 - its pairs are scored
        reason = reason.replace(f"{self.dataset.root}{os.sep}", "")  # tables are published
        alone = lack_truth(self.dataset.split("test"))
        for protocol in (NO_REFERENCE,) if alone else PROTOCOLS:
            yield from self._without_value(pair, protocol, UNREAD + reason)

    def beside(self, restored: Picture, blurry: Picture | None) -> dict[str, MetricValue]:
        """The metrics that look at the blurry picture; without a value where that is None."""
        return score_against_input(restored, blurry, self.profile, self.metrics)

    def values(
        self, restored: Picture, target: Target, beside: Mapping[str, MetricValue]
    ) -> dict[str, MetricValue]:
        """Every metric of a picture, not clamped, against a target."""
        found = {**score_picture(restored, target, self.profile, self.metrics), **beside}
        return {name: found[name] for name in self.metrics}

    def target(self, sharp: Picture, restored: Picture) -> Target:
        """What the profile compares with; ``sharp`` is in [0, 1], cropped as the profile says."""
        if self.profile.protocol == "deformed-gt":
            return deformed_target(sharp, restored, self.estimator, self.profile.grid)
        return Target(sharp, everywhere(sharp))

    def parts(
        self,
        pair: Pair,
        restored: Picture,
        blurry: NDArray[np.floating[Any]],
        target: Target,
        psnr: float | None,
        corner: tuple[int, int] = (0, 0),
    ) -> dict[str, float | None]:
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
        flow = self.estimator.name if facts and facts.uses_flow else ""
        for name in self.metrics:
            where = (self.profile.name, protocol, name, pair.id, pair.scene)
            yield Score(*where, None, flow, reason)

    def _named(
        self, pair: Pair, protocol: str, target: Target | None, scores: Mapping[str, MetricValue]
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
        self, pair: Pair, restored: Picture, estimator: FlowEstimator
    ) -> Iterator[Score]:
        """Scores against the sharp picture warped by an estimator that did not train the system."""
        metrics = {name: self.metrics[name] for name in _BY_ANOTHER if name in self.metrics}
        if not metrics:
            return
        assert self.dataset is not None  # noqa: S101 - its pairs are scored
        target = make_target("deformed-gt", self.dataset, pair, restored, estimator)
        scores = score_picture(restored, target, self.profile, metrics)
        renamed = {name + INDEPENDENT: score for name, score in scores.items()}
        yield from self._named(pair, "deformed-gt", target, renamed)
