"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def rule(numbers: int) -> str:
    """The line below the heads of a column of words and some columns of numbers."""
    return f"| --- |{' ---: |' * numbers}"


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A column of words and columns of numbers, below their heads."""
    lines = [row(*cells) for cells in rows]
    return "\n".join([row(*head), rule(len(head) - 1), *lines])


def number_or_dash(value: float | None, digits: int = 2) -> str:
    """A number with some decimals, and a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}"
