"""Scoring a restored picture by the metrics of a profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.metric import Metric, MetricUnavailableError, profile_metrics
from defocus.benchmark.scoring.profiles import DEFAULT, Profile, prepared, require_floats
from defocus.errors import InputError

if TYPE_CHECKING:  # protocols need the datasets; a score does not
    from defocus.benchmark.scoring.protocols import Target

_ROUNDING = 1e-4
"""So far beyond [0, 1] a picture may be that interpolation or conversion has made."""


@dataclass(frozen=True)
class MetricValue:
    """Value of one metric for one picture, or why there is none, with the remedy."""

    value: float | None
    reason: str = ""


def score_picture(
    restored: NDArray[np.floating[Any]],
    target: "Target",
    profile: Profile = DEFAULT,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, MetricValue]:
    """Score ``(H, W, 3)`` float RGB by every metric of a profile that compares with the target."""
    from defocus.benchmark.scoring.fused import psnr_ssim_mae  # imports numba

    _require_scale(target.reference, "reference")
    picture = prepared(restored, target.reference.shape, profile)
    chosen = profile_metrics(profile.name) if metrics is None else metrics
    fused = psnr_ssim_mae(picture, target.reference, target.mask, profile)
    return {
        name: MetricValue(fused[name])
        if name in fused and name not in profile.without
        else _score(metric, picture, target.reference, target.mask, profile)
        for name, metric in chosen.items()
        if metric.against == "target"
    }


def score_against_input(
    restored: NDArray[np.floating[Any]],
    blurry: NDArray[np.float64] | None,
    profile: Profile = DEFAULT,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, MetricValue]:
    """Score a restored picture by every metric of a profile that needs no target."""
    # They compare with the blurry input in [0, 1], or look at the restored picture alone.
    chosen = profile_metrics(profile.name) if metrics is None else metrics
    wanted = {name: metric for name, metric in chosen.items() if metric.against != "target"}
    if blurry is not None:
        _require_scale(blurry, "blurry picture")
    picture = prepared(restored, restored.shape if blurry is None else blurry.shape, profile)
    mask = np.ones(picture.shape[:2], dtype=np.bool_)
    return {
        name: MetricValue(None, "needs the blurry input picture")
        if blurry is None and metric.against == "input"
        else _score(metric, picture, picture if blurry is None else blurry, mask, profile)
        for name, metric in wanted.items()
    }


def _score(
    metric: Metric,
    restored: NDArray[np.float64],
    reference: NDArray[np.float64],
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
