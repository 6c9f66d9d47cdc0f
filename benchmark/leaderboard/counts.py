"""On how many pictures and scenes numbers rest, and which rows and pictures a table is without."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from defocus.benchmark.leaderboard.rows import Row
from defocus.progress import counted, several

__all__ = [
    "counted_head",
    "empty_notes",
    "left_out_notes",
    "most_images",
    "over_pictures",
    "partial_words",
    "protocol_notes",
]


def most_images(rows: Iterable[Row]) -> int:
    """The number of pictures behind most of these rows: that of the row with most."""
    return max((row.images for row in rows), default=0)


def over_pictures(rows: Sequence[Row], kind: str = "picture") -> str:
    """``16 test pictures of 8 scenes``, or ``3 of 4 test pictures of 3 scenes``."""
    images = most_images(rows)
    scenes = max((row.scenes for row in rows if row.images == images), default=0)
    pictures = max((row.pictures for row in rows), default=0)
    of_all = f"{images} of {counted(pictures, kind)}" if pictures > images else ""
    return f"{of_all or counted(images, kind)} of {counted(scenes, 'scene')}"


def counted_head(name: str, rows: Iterable[Row | None], usual: int) -> str:
    """The head of a column, with its number of pictures if that is not the table's usual one."""
    images = most_images(row for row in rows if row is not None)
    return f"{name}, {counted(images, 'picture')}" if images not in {0, usual} else name


def partial_words(row: Row, rows: Iterable[Row]) -> str:
    """``12 of 16 pictures`` for a row that lacks pictures which another one has; else empty."""
    images = most_images(rows)
    return f"{row.images} of {counted(images, 'picture')}" if 0 < row.images < images else ""


def left_out_notes(rows: Mapping[str, Row]) -> list[str]:
    """What rows of one score leave out, each reason once, with the rows that it holds for."""
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


def protocol_notes(places: Mapping[str, Sequence[str]]) -> list[str]:
    """Rows that were not scored under every protocol, so that some tables are without them."""
    every = {place for found in places.values() for place in found}
    names: dict[str, list[str]] = defaultdict(list)
    for name, found in places.items():
        if found and every.difference(found):
            names[" and ".join(found)].append(name)
    return [f"scored only under {where}: {', '.join(mine)}" for where, mine in names.items()]


def empty_notes(rows: Iterable[tuple[str, Row]]) -> list[str]:
    """Why cells are empty and rows marked: each reason once, with all that it holds for."""
    known = list(rows)
    subjects: dict[str, set[str]] = defaultdict(set)
    for name, row in known:
        if row.status != "ok":
            empty = all(r.value is None for n, r in known if n == name)
            everywhere = all(r.value is None for _, r in known if r.metric == row.metric)
            subjects[row.status].add(row.metric if everywhere and not empty else name)
    return [f"{', '.join(sorted(names))}: {status}" for status, names in subjects.items()]
