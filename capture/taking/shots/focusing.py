"""Positions of a focus motor, always approached from the same side.

Gears have backlash: after a change of direction an unknown number of steps has no effect. A
position that is always approached towards far is reproducible.
"""

from collections.abc import Callable

from defocus.capture.body_abilities import no_motor
from defocus.capture.camera import Camera, HasFocusMotor

__all__ = ["DEFAULT_OVERSHOOT", "FocusPositions", "focus_positions"]

DEFAULT_OVERSHOOT = 20
"""Steps by which a position is overshot before it is approached; more than the play of a gear."""


class FocusPositions:
    """Absolute positions, in steps from the initial one, for a motor with relative steps."""

    def __init__(self, move: Callable[[int], int], overshoot: int = DEFAULT_OVERSHOOT) -> None:
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


def focus_positions(camera: Camera, overshoot: int = DEFAULT_OVERSHOOT) -> FocusPositions:
    """Make the positions of a camera's focus motor."""
    if not isinstance(camera, HasFocusMotor):
        raise no_motor(camera)
    return FocusPositions(camera.move_focus, overshoot)
