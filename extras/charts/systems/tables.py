"""Chart scores of a study as parts of its report."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from defocus.benchmark.leaderboard.lines import WEIGHT_MARKS
from defocus.extras.charts.systems.kept import ChartScore
from defocus.reports.model import Column, Paragraph, Part, Table, Tabs

INPUT = "input"

TEXT_COLUMNS = (
    "px",
    "system",
    "MTF50",
    "gain",
    "overshoot",
    "shift, px",
    "bend, px",
    "lines, px",
    "lost",
    "made up",
    "read",
)

Names = Callable[[ChartScore], str]
"""Name of a score's system as it is shown, with the origin of its weights."""


def chart_table(scores: Sequence[ChartScore], lacking: Sequence[str] = ()) -> str:
    """The scores as a Markdown table, by photograph and circle of confusion."""
    scores = sorted(scores, key=lambda one: (one.picture, one.blur_px))
    taken = any(one.picture for one in scores)
    lines = _rows(scores)
    if taken:
        names = [one.picture.replace("|", r"\|") for one in scores]
        pictures = ["picture", "---", *names]
        lines = [f"| {one} {line}" for one, line in zip(pictures, lines, strict=True)]
    first = "| " if taken else ""
    empty = "|" * (len(TEXT_COLUMNS) - 2)
    for name in lacking:
        lines.append(f"{first}| | {name} (needs weights) {empty}|")
    reasons = set()
    for one in scores:
        if one.reason:
            reasons.add(f"{one.picture}: leaves not measured: {one.reason}")
    if reasons:
        lines.append("")
    return "\n".join([*lines, *sorted(reasons)])


