"""Order of the shots of a folder: camera by camera, and by file number where the clock was set."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from defocus.capture.arriving.card_shots import CardShot, card_of, file_number

__all__ = ["CameraShots", "bodies_of"]

Numbered = tuple[tuple[int, int], CardShot]

LEAST_UNUSED = 5000
"""Of 9999 numbers of a card whose count began again, so many lie unused between old and new."""


@dataclass(frozen=True)
class CameraShots:
    """The shots of one camera in runs; a pair is always within one run."""

    name: str
    runs: tuple[tuple[CardShot, ...], ...]
    remarks: tuple[str, ...] = ()

    @property
    def shots(self) -> list[CardShot]:
        """All shots."""
        return [shot for run in self.runs for shot in run]

    @property
    def f_numbers(self) -> set[float]:
        """The f-numbers that its shots tell."""
        return {shot.exif.f_number for shot in self.shots if shot.exif.f_number is not None}

    @property
    def tells_exposure(self) -> bool:
        """Whether a shot tells an aperture or an exposure time."""
        return any(shot.exif.f_number or shot.exif.seconds for shot in self.shots)


def bodies_of(shots: Sequence[CardShot]) -> list[CameraShots]:
    """Tell cameras apart by model and serial number, and put the shots of each in order."""
    models: dict[str, list[CardShot]] = defaultdict(list)
    for shot in shots:
        models[shot.exif.model or ""].append(shot)
    bodies = []
    for model, of_model in models.items():
        groups = _by_serial(of_model)
        for told, group in groups.items():
            name = model or "an unnamed camera"
            runs, remarks = _in_order(group)
            bodies.append(
                CameraShots(
                    f"{name}, {told}" if len(groups) > 1 else name, tuple(runs), tuple(remarks)
                )
            )
    return bodies


def _by_serial(shots: Sequence[CardShot]) -> dict[str, list[CardShot]]:
    """Shots of one model by body; one without a serial number is of the only body that there is."""
    serials = sorted({shot.exif.serial for shot in shots if shot.exif.serial})
    if not serials and _interleaved(shots):
        groups = _grouped(shots, lambda shot: f"folder {card_of(shot.files[0]).name}")
        if any(len({shot.exif.f_number for shot in group}) > 1 for group in groups.values()):
            return groups  # else a person sorted one body's pictures by their apertures
    if len(serials) < 2:
        return {"": list(shots)}
    return _grouped(shots, lambda shot: f"serial number {shot.exif.serial or 'unknown'}")


def _grouped(
    shots: Sequence[CardShot], key: Callable[[CardShot], str]
) -> dict[str, list[CardShot]]:
    groups: dict[str, list[CardShot]] = defaultdict(list)
    for shot in shots:
        groups[key(shot)].append(shot)
    return groups


def _interleaved(shots: Sequence[CardShot]) -> bool:
    """Whether two folders have one file number and were filled at one time: by two bodies."""
    cards: dict[Path, list[CardShot]] = defaultdict(list)
    for shot in shots:
        cards[card_of(shot.files[0])].append(shot)
    for one, other in itertools.combinations(cards.values(), 2):
        stems = [{shot.files[0].stem for shot in card} for card in (one, other)]
        spans = [(card[0].seconds, card[-1].seconds) for card in (one, other)]
        overlap = spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1]
        if overlap and stems[0] & stems[1]:
            return True
    return False


def _in_order(shots: Sequence[CardShot]) -> tuple[list[tuple[CardShot, ...]], list[str]]:
    """Runs of shots of one body, and remarks."""
    cards: dict[tuple[Path, str], list[Numbered]] = defaultdict(list)
    steady: list[CardShot] = []
    for shot in shots:
        path = shot.files[0]
        number = file_number(path)
        if number is None:
            steady.append(shot)
        else:
            cards[card_of(path), path.stem[:4]].append((number, shot))
    runs: list[tuple[CardShot, ...]] = []
    remarks: list[str] = []
    counts: list[list[Numbered]] = []
    for numbered in cards.values():
        pieces = _pieces(_by_number(numbered))
        if len(pieces) == 1:
            _add_to_count(counts, numbered)
        else:
            runs += pieces
            remarks += [_remark(one[-1], other[0]) for one, other in itertools.pairwise(pieces)]
    counted = [[shot for _, shot in one] for one in counts]
    remarks += [_remark_on_counts(one[0], other[0]) for one, other in itertools.pairwise(counted)]
    first = sorted([*steady, *(counted[0] if counted else ())], key=lambda shot: shot.seconds)
    further = [tuple(sorted(one, key=lambda shot: shot.seconds)) for one in counted[1:]]
    return [*([tuple(first)] if first else []), *further, *runs], remarks


def _add_to_count(counts: list[list[Numbered]], numbered: list[Numbered]) -> None:
    """Put files of one folder and kind of name to those of the count that numbered them.

    What two bodies took at one time has numbers that contradict the time; those of one do not.
    """
    for count in counts:
        if _apart_in_time(count, numbered) or _one_count([*count, *numbered]):
            count += numbered
            return
    counts.append(numbered)


def _apart_in_time(first: Sequence[Numbered], second: Sequence[Numbered]) -> bool:
    spans = [[shot.seconds for _, shot in one] for one in (first, second)]
    return max(spans[0]) < min(spans[1]) or max(spans[1]) < min(spans[0])


def _one_count(numbered: Sequence[Numbered]) -> bool:
    """Whether numbers rise with time, but for one new start: no body numbers files of two names."""
    numbers = [one[0][1] for one in sorted(numbered, key=lambda one: (one[1].seconds, one[0]))]
    if len({shot.files[0].stem for _, shot in numbered}) > len(set(numbers)):
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
    """Shots by their numbers, from 9999 on to 0001; the clock tells where the highest was."""
    plain = sorted(numbered, key=lambda one: one[0])
    gaps = [after[0][1] - before[0][1] for before, after in itertools.pairwise(plain)]
    orders = [plain]
    if max(gaps, default=0) > LEAST_UNUSED:
        start = gaps.index(max(gaps)) + 1
        orders.append(plain[start:] + plain[:start])
    listed = [[shot for _, shot in order] for order in orders]
    return min(listed, key=lambda order: len(_pieces(order)))


def _pieces(order: Sequence[CardShot]) -> list[tuple[CardShot, ...]]:
    """Parts of an order in which the clock never goes back."""
    starts = [
        place
        for place, (one, other) in enumerate(itertools.pairwise(order), start=1)
        if other.seconds < one.seconds
    ]
    bounds = [0, *starts, len(order)]
    return [tuple(order[first:last]) for first, last in itertools.pairwise(bounds)]
