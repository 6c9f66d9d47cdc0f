"""Options of ``chart shoot``; it imports nothing heavy."""

from defocus.capture.planning.shoot_settings import (
    JSON_LINES,
    PIXEL_PITCH,
    PixelPitch,
    Seconds,
)
from defocus.settings import CommandSettings, option


class ChartShotRequest(CommandSettings):
    """Options of a shot; None is as in the session's last chart, else its last blurry shots."""

    uri: str | None = option(None, "--camera URI")
    """Address of the camera; by default that of the session."""
    aperture: str | None = option(None, "--aperture F")
    """Aperture; by default that of the session."""
    shutter: str | None = option(None, "--shutter T")
    """Exposure time, such as 1/125; by default that of the session."""
    iso: str | None = option(None, "--iso ISO")
    """ISO; by default that of the session."""
    settle_seconds: Seconds | None = option(None, "--settle SECONDS")
    """Pause before the shot, so that the camera stands still.  [default: 1.5; sim: 0]"""
    sensor_pitch_um: PixelPitch | None = PIXEL_PITCH
    json_lines: bool = JSON_LINES
