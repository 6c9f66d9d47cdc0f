"""Printed characters as they are read, and how many of them wrongly."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import NotApplicableError
from defocus.plugins.discovery import Kind, NoValue, Shape

NO_READER = "the extra 'text', which reads them, is not installed"


CHARACTER_READERS: Kind[Any] = Kind(
    "character_readers",
    Shape(lambda: NoValue, function="read_text"),
    word="reader of characters",
)
"""Modules with ``read_text``, which gives the lines of text in a uint8 grey picture.

Such a module raises NotApplicableError where it cannot read here."""


def read_characters(text: NDArray[np.uint8]) -> str:
    """Characters of dark text on light ground, without blanks.

    NotApplicableError says why they cannot be read here."""
    for offer in CHARACTER_READERS.offers().values():
        reader = CHARACTER_READERS.thing(offer)
        if reader is not None:
            return "".join("".join(reader.read_text(text)).split())
    raise NotApplicableError(NO_READER)


def character_errors(read: str, truth: str) -> float:
    """Characters to insert, delete or replace, over the length of the truth (CER)."""
    row = list(range(len(truth) + 1))
    for i, seen in enumerate(read, start=1):
        previous, row[0] = row[0], i
        for j, wanted in enumerate(truth, start=1):
            previous, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, previous + (seen != wanted)),
            )
    return row[-1] / max(len(truth), 1)
