"""Positions of a focus motor, always approached from the same side.

Gears have play: after a change of direction the first steps move nothing, and how many that are
is not known. A position that is always approached by moving towards far is the same every time.
"""

from collections.abc import Callable

from defocus.capture.camera import Camera, HasFocusMotor
from defocus.errors import InputError

__all__ = ["DEFAULT_OVERSHOOT", "FocusPositions", "focus_positions"]

DEFAULT_OVERSHOOT = 20
"""Steps by which a position is overshot before it is approached; more than the play of a gear."""


class FocusPositions:
    """Absolute positions on a motor that knows only relative steps.

    Attributes:
        position: Where the lens stands, in steps from where it stood at the start.
    """

    def __init__(self, move: Callable[[int], int], overshoot: int = DEFAULT_OVERSHOOT) -> None:
        """Take up the play of the gears.

        Args:
            move: Moves the motor by steps, positive towards far, and tells how far it came (see
                ``HasFocusMotor``).
            overshoot: Steps by which positions nearer than the present one are overshot; at least
                the play.
        """
        self._move = move
        self._overshoot = overshoot
        self.position = 0
        self._approach(0, 0)

    def go(self, position: int) -> bool:
        """Move there, with the last movement towards far.

        Returns:
            Whether the travel allows the position; if not, the lens stands at the end of it.

        Raises:
            CameraError: The motor refused, or the camera was lost.
        """
        if position < self.position:
            return self._approach(position, self.position)
        self._step(position - self.position)
        return self.position == position

    def _approach(self, position: int, start: int) -> bool:
        """From farther away: overshoot, then come back with the play taken up."""
        target = position - self._overshoot
        self._step(target - start)
        # Closer to the near end than one overshoot the play may not be taken up.
        if self.position > target:
            self._step(self._overshoot)
            return False
        self._step(self._overshoot)
        return True

    def nudge(self, steps: int) -> int:
        """Move by steps in any direction, with whatever play there is; returns the steps driven."""
        before = self.position
        self._step(steps)
        return self.position - before

    def reach(self, position: int) -> int:
        """The position nearest to the one asked for that the travel allows; the lens goes back."""
        start = self.position
        allowed = self.go(position)
        reached = position if allowed else self.position
        self.go(start)
        return reached

    def _step(self, steps: int) -> None:
        if steps:
            self.position += self._move(steps)


def focus_positions(camera: Camera, overshoot: int = DEFAULT_OVERSHOOT) -> FocusPositions:
    """The positions of a camera's focus motor.

    Raises:
        InputError: The camera has no focus motor.
        CameraError: The motor refused, or the camera was lost.
    """
    if not isinstance(camera, HasFocusMotor):
        raise InputError(
            f"{camera.describe().model} has no focus motor that can be driven; use --mode aperture"
        )
    return FocusPositions(camera.move_focus, overshoot)
