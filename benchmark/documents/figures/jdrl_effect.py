"""Effect of JDRL: networks trained with the plain loss and with JDRL, on the same pairs.

The plain loss learns to move the picture from captured pairs, which never fit; JDRL should not."""

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from defocus.benchmark.documents.figures.picture_pages import (
    KeptPictures,
    ShownPicture,
    most_different,
    part_of,
)
from defocus.benchmark.documents.figures.picture_scores import (
    LEADING,
    PictureScores,
    differences_between,
    mean_interval,
    read_picture_scores,
)
from defocus.benchmark.leaderboard.classes import ROUNDED
from defocus.benchmark.leaderboard.columns import GAIN, BoardPlace, column, shown_gain
from defocus.benchmark.leaderboard.content import Content
from defocus.benchmark.leaderboard.lines import Board, BoardLine, Convention, LineKey
from defocus.progress import counted
from defocus.reports.display import number_text, shown_difference
from defocus.reports.model import Cell, Gallery, Measured, Paragraph, Part, Table, Tile

ByPicture = Mapping[str, float]
"""Numbers by picture."""

JOINT = "jdrl-"
"""Prefix of the names of networks trained with JDRL; the rest is the name of their plain
partner."""

REGISTERED = "registered-"
"""Prefix of the names of networks trained on registered pairs."""

PLAIN_WORDS, JOINT_WORDS, REGISTERED_WORDS = "plain loss", "JDRL", "registered pairs"
MOVED = "warp_px"

COLUMNS = (
    "Network",
    column("gain", f"Gain, {PLAIN_WORDS}", signed=True),
    column("gain", f"Gain, {JOINT_WORDS}", signed=True),
    column("gain", "Difference", signed=True),
    column("warp_px", f"Moved, {PLAIN_WORDS}"),
    column("warp_px", f"Moved, {JOINT_WORDS}"),
)
REGISTERED_COLUMNS = (
    column("gain", f"Gain, {REGISTERED_WORDS}", signed=True),
    column("gain", f"{REGISTERED_WORDS.capitalize()} less {JOINT_WORDS}", signed=True),
)

ALSO_REGISTERED = "The network that was also trained on registered pairs"

AGAINST = {
    "truth": "the truth",
    "input-aligned": "the sharp pictures registered onto the blurry ones",
    "gt": "the sharp pictures as captured",
}


@dataclass(frozen=True)
class _Partners:
    """One network, trained both ways, and on registered pairs if that was done."""

    plain: BoardLine
    joint: BoardLine
    registered: BoardLine | None

    @property
    def lines(self) -> list[BoardLine]:
        further = [] if self.registered is None else [self.registered]
        return [self.plain, self.joint, *further]


@dataclass(frozen=True)
class _Means:
    """Means over networks: gain over the blurry input, dB, and displacement, px."""

    gain: float | None
    moved: float | None

    @property
    def words(self) -> str:
        moved = f" and moves the picture by {number_text(self.moved, 2)} px"
        return f"{_signed(self.gain)} dB{moved if self.moved is not None else ''}"


def joint_training_parts(
    content: Content,
    board: Board,
    kept: KeptPictures,
) -> list[Part]:
    """The comparison in a sentence, a strip of crops and a table; empty without such networks."""
    convention = _convention(board)
    partners = _partners(board, convention)
    if not partners:
        return []
    lines = list(chain.from_iterable(pair.lines for pair in partners))
    scores = read_picture_scores(content, board, convention, lines)
    differences = {}
    for pair in partners:
        plain, joint = pair.plain.key, pair.joint.key
        differences[plain] = differences_between(scores, joint, plain)
    everywhere = _means_by_picture(list(differences.values()))
    parts: list[Part] = [Paragraph(_sentence(partners, scores, everywhere))]
    parts += _strips(scores, partners, differences, kept)
    return [*parts, _table(partners, scores, differences)]


def joint_training_gain(board: Board) -> tuple[float, str] | None:
    """Mean gain of JDRL over the plain loss, dB, and over what; None without such networks."""
    convention = _convention(board)
    partners = _partners(board, convention)
    plain, joint = _means_of_both(partners, convention)
    if plain.gain is None or joint.gain is None:
        return None
    networks = counted(len(partners), "network")
    gained = shown_difference(joint.gain, plain.gain, column("gain").decimals)
    return gained, f"{networks}, {convention.protocol}"


def _means_of_both(
    partners: Sequence[_Partners],
    convention: Convention,
) -> "tuple[_Means, _Means]":
    """Means over networks that were trained with the plain loss, and with JDRL."""
    plain = [pair.plain for pair in partners]
    joint = [pair.joint for pair in partners]
    return _means(plain, convention), _means(joint, convention)


def only_joint_training(systems: Collection[str]) -> bool:
    """Whether these systems are nothing but networks trained both ways, or on registered pairs."""
    joint = set()
    plain = set()
    others = set()
    for system in systems:
        if system.startswith(JOINT):
            joint.add(system.removeprefix(JOINT))
        else:
            others.add(system)
            plain.add(system.removeprefix(REGISTERED))
    return joint == plain and joint <= others


