"""Simulated focus motor: steps without read-back, backlash and end stops."""

__all__ = ["FocusMotor"]

DIOPTRES_PER_STEP = 0.005
"""At 2 m, 40 steps nearer focus at 1.43 m and 40 farther at 3.33 m."""

FARTHEST_MM = 1e6
"""A lens of ours must be focused somewhere; a kilometre is as good as infinity."""


class FocusMotor:
    """Relative steps; positive focuses farther, from position 0 when the camera was opened."""

    def __init__(self, rest_mm: float, travel: int, backlash: int) -> None:
        """At rest at ``rest_mm``, with the backlash taken up in the direction of positive steps."""
        self._rest_dioptres = 1000.0 / rest_mm
        self._travel = travel
        self._backlash = backlash
        self._gear = backlash
        self.position = 0

    def move(self, steps: int) -> int:
        """Move the gear; the lens follows after the backlash. Return the steps moved."""
        lowest, highest = -self._travel, self._travel + self._backlash
        target = min(max(self._gear + steps, lowest), highest)
        driven, self._gear = target - self._gear, target
        # The lens sits somewhere in the slack: it is pushed by either end of it.
        self.position = min(max(self.position, target - self._backlash), target)
        return driven

    @property
    def distance_mm(self) -> float:
        """Present focus distance."""
        return self.distance_at(self.position)

    def distance_at(self, position: float) -> float:
        """Focus distance at another position."""
        dioptres = self._rest_dioptres - DIOPTRES_PER_STEP * position
        return min(1000.0 / dioptres, FARTHEST_MM) if dioptres > 0 else FARTHEST_MM
