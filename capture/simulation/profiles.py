"""The words that bodies of different makers have for the same settings.

Source: the names and choices of libgphoto2's ptp2 driver (``camlibs/ptp2/config.c``) for Canon and
Nikon, of ONVIF's imaging service for IP cameras. What a maker's body does besides is not imitated.
"""

from dataclasses import dataclass
from typing import Literal

from defocus.capture.cameras.camera import SettingName
from defocus.capture.planning.labels import parse_seconds

__all__ = ["APERTURES", "ISOS", "PROFILES", "SHUTTERS", "Profile", "ProfileName", "Words"]

ProfileName = Literal["plain", "canon", "nikon", "ipcam"]

APERTURES = (
    "f/1.4 f/1.6 f/1.8 f/2 f/2.2 f/2.5 f/2.8 f/3.2 f/3.5 f/4 f/4.5 f/5 f/5.6 f/6.3 f/7.1 f/8 f/9 "
    "f/10 f/11 f/13 f/14 f/16 f/18 f/20 f/22"
)
SHUTTERS = (
    "30 25 20 15 13 10 8 6 5 4 3.2 2.5 2 1.6 1.3 1 0.8 0.6 0.5 0.4 0.3 1/4 1/5 1/6 1/8 1/10 1/13 "
    "1/15 1/20 1/25 1/30 1/40 1/50 1/60 1/80 1/100 1/125 1/160 1/200 1/250 1/320 1/400 1/500 "
    "1/640 1/800 1/1000 1/1250 1/1600 1/2000 1/2500 1/3200 1/4000"
)
ISOS = "100 125 160 200 250 320 400 500 640 800 1000 1250 1600 2000 2500 3200 4000 5000 6400"

_F_STOPS, _TIMES, _ISOS = (tuple(words.split()) for words in (APERTURES, SHUTTERS, ISOS))

NIKON_SHORTEST = 0.001
"""Nikon's times have four decimals; shorter ones could not be told apart."""

VIDEO_LONGEST = 0.2
"""A camera that sends five pictures a second exposes no longer."""


@dataclass(frozen=True)
class Words:
    """A setting in a maker's words: its name, the value it starts with, its choices."""

    word: str
    start: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """A kind of camera.

    Attributes:
        model: What it says that it is.
        words: Its settings.
        writes_exif: Whether its files say what they were taken with.
    """

    model: str
    words: dict[SettingName, Words]
    writes_exif: bool = True


def _seconds(word: str) -> float:
    return parse_seconds(word) or 0.0


PROFILES: dict[ProfileName, Profile] = {
    "plain": Profile(
        "Simulated camera",
        {
            "aperture": Words("aperture", "f/4", _F_STOPS),
            "shutter": Words("shutterspeed", "1/125", _TIMES),
            "iso": Words("iso", "100", _ISOS),
        },
    ),
    "canon": Profile(
        "Simulated Canon EOS",
        {
            "aperture": Words("aperture", "4", tuple(stop.removeprefix("f/") for stop in _F_STOPS)),
            "shutter": Words("shutterspeed", "1/125", ("bulb", *_TIMES)),
            "iso": Words("iso", "100", ("Auto", *_ISOS)),
        },
    ),
    "nikon": Profile(
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
    "ipcam": Profile(
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
