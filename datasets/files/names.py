"""Names from outside (ids, paths): each must mean one file on every system, Windows included."""

import re
import unicodedata

__all__ = ["LONGEST_ID", "id_problem", "is_id_letter", "path_problem"]

SIGNS = "._-"
"""What an id may have besides letters and digits; it does not begin with a dot."""

LONGEST_ID = 160
"""Bytes of an id: files are named by it, with a suffix and while they are written with more."""

LONGEST_PART = 255
LONGEST_PATH = 4096

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")


def id_problem(text: str) -> str:
    """Why a text cannot be the id of a pair; empty if it can."""
    begins = bool(text) and text[0] != "." and not _is_mark(text[0])
    if not begins or not all(is_id_letter(one) or one in SIGNS for one in text):
        return "an id has letters, digits, '.', '_' and '-' alone, and begins with no '.'"
    if not unicodedata.is_normalized("NFC", text):
        return "an id has each letter with its marks as one sign, as in the Unicode form NFC"
    if len(text.encode()) > LONGEST_ID:
        return f"an id has at most {LONGEST_ID} letters, or as many bytes"
    if _RESERVED.fullmatch(text):
        return "an id is no name that Windows reserves, such as 'con'"
    return ""


def is_id_letter(sign: str) -> bool:
    """Whether one sign is a letter of any script, a mark of one, or a decimal digit."""
    return sign.isalpha() or sign.isdecimal() or _is_mark(sign)


def _is_mark(sign: str) -> bool:
    """Whether a sign is written on the letter before it: vowels in many scripts are."""
    return unicodedata.category(sign) in {"Mn", "Mc"}


def path_problem(path: str) -> str:
    """Why a relative POSIX path must not come from outside; empty if it may."""
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
