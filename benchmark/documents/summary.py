"""Summary of a study in plain sentences, computed from its numbers."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from defocus.baselines.weights.own import OWN
from defocus.benchmark.documents.figures.jdrl_effect import (
    joint_training_gain,
    only_joint_training,
)
from defocus.benchmark.documents.figures.picture_scores import (
    PictureScores,
    differences_between,
    mean_interval,
    resolution_between,
)
from defocus.benchmark.leaderboard.classes import most_images, partial_words
from defocus.benchmark.leaderboard.columns import BoardPlace, shown_gain
from defocus.benchmark.leaderboard.content import Content
from defocus.benchmark.leaderboard.groups import BLURRED, IN_FOCUS, part_gain
from defocus.benchmark.leaderboard.lines import BoardLine
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metrics.metric import NO_REFERENCE
from defocus.benchmark.results.store import NARROW, SCRATCH
from defocus.benchmark.statistics.comparable import CEILING, TRUTH
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.progress import counted, several
from defocus.reports.display import number_text, shown_difference, signed_text
from defocus.reports.model import Figure


class Gained(NamedTuple):
    """A system's line and its row with the gain."""

    line: BoardLine
    row: Row


WORSE = "a loss"
"""Words next to a gain below 0, so that nobody has to look for a sign."""


def result(content: Content, scored: Sequence[PictureScores]) -> str:
    """Who gains most over the blurry input; each dataset has its own line."""
    if not content.rows:
        return "No run has finished yet."
    compared = _compared(content, scored)
    return "\n".join(_winner(*each) for each in compared) or _restored(content)


def headline(content: Content, scored: Sequence[PictureScores]) -> tuple[Figure, ...]:
    """The gain of the best system of the first dataset, where it gains, and its cost."""
    compared = _compared(content, scored)
    if not compared:
        return ()
    scores, gained = compared[0]
    best, row = gained[0]
    interval = "" if row.gain_low is None else "95 % interval "
    figures = [
        Figure(
            _signed(shown_gain(row)), "gain over the blurry input", _ends(row, interval)
        )
    ]
    lines = scores.board.lines
    for part, words in ((IN_FOCUS, "gain in focus"), (BLURRED, "gain where blurred")):
        gain = part_gain(lines, best, scores.convention, part)
        if gain is not None:
            figures.append(Figure(_signed(gain), words, WORSE if gain < 0 else ""))
    return (*figures, *_time(best))


def _time(line: BoardLine) -> list[Figure]:
    seconds = BoardPlace(None, "seconds").number(line)
    parameters = BoardPlace(None, "params_m").number(line)
    if seconds is None:
        return []
    per_megapixel = BoardPlace(None, "seconds_mp").number(line)
    further = []
    if per_megapixel is not None:
        further.append(f"{per_megapixel:.2g} s a megapixel")
    if parameters is not None:
        further.append(f"{_millions(parameters)} M parameters")
    return [Figure(f"{seconds:.2g} s", "time for a picture", ", ".join(further))]


def _millions(parameters: float) -> str:
    """Millions with two decimals; with two digits for a network that would show 0.00."""
    return number_text(parameters, 2) if parameters >= 0.1 else f"{parameters:.2g}"


def further(content: Content, scored: Sequence[PictureScores]) -> list[str]:
    """Further sentences on the first places and on what JDRL gains, for the summary."""
    compared = _compared(content, scored)
    sentences = []
    for scores, gained in compared:
        words = _further(scores, gained)
        if words and len(compared) > 1:
            words = f"{scores.board.name}: {words}"
        sentences.append(words)
    return [*filter(None, sentences), *_joint(scored)]


def _compared(
    content: Content,
    scored: Sequence[PictureScores],
) -> list[tuple[PictureScores, Sequence[Gained]]]:
    """The leaderboards with gains; those of JDRL's networks alone only if there is no other."""
    gains = []
    compared = []
    for one in scored:
        gained = _gains(content, one)
        if not gained:
            continue
        gains.append((one, gained))
        systems = {line.first.system for line, _ in gained}
        if not only_joint_training(systems):
            compared.append((one, gained))
    return [(one, _begun(gained)) for one, gained in compared or gains]


def _begun(gained: Sequence[Gained]) -> Sequence[Gained]:
    """The systems without those from scratch, if others began with weights of the package."""
    begun = [one for one in gained if not _from_scratch(one.line)]
    if any(line.first.weights in {OWN, NARROW} for line, _ in begun):
        return begun
    return gained


