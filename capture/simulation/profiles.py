"""Setting names of camera manufacturers.

Source: the names and choices of libgphoto2's ptp2 driver (``camlibs/ptp2/config.c``) for Canon and
Nikon, of ONVIF's imaging service for IP cameras. Other behaviour of these cameras is not imitated.
"""

from dataclasses import dataclass
from typing import Literal

from defocus.capture.camera import SettingName
from defocus.capture.planning.labels import (
    APERTURES,
    ISOS,
    SHUTTERS,
    parse_f_number,
    parse_seconds,
    words_between,
)

__all__ = ["PROFILES", "CameraProfile", "ProfileName", "Words"]

ProfileName = Literal["plain", "canon", "nikon", "ipcam"]

_F_STOPS = words_between(APERTURES, lambda word: parse_f_number(word) or 0.0, 1.4, 22.0)
_TIMES = words_between(SHUTTERS, lambda word: parse_seconds(word) or 0.0, 1 / 4000, 30.0)
_ISOS = words_between(ISOS, float, 100.0, 6400.0)

NIKON_SHORTEST = 0.001
"""Nikon's times have four decimals; shorter ones could not be told apart."""

VIDEO_LONGEST = 0.2
"""A camera that sends five pictures a second exposes no longer."""


@dataclass(frozen=True)
class Words:
    """A setting of a manufacturer: its name, initial value and choices."""

    word: str
    start: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class CameraProfile:
    """A kind of camera: its model name, its settings, whether its files have EXIF data."""

    model: str
    words: dict[SettingName, Words]
    writes_exif: bool = True


def _seconds(word: str) -> float:
    return parse_seconds(word) or 0.0


PROFILES: dict[ProfileName, CameraProfile] = {
    "plain": CameraProfile(
        "Simulated camera",
        {
            "aperture": Words("aperture", "f/4", _F_STOPS),
            "shutter": Words("shutterspeed", "1/125", _TIMES),
            "iso": Words("iso", "100", _ISOS),
        },
    ),
    "canon": CameraProfile(
        "Simulated Canon EOS",
        {
            "aperture": Words("aperture", "4", tuple(stop.removeprefix("f/") for stop in _F_STOPS)),
            "shutter": Words("shutterspeed", "1/125", ("bulb", *_TIMES)),
            "iso": Words("iso", "100", ("Auto", *_ISOS)),
        },
    ),
    "nikon": CameraProfile(
        "Simulated Nikon Z",
        {
            "aperture": Words("f-number", "f/4", _F_STOPS),
            "shutter": Words(
                "shutterspeed",
                "0.0080s",
                tuple(f"{_seconds(t):.4f}s" for t in _TIMES if _seconds(t) >= NIKON_SHORTEST),
            ),
            "iso": Words("iso", "100", _ISOS),
        },
    ),
    "ipcam": CameraProfile(
        "Simulated IP camera",
        {
            "aperture": Words("Exposure.Iris", "f/4", _F_STOPS),
            "shutter": Words(
                "Exposure.ExposureTime",
                "1/125",
                tuple(t for t in _TIMES if _seconds(t) <= VIDEO_LONGEST),
            ),
            "iso": Words("Exposure.Gain", "100", _ISOS),
        },
        writes_exif=False,
    ),
}
"""By the name that the option ``profile`` of an address gives."""
