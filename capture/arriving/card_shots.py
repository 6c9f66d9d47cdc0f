"""Shots of a memory card. RAW and JPEG of one name are one shot; an edited copy is not a shot.

They are ordered camera by camera, and by file number where the clock was set."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from defocus.capture.clocks import comparable_moments
from defocus.capture.planning.exposure import Exposure, make_exposure
from defocus.capture.sidecars import REJECTED, rating
from defocus.errors import InputError
from defocus.likeness import Fingerprint, maybe_one_view
from defocus.pictures.metadata import Exif, read_exif
from defocus.pictures.raw import is_raw

CAMERA_NAME = re.compile(r"([A-Za-z0-9_]{4})(\d{4})")
"""Pattern of the file names that cameras give (DCF): IMG_0001, _DSC0001, P1010001."""
CAMERA_FOLDER = re.compile(r"(\d{3})[A-Za-z0-9_]{5}")
"""Pattern of the folder names that cameras give: 100CANON, 101MSDCF."""


@dataclass(frozen=True)
class CardShot:
    """One release: a picture, or RAW and JPEG. The first file is measured: RAW if there is one."""

    files: tuple[Path, ...]
    exif: Exif
    seconds: float
    look: Fingerprint | None = field(default=None, compare=False)
    sidecars: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Readable name of the first file."""
        return self.files[0].name

    @property
    def without_raw(self) -> tuple[Path, ...]:
        """The files that are not RAW."""
        return tuple(itertools.filterfalse(is_raw, self.files))

    @property
    def rejecting_sidecar(self) -> Path | None:
        """The sidecar that rejects the shot, if one does."""
        return next((path for path in self.sidecars if rating(path) == REJECTED), None)

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


ShotsOf = dict[str, list[CardShot]]
"""Shots by their camera."""


@dataclass(frozen=True)
class Leftover:
    """A shot or a file that belongs to no pair, with the reason."""

    path: Path
    reason: str


def leftovers(paths: Iterable[Path], reason: str) -> list[Leftover]:
    """Files that belong to no pair for one reason."""
    return [Leftover(path, reason) for path in paths]


def file_number(path: Path) -> tuple[int, int] | None:
    """Number of the folder, 0 if it has none, and of the file by the camera's count."""
    name = CAMERA_NAME.fullmatch(path.stem)
    if name is None:
        return None
    folder = CAMERA_FOLDER.fullmatch(path.parent.name)
    return int(folder[1]) if folder else 0, int(name[2])


def card_of(path: Path) -> Path:
    """The folder that holds a camera's numbered folders; without one, the folder of the file."""
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

    Times are from EXIF if any shot has one, else from the files; a shot without a time has its
    neighbour's."""
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        groups[path.with_suffix("")].append(path)
    shots = [_shot(group, looks) for group in groups.values()]
    shots, left = _without_edits(shots)
    shots = _dated(sorted(shots, key=lambda shot: shot.files[0]))
    return sorted(
        shots, key=lambda shot: (shot.seconds, shot.name, shot.files[0])
    ), left


def _shot(group: Sequence[Path], looks: Mapping[Path, Fingerprint]) -> CardShot:
    files = tuple(sorted(group, key=lambda path: (not is_raw(path), path)))
    exif = next(
        (one for one in map(read_exif, files) if not one.empty), read_exif(files[0])
    )
    look = next(filter(None, map(looks.get, files)), None)
    return CardShot(files, exif, 0.0, look)


def _without_edits(shots: Sequence[CardShot]) -> tuple[list[CardShot], list[Leftover]]:
    """Join RAW and JPEG of two cards, and leave out what an editor saved next to an original."""
    alike: dict[object, list[CardShot]] = defaultdict(list)
    for shot in shots:
        exif = shot.exif
        words = exif.taken, exif.body, exif.f_number, exif.seconds, exif.iso
        alike[shot.files if exif.taken is None else words].append(shot)
    kept: list[CardShot] = []
    left: list[Leftover] = []
    for group in alike.values():
        originals = _originals_of(group, left)
        kept += originals
    return kept, left


def _originals_of(group: list[CardShot], left: list[Leftover]) -> list[CardShot]:
    """Originals among shots of one exposure; edited copies are added to ``left``."""
    originals: list[CardShot] = []
    for shot in sorted(group, key=lambda shot: originality(shot.files[0])):
        original = next((one for one in originals if _of_one_release(one, shot)), None)
        if original is None:
            originals.append(shot)
        elif _twins(original, shot):
            originals[originals.index(original)] = _joined(original, shot)
        else:
            reason = f"an edited copy of {original.name}, by its name and EXIF"
            left += leftovers(shot.files, reason)
    return originals


