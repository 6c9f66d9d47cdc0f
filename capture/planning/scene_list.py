"""A list of scenes from a CSV file, for a day that was planned at a desk."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from unicodedata import combining, normalize

from defocus.errors import DatasetError, FileError, InputError
from defocus.reading import read_csv

LONGEST_NOTE = 2000

SEPARATORS = ",;\t"
"""Characters that may separate columns. Spreadsheets write semicolons where numbers have a decimal
comma."""


@dataclass(frozen=True)
class ListedScene:
    """A scene to shoot, by its name as typed; file names have its :func:`scene_slug`."""

    title: str  # its name as typed; file names have :func:`scene_slug` of it
    note: str = ""  # what to remember about it; empty for nothing


def scene_slug(name: str) -> str:
    """A scene's name for file names, such as ``kuche-gross`` for "Küche, groß".

    Names must work on every file system; a name without a letter a-z gets figures:
    ``scene-2-19e568``."""
    plain = "".join(c for c in normalize("NFKD", name.casefold()) if not combining(c))
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    if not re.search("[a-z]", slug) and any(c.isalpha() for c in plain):
        digest = sha256(" ".join(plain.split()).encode()).hexdigest()[:6]
        slug = "-".join(filter(None, ("scene", slug[:48].strip("-"), digest)))
    if not slug:
        raise DatasetError(f"scene name {name!r} has no letter or digit; give another")
    return slug


def read_scene_list(path: Path) -> tuple[ListedScene, ...]:
    """Read a CSV file with the column ``scene`` and perhaps ``note``; names must differ."""
    rows = _rows(path)
    if not rows or "scene" not in rows[0]:
        raise InputError(
            f"{path}: no scenes; give a first line 'scene,note' and a line for each"
        )
    scenes: dict[str, ListedScene] = {}
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row.values()):
            continue
        title = _one_line(row.get("scene", ""))
        note = _one_line(row.get("note", ""))
        where = f"{path}: line {number}"
        try:
            slug = scene_slug(title)
        except DatasetError as error:
            raise InputError(f"{where}: {error}") from error
        if slug in scenes:
            raise InputError(
                f"{where}: scene '{title}' has the file name of "
                f"'{scenes[slug].title}', '{slug}'; rename one"
            )
        scenes[slug] = ListedScene(title, note[:LONGEST_NOTE])
    if not scenes:
        raise InputError(
            f"{path}: no scenes; give a line for each below '{','.join(rows[0])}'"
        )
    return tuple(scenes.values())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _rows(path: Path) -> list[dict[str, str]]:
    """Cells of each line by the name of their column, in small letters."""
    try:
        rows = read_csv(path, separators=SEPARATORS)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except FileError as error:
        raise InputError(
            f"{error}; save the list as 'CSV UTF-8', and put a cell that has a comma into quotes"
        ) from error
    cells = []
    for row in rows:
        names = [name.strip().lower() for name in row]
        cells.append(dict(zip(names, row.values(), strict=True)))
    return cells
