"""What was measured of a pair, as words for people."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["in_words", "measured"]

UNITS = {"ev": "EV", "px": "px", "mm": "mm", "deg": "°", "s": "s", "seconds": "s"}
"""The last word of a number's name is its unit, here as it is written behind the number."""

NAMES = {"measured_ev": "Blurry brighter by", "exposure_residual_ev": "Not explained by settings"}
"""Where the name itself would say too little."""


def measured(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of all numbers in ``quality`` of a ``pair.json``.

    Args:
        entry: The document; read as untrusted.
    """
    quality = entry.get("quality")
    if not isinstance(quality, Mapping):
        return []
    return list(_flat(quality))


def _flat(numbers: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in numbers.items():
        if name == "misalignment" and isinstance(value, Mapping):
            yield from _misalignment(value)
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            yield in_words(name, value)


def _misalignment(found: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    shift, zoom = found.get("shift_px"), found.get("zoom")
    known = isinstance(shift, list) and all(isinstance(part, int | float) for part in shift)
    yield in_words("shift_px", math.hypot(*shift) if known and shift else None)
    change = round(zoom - 1, 4) + 0.0 if isinstance(zoom, int | float) else None
    yield "Magnification", "unknown" if change is None else f"{change:+.2%}"


def in_words(name: str, value: float | None) -> tuple[str, str]:
    """A number's name for people, and the number with its unit.

    Example:
        >>> in_words("drift_ev", 0.013)
        ('Drift', '+0.01 EV')
        >>> in_words("sharp_clipped_share", None)
        ('Sharp clipped', 'unknown')
    """
    words = name.split("_")
    kind = words[-1]
    label = " ".join(words[:-1] if kind in UNITS or kind in ("share", "ratio") else words)
    label = NAMES.get(name, label[:1].upper() + label[1:])
    if value is None:
        return label, "unknown"
    if kind == "ev":
        return label, f"{round(value, 2) + 0.0:+.2f} EV"  # no negative zero
    if kind == "share":
        return label, f"{value:.1%}"
    if kind == "ratio":
        return label, f"{value:.2f} ×"
    return label, f"{value:.3g} {UNITS.get(kind, '')}".rstrip()