def _of_one_release(first: CardShot, second: CardShot) -> bool:
    """Whether one name is the other with something before or after it, and both show one view."""
    looks = first.look, second.look
    if (
        looks[0] is not None
        and looks[1] is not None
        and not maybe_one_view(looks[0], looks[1])
    ):
        return False
    short, long = sorted(
        (shot.files[0].stem.casefold() for shot in (first, second)), key=len
    )
    return re.search(rf"(?<!\d){re.escape(short)}(?!\d)", long) is not None


def _twins(first: CardShot, second: CardShot) -> bool:
    """Whether two shots with one name are the RAW file and the picture of one shot."""
    if first.files[0].stem.casefold() != second.files[0].stem.casefold():
        return False
    kinds = [set(map(is_raw, shot.files)) for shot in (first, second)]
    return {True} in kinds and {False} in kinds


def _joined(first: CardShot, second: CardShot) -> CardShot:
    raw, other = first, second
    if not is_raw(first.files[0]):
        raw, other = second, first
    return replace(raw, files=raw.files + other.files, look=raw.look or other.look)


def _dated(shots: Sequence[CardShot]) -> list[CardShot]:
    """Shots with their times; ``shots`` are sorted by folder and name."""
    # differences are all that counts
    moments = comparable_moments([shot.exif for shot in shots])
    first = next((moment for moment in moments if moment is not None), None)
    if first is None:
        return [replace(shot, seconds=shot.files[0].stat().st_mtime) for shot in shots]
    last = first
    dated = []
    for shot, moment in zip(shots, moments, strict=True):
        last = last if moment is None else moment
        dated.append(replace(shot, seconds=(last - datetime.min).total_seconds()))
    return dated


def _time_label(seconds: float) -> str:
    return f"1/{1 / seconds:.0f}" if seconds < 0.3 else f"{seconds:g}"


Numbered = tuple[tuple[int, int], CardShot]

LEAST_UNUSED = 5000
"""Smallest gap in the file numbers (of 9999) that shows that the camera's counter has wrapped."""


@dataclass(frozen=True)
class CameraShots:
    """The shots of one camera in runs; a pair is always within one run."""

    name: str
    runs: tuple[tuple[CardShot, ...], ...]
    remarks: tuple[str, ...] = ()

    @property
    def shots(self) -> list[CardShot]:
        """All shots."""
        return list(itertools.chain.from_iterable(self.runs))

    @property
    def f_numbers(self) -> set[float]:
        """The f-numbers in the EXIF of its shots."""
        return {
            shot.exif.f_number for shot in self.shots if shot.exif.f_number is not None
        }

    @property
    def tells_exposure(self) -> bool:
        """Whether a shot says its aperture or exposure time."""
        return any(shot.exif.f_number or shot.exif.seconds for shot in self.shots)


def bodies_of(shots: Sequence[CardShot]) -> list[CameraShots]:
    """Tell cameras apart by model and serial number, and put the shots of each in order."""
    models: ShotsOf = defaultdict(list)
    for shot in shots:
        models[shot.exif.model or ""].append(shot)
    bodies = []
    for model, of_model in models.items():
        groups = _by_serial(of_model)
        for body, group in groups.items():
            name = model or "an unnamed camera"
            runs, remarks = _in_order(group)
            bodies.append(
                CameraShots(
                    f"{name}, {body}" if len(groups) > 1 else name,
                    tuple(runs),
                    tuple(remarks),
                )
            )
    return bodies


def _by_serial(shots: Sequence[CardShot]) -> ShotsOf:
    """Shots of one model by body. Without a serial number they belong to the only body."""
    serials = sorted({shot.exif.serial for shot in shots if shot.exif.serial})
    if not serials and _interleaved(shots):
        groups = _grouped(shots, lambda shot: f"folder {card_of(shot.files[0]).name}")
        if any(map(_has_apertures, groups.values())):
            return groups  # else a person sorted one body's pictures by their apertures
    if len(serials) < 2:
        return {"": list(shots)}
    return _grouped(
        shots, lambda shot: f"serial number {shot.exif.serial or 'unknown'}"
    )


def _has_apertures(shots: Sequence[CardShot]) -> bool:
    """Whether shots differ in their f-numbers."""
    return len({shot.exif.f_number for shot in shots}) > 1


def _grouped(shots: Sequence[CardShot], key: Callable[[CardShot], str]) -> ShotsOf:
    groups: ShotsOf = defaultdict(list)
    for shot in shots:
        groups[key(shot)].append(shot)
    return groups


def _interleaved(shots: Sequence[CardShot]) -> bool:
    """Whether two folders have one file number and were filled at one time: by two bodies."""
    cards: dict[Path, list[CardShot]] = defaultdict(list)
    for shot in shots:
        cards[card_of(shot.files[0])].append(shot)
    for one, other in itertools.combinations(cards.values(), 2):
        began_before = one[0].seconds <= other[-1].seconds
        ended_after = other[0].seconds <= one[-1].seconds
        if began_before and ended_after and _stems(one) & _stems(other):
            return True
    return False


