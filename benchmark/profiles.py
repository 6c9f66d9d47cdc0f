"""Profiles: everything that decides a metric's value except the target; scoring by one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError

if TYPE_CHECKING:  # protocols need the datasets; a profile does not
    from defocus.benchmark.protocols import Target

__all__ = ["DEFAULT", "Profile", "Score", "score_picture"]


@dataclass(frozen=True)
class Profile:
    """Conventions under which a metric is computed.

    Always: pictures are read at their own bit depth and divided by its maximum (255 or 65535),
    sRGB-encoded as stored, in float64, neither cropped nor resized; the restored picture is not
    rounded; a metric is computed per picture and then averaged.

    Attributes:
        name: As in results.
        description: What it does, a line for tables.
        clamp: Whether the restored picture is clamped to [0, 1].
        ssim_window_px: Side of SSIM's uniform window (sample covariance, data range 1).
        lpips_backbone: Backbone of LPIPS version 0.1.
    """

    name: str
    description: str
    clamp: bool = True
    ssim_window_px: int = 7
    lpips_backbone: str = "alex"


DEFAULT = Profile(
    name="default",
    description=(
        "own bit depth, sRGB, float64, clamped to [0, 1], not cropped, not rounded; "
        "SSIM over a uniform 7x7 window with sample covariance; LPIPS 0.1 with AlexNet; "
        "PSNR at most 100 dB; per picture, then the mean"
    ),
)


@dataclass(frozen=True)
class Score:
    """What one metric says of one picture.

    Attributes:
        value: Finite, or None where the metric cannot be computed.
        reason: Why there is no value, and how to mend it; empty otherwise.
    """

    value: float | None
    reason: str = ""


def score_picture(
    restored: NDArray[np.floating[Any]], target: "Target", profile: Profile = DEFAULT
) -> dict[str, Score]:
    """Score a restored picture by every registered metric.

    Args:
        restored: ``(H, W, 3)`` float, RGB, as the system gave it.
        target: What it is compared with, and where.
        profile: The conventions.

    Returns:
        One score per metric, in the order of the field's tables.

    Raises:
        DefocusError: The restored picture has values that are not finite, or another size.
    """
    from defocus.benchmark.metrics.metric import MetricUnavailableError
    from defocus.benchmark.metrics.registry import all_metrics

    picture = prepared(restored, target.reference.shape, profile)
    scores = {}
    for name, metric in all_metrics().items():
        try:
            value = metric.score(picture, target.reference, target.mask, profile)
            scores[name] = Score(value)
        except MetricUnavailableError as error:
            scores[name] = Score(None, str(error))
    return scores


def prepared(
    restored: NDArray[np.floating[Any]], shape: tuple[int, ...], profile: Profile
) -> NDArray[np.float64]:
    """A restored picture as a profile wants it: checked, float64, clamped."""
    if restored.shape != shape:
        raise DefocusError(f"the restored picture is {restored.shape}, its target {shape}")
    picture = restored.astype(np.float64)
    if not np.isfinite(picture).all():
        raise DefocusError("the restored picture has values that are not finite")
    return np.clip(picture, 0.0, 1.0) if profile.clamp else picture
