"""Two copies of a session's journal, written in turns, for the repair of a damaged one."""

from pathlib import Path

from defocus.capture.sessions.journal import COPIES
from defocus.files import make_folder, write_bytes

__all__ = ["copy_journal"]


def copy_journal(root: Path, journal: Path, turn: int) -> None:
    """Copy the journal over one of its copies; ``turn`` grows by one, the other is left alone."""
    copy = root / COPIES[turn % len(COPIES)]
    make_folder(copy.parent)
    write_bytes(copy, journal.read_bytes())
