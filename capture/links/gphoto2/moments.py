"""When a body's clock says that its pictures were taken: the last witness of what came of a shot.

In the camera's memory a late file has the next free name, and a burst hands out old pictures one by
one. The time in the EXIF tells both, to a second. The body's clock may be set to anything: nothing
but how it runs beside ours is used. Not tried on a real body.
"""

import math
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from defocus.capture.camera import ON_CARD
from defocus.capture.links.retries import ShotFailedError
from defocus.exif import read_exif

__all__ = ["Moments"]

TOGETHER_SECONDS = 1.0
"""Files of one shot name the same second; bodies that round each of them differ by one."""

UNSURE_SECONDS = 2.0
"""EXIF has whole seconds, and two clocks do not run alike for ever."""

REFUSALS = 2
"""Pictures of before that one release can leave behind: a burst takes three."""


class Moments:
    """What is known of a body's clock: by how much it is at least ahead of ours."""

    def __init__(self) -> None:
        self._ahead = -math.inf
        self._last: float | None = None
        self._runs = False
        self._refused = 0

    def ordered(self, path_stem: Path) -> float:
        """When a shot was ordered, in seconds: now, or any time where one of before is fetched."""
        fetched = path_stem.with_name(f"{path_stem.name}{ON_CARD}").exists()
        return -math.inf if fetched else time.monotonic()

    def check(self, parts: Sequence[Path], ordered: float) -> None:
        """See that files that came just now were taken together, and after they were ordered.

        A clock that never ran proves nothing; after some refusals it is learned again.
        """
        taken = [moment for part in parts if (moment := _taken(part)) is not None]
        if not taken:
            return
        first, last = min(taken), max(taken)
        self._runs |= self._last is not None and first != self._last
        self._last = last
        early = ordered + self._ahead - first
        problem = ""
        if last - first > TOGETHER_SECONDS:
            problem = f"files of two shots came together, taken {last - first:.0f} s apart"
        elif self._runs and early > UNSURE_SECONDS:
            problem = f"the picture that came was taken {early:.0f} s before the release"
        if problem:
            self._refused += 1
            if self._refused == REFUSALS:
                self._ahead, self._refused = -math.inf, 0
            raise ShotFailedError(
                f"{problem}, by the camera's clock: one came late, or the camera takes several "
                "pictures at a release"
            )
        self._ahead, self._refused = max(self._ahead, last - time.monotonic()), 0


def _taken(part: Path) -> float | None:
    """Seconds of the body's clock when a picture was taken; None where the file does not say."""
    try:
        moment = datetime.strptime(read_exif(part).taken or "", "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    return (moment - datetime.min).total_seconds()
