"""Explanations of libgphoto2's errors, and the programs that occupy a USB camera (Linux only)."""

from dataclasses import dataclass
from pathlib import Path

from defocus.capture.links.child_link import AnswerError

PROGRAM_NAMES = (
    "gvfs-gphoto2-volume-monitor",
    "gvfsd-gphoto2",
    "gphoto2",
    "darktable",
    "digikam",
    "entangle",
    "shotwell",
    "rawtherapee",
)


@dataclass(frozen=True)
class HoldingProgram:
    """A running program that occupies cameras."""

    pid: int
    name: str


def usb_holders(processes: Path = Path("/proc")) -> list[HoldingProgram]:
    """Running programs that are known to occupy cameras, sorted by process."""
    holders = []
    for entry in processes.glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")[0]
        except OSError:  # ended meanwhile, or another user's
            continue
        name = Path(command.decode("utf-8", "replace")).name
        if name in PROGRAM_NAMES:
            holders.append(HoldingProgram(int(entry.name), name))
    return sorted(holders, key=lambda holder: holder.pid)


CLAIMED = -53
UNKNOWN_MODEL = -105
BUSY = -110
OUT_OF_MEMORY = -3
NO_SPACE = -115
BAD_PARAMETERS = -2
NO_PICTURE = -1
TOO_FEW_FILES = -10
END_OF_TRAVEL = -113
NOT_SUPPORTED = -6
LOST_CONTACT = (-7, -34)

USB_MODE = "set its USB mode to PC Remote or PTP, if it is on storage or MTP"

MAY_PASS = (BUSY, NO_PICTURE, TOO_FEW_FILES)
"""Error codes after which the body is still there and may obey the next time."""


def explained(error: Exception, *, shooting: bool = True) -> str:
    """Text of a library error with its usual cause, which differs where no shot was asked for."""
    holders = ", ".join(
        f"{holder.name} (process {holder.pid})" for holder in usb_holders()
    )
    hints = {
        CLAIMED: f"{holders or 'another program'} holds the camera; close it, or run "
        f"'gio mount -s gphoto2'; {USB_MODE}",
        UNKNOWN_MODEL: f"libgphoto2 does not know the camera as it is set; {USB_MODE}",
        OUT_OF_MEMORY: "the card or buffer may be full",
        NO_SPACE: "the card is full; put in another one",
        BUSY: "the camera is busy: most often autofocus finds nothing (set the lens to manual "
        "focus); or its mirror lock-up is on, or it writes to its card; if it stays "
        "busy after a live view, switch the camera off and on",
        NO_PICTURE: "it took no picture: most often autofocus finds nothing (set the lens to "
        "manual focus), or its time is Bulb",
        BAD_PARAMETERS: "it is busy, the value belongs to another mode of its dial, or the "
        "setting is not there as it is set now",
        TOO_FEW_FILES: "its word for the format may be wrong; set the format on the camera and "
        "drop --format",
        END_OF_TRAVEL: "the focus motor is at the end of its travel",
        NOT_SUPPORTED: "this camera cannot do that, whatever its entries say",
        **dict.fromkeys(LOST_CONTACT, "contact was lost; switch the camera off and on"),
    }
    if not shooting:
        del hints[NO_PICTURE]
    hint = hints.get(error.code) if isinstance(error, AnswerError) else None
    return f"{error}: {hint}" if hint else str(error)
