"""Cameras on USB through libgphoto2.

Addresses: ``gphoto2:`` (the only connected camera), ``gphoto2:serial=0123``,
``gphoto2:usb:001,004``; ``gphoto2:virtual=FOLDER`` is libgphoto2's virtual camera, which delivers
the first JPEG of a folder; it comes with the wheel of gphoto2. Nothing here has been tried on a
real camera body.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from defocus.capture.camera import (
    SETTING_NAMES,
    CameraDescription,
    CardFile,
    FileKind,
    Setting,
    SettingName,
    Word,
)
from defocus.capture.links.camera_words import refuse_value
from defocus.capture.links.gphoto2.detection import CHILD, detect
from defocus.capture.links.gphoto2.errors import BUSY, explained
from defocus.capture.links.gphoto2.setting_names import (
    FILES_OF_KIND,
    FORMAT_WORDS,
    SETTING_WORDS,
    as_words,
    format_choice,
    mirror_changes,
    serial_of,
    unwanted_automatics,
    white_balance_changes,
)
from defocus.capture.links.gphoto2.virtual import virtual_environment
from defocus.capture.links.isolation.child_link import AnswerError, Child, ChildLostError
from defocus.capture.links.patience import ShotFailedError
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.progress import say

__all__ = ["GPhoto2Camera", "discover", "open_camera"]

T = TypeVar("T")

QUIET_MS = 1500
"""No further file for so long: where nobody knows how many a shot makes, all have come."""

RECONNECT_SECONDS = 60.0
"""How long a camera of a known serial number is looked for at other ports after it was lost."""

LOOK_AGAIN_SECONDS = 1.0

VIRTUAL_MANUFACTURER = "GP"
"""What libgphoto2's virtual camera says; the body it plays says its maker's full name."""


class GPhoto2Camera:
    """A camera in a child process; a crash of the child costs one retry.

    Attributes:
        child: The process.
        quiet_ms: Time to wait for a further file of a shot if their number is unknown.
        reconnect_seconds: Time to look for a lost camera.
        on_card: Paths of the last shot's files on the card (see ``HasCard``).
    """

    def __init__(self, uri: str, port: str, environment: dict[str, str]) -> None:
        self._uri, self._port, self._environment = uri, port, environment
        self._found: dict[str, str] = {}
        self._wanted: dict[str, str] = {}
        self._readied = False
        self.on_card: tuple[CardFile, ...] = ()
        self.quiet_ms = QUIET_MS
        self.reconnect_seconds = RECONNECT_SECONDS
        self.child = self._started(port)
        summary = self.child.ask("summary")
        self._serial = serial_of(summary)
        self._virtual = summary.get("manufacturer") == VIRTUAL_MANUFACTURER
        self._files_due = 1 if self._virtual else None

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
        """Restore every changed setting, and release the camera."""
        try:
            for word, value in reversed(self._found.items()):
                self.child.ask("write", word=word, value=value)
            self.child.ask("close")
        except (ChildLostError, AnswerError) as error:
            say(f"the camera's settings could not be restored: {error}")
        finally:
            self.child.end()

    def describe(self) -> CameraDescription:
        """Describe the camera."""
        summary = self._retried(lambda: self.child.ask("summary"))
        return CameraDescription(
            uri=self._uri,
            model=summary["model"],
            serial=self._serial,
            port=self._port,
            battery=summary.get("batterylevel"),
            lens=summary.get("lensname"),
            virtual=self._virtual,
            capabilities=(*self.settings(), "preview", "config"),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO, if the camera has them."""
        found: dict[SettingName, Setting] = {}
        for name in SETTING_NAMES:
            for word in SETTING_WORDS[name]:
                entry = self._read(word)
                if entry is not None:
                    found[name] = Setting(
                        name, word, entry["value"], tuple(entry["choices"]), entry["read_only"]
                    )
                    break
        return found

    def _read(self, word: str) -> dict[str, Any] | None:
        entry: dict[str, Any] | None = self._retried(lambda: self.child.ask("read", word=word))
        return entry

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices, checked here and again in the child process."""
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
        self._ready()
        return self._write(setting.word, setting.value, value)

    def choose_format(self, kind: FileKind) -> str:
        """Have the camera write RAW files, JPEGs or both (see ``HasFileFormats``)."""
        self._ready()
        words = self.config()
        chosen = ""
        for word in FORMAT_WORDS:
            entry = words.get(word)
            if entry is None or entry.read_only:
                continue
            choice = format_choice(entry.choices, kind)
            if choice is None:
                offered = ", ".join(entry.choices) or "none"
                raise InputError(f"this camera makes no {kind} files; {word} can be {offered}")
            chosen = self._write(word, entry.value, choice)
        if not chosen:
            raise InputError(
                f"the file format of this camera cannot be set; set {kind} on the camera"
            )
        self._files_due = FILES_OF_KIND[kind]
        return chosen

    def choose_white_balance(self, asked: str) -> str:
        """Set a colour temperature or a preset (see ``HasWhiteBalance``)."""
        return self._changed(lambda words: white_balance_changes(words, asked))

    def hold_mirror(self) -> str:
        """Wait after the mirror, or hold it up with the live view (see ``HasMirror``)."""
        return self._changed(mirror_changes)

    def _changed(self, changes: Callable[[dict[str, Word]], dict[str, str]]) -> str:
        self._ready()
        words = self.config()
        done = [(w, self._write(w, words[w].value, value)) for w, value in changes(words).items()]
        return ", ".join(f"{word} {value}" for word, value in done)

    def _ready(self) -> None:
        """Switch off automatic functions that make two shots differ, once before other settings."""
        if self._readied:
            return
        self._readied = True
        words = self.config()
        for word, choice in unwanted_automatics(words).items():
            try:
                self._write(word, words[word].value, choice)
            except CameraError as error:
                say(f"{self._port}: {word} could not be set to {choice}: {error}")

    def _write(self, word: str, before: str, value: str) -> str:
        """Set an entry while this camera is open, and return its new value."""
        got = str(self._retried(lambda: self.child.ask("write", word=word, value=value)))
        self._found.setdefault(word, before)
        self._wanted[word] = value
        return got

    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture; its files are downloaded and stay on the camera."""
        self._ready()
        return self._delivered(
            lambda: self.child.ask(
                "shoot",
                stem=str(path_stem.absolute()),
                due=self._files_due,
                quiet_ms=self.quiet_ms,
            ),
            shooting=True,
        )

    def fetch(self, path_stem: Path) -> list[Path]:
        """Download an earlier shot that is still on the card (see ``HasCard``)."""
        return self._delivered(lambda: self.child.ask("fetch", stem=str(path_stem.absolute())))

    def delete(self, place: CardFile) -> None:
        """Delete a file on the card (see ``HasCard``)."""
        self._retried(lambda: self.child.ask("delete", folder=place[0], name=place[1]))

    def _delivered(
        self, request: Callable[[], dict[str, Any]], *, shooting: bool = False
    ) -> list[Path]:
        delivered = self._retried(request, shooting=shooting)
        self.on_card = tuple((folder, name) for folder, name in delivered["on_card"])
        return [Path(part) for part in delivered["parts"]]

    def preview(self) -> bytes:
        """A JPEG of the live view; an error for cameras without one, including the virtual one."""
        with tempfile.TemporaryDirectory(prefix="defocus-preview-") as folder:
            path = Path(folder) / "preview.jpg"
            self._retried(lambda: self.child.ask("preview", path=str(path)))
            return path.read_bytes()

    def config(self) -> dict[str, Word]:
        """The full configuration, by libgphoto2's names."""
        return as_words(self._retried(lambda: self.child.ask("words")))

    def configure(self, word: str, value: str) -> str:
        """Set an entry permanently; values that could crash the library are refused."""
        known = self.config().get(word)
        if known is None:
            raise InputError(
                f"this camera has no entry '{word}'; see 'defocus-capture config list'"
            )
        refuse_value(word, value, known)
        return str(self._retried(lambda: self.child.ask("configure", word=word, value=value)))

    def _started(self, port: str) -> Child:
        child = Child(CHILD, self._environment)
        try:
            child.ask("open", port=port)
        except BaseException:
            child.end()
            raise
        return child

    def _retried(self, request: Callable[[], T], *, shooting: bool = False) -> T:
        """Do a request, and repeat it in a new child process if the first one was lost.

        A shot that the library refuses is repeated too: the virtual camera's store is full after 26
            shots of one process, and a real camera may have lost its connection.
        """
        try:
            return request()
        except ChildLostError as error:
            reason: Exception = error
        except AnswerError as error:
            if error.code == BUSY:
                raise ShotFailedError(f"{self._port}: {explained(error)}") from error
            if not shooting:
                raise CameraError(f"{self._port}: {explained(error)}") from error
            reason = error
        say(f"{self._port}: {reason}; trying once more")
        try:
            self._restart()
            return request()
        except (ChildLostError, AnswerError, CameraNotFoundError) as error:
            raise CameraError(
                f"{self._port}: the camera was lost: {explained(error)}; "
                "check cable and battery, then run 'defocus-capture resume'"
            ) from error

    def _restart(self) -> None:
        """Open the camera in a new process with its settings.

        The port may differ after a replug.
        """
        self.child.end()
        self.child = self._found_again()
        for word, value in self._wanted.items():
            self.child.ask("write", word=word, value=value)

    def _found_again(self) -> Child:
        try:
            return self._started(self._port)
        except (ChildLostError, AnswerError) as error:
            if self._serial is None:
                raise
            reason = explained(error)
        say(f"{self._port}: {reason}; looking for serial number {self._serial}")
        deadline = time.monotonic() + self.reconnect_seconds
        while time.monotonic() < deadline:
            for entry in detect(self._environment):
                child = self._of_that_serial(entry["port"])
                if child is not None:
                    self._port = entry["port"]
                    return child
            time.sleep(LOOK_AGAIN_SECONDS)
        raise CameraNotFoundError(
            f"no camera of serial number {self._serial} came back in {self.reconnect_seconds:g} s"
        )

    def _of_that_serial(self, port: str) -> Child | None:
        """The camera at a port if it is the lost one; another one is released."""
        try:
            child = self._started(port)
        except (ChildLostError, AnswerError):
            return None
        if serial_of(child.ask("summary")) == self._serial:
            return child
        child.end()
        return None


def open_camera(uri: str) -> GPhoto2Camera:
    """Open the camera of an address.

    Raises:
        InputError: The address is not valid.
        CameraNotFoundError: There is no camera, several cameras match, or another program uses it.
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
    """The camera with a serial number; its port changes whenever it is connected."""
    seen = []
    for entry in found:
        camera = _opened(uri, entry["port"], {})
        seen.append(camera.describe().serial or "none")
        if seen[-1] == serial:
            return camera
        camera.close()
    raise CameraNotFoundError(f"{uri}: no such camera; serial numbers found: {', '.join(seen)}")


def discover() -> list[CameraDescription]:
    """All cameras that libgphoto2 detects; those that cannot be opened have a reason.

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
