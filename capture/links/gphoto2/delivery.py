"""Files of a shot, collected from the events of a gphoto2 camera.

A body that writes RAW and JPEG may report the second file more than a second after the first, with
changed settings in between. So silence is counted from the last file, not from the last event, and
a known number of files is waited for. This has not been tried on a real body.
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
    """Kind of a camera event: a file, the end of the shot, a timeout, or something else."""

    kind: Literal["file", "complete", "nothing", "other"]
    file: CardFile | None = None


class MissingFileError(Exception):
    """The camera delivered fewer files than its format makes."""


def files_of_shot(
    first: CardFile,
    listen: Callable[[float], Told],
    *,
    due: int | None,
    quiet_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[CardFile]:
    """The files of a shot, in the order in which the camera reported them.

    Args:
        first: File returned by the release.
        listen: Waits for the camera's next event, with a limit in seconds.
        due: Number of files that the camera writes; None if unknown.
        quiet_seconds: If the number is unknown, the time without a file after which the shot is
            complete.
        clock: Clock in seconds.

    Raises:
        MissingFileError: An expected file did not arrive.
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
