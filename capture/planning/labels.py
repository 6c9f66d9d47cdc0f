"""Labels of apertures and exposure times, and their true values.

Labels are rounded: true settings lie on third stops, so "f/22" is f/22.63 and "1/125" is 1/128 s.
"""

import math
import re
from collections.abc import Callable

from defocus.capture.camera import Setting, SettingName
from defocus.scene.thin_lens import true_exposure_time, true_f_number

_APERTURES = (
    "f/1 f/1.1 f/1.2 f/1.4 f/1.6 f/1.8 f/2 f/2.2 f/2.5 f/2.8 f/3.2 f/3.5 f/4 f/4.5 f/5 f/5.6 f/6.3 "
    "f/7.1 f/8 f/9 f/10 f/11 f/13 f/14 f/16 f/18 f/20 f/22 f/25 f/29 f/32"
)
_SHUTTERS = (
    "30 25 20 15 13 10 8 6 5 4 3.2 2.5 2 1.6 1.3 1 0.8 0.6 0.5 0.4 0.3 1/4 1/5 1/6 1/8 1/10 1/13 "
    "1/15 1/20 1/25 1/30 1/40 1/50 1/60 1/80 1/100 1/125 1/160 1/200 1/250 1/320 1/400 1/500 "
    "1/640 1/800 1/1000 1/1250 1/1600 1/2000 1/2500 1/3200 1/4000 1/5000 1/6400 1/8000"
)
_ISOS = (
    "50 64 80 100 125 160 200 250 320 400 500 640 800 1000 1250 1600 2000 2500 3200 4000 5000 6400 "
    "8000 10000 12800 16000 20000 25600"
)

APERTURES = tuple(_APERTURES.split())
SHUTTERS = tuple(_SHUTTERS.split())
ISOS = tuple(_ISOS.split())
"""Labels of all third stops, for cameras that accept any number."""

UNKNOWN_PART = 65533
"""Smallest numerator of a time that is no exposure time: bodies write ``65535/65535`` and the like
for unknown, Bulb and composite exposures."""

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_F_NUMBER = re.compile(rf"(?:[fF]/?\s*)?{_NUMBER}", re.ASCII)
_SECONDS = re.compile(rf"(?:(\d+)/{_NUMBER}|{_NUMBER})\s*(?:s|\"|sec)?", re.ASCII)
_MINUTES = re.compile(r"(\d{1,2})m", re.ASCII)
_ISO = re.compile(r"0*[1-9][0-9]{0,7}")


def parse_f_number(text: str) -> float | None:
    """The f-number of a label: ``f/22``, ``22``, ``F4.0``; None if there is none."""
    match = _F_NUMBER.fullmatch(text.strip())
    value = float(match[1]) if match else 0.0
    return value if 0.5 <= value <= 128 else None


def parse_seconds(text: str) -> float | None:
    """The time of a label: ``1/125``, ``0.0080s``, ``0.5``, ``30"``; None for ``bulb``."""
    match = _SECONDS.fullmatch(text.strip())
    minutes = _MINUTES.fullmatch(text.strip())
    if minutes is not None:
        return 60.0 * int(minutes[1])
    if match is None or (match[1] is not None and int(match[1]) >= UNKNOWN_PART):
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
    """True f-number of a label: third stops are rounded by up to 3 %; others stay as they are."""
    true = true_f_number(nominal)
    return true if abs(math.log2(nominal / true)) <= 0.045 else nominal


def true_seconds(nominal: float) -> float:
    """True time of a label, seconds: third stops are rounded by up to 7 % (1/60); others stay."""
    true = true_exposure_time(nominal)
    return true if abs(math.log2(nominal / true)) <= 0.1 else nominal


_PARSERS: dict[SettingName, Callable[[str], float | None]] = {
    "aperture": parse_f_number,
    "shutter": parse_seconds,
    "iso": parse_iso,
}


def parse_value(name: SettingName, text: str) -> float | None:
    """The number of a setting's value; None if it has none."""
    return _PARSERS[name](text)


def values(setting: Setting) -> dict[str, float]:
    """The numeric choices of a setting: the camera's value → its number."""
    parsed = {}
    for word in setting.choices or (setting.value,):
        number = _PARSERS[setting.name](word)
        if number is not None:
            parsed[word] = number
    return parsed


def words_between(
    words: tuple[str, ...], value: Callable[[str], float], low: float, high: float
) -> tuple[str, ...]:
    """The values whose numbers are in a range, including both ends with 3 % tolerance."""
    between = []
    for word in words:
        number = value(word)
        if low / 1.03 <= number <= high * 1.03:
            between.append(word)
    return tuple(between)
