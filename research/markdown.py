"""Lines of tables in Markdown."""


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def rule(numbers: int) -> str:
    """The line below the heads of a column of words and some columns of numbers."""
    return f"| --- |{' ---: |' * numbers}"
