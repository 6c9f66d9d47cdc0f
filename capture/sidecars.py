"""Sidecars: files of edits and ratings that other programs keep beside a picture."""

import re
from collections.abc import Iterable
from pathlib import Path

SIDECARS = frozenset({".aae", ".dop", ".pp3", ".xmp"})
"""Suffixes of sidecars: Apple's, DxO's, RawTherapee's and Adobe's, which darktable writes too."""

REJECTED = -1
"""The stars of a rejected picture, as XMP writes them; 0 is a picture without stars."""

XMP_RATING = re.compile(rb"""(?:xmp|xap):Rating(?:\s*=\s*["']|>)\s*(-?\d)""")
"""The stars in an XMP file, as an attribute or as an element."""

PP3_RANK = re.compile(rb"^Rank=(\d)", re.MULTILINE)
"""The stars in a file of RawTherapee."""

PP3_TRASH = re.compile(rb"^InTrash=true", re.MULTILINE)
"""Pattern of a picture that RawTherapee has put into its trash."""

MOST_BYTES = 2**22
"""Bytes of a sidecar that are read; no picture has a larger one."""


def is_sidecar(path: Path) -> bool:
    """Whether a file is a sidecar by its suffix."""
    return path.suffix.lower() in SIDECARS


def sidecar_stem(path: Path) -> tuple[Path, str]:
    """The stem that a sidecar shares with its picture: folder, and name without last suffix."""
    return path.parent, path.stem.casefold()


def picture_stems(path: Path) -> tuple[tuple[Path, str], tuple[Path, str]]:
    """The stems that sidecars of a picture may have: ``IMG_1`` and ``IMG_1.JPG``."""
    return (path.parent, path.stem.casefold()), (path.parent, path.name.casefold())


def stored_suffix(sidecar: Path, picture: Path) -> str:
    """The end of the name of a stored sidecar, after the role: ``.xmp`` or ``.jpg.xmp``."""
    suffix = sidecar.suffix.lower()
    if sidecar.stem.casefold() == picture.name.casefold():
        return f"{picture.suffix.lower()}{suffix}"
    return suffix


def rating(path: Path) -> int | None:
    """The stars that a sidecar gives, ``REJECTED`` for a rejected picture; None if it has none."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except OSError:
        return None
    if path.suffix.lower() == ".xmp":
        stars = XMP_RATING.search(content)
    elif path.suffix.lower() == ".pp3":
        if PP3_TRASH.search(content):
            return REJECTED
        stars = PP3_RANK.search(content)
    else:
        return None
    return None if stars is None else max(int(stars[1]), REJECTED)


def lowest_rating(paths: Iterable[Path]) -> int | None:
    """The fewest stars that some sidecars of one picture give."""
    ratings = list(map(rating, paths))
    return min((stars for stars in ratings if stars is not None), default=None)


def rating_words(stars: int) -> str:
    """Meaning of a rating for its picture, in words."""
    if stars == REJECTED:
        return "rejects it"
    return f"gives it {stars} star{'' if stars == 1 else 's'}"
