"""Pair ids from file names."""

import hashlib
import os
from unicodedata import normalize

from defocus.datasets.files.names import id_problem, is_id_letter

__all__ = ["legal_id"]

LONGEST_KEPT = 100


def legal_id(text: str) -> str:
    """The text itself, in the Unicode form NFC, if it is a legal id; else a legal, unique form."""
    composed = normalize("NFC", text)
    if not id_problem(composed):
        return composed
    letters = "".join(one if is_id_letter(one) or one in "_-" else "_" for one in composed)
    kept = letters.encode()[:LONGEST_KEPT].decode(errors="ignore")
    legal = f"{kept}-{hashlib.sha256(os.fsencode(composed)).hexdigest()[:8]}"
    return f"_{legal}" if id_problem(legal) else legal  # it began with a mark of a letter
