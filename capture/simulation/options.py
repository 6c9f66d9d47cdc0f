"""Options of the simulated camera in its address, and setting names of manufacturers.

Source of these: libgphoto2, ``camlibs/ptp2/config.c``, and the imaging service of ONVIF cameras."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from pydantic import Field

from defocus.capture.camera import SettingName
from defocus.capture.planning.labels import (
    APERTURES,
    ISOS,
    SHUTTERS,
    parse_f_number,
    parse_seconds,
    words_between,
)
from defocus.errors import InputError
from defocus.settings import Settings, parse_settings

ProfileName = Literal["plain", "canon", "nikon", "ipcam"]

_F_STOPS = words_between(APERTURES, lambda word: parse_f_number(word) or 0.0, 1.4, 22.0)
_TIMES = words_between(
    SHUTTERS, lambda word: parse_seconds(word) or 0.0, 1 / 4000, 30.0
)
_ISOS = words_between(ISOS, float, 100.0, 6400.0)

NIKON_SHORTEST = 0.001
"""Shortest time of the profile Nikon: its times have four decimals, and shorter ones would look the
same."""

VIDEO_LONGEST = 0.2
"""Longest time of a camera that sends five pictures a second."""


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
            "aperture": Words(
                "aperture", "4", tuple(stop.removeprefix("f/") for stop in _F_STOPS)
            ),
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
                tuple(
                    f"{_seconds(t):.4f}s"
                    for t in _TIMES
                    if _seconds(t) >= NIKON_SHORTEST
                ),
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
"""Cameras that can be simulated, by the value of the option ``profile`` in an address."""

SENSOR_WIDTH_MM = 16.0


class SimulatedOptions(Settings):
    """Options of ``sim:?name=value&…``; the help of ``cameras`` says what each is, and its unit."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    scene: str = "shapes"
    breathing: float = Field(default=0.0, ge=0.0, le=0.1)
    shift: float = Field(default=0.0, ge=0.0, le=100.0)
    rotation: float = Field(default=0.0, ge=0.0, le=5.0)
    noise: float = Field(default=1.0, ge=0.0, le=100.0)
    exposure_error: float = Field(default=0.0, ge=0.0, le=4.0)
    stop_error: float = Field(default=0.0, ge=-2.0, le=2.0)
    motion: float = Field(default=0.0, ge=0.0, le=100.0)
    vignetting: float = Field(default=0.0, ge=0.0, le=4.0)
    dust: int = Field(default=0, ge=0, le=100)
    warmth: float = Field(default=0.0, ge=-0.5, le=1.0)
    travel: int = Field(default=90, ge=0, le=99)
    backlash: int = Field(default=6, ge=0, le=50)
    focus_breathing: float = Field(default=1.0, ge=-2.0, le=3.0)
    chart: int = Field(default=0, ge=-99, le=99)
    latency: float = Field(default=0.0, ge=0.0, le=10.0)
    speed: float = Field(default=0.0, ge=0.0, le=1000.0)
    offset: float = Field(default=0.0, ge=-100.0, le=100.0)
    mirror: bool = False
    diffraction: float = Field(default=0.0, ge=0.0, le=100.0)
    profile: ProfileName = "plain"
    buffer: int = Field(default=0, ge=0, le=1000)
    drain: float = Field(default=0.5, gt=0.0, le=60.0)
    sleep: float = Field(default=0.0, ge=0.0, le=3600.0)
    fault: tuple[str, ...] = ()
    width: int = Field(default=640, ge=64, le=8192)
    height: int = Field(default=480, ge=64, le=8192)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture, px."""
        return self.width, self.height


def parse_address(uri: str) -> SimulatedOptions:
    """Parse the options of an address such as ``sim:?seed=1&shift=2``."""
    rest = uri.removeprefix("sim:")
    if rest and not rest.startswith("?"):
        raise InputError(f"camera address '{uri}': write sim: or sim:?seed=1&shift=2")
    try:
        pairs = parse_qsl(
            rest[1:], keep_blank_values=True, strict_parsing=bool(rest[1:])
        )
    except ValueError as error:
        raise InputError(
            f"camera address '{uri}': {error}; write name=value&name=value"
        ) from error
    options: dict[str, object] = dict(pairs)
    options["fault"] = [value for name, value in pairs if name == "fault"]
    return parse_settings(SimulatedOptions, options, origin=f"camera address '{uri}'")
