"""Classes of a leaderboard: lines under one heading, with what can be said of their ranks."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from defocus.benchmark.leaderboard.classes import budget_words, given_words, ranked_in
from defocus.benchmark.leaderboard.columns import Named
from defocus.benchmark.leaderboard.lines import BoardLine, Convention
from defocus.benchmark.results.store import ELSEWHERE, NARROW, SCRATCH
from defocus.benchmark.statistics.comparable import Standing, Track
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.progress import counted
from defocus.reports.display import shown_difference
from defocus.reports.model import Column, Heading

HEADINGS = {
    "own": "Own weights",
    "official": "Official weights",
    "trained": "Trained here",
    NARROW: "Narrow copies, trained here",
    SCRATCH: "Trained here from scratch",
    ELSEWHERE: "Made elsewhere",
    "none": "Classical",
}
"""Heading of each origin of weights, in the order of a leaderboard."""

GIVEN_BLUR = "Given the true blur"
RECONSTRUCTIONS = "Reconstructions"
RIVALS = (*HEADINGS.values(), GIVEN_BLUR, RECONSTRUCTIONS)
"""All headings in order; the last two compete with nobody."""

IN_FOCUS, BLURRED = "psnr_in_focus", "psnr_blurred"
"""PSNR where the true blur is below 2 px, and where it is not."""

TrackOf = Callable[[BoardLine], Track | None]
"""The track in which a line competes."""


@dataclass(frozen=True)
class LineClass:
    """Lines under one heading, best first; the references have none."""

    heading: str
    lines: tuple[BoardLine, ...]
    tracks: tuple[Track, ...] = ()
    ranked_with: str = ""

    @property
    def said(self) -> str:
        """Among which systems it ranks, and which differences its pictures can show."""
        if not self.heading:
            return ""
        many = len(self.lines)
        said = [counted(many, "system")]
        if self.ranked_with:
            said.append(f"ranked with: {self.ranked_with}")
        else:
            said += [_ranked_among(track, many) for track in self.tracks]
        said += [_shown_differences(track, self.lines) for track in self.tracks]
        if not self.ranked_with:
            said += map(_note, self.tracks)
        return "; ".join(filter(None, said))


def classes_of(
    lines: Sequence[BoardLine], track_of: TrackOf = lambda _: None
) -> list[LineClass]:
    """The classes of lines, which are best first; references come before all."""
    datasets = set()
    for line in lines:
        if _origin(line) == "trained":
            datasets.add(line.first.train_dataset)
    several_datasets = len(datasets) > 1
    parts: dict[tuple[int, str], list[BoardLine]] = defaultdict(list)
    for line in lines:
        key = _key(line, several_datasets=several_datasets)
        parts[key].append(line)
    classes: list[LineClass] = []
    for (_, heading), members in sorted(parts.items(), key=lambda part: part[0]):
        tracks = _tracks(members, track_of)
        ranked_with = _sharing(classes, tracks)
        classes.append(LineClass(heading, tuple(members), tracks, ranked_with))
    return classes


def _sharing(classes: Sequence[LineClass], tracks: Sequence[Track]) -> str:
    """The heading, in lower case, of the first class that shares a track; empty if none does."""
    for one in classes:
        if not set(tracks).isdisjoint(one.tracks):
            return one.heading.lower()
    return ""


def headings(classes: Sequence[LineClass]) -> tuple[Heading, ...]:
    """The headings of a table whose rows are the lines of the classes."""
    return tuple(Heading(one.heading, len(one.lines), one.said) for one in classes)


def in_order(classes: Sequence[LineClass]) -> list[BoardLine]:
    """The lines of all classes, as tables have them."""
    return list(chain.from_iterable(one.lines for one in classes))


def part_gain(
    lines: Sequence[BoardLine],
    line: BoardLine,
    convention: Convention,
    part: str,
) -> float | None:
    """Gain of a line over the blurry input where a picture is in focus, or blurred; dB."""
    inputs = [one for one in lines if one.first.system == INPUT]
    row = line.row(convention, part)
    before = inputs[0].row(convention, part) if inputs else None
    if row is None or before is None or row.images != before.images:
        return None
    if row.value is None or before.value is None:
        return None
    return shown_difference(row.value, before.value, 2)


def part_gains(lines: Sequence[BoardLine], convention: Convention) -> list[Named]:
    """Gains where the pictures are in focus, and where they are blurred."""
    parts = {"In focus": IN_FOCUS, "Blurred": BLURRED}
    columns: list[Named] = []
    for name, part in parts.items():
        column = Column(name, "dB", "higher", 2, among="Gain", signed=True)
        gains = [part_gain(lines, line, convention, part) for line in lines]
        columns.append((column, gains))
    return columns


def rank_words(standing: Standing) -> str:
    """A rank with its range over resamples: ``1, or 1 to 11``; a sure one alone."""
    low = standing.rank_low
    high = standing.rank_high
    is_sure = low is None or high is None or low >= high
    return f"{standing.rank}" if is_sure else f"{standing.rank}, or {low} to {high}"


def _key(line: BoardLine, *, several_datasets: bool) -> tuple[int, str]:
    """Place and heading of the class of a line."""
    first = line.first
    if line.reference:
        return -1, ""
    if first.reconstruction:
        return len(RIVALS), RECONSTRUCTIONS
    if line.is_given_blur:
        return RIVALS.index(GIVEN_BLUR), GIVEN_BLUR
    origin = _origin(line)
    heading = HEADINGS[origin]
    words = [heading]
    if origin == "trained":
        if first.budget != "paper":
            words.append(budget_words([first.budget]))
        if several_datasets:
            words.append(f"on {first.train_dataset}")
    if first.input not in {"single", "unknown"}:
        words.append(f"given {given_words(first.input)}")
    return RIVALS.index(heading), ", ".join(words)


def _origin(line: BoardLine) -> str:
    """Origin of the weights of a line, as a name of :data:`HEADINGS`."""
    weights = line.first.weights
    if weights.startswith(SCRATCH):
        return SCRATCH
    return weights if weights in HEADINGS else "trained"


def _tracks(lines: Sequence[BoardLine], track_of: TrackOf) -> tuple[Track, ...]:
    """The tracks of lines, each once."""
    tracks: dict[int, Track] = {}
    for line in lines:
        if line.reference or line.first.reconstruction:
            continue
        track = track_of(line)
        if track is not None:
            tracks[id(track)] = track
    return tuple(tracks.values())


def _ranked_among(track: Track, many: int) -> str:
    """The number of ranked systems, where it is not that of the class."""
    ranked = len(ranked_in(track))
    return f"ranks are among {ranked}" if ranked > 1 and ranked != many else ""


def _shown_differences(track: Track, lines: Sequence[BoardLine]) -> str:
    """The smallest difference that half of the pairs of these lines can show in a track."""
    labels = set()
    for line in lines:
        standing = track.standing(*line.key[:3])
        if standing is not None:
            labels.add(standing.label)
    detectable = []
    for one in track.differences:
        inside = one.first in labels and one.second in labels
        if inside and one.detectable is not None:
            detectable.append(one.detectable)
    if not detectable:
        return ""
    limit = f"detectable difference: {statistics.median(detectable):.2f} dB"
    return limit if len(detectable) == 1 else f"{limit} in half the pairs"


def _note(track: Track) -> str:
    """Words on the number of trainings of a track, or on why it has no intervals."""
    if track.note.startswith("one training"):
        return "one training each"
    return track.note.replace("n/a: ", "no intervals and tests: ", 1)
