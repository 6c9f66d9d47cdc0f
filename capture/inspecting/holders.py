"""Programs that occupy a USB camera (Linux only)."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["HoldingProgram", "usb_holders"]

NAMES = (
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
    found = []
    for entry in processes.glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")[0]
        except OSError:  # ended meanwhile, or another user's
            continue
        name = Path(command.decode("utf-8", "replace")).name
        if name in NAMES:
            found.append(HoldingProgram(int(entry.name), name))
    return sorted(found, key=lambda holder: holder.pid)
