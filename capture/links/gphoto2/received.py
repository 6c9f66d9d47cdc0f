"""What came of a shot: the right kinds of files, and files that are no part of it."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from defocus.capture.body_abilities import CardSpace
from defocus.capture.camera import FileKind
from defocus.capture.links.gphoto2.body.delivery import apart
from defocus.capture.links.retries import ShotFailedError
from defocus.errors import CameraError
from defocus.progress import say
from defocus.raw import RAW_SUFFIXES

__all__ = ["card_space", "check_kind", "clear_away", "say_others"]


def check_kind(parts: Sequence[Path], kind: FileKind | None) -> None:
    """See that the files are of the kind set: what a body calls its formats may be wrong."""
    came = {"raw" if part.with_suffix("").suffix in RAW_SUFFIXES else "jpeg" for part in parts}
    if kind is not None and set(kind.split("+")) - came:
        raise CameraError(
            f"the camera wrote {' and '.join(sorted(came))} files although {kind} was set: its "
            "words for formats are wrong; set the format on the camera and drop --format"
        )


def say_others(delivered: Mapping[str, Any]) -> None:
    """Tell the person of pictures that are no shot: ``strays`` on the card, ``kept`` files here."""
    for folder, name in delivered["strays"]:
        say(
            f"{name}: no picture of this session; it came late, or somebody pressed the camera's "
            f"own button; it stays in {folder} on the camera"
        )
    _say_kept(map(Path, delivered["kept"]))


def _say_kept(paths: Iterable[Path]) -> None:
    """The same of pictures that would have ended with the memory, by what they are kept as."""
    for path in paths:
        say(
            f"{path.name}: no picture of this session; it came late, or somebody pressed the "
            "camera's own button; it was in the camera's memory only, and is kept in "
            f"{path.parent.name} beside the shot"
        )


@contextlib.contextmanager
def clear_away(parts: Sequence[Path], stem: Path, *, on_card: bool) -> Iterator[None]:
    """Where a shot is refused, remove its files; those that are on no card are kept apart."""
    try:
        yield
    except ShotFailedError:
        if not on_card:
            _say_kept([part.rename(apart(stem, part.with_suffix("").name)) for part in parts])
        for part in parts:
            part.unlink(missing_ok=True)
        raise


def card_space(told: dict[str, Any]) -> CardSpace:
    """A card as the process of a camera tells of it."""
    total, free = told["total_kb"], told["free_kb"]
    return CardSpace(
        told["folder"],
        None if total is None else 1024 * total,
        None if free is None else 1024 * free,
        told["files"],
    )
