"""What a person asks of a bracket, as it is typed, journalled and taken up again by ``resume``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from defocus.capture.cameras.camera import Camera
from defocus.capture.exposure import plan_bracket
from defocus.capture.plan import Plan, lens_of, make_plan
from defocus.errors import DatasetError

__all__ = ["BracketRequest"]


@dataclass(frozen=True)
class BracketRequest:
    """A bracket as it is asked for.

    Attributes:
        blurry: Wide aperture, as typed.
        sharp: Narrow aperture, as typed.
        shutter: Time of the blurry shot, as typed; None = what the camera is set to.
        iso: ISO, as typed; None = what the camera is set to.
        max_seconds: Longest time to use.
        distances_m: Where the blur is wanted.
        focal_length_mm, focus_distance_m, sensor_pitch_um: Where the camera does not tell.
    """

    blurry: str
    sharp: str
    shutter: str | None = None
    iso: str | None = None
    max_seconds: float = 30.0
    distances_m: tuple[float, ...] = ()
    focal_length_mm: float | None = None
    focus_distance_m: float | None = None
    sensor_pitch_um: float | None = None

    def plan(self, camera: Camera) -> Plan:
        """The plan on a camera as it is set now.

        Raises:
            InputError: The camera lacks a setting or a value, or the lens is impossible.
        """
        bracket = plan_bracket(
            camera.settings(),
            self.blurry,
            self.sharp,
            shutter=self.shutter,
            iso=self.iso,
            max_seconds=self.max_seconds,
        )
        description = camera.describe()
        lens = lens_of(
            description,
            bracket,
            focal_length_mm=self.focal_length_mm,
            focus_distance_mm=None
            if self.focus_distance_m is None
            else self.focus_distance_m * 1e3,
            sensor_pitch_um=self.sensor_pitch_um,
        )
        return make_plan(description, bracket, lens, [1000.0 * d for d in self.distances_m])

    @classmethod
    def from_shoot(cls, shoot: Mapping[str, Any]) -> "BracketRequest":
        """The request of a journalled shoot, with the settings that were chosen then.

        Raises:
            DatasetError: The journal lacks them.
        """
        try:
            blurry, sharp = shoot["blurry"], shoot["sharp"]
            return cls(
                str(blurry["aperture"]),
                str(sharp["aperture"]),
                str(blurry["shutter"]),
                None if blurry["iso"] is None else str(blurry["iso"]),
                float(shoot["max_seconds"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"the journal does not say how the pairs were to be shot ({error}); "
                "shoot them anew into another session"
            ) from error
