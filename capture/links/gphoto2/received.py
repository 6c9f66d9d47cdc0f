"""What came of a shot: the right kinds of files, and files that are no part of it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from defocus.capture.body_abilities import CardSpace
from defocus.capture.camera import CardFile, FileKind
from defocus.capture.links.gphoto2.body.delivery import apart
from defocus.errors import CameraError
from defocus.progress import say
from defocus.raw import RAW_SUFFIXES

__all__ = ["card_space", "check_kind", "clear_away", "say_kept", "say_strays"]


def check_kind(parts: Sequence[Path], kind: FileKind | None) -> None:
    """See that the files are what was asked for: what a body calls its formats may be wrong.

    Args:
        parts: The files, each named ``<stem><suffix>.part``.
        kind: What was set; None = nothing was.

    Raises:
        CameraError: Other files came.
    """
    came = {"raw" if part.with_suffix("").suffix in RAW_SUFFIXES else "jpeg" for part in parts}
    if kind is not None and set(kind.split("+")) - came:
        raise CameraError(
            f"the camera wrote {' and '.join(sorted(came))} files although {kind} was set: its "
            "words for formats are wrong; set the format on the camera and drop --format"
        )


def say_strays(strays: Sequence[CardFile]) -> None:
    """Tell the person of files on the camera that are no shot of ours."""
    for folder, name in strays:
        say(
            f"{name}: no picture of this session; it came late, or somebody pressed the camera's "
            f"own button; it stays in {folder} on the camera"
        )


def say_kept(paths: Iterable[Path]) -> None:
    """Tell the person of pictures that are no shot of ours, and would have ended with the memory.

    Args:
        paths: What they are kept as.
    """
    for path in paths:
        say(
            f"{path.name}: no picture of this session; it came late, or somebody pressed the "
            "camera's own button; it was in the camera's memory only, and is kept in "
            f"{path.parent.name} beside the shot"
        )


def clear_away(parts: Sequence[Path], stem: Path, *, on_card: bool) -> None:
    """Remove files of a refused shot; those that are on no card are kept apart.

    Args:
        parts: The files, each named ``<stem><suffix>.part``.
        stem: Folder and name without suffix of the shot's files.
        on_card: Whether the camera has them still.
    """
    if on_card:
        for part in parts:
            part.unlink()
        return
    say_kept([part.rename(apart(stem, part.with_suffix("").name)) for part in parts])


def card_space(told: dict[str, Any]) -> CardSpace:
    """A card as the process of a camera tells of it."""
    total, free = told["total_kb"], told["free_kb"]
    return CardSpace(
        told["folder"],
        None if total is None else 1024 * total,
        None if free is None else 1024 * free,
        told["files"],
    )
