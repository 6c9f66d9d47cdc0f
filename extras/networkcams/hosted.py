"""Camera in a separate process; a crash of it costs one retry."""

import base64
from pathlib import Path
from typing import Any

from defocus.capture.camera import Camera, CameraDescription, Setting, SettingName, Word
from defocus.capture.links.camera_words import as_words
from defocus.capture.links.child_link import Child, ChildLostError
from defocus.errors import CameraError, CameraNotFoundError, DefocusError
from defocus.progress import say

CHILD = "defocus.extras.networkcams.camera_process"

FOCUS_SECONDS = 600.0
"""Every way of moving a slow lens may have to be tried there and back."""


class HostedCamera(Camera):
    """Parent's side of a camera in a child process."""

    def __init__(self, uri: str, password: str, child: Child, opened: dict[str, Any]) -> None:
        self._uri, self._password = uri, password
        self._found: dict[str, Any] = opened["found"]
        self._wanted: dict[SettingName, str] = {}
        self.child = child

    def close(self) -> None:
        """Restore changed settings, and release the camera."""
        try:
            self.child.ask("put_back", within_seconds=FOCUS_SECONDS)
        except (ChildLostError, DefocusError) as error:
            say(f"the camera's settings could not be restored: {error}")
        finally:
            self.child.end()

    def describe(self) -> CameraDescription:
        """Describe the camera."""
        described = self._retried("describe")
        capabilities = tuple(described.pop("capabilities"))
        return CameraDescription(**described, capabilities=capabilities)

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO, if the camera has them."""
        return {
            name: Setting(**{**entry, "choices": tuple(entry["choices"])})
            for name, entry in self._retried("settings").items()
        }

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices, again in a new process after a crash."""
        got = str(self._retried("set", name=name, value=value))
        self._wanted[name] = value
        return got

    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture, again in a new process after a crash."""
        return [Path(part) for part in self._retried("shoot", stem=str(path_stem.absolute()))]

    def preview(self) -> bytes:
        """A JPEG of the present view."""
        return base64.b64decode(self._retried("preview"))

    def config(self) -> dict[str, Word]:
        """The camera's full configuration, by its own names."""
        return as_words(self._retried("config"))

    def configure(self, word: str, value: str) -> str:
        """Set an entry permanently."""
        return str(self._retried("configure", word=word, value=value))

    def _retried(self, do: str, **request: Any) -> Any:  # noqa: ANN401 - JSON values
        """Send a request, again in a new process after a crash."""
        try:
            return self.child.ask(do, **request)
        except ChildLostError as error:
            say(f"{self._uri}: {error}; trying once more")
        self._restart()
        try:
            return self.child.ask(do, **request)
        except ChildLostError as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> CameraError:
        return CameraError(
            f"{self._uri}: the camera was lost: {error}; check it and its cable, then run "
            "'defocus-capture resume'"
        )

    def _restart(self) -> None:
        """Open the camera in a new process with its settings."""
        try:
            self._start_again()
        except (ChildLostError, CameraNotFoundError) as error:
            raise self._lost(error) from error

    def _start_again(self) -> None:
        self.child.end()
        self.child, _ = _opened(self._uri, self._password, self._found)
        for name, value in self._wanted.items():
            self.child.ask("set", name=name, value=value)


class HostedFocusCamera(HostedCamera):
    """A hosted camera with a focus motor."""

    def move_focus(self, steps: int) -> int:
        """Move the focus; one that a crash cut short is an error, because it may be half done."""
        try:
            return int(self.child.ask("move_focus", within_seconds=FOCUS_SECONDS, steps=steps))
        except ChildLostError as error:
            self._restart()
            raise CameraError(
                f"{self._uri}: {error} while the focus moved; its position is unknown; shoot this "
                "pair again"
            ) from error


def _opened(
    uri: str, password: str, state: dict[str, Any] | None = None
) -> tuple[Child, dict[str, Any]]:
    child = Child(CHILD, {})
    try:
        opened: dict[str, Any] = child.ask("open", uri=uri, password=password, found=state)
    except BaseException:
        child.end()
        raise
    return child, opened


def host(uri: str, password: str = "") -> HostedCamera:
    """Open the camera of an address in a separate process; its back end has ``open_inside``.

    The password goes through a pipe, never as an argument."""
    try:
        child, opened = _opened(uri, password)
    except ChildLostError as error:
        raise CameraNotFoundError(f"{uri}: cannot be opened: {error}") from error
    kind = HostedFocusCamera if opened["moves_focus"] else HostedCamera
    return kind(uri, password, child, opened)
