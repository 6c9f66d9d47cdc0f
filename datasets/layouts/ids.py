"""Pair ids from file names."""

import hashlib
import os
import re

__all__ = ["legal_id"]


def legal_id(text: str) -> str:
    """The text itself if it is a legal id, else a legal, unique form of it."""
    if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text):
        return text
    legal = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    return f"{legal}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:8]}"
