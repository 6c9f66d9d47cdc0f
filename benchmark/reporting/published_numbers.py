"""Tables of published and measured numbers, with sources as footnotes."""

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metric.registry import all_metrics
from defocus.benchmark.published.compare import printed_beside
from defocus.benchmark.reporting.content import Content

__all__ = ["PublishedBeside"]


class PublishedBeside:
    """The published cells of one table with their footnotes.

    There are none under a budget that cannot compare systems, nor for a reconstruction, because it
    would look like a reproduction.

    Args:
        content: Content of the study, for the systems' cards.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._notes: dict[str, int] = {}

    @property
    def footnotes(self) -> tuple[str, ...]:
        """The sources used so far, in the order of their numbers."""
        return tuple(self._notes)

    def of(self, row: Row) -> tuple[str, tuple[int, ...]]:
        """The published value to print beside a row, with its footnotes; empty if there is none."""
        card = self._content.cards.get(row.system)
        if card is None or card.published_as is None:
            return "", ()
        if row.system in self._content.reconstructions:
            return "", ()
        found = printed_beside(row, card.published_as)
        if not found:
            return "", ()
        decimals = all_metrics()[row.metric].decimals
        numbers = sorted({f"{cell.true_value:.{decimals}f}" for cell in found})
        notes = sorted({self._number(cell.source) for cell in found})
        return f"published {', '.join(numbers)}", tuple(notes)

    def _number(self, source: str) -> int:
        return self._notes.setdefault(source, len(self._notes) + 1)
