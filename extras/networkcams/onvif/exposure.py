"""Conversion between third stops and ONVIF exposure units: microseconds, dB of gain, dB of iris.

ONVIF defines neither dB: 6 dB are taken as one stop. Not tried on a real camera."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from defocus.capture.camera import Setting, SettingName
from defocus.capture.planning.labels import (
    APERTURES,
    ISOS,
    SHUTTERS,
    parse_value,
    true_f,
    true_seconds,
    words_between,
)
from defocus.extras.networkcams.words import nearest_word

FIELDS: dict[SettingName, str] = {"aperture": "Iris", "shutter": "ExposureTime", "iso": "Gain"}
"""What ONVIF calls each setting."""

_WORDS: dict[SettingName, tuple[str, ...]] = {
    "aperture": APERTURES,
    "shutter": SHUTTERS,
    "iso": ISOS,
}


@dataclass(frozen=True)
class _Scale:
    """Conversion between a setting's values and the camera's numbers."""

    name: SettingName
    widest_f_number: float

    def number(self, word: str) -> float:
        """The true number of a value: f-number, seconds or ISO."""
        nominal = parse_value(self.name, word)
        assert nominal is not None, word  # noqa: S101 - our own words
        if self.name == "aperture":
            return true_f(nominal)
        return true_seconds(nominal) if self.name == "shutter" else nominal

    def to_camera(self, number: float) -> float:
        if self.name == "aperture":
            return 40.0 * math.log10(number / self.widest_f_number)
        if self.name == "shutter":
            return number * 1e6
        return 20.0 * math.log10(number / 100.0)

    def from_camera(self, value: float) -> float:
        if self.name == "aperture":
            return float(self.widest_f_number * 10.0 ** (value / 40.0))
        if self.name == "shutter":
            return value / 1e6
        return float(100.0 * 10.0 ** (value / 20.0))

    def word(self, number: float) -> str:
        """The value of a number: a third stop within a tenth of a stop, else the number itself."""
        word = nearest_word(_WORDS[self.name], self.number, number)
        steps = 2.0 if self.name == "aperture" else 1.0
        if abs(steps * math.log2(self.number(word) / number)) < 1 / 10:
            return word
        if self.name == "aperture":
            return f"f/{number:.3g}"
        return f"{number:.4g}" if self.name == "shutter" else f"{number:.0f}"


def exposure_settings(
    exposure: Mapping[str, Any], options: Mapping[str, Any], widest_f_number: float | None
) -> dict[SettingName, Setting]:
    """The settings of a camera, in third stops, by the ``Exposure`` of its settings and options.

    Without the widest f-number, at 0 dB of iris, there is no aperture: ONVIF does not report it."""
    settings: dict[SettingName, Setting] = {}
    for name, field in FIELDS.items():
        limits, value = options.get(field), exposure.get(field)
        if not limits or value is None or (name == "aperture" and widest_f_number is None):
            continue
        scale = _Scale(name, widest_f_number or 1.0)
        low, high = sorted(scale.from_camera(float(limits[end])) for end in ("Min", "Max"))
        words = words_between(_WORDS[name], scale.number, low, high)
        present = scale.from_camera(float(value))
        if words and present > 0:
            settings[name] = Setting(name, f"Exposure.{field}", scale.word(present), words)
    return settings


def field_value(
    name: SettingName, word: str, widest_f_number: float | None, limits: Mapping[str, Any]
) -> float:
    """The number of a camera's field for a value, within its limits."""
    scale = _Scale(name, widest_f_number or 1.0)
    value = scale.to_camera(scale.number(word))
    return min(max(value, float(limits["Min"])), float(limits["Max"]))
