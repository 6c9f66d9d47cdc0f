"""Chart scores of a study as parts of its report."""

from collections.abc import Callable, Sequence
from itertools import groupby

from defocus.benchmark.charts.kept import ChartScore
from defocus.reports.model import Column, Paragraph, Part, Table, Tabs

__all__ = ["chart_parts", "printed_chart_parts"]

INPUT = "input"


def chart_parts(scores: Sequence[ChartScore], name: Callable[[str], str]) -> list[Part]:
    """For browsers: a table for each circle of confusion, and where edges and leaves disagree.

    Args:
        scores: What a study keeps.
        name: A system's name as it is shown.
    """
    tables = _tables(scores, name)
    if not tables:
        return []
    tabs = tuple((blur, (Paragraph(said), table)) for blur, said, table in tables)
    return [Tabs("Circle of confusion", tabs)]


def printed_chart_parts(scores: Sequence[ChartScore], name: Callable[[str], str]) -> list[Part]:
    """For print: the table in the middle of the circles of confusion."""
    tables = _tables(scores, name)
    if not tables:
        return []
    _, said, table = tables[len(tables) // 2]
    return [Paragraph(said), table]


def _tables(
    scores: Sequence[ChartScore], name: Callable[[str], str]
) -> list[tuple[str, str, Table]]:
    """Name, sentence and table of each circle of confusion."""
    ordered = sorted(scores, key=lambda one: (one.blur_px, -one.gain))
    found = []
    for blur, group in groupby(ordered, key=lambda one: one.blur_px):
        rows = list(group)
        found.append((f"{blur:g} px", _disagreement(rows, name), _table(blur, rows, name)))
    return found


def _table(blur: float, rows: Sequence[ChartScore], name: Callable[[str], str]) -> Table:
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
            100 * (1 - one.lost), 100 * one.invented,
            None if one.characters is None else 100 * one.characters,
        )
        for one in rows
    )  # fmt: skip
    return Table(
        f"The test chart at a circle of confusion of {blur:g} px",
        columns,
        cells,
        "Simulated with discs, without misalignment. Gain: MTF50 of the edges over that of the "
        "blurry chart. Kept and invented: the texture of dead leaves from 0.1 to 0.4 cycles/px. "
        "Characters: random ones, capitals 5.6 to 12 px high, as tesseract reads them without a "
        "dictionary.",
        references=tuple(k for k, one in enumerate(rows) if one.system == INPUT),
    )


def _disagreement(rows: Sequence[ChartScore], name: Callable[[str], str]) -> str:
    """Whether the system that sharpens edges most is also the one that invents least."""
    systems = [one for one in rows if one.system != INPUT]
    if not systems:
        return "Only the blurry chart was measured."
    sharpest = max(systems, key=lambda one: one.gain)
    honest = min(systems, key=lambda one: one.invented)
    blurry = next((one for one in rows if one.system == INPUT), None)
    beside = "" if blurry is None else f" ({blurry.invented:.0%} in the blurry chart)"
    said = (
        f"{name(sharpest.system)} sharpens edges most, MTF50 × {sharpest.gain:.2f}, and "
        f"{sharpest.invented:.0%} of its texture is invented{beside}"
    )
    if honest is sharpest:
        return f"{said}, the least of all: edges and leaves agree."
    return (
        f"{said}. {name(honest.system)} invents least, {honest.invented:.0%}, with MTF50 × "
        f"{honest.gain:.2f}: edges and leaves disagree."
    )
