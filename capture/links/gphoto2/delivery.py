"""Files of a shot, collected from the events of a gphoto2 camera.

A body that writes RAW and JPEG may tell of the second file more than a second after the first, and
tells of changed settings in between. So quiet is counted from the last file, not from the last
word, and where it is known how many files are due they are waited for. Not tried on a real body.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from defocus.capture.camera import CardFile

__all__ = ["MissingFileError", "Told", "files_of_shot"]

SURPLUS_SECONDS = 0.25
"""Once all files are there that were due: a file that nobody expected comes within that time."""

COMPANION_SECONDS = 15.0
"""How long a file that is due may come after the one before it."""


@dataclass(frozen=True)
class Told:
    """What a camera said: of a file, of the end of the shot, nothing in time, or something else."""

    kind: Literal["file", "complete", "nothing", "other"]
    file: CardFile | None = None


class MissingFileError(Exception):
    """Fewer files came than the format of the camera makes."""


def files_of_shot(
    first: CardFile,
    listen: Callable[[float], Told],
    *,
    due: int | None,
    quiet_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[CardFile]:
    """The files of a shot, in the order in which the camera told of them.

    Args:
        first: The one that the release returned.
        listen: Waits for the camera's next event, with a limit in seconds.
        due: How many files the camera writes; None = not known.
        quiet_seconds: Where it is not known: no file for so long means that all have come.
        clock: Seconds.

    Raises:
        MissingFileError: A file that is due did not come.
    """
    files, last = [first], clock()
    while True:
        missing = due is not None and len(files) < due
        if missing:
            patience = COMPANION_SECONDS
        else:
            patience = quiet_seconds if due is None else min(quiet_seconds, SURPLUS_SECONDS)
        left = last + patience - clock()
        told = listen(left) if left > 0 else Told("nothing")
        if told.file is not None and told.file not in files:
            files.append(told.file)
            last = clock()
        elif left <= 0 and missing:
            raise MissingFileError(f"{len(files)} of {due} files came in {COMPANION_SECONDS:g} s")
        elif left <= 0 or (told.kind == "complete" and not missing):
            return files
