"""Named parts as tabs."""

from collections.abc import Sequence

from defocus.reports.model import Part, Tabs

__all__ = ["tabbed"]


def tabbed(label: str, named: Sequence[tuple[str, Part]]) -> tuple[Part, ...]:
    """A tab for each part; nothing without any."""
    return (Tabs(label, tuple((name, (part,)) for name, part in named)),) if named else ()
