"""Measurements of a pair as readable text."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["measured"]


@dataclass(frozen=True)
class NumberRow:
    """A number of ``pair.json``.

    Attributes:
        label: Readable name.
        path: Path of keys inside ``quality``.
        words: Function that formats the value; may raise ``TypeError`` or ``ValueError``.
        always: Whether to show a missing value.
    """

    label: str
    path: tuple[str, ...]
    words: Callable[[Any], str]
    always: bool = True


def measured(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of the numbers in ``quality`` of a ``pair.json``.

    Values that were not measured are left out; values that could not be measured are "unknown".

    Args:
        entry: The document; read as untrusted.
    """
    told = []
    for row in ROWS:
        value: Any = entry.get("quality")
        for key in row.path:
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is _ABSENT or (value is None and not row.always):
            continue
        try:
            told.append((row.label, row.words(value)))
        except (TypeError, ValueError):
            told.append((row.label, "unknown"))
    return told


_ABSENT = object()


def _ev(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f} EV"  # no negative zero


def _share(value: float) -> str:
    return f"{value:.1%}"


def _length(value: list[float]) -> str:
    return f"{math.hypot(*value):.2f} px"


def _zoom(value: float) -> str:
    return f"{round(value - 1.0, 4) + 0.0:+.2%}"


ROWS = (
    NumberRow("Exposure, not explained by settings", ("exposure_residual_ev",), _ev),
    NumberRow("Sharpness, sharp over blurry", ("sharpness_ratio",), lambda value: f"{value:.2f} ×"),
    NumberRow("Blurry is the sharper one in", ("blurrier_share",), _share),
    NumberRow("Shift between the two", ("misalignment", "shift_px"), _length),
    NumberRow("Magnification between the two", ("misalignment", "zoom"), _zoom),
    NumberRow("Clipped in the blurry picture", ("blurry_clipped_share",), _share),
    NumberRow("Clipped in the sharp picture", ("sharp_clipped_share",), _share),
    NumberRow("Drift while shooting", ("anchor", "drift_px"), _length),
    NumberRow("Light while shooting", ("anchor", "light_ev"), _ev),
    NumberRow("Moved while shooting", ("anchor", "moved_share"), _share),
    NumberRow("Noise ceiling", ("anchor", "noise_ceiling_db"), lambda value: f"{value:.1f} dB"),
    NumberRow(
        "Sharp camera released later by",
        ("release_skew_seconds",),
        lambda value: f"{value * 1000:+.0f} ms",
        always=False,
    ),
)
