"""Shots of a memory card: RAW and JPEG of one name are one shot; an edited copy is none."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from defocus.capture.planning.exposure import Exposure, make_exposure
from defocus.errors import InputError
from defocus.exif import Exif, read_exif
from defocus.likeness import Fingerprint, maybe_one_view
from defocus.raw import RAW_SUFFIXES

__all__ = ["CardShot", "Leftover", "card_of", "file_number", "originality", "read_shots"]

CAMERA_NAME = re.compile(r"([A-Za-z0-9_]{4})(\d{4})")
"""Names of files by the rule that cameras keep (DCF): IMG_0001, _DSC0001, P1010001."""
CAMERA_FOLDER = re.compile(r"(\d{3})[A-Za-z0-9_]{5}")
"""Names of their folders: 100CANON, 101MSDCF."""


@dataclass(frozen=True)
class CardShot:
    """One release: a picture, or RAW and JPEG. The first file is measured: RAW if there is one."""

    files: tuple[Path, ...]
    exif: Exif
    seconds: float
    look: Fingerprint | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Readable name of the first file."""
        return self.files[0].name

    @property
    def without_raw(self) -> tuple[Path, ...]:
        """The files that are not RAW."""
        return tuple(path for path in self.files if not _is_raw(path))

    @property
    def exposure(self) -> Exposure:
        """The exposure of the shot by its EXIF data."""
        exif = self.exif
        if exif.f_number is None or exif.seconds is None:
            raise InputError(f"{self.files[0]}: its EXIF has no aperture or time")
        return make_exposure(
            (f"f/{exif.f_number:g}", exif.f_number),
            (_time_label(exif.seconds), exif.seconds),
            (None, 100.0) if exif.iso is None else (f"{exif.iso:g}", exif.iso),
        )


@dataclass(frozen=True)
class Leftover:
    """A shot or a file that belongs to no pair, with the reason."""

    path: Path
    reason: str


def file_number(path: Path) -> tuple[int, int] | None:
    """Number of the folder, 0 if it has none, and of the file by the camera's count."""
    name = CAMERA_NAME.fullmatch(path.stem)
    folder = CAMERA_FOLDER.fullmatch(path.parent.name)
    return None if name is None else (int(folder[1]) if folder else 0, int(name[2]))


def card_of(path: Path) -> Path:
    """The folder that holds a camera's numbered folders, or else the one that holds the file."""
    folder = path.parent
    return folder.parent if CAMERA_FOLDER.fullmatch(folder.name) else folder


def originality(path: Path) -> tuple[bool, bool, int, str]:
    """Key that sorts the original of some copies first: it is named and placed as by a camera."""
    named = CAMERA_NAME.fullmatch(path.stem) is not None
    placed = CAMERA_FOLDER.fullmatch(path.parent.name) is not None
    return not named, not placed, len(path.parts), str(path)


def read_shots(
    files: Iterable[Path], looks: Mapping[Path, Fingerprint]
) -> tuple[list[CardShot], list[Leftover]]:
    """Read the EXIF of files; return shots by time and name, and the files that are edited copies.

    Times are from EXIF if any shot has one, else from the files; one without has its neighbour's.
    """
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        groups[path.with_suffix("")].append(path)
    shots = [_shot(group, looks) for group in groups.values()]
    shots, left = _without_edits(shots)
    shots = _dated(sorted(shots, key=lambda shot: shot.files[0]))
    return sorted(shots, key=lambda shot: (shot.seconds, shot.name, shot.files[0])), left


def _shot(group: Sequence[Path], looks: Mapping[Path, Fingerprint]) -> CardShot:
    files = tuple(sorted(group, key=lambda path: (not _is_raw(path), path)))
    exif = next((found for found in map(read_exif, files) if not found.empty), read_exif(files[0]))
    look = next((looks[path] for path in files if path in looks), None)
    return CardShot(files, exif, 0.0, look)


def _is_raw(path: Path) -> bool:
    return path.suffix.lower() in RAW_SUFFIXES


def _without_edits(shots: Sequence[CardShot]) -> tuple[list[CardShot], list[Leftover]]:
    """Join RAW and JPEG of two cards, and leave out what an editor saved beside an original."""
    alike: dict[object, list[CardShot]] = defaultdict(list)
    for shot in shots:
        exif = shot.exif
        told = exif.taken, exif.body, exif.f_number, exif.seconds, exif.iso
        alike[shot.files if exif.taken is None else told].append(shot)
    kept: list[CardShot] = []
    left: list[Leftover] = []
    for group in alike.values():
        originals: list[CardShot] = []
        for shot in sorted(group, key=lambda shot: originality(shot.files[0])):
            known = next((one for one in originals if _of_one_release(one, shot)), None)
            if known is None:
                originals.append(shot)
            elif _twins(known, shot):
                originals[originals.index(known)] = _joined(known, shot)
            else:
                reason = f"an edited copy of {known.name}, by its name and EXIF"
                left += [Leftover(path, reason) for path in shot.files]
        kept += originals
    return kept, left


def _of_one_release(first: CardShot, second: CardShot) -> bool:
    """Whether one name is the other with something before or after it, and both show one view."""
    looks = first.look, second.look
    if looks[0] is not None and looks[1] is not None and not maybe_one_view(looks[0], looks[1]):
        return False
    short, long = sorted((shot.files[0].stem.casefold() for shot in (first, second)), key=len)
    return re.search(rf"(?<!\d){re.escape(short)}(?!\d)", long) is not None


def _twins(first: CardShot, second: CardShot) -> bool:
    """Whether one shot has RAW files alone, and the other one none, of the same name."""
    raw = [{_is_raw(path) for path in shot.files} for shot in (first, second)]
    names = {shot.files[0].stem.casefold() for shot in (first, second)}
    return len(names) == 1 and {True} in raw and {False} in raw


def _joined(first: CardShot, second: CardShot) -> CardShot:
    raw, other = (first, second) if _is_raw(first.files[0]) else (second, first)
    return replace(raw, files=raw.files + other.files, look=raw.look or other.look)


def _dated(shots: Sequence[CardShot]) -> list[CardShot]:
    """Shots with their times; ``shots`` are sorted by folder and name."""
    times = [_exif_seconds(shot.exif) for shot in shots]
    if not any(time is not None for time in times):
        return [replace(shot, seconds=shot.files[0].stat().st_mtime) for shot in shots]
    last = next(time for time in times if time is not None)
    dated = []
    for shot, time in zip(shots, times, strict=True):
        last = last if time is None else time
        dated.append(replace(shot, seconds=last))
    return dated


def _exif_seconds(exif: Exif) -> float | None:
    try:
        # Cameras know no time zone: differences are all that counts.
        taken = datetime.strptime(exif.taken or "", "%Y:%m:%d %H:%M:%S")
        return (taken - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return None


def _time_label(seconds: float) -> str:
    return f"1/{1 / seconds:.0f}" if seconds < 0.3 else f"{seconds:g}"
