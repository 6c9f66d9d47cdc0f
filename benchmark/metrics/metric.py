"""Interface of a metric, and the metrics by name: shipped ones, plug-in files and entry points."""

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.scoring.profiles import DEFAULT, Profile
from defocus.datasets.pair import Pair
from defocus.errors import DefocusError, InputError
from defocus.plugins.discovery import Kind, Shape
from defocus.plugins.extensions import Plugin, plugins

Picture: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Scorer: TypeAlias = Callable[[Picture, Picture, Mask, Profile], float]


def _is_ready() -> bool:
    """A metric without weights can always be computed."""
    return True


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
        compute: Function from (restored, reference, mask, profile) to a finite number: two
            ``(H, W, 3)`` float64 pictures, RGB in [0, 1], a ``(H, W)`` bool mask, true where a
            pixel counts, and the conventions. Several threads may call it at once, each for its
            own picture. It may raise :class:`MetricUnavailableError`.
        remedy: Advice if weights are missing; it is part of the reason of a missing score. Empty if
            the metric needs no weights.
        ready: Function that says, without importing torch, whether the weights are available.
        span: Smallest and largest possible value, None if unbounded.
        against: The second picture: the target, the blurry ``input`` of the system, or ``nothing``
            for a metric without reference, which sets without ground truth have too.
        profiles: Names of the profiles that include it; empty for all.
        on_request: Whether it is computed only if the user names it.
        revision: Raise it by one when the metric's numbers change on purpose; stored studies then
            compute only this metric again.
        source_hash: SHA-256 hash of its plug-in file, set when the file is loaded; empty for
            metrics of installed packages.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> def worst_pixel(restored, reference, mask, profile):
        ...     return abs(restored - reference)[mask].max()
        >>> metric = defocus.Metric("worst", "Worst pixel", "lower", "", 3, worst_pixel)
        >>> black, every = np.zeros((16, 24, 3)), np.ones((16, 24), bool)
        >>> metric.score(black, black + 0.5, every)
        0.5
    """

    name: str
    display_name: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    compute: Scorer
    remedy: str = ""
    ready: Callable[[], bool] = _is_ready
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

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """A registered metric goes to other processes by its name, so its functions may be any."""
        if all_metrics().get(self.name) == self:
            return find_metric, (self.name,)
        return super().__reduce_ex__(protocol)

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
            raise ValueError(
                f"shapes differ: {restored.shape}, {reference.shape}, {mask.shape}"
            )
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
            raise MetricUnavailableError(
                f"{self.name} returned {value}, which is not a score"
            )
        return value


_ORDER = ("psnr", "ssim", "mae", "lpips")
"""The metrics that come first, in the order of published tables; other metrics follow by name."""


METRICS: Kind[Metric] = Kind(
    "metrics",
    Shape(lambda: Metric),
    "defocus.benchmark.metrics",
)


def all_metrics() -> dict[str, Metric]:
    """Every metric by name, in the order of the field's tables."""
    return _metrics_beside(plugins())


@functools.cache
def _metrics_beside(_plugins: tuple[Plugin, ...]) -> dict[str, Metric]:
    """All metrics, including those of the loaded plug-in files."""
    metrics = {}
    for offer, metric in METRICS.values():
        metrics[metric.name] = metric
        if offer.plugin is not None:
            metrics[metric.name] = replace(metric, source_hash=offer.plugin.source_hash)
    rank = {name: index for index, name in enumerate(_ORDER)}

    def place(name: str) -> tuple[int, str]:
        return rank.get(name, len(rank)), name

    return {name: metrics[name] for name in sorted(metrics, key=place)}


def profile_metrics(profile: str) -> dict[str, Metric]:
    """The default metrics of a profile, in the order of tables."""
    metrics = {}
    for name, metric in all_metrics().items():
        fits = not metric.profiles or profile in metric.profiles
        if fits and not metric.on_request:
            metrics[name] = metric
    return metrics


def find_metric(name: str) -> Metric:
    """The metric of that name; InputError if there is none."""
    METRICS.find(name, InputError)
    return all_metrics()[name]


NO_REFERENCE = "no-reference"
"""Name in place of a protocol where nothing is compared: each picture is judged by itself."""


def lack_truth(pairs: Iterable[Pair]) -> bool:
    """Whether there are pairs, and not one has a sharp or a true picture."""
    every = list(pairs)
    return bool(every) and all(
        pair.sharp is None and pair.truth is None for pair in every
    )


def metrics_for(pairs: Iterable[Pair]) -> dict[str, Metric]:
    """The metrics of a study by name: those of the profile."""
    # Without ground truth: those without reference that need neither an extra nor a download.
    if not lack_truth(pairs):
        return profile_metrics(DEFAULT.name)
    alone = {}
    for name, metric in all_metrics().items():
        needs_nothing = metric.against == "nothing" and not metric.remedy
        if needs_nothing:
            alone[name] = metric
    return alone
