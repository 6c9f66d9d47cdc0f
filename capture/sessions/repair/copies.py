"""Two copies of a session's journal, written in turns, for the repair of a damaged one."""

from pathlib import Path

from defocus.files import make_folder, write_bytes

__all__ = ["COPIES", "copies_of", "copy_journal"]

FOLDER = "journal-copies"
NAMES = ("1.jsonl", "2.jsonl")
COPIES = len(NAMES)


def copy_journal(root: Path, journal: Path, turn: int) -> None:
    """Copy the journal over one of its copies.

    Args:
        root: The session folder.
        journal: Its journal.
        turn: Grows by one from copy to copy, so that the other copy is left alone.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    folder = make_folder(root / FOLDER)
    write_bytes(folder / NAMES[turn % COPIES], journal.read_bytes())


def copies_of(root: Path) -> list[Path]:
    """The copies that exist, the newest first."""
    found = [path for name in NAMES if (path := root / FOLDER / name).is_file()]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
