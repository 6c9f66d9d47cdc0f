"""Faults that the simulated camera makes on purpose, such as ``ev=0.5@2`` or ``stuck-aperture``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from defocus.errors import InputError

__all__ = ["FAULTS", "Fault", "fault_value", "parse_faults"]

FAULTS = {
    "ev": "the shot gets that much more light, EV",
    "shift": "the camera moves by that much to the right, px",
    "zoom": "the magnification is that many times the usual one",
    "motion": "the nearest object moves by that much to the right, px",
    "stuck-aperture": "the diaphragm stays where it was, whatever EXIF says",
    "wrong-aperture": "EXIF says another aperture than was set",
    "duplicate-frame": "the file of the shot before is delivered once more",
}
"""Name → what happens; the first four need a value."""

_NEED_VALUE = ("ev", "shift", "zoom", "motion")
_FAULT = re.compile(r"([a-z-]+)(?:=([+-]?\d+(?:\.\d+)?))?(?:@(\d{1,6}))?")


@dataclass(frozen=True)
class Fault:
    """One fault; ``shot`` counts from 1 since the camera was opened, None = every shot."""

    name: str
    value: float
    shot: int | None


def parse_faults(texts: Sequence[str]) -> tuple[Fault, ...]:
    """Faults as they are typed: ``NAME``, ``NAME=VALUE``, either with ``@SHOT``.

    Raises:
        InputError: An unknown fault, or one without the value it needs.
    """
    return tuple(_parsed(text) for text in texts)


def _parsed(text: str) -> Fault:
    match = _FAULT.fullmatch(text.strip())
    if match is None or match[1] not in FAULTS:
        raise InputError(f"no fault '{text}'; there are {', '.join(FAULTS)}, as in ev=0.5@2")
    if (match[1] in _NEED_VALUE) != (match[2] is not None):
        need = "needs a value" if match[1] in _NEED_VALUE else "takes no value"
        raise InputError(f"fault '{text}': {match[1]} {need}: {FAULTS[match[1]]}")
    return Fault(match[1], float(match[2] or 0.0), int(match[3]) if match[3] else None)


def fault_value(faults: Sequence[Fault], name: str, shot: int) -> float | None:
    """The value of a fault at a shot; None where the shot has no such fault."""
    return next((f.value for f in faults if f.name == name and f.shot in (None, shot)), None)
