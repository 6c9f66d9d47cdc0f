"""Pair the shots of one camera by aperture, time, order and content."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from defocus.capture.arriving.card_shots import CardShot, Leftover, leftovers
from defocus.capture.planning.shoot_settings import Order
from defocus.errors import InputError
from defocus.likeness import maybe_one_view
from defocus.pictures.raw import any_raw
from defocus.scene.thin_lens import true_f_number

SAME_APERTURE_STOPS = 1 / 6
SAME_EXPOSURE_STOPS = 1.0
"""Largest difference of exposure, in stops, between shots that have one aperture, where no file
names it. Changing light explains up to this much."""
CLOCK_SECONDS = 1.0
"""Resolution of the times in EXIF."""

NO_CONTACTS = (
    "if the lens has no contacts, give both apertures as --blurry f/2 --sharp f/16: the longer "
    "exposure is the sharp one then, or --order says which comes first"
)
NO_EXIF = (
    "an editor or a messenger dropped it? import the camera's own files, or put blurry and sharp "
    "pictures into two folders, which defocus-data reads as pairs:FOLDER"
)


@dataclass(frozen=True)
class BracketApertures:
    """The two f-numbers of pairs; if ``typed``, they also hold for shots that state none."""

    blurry: float
    sharp: float
    typed: bool = False
    order: Order | None = None


@dataclass(frozen=True)
class CardPair:
    """Shots that belong together, as they were taken; a third one repeats the first."""

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
class _Usable:
    """A shot at one of the two apertures; if it is unknown, ``stops`` is light by time and ISO."""

    shot: CardShot
    stops: float
    says_aperture: bool

    def like(self, other: "_Usable") -> bool:
        """Whether both have one aperture."""
        apart = abs(self.stops - other.stops)
        return apart < (
            2 * SAME_APERTURE_STOPS if self.says_aperture else SAME_EXPOSURE_STOPS
        )

    def exposed_like(self, other: "_Usable") -> bool:
        """Whether the settings of both give one exposure; they may if an aperture is unknown."""
        if not (self.says_aperture and other.says_aperture):
            return True
        return (
            abs(self._light() - self.stops - other._light() + other.stops)
            < SAME_EXPOSURE_STOPS
        )

    def _light(self) -> float:
        """Light by time and ISO, in stops."""
        return math.log2(
            (self.shot.exif.seconds or 1.0) * (self.shot.exif.iso or 100.0)
        )


def apertures_of(shots: Sequence[CardShot]) -> BracketApertures:
    """The wide and the narrow f-number of shots that have exactly two apertures."""
    numbers = dict[float, float]()
    for shot in shots:
        f_number = shot.exif.f_number
        if f_number:
            numbers[round(true_f_number(f_number), 3)] = f_number
    if len(numbers) != 2:
        words = [f"f/{numbers[true]:g}" for true in sorted(numbers)]
        listed = ", ".join(words) or "none"
        lens = NO_CONTACTS if any(shot.exif.seconds for shot in shots) else NO_EXIF
        hint = f"; {lens}" if len(numbers) < 2 else "; choose with --blurry and --sharp"
        raise InputError(f"the pictures do not have two apertures, but {listed}{hint}")
    wide, narrow = sorted(numbers.items())
    return BracketApertures(wide[1], narrow[1])


def find_pairs(
    shots: Sequence[CardShot], apertures: BracketApertures, *, gap_seconds: float
) -> tuple[list[CardPair], list[Leftover]]:
    """Group the shots of a run: neighbours at different apertures that may show the same view.

    A third shot like the first is its repeat, unless the fourth shows that it begins the next pair.
    """
    pairs: list[CardPair] = []
    left: list[Leftover] = []
    usable: list[_Usable] = []
    for shot in shots:
        member = _usable(shot, apertures)
        if member is None:
            left.append(Leftover(shot.files[0], _why_unusable(shot)))
        else:
            usable.append(member)
    place = 0
    while place < len(usable):
        window = usable[place : place + 4]
        length = _length(window, gap_seconds, apertures.order)
        if length == 1:
            left.append(
                Leftover(window[0].shot.files[0], _why_alone(window, gap_seconds))
            )
        else:
            pair, raw = _of_one_kind(_pair(window[:length], apertures))
            pairs.append(pair)
            left += raw
        place += length
    return pairs, left


def _of_one_kind(pair: CardPair) -> tuple[CardPair, list[Leftover]]:
    """A pair without the RAW files that some of its shots lack, if each has another file."""
    developed = [shot.without_raw for shot in pair.shots]
    with_raw = [any_raw(*shot.files) for shot in pair.shots]
    if all(with_raw) or not any(with_raw) or not all(developed):
        return pair, []
    shots = []
    dropped = set[Path]()
    for shot, files in zip(pair.shots, developed, strict=True):
        shots.append(replace(shot, files=files))
        dropped.update(shot.files)
    dropped.difference_update(*developed)
    reason = "the other member has no RAW file; the JPEG of both make the pair"
    return replace(pair, shots=tuple(shots)), leftovers(sorted(dropped), reason)


def _usable(shot: CardShot, apertures: BracketApertures) -> _Usable | None:
    exif = shot.exif
    if exif.seconds is None:
        return None
    if exif.f_number is None:
        light = math.log2(exif.seconds * (exif.iso or 100.0) / 100.0)
        return _Usable(shot, light, says_aperture=False) if apertures.typed else None
    for wanted in (apertures.blurry, apertures.sharp):
        if abs(2.0 * math.log2(exif.f_number / wanted)) <= SAME_APERTURE_STOPS:
            return _Usable(shot, 2.0 * math.log2(wanted), says_aperture=True)
    return None


def _why_unusable(shot: CardShot) -> str:
    exif = shot.exif
    if exif.seconds is None:
        return f"no aperture or time in its EXIF: {NO_EXIF}"
    if exif.f_number is None:
        return f"no aperture in its EXIF; {NO_CONTACTS}"
    return f"f/{exif.f_number:g} is neither of the two apertures"


def _pair(members: Sequence[_Usable], apertures: BracketApertures) -> CardPair:
    sharp_first = members[0].stops > members[1].stops
    if apertures.order is not None and not members[0].says_aperture:
        sharp_first = apertures.order != "blurry-first"
    two: Order = "sharp-first" if sharp_first else "blurry-first"
    narrow = [sharp_first, not sharp_first, sharp_first][: len(members)]
    shots = []
    for member, is_sharp in zip(members, narrow, strict=True):
        shot = member.shot
        if not member.says_aperture:
            number = apertures.sharp if is_sharp else apertures.blurry
            shot = replace(shot, exif=replace(shot.exif, f_number=number))
        shots.append(shot)
    return CardPair(tuple(shots), "aba" if len(members) == 3 else two, sharp_first)


def _length(window: Sequence[_Usable], gap_seconds: float, order: Order | None) -> int:
    """Number of next shots that belong together: 1, 2 or 3."""
    joined = [
        _near(one, other, gap_seconds) and _alike(one, other)
        for one, other in itertools.pairwise(window)
    ]
    if order is not None and not window[0].says_aperture:
        wanted = 3 if order == "aba" else 2
        return wanted if len(window) >= wanted and all(joined[: wanted - 1]) else 1
    if len(joined) < 1 or not joined[0] or window[0].like(window[1]):
        return 1
    if len(joined) > 1 and joined[1] and _is_test(window):
        return 1
    return _two_or_three(window, joined)


def _two_or_three(window: Sequence[_Usable], joined: Sequence[bool]) -> int:
    """Number of shots of a pair whose third shot may be the next pair's first."""
    if len(joined) < 2 or not joined[1] or not window[2].like(window[0]):
        return 2
    if len(joined) < 3 or not joined[2] or window[3].like(window[2]):
        return 3
    # The third belongs to the fourth, unless the pause between them is clearly the longer one.
    pauses = [_pause(one.shot, other.shot) for one, other in itertools.pairwise(window)]
    return 3 if pauses[2] > 2.0 * max(pauses[1], CLOCK_SECONDS) else 2


