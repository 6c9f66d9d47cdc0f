"""What can be asked of the simulated camera in its address."""

from typing import Literal
from urllib.parse import parse_qsl

from pydantic import Field

from defocus.errors import InputError
from defocus.settings import Settings, parse_settings

__all__ = ["SENSOR_WIDTH_MM", "SimulatedOptions", "parse_address"]

SENSOR_WIDTH_MM = 16.0


class SimulatedOptions(Settings):
    """Options of ``sim:?name=value&…``.

    Attributes:
        seed: Everything random follows from it, the scene's name and the pair's number.
        scene: ``shapes`` (objects before a wall), ``steps`` (strips that recede) or ``wall``
            (one plane out of focus).
        breathing: Largest change of magnification at the second shot, a fraction.
        shift: Largest shift of the second shot in x and in y, px.
        rotation: Largest rotation of the second shot, degrees.
        noise: 0 = none, 1 = a full well of 30,000 electrons at ISO 100 and 5 of read noise.
        exposure_error: Largest unplanned exposure difference of the second shot, EV.
        width: Pixels; the sensor is 16 mm wide.
        height: Pixels.
    """

    seed: int = Field(default=0, ge=0, lt=2**32)
    scene: Literal["shapes", "steps", "wall"] = "shapes"
    breathing: float = Field(default=0.0, ge=0.0, le=0.1)
    shift: float = Field(default=0.0, ge=0.0, le=100.0)
    rotation: float = Field(default=0.0, ge=0.0, le=5.0)
    noise: float = Field(default=1.0, ge=0.0, le=100.0)
    exposure_error: float = Field(default=0.0, ge=0.0, le=4.0)
    width: int = Field(default=640, ge=64, le=8192)
    height: int = Field(default=480, ge=64, le=8192)


def parse_address(uri: str) -> SimulatedOptions:
    """The options of an address such as ``sim:?seed=1&shift=2``.

    Raises:
        InputError: Not such an address, an unknown option or a value out of range.
    """
    rest = uri.removeprefix("sim:")
    if rest and not rest.startswith("?"):
        raise InputError(f"camera address '{uri}': write sim: or sim:?seed=1&shift=2")
    try:
        pairs = parse_qsl(rest[1:], keep_blank_values=True, strict_parsing=bool(rest[1:]))
    except ValueError as error:
        raise InputError(f"camera address '{uri}': {error}; write name=value&name=value") from error
    return parse_settings(SimulatedOptions, dict(pairs), origin=f"camera address '{uri}'")
