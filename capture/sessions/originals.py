"""Keep what a camera delivered: write-once files with a hash.

Write rule: ``x.part`` → fsync → hash → read-only → rename → fsync of the folder.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from defocus.capture.sessions.state import StoredFile, is_file_name
from defocus.errors import CameraError, storage_error
from defocus.files import sha256_file, sync_folder

__all__ = ["keep", "keep_originals"]


def keep_originals(base: Path, parts: Sequence[Path]) -> list[StoredFile]:
    """Keep what a camera delivered for one shot, in the folder of a pair or of a chart."""
    stored = []
    for part in parts:
        if part.stat().st_size == 0:
            raise CameraError(f"{part.name}: the camera delivered an empty file; try again")
        final = part.with_suffix("")
        if not is_file_name(final.name):
            raise CameraError(f"the camera delivered a file '{final.name}', not a picture")
        stored.append(keep(base, part, final))
    if not stored:
        raise CameraError("the camera delivered no file; check its card and try again")
    return stored


def keep(base: Path, written: Path, final: Path) -> StoredFile:
    """Sync, hash and name a file; its name in the journal is relative to ``base``."""
    try:
        with written.open("rb+") as stream:
            os.fsync(stream.fileno())
        digest, size = sha256_file(written), written.stat().st_size
        written.chmod(0o444)
        if written != final:
            written.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise storage_error(error, final) from error
    return StoredFile(final.relative_to(base).as_posix(), digest, size)
