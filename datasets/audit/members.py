"""Warnings by the headers of a pair's files: on colours, orientation and frames."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from defocus.datasets.audit.pair_audit import AuditedPair, Members, reduced_members
from defocus.datasets.pair import Pair
from defocus.errors import ImageError
from defocus.pictures.metadata import other_pictures
from defocus.pictures.profiles import (
    PLAIN,
    PictureHeader,
    colour_code,
    in_two_spaces,
    picture_header,
)
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.remarks import MOSAIC, is_mosaic

SHOWN = 6


@dataclass
class WorstMembers:
    """Members of the pairs with the largest misalignment so far, by id; at most :data:`SHOWN`."""

    members: dict[str, Members] = field(default_factory=dict)
    _rows: tuple[AuditedPair, ...] = ()

    def offer(self, row: AuditedPair, members: Members) -> None:
        """Keep the members of a pair if it is one of the worst."""
        if row.misalignment_px is None:
            return
        self.members[row.id] = members
        rows = sorted((*self._rows, row), key=lambda one: -(one.misalignment_px or 0.0))
        self._rows = tuple(rows[:SHOWN])
        kept = {one.id for one in self._rows}
        self.members = {
            name: both for name, both in self.members.items() if name in kept
        }


def shown_members(pair: Pair, worst: WorstMembers) -> Members:
    """The members of a pair to be shown: those that are kept, or read from its files."""
    if pair.id in worst.members:
        return worst.members[pair.id]
    return reduced_members(
        *read_pair(pair.blurry, pair.sharp or pair.blurry, pair.white)
    )


What = Literal[
    "colour space",
    "orientation",
    "frames",
    "mosaic",
    "same picture",
    "sharpness",
    "largest shift",
    "unexplained",
    "sharp member",
    "clipped",
]


@dataclass(frozen=True)
class Warned:
    """A warning on one pair: what is odd about its members."""

    id: str
    what: What
    text: str

    @property
    def finding(self) -> tuple[str, str]:
        """Name and text, for :func:`defocus.progress.grouped`."""
        return self.id, f"{self.what}: {self.text}"


def warnings_of(pairs: Iterable[Pair]) -> tuple[Warned, ...]:
    """Warnings on pairs by their files' headers; RAW files and unreadable ones have none."""
    # Pictures are read as they are stored: no orientation, the first frame, a profile only if the
    # two members mean different colours. That is right where both files say the same.
    return tuple(warning for pair in pairs for warning in _warnings(pair))


def _warnings(pair: Pair) -> list[Warned]:
    blurry = picture_header(pair.blurry)
    sharp = blurry if pair.sharp is None else picture_header(pair.sharp)
    if blurry is None or sharp is None:
        return []
    warnings = _colour_warnings(pair, blurry, sharp)
    if blurry.orientation != sharp.orientation:
        both = f"{blurry.orientation} and {sharp.orientation}"
        warnings.append(
            ("orientation", f"EXIF says {both} for blurry and sharp; both are ignored")
        )
    if blurry.grey and sharp.grey and _is_mosaic(pair):
        warnings.append(("mosaic", MOSAIC))
    pictures = max(blurry.frames, sharp.frames)
    warnings += [("frames", one.text) for one in other_pictures(pictures)]
    return [Warned(pair.id, what, text) for what, text in warnings]


def _is_mosaic(pair: Pair) -> bool:
    """Whether the blurry picture is a mosaic; one that is not read is named when it is measured."""
    try:
        return is_mosaic(read_image(pair.blurry, pair.white))
    except ImageError:
        return False


def _colour_warnings(
    pair: Pair, blurry: PictureHeader, sharp: PictureHeader
) -> list[tuple[What, str]]:
    """Doubts from the colours of the two files."""
    warnings: list[tuple[What, str]] = []
    if blurry.colours != sharp.colours:
        text = f"the blurry file says {blurry.colours}, the sharp one {sharp.colours}"
        files = pair.blurry, pair.sharp or pair.blurry
        if in_two_spaces(*files):
            coded = any(map(colour_code, files))
            text += (
                "; convert both to sRGB" if coded else "; both are converted to sRGB"
            )
        warnings.append(("colour space", text))
    elif blurry.grey != sharp.grey:
        grey, other = ("blurry", "sharp") if blurry.grey else ("sharp", "blurry")
        warnings.append(
            ("colour space", f"the {grey} file is grey, the {other} one has colours")
        )
    elif blurry.colours != PLAIN:
        taken = "taken for sRGB"
        if colour_code(pair.blurry):
            taken = "not converted but read as sRGB"
        warnings.append(("colour space", f"{blurry.colours}, {taken}"))
    return warnings
