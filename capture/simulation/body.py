"""Simulated camera body and its focus motor, with faults such as ``ev=0.5@2``."""

import errno
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.capture.links.retries import ShotFailedError
from defocus.capture.simulation.options import SimulatedOptions
from defocus.capture.simulation.sensor import Floats, dust_shadow, tint
from defocus.errors import CameraError, InputError
from defocus.near_names import meant
from defocus.storage.files import storing


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: default numbers, or None if required; a lasting one stays from then on."""

    text: str
    usual: (
        tuple[float, ...] | None
    ) = ()  # default numbers; None if numbers are required
    lasting: bool = False


FAULTS = {
    "unplug": FaultKind("the camera is gone from that shot on", lasting=True),
    "busy": FaultKind("the camera refuses the order that many times", (2.0,)),
    "timeout": FaultKind("the camera does not answer for so long, s", (0.5,)),
    "store-full": FaultKind("the card is full from that shot on", lasting=True),
    "truncated": FaultKind("the file ends in the middle"),
    "wrong-aperture": FaultKind("EXIF says another aperture than was set"),
    "stuck-aperture": FaultKind("the diaphragm stays where it was, whatever EXIF says"),
    "ev": FaultKind("the shot gets that much more light, EV", None),
    "shift": FaultKind("the camera moves by that much to the right and down, px", None),
    "zoom": FaultKind("the magnification is that many times the usual one", (1.01,)),
    "turn": FaultKind("the camera turns by that much, degrees", None),
    "motion": FaultKind(
        "the nearest object moves by that much to the right, px", (3.0,)
    ),
    "wb-drift": FaultKind(
        "red is that much stronger and blue weaker, a fraction", (0.06,)
    ),
    "dust": FaultKind(
        "so many specks fall on the sensor and stay", (5.0,), lasting=True
    ),
    "clip": FaultKind("a reflection of so many times a full well", (3.0,)),
    "af-hunt": FaultKind("autofocus moves the lens by so many steps", (-40.0,)),
    "duplicate-frame": FaultKind("the file of the shot before is delivered once more"),
    "crash": FaultKind(
        "the process of the camera crashes before the shot, and is started again"
    ),
    "slow": FaultKind("the shot takes that much longer, s", (2.0,)),
    "disk-full": FaultKind("the disk takes only half of the file"),
    "clock-jump": FaultKind(
        "the camera's clock jumps by so much, s", (3600.0,), lasting=True
    ),
}
"""Faults of the simulated camera, by name."""

_NUMBER = r"[+-]?\d{1,9}(?:\.\d{1,9})?"
_FAULT = re.compile(rf"([a-z-]+)(?:=({_NUMBER}(?:,{_NUMBER})?))?(?:@(\d{{1,6}}))?")


@dataclass(frozen=True)
class Fault:
    """One fault; ``shot`` counts from 1 since the camera was opened, None = every shot."""

    name: str
    numbers: tuple[float, ...]
    shot: int | None


@dataclass(frozen=True)
class Faults:
    """The faults of a camera."""

    faults: tuple[Fault, ...] = ()

    def numbers(self, name: str, shot: int) -> tuple[float, ...] | None:
        """The numbers of a fault at a shot; None if the shot does not have the fault."""
        for fault in self.faults:
            if fault.name == name and _is_at(fault, shot):
                return fault.numbers
        return None

    def has(self, name: str, shot: int) -> bool:
        """Whether a shot has a fault."""
        return self.numbers(name, shot) is not None

    def number(self, name: str, shot: int) -> float | None:
        """The single number of a fault; None if the shot does not have the fault."""
        numbers = self.numbers(name, shot)
        return None if numbers is None else numbers[0]


def _is_at(fault: Fault, shot: int) -> bool:
    """Whether a shot has a fault, which may last from its first shot on."""
    if fault.shot is None or fault.shot == shot:
        return True
    return FAULTS[fault.name].lasting and fault.shot < shot


def parse_faults(texts: Sequence[str]) -> Faults:
    """Parse typed faults: ``NAME`` or ``NAME=NUMBER``, optionally with ``@SHOT``."""
    return Faults(tuple(map(_parsed, texts)))


def _parsed(text: str) -> Fault:
    kind = FAULTS.get(name := re.split("[=@]", text.strip())[0])
    if kind is None:
        raise InputError(
            f"no fault '{text}' (they are written as ev=0.5@2); {meant(name, FAULTS)}"
        )
    match = _FAULT.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"fault '{text}': the number or the shot cannot be read; write NAME, NAME=NUMBER, "
            "either with @SHOT, as in ev=0.5@2"
        )
    typed = tuple(map(float, match[2].split(","))) if match[2] else ()
    numbers = typed or kind.usual
    wrong = ""
    if numbers is None:
        wrong = "needs a number"
    elif typed and kind.usual == ():
        wrong = "takes no number"
    elif len(typed) > 1 and name != "shift":
        wrong = "takes one number"
    if numbers is None or wrong:
        raise InputError(f"fault '{text}': {name} {wrong}: {kind.text}")
    return Fault(name, numbers, int(match[3]) if match[3] else None)


DIOPTRES_PER_STEP = 0.005
"""Change of focus by one step, in dioptres. From 2 m, 40 steps nearer focus at 1.43 m, and 40
farther at 3.33 m."""

FARTHEST_MM = 1e6
"""Farthest focus of the lens, mm; a kilometre is as good as infinity."""


class FocusMotor:
    """Relative steps; positive focuses farther, from position 0 when the camera was opened."""

    def __init__(self, rest_mm: float, travel: int, backlash: int) -> None:
        """Begin at rest at ``rest_mm``, with the backlash taken up in the positive direction."""
        self._rest_dioptres = 1000.0 / rest_mm
        self._travel = travel
        self._backlash = backlash
        self._gear = backlash
        self.position = 0

    def move(self, steps: int) -> int:
        """Move the gear; the lens follows after the backlash. Return the steps moved."""
        lowest = -self._travel
        highest = self._travel + self._backlash
        target = min(max(self._gear + steps, lowest), highest)
        driven = target - self._gear
        self._gear = target
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
        self._options = options
        self._faults = faults
        self._used_at = time.monotonic()
        self._buffered: list[float] = []
        self._refused = 0
        self.shot = 1

    def wake(self) -> None:
        """Receive a command; an error if it only woke the body, or if the body is unplugged."""
        if self._faults.has("unplug", self.shot) and self._refused:
            raise self._gone()
        idle = time.monotonic() - self._used_at
        self._used_at = time.monotonic()
        if self._options.sleep and idle > self._options.sleep:
            raise ShotFailedError(
                f"the simulated camera was asleep after {idle:.1f} s; it wakes"
            )

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
        time.sleep(
            self._options.latency + (self._faults.number("slow", self.shot) or 0.0)
        )
        self._fill_buffer()
        self._used_at = time.monotonic()
        self._refused = 0

    def _refuse(self) -> None:
        """Crash, be busy or stay silent at the first tries of a shot."""
        silent = self._faults.number("timeout", self.shot)
        busy = self._faults.number("busy", self.shot) or 0.0
        self._refused += 1
        if self._faults.has("crash", self.shot) and self._refused == 1:
            # As where a camera has a process of its own: that is started again, set as before.
            raise ShotFailedError(
                "the process of the simulated camera crashed; it runs again"
            )
        if silent is not None and self._refused == 1:
            time.sleep(silent)
            raise ShotFailedError(
                f"the simulated camera did not answer in {silent:g} s"
            )
        if self._refused <= busy:
            raise ShotFailedError("the simulated camera is busy")

    def _fill_buffer(self) -> None:
        """Fill the buffer; each shot leaves it ``drain`` seconds after the previous one."""
        if not self._options.buffer:
            return
        now = time.monotonic()
        self._buffered = [end for end in self._buffered if end > now]
        if len(self._buffered) >= self._options.buffer:
            raise ShotFailedError("the buffer of the simulated camera is full")
        self._buffered.append(max([now, *self._buffered]) + self._options.drain)

    def _gone(self) -> CameraError:
        return CameraError(
            "the simulated camera was unplugged; plug it in, then run 'defocus-capture resume'"
        )


def spoiled(
    signal_: Floats,
    faults: Faults,
    shot: int,
    f_number: float,
    seed: int,
) -> Floats:
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
        reflection = _reflection(width, height)
        signal_ = signal_ + flood * reflection[:, :, None]
    return signal_


def _reflection(width: int, height: int) -> NDArray[np.bool_]:
    """``(H, W)``: the disc in which a reflection floods the sensor."""
    across, down, radius = REFLECTION
    x = np.arange(width)[None, :]
    y = np.arange(height)[:, None]
    right = x - across * width
    below = y - down * height
    distance = np.hypot(right, below)
    return np.asarray(distance <= radius * height, np.bool_)


def write_delivered(path: Path, content: bytes, *, disk_full: bool = False) -> None:
    """Write a delivered file; the disk may be full, really or simulated."""
    with storing(path):
        path.write_bytes(content[: len(content) // 2] if disk_full else content)
        if disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