def _stems(shots: Sequence[CardShot]) -> set[str]:
    """Names of the shots' first files, without their suffixes."""
    return {shot.files[0].stem for shot in shots}


def _in_order(
    shots: Sequence[CardShot],
) -> tuple[list[tuple[CardShot, ...]], list[str]]:
    """Shots of one body as runs, and remarks."""
    cards: dict[tuple[Path, str], list[Numbered]] = defaultdict(list)
    steady: list[CardShot] = []
    for shot in shots:
        path = shot.files[0]
        number = file_number(path)
        if number is None:
            steady.append(shot)
        else:
            cards[card_of(path), path.stem[:4]].append((number, shot))
    counted, runs, remarks = _counted(cards)
    first, *further = counted or [[]]
    groups = filter(None, (steady + first, *further))
    ordered = [tuple(sorted(one, key=lambda shot: shot.seconds)) for one in groups]
    return [*ordered, *runs], remarks


def _counted(
    cards: Mapping[tuple[Path, str], list[Numbered]],
) -> tuple[list[list[CardShot]], list[tuple[CardShot, ...]], list[str]]:
    """Shots by count of the file numbers, runs of cards whose numbers began again, remarks."""
    runs: list[tuple[CardShot, ...]] = []
    remarks: list[str] = []
    counts: list[list[Numbered]] = []
    for numbered in cards.values():
        pieces = _pieces(_by_number(numbered))
        if len(pieces) == 1:
            _add_to_count(counts, numbered)
        else:
            runs += pieces
            for before, after in itertools.pairwise(pieces):
                remark = _remark(before[-1], after[0])
                remarks.append(remark)
    counted = list(map(_shots_of, counts))
    for one, other in itertools.pairwise(counted):
        remark = _remark_on_counts(one[0], other[0])
        remarks.append(remark)
    return counted, runs, remarks


def _shots_of(numbered: Sequence[Numbered]) -> list[CardShot]:
    return [shot for _, shot in numbered]


def _add_to_count(counts: list[list[Numbered]], numbered: list[Numbered]) -> None:
    """Add files of one folder and kind of name to the count that numbered them.

    Numbers of two bodies used at one time contradict the time; numbers of one body do not."""
    for count in counts:
        if _apart_in_time(count, numbered) or _one_count([*count, *numbered]):
            count += numbered
            return
    counts.append(numbered)


def _apart_in_time(first: Sequence[Numbered], second: Sequence[Numbered]) -> bool:
    times = [shot.seconds for shot in _shots_of(first)]
    others = [shot.seconds for shot in _shots_of(second)]
    return max(times) < min(others) or max(others) < min(times)


def _one_count(numbered: Sequence[Numbered]) -> bool:
    """Whether one counter can have numbered these files: numbers rise, with one new start at most.

    A body never gives one number to two names."""
    ordered = sorted(numbered, key=lambda one: (one[1].seconds, one[0]))
    numbers = [number for (_, number), _ in ordered]
    if len(_stems(_shots_of(numbered))) > len(set(numbers)):
        return False
    falls = sum(other < one for one, other in itertools.pairwise(numbers))
    return falls == 0 or (falls == 1 and numbers[-1] <= numbers[0])


def _remark_on_counts(one: CardShot, other: CardShot) -> str:
    return (
        f"files such as {one.name} and {other.name} were numbered by two counts at one time, as by "
        "two bodies: no pair is made of shots of both"
    )


def _remark(before: CardShot, after: CardShot) -> str:
    return (
        f"the clock was set back between {before.name} and {after.name}: ordered by file number, "
        "and no pair is made of shots before and after it"
    )


def _by_number(numbered: Sequence[Numbered]) -> list[CardShot]:
    """Shots by their numbers, from 9999 on to 0001; the clock says where the highest was."""
    plain = sorted(numbered, key=lambda one: one[0])
    gaps = [after[0][1] - before[0][1] for before, after in itertools.pairwise(plain)]
    orders = [plain]
    if max(gaps, default=0) > LEAST_UNUSED:
        start = gaps.index(max(gaps)) + 1
        orders.append(plain[start:] + plain[:start])
    return min(map(_shots_of, orders), key=lambda order: len(_pieces(order)))


def _pieces(order: Sequence[CardShot]) -> list[tuple[CardShot, ...]]:
    """Parts of an order in which the clock never goes back."""
    pieces = []
    begin = 0
    for place, (before, after) in enumerate(itertools.pairwise(order), start=1):
        if after.seconds < before.seconds:
            pieces.append(tuple(order[begin:place]))
            begin = place
    return [*pieces, tuple(order[begin:])]
