"""Injected faults of the simulated camera, such as ``ev=0.5@2`` or ``stuck-aperture``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from defocus.errors import InputError

__all__ = ["FAULTS", "Fault", "FaultKind", "Faults", "parse_faults"]


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: default numbers, or None if required; a lasting one stays from then on."""

    text: str
    usual: tuple[float, ...] | None = ()  # default numbers; None if numbers are required
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
    "motion": FaultKind("the nearest object moves by that much to the right, px", (3.0,)),
    "wb-drift": FaultKind("red is that much stronger and blue weaker, a fraction", (0.06,)),
    "dust": FaultKind("so many specks fall on the sensor and stay", (5.0,), lasting=True),
    "clip": FaultKind("a reflection of so many times a full well", (3.0,)),
    "af-hunt": FaultKind("autofocus moves the lens by so many steps", (-40.0,)),
    "duplicate-frame": FaultKind("the file of the shot before is delivered once more"),
    "crash": FaultKind("the process of the camera crashes before the shot, and is started again"),
    "slow": FaultKind("the shot takes that much longer, s", (2.0,)),
    "disk-full": FaultKind("the disk takes only half of the file"),
    "clock-jump": FaultKind("the camera's clock jumps by so much, s", (3600.0,), lasting=True),
}
"""Name → what happens."""

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
            lasting = FAULTS[name].lasting and fault.shot is not None and fault.shot < shot
            if fault.name == name and (lasting or fault.shot in (None, shot)):
                return fault.numbers
        return None

    def has(self, name: str, shot: int) -> bool:
        """Whether a shot has a fault."""
        return self.numbers(name, shot) is not None

    def number(self, name: str, shot: int) -> float | None:
        """The single number of a fault; None if the shot does not have the fault."""
        numbers = self.numbers(name, shot)
        return None if numbers is None else numbers[0]


def parse_faults(texts: Sequence[str]) -> Faults:
    """Parse typed faults: ``NAME`` or ``NAME=NUMBER``, optionally with ``@SHOT``."""
    return Faults(tuple(_parsed(text) for text in texts))


def _parsed(text: str) -> Fault:
    kind = FAULTS.get(re.split("[=@]", text.strip())[0])
    if kind is None:
        raise InputError(f"no fault '{text}'; there are {', '.join(FAULTS)}, as in ev=0.5@2")
    match = _FAULT.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"fault '{text}': the number or the shot cannot be read; write NAME, NAME=NUMBER, "
            "either with @SHOT, as in ev=0.5@2"
        )
    given = tuple(float(number) for number in match[2].split(",")) if match[2] else ()
    numbers = given or kind.usual
    if numbers is None:
        raise InputError(f"fault '{text}': {match[1]} needs a number: {kind.text}")
    if given and kind.usual == ():
        raise InputError(f"fault '{text}': {match[1]} takes no number: {kind.text}")
    if len(given) > 1 and match[1] != "shift":
        raise InputError(f"fault '{text}': {match[1]} takes one number: {kind.text}")
    return Fault(match[1], numbers, int(match[3]) if match[3] else None)
