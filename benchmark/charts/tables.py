"""Chart scores of a study as parts of its report."""

from collections.abc import Callable, Sequence
from itertools import groupby

from defocus.benchmark.charts.kept import ChartScore
from defocus.reports.model import Column, Paragraph, Part, Table, Tabs

__all__ = ["chart_parts", "chart_table", "printed_chart_parts"]

INPUT = "input"


def chart_table(scores: Sequence[ChartScore]) -> str:
    """The scores as a Markdown table, by photograph and circle of confusion."""
    scores = sorted(scores, key=lambda one: (one.picture, one.blur_px))
    taken = any(one.picture for one in scores)
    lines = [
        "| px | system | MTF50 | gain | overshoot | shift, px | bend, px | lost | made up | read |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.blur_px:.3g} | {one.system} | {one.mtf50:.3f} | {one.gain:.2f} | "
        f"{one.overshoot:.1%} | {_text(one.shift_px, '.2f')} | {_text(one.bend_px, '.2f')} | "
        f"{_text(one.lost, '.0%')} | {_text(one.invented, '.0%')} | "
        f"{_text(one.characters, '.0%')} |"
        for one in scores
    ]
    if taken:
        names = [one.picture.replace("|", r"\|") for one in scores]
        pictures = ["picture", "---", *names]
        lines = [f"| {one} {line}" for one, line in zip(pictures, lines, strict=True)]
    reasons = {f"{one.picture}: leaves not measured: {one.reason}" for one in scores if one.reason}
    return "\n".join([*lines, *([""] if reasons else []), *sorted(reasons)])


def _text(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def chart_parts(scores: Sequence[ChartScore], name: Callable[[str], str]) -> list[Part]:
    """For browsers: a table for each circle of confusion, and where edges and leaves disagree.

    Photographs follow the simulated ones.

    Args:
        scores: What a study keeps.
        name: A system's name as it is shown.
    """
    return [
        Tabs(label, tuple((tab, (Paragraph(said), table)) for tab, said, table in tables))
        for label, tables in (
            ("Circle of confusion", _tables(_simulated(scores), name)),
            ("Photograph", _tables(_taken(scores), name)),
        )
        if tables
    ]


def printed_chart_parts(scores: Sequence[ChartScore], name: Callable[[str], str]) -> list[Part]:
    """For print: the table in the middle of the circles of confusion, and the photographs."""
    simulated = _tables(_simulated(scores), name)
    middle = simulated[len(simulated) // 2 :][:1]
    tables = [*middle, *_tables(_taken(scores), name)]
    return [part for _, said, table in tables for part in (Paragraph(said), table)]


def _simulated(scores: Sequence[ChartScore]) -> list[ChartScore]:
    return [one for one in scores if not one.picture]


def _taken(scores: Sequence[ChartScore]) -> list[ChartScore]:
    return [one for one in scores if one.picture]


def _tables(
    scores: Sequence[ChartScore], name: Callable[[str], str]
) -> list[tuple[str, str, Table]]:
    """Name, sentence and table of each photograph and circle of confusion."""
    ordered = sorted(scores, key=lambda one: (one.picture, one.blur_px, -one.gain))
    found = []
    for (picture, blur), group in groupby(ordered, key=lambda one: (one.picture, one.blur_px)):
        rows = list(group)
        tab = f"{picture}, {blur:.1f} px" if picture else f"{blur:g} px"
        found.append((tab, _disagreement(rows, name), _table(rows, name)))
    return found


def _table(rows: Sequence[ChartScore], name: Callable[[str], str]) -> Table:
    columns = (
        Column("System"),
        Column("MTF50 gain", "×", "higher", 2),
        Column("MTF50", "cycles/px", "higher", 3),
        Column("Overshoot", "%", "lower", 1),
        Column("Edge shift", "px", "lower", 2),
        Column("Bend of edges", "px", "lower", 2),
        Column("Texture kept", "%", "higher", 0),
        Column("Texture invented", "%", "lower", 0),
        Column("Characters read", "%", "higher", 0),
    )
    cells = tuple(
        (
            name(one.system), one.gain, one.mtf50, 100 * one.overshoot, one.shift_px, one.bend_px,
            None if one.lost is None else 100 * (1 - one.lost),
            None if one.invented is None else 100 * one.invented,
            None if one.characters is None else 100 * one.characters,
        )
        for one in rows
    )  # fmt: skip
    caption, note = _words(rows[0])
    references = tuple(k for k, one in enumerate(rows) if one.system == INPUT)
    return Table(caption, columns, cells, note, references=references)


SIMULATED_NOTE = (
    "Simulated with discs, without misalignment. Gain: MTF50 of the edges over that of the "
    "blurry chart. Kept and invented: the texture of dead leaves from 0.1 to 0.4 cycles/px. "
    "Characters: random ones, capitals 5.6 to 12 px high, as tesseract reads them without a "
    "dictionary."
)
TAKEN_NOTE = (
    "A photograph; its circle of confusion is that of the disc with the MTF50 of its edges. Gain, "
    "shift and bend are against the photograph. Kept and invented: the texture of dead leaves from "
    "0.1 to 0.4 cycles/px, against what was printed. Characters: random ones, as tesseract reads "
    "them without a dictionary."
)


def _words(one: ChartScore) -> tuple[str, str]:
    """Caption and note of a table."""
    if one.picture:
        at = f"{one.picture} at a circle of confusion of {one.blur_px:.1f} px"
        return f"The test chart in {at}", TAKEN_NOTE
    return f"The test chart at a circle of confusion of {one.blur_px:g} px", SIMULATED_NOTE


def _disagreement(rows: Sequence[ChartScore], name: Callable[[str], str]) -> str:
    """Whether the system that sharpens edges most is also the one that invents least."""
    systems = [one for one in rows if one.system != INPUT]
    if not systems:
        return "Only the blurry chart was measured."
    sharpest = max(systems, key=lambda one: one.gain)
    most = " most" if len(systems) > 1 else ""
    sharpens = f"{name(sharpest.system)} sharpens edges{most}, MTF50 × {sharpest.gain:.2f}"
    invented = {one.system: one.invented for one in rows if one.invented is not None}
    if any(one.system not in invented for one in systems):
        reason = next((f": {one.reason}" for one in systems if one.reason), "")
        return f"{sharpens}. The leaves cannot be measured here{reason}."
    honest = min(systems, key=lambda one: invented[one.system])
    beside = f" ({invented[INPUT]:.0%} in the blurry chart)" if INPUT in invented else ""
    said = f"{sharpens}, and {invented[sharpest.system]:.0%} of its texture is invented{beside}"
    if len(systems) == 1:
        return f"{said}."
    if honest is sharpest:
        return f"{said}, the least of all: edges and leaves agree."
    return (
        f"{said}. {name(honest.system)} invents least, {invented[honest.system]:.0%}, with "
        f"MTF50 × {honest.gain:.2f}: edges and leaves disagree."
    )