def _convention(board: Board) -> Convention:
    """The convention against the truth, if there is one; else that of the leaderboard."""
    true = [one for one in board.conventions if one.protocol == "truth"]
    return (true or list(board.conventions))[0]


def _partners(board: Board, convention: Convention) -> list[_Partners]:
    gain = BoardPlace(convention, GAIN)
    lines = {}
    for line in board.ordered(convention):
        if gain.number(line) is not None:
            lines[line.key] = line
    partners = []
    for key, joint in lines.items():
        name = key[0].removeprefix(JOINT)
        how_trained = key[1:]
        plain = lines.get((name, *how_trained))
        registered = lines.get((REGISTERED + name, *how_trained))
        if plain is not None and plain is not joint:
            partners.append(_Partners(plain, joint, registered))
    return partners


def _means_by_picture(differences: Sequence[ByPicture]) -> dict[str, float]:
    """Mean over networks on the pictures that all of them restored."""
    shared = set.intersection(*map(set, differences))
    means = {}
    for picture in sorted(shared):
        means[picture] = statistics.fmean(each[picture] for each in differences)
    return means


def _sentence(
    partners: Sequence[_Partners],
    scores: PictureScores,
    differences: ByPicture,
) -> str:
    plain, joint = _means_of_both(partners, scores.convention)
    first = partners[0].plain
    networks, means = first.name, ""
    if len(partners) > 1:
        networks, means = counted(len(partners), "network"), " (means)"
    against = AGAINST.get(scores.convention.protocol, scores.convention.protocol)
    said = (
        f"{networks} trained on the pairs of {first.first.train_dataset}, compared with "
        f"{against}{means}: the plain loss gains {plain.words}, JDRL gains {joint.words}."
    )
    beside = _beside(differences, joint.gain, plain.gain)
    verdict = _verdict(scores, differences, beside, JOINT_WORDS, f"the {PLAIN_WORDS}")
    return " ".join([said, verdict, *_on_registered_pairs(partners, scores)])


def _on_registered_pairs(
    partners: Sequence[_Partners],
    scores: PictureScores,
) -> Iterator[str]:
    for pair in partners:
        if pair.registered is not None:
            gained = _means([pair.registered], scores.convention)
            yield (
                f"{pair.plain.name} on registered pairs, our own way to train, gains "
                f"{gained.words}."
            )
            apart = differences_between(scores, pair.registered.key, pair.joint.key)
            joint = _means([pair.joint], scores.convention)
            beside = _beside(apart, gained.gain, joint.gain)
            yield _verdict(
                scores,
                apart,
                beside,
                "That",
                f"{pair.plain.name} with {JOINT_WORDS}",
            )


def _means(lines: Sequence[BoardLine], convention: Convention) -> _Means:
    gains = []
    moved = []
    for line in lines:
        row = line.row(convention, LEADING)
        if row is not None:
            gains.append(shown_gain(row))
        displacement = line.row(convention, MOVED)
        if displacement is not None:
            moved.append(displacement.value)
    return _Means(_mean(gains), _mean(moved))


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None if a value is missing, or all are."""
    numbers = [value for value in values if value is not None]
    if not numbers or len(numbers) < len(values):
        return None
    return statistics.fmean(numbers)


def _beside(
    differences: Mapping[str, float], gain: float | None, other_gain: float | None
) -> float | None:
    """The mean difference as it is shown beside the two gains; None without a shared picture."""
    if not differences:
        return None
    mean = statistics.fmean(differences.values())
    if gain is None or other_gain is None:
        return mean
    return shown_difference(gain, other_gain, column("gain").decimals, mean)


def _verdict(
    scores: PictureScores,
    differences: ByPicture,
    mean: float | None,
    subject: str,
    other: str,
) -> str:
    """Words on the difference from another training; empty if its interval holds 0."""
    if mean is None:
        return "They share no picture."
    over = f"over {counted(len(differences), 'picture')}"
    interval = mean_interval(scores, differences)
    if interval is None:
        return f"{subject} less {other}: {_signed(mean)} dB {over}, too few for an interval."
    low, high = interval
    ends = f"95 % interval {_signed(low)} to {_signed(high)}"
    if low > 0:
        return f"{subject} is {number_text(mean, 2)} dB above {other} {over} ({ends})."
    if high < 0:
        return f"{subject} is {number_text(-mean, 2)} dB below {other} {over} ({ends})."
    return f"The difference from {other}, {_signed(mean)} dB {over} ({ends}), shows nothing."


def _strips(
    scores: PictureScores,
    partners: Sequence[_Partners],
    differences: Mapping[LineKey, ByPicture],
    kept: KeptPictures,
) -> Iterator[Part]:
    """The network with the largest difference, and one that also has registered pairs."""

    def largest_first(pair: _Partners) -> float:
        return -abs(statistics.fmean(differences[pair.plain.key].values()))

    pairs = [pair for pair in partners if differences[pair.plain.key]]
    by_size = sorted(pairs, key=largest_first)
    registered = [pair for pair in by_size[1:] if pair.registered is not None]
    shown = by_size[:1] + registered
    for pair in shown:
        own = _own_scores(scores, pair)
        picture = _median_picture(differences[pair.plain.key], own, kept)
        if picture is None:
            continue
        note = ALSO_REGISTERED
        if pair is shown[0]:
            note = "The network of the largest difference"
        yield from _crops(own, pair, picture, kept, note)


def _median_picture(
    differences: ByPicture,
    own: PictureScores,
    kept: KeptPictures,
) -> str | None:
    """The picture of the median difference among those that are kept."""
    pictures = [picture for picture in differences if kept.has(own, picture)]
    if not pictures:
        return None
    pictures.sort(key=lambda picture: (differences[picture], picture))
    return pictures[(len(pictures) - 1) // 2]


def _own_scores(scores: PictureScores, pair: _Partners) -> PictureScores:
    """Scores of a network's two or three trainings alone, named by how it was trained."""
    numbers = []
    for line in pair.lines:
        number = scores.line_number(line.key)
        if number is not None:
            numbers.append(number)
    values: dict[str, dict[int, dict[str, float]]] = {}
    for picture, by_line in scores.values.items():
        values[picture] = {}
        for new, old in enumerate(numbers):
            if old in by_line:
                values[picture][new] = by_line[old]
    names = [PLAIN_WORDS, JOINT_WORDS, REGISTERED_WORDS]
    return replace(
        scores,
        groups=[scores.groups[number] for number in numbers],
        names=names[: len(numbers)],
        systems=frozenset(range(len(numbers))),
        values=values,
    )


