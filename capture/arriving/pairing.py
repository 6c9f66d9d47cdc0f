"""Pairing of pictures by EXIF aperture, time and order."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from defocus.capture.exif import Exif, read_exif
from defocus.capture.planning.exposure import Exposure, make_exposure
from defocus.capture.planning.protocol import Order
from defocus.errors import InputError
from defocus.optics.thin_lens import true_f_number
from defocus.raw import RAW_SUFFIXES

__all__ = ["CardShot", "FoundPair", "Leftover", "apertures_of", "find_pairs", "read_shots"]

SAME_APERTURE_STOPS = 1 / 6
CLOCK_SECONDS = 1.0
"""EXIF counts whole seconds."""


@dataclass(frozen=True)
class CardShot:
    """One release of the shutter: a picture, or RAW and JPEG of one name.

    Attributes:
        files: The files of the shot; the first is used for measurements, RAW if there is one.
        exif: EXIF of the first file.
        seconds: Time of the shot, on a clock common to all shots of a card.
    """

    files: tuple[Path, ...]
    exif: Exif
    seconds: float

    @property
    def name(self) -> str:
        """Readable name of the first file."""
        return self.files[0].name

    @property
    def exposure(self) -> Exposure:
        """The exposure of the shot.

        Raises:
            InputError: The EXIF data has no exposure.
        """
        exif = self.exif
        if exif.f_number is None or exif.seconds is None:
            raise InputError(f"{self.files[0]}: its EXIF has no aperture or time")
        return make_exposure(
            (f"f/{exif.f_number:g}", exif.f_number),
            (_time_label(exif.seconds), exif.seconds),
            (None, 100.0) if exif.iso is None else (f"{exif.iso:g}", exif.iso),
        )


@dataclass(frozen=True)
class FoundPair:
    """Shots that belong together, in the order in which they were taken.

    Attributes:
        shots: Two shots, or three if the first was repeated at the end.
        order: ``aba``, ``sharp-first`` or ``blurry-first``.
        sharp_first: Whether the first shot is the sharp one.
    """

    shots: tuple[CardShot, ...]
    order: Order
    sharp_first: bool

    @property
    def blurry(self) -> CardShot:
        """The shot with the wide aperture."""
        return self.shots[1 if self.sharp_first else 0]

    @property
    def sharp(self) -> CardShot:
        """The shot with the narrow aperture, the first of two."""
        return self.shots[0 if self.sharp_first else 1]


@dataclass(frozen=True)
class Leftover:
    """A shot that belongs to no pair, with the reason."""

    shot: CardShot
    reason: str


def read_shots(files: Iterable[Path]) -> list[CardShot]:
    """Group files by folder and name, read their EXIF, and sort them by time and name.

    Times are from EXIF if every shot has one, else from the files.
    """
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        groups[path.with_suffix("")].append(path)
    ordered = [
        tuple(sorted(group, key=lambda path: (path.suffix.lower() not in RAW_SUFFIXES, path)))
        for group in groups.values()
    ]
    read = [(group, read_exif(group[0])) for group in ordered]
    times = [_exif_seconds(exif) for _, exif in read]
    shots = [
        CardShot(group, exif, group[0].stat().st_mtime if None in times else time or 0.0)
        for (group, exif), time in zip(read, times, strict=True)
    ]
    return sorted(shots, key=lambda shot: (shot.seconds, shot.files[0].name, shot.files[0]))


def _exif_seconds(exif: Exif) -> float | None:
    try:
        # Cameras know no time zone: differences are all that counts.
        taken = datetime.strptime(exif.taken or "", "%Y:%m:%d %H:%M:%S")
        return (taken - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return None


def _time_label(seconds: float) -> str:
    return f"1/{1 / seconds:.0f}" if seconds < 0.3 else f"{seconds:g}"


def apertures_of(shots: Sequence[CardShot]) -> tuple[float, float]:
    """The wide and the narrow f-number of shots with two apertures.

    Raises:
        InputError: The shots do not have exactly two apertures.
    """
    found = {
        round(true_f_number(shot.exif.f_number), 3): shot.exif.f_number
        for shot in shots
        if shot.exif.f_number
    }
    if len(found) != 2:
        listed = ", ".join(f"f/{number:g}" for _, number in sorted(found.items())) or "none"
        raise InputError(
            f"the pictures do not have two apertures, but {listed}; choose with --blurry and "
            "--sharp"
        )
    wide, narrow = sorted(found.items())
    return wide[1], narrow[1]


def find_pairs(
    shots: Sequence[CardShot], blurry: float, sharp: float, *, gap_seconds: float
) -> tuple[list[FoundPair], list[Leftover]]:
    """Group the shots into pairs.

    Neighbours of different aperture make a pair. A third shot like the first is its repeat, unless
    the fourth shows that the third begins the next pair.

    Args:
        shots: The shots, in order.
        blurry: The wide f-number.
        sharp: The narrow f-number.
        gap_seconds: Longest pause between the shots of a pair, without exposure time.
    """
    pairs: list[FoundPair] = []
    left: list[Leftover] = []
    usable: list[tuple[CardShot, bool]] = []
    for shot in shots:
        role = _is_sharp(shot, blurry, sharp)
        if role is None:
            left.append(Leftover(shot, _why_unusable(shot)))
        else:
            usable.append((shot, role))
    place = 0
    while place < len(usable):
        length = _length_at(usable[place:], gap_seconds)
        taken = usable[place : place + length]
        if length == 1:
            left.append(Leftover(taken[0][0], "no neighbour of the other aperture in time"))
        else:
            sharp_first = taken[0][1]
            two: Order = "sharp-first" if sharp_first else "blurry-first"
            order: Order = "aba" if length == 3 else two
            pairs.append(FoundPair(tuple(shot for shot, _ in taken), order, sharp_first))
        place += length
    return pairs, left


def _is_sharp(shot: CardShot, blurry: float, sharp: float) -> bool | None:
    number, seconds = shot.exif.f_number, shot.exif.seconds
    if number is None or seconds is None:
        return None
    for wanted, is_sharp in ((blurry, False), (sharp, True)):
        if abs(2.0 * math.log2(number / wanted)) <= SAME_APERTURE_STOPS:
            return is_sharp
    return None


def _why_unusable(shot: CardShot) -> str:
    if shot.exif.f_number is None or shot.exif.seconds is None:
        return "no aperture or time in its EXIF"
    return f"f/{shot.exif.f_number:g} is neither of the two apertures"


def _length_at(usable: Sequence[tuple[CardShot, bool]], gap_seconds: float) -> int:
    """Number of next shots that belong together: 1, 2 or 3."""
    roles = [is_sharp for _, is_sharp in usable[:4]]
    pauses = [_pause(first, second) for (first, _), (second, _) in itertools.pairwise(usable[:4])]
    near = [pause <= gap_seconds for pause in pauses]
    if len(near) < 1 or not near[0] or roles[0] == roles[1]:
        return 1
    if len(near) < 2 or not near[1] or roles[2] != roles[0]:
        return 2
    if len(near) < 3 or not near[2] or roles[3] == roles[2]:
        return 3
    # The third belongs to the fourth, unless the pause between them is clearly the longer one.
    return 3 if pauses[2] > 2.0 * max(pauses[1], CLOCK_SECONDS) else 2


def _pause(first: CardShot, second: CardShot) -> float:
    return second.seconds - first.seconds - (first.exif.seconds or 0.0)
