"""Quality against cost."""

from collections.abc import Sequence

from defocus.benchmark.sections.leaderboard import tabbed
from defocus.reports.model import Part, Scatter

__all__ = ["by_cost"]


def by_cost(plots: Sequence[Scatter]) -> tuple[Part, ...]:
    """A tab per figure, named by the cost, or by its caption if there are several datasets."""
    costs = [plot.x_label for plot in plots]
    once = len(set(costs)) == len(costs)
    return tabbed("Against", [(plot.x_label if once else plot.caption, plot) for plot in plots])
