"""Retries for a camera that is busy, asleep or silent."""

import time
from collections.abc import Callable
from typing import TypeVar

from defocus.errors import CameraError

__all__ = ["PAUSES_SECONDS", "ShotFailedError", "patiently"]

T = TypeVar("T")

PAUSES_SECONDS = (0.2, 0.4, 0.8, 1.6, 2.0)
"""Before each further try; a card that is written to takes a second or two."""


class ShotFailedError(CameraError):
    """A request failed, but the camera is present: another try may succeed."""


def patiently(order: Callable[[], T], told: Callable[[str], None]) -> T:
    """Give an order, and again after growing pauses while it fails in a way that may pass.

    Args:
        order: What to do; it may be done again from its beginning.
        told: Called with each failure that is followed by another try.

    Returns:
        What the order returns.

    Raises:
        ShotFailedError: The last try failed too.
        CameraError: The camera was lost.
    """
    for pause in PAUSES_SECONDS:
        try:
            return order()
        except ShotFailedError as error:
            told(str(error))
        time.sleep(pause)
    return order()