def _crops(
    own: PictureScores,
    pair: _Partners,
    picture: str,
    kept: KeptPictures,
    note: str,
) -> list[Part]:
    shown = kept.read(own, picture)
    if len(shown.restored) != len(own.groups) or not shown.reference:
        return []
    plain_and_joint = [pixels for (_, pixels), _ in shown.restored[:2]]
    _, reference = shown.reference[0]
    top, left, side = most_different(plain_and_joint, reference)
    tiles = [part_of(tile, top, left, side) for tile in _tiles(own, shown)]
    caption = f"{pair.plain.name} on {picture}: the crop where plain loss and JDRL differ most"
    said = f"{note}, and its picture of the median difference."
    return [Gallery(caption, tuple(tiles), said)]


def _tiles(own: PictureScores, shown: ShownPicture) -> Iterator[Tile]:
    """The blurry and the sharp picture, what was restored, and how far that moved."""
    for label, picture in shown.blurry:
        yield Tile(label, picture)
    for _, picture in shown.sharp:
        yield Tile("sharp as captured", picture)
    for number, ((label, picture), said) in enumerate(shown.restored):
        line = said
        moved = own.values[shown.pair][number].get(MOVED)
        if moved is not None:
            line += f", moved {number_text(moved, 2)} px"
        yield Tile(label, picture, line)
    for label, picture in shown.truth:
        yield Tile(label, picture)


def _table(
    partners: Sequence[_Partners],
    scores: PictureScores,
    differences: Mapping[LineKey, ByPicture],
) -> Table:
    convention = scores.convention
    registered = any(pair.registered for pair in partners)
    body: list[tuple[Cell, ...]] = []
    for pair in partners:
        plain = _means([pair.plain], convention)
        joint = _means([pair.joint], convention)
        difference = _measured(
            scores, differences[pair.plain.key], joint.gain, plain.gain
        )
        gains = (pair.plain.name, plain.gain, joint.gain, difference)
        body.append((*gains, plain.moved, joint.moved))
        if registered:
            body[-1] += _registered_cells(scores, pair)
    columns = (*COLUMNS, *REGISTERED_COLUMNS) if registered else COLUMNS
    against = AGAINST.get(convention.protocol, convention.protocol)
    note = (
        "Gain: over the blurry input. Moved: mean length of the optical flow from the blurry input "
        f"to the output. {ROUNDED}"
    )
    return Table.of(
        f"Plain loss and JDRL, compared with {against}",
        columns,
        body,
        note,
    )


def _registered_cells(scores: PictureScores, pair: _Partners) -> tuple[Cell, Cell]:
    if pair.registered is None:
        return None, None
    gain = _means([pair.registered], scores.convention).gain
    joint_gain = _means([pair.joint], scores.convention).gain
    apart = differences_between(scores, pair.registered.key, pair.joint.key)
    return gain, _measured(scores, apart, gain, joint_gain)


def _measured(
    scores: PictureScores,
    differences: ByPicture,
    gain: float | None,
    other_gain: float | None,
) -> Measured | None:
    """The mean difference beside two gains, with its interval; None without a shared picture."""
    mean = _beside(differences, gain, other_gain)
    return None if mean is None else Measured(mean, mean_interval(scores, differences))


def _signed(number: float | None) -> str:
    return f"{'+' if (number or 0.0) >= 0 else ''}{number_text(number, 2)}"
