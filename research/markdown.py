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
    lines = [row(*head), rule(len(head) - 1)]
    lines += [row(*cells) for cells in rows]
    return "\n".join(lines)


def put_between(text: str, begin: str, end: str, made: str) -> str:
    """A page with other lines between two marks."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{made}\n{end}{after}"


def number_or_dash(value: float | None, digits: int = 2) -> str:
    """A number with some decimals, and a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}"