def _is_test(window: Sequence[_Usable]) -> bool:
    """Whether the settings of the second shot fit the third shot and not the first."""
    first, second, third = window[:3]
    fits = not second.like(third) and second.exposed_like(third)
    return fits and not first.exposed_like(second)


def _near(one: _Usable, other: _Usable, gap_seconds: float) -> bool:
    return (
        one.says_aperture == other.says_aperture
        and _pause(one.shot, other.shot) <= gap_seconds
    )


def _alike(one: _Usable, other: _Usable) -> bool:
    """Whether two shots may show one view; they may if one was not looked at."""
    looks = one.shot.look, other.shot.look
    first, second = looks
    if first is None or second is None:
        return True
    return maybe_one_view(first, second)


def _why_alone(window: Sequence[_Usable], gap_seconds: float) -> str:
    """Why the first of some shots makes no pair with those after it."""
    if len(window) > 1 and _near(window[0], window[1], gap_seconds):
        follower = window[1].shot.name
        if not _alike(window[0], window[1]):
            return f"no neighbour shows the same: {follower} shows something else"
        if window[0].like(window[1]):
            return f"no neighbour of the other aperture: {follower} after it has the same one"
        if len(window) > 2 and _is_test(window):
            return f"another exposure than {follower}, which {window[2].shot.name} fits: a test?"
    return "no neighbour of the other aperture in time"


def _pause(first: CardShot, second: CardShot) -> float:
    return second.seconds - first.seconds - (first.exif.seconds or 0.0)
