"""Our side of the process that holds a gphoto2 camera: asked, and started again after a crash."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from defocus.capture.links.child_link import AnswerError, Child, ChildLostError
from defocus.capture.links.gphoto2.errors import (
    MAY_PASS,
    NO_PICTURE,
    NO_SPACE,
    explained,
)
from defocus.capture.links.gphoto2.setting_names import serial_of
from defocus.capture.links.retries import ShotFailedError, setting_gone
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.progress import say

T = TypeVar("T")

VIRTUAL_MANUFACTURER = "GP"
"""Manufacturer that the virtual camera reports; the body that it plays reports its maker's full
name."""


def virtual_environment(folder: Path) -> dict[str, str]:
    """Environment that makes libgphoto2 offer its virtual camera; it is read at import."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder for the virtual camera; give one with a JPEG"
        )
    spec = find_spec("gphoto2")
    library = Path(spec.origin or "").parent / "libgphoto2" if spec else Path()
    if not (library / "vusb").is_dir():
        raise CameraNotFoundError(
            "this gphoto2 has no virtual camera; install its wheel"
        )
    return {
        "IOLIBS": str(library / "vusb"),
        "CAMLIBS": str(library / "camlibs"),
        "VCAMERADIR": str(folder.absolute()),
    }


CHILD = "defocus.capture.links.gphoto2.child"


def detect(environment: dict[str, str]) -> list[dict[str, str]]:
    """Model and port of every camera that libgphoto2 detects."""
    if find_spec("gphoto2") is None:
        raise CameraNotFoundError(
            "gphoto2 is not installed; run 'pip install gphoto2' (no Windows)"
        )
    child = Child(CHILD, environment)
    try:
        cameras: list[dict[str, str]] = child.ask("detect")
    except (ChildLostError, AnswerError) as error:
        raise CameraNotFoundError(
            f"libgphoto2 cannot look for cameras: {error}"
        ) from error
    finally:
        child.end()
    return cameras


RECONNECT_SECONDS = 60.0
"""Time for which a lost camera is looked for at other ports, by its serial number."""

LOOK_AGAIN_SECONDS = 1.0

TREE_SECONDS = 10.0
"""Time after opening the camera within which an expected entry must appear."""

TRIES_OF_ONE_PROCESS = 3
"""Number of temporary failures in a row after which the camera is opened again."""


class CameraProcess:
    """The process of one camera; a new one after a crash sets what was ``wanted`` again."""

    def __init__(self, port: str, environment: dict[str, str]) -> None:
        """Open the camera at a port."""
        self.port = port
        self._environment = environment
        self.wanted: dict[str, str] = {}
        self.had: set[str] = set()
        self._has: set[str] = set()
        self._patient = True
        self._failures = 0
        self.reconnect_seconds = RECONNECT_SECONDS
        self.child = self._started(port)
        self.summary: dict[str, str] = self.child.ask("summary")
        self.serial = serial_of(self.summary)

    def ask(self, do: str, **request: Any) -> Any:  # noqa: ANN401 - JSON values
        """Ask; if the process was lost, ask once more in a new one."""
        return self.retried(lambda: self.child.ask(do, **request))

    def retried(self, request: Callable[[], T], *, shooting: bool = False) -> T:
        """Do what ``request`` does; if the process was lost, once more in a new one.

        A shot refused for a lasting reason is repeated too: the virtual store is full after 26
        shots."""
        try:
            answer = request()
        except ChildLostError as error:
            reason: Exception = error
        except AnswerError as error:
            self._failures += 1
            problem = f"{self.port}: {explained(error, shooting=shooting)}"
            if error.code in MAY_PASS and self._failures < TRIES_OF_ONE_PROCESS:
                raise ShotFailedError(problem) from error
            if not shooting or error.code == NO_SPACE:
                raise CameraError(problem) from error
            reason = error
        else:
            self._failures = 0
            return answer
        say(f"{self.port}: {reason}; trying once more")
        return self._tried_again(request)

    def _tried_again(self, request: Callable[[], T]) -> T:
        """What a new process answers, or why it gives no answer."""
        try:
            self._failures = 0
            self.restart()
            return request()
        except (ChildLostError, AnswerError, CameraNotFoundError) as error:
            code = getattr(error, "code", None)
            if code in MAY_PASS and code != NO_PICTURE:
                raise ShotFailedError(f"{self.port}: {explained(error)}") from error
            what = "the camera was lost"
            first = ""
            if code == NO_PICTURE:
                what = "it was opened again in vain"
                first = "switch the camera off and on, "
            raise CameraError(
                f"{self.port}: {what}: {explained(error)}; "
                f"{first}check cable and battery, then run 'defocus-capture resume'"
            ) from error

    def find(
        self, *words: str, needed: bool = False
    ) -> tuple[str, dict[str, Any]] | None:
        """The first of some entries that the camera has; None if it never had one.

        If it is ``needed``, the process looks again for a while, once."""
        missed = self.had.intersection(words)
        entry = self.ask("find", words=words, patience=0.0)
        if entry is None and (missed or (needed and self._patient)):
            self._patient = False
            what = min(missed, default=" or ".join(words))
            say(
                f"{self.port}: {what} is not there; looking again for {TREE_SECONDS:g} s, "
                "because some cameras lack settings right after they were connected"
            )
            entry = self.ask("find", words=words, patience=TREE_SECONDS)
        if entry is not None:
            self._has.add(entry[0])
            return entry[0], entry[1]
        if missed:
            raise setting_gone(self.port, min(missed))
        return None

    def restart(self) -> None:
        """Open the camera in a new process, set as it was; at another port after a replug."""
        self.child.end()
        self.child = self._found_again()
        self.had = self.had | self._has
        self._patient = True
        for word, value in self.wanted.items():
            if self.child.ask("find", words=[word], patience=TREE_SECONDS) is None:
                raise setting_gone(self.port, word)
            self.child.ask("write", word=word, value=value)

    def _started(self, port: str) -> Child:
        child = Child(CHILD, self._environment)
        try:
            child.ask("open", port=port)
        except BaseException:
            child.end()
            raise
        return child

    def _found_again(self) -> Child:
        try:
            return self._started(self.port)
        except (ChildLostError, AnswerError) as error:
            if self.serial is None:
                raise
            reason = explained(error)
        say(f"{self.port}: {reason}; looking for serial number {self.serial}")
        deadline = time.monotonic() + self.reconnect_seconds
        while time.monotonic() < deadline:
            for entry in detect(self._environment):
                child = self._of_that_serial(entry["port"])
                if child is not None:
                    self.port = entry["port"]
                    return child
            time.sleep(LOOK_AGAIN_SECONDS)
        raise CameraNotFoundError(
            f"no camera of serial number {self.serial} came back in {self.reconnect_seconds:g} s"
        )

    def _of_that_serial(self, port: str) -> Child | None:
        """The camera at a port if it is the lost one; another camera is released again."""
        try:
            child = self._started(port)
        except (ChildLostError, AnswerError):
            return None
        if serial_of(child.ask("summary")) == self.serial:
            return child
        child.end()
        return None
