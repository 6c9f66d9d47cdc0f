"""Interface of a metric."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.scoring.profiles import DEFAULT, Profile
from defocus.errors import DefocusError

__all__ = ["Mask", "Metric", "MetricUnavailableError", "Picture", "Scorer"]

Picture: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Scorer: TypeAlias = Callable[[Picture, Picture, Mask, Profile], float]


class MetricUnavailableError(DefocusError):
    """A metric cannot be computed here; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class Metric:
    """A measure of how close a restored picture is to its target.

    Attributes:
        name: Name in results and tables: ``psnr``, ``ssim``, ``mae``, ``lpips``.
        display_name: Name as written in text.
        better: Which direction is better.
        unit: Such as ``dB``; empty if there is none.
        decimals: Decimals in tables, as usual in the field.
        compute: Function from (restored, reference, mask, profile) to a finite number. Several
            threads may call it at once, each for a picture of its own.
        remedy: Advice if weights are missing; it is part of the reason of a missing score. Empty if
            the metric needs no weights.
        ready: Function that tells, without importing torch, whether the weights are available.
        span: Smallest and largest possible value, None if unbounded.
        against: The second picture: the target, the blurry ``input`` of the system, or ``nothing``
            for a metric without reference, which sets without ground truth have too.
        profiles: Names of the profiles that include it; empty for all.
        on_request: Whether it is computed only if the user names it.
        revision: Raise it by one when the metric's numbers change on purpose; stored studies then
            compute only this metric again.
        source_hash: SHA-256 hash of its plug-in file, set when the file is loaded; empty for
            metrics of installed packages.
    """

    name: str
    display_name: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    compute: Scorer
    remedy: str = ""
    ready: Callable[[], bool] = lambda: True
    span: tuple[float | None, float | None] = (None, None)
    against: Literal["target", "input", "nothing"] = "target"
    profiles: tuple[str, ...] = ()
    on_request: bool = False
    revision: int = 1
    source_hash: str = ""

    @property
    def version(self) -> str:
        """Version of its stored scores; scores of different versions are never ranked together."""
        source = f"+{self.source_hash[:12]}" if self.source_hash else ""
        return f"{self.revision}{source}"

    def score(
        self,
        restored: NDArray[np.floating[Any]],
        reference: NDArray[np.floating[Any]],
        mask: Mask,
        profile: Profile = DEFAULT,
    ) -> float:
        """Compare two pictures where the mask is true.

        Args:
            restored: ``(H, W, 3)`` float, RGB in [0, 1].
            reference: Same shape.
            mask: ``(H, W)`` bool, true where a pixel counts.
            profile: The conventions of the measure.

        Returns:
            A finite number.

        Raises:
            MetricUnavailableError: The measure is not defined for these pictures (empty mask,
                picture too small, result not finite) or its weights are missing.
            ValueError: The shapes do not fit.
        """
        if restored.shape != reference.shape or restored.shape[:2] != mask.shape:
            raise ValueError(f"shapes differ: {restored.shape}, {reference.shape}, {mask.shape}")
        if not mask.any():
            raise MetricUnavailableError("no pixel can be scored: the mask is empty")
        value = float(
            self.compute(
                restored.astype(np.float64, copy=False),
                reference.astype(np.float64, copy=False),
                mask,
                profile,
            )
        )
        if not math.isfinite(value):
            raise MetricUnavailableError(f"{self.name} returned {value}, which is not a score")
        return value