def _restored(content: Content) -> str:
    """The sentence for a study in which no system has a gain."""
    systems = {row.system for row in content.rows} - {CEILING, INPUT}
    datasets = {row.dataset for row in content.rows}
    protocols = {row.protocol for row in content.rows} - {""}
    who = counted(len(systems), "system") if systems else "The blurry input alone"
    where = f"{who} on {', '.join(sorted(datasets))}"
    if protocols == {NO_REFERENCE}:
        return f"{where} without sharp pictures, so no gain over the blurry input is known."
    if systems:
        return f"{where}; no gain over the blurry input is known."
    return f"{where}; no system is compared with it."


def _all_gains(scores: PictureScores) -> list[Gained]:
    """Systems with a gain, largest first; those on fewer pictures than others are not rivals."""
    gained = _on_any_pictures(scores)
    most = most_images(row for _, row in gained)
    return [one for one in gained if one.row.images == most]


def _on_any_pictures(scores: PictureScores) -> list[Gained]:
    gained = []
    for line in scores.board.ordered(scores.convention):
        row = line.row(scores.convention, "psnr")
        if not line.reference and row is not None and row.gain is not None:
            gained.append(Gained(line, row))
    return sorted(gained, key=lambda each: -(each.row.gain or 0.0))


def _gains(content: Content, scores: PictureScores) -> list[Gained]:
    """Rivals with a gain, largest first; systems that know the blur only if there is no other."""
    rivals: list[Gained] = []
    given_blur: list[Gained] = []
    for one in _all_gains(scores):
        if one.line.first.system in content.reconstructions:
            continue
        part = given_blur if one.line.is_given_blur else rivals
        part.append(one)
    return rivals or given_blur


def _others(scores: PictureScores, gained: Sequence[Gained]) -> list[Gained]:
    """Systems with a gain that are no rivals: rebuilt, or given the true blur."""
    rivals = {line.key for line, _ in gained}
    others = []
    for one in _all_gains(scores):
        is_rival = one.line.key in rivals
        if not is_rival and not _from_scratch(one.line):
            others.append(one)
    return others


def _winner(scores: PictureScores, gained: Sequence[Gained]) -> str:
    """The one sentence at the top: who gains most, of how many, on what."""
    best, row = gained[0]
    pictures = counted(row.images, "picture")
    truth = ", against the truth" if row.protocol == TRUTH else ""
    return (
        f"{best.name} {_lead_over_input(scores, gained)} the blurry input on {pictures} of "
        f"{scores.board.name}{truth}."
    )


def _lead_over_input(scores: PictureScores, gained: Sequence[Gained]) -> str:
    """The gain of the best system over the input, or by how much even it is below the input."""
    gain = shown_gain(gained[0].row) or 0.0
    alone = len(gained) == 1
    if round(gain, 2) < 0:
        closest = "is" if alone else f"comes closest of {len(gained)} systems,"
        return f"{closest} {number_text(-gain, 2)} dB below"
    count = len(gained) + len(_others(scores, gained))
    most = "gains" if alone else f"gains most of {count} systems,"
    return f"{most} {_signed(gain)} over"


def _further(scores: PictureScores, gained: Sequence[Gained]) -> str:
    others = _others(scores, gained)
    every = [*gained, *others]
    kept = {line.key for line, _ in every}
    said = [*_above(gained[0], others), *_first_places(scores, gained)]
    for one in _all_gains(scores):
        if one.line.key in kept:
            continue
        said.append(_scratch(one))
    said += _partial(scores)
    below = sum((each.gain or 0.0) < 0 for _, each in every)
    if below and len(gained) > 1:
        said.append(f"Below the input: {counted(below, 'system')}.")
    return " ".join(said)


def _first_places(scores: PictureScores, gained: Sequence[Gained]) -> list[str]:
    """The second best system, and the best of each group that is not named yet."""
    firsts = _firsts(gained)
    named = [gained[0].line]
    said = []
    if len(gained) > 1:
        following = gained[1].line
        also = []
        for words, (line, _) in firsts.items():
            if line is following:
                also.append(words.lower())
        said = _lead(scores, gained[0], gained[1], also)
        if said:
            named.append(following)
    for words, (line, row) in firsts.items():
        if all(line is not one for one in named):
            gain = _signed(shown_gain(row))
            said.append(f"{words}: {line.name}, {gain}{_interval(row)}.")
    return said


