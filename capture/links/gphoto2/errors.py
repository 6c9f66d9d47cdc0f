"""Explanations of libgphoto2 errors.

Source: libgphoto2, ``gphoto2-port-result.h`` and ``gphoto2-result.h``.
"""

from defocus.capture.inspecting.holders import usb_holders
from defocus.capture.links.isolation.child_link import AnswerError

__all__ = ["BUSY", "explained"]

CLAIMED = -53
BUSY = -110
OUT_OF_MEMORY = -3
NO_SPACE = -115
BAD_PARAMETERS = -2


def explained(error: Exception) -> str:
    """Text of a library error with its usual cause."""
    holders = ", ".join(f"{holder.name} (process {holder.pid})" for holder in usb_holders())
    hints = {
        CLAIMED: f"{holders or 'another program'} holds the camera; close it, or run "
        "'gio mount -s gphoto2'",
        OUT_OF_MEMORY: "the card or buffer may be full",
        NO_SPACE: "the card is full",
        BUSY: "the camera is busy: it writes to its card, or its mirror is locked up",
        BAD_PARAMETERS: "the camera does not know that setting or value",
    }
    hint = hints.get(error.code) if isinstance(error, AnswerError) else None
    return f"{error}: {hint}" if hint else str(error)
