"""Pair ids from file names."""

import hashlib
import os
import re

from defocus.datasets.files.names import id_problem

__all__ = ["legal_id"]

LONGEST_KEPT = 100


def legal_id(text: str) -> str:
    """The text itself if it is a legal id, else a legal, unique form of it."""
    if not id_problem(text):
        return text
    legal = re.sub(r"[^A-Za-z0-9_-]", "_", text)[:LONGEST_KEPT]
    return f"{legal}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:8]}"
