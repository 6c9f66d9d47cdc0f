"""Camera in a separate process; a crash of it costs one retry."""

import base64
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from defocus.capture.camera import CameraDescription, Setting, SettingName, Word
from defocus.capture.links.isolation.child_link import Child, ChildLostError
from defocus.errors import CameraError, CameraNotFoundError, DefocusError
from defocus.progress import say

__all__ = ["HostedCamera", "HostedFocusCamera", "host"]

CHILD = "defocus.capture.links.isolation.camera_process"

FOCUS_SECONDS = 600.0
"""Every way of moving a slow lens may have to be tried there and back."""


class HostedCamera:
    """Our side of a camera in a child process.

    Attributes:
        child: The process; another one after a crash.
    """

    def __init__(self, uri: str, password: str, child: Child, opened: dict[str, Any]) -> None:
        self._uri, self._password = uri, password
        self._found: dict[str, Any] = opened["found"]
        self._wanted: dict[SettingName, str] = {}
        self.child = child

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
        """Put back what was changed, and let go of the camera."""
        try:
            self.child.ask("put_back", within_seconds=FOCUS_SECONDS)
        except (ChildLostError, DefocusError) as error:
            say(f"the camera's settings could not be restored: {error}")
        finally:
            self.child.end()

    def describe(self) -> CameraDescription:
        """What the camera says about itself."""
        described = self._retried("describe")
        capabilities = tuple(described.pop("capabilities"))
        return CameraDescription(**described, capabilities=capabilities)

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO, as far as the camera has them."""
        return {
            name: Setting(**{**entry, "choices": tuple(entry["choices"])})
            for name, entry in self._retried("settings").items()
        }

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices; it is set again in a new process after a crash."""
        got = str(self._retried("set", name=name, value=value))
        self._wanted[name] = value
        return got

    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture; once more in a new process where the first one was lost."""
        return [Path(part) for part in self._retried("shoot", stem=str(path_stem.absolute()))]

    def preview(self) -> bytes:
        """A JPEG of what is before the lens now."""
        return base64.b64decode(self._retried("preview"))

    def config(self) -> dict[str, Word]:
        """The camera's whole configuration, by its own words."""
        return {name: _word(entry) for name, entry in self._retried("config").items()}

    def configure(self, word: str, value: str) -> str:
        """Set an entry for good."""
        return str(self._retried("configure", word=word, value=value))

    def _retried(self, do: str, **request: Any) -> Any:  # noqa: ANN401 - JSON values
        """Ask, and ask once more in a new process where the first one was lost."""
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
        """Open the camera in a new process, set as it was.

        Raises:
            CameraError: It is not there any more.
        """
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
    """One with a focus motor."""

    def move_focus(self, steps: int) -> int:
        """Drive the motor; a move that a crash cut short is an error, since it may be half done.

        Raises:
            CameraError: The camera refused, or was lost.
        """
        try:
            return int(self.child.ask("move_focus", within_seconds=FOCUS_SECONDS, steps=steps))
        except ChildLostError as error:
            self._restart()
            raise CameraError(
                f"{self._uri}: {error} while the focus moved; its position is unknown; shoot this "
                "pair again"
            ) from error


def _word(entry: dict[str, Any]) -> Word:
    span = entry["span"]
    return Word(
        entry["value"],
        tuple(entry["choices"]),
        None if span is None else (span[0], span[1]),
        entry["read_only"],
    )


def _opened(
    uri: str, password: str, found: dict[str, Any] | None = None
) -> tuple[Child, dict[str, Any]]:
    child = Child(CHILD, {})
    try:
        opened: dict[str, Any] = child.ask("open", uri=uri, password=password, found=found)
    except BaseException:
        child.end()
        raise
    return child, opened


def host(uri: str, password: str = "") -> HostedCamera:
    """Open the camera of an address in a separate process.

    Args:
        uri: The address; its back end has ``open_inside(uri, password) -> InnerCamera``.
        password: Handed to the back end through a pipe, never through arguments.

    Raises:
        CameraNotFoundError: No camera answers there.
        InputError: Not such an address.
    """
    try:
        child, opened = _opened(uri, password)
    except ChildLostError as error:
        raise CameraNotFoundError(f"{uri}: cannot be opened: {error}") from error
    kind = HostedFocusCamera if opened["moves_focus"] else HostedCamera
    return kind(uri, password, child, opened)
