"""What came of a shot: the right kinds of files, and files that are no part of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from defocus.capture.body_abilities import CardSpace
from defocus.capture.camera import CardFile, FileKind
from defocus.errors import CameraError
from defocus.progress import say
from defocus.raw import RAW_SUFFIXES

__all__ = ["card_space", "check_kind", "say_strays"]


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


def card_space(told: dict[str, Any]) -> CardSpace:
    """A card as the process of a camera tells of it."""
    total, free = told["total_kb"], told["free_kb"]
    return CardSpace(
        told["folder"],
        None if total is None else 1024 * total,
        None if free is None else 1024 * free,
        told["files"],
    )
