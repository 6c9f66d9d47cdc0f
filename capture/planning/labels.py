"""Labels of apertures and exposure times, and their true values.

Labels are rounded numbers: "f/22" is f/22.63 and "1/125" is 1/128 s, because real settings lie on
third stops, 2^(k/6) for the f-number and 2^(k/3) for the time. From f/4 to f/22 the labels give
4.92 EV, the truth is 5.00 EV.
"""

import math
import re
from collections.abc import Callable

from defocus.capture.cameras.camera import Setting, SettingName
from defocus.optics.thin_lens import true_exposure_time, true_f_number

__all__ = [
    "parse_f_number",
    "parse_iso",
    "parse_seconds",
    "parse_value",
    "true_f",
    "true_seconds",
    "values",
]

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_F_NUMBER = re.compile(rf"(?:[fF]/?\s*)?{_NUMBER}", re.ASCII)
_SECONDS = re.compile(rf"(?:(\d+)/{_NUMBER}|{_NUMBER})\s*(?:s|\"|sec)?", re.ASCII)
_ISO = re.compile(r"0*[1-9][0-9]{0,7}")


def parse_f_number(text: str) -> float | None:
    """The f-number of a label: ``f/22``, ``22``, ``F4.0``; None where there is none.

    Example:
        >>> parse_f_number("f/5.6")
        5.6
    """
    match = _F_NUMBER.fullmatch(text.strip())
    value = float(match[1]) if match else 0.0
    return value if 0.5 <= value <= 128 else None


def parse_seconds(text: str) -> float | None:
    """The time of a label: ``1/125``, ``0.0080s``, ``0.5``, ``30"``; None for ``bulb`` and such.

    Example:
        >>> parse_seconds("1/4")
        0.25
    """
    match = _SECONDS.fullmatch(text.strip())
    if match is None:
        return None
    if match[3] is not None:
        seconds = float(match[3])
    else:
        divisor = float(match[2])
        seconds = float(match[1]) / divisor if divisor > 0 else 0.0
    return seconds if 1e-6 <= seconds <= 3600 else None


def parse_iso(text: str) -> float | None:
    """The ISO of a label: ``100``; None for ``Auto``."""
    match = _ISO.fullmatch(text.strip())
    return float(match[0]) if match else None


def true_f(nominal: float) -> float:
    """True f-number of a label; a label that is no rounded third stop stays as it is.

    Third-stop labels are rounded by up to 3 %; half stops (f/6.7) lie further off.
    """
    true = true_f_number(nominal)
    return true if abs(math.log2(nominal / true)) <= 0.045 else nominal


def true_seconds(nominal: float) -> float:
    """True time of a label, in seconds; a label that is no rounded third stop stays as it is.

    Third-stop labels are rounded by up to 7 % (1/60 for 1/64); half stops (1/90) lie further off.
    """
    true = true_exposure_time(nominal)
    return true if abs(math.log2(nominal / true)) <= 0.1 else nominal


_PARSERS: dict[SettingName, Callable[[str], float | None]] = {
    "aperture": parse_f_number,
    "shutter": parse_seconds,
    "iso": parse_iso,
}


def parse_value(name: SettingName, text: str) -> float | None:
    """The number that a word of a setting says; None where it says none."""
    return _PARSERS[name](text)


def values(setting: Setting) -> dict[str, float]:
    """The numeric choices of a setting: the camera's word → the number it says."""
    words = setting.choices or (setting.value,)
    parsed = {word: _PARSERS[setting.name](word) for word in words}
    return {word: number for word, number in parsed.items() if number is not None}
