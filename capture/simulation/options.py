"""Options of the simulated camera in its address."""

from urllib.parse import parse_qsl

from pydantic import Field

from defocus.capture.simulation.profiles import ProfileName
from defocus.errors import InputError
from defocus.settings import Settings, parse_settings

__all__ = ["SENSOR_WIDTH_MM", "SimulatedOptions", "parse_address"]

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


def parse_address(uri: str) -> SimulatedOptions:
    """Parse the options of an address such as ``sim:?seed=1&shift=2``."""
    rest = uri.removeprefix("sim:")
    if rest and not rest.startswith("?"):
        raise InputError(f"camera address '{uri}': write sim: or sim:?seed=1&shift=2")
    try:
        pairs = parse_qsl(rest[1:], keep_blank_values=True, strict_parsing=bool(rest[1:]))
    except ValueError as error:
        raise InputError(f"camera address '{uri}': {error}; write name=value&name=value") from error
    options: dict[str, object] = dict(pairs)
    options["fault"] = [value for name, value in pairs if name == "fault"]
    return parse_settings(SimulatedOptions, options, origin=f"camera address '{uri}'")
