"""Scoring a restored picture by the metrics of a profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metric.metric import Metric, MetricUnavailableError
from defocus.benchmark.metric.registry import profile_metrics
from defocus.benchmark.scoring.profiles import DEFAULT, Profile, prepared, require_floats
from defocus.errors import InputError

if TYPE_CHECKING:  # protocols need the datasets; a score does not
    from defocus.benchmark.scoring.protocols import Target

__all__ = ["MetricValue", "score_against_input", "score_picture"]

_ROUNDING = 1e-4
"""So far beyond [0, 1] a picture may be that interpolation or conversion has made."""


@dataclass(frozen=True)
class MetricValue:
    """Value of one metric for one picture.

    Attributes:
        value: Finite, or None if the metric cannot be computed.
        reason: Why there is no value, and the remedy; empty otherwise.
    """

    value: float | None
    reason: str = ""


def score_picture(
    restored: NDArray[np.floating[Any]],
    target: "Target",
    profile: Profile = DEFAULT,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, MetricValue]:
    """Score a restored picture by every metric of a profile that compares with the target.

    Args:
        restored: ``(H, W, 3)`` float, RGB, the output of the system.
        target: The reference and its mask.
        profile: The conventions.
        metrics: Metrics to compute instead of those of the profile.

    Returns:
        One score per metric, in the order of the field's tables.

    Raises:
        InputError: A picture has an integer type, or the reference is outside [0, 1].
        DefocusError: The restored picture has values that are not finite, or another size.
    """
    from defocus.benchmark.metric.one_pass import psnr_ssim_mae  # imports numba

    _require_scale(target.reference, "reference")
    picture = prepared(restored, target.reference.shape, profile)
    chosen = profile_metrics(profile.name) if metrics is None else metrics
    known = psnr_ssim_mae(picture, target.reference, target.mask, profile)
    return {
        name: MetricValue(known[name])
        if name in known and name not in profile.without
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
    """Score a restored picture by every metric of a profile that needs no target.

    They compare with the blurry input, or look at the restored picture alone.

    Args:
        restored: ``(H, W, 3)`` float, RGB, the output of the system.
        blurry: Same shape, in [0, 1]; None if it is not available.
        profile: The conventions.
        metrics: Metrics to compute instead of those of the profile.

    Raises:
        InputError: A picture has an integer type, or the blurry one is outside [0, 1].
        DefocusError: The restored picture has values that are not finite, or another size.
    """
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
