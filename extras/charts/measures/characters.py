"""Characters that tesseract reads, where it is installed."""

import numpy as np
from numpy.typing import NDArray

from defocus.tesseract import read_text, tesseract_version


def read_characters(text: NDArray[np.uint8]) -> str | None:
    """Characters of dark text on light ground, without blanks; None without tesseract."""
    if not tesseract_version():
        return None
    return "".join("".join(read_text(text)).split())


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
