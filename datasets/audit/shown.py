"""Reduced members of an audit's worst pairs for its page; kept because decoding takes seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.pair import Pair
from defocus.images import Image, read_pair
from defocus.reports.pictures import small_picture

__all__ = ["SHOWN", "Members", "WorstMembers", "reduced_members", "shown_members"]

SHOWN = 6
REGISTERED_SIDE = 1800
"""Of the picture that is registered to be shown: 24 megapixels would take seconds."""
LARGE_PX = 4_000_000
"""From this size of a picture on it is worth keeping what was decoded."""


Members = tuple[Image, Image]
"""Blurry and sharp picture, ``(H, W, 3)`` at their own depth, reduced to be shown."""


@dataclass
class WorstMembers:
    """Members of the pairs with the largest misalignment so far, by id; at most :data:`SHOWN`."""

    members: dict[str, Members] = field(default_factory=dict)
    _rows: tuple[AuditedPair, ...] = ()

    def offer(self, row: AuditedPair, members: Members) -> None:
        """Keep the members of a pair if it is one of the worst."""
        if row.misalignment_px is None:
            return
        self.members[row.id] = members
        rows = sorted((*self._rows, row), key=lambda one: -(one.misalignment_px or 0.0))
        self._rows = tuple(rows[:SHOWN])
        kept = {one.id for one in self._rows}
        self.members = {name: both for name, both in self.members.items() if name in kept}


def reduced_members(both: Iterable[Image]) -> Members:
    """Two pictures, reduced to be shown."""
    blurry, sharp = (small_picture(one, REGISTERED_SIDE, REGISTERED_SIDE) for one in both)
    return blurry, sharp


def shown_members(pair: Pair, known: WorstMembers) -> Members:
    """The members of a pair to be shown: those that are kept, or read from its files."""
    if pair.id in known.members:
        return known.members[pair.id]
    return reduced_members(read_pair(pair.blurry, pair.sharp or pair.blurry))
