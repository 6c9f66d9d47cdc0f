"""Cameras of a session: one for all shots, or one for each picture of a pair."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from defocus.capture.camera import Camera, CameraDescription, HasFocusMotor, no_motor
from defocus.capture.links.back_ends import open_camera, redacted
from defocus.capture.planning.plan import Plan
from defocus.capture.planning.shoot_record import CameraRecord, ShootRecord
from defocus.errors import InputError
from defocus.progress import say

DEFAULT_OVERSHOOT = 20
"""Steps by which the motor passes a position before it approaches it; more than the play of a
gear."""


class FocusPositions:
    """Absolute positions, in steps from the initial one, for a motor with relative steps."""

    # Each is approached from the same side: after a change of direction gears do nothing for some
    # steps.

    def __init__(
        self, move: Callable[[int], int], overshoot: int = DEFAULT_OVERSHOOT
    ) -> None:
        """Take up the backlash of the gears; nearer positions are overshot by at least that."""
        self._move = move
        self._overshoot = overshoot
        self.position = 0
        self._approach(0, 0)

    def go(self, position: int) -> bool:
        """Move to a position, the last steps towards far; False at the end stop."""
        if position < self.position:
            return self._approach(position, self.position)
        self._step(position - self.position)
        return self.position == position

    def _approach(self, position: int, start: int) -> bool:
        """Approach from farther away: overshoot, then return with the backlash taken up."""
        target = position - self._overshoot
        self._step(target - start)
        # Closer to the near end than one overshoot the play may not be taken up.
        if self.position > target:
            self._step(self._overshoot)
            return False
        self._step(self._overshoot)
        return True

    def nudge(self, steps: int) -> int:
        """Move by steps in any direction, without regard to backlash; return the steps moved."""
        before = self.position
        self._step(steps)
        return self.position - before

    def reach(self, position: int) -> int:
        """The reachable position nearest to a requested one; the lens moves back afterwards."""
        start = self.position
        allowed = self.go(position)
        reached = position if allowed else self.position
        self.go(start)
        return reached

    def _step(self, steps: int) -> None:
        if steps:
            self.position += self._move(steps)


def focus_positions(
    camera: Camera, overshoot: int = DEFAULT_OVERSHOOT
) -> FocusPositions:
    """Make the positions of a camera's focus motor."""
    if not isinstance(camera, HasFocusMotor):
        raise no_motor(camera)
    return FocusPositions(camera.move_focus, overshoot)


@dataclass(frozen=True)
class RigAddress:
    """Addresses of the cameras of a session; ``sharp`` is None for the same camera."""

    blurry: str
    sharp: str | None = None

    @property
    def uris(self) -> list[str]:
        """The address of each camera."""
        return [self.blurry] if self.sharp is None else [self.blurry, self.sharp]

    @classmethod
    def parse(cls, typed: Sequence[str]) -> "RigAddress":
        """Parse ``--camera``, given once, or twice as ``blurry=URI`` and ``sharp=URI``."""
        roles = dict(
            text.split("=", 1)
            for text in typed
            if text.startswith(("blurry=", "sharp="))
        )
        if len(typed) == 1 and not roles:
            return cls(typed[0])
        if len(typed) == 2 and len(roles) == 2:
            return cls(roles["blurry"], roles["sharp"])
        raise InputError(
            f"--camera {' --camera '.join(typed)}: give one address, or two as "
            "--camera blurry=URI --camera sharp=URI"
        )


@dataclass(frozen=True)
class SessionCameras:
    """Open cameras; with a single one both are the same."""

    blurry: Camera
    sharp: Camera

    @classmethod
    def single(cls, camera: Camera) -> "SessionCameras":
        """One camera for every shot."""
        return cls(camera, camera)

    @property
    def two(self) -> bool:
        """Whether two cameras take the blurry and the sharp shots."""
        return self.blurry is not self.sharp

    @property
    def cameras(self) -> list[Camera]:
        """Each camera once."""
        return [self.blurry, self.sharp] if self.two else [self.blurry]

    def of(self, role: str) -> Camera:
        """The camera that takes the shot of a role."""
        return self.sharp if role == "sharp" else self.blurry


@contextlib.contextmanager
def open_rig(address: RigAddress) -> Iterator[SessionCameras]:
    """Open the cameras; leaving the block restores their settings."""
    with contextlib.ExitStack() as stack:
        blurry = stack.enter_context(open_camera(address.blurry))
        if address.sharp is None:
            yield SessionCameras.single(blurry)
        else:
            yield SessionCameras(
                blurry, stack.enter_context(open_camera(address.sharp))
            )


def same_camera(then: CameraRecord | None, now: CameraDescription | None) -> bool:
    """Whether a camera is the journalled one, by its serial number or else its address."""
    if then is None or now is None:
        return then is None and now is None
    if now.serial:
        return (then.model, then.serial) == (now.model, now.serial)
    return (then.model, then.uri) == (now.model, now.uri)


def tell_other_cameras(shoot: ShootRecord, plan: Plan) -> None:
    """Say that a session goes on with other cameras, or sizes of pictures, than a shoot had."""
    then = (shoot.camera, shoot.sharp_camera)
    now = (plan.camera, plan.sharp_camera)
    sized = any(map(_other_size, then, now))
    if sized or not all(map(same_camera, then, now)):
        before = _camera_names(then, sized=sized)
        after = _camera_names(now, sized=sized)
        say(f"warning: the session was shot with {before}; it goes on with {after}")


def _camera_names(
    cameras: Sequence[CameraRecord | CameraDescription | None], *, sized: bool
) -> str:
    return " and ".join(_camera_name(one, sized=sized) for one in cameras if one)


def _other_size(then: CameraRecord | None, now: CameraDescription | None) -> bool:
    """Whether the sizes of both cameras' pictures are known and differ."""
    sizes = {one.picture_size_px for one in (then, now) if one is not None}
    return len(sizes - {None}) > 1


def _camera_name(camera: CameraRecord | CameraDescription, *, sized: bool) -> str:
    """Model and serial number of a camera, or its address; with ``sized`` its picture size too."""
    size = camera.picture_size_px if sized else None
    words = "" if size is None else f", {size[0]} × {size[1]} px"
    return f"{camera.model} ({camera.serial or redacted(camera.uri)}{words})"
