"""Published numbers beside measured ones, with their sources as notes."""

from collections.abc import Callable

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metric.metric import all_metrics
from defocus.benchmark.published.numbers import printed_beside
from defocus.benchmark.reporting.content import Content
from defocus.reports.model import Measured

__all__ = ["published_beside"]


def published_beside(
    content: Content, row: Row | None, number: Callable[[str], int]
) -> Measured | None:
    """The published value of a row, with numbers of its notes; None if there is none."""
    # There is none under a budget that cannot compare systems, nor for a reconstruction, because it
    # would look like a reproduction.
    card = content.cards.get(row.system) if row is not None else None
    if row is None or card is None or card.published_as is None:
        return None
    if row.system in content.reconstructions:
        return None
    found = printed_beside(row, card.published_as)
    if not found:
        return None
    decimals = all_metrics()[row.metric].decimals
    first, *others = dict.fromkeys(round(cell.true_value, decimals) for cell in found)
    sources = tuple(sorted({number(cell.source) for cell in found}))
    beside = ", ".join(f"{value:.{decimals}f}" for value in others)
    return Measured(first, beside=beside, notes=sources)
