"""Retries for a camera that is busy, asleep or silent."""

import time
from collections.abc import Callable
from typing import TypeVar

from defocus.errors import CameraError

T = TypeVar("T")

PAUSES_SECONDS = (0.2, 0.4, 0.8, 1.6, 2.0)
"""Pause before each further try. A card that is being written needs a second or two."""


class ShotFailedError(CameraError):
    """A request failed, but the camera is present: another try may succeed."""


def setting_gone(camera: str, setting: str) -> CameraError:
    """Message about a setting that a camera had before it was connected again."""
    return CameraError(
        f"{camera}: {setting} could be set before the camera was connected again, and is not there "
        "now; turn the camera off and on, set its dial to M if it was moved, then run "
        "'defocus-capture resume'"
    )


def with_retries(order: Callable[[], T], report: Callable[[str], None]) -> T:
    """Carry out an order, and repeat it after growing pauses on temporary failures.

    ``report`` gets each failure before another try; the order must be safe to repeat."""
    for pause in PAUSES_SECONDS:
        try:
            return order()
        except ShotFailedError as error:
            report(str(error))
        time.sleep(pause)
    return order()
