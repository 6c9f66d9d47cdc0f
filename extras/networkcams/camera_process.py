"""Process of one network or UVC camera, which isolates decoder crashes.

It ends with its stdin, so it cannot outlive its parent, :mod:`defocus.extras.networkcams.hosted`.
"""

import base64
import contextlib
import importlib
import json
import logging
import sys
from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.capture.camera import CameraDescription, Setting, SettingName, Word
from defocus.command_line.json_output import json_output
from defocus.errors import CameraError, DefocusError, InputError, StorageError
from defocus.files import storing

FoundState = dict[str, Any]
"""What a camera had been set to before we touched it; JSON, of the back end's own making."""


class InnerCamera(ABC):
    """A camera inside its process; the defaults of this class refuse unsupported requests."""

    moves_focus = False

    @abstractmethod
    def describe(self) -> CameraDescription:
        """Describe the camera."""

    @abstractmethod
    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture; see :meth:`defocus.capture.camera.Camera.shoot`."""

    @abstractmethod
    def preview(self) -> bytes:
        """A JPEG of the present view."""

    def settings(self) -> dict[SettingName, Setting]:
        """None."""
        return {}

    def set(self, name: SettingName, value: str) -> str:
        """Refuse."""
        raise InputError(f"this camera has no setting for the {name}; '{value}' cannot be set")

    def config(self) -> dict[str, Word]:
        """Nothing."""
        return {}

    def configure(self, word: str, value: str) -> str:
        """Refuse."""
        raise InputError(f"this camera has no entry '{word}'; '{value}' cannot be set")

    def move_focus(self, steps: int) -> int:
        """Refuse."""
        raise InputError(f"this camera has no focus motor; {steps} steps cannot be driven")

    def found(self) -> FoundState:
        """The present state, for :meth:`put_back`."""
        return {}

    def put_back(self, state: FoundState) -> None:  # noqa: B027 - many have nothing to put back
        """Restore an earlier state of the camera."""

    def release(self) -> None:  # noqa: B027 - many hold nothing open
        """Close connections."""


def write_part(path_stem: Path, suffix: str, content: bytes) -> Path:
    """Write a delivered file as ``<path_stem><suffix>.part``."""
    path = path_stem.with_name(f"{path_stem.name}{suffix}.part")
    with storing(path):
        path.write_bytes(content)
    return path


class ProcessCamera:
    """One camera, its requests, and its original settings."""

    def __init__(self) -> None:
        self._camera: InnerCamera | None = None
        self._found: FoundState = {}
        self._changed = False

    def answer(self, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON values
        """Carry out a request."""
        do = request["do"]
        if do == "open":
            return self._open(request["uri"], request["password"], request["found"])
        camera = self._camera
        if camera is None:
            raise CameraError("the camera is not open")
        if do in ("settings", "config"):
            return {name: asdict(entry) for name, entry in getattr(camera, do)().items()}
        if do == "describe":
            return camera.describe().to_json()
        if do == "preview":
            return base64.b64encode(camera.preview()).decode()
        if do == "configure":
            return camera.configure(request["word"], request["value"])
        if do == "put_back":
            return self.put_back()
        self._changed = True  # a shot, too: a camera may lock what it controls by itself
        if do == "set":
            return camera.set(request["name"], request["value"])
        if do == "shoot":
            return [str(path) for path in camera.shoot(Path(request["stem"]))]
        if do == "move_focus":
            return camera.move_focus(request["steps"])
        raise InputError(f"the camera's process knows no request '{do}'")

    def _open(self, uri: str, password: str, state: FoundState | None) -> dict[str, Any]:
        """Open a camera; ``state`` is its original state, known from a lost process."""
        scheme = uri.partition(":")[0]
        back_end = importlib.import_module(f"defocus.extras.networkcams.cameras.{scheme}")
        camera: InnerCamera = back_end.open_inside(uri, password)
        self._camera, self._changed = camera, state is not None
        self._found = camera.found() if state is None else state
        return {"moves_focus": camera.moves_focus, "found": self._found}

    def put_back(self) -> None:
        """Restore the camera's original settings, if anything was changed."""
        if self._camera is not None and self._changed:
            self._camera.put_back(self._found)
            self._changed = False

    def leave(self) -> None:
        """Restore settings if the parent was killed before asking for it, then close."""
        with contextlib.suppress(DefocusError):
            self.put_back()
        if self._camera is not None:
            self._camera.release()


def _answer(holder: ProcessCamera, request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request: ``ok`` with a value, or ``kind``, ``code`` and ``text``."""
    try:
        return {"ok": True, "value": holder.answer(request)}
    except DefocusError as error:
        code = "StorageError" if isinstance(error, StorageError) else type(error).__name__
        return {"ok": False, "kind": "raised", "code": code, "text": str(error)}


def main() -> None:
    """Answer requests until stdin ends."""
    logging.disable(logging.INFO)  # libraries log every request; nobody reads it here
    with json_output() as out:
        holder = ProcessCamera()
        try:
            for line in sys.stdin:
                request = json.loads(line)
                out.write({"number": request["number"], **_answer(holder, request)})
        finally:  # whoever asked may have been killed, and an answer finds a broken pipe
            holder.leave()


if __name__ == "__main__":
    main()
