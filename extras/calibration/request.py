"""Request of a calibration: the options of ``calibrate``; it imports nothing heavy."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from defocus.capture.planning.shoot_settings import (
    CAMERAS,
    FOCAL_LENGTH,
    PIXEL_PITCH,
    FocalLength,
    PixelPitch,
    Seconds,
)
from defocus.settings import CommandSettings, option


class CalibrationRequest(CommandSettings):
    """Settings of a calibration; a value of None is taken from the camera, or found."""

    uri: tuple[str, ...] = CAMERAS
    blurry: str = option("f/4", "--blurry F")
    """Wide aperture: 'exposure' and 'flat' begin with it, 'focus' uses it."""
    sharp: str = option("f/22", "--sharp F")
    """Narrow aperture: 'exposure' and 'flat' end with it; 'dust', 'breathing' and 'rig' use it."""
    shutter: str | None = option(None, "--shutter T")
    """Exposure time; found by trial if not given."""
    reach: Annotated[int, Field(ge=4, le=100_000)] = option(60, "--reach STEPS")
    """Range of the focus motor to either side, for focus and breathing."""
    focal_length_mm: FocalLength | None = FOCAL_LENGTH
    sensor_pitch_um: PixelPitch | None = PIXEL_PITCH
    frames: Annotated[int, Field(ge=1, le=99)] = option(
        8,
        "--frames",
        heading="Pictures",
    )
    """Pictures to average for flat and dust; releases for rig."""
    settle_seconds: Seconds | None = option(None, "--settle SECONDS")
    """Pause before each shot.  [default: 1.5; sim: 0]"""
    yes: bool = option(False, "--yes")
    """Do not ask; the target is in place."""
    out: Path = option(..., "--out FILE", heading="Result")
    """JSON file to write; 'shoot --calibration FILE' uses it."""


class CalibrationReport(CommandSettings):
    """Options of ``calibrate report``."""

    out: Path = option(..., "--out FILE")
    """PDF or HTML file to write."""
