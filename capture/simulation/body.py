"""Simulated camera body and its focus motor, with the failures of a real one."""

import errno
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.capture.links.retries import ShotFailedError
from defocus.capture.simulation.faults import Faults
from defocus.capture.simulation.options import SimulatedOptions
from defocus.capture.simulation.sensor import dust_shadow, tint
from defocus.errors import CameraError, storage_error

__all__ = ["Body", "FocusMotor", "spoiled", "write_delivered"]

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


REFLECTION = (0.7, 0.3, 0.15)
"""Place (shares of width and height) and radius (share of the height) of a reflection."""


class Body:
    """Power, buffer and card of a camera; ``shot`` is the number of the next shot, from 1."""

    def __init__(self, options: SimulatedOptions, faults: Faults) -> None:
        """Make a body that is awake, with an empty buffer."""
        self._options, self._faults = options, faults
        self._used_at = time.monotonic()
        self._buffered: list[float] = []
        self._refused = 0
        self.shot = 1

    def wake(self) -> None:
        """Receive a command; an error if it only woke the body, or if the body is unplugged."""
        if self._faults.has("unplug", self.shot) and self._refused:
            raise self._gone()
        idle, self._used_at = time.monotonic() - self._used_at, time.monotonic()
        if self._options.sleep and idle > self._options.sleep:
            raise ShotFailedError(f"the simulated camera was asleep after {idle:.1f} s; it wakes")

    def release(self) -> None:
        """Apply everything that can prevent a shot; after ``ShotFailedError`` try again."""
        self.wake()
        if self._faults.has("unplug", self.shot):
            self._refused = 1
            raise self._gone()
        if self._faults.has("store-full", self.shot):
            raise CameraError(
                "the card of the simulated camera is full; empty it, then run "
                "'defocus-capture resume'"
            )
        self._refuse()
        time.sleep(self._options.latency + (self._faults.number("slow", self.shot) or 0.0))
        self._fill_buffer()
        self._used_at = time.monotonic()
        self._refused = 0

    def _refuse(self) -> None:
        """Crash, be busy or stay silent at the first tries of a shot."""
        silent = self._faults.number("timeout", self.shot)
        busy = self._faults.number("busy", self.shot) or 0.0
        self._refused += 1
        if self._faults.has("crash", self.shot) and self._refused == 1:
            # As where a camera has a process of its own: that is started anew, set as before.
            raise ShotFailedError("the process of the simulated camera crashed; it runs again")
        if silent is not None and self._refused == 1:
            time.sleep(silent)
            raise ShotFailedError(f"the simulated camera did not answer in {silent:g} s")
        if self._refused <= busy:
            raise ShotFailedError("the simulated camera is busy")

    def _fill_buffer(self) -> None:
        """Fill the buffer; each shot leaves it ``drain`` seconds after the previous one."""
        if not self._options.buffer:
            return
        now = time.monotonic()
        self._buffered = [done for done in self._buffered if done > now]
        if len(self._buffered) >= self._options.buffer:
            raise ShotFailedError("the buffer of the simulated camera is full")
        self._buffered.append(max([now, *self._buffered]) + self._options.drain)

    def _gone(self) -> CameraError:
        return CameraError(
            "the simulated camera was unplugged; plug it in, then run 'defocus-capture resume'"
        )


def spoiled(
    signal_: NDArray[np.float64], faults: Faults, shot: int, f_number: float, seed: int
) -> NDArray[np.float64]:
    """Apply faults to the ``(H, W, 3)`` sensor signal, 1 = full well: colour, dust, clipping."""
    height, width = signal_.shape[:2]
    drift = faults.number("wb-drift", shot)
    if drift is not None:
        signal_ = signal_ * tint(drift)
    specks = faults.number("dust", shot)
    if specks is not None:
        signal_ = signal_ * dust_shadow(width, height, int(specks), f_number, seed)
    flood = faults.number("clip", shot)
    if flood is not None:
        x, y = np.arange(width)[None, :], np.arange(height)[:, None]
        across, down, radius = REFLECTION
        lit = np.hypot(x - across * width, y - down * height) <= radius * height
        signal_ = signal_ + flood * lit[:, :, None]
    return signal_


def write_delivered(path: Path, content: bytes, *, disk_full: bool = False) -> None:
    """Write a delivered file; the disk may be full, really or simulated."""
    try:
        path.write_bytes(content[: len(content) // 2] if disk_full else content)
        if disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise storage_error(error, path) from error
