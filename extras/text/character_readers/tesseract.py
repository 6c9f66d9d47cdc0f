"""Read printed text with the program ``tesseract``, where it is installed."""

import functools
import shutil
import subprocess
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError, NotApplicableError
from defocus.processes.children import outside_environment

NO_DICTIONARY: Mapping[str, str] = MappingProxyType(
    {
        "load_system_dawg": "false",
        "load_freq_dawg": "false",
        "textord_old_xheight": "0",
        "preserve_interword_spaces": "0",
    }
)
"""Settings of Tesseract for random characters: no word list may complete what is not legible."""

_ARGUMENTS = (
    "stdin",
    "stdout",
    "-l",
    "eng",
    "--oem",
    "1",
    "--psm",
    "6",
)
"""Arguments for the neural reader and one block of text, as the official script of the Helsinki
Deblur Challenge 2021 calls the program."""

_SECONDS = 120

REMEDY = "install tesseract-ocr with its English data"
"""Advice where the program is missing."""


def tesseract_version() -> str:
    """The version of the installed program, such as ``5.3.0``; empty if there is none."""
    program = shutil.which("tesseract")
    return _version_of(program) if program is not None else ""


@functools.cache
def _version_of(program: str) -> str:
    answer = subprocess.run(
        [program, "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    words = (answer.stdout or answer.stderr).split()
    if answer.returncode == 0 and len(words) > 1:
        return words[1].removeprefix("v")
    return ""


def read_text(
    picture: NDArray[np.uint8],
    settings: Mapping[str, str] = NO_DICTIONARY,
) -> list[str]:
    """The lines of one block of printed text, best dark on a light background, uint8 grey."""
    from defocus.pictures.write import encoded_lossless

    program = shutil.which("tesseract")
    if program is None:
        raise NotApplicableError(f"the program tesseract is not installed; {REMEDY}")
    command = [program, *_ARGUMENTS]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    try:
        read = subprocess.run(
            command,
            input=encoded_lossless(picture),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            # its threads slow each other
            env=outside_environment({"OMP_THREAD_LIMIT": "1"}),
        )
    except subprocess.TimeoutExpired as error:
        raise DefocusError(
            f"tesseract took more than {_SECONDS} s for a picture"
        ) from error
    said = read.stderr.decode(errors="replace").strip()
    if read.returncode != 0 and "eng.traineddata" in said:
        raise NotApplicableError(f"tesseract has no English data; {REMEDY}")
    if read.returncode != 0:
        raise DefocusError(
            f"tesseract failed: {said.splitlines()[-1] if said else 'no reason'}"
        )
    lines = read.stdout.decode(errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()]