def _rows(scores: Sequence[ChartScore]) -> list[str]:
    """Lines of the table."""
    lines = [
        f"| {' | '.join(TEXT_COLUMNS)} |",
        f"|---:|---|{'---:|' * (len(TEXT_COLUMNS) - 2)}",
    ]
    for one in scores:
        cells = [
            f"{one.blur_px:.3g}",
            _marked(one.system, one.weights),
            f"{one.mtf50:.3f}",
            f"{one.gain:.2f}",
            f"{one.overshoot:.1%}",
            _text(one.shift_px, ".2f"),
            _text(one.bend_px, ".2f"),
            _text(one.lines_px, ".2f"),
            _percent(one.lost),
            _percent(one.invented),
            _percent(one.characters),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _text(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def chart_parts(scores: Sequence[ChartScore], name: Callable[[str], str]) -> list[Part]:
    """For browsers: a table for each circle of confusion, and where edges and leaves disagree."""
    tabs: list[Part] = []
    for label, tables in (
        ("Circle of confusion", _tables(_simulated(scores), _with_weights(name))),
        ("Photograph", _tables(_taken(scores), _with_weights(name))),
    ):
        parts: list[tuple[str, tuple[Part, ...]]] = []
        for tab, said, table in tables:
            parts.append((tab, (Paragraph(said), table)))
        if parts:
            tabs.append(Tabs(label, tuple(parts)))
    return tabs


def printed_chart_parts(
    scores: Sequence[ChartScore],
    name: Callable[[str], str],
) -> list[Part]:
    """For print: the table in the middle of the circles of confusion, and the photographs."""
    shown = _with_weights(name)
    simulated = _tables(_simulated(scores), shown)
    middle = simulated[len(simulated) // 2 :][:1]
    parts: list[Part] = []
    for _, said, table in (*middle, *_tables(_taken(scores), shown)):
        parts += [Paragraph(said), table]
    return parts


def _with_weights(name: Callable[[str], str]) -> Names:
    """Names that distinguish a narrow copy from the same system with the package's weights."""
    return lambda one: _marked(name(one.system), one.weights)


def _marked(name: str, weights: str) -> str:
    """A system's name with whose weights it has: a narrow copy is not the system of that name."""
    mark = WEIGHT_MARKS.get(weights)
    return name + (f" ({mark})" if mark else "")


def _simulated(scores: Sequence[ChartScore]) -> list[ChartScore]:
    return [one for one in scores if not one.picture]


def _taken(scores: Sequence[ChartScore]) -> list[ChartScore]:
    return [one for one in scores if one.picture]


def _tables(scores: Sequence[ChartScore], name: Names) -> list[tuple[str, str, Table]]:
    """Name, sentence and table of each photograph and circle of confusion."""
    ordered = sorted(scores, key=lambda one: (one.picture, one.blur_px, -one.gain))
    tables = []
    by_picture = groupby(ordered, key=lambda one: (one.picture, one.blur_px))
    for (picture, blur), group in by_picture:
        rows = list(group)
        tab = f"{picture}, {blur:.1f} px" if picture else f"{blur:g} px"
        tables.append((tab, _disagreement(rows, name), _table(rows, name)))
    return tables


def _table(rows: Sequence[ChartScore], name: Names) -> Table:
    columns = (
        "System",
        Column("MTF50 gain", "×", "higher", 2),
        Column("MTF50", "cycles/px", "higher", 3),
        Column("Overshoot", "%", "lower", 1),
        Column("Edge shift", "px", "lower", 2),
        Column("Bend of edges", "px", "lower", 2),
        Column("Bend of lines", "px", "lower", 2),
        Column("Texture kept", "%", None, 0),
        Column("Texture invented", "%", "lower", 0),
        Column("Characters read", "%", "higher", 0),
    )
    caption, note = _words(rows[0])
    cells = []
    references = []
    for number, one in enumerate(rows):
        cells.append((name(one), *_cells(one)))
        if one.system == INPUT:
            references.append(number)
    return Table.of(caption, columns, cells, note, references=tuple(references))


def _cells(one: ChartScore) -> tuple[float | None, ...]:
    """The numbers of a line of the table, shares as percent."""
    return (
        one.gain,
        one.mtf50,
        100 * one.overshoot,
        one.shift_px,
        one.bend_px,
        one.lines_px,
        None if one.lost is None else 100 * (1 - one.lost),
        _as_percent(one.invented),
        _as_percent(one.characters),
    )


def _as_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


SIMULATED_NOTE = (
    "Simulated with discs, without misalignment. Gain: MTF50 of the edges over that of the "
    "blurry chart. Bend: against the sharp chart; lines have no number where blur hides them. Kept "
    "(nearest to 100 is best) and invented: the texture of dead leaves from 0.1 to 0.4 cycles/px. "
    "Characters: random ones, capitals 5.6 to 12 px high, as tesseract reads them without a "
    "dictionary."
)
TAKEN_NOTE = (
    "A photograph; its circle of confusion is that of the disc with the MTF50 of its edges. Gain, "
    "shift and bend are against the photograph. Kept (nearest to 100 is best) and invented: the "
    "texture of dead leaves from 0.1 to 0.4 cycles/px, against what was printed. Characters: "
    "random ones, as tesseract reads them without a dictionary."
)


def _words(one: ChartScore) -> tuple[str, str]:
    """Caption and note of a table."""
    if one.picture:
        at = f"{one.picture} at a circle of confusion of {one.blur_px:.1f} px"
        return f"The test chart in {at}", TAKEN_NOTE
    return (
        f"The test chart at a circle of confusion of {one.blur_px:g} px",
        SIMULATED_NOTE,
    )


def _disagreement(rows: Sequence[ChartScore], name: Names) -> str:
    """Whether the system that sharpens edges most also leads by texture and text."""
    systems = [one for one in rows if one.system != INPUT]
    if not systems:
        return "Only the blurry chart was measured."
    sharpest = max(systems, key=lambda one: one.gain)
    alike = [one for one in systems if one.gain * GAIN_MARGIN >= sharpest.gain]
    said = _sharpens(systems, alike, sharpest, name)
    if not all(map(_has_leaves, systems)):
        reasons = [f": {one.reason}" for one in systems if one.reason]
        reason = reasons[0] if reasons else ""
        return f"{said}. The leaves cannot be measured here{reason}."
    is_alone = len(systems) == 1
    whose = "its" if is_alone else f"{name(sharpest)}'s"
    said = f"{said}; {_invented_texture(rows, sharpest, whose)}"
    if is_alone:
        return f"{said}."
    return f"{said}{_verdict(systems, alike, name)}"


def _verdict(
    systems: Sequence[ChartScore],
    alike: Sequence[ChartScore],
    name: Names,
) -> str:
    """Which other systems lead by texture or text, and whether edges and leaves agree."""
    others = list(_other_leaders(systems, alike, name))
    verdict = "edges and leaves agree"
    if others:
        verdict = "edges and leaves disagree"
    elif len(alike) == len(systems):
        verdict = "edges do not tell the systems apart"
    leaders = "".join(f". {one}" for one in others)
    readers = "".join(f" {one}." for one in _other_reader(systems, alike, name))
    return f"{leaders}: {verdict}.{readers}"


def _has_leaves(one: ChartScore) -> bool:
    """Whether the texture of a picture was measured."""
    return one.invented is not None and one.lost is not None


def _invented_texture(
    rows: Sequence[ChartScore], sharpest: ChartScore, whose: str
) -> str:
    """How much of its texture the sharpest system invents, beside the blurry chart."""
    of_input = [one.invented for one in rows if one.system == INPUT]
    shown = ""
    if of_input and of_input[0] is not None:
        shown = f" ({_percent(of_input[0])} in the blurry chart)"
    return f"{_percent(sharpest.invented)} of {whose} texture is invented{shown}"


GAIN_MARGIN = 1.03
"""Largest ratio of the gains at edges of two systems that count as equally sharp: the largest error
of MTF50 at strong blur and 2 % noise in docs/charts.md is 3 %."""
TEXTURE_MARGIN = 0.02
"""Difference in the texture of dead leaves that counts; the largest error in docs/charts.md is
0.016."""
TEXT_MARGIN = 0.1
"""Difference of the share of characters that counts: some 120 characters are read, so that the
share has a standard error of up to 0.05."""


def _sharpens(
    systems: Sequence[ChartScore],
    alike: Sequence[ChartScore],
    sharpest: ChartScore,
    name: Names,
) -> str:
    """The sentence on what happens to edges."""
    gain = f"MTF50 × {sharpest.gain:.2f}"
    if sharpest.gain <= GAIN_MARGIN:
        return f"No system sharpens edges, {gain} at most"
    if len(systems) == 1:
        return f"{name(sharpest)} sharpens edges, {gain}"
    if len(alike) == 1:
        return f"{name(sharpest)} sharpens edges most, {gain}"
    names = ", ".join(map(name, alike))
    return f"{names} sharpen edges most and alike, {gain}"


def _other_leaders(
    systems: Sequence[ChartScore],
    alike: Sequence[ChartScore],
    name: Names,
) -> Iterator[str]:
    """Systems that treat texture better than those that sharpen most."""
    honest = min(systems, key=_invented)
    if _invented(honest) < min(map(_invented, alike)) - TEXTURE_MARGIN:
        gain = f"with MTF50 × {honest.gain:.2f}"
        yield f"{name(honest)} invents least, {_percent(honest.invented)}, {gain}"
    kept = min(systems, key=_off)
    if _off(kept) < min(map(_off, alike)) - TEXTURE_MARGIN:
        share = _percent(1 - (kept.lost or 0.0))
        yield f"{name(kept)} keeps texture nearest to what it was, {share}"


def _other_reader(
    systems: Sequence[ChartScore],
    alike: Sequence[ChartScore],
    name: Names,
) -> Iterator[str]:
    """The system whose text is read best, if that is another one."""
    best = max(systems, key=_read)
    if _read(best) > max(map(_read, alike)) + TEXT_MARGIN:
        yield f"{name(best)} has most characters read, {_percent(best.characters)}"


def _invented(one: ChartScore) -> float:
    return one.invented or 0.0


def _off(one: ChartScore) -> float:
    return abs(one.lost or 0.0)


def _read(one: ChartScore) -> float:
    return one.characters or 0.0


def _percent(share: float | None) -> str:
    """Whole percents; nothing is written as -0."""
    return "" if share is None else f"{round(100 * share)}%"
