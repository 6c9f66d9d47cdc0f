"""Characters read by tesseract, an OCR program that may be installed."""

import functools
import shutil
import subprocess

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError

__all__ = ["character_errors", "read_characters", "tesseract_version"]

TIMEOUT_S = 60
OPTIONS = (
    "--oem", "1", "--psm", "7", "-c", "load_system_dawg=0", "-c", "load_freq_dawg=0",
)  # fmt: skip
"""One line of random characters: dictionaries would only mislead."""


@functools.cache
def tesseract_version() -> str | None:
    """Version of the installed tesseract; None if there is none."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).split("\n", 1)[0].removeprefix("tesseract ").strip()


def read_characters(line: NDArray[np.uint8]) -> str | None:
    """Read a line of text.

    Args:
        line: ``(H, W)`` sRGB values, dark text on light ground.

    Returns:
        The characters without blanks; None if tesseract is not installed.

    Raises:
        DefocusError: tesseract fails.
    """
    program = shutil.which("tesseract")
    if program is None:
        return None
    _, png = cv2.imencode(".png", line)
    done = subprocess.run(
        [program, "stdin", "stdout", *OPTIONS],
        input=png.tobytes(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise DefocusError(f"tesseract failed ({reason}); check its installation")
    return "".join(done.stdout.decode(errors="replace").split())


def character_errors(read: str, truth: str) -> float:
    """Characters to insert, delete or replace, over the length of the truth (CER).

    Example:
        >>> character_errors("K1TTEN", "KITTEN")
        0.16666666666666666
    """
    row = list(range(len(truth) + 1))
    for i, seen in enumerate(read, start=1):
        previous, row[0] = row[0], i
        for j, wanted in enumerate(truth, start=1):
            previous, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, previous + (seen != wanted)),
            )
    return row[-1] / max(len(truth), 1)
