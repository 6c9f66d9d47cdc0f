"""Commit of this code, read from the checkout or recorded when the package is built.

``setup.py`` runs this file by itself, so it imports nothing of the package."""

import functools
import re
from pathlib import Path

RECORDED = "commit.txt"
"""The file beside this one in a wheel or an sdist."""

_HASH = re.compile(r"[0-9a-f]{40,64}")
_DIGITS = 7


@functools.cache
def own_commit() -> str:
    """The first seven digits of this code's commit; empty if it was not recorded."""
    folder = Path(__file__).resolve().parent
    commit = full_commit_of(folder.parent) or _hash(_text(folder / RECORDED))
    return commit[:_DIGITS]


def full_commit_of(checkout: Path) -> str:
    """The commit of a checkout, without starting git; empty if the folder is no checkout."""
    # ``.git`` in it is a folder, or in a worktree a file that names one.
    git = checkout / ".git"
    if git.is_file():
        git = checkout / _text(git).removeprefix("gitdir: ")
    head = _text(git / "HEAD")
    if not head.startswith("ref: "):
        return _hash(head)
    name = head.removeprefix("ref: ")
    shared = git / (_text(git / "commondir") or ".")
    return _hash(_text(shared / name)) or _hash(_packed(shared / "packed-refs", name))


def _packed(path: Path, name: str) -> str:
    """The hash of a branch in git's file of packed branches."""
    lines = (line.split() for line in _text(path).splitlines())
    return next((words[0] for words in lines if words[1:] == [name]), "")


def _hash(text: str) -> str:
    return text if _HASH.fullmatch(text) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):  # none there, or none of ours to read
        return ""
