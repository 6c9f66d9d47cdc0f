"""Names from outside: ids of pairs, and paths in manifests, checksums and archives.

A name must mean one file on every system: Windows reserves ``con``, ``nul`` and others with any
suffix, and file systems take at most 255 bytes.
"""

import re

__all__ = ["ID_PATTERN", "LONGEST_ID", "id_problem", "path_problem"]

ID_PATTERN = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"

LONGEST_ID = 160
"""Letters of an id: files are named by it, with a suffix and while they are written with more."""

LONGEST_PART = 255
LONGEST_PATH = 4096

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")


def id_problem(text: str) -> str:
    """Why a text cannot be the id of a pair; empty if it can.

    Args:
        text: The text.
    """
    if not re.fullmatch(ID_PATTERN, text):
        return "an id has letters, digits, '.', '_' and '-' alone"
    if len(text) > LONGEST_ID:
        return f"an id has at most {LONGEST_ID} letters"
    if _RESERVED.fullmatch(text):
        return "an id is no name that Windows reserves, such as 'con'"
    return ""


def path_problem(path: str) -> str:
    """Why a relative POSIX path must not come from outside; empty if it may.

    Args:
        path: The path.
    """
    parts = path.split("/")
    if not path.isprintable():
        return "has control characters"
    if "\\" in path or ":" in path:
        return "has a character that is part of a path on other systems"
    if path.startswith("/"):
        return "is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "leads out of the folder or is not in its shortest form"
    if len(path.encode()) > LONGEST_PATH or max(len(part.encode()) for part in parts) > (
        LONGEST_PART
    ):
        return f"is too long: a name has at most {LONGEST_PART} bytes, a path {LONGEST_PATH}"
    if any(_RESERVED.fullmatch(part) for part in parts):
        return "has a name that Windows reserves"
    return ""
