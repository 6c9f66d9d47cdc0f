"""Cameras on USB through libgphoto2.

Addresses: ``gphoto2:`` (the only camera there is), ``gphoto2:serial=0123``,
``gphoto2:usb:001,004``; ``gphoto2:virtual=FOLDER`` is libgphoto2's virtual camera, which delivers
the first JPEG of a folder; the wheel of gphoto2 carries it. Nothing here was tried on a real
camera body.
"""

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from defocus.capture.camera_words import refuse_value
from defocus.capture.cameras.camera import (
    SETTING_NAMES,
    CameraDescription,
    Setting,
    SettingName,
    Word,
)
from defocus.capture.child_link import AnswerError, Child, ChildLostError
from defocus.capture.holders import usb_holders
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.progress import say

__all__ = ["GPhoto2Camera", "discover", "open_camera"]

T = TypeVar("T")

WORDS: dict[SettingName, tuple[str, ...]] = {
    "aperture": ("f-number", "aperture"),
    "shutter": ("shutterspeed", "shutterspeed2"),
    "iso": ("iso",),
}
"""What cameras call a setting; the first that a camera has is taken. Source: libgphoto2's ptp2."""

CHILD = "defocus.capture.gphoto2_child"

QUIET_MS = 250
"""A camera that reports nothing for so long has delivered all files of a shot."""

CLAIMED = -53
OUT_OF_MEMORY = -3
NO_SPACE = -115
BAD_PARAMETERS = -2

VIRTUAL_MANUFACTURER = "GP"
"""What libgphoto2's virtual camera says; the body it plays says its maker's full name."""


class GPhoto2Camera:
    """A camera in a child process; a crash of the child costs one retry.

    Attributes:
        child: The process.
        quiet_ms: How long to wait for a further file of a shot.
    """

    def __init__(self, uri: str, port: str, environment: dict[str, str]) -> None:
        self._uri, self._port, self._environment = uri, port, environment
        self._found: dict[SettingName, str] = {}
        self._wanted: dict[SettingName, str] = {}
        self._words: dict[SettingName, str] = {}
        self.quiet_ms = QUIET_MS
        self.child = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Put back every setting that was changed, and let go of the camera."""
        try:
            for name, value in self._found.items():
                self.child.ask("write", word=self._words[name], value=value)
            self.child.ask("close")
        except (ChildLostError, AnswerError) as error:
            say(f"the camera's settings could not be put back: {error}")
        finally:
            self.child.end()

    def describe(self) -> CameraDescription:
        """What the camera says about itself."""
        summary = self._retried(lambda: self.child.ask("summary"))
        serial = summary.get("serialnumber") or summary.get("eosserialnumber")
        return CameraDescription(
            uri=self._uri,
            model=summary["model"],
            serial=serial,
            port=self._port,
            battery=summary.get("batterylevel"),
            lens=summary.get("lensname"),
            virtual=summary.get("manufacturer") == VIRTUAL_MANUFACTURER,
            capabilities=(*self.settings(), "preview", "config"),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO, as far as the camera has them."""
        found: dict[SettingName, Setting] = {}
        for name in SETTING_NAMES:
            for word in WORDS[name]:
                entry = self._read(word)
                if entry is not None:
                    self._words[name] = word
                    found[name] = Setting(
                        name, word, entry["value"], tuple(entry["choices"]), entry["read_only"]
                    )
                    break
        return found

    def _read(self, word: str) -> dict[str, Any] | None:
        entry: dict[str, Any] | None = self._retried(lambda: self.child.ask("read", word=word))
        return entry

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices; it is checked here and again in the child."""
        setting = self.settings().get(name)
        if setting is None:
            raise InputError(f"this camera has no setting for the {name}")
        if setting.read_only:
            raise InputError(
                f"{setting.word} is {setting.value} and follows the camera's dial; set it there"
            )
        if value not in setting.choices:
            raise InputError(
                f"the camera has no {name} '{value}'; it has {', '.join(setting.choices) or 'none'}"
            )
        self._found.setdefault(name, setting.value)
        self._wanted[name] = value
        return str(self._retried(lambda: self.child.ask("write", word=setting.word, value=value)))

    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture; every file of it is downloaded, and stays on the camera."""
        parts = self._retried(
            lambda: self.child.ask("shoot", stem=str(path_stem.absolute()), quiet_ms=self.quiet_ms),
            shooting=True,
        )
        return [Path(part) for part in parts]

    def preview(self) -> bytes:
        """A JPEG of the live view; cameras without one, the virtual one too, raise."""
        with tempfile.TemporaryDirectory(prefix="defocus-preview-") as folder:
            path = Path(folder) / "preview.jpg"
            self._retried(lambda: self.child.ask("preview", path=str(path)))
            return path.read_bytes()

    def config(self) -> dict[str, Word]:
        """The whole configuration, by libgphoto2's names."""
        words: dict[str, dict[str, Any]] = self._retried(lambda: self.child.ask("words"))
        return {
            name: Word(
                entry["value"],
                tuple(entry["choices"]),
                None if entry["span"] is None else (entry["span"][0], entry["span"][1]),
                entry["read_only"],
            )
            for name, entry in words.items()
        }

    def configure(self, word: str, value: str) -> str:
        """Set an entry for good; what could crash the library never reaches it."""
        known = self.config().get(word)
        if known is None:
            raise InputError(
                f"this camera has no entry '{word}'; see 'defocus-capture config list'"
            )
        refuse_value(word, value, known)
        return str(self._retried(lambda: self.child.ask("configure", word=word, value=value)))

    def _started(self) -> Child:
        child = Child(CHILD, self._environment)
        try:
            child.ask("open", port=self._port)
        except BaseException:
            child.end()
            raise
        return child

    def _retried(self, request: Callable[[], T], *, shooting: bool = False) -> T:
        """Do what ``request`` does, once more in a new child where the first one was lost.

        A shot that the library refuses is tried again too: the virtual camera's store is full
        after 26 shots of one process, and a real one may have lost its connection.
        """
        try:
            return request()
        except ChildLostError as error:
            reason: Exception = error
        except AnswerError as error:
            if not shooting:
                raise CameraError(f"{self._port}: {explained(error)}") from error
            reason = error
        say(f"{self._port}: {reason}; trying once more")
        try:
            self._restart()
            return request()
        except (ChildLostError, AnswerError) as error:
            raise CameraError(
                f"{self._port}: the camera was lost: {explained(error)}; "
                "check cable and battery, then run 'defocus-capture resume'"
            ) from error

    def _restart(self) -> None:
        self.child.end()
        self.child = self._started()
        for name, value in self._wanted.items():
            self.child.ask("write", word=self._words[name], value=value)


