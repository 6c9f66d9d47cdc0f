"""A list of scenes from a CSV file, for a day that was planned at a desk."""

from dataclasses import dataclass
from pathlib import Path

from defocus.capture.sessions.state import scene_slug
from defocus.errors import DatasetError, FileError, InputError
from defocus.reading import read_csv

__all__ = ["ListedScene", "read_scene_list"]

LONGEST_NOTE = 2000


@dataclass(frozen=True)
class ListedScene:
    """A scene to shoot.

    Attributes:
        title: Its name as typed; file names have :func:`scene_slug` of it.
        note: What to remember about it; empty for nothing.
    """

    title: str
    note: str = ""


def read_scene_list(path: Path) -> tuple[ListedScene, ...]:
    """Read a CSV file with the column ``scene`` and perhaps ``note``; others are left alone.

    Raises:
        InputError: The file cannot be read, has no scene, a name without letters, or one twice.
    """
    try:
        rows = read_csv(path)
    except (OSError, FileError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    rows = [{name.strip("\ufeff ").lower(): cell for name, cell in row.items()} for row in rows]
    if not rows or "scene" not in rows[0]:
        raise InputError(f"{path}: no scenes; give a first line 'scene,note' and a line for each")
    found: dict[str, ListedScene] = {}
    for number, row in enumerate(rows, start=2):
        title, note = (" ".join(row.get(name, "").split()) for name in ("scene", "note"))
        try:
            slug = scene_slug(title)
        except DatasetError as error:
            raise InputError(f"{path}: line {number}: {error}") from error
        if slug in found:
            raise InputError(f"{path}: line {number}: scene '{slug}' is listed twice; rename one")
        found[slug] = ListedScene(title, note[:LONGEST_NOTE])
    return tuple(found.values())
