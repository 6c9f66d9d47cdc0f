"""Two copies of a session's journal, written in turns, for the repair of a damaged one."""

from pathlib import Path

from defocus.capture.sessions.journal import COPIES
from defocus.files import make_folder, write_bytes

__all__ = ["copy_journal"]


def copy_journal(root: Path, journal: Path, turn: int) -> None:
    """Copy the journal over one of its copies.

    Args:
        root: The session folder.
        journal: Its journal.
        turn: Grows by one from copy to copy, so that the other copy is left alone.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    copy = root / COPIES[turn % len(COPIES)]
    make_folder(copy.parent)
    write_bytes(copy, journal.read_bytes())
