"""Options of the simulated camera in its address."""

from urllib.parse import parse_qsl

from pydantic import Field

from defocus.capture.simulation.profiles import ProfileName
from defocus.errors import InputError
from defocus.settings import Settings, parse_settings

__all__ = ["SENSOR_WIDTH_MM", "SimulatedOptions", "parse_address"]

SENSOR_WIDTH_MM = 16.0


class SimulatedOptions(Settings):
    """Options of ``sim:?name=value&…``.

    Attributes:
        seed: Seed; with the scene's name and the pair's number it determines everything random.
        scene: ``shapes`` (objects in front of a wall), ``steps`` (receding strips), ``wall`` (one
            plane out of focus), or one that an extra brings, such as ``chart``.
        breathing: Largest change of magnification at the second shot, a fraction.
        shift: Largest shift of the second shot in x and in y, px.
        rotation: Largest rotation of the second shot, degrees.
        noise: 0 = none, 1 = a full well of 30,000 electrons at ISO 100 and 5 of read noise.
        exposure_error: Largest unplanned exposure difference of the second shot, EV.
        stop_error: Excess light through the diaphragm at f/22, EV; less at wider apertures.
        motion: Movement of the nearest object to the right after the first shot, px.
        vignetting: Loss of light in the corners at f/1.4, EV; less at narrower apertures.
        dust: Number of dust specks on the sensor.
        warmth: Warmer light: fraction of more red and less blue.
        travel: Steps of the focus motor from its initial position to each end.
        backlash: Steps of the focus motor lost after a change of direction.
        focus_breathing: Change of magnification by the focus motor: 1 = like a thin lens, 0 = none,
            negative = reversed.
        chart: Steps of the focus motor to the charts of ``calibrate focus`` and ``chart shoot``.
        latency: Time from the command to the release, seconds.
        speed: Speed of the nearest object to the right, px per second.
        offset: Sideways offset of a second camera on the rig, px.
        mirror: Whether the camera sees the scene through a mirror.
        diffraction: Size of the Airy disc relative to the true one; 0 = none.
        profile: Manufacturer's setting names (see :mod:`.profiles`).
        buffer: Number of shots before the camera is busy; 0 = unlimited.
        drain: Time for a shot to leave the buffer, seconds.
        sleep: Idle time before the camera falls asleep, seconds; 0 = never.
        fault: An injected fault (see :mod:`.faults`); may be repeated.
        width: Width in pixels; the sensor is 16 mm wide.
        height: Height in pixels.
    """

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
    """Parse the options of an address such as ``sim:?seed=1&shift=2``.

    Raises:
        InputError: The address is not valid, an option is unknown, or a value is out of range.
    """
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
