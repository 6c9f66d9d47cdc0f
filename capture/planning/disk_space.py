"""Disk space that pairs take: known, measured on earlier pairs, or a range."""

from typing import NamedTuple

__all__ = ["Space", "space_words", "together"]


class Space(NamedTuple):
    """Least and most bytes; both are the same where the size is known."""

    least: int
    most: int

    def times(self, count: int) -> "Space":
        """The space of a number of such things."""
        return Space(count * self.least, count * self.most)


BODY_SHOT = Space(3_000_000, 170_000_000)
"""A shot of a camera body: a JPEG of 12 megapixels at 0.25 bytes per pixel, or RAW and JPEG of 61
megapixels at 2.1 and 0.6."""


def together(spaces: list[Space | None]) -> Space | None:
    """The sum; None if one is unknown."""
    known = [space for space in spaces if space is not None]
    if len(known) < len(spaces):
        return None
    return Space(sum(space.least for space in known), sum(space.most for space in known))


def space_words(space: Space | None) -> str:
    """Such as ``about 0.83 GB``, or both ends of a range."""
    if space is None:
        return "an unknown space"
    least, most = (max(end / 1e9, 0.01) for end in space)
    if f"{least:.2f}" == f"{most:.2f}":
        return f"about {most:.2f} GB"
    return f"{least:.2f} to {most:.2f} GB"
