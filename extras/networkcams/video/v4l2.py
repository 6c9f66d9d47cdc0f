"""Controls of a Video4Linux camera: list, read, write.

OpenCV reports no limits, other libraries are GPL. Source: ``videodev2.h``, ``v4l2-controls.h``."""

import contextlib
import errno
import fcntl
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from defocus.errors import CameraError, CameraNotFoundError, InputError

QUERYCAP = 0x80685600
QUERYCTRL = 0xC0445624
QUERYMENU = 0xC02C5625
G_CTRL = 0xC008561B
S_CTRL = 0xC008561C

NEXT_CONTROL = 0x80000000
VIDEO_CAPTURE = 0x00000001

DISABLED, GRABBED, READ_ONLY, INACTIVE = 0x01, 0x02, 0x04, 0x10
INTEGER, BOOLEAN, MENU, INTEGER_MENU = 1, 2, 3, 9

_QUERY = struct.Struct("=II32siiiiI8x")
_MENU = struct.Struct("=II32sI")
_VALUE = struct.Struct("=Ii")
_CAPABILITY = struct.Struct("=16s32s32sIII12x")


class NoPicturesError(CameraNotFoundError):
    """A device without pictures, such as the one for a webcam's metadata."""


@dataclass(frozen=True)
class Control:
    """One control of a device."""

    id: int  # the kernel's number
    word: str  # as in ``v4l2-ctl``, such as ``exposure_time_absolute``
    low: int
    high: int
    step: int
    choices: dict[int, str]  # of a menu: value → text
    read_only: bool  # now


class Controls:
    """The controls of an open device; a context manager."""

    def __init__(self, device: Path) -> None:
        """Open a device."""
        self._device = device
        try:
            self._descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise CameraNotFoundError(
                f"{device}: cannot be opened ({error.strerror}); plug the camera in, and join "
                "the group 'video' where that is missing"
            ) from error
        try:
            self.name, captures = self._capability()
        except OSError as error:
            os.close(self._descriptor)
            raise CameraNotFoundError(f"{device}: no Video4Linux device") from error
        if not captures:
            os.close(self._descriptor)
            raise NoPicturesError(f"{device}: {self.name} gives no pictures; try another one")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the device."""
        os.close(self._descriptor)

    def _capability(self) -> tuple[str, bool]:
        buffer = bytearray(_CAPABILITY.size)
        fcntl.ioctl(self._descriptor, QUERYCAP, buffer)
        _, card, _, _, _, device = _CAPABILITY.unpack(bytes(buffer))
        return _text(card), bool(device & VIDEO_CAPTURE)

    def listed(self) -> dict[str, Control]:
        """All usable controls, by name."""
        controls: dict[str, Control] = {}
        last = 0
        while True:
            buffer = bytearray(_QUERY.pack(last | NEXT_CONTROL, 0, b"", 0, 0, 0, 0, 0))
            try:
                fcntl.ioctl(self._descriptor, QUERYCTRL, buffer)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise CameraError(
                        f"{self._device}: its controls cannot be listed ({error.strerror}); "
                        "is the camera still plugged in?"
                    ) from error
                return controls  # the kernel's way of saying that there is no further one
            number, kind, name, low, high, step, _, flags = _QUERY.unpack(bytes(buffer))
            last = number
            if kind not in (INTEGER, BOOLEAN, MENU, INTEGER_MENU) or flags & DISABLED:
                continue
            choices = self._menu(number, low, high) if kind == MENU else {}
            read_only = bool(flags & (READ_ONLY | GRABBED | INACTIVE))
            word = _word(_text(name))
            controls[word] = Control(number, word, low, high, max(step, 1), choices, read_only)

    def _menu(self, number: int, low: int, high: int) -> dict[int, str]:
        choices: dict[int, str] = {}
        for index in range(low, min(high, low + 256) + 1):
            buffer = bytearray(_MENU.pack(number, index, b"", 0))
            with contextlib.suppress(OSError):  # menus have gaps
                fcntl.ioctl(self._descriptor, QUERYMENU, buffer)
                choices[index] = _text(_MENU.unpack(bytes(buffer))[2])
        return choices

    def read(self, control: Control) -> int:
        """The present value."""
        buffer = bytearray(_VALUE.pack(control.id, 0))
        try:
            fcntl.ioctl(self._descriptor, G_CTRL, buffer)
        except OSError as error:
            raise self._lost(control, error) from error
        return int(_VALUE.unpack(bytes(buffer))[1])

    def write(self, control: Control, value: int) -> int:
        """Set a control, read it back, and return its new value."""
        if not control.low <= value <= control.high:
            raise InputError(
                f"{control.word} cannot be {value}; it goes from {control.low} to {control.high}"
            )
        try:
            fcntl.ioctl(self._descriptor, S_CTRL, bytearray(_VALUE.pack(control.id, value)))
        except OSError as error:
            raise self._lost(control, error) from error
        return self.read(control)

    def _lost(self, control: Control, error: OSError) -> CameraError:
        return CameraError(
            f"{self._device}: {control.word} cannot be read or set ({error.strerror}); "
            "is the camera still plugged in?"
        )


def capture_devices() -> list[Path]:
    """The video devices of this computer, in the order of their numbers."""
    devices = Path("/dev").glob("video[0-9]*")
    return sorted(devices, key=lambda path: int(path.name.removeprefix("video")))


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace")


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