def _firsts(gained: Sequence[Gained]) -> dict[str, Gained]:
    """The best with shipped weights and the best trained here, or the first if there is neither."""
    groups = {
        "With own weights": {OWN},
        "Best trained here": {"trained", NARROW},
    }
    firsts = {}
    for words, weights in groups.items():
        firsts[words] = gained[0]
        for one in gained:
            if one.line.first.weights in weights:
                firsts[words] = one
                break
    return firsts


def _above(best: Gained, others: Sequence[Gained]) -> list[str]:
    """Systems above the best that are no rivals."""
    highest = best.row.gain or 0.0
    helped = rebuilt = 0
    for line, row in others:
        is_above = (row.gain or 0.0) > highest
        if not is_above:
            continue
        if line.is_given_blur:
            helped += 1
        else:
            rebuilt += 1
    kinds = []
    if helped:
        kinds.append(f"{helped} given the true blur")
    if rebuilt:
        kinds.append(counted(rebuilt, "reconstruction"))
    if not kinds:
        return []
    return [f"Above {best.line.name}, but no rivals: {' and '.join(kinds)}."]


def _from_scratch(line: BoardLine) -> bool:
    return line.first.weights.startswith(SCRATCH)


def _scratch(one: Gained) -> str:
    """Note on a network without start weights among systems with them: it is not compared."""
    line, row = one
    return (
        f"{line.name}, {line.first.weights}, is not compared with them: "
        f"{_signed(shown_gain(row))}{_interval(row)}."
    )


def _partial(scores: PictureScores) -> list[str]:
    """Systems on fewer pictures than others, which have no rank: they are not compared."""
    gained = _on_any_pictures(scores)
    rows = [row for _, row in gained]
    named = []
    for line, row in gained:
        if words := partial_words(row, rows):
            named.append(f"{line.name} ({words})")
    return [f"Not compared with them: {several(named)}."] if named else []


def _lead(
    scores: PictureScores,
    first: Gained,
    second: Gained,
    also: Sequence[str],
) -> list[str]:
    """By how much the best system is above the next, on the pictures that both restored."""
    best, following = first.line, second.line
    differences = differences_between(scores, best.key, following.key)
    if not differences:
        return []
    mean = statistics.fmean(differences.values())
    gain = shown_gain(first.row) or 0.0
    next_gain = shown_gain(second.row) or 0.0
    lead = number_text(shown_difference(gain, next_gain, 2, mean), 2)
    who = ", ".join(["The next", *also, following.name])
    less = f"{who}, has {lead} dB"
    on = _on_both(differences, first.row.images)
    interval = mean_interval(scores, differences)
    if interval is None:
        return [f"{less} less{on}."]
    limit = resolution_between(scores, best.key, following.key)
    sure = _significance(mean, interval, limit)
    return [f"{less} ({_from_to(*interval)}) less{on}, which is {sure}."]


def _on_both(differences: Mapping[Any, float], images: int) -> str:
    """On which pictures two systems are compared, if not on all."""
    if len(differences) >= images:
        return ""
    return f" on the {counted(len(differences), 'picture')} that both have"


def _significance(
    mean: float,
    interval: tuple[float, float],
    limit: float | None,
) -> str:
    words = "not significant" if interval[0] <= 0 <= interval[1] else "significant"
    if limit and limit > abs(mean):
        words += f", and below its resolution of {limit:.2f} dB"
    return words


def _joint(scored: Sequence[PictureScores]) -> list[str]:
    """The gain of JDRL over the plain loss on each dataset; empty without such networks."""
    said: dict[str, list[str]] = {}
    for one in scored:
        joint = joint_training_gain(one.board)
        if joint is not None:
            gain, networks = joint
            on_board = f"{_signed(gain)} on {one.board.name}"
            said.setdefault(networks, []).append(on_board)
    sentences = []
    for networks, each in said.items():
        gains = ", ".join(each)
        sentences.append(
            "JDRL (joint deblurring and reblurring) over the plain loss: "
            f"{gains} ({networks})."
        )
    return sentences


def _interval(row: Row) -> str:
    ends = _ends(row)
    return f" ({ends})" if ends else ""


def _ends(row: Row, words: str = "") -> str:
    if row.gain_low is None or row.gain_high is None:
        return ""
    return f"{words}{_from_to(row.gain_low, row.gain_high)}"


def _from_to(low: float, high: float) -> str:
    return f"{number_text(low, 2)} to {number_text(high, 2)}"


def _signed(number: float | None) -> str:
    return f"{signed_text(number, 2)} dB"
