"""Request of a shoot, as typed, journalled and read again by ``resume``."""

from typing import Any

from defocus.capture.camera import Camera, CameraDescription, HasFocusMotor, no_motor
from defocus.capture.planning.exposure import Bracket, matching_shutter, plan_bracket
from defocus.capture.planning.plan import OpticsPlan, Plan, lens_of, make_optics_plan
from defocus.capture.planning.protocol import make_protocol
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.planning.shoot_settings import BracketSettings
from defocus.errors import DatasetError, InputError

SETTLE_SECONDS = 1.5
"""Time for a mirror and a tripod to come to rest."""

FLICKER_PERIODS = 10.0
"""Exposure time, in periods of the lamps, from which an exposure that cuts a period short changes
by less than 1 %."""


class BracketRequest(BracketSettings):
    """Request of a bracket; several wide apertures, separated by commas, are for :meth:`each`."""

    stopped_down: bool = False

    def plan(self, camera: Camera, sharp_camera: Camera | None = None) -> Plan:
        """The plan for a camera with its present settings; a second one takes the sharp shots."""
        if "," in self.blurry:
            raise InputError(
                f"--blurry {self.blurry}: give one aperture; 'shoot' takes several"
            )
        self._check(two_cameras=sharp_camera is not None)
        if self.mode in ("focus", "both") and not isinstance(camera, HasFocusMotor):
            raise no_motor(camera)
        bracket = plan_bracket(
            camera.settings(),
            self.blurry,
            self.sharp,
            shutter=self.shutter,
            iso=self.iso,
            max_seconds=self.max_seconds,
            sharp_settings=None if sharp_camera is None else sharp_camera.settings(),
        )
        description = camera.describe()
        settle = self.settle_seconds
        if settle is None:
            settle = 0.0 if description.simulated else SETTLE_SECONDS
        return Plan(
            camera=description,
            sharp_camera=None if sharp_camera is None else sharp_camera.describe(),
            bracket=bracket,
            protocol=make_protocol(
                bracket,
                mode=self.mode,
                order=self.order,
                max_seconds=self.max_seconds,
                stopped_down=self.stopped_down,
            ),
            order=self.order,
            focus_steps=self.focus_steps or (0,),
            optics=self._optics(description, bracket),
            settle_seconds=settle,
            notes=_flicker_notes(bracket, self.mains_hz),
        )

    def _optics(self, camera: CameraDescription, bracket: Bracket) -> OpticsPlan | None:
        """The optics of the planned apertures; None where focal length or focus is open."""
        focus_mm = (
            None if self.focus_distance_m is None else self.focus_distance_m * 1e3
        )
        lens = lens_of(
            camera, bracket, self.focal_length_mm, focus_mm, self.sensor_pitch_um
        )
        if lens is None:
            return None
        distances_mm = [1000.0 * distance for distance in self.distances_m]
        return make_optics_plan(lens, bracket, distances_mm, camera.picture_size_px)

    def each(
        self, camera: Camera, sharp_camera: Camera | None = None
    ) -> list["BracketRequest"]:
        """One request per wide aperture of ``f/4,f/2.8``, all with the same sharp exposure."""
        apertures = [word.strip() for word in self.blurry.split(",")]
        first = self.model_copy(update={"blurry": apertures[0]})
        if len(apertures) == 1:
            return [first]
        bracket = first.plan(camera, sharp_camera).bracket
        settings = camera.settings()
        requests = [first]
        for aperture in apertures[1:]:
            shutter = matching_shutter(settings, aperture, bracket.blurry)
            requests.append(
                self.model_copy(update={"blurry": aperture, "shutter": shutter})
            )
        words = {
            each.plan(camera, sharp_camera).bracket.blurry.aperture for each in requests
        }
        if len(words) < len(requests):
            raise InputError(
                f"--blurry {self.blurry}: names an aperture twice; name each once"
            )
        return requests

    def _check(self, *, two_cameras: bool) -> None:
        if (self.mode == "dual") != two_cameras:
            raise InputError(
                "--mode dual needs two cameras, and two cameras need --mode dual; give "
                "--camera blurry=URI --camera sharp=URI --mode dual"
            )
        moved = self.mode in ("focus", "both")
        in_focus = self.mode == "focus" and 0 in self.focus_steps
        if moved and (not self.focus_steps or in_focus):
            raise InputError(
                f"--mode {self.mode} moves the focus; give the distance, such as --focus-steps 40"
            )
        if self.focus_steps and not moved:
            raise InputError(f"--mode {self.mode} moves no focus; drop --focus-steps")

    def journalled(self, plan: Plan, *, confirmed_by_yes: bool) -> dict[str, Any]:
        """The journal record of a shoot, for :meth:`from_shoot`."""
        return {
            **plan.to_json(),
            "stopped_down": self.stopped_down,
            "max_seconds": self.max_seconds,
            "settle_seconds": plan.settle_seconds,
            "confirmed_by_yes": confirmed_by_yes,
        }

    @classmethod
    def from_shoot(cls, shoot: ShootRecord) -> "BracketRequest":
        """Make the request from a journalled shoot, with its chosen settings."""
        blurry = shoot.blurry
        sharp = shoot.sharp
        max_seconds = shoot.max_seconds
        settle_seconds = shoot.settle_seconds
        if (
            blurry is None
            or sharp is None
            or max_seconds is None
            or settle_seconds is None
        ):
            raise DatasetError(
                "the journal does not hold the settings of the pairs; shoot them again into "
                "another session"
            )
        return cls(
            blurry=blurry.aperture,
            sharp=sharp.aperture,
            shutter=blurry.shutter,
            iso=blurry.iso,
            max_seconds=max_seconds,
            mode=shoot.mode,
            order=shoot.order,
            focus_steps=shoot.focus_steps if shoot.mode in ("focus", "both") else (),
            stopped_down=shoot.stopped_down,
            settle_seconds=settle_seconds,
        )


def _flicker_notes(bracket: Bracket, mains_hz: int | None) -> tuple[str, ...]:
    """Notes on flicker: lamps flicker at twice the mains frequency, so times should match."""
    if mains_hz is None:
        return ()
    notes = []
    for exposure in (bracket.blurry, bracket.sharp):
        periods = exposure.seconds * 2 * mains_hz
        if _cuts_a_period(periods):
            notes.append(
                f"{exposure.shutter} holds {periods:.2f} periods of lamps on {mains_hz} Hz mains: "
                f"the exposure will flicker; choose a multiple of 1/{2 * mains_hz} s"
            )
    return tuple(notes)


def _cuts_a_period(periods: float) -> bool:
    return periods < FLICKER_PERIODS and abs(periods - max(round(periods), 1)) > 0.1
