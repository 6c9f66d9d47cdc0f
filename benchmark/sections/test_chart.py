"""What the systems do to the test chart."""

from collections.abc import Callable

from defocus.benchmark.charts.kept import read_kept_chart
from defocus.benchmark.reporting.content import Content, display_name
from defocus.reports.model import Part

__all__ = ["chart"]


def chart(content: Content, parts: Callable[..., list[Part]]) -> tuple[Part, ...]:
    """What the systems do to the test chart, where that was measured."""
    kept = read_kept_chart(content.out)
    return tuple(parts(kept, lambda system: display_name(content, system)))
