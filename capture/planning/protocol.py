"""Shots of a pair: order, aperture and focus, by the mode."""

from dataclasses import dataclass, replace
from typing import get_args

from defocus.capture.planning.exposure import Bracket, Exposure
from defocus.capture.planning.shoot_settings import Mode, Order

ORDERS: tuple[Order, ...] = get_args(Order)

TOLERATED_STOPS = 1 / 6


@dataclass(frozen=True)
class PlannedShot:
    """One shot; its role names its files. A ``defocused`` one has the blurry shot's focus."""

    role: str
    exposure: Exposure
    defocused: bool = False


@dataclass(frozen=True)
class ShotProtocol:
    """The shots of a pair, in order; the first two of ``dual`` are released together.

    ``focus_known``: only what the mode says was changed; for imported pictures nobody knows."""

    # ``aperture``: sharp narrow, blurry wide. ``focus``: both wide, blurry with the focus moved.
    # ``both``: as ``aperture``, with the focus moved. ``dual``: sharp by a second camera.

    mode: Mode
    frames: tuple[PlannedShot, ...]
    focus_known: bool = True

    def frame(self, role: str) -> PlannedShot | None:
        """The shot of a role; None if this protocol has none."""
        return next((frame for frame in self.frames if frame.role == role), None)

    @property
    def asked(self) -> Bracket:
        """The exposures of the two members."""
        exposures = {frame.role: frame.exposure for frame in self.frames}
        return Bracket(exposures["blurry"], exposures["sharp"])

    @property
    def anchored(self) -> str | None:
        """The role that the anchor repeats."""
        return None if self.frame("anchor") is None else self.frames[0].role

    @property
    def moves_focus(self) -> bool:
        """Whether the focus motor is needed."""
        return any(frame.defocused for frame in self.frames)

    @property
    def exposure_seconds(self) -> float:
        """Total exposure time of one pair."""
        times = [frame.exposure.seconds for frame in self.frames]
        if self.mode == "dual":
            return max(times)
        return sum(times)


def make_protocol(
    bracket: Bracket,
    *,
    mode: Mode = "aperture",
    order: Order = "aba",
    max_seconds: float = 30.0,
    stopped_down: bool = False,
) -> ShotProtocol:
    """The shots of a pair; ``stopped_down`` takes the sharp one of ``focus`` mode narrow.

    ``aba`` starts sharp, or blurry if the narrow exposure at the ISO of the wide one is too long.
    """
    wide = bracket.blurry
    narrow = bracket.sharp
    moved = mode in ("focus", "both")
    sharp = PlannedShot(
        "sharp", wide if mode == "focus" and not stopped_down else narrow
    )
    blurry = [PlannedShot("blurry", wide, defocused=moved)]
    if moved:
        blurry.append(PlannedShot("companion", narrow, defocused=True))
    if mode == "dual":
        return ShotProtocol(mode, (*blurry, sharp))
    needed_seconds = wide.seconds * 2.0**bracket.aperture_ev
    too_long = needed_seconds > max_seconds * 2.0**TOLERATED_STOPS
    frames = [sharp, *blurry]
    if order == "blurry-first" or (order == "aba" and too_long):
        frames = [*blurry, sharp]
    if order == "aba":
        frames.append(replace(frames[0], role="anchor"))
    return ShotProtocol(mode, tuple(frames))
