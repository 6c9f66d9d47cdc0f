"""On how many pictures and scenes numbers rest, which rows lack some, and what was left out."""

from collections.abc import Iterable, Mapping, Sequence

from defocus.benchmark.leaderboard.rows import Row
from defocus.progress import counted, several

__all__ = ["left_out_notes", "most_images", "over_pictures", "partial_words"]


def most_images(rows: Iterable[Row]) -> int:
    """The number of pictures behind most of these rows: that of the row with most."""
    return max((row.images for row in rows), default=0)


def over_pictures(rows: Sequence[Row], kind: str = "picture") -> str:
    """``16 test pictures of 8 scenes``, or ``3 of 4 test pictures of 3 scenes``.

    Args:
        rows: Rows of one protocol.
        kind: What a picture is called, in singular.
    """
    images = most_images(rows)
    scenes = max((row.scenes for row in rows if row.images == images), default=0)
    pictures = max((row.pictures for row in rows), default=0)
    of_all = f"{images} of {counted(pictures, kind)}" if pictures > images else ""
    return f"{of_all or counted(images, kind)} of {counted(scenes, 'scene')}"


def partial_words(row: Row, rows: Iterable[Row]) -> str:
    """``12 of 16 pictures`` for a row that lacks pictures which another one has; else empty."""
    images = most_images(rows)
    return f"{row.images} of {counted(images, 'picture')}" if 0 < row.images < images else ""


def left_out_notes(rows: Mapping[str, Row]) -> list[str]:
    """What rows of one score leave out, each reason once, with the rows that it holds for.

    Args:
        rows: Rows of one metric under one protocol, by the name of their line.
    """
    names: dict[str, list[str]] = {}
    valued = {name: row for name, row in rows.items() if row.images}
    for name, row in valued.items():
        if row.left_out:
            names.setdefault(row.left_out, []).append(name)
    return [
        f"left out: {text}"
        if len(mine) == len(valued)
        else f"left out of {several(sorted(mine))}: {text}"
        for text, mine in names.items()
    ]
