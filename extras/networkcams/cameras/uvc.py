"""Webcams and other USB video cameras on Linux: ``uvc:/dev/video0?width=1920&height=1080``.

More ``focus_absolute`` is nearer on many. Tested with a faked driver; no real camera was tried."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pydantic import Field

from defocus.capture.camera import CameraDescription, Setting, SettingName, Word
from defocus.capture.links.camera_words import refuse_unknown
from defocus.capture.planning.labels import (
    APERTURES,
    SHUTTERS,
    parse_f_number,
    parse_seconds,
    true_f,
    true_seconds,
    words_between,
)
from defocus.errors import CameraNotFoundError, InputError
from defocus.extras.networkcams.camera_process import InnerCamera, write_part
from defocus.extras.networkcams.hosted import HostedCamera, host
from defocus.extras.networkcams.video.newest_frame import Video, VideoSource, encoded, open_video
from defocus.extras.networkcams.words import nearest_word
from defocus.settings import Settings, parse_settings

if TYPE_CHECKING:
    from defocus.extras.networkcams.video.v4l2 import Control, Controls

LARGEST = 10_000
"""Drivers answer an impossible size with the nearest that they have."""

_CONTROLS: dict[SettingName, tuple[str, ...]] = {
    "aperture": ("iris_absolute",),
    "shutter": ("exposure_time_absolute", "exposure_absolute"),
}
"""What kernels call them; the name of the exposure has changed. The gain has no unit: no ISO."""

_UNITS: dict[SettingName, float] = {"aperture": 0.01, "shutter": 1e-4}
"""F-number and seconds of one unit. Source: USB Device Class Definition for Video, 4.2.2.1."""

_WORDS: dict[SettingName, tuple[str, ...]] = {"aperture": APERTURES, "shutter": SHUTTERS}

FOCUS = "focus_absolute"

_LOCKED = {
    "auto_exposure": 1,
    "exposure_auto": 1,
    "exposure_dynamic_framerate": 0,
    "exposure_auto_priority": 0,
    "white_balance_automatic": 0,
    "white_balance_temperature_auto": 0,
    "focus_automatic_continuous": 0,
    "focus_auto": 0,
    "backlight_compensation": 0,
}
"""Values that switch off what a camera does by itself; older kernels have other names."""


class UvcOptions(Settings):
    """Options of ``uvc:``: the size in pixels that is asked for; the nearest is used."""

    width: int = Field(default=LARGEST, ge=16, le=LARGEST)
    height: int = Field(default=LARGEST, ge=16, le=LARGEST)


class UvcCamera(InnerCamera):
    """A video device, in its own process."""

    def __init__(self, uri: str, controls: "Controls", open_it: Callable[[], Video]) -> None:
        self._uri, self._controls = uri, controls
        self._video = VideoSource(open_it, uri)
        self._is_locked = False
        self.moves_focus = FOCUS in controls.listed()

    def describe(self) -> CameraDescription:
        """Describe the camera by its own name."""
        focus = ("focus",) if self.moves_focus else ()
        return CameraDescription(
            uri=self._uri,
            model=self._controls.name,
            port=_device(self._uri)[0],
            writes_exif=False,
            capabilities=(*self.settings(), *focus, "preview", "config"),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Exposure time and iris, if the camera has them."""
        listed = self._controls.listed()
        settings: dict[SettingName, Setting] = {}
        for name in _CONTROLS:
            control = _control(name, listed)
            if control is None:
                continue
            unit = _UNITS[name]
            words = words_between(
                _WORDS[name], _VALUES[name], max(control.low, 1) * unit, control.high * unit
            )
            present = max(self._controls.read(control), 1) * unit
            if words:
                value = nearest_word(_WORDS[name], _VALUES[name], present)
                settings[name] = Setting(name, control.word, value, words)
        return settings

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices, with automatic functions off."""
        setting = self.settings().get(name)
        if setting is None:
            raise InputError(f"this camera has no setting for the {name}")
        if value not in setting.choices:
            raise InputError(
                f"the camera has no {name} '{value}'; it has {', '.join(setting.choices)}"
            )
        self._lock()
        control = self._controls.listed()[setting.word]
        wanted = round(_VALUES[name](value) / _UNITS[name])
        self._controls.write(control, min(max(wanted, control.low), control.high))
        return self.settings()[name].value

    def move_focus(self, steps: int) -> int:
        """Move the focus by steps of its control; fewer at the end of its range."""
        self._lock()
        control = self._controls.listed()[FOCUS]
        before = self._controls.read(control)
        wanted = min(max(before + steps * control.step, control.low), control.high)
        return (self._controls.write(control, wanted) - before) // control.step

    def shoot(self, path_stem: Path) -> list[Path]:
        """Store the newest frame."""
        self._lock()
        return [write_part(path_stem, ".png", encoded(self._video.frame(), ".png"))]

    def preview(self) -> bytes:
        """The newest frame."""
        return encoded(self._video.frame(), ".jpg")

    def config(self) -> dict[str, Word]:
        """Every control of the device."""
        return {
            word: Word(
                self._text(control, self._controls.read(control)),
                tuple(control.choices.values()),
                None if control.choices else (control.low, control.high),
                control.read_only,
            )
            for word, control in self._controls.listed().items()
        }

    def configure(self, word: str, value: str) -> str:
        """Set a control permanently."""
        controls = self._controls.listed()
        refuse_unknown(word, controls)
        control = controls[word]
        return self._text(control, self._controls.write(control, _number(control, value)))

    def _text(self, control: "Control", value: int) -> str:
        return control.choices.get(value, str(value))

    def found(self) -> dict[str, Any]:
        """The present value of every control."""
        listed = self._controls.listed()
        return {word: self._controls.read(control) for word, control in listed.items()}

    def put_back(self, state: dict[str, Any]) -> None:
        """Restore changed controls; those that enable automatic functions come last."""
        listed = self._controls.listed()
        for word in sorted(state, key=lambda word: word in _LOCKED):
            control = listed.get(word)
            if control is None or control.read_only:
                continue
            if self._controls.read(control) != state[word]:
                self._controls.write(control, state[word])

    def release(self) -> None:
        """Close the device."""
        self._video.close()
        self._controls.close()

    def _lock(self) -> None:
        if self._is_locked:
            return
        for word, control in self._controls.listed().items():
            value = _LOCKED.get(word)
            is_offered = not control.choices or value in control.choices
            if value is not None and is_offered and not control.read_only:
                self._controls.write(control, value)
        self._is_locked = True


def _f_number(word: str) -> float:
    return true_f(parse_f_number(word) or 0.0)


def _seconds(word: str) -> float:
    return true_seconds(parse_seconds(word) or 0.0)


_VALUES: dict[SettingName, Callable[[str], float]] = {"aperture": _f_number, "shutter": _seconds}


def _control(name: SettingName, listed: "dict[str, Control]") -> "Control | None":
    return next((listed[word] for word in _CONTROLS[name] if word in listed), None)


def _number(control: "Control", value: str) -> int:
    """The number of a typed value of a control."""
    numbers = {text: number for number, text in control.choices.items()}
    if value in numbers:
        return numbers[value]
    try:
        return int(value)
    except ValueError as error:
        listed = ", ".join(numbers) or f"a number from {control.low} to {control.high}"
        raise InputError(f"{control.word} cannot be '{value}'; it can be {listed}") from error


def _device(uri: str) -> tuple[str, UvcOptions]:
    """Path of the device and options."""
    path, _, query = uri.removeprefix("uvc:").partition("?")
    if not path.startswith("/dev/") or ".." in path:
        raise InputError(f"camera address '{uri}': write uvc:/dev/video0")
    pairs = parse_qsl(query, keep_blank_values=True)
    return path, parse_settings(UvcOptions, dict(pairs), origin=f"camera address '{uri}'")


def open_inside(uri: str, _password: str) -> UvcCamera:
    """Open the camera in its own process."""
    from defocus.extras.networkcams.video.v4l2 import Controls

    path, options = _device(uri)

    def open_it() -> Video:
        import cv2

        size = [cv2.CAP_PROP_FRAME_WIDTH, options.width, cv2.CAP_PROP_FRAME_HEIGHT, options.height]
        return open_video(path, uri, cv2.CAP_V4L2, size)

    return UvcCamera(uri, Controls(Path(path)), open_it)


def open_camera(uri: str) -> HostedCamera:
    """Open the camera of an address."""
    _device(uri)
    _require_linux()
    return host(uri)


def _require_linux() -> None:
    if sys.platform != "linux":
        raise CameraNotFoundError(
            "USB video cameras are supported on Linux only; use folder: or command: elsewhere"
        )


def discover() -> list[CameraDescription]:
    """The video devices of this computer."""
    _require_linux()
    from defocus.extras.networkcams.video.v4l2 import Controls, NoPicturesError, capture_devices

    described = []
    for device in capture_devices():
        uri = f"uvc:{device}"
        try:
            with Controls(device) as controls:
                described.append(CameraDescription(uri, controls.name, port=str(device)))
        except NoPicturesError:
            continue
        except CameraNotFoundError as error:
            described.append(CameraDescription(uri, "", port=str(device), problem=str(error)))
    return described