def explained(error: Exception) -> str:
    """An error of the library with what it mostly means."""
    holders = ", ".join(f"{holder.name} (process {holder.pid})" for holder in usb_holders())
    hints = {
        CLAIMED: f"{holders or 'another program'} holds the camera; close it, or run "
        "'gio mount -s gphoto2'",
        OUT_OF_MEMORY: "the card or buffer may be full",
        NO_SPACE: "the card is full",
        BAD_PARAMETERS: "the camera does not know that setting or value",
    }
    hint = hints.get(error.code) if isinstance(error, AnswerError) else None
    return f"{error}: {hint}" if hint else str(error)


def virtual_environment(folder: Path) -> dict[str, str]:
    """Environment that makes libgphoto2 offer its virtual camera; it is read at import.

    Raises:
        InputError: The folder does not exist.
        CameraNotFoundError: This gphoto2 does not carry the virtual camera.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder for the virtual camera; give one with a JPEG")
    spec = find_spec("gphoto2")
    library = Path(spec.origin or "").parent / "libgphoto2" if spec else Path()
    if not (library / "vusb").is_dir():
        raise CameraNotFoundError("this gphoto2 carries no virtual camera; install its wheel")
    return {
        "IOLIBS": str(library / "vusb"),
        "CAMLIBS": str(library / "camlibs"),
        "VCAMERADIR": str(folder.absolute()),
    }


def detect(environment: dict[str, str]) -> list[dict[str, str]]:
    """Model and port of every camera that libgphoto2 sees.

    Raises:
        CameraNotFoundError: gphoto2 is not installed, or cannot look.
    """
    if find_spec("gphoto2") is None:
        raise CameraNotFoundError(
            "gphoto2 is not installed; run 'pip install gphoto2' (no Windows)"
        )
    child = Child(CHILD, environment)
    try:
        found: list[dict[str, str]] = child.ask("detect")
    except (ChildLostError, AnswerError) as error:
        raise CameraNotFoundError(f"libgphoto2 cannot look for cameras: {error}") from error
    finally:
        child.end()
    return found


def open_camera(uri: str) -> GPhoto2Camera:
    """The camera of an address.

    Raises:
        InputError: Not such an address.
        CameraNotFoundError: No camera there, several where one is meant, or another program has it.
    """
    rest = uri.removeprefix("gphoto2:")
    environment: dict[str, str] = {}
    if rest.startswith("virtual="):
        environment = virtual_environment(Path(rest.removeprefix("virtual=")))
        rest = ""
    found = detect(environment)
    if not found:
        raise CameraNotFoundError(f"no camera found at {uri}; plug it in and switch it on")
    if rest.startswith("serial="):
        return _with_serial(uri, rest.removeprefix("serial="), found)
    if rest.startswith("usb:"):
        found = [camera for camera in found if camera["port"] == rest]
    elif rest:
        raise InputError(
            f"camera address '{uri}': write gphoto2:, gphoto2:serial=0123, gphoto2:usb:001,004 "
            "or gphoto2:virtual=FOLDER"
        )
    if len(found) != 1:
        ports = ", ".join(f"gphoto2:{camera['port']}" for camera in detect(environment))
        raise CameraNotFoundError(f"{uri}: not one camera; there is {ports}; name one of them")
    return _opened(uri, found[0]["port"], environment)


def _opened(uri: str, port: str, environment: dict[str, str]) -> GPhoto2Camera:
    try:
        return GPhoto2Camera(uri, port, environment)
    except (ChildLostError, AnswerError) as error:
        raise CameraNotFoundError(f"{uri}: {port} cannot be opened: {explained(error)}") from error


def _with_serial(uri: str, serial: str, found: list[dict[str, str]]) -> GPhoto2Camera:
    """The camera of a serial number; its port changes whenever it is plugged in."""
    seen = []
    for entry in found:
        camera = _opened(uri, entry["port"], {})
        seen.append(camera.describe().serial or "none")
        if seen[-1] == serial:
            return camera
        camera.close()
    raise CameraNotFoundError(f"{uri}: no such camera; serial numbers found: {', '.join(seen)}")


def discover() -> list[CameraDescription]:
    """All cameras that libgphoto2 sees; one that cannot be opened says why.

    Raises:
        CameraNotFoundError: gphoto2 is not installed.
    """
    described = []
    for entry in detect({}):
        uri = f"gphoto2:{entry['port']}"
        try:
            with open_camera(uri) as camera:
                described.append(camera.describe())
        except CameraError as error:
            described.append(
                CameraDescription(uri, entry["model"], port=entry["port"], problem=str(error))
            )
    return described
