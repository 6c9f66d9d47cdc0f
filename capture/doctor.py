"""Checks of this computer before a shoot; what no program can check becomes a question."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from defocus.capture.links.back_ends import camera_libraries
from defocus.capture.links.gphoto2.errors import usb_holders

Status = Literal["ok", "warn", "fail", "ask"]

LIBRARIES = ("numpy", "opencv-python-headless", "rawpy", "pillow", "gphoto2")
LITTLE_DISK_BYTES = 20_000_000_000
NO_DISK_BYTES = 1_000_000_000
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock before this package was written has lost its time."""


@dataclass(frozen=True)
class CheckedPoint:
    """One point of the checklist; status ``ask`` if no program can tell."""

    name: str
    status: Status
    detail: str
    advice: str = ""  # what to do; empty if all is well

    def to_json(self) -> dict[str, str]:
        """The point as a JSON object."""
        return asdict(self)


def computer_findings(folder: Path, uri: str | None = None) -> list[CheckedPoint]:
    """Libraries, programs that hold cameras, disk (of the folder for sessions) and clock.

    Of back ends: the library of the camera at ``uri`` alone, if one is named."""
    libraries = (*map(_library, LIBRARIES), *_of_cameras(uri))
    return [*libraries, _holders(), _disk(folder), _clock()]


def _library(name: str) -> CheckedPoint:
    try:
        return CheckedPoint(f"library-{name}", "ok", f"{name} {version(name)}")
    except PackageNotFoundError:
        advice = f"pip install {name}" + (" (no Windows)" if name == "gphoto2" else "")
        return CheckedPoint(f"library-{name}", "fail", f"{name} is not installed", advice)


def _of_cameras(uri: str | None) -> Iterator[CheckedPoint]:
    for scheme, detail, missing in camera_libraries():
        if uri is not None and not uri.startswith(f"{scheme}:"):
            continue
        problem, _, advice = detail.partition("; ")
        clash = "another module" in problem
        status: Status = "ok" if not missing else "fail" if clash else "warn"
        yield CheckedPoint(f"library-{scheme}", status, problem, advice)


def _holders() -> CheckedPoint:
    holders = usb_holders()
    if not holders:
        return CheckedPoint("usb-holders", "ok", "no program that is known to hold cameras runs")
    listed = ", ".join(f"{holder.name} (process {holder.pid})" for holder in holders)
    return CheckedPoint(
        "usb-holders",
        "warn",
        f"may hold a USB camera: {listed}",
        "close it; for gvfs run 'gio mount -s gphoto2' and "
        "'systemctl --user mask --now gvfs-gphoto2-volume-monitor'",
    )


def _disk(folder: Path) -> CheckedPoint:
    place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free in {place.absolute()}"
    if free >= LITTLE_DISK_BYTES:
        return CheckedPoint("disk", "ok", detail)
    status: Status = "fail" if free < NO_DISK_BYTES else "warn"
    return CheckedPoint("disk", status, detail, "a RAW pair takes about 0.1 GB; free some space")


def _clock() -> CheckedPoint:
    now = datetime.now(UTC)
    if now < EARLIEST:
        return CheckedPoint("clock", "fail", f"this computer's clock says {now:%Y-%m-%d}", "set it")
    if _is_set_by_the_network():
        return CheckedPoint("clock", "ok", "this computer's clock is set by the network")
    question = f"this computer's clock says {now:%Y-%m-%d %H:%M} UTC; is that right?"
    return CheckedPoint("clock", "ask", question)


def _is_set_by_the_network() -> bool:
    """Whether systemd synchronises the clock; False if it is missing or does not answer."""
    if shutil.which("timedatectl") is None:
        return False
    try:
        done = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.stdout.strip() == "yes"
