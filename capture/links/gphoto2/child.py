"""Process of one gphoto2 camera, which isolates crashes of libgphoto2.

Requests come as JSON lines on stdin, answers go as JSON lines to stdout; the end of stdin ends the
process, so that it cannot outlive its parent. Tested only on libgphoto2's virtual camera.
"""

import contextlib
import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from defocus.capture.camera import ON_CARD, CardFile
from defocus.capture.links.gphoto2.delivery import MissingFileError, Told, files_of_shot
from defocus.command_line.commands import json_output

__all__ = ["main"]

# Words and choices of settings are translated by the locale; we compare English ones.
os.environ["LC_ALL"] = "C"
os.environ["LANGUAGE"] = "C"

KEEP_ALIVE_SECONDS = 25.0
"""Bodies fall asleep after half a minute at the earliest; being asked for something wakes them."""


class RequestRefusedError(Exception):
    """A request that is refused here or by the library."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class ChildCamera:
    """One camera and its requests."""

    def __init__(self) -> None:
        import gphoto2

        self._gp = gphoto2
        self._ports: Any = None
        self._camera: Any = None

    def detect(self, _request: dict[str, Any]) -> list[dict[str, str]]:
        """Model and port of every connected camera."""
        gp = self._gp
        ports = gp.PortInfoList()
        ports.load()
        abilities = gp.CameraAbilitiesList()
        abilities.load()
        found = abilities.detect(ports)
        return [
            {"model": found.get_name(index), "port": found.get_value(index)}
            for index in range(found.count())
        ]

    def open(self, request: dict[str, Any]) -> None:
        """Open the camera at a port."""
        gp = self._gp
        # A PortInfo points into its list: the list must live as long as the camera.
        self._ports = gp.PortInfoList()
        self._ports.load()
        camera = gp.Camera()
        camera.set_port_info(self._ports[self._ports.lookup_path(request["port"])])
        camera.init()
        self._camera = camera

    def close(self, _request: dict[str, Any]) -> None:
        """Release the camera."""
        if self._camera is not None:
            self._camera.exit()
            self._camera = None

    def keep_alive(self) -> None:
        """Read the battery level, to keep the body awake."""
        if self._camera is not None:
            with contextlib.suppress(self._gp.GPhoto2Error):  # the next order will say it
                self._camera.get_single_config("batterylevel")

    def read(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Read a setting: value, choices, whether it is read-only; None if it does not exist."""
        gp = self._gp
        try:
            widget = self._camera.get_single_config(request["word"])
        except gp.GPhoto2Error as error:
            if error.code in (gp.GP_ERROR_BAD_PARAMETERS, gp.GP_ERROR_NOT_SUPPORTED):
                return None
            raise
        listed = widget.get_type() in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU)
        return {
            "value": str(widget.get_value()),
            "choices": [str(choice) for choice in widget.get_choices()] if listed else [],
            "read_only": bool(widget.get_readonly()),
        }

    def write(self, request: dict[str, Any]) -> str:
        """Set a setting to one of its choices, and read it back."""
        gp, word, value = self._gp, request["word"], request["value"]
        widget = self._camera.get_single_config(word)
        if widget.get_type() not in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU):
            return self.configure(request)
        # A value that is no choice can kill the process (tried: "f/123" on the virtual camera).
        if value not in list(widget.get_choices()):
            raise RequestRefusedError(gp.GP_ERROR_BAD_PARAMETERS, f"{word} has no choice {value!r}")
        widget.set_value(value)
        self._camera.set_single_config(word, widget)
        return str(self._camera.get_single_config(word).get_value())

    def words(self, _request: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The full configuration: every widget with a value, by name, without actions.

        Texts and dates are treated as read-only, because allowed texts are unknown and a wrong
        value can crash the process.
        """
        gp = self._gp
        found: dict[str, dict[str, Any]] = {}
        waiting = [self._camera.get_config()]
        while waiting:
            widget = waiting.pop()
            kind = widget.get_type()
            if widget.get_name() in ("actions", "other"):
                continue  # what opens the shutter, such as bulb; the same entries as raw numbers
            if kind in (gp.GP_WIDGET_WINDOW, gp.GP_WIDGET_SECTION):
                children = range(widget.count_children() - 1, -1, -1)
                waiting.extend(widget.get_child(index) for index in children)
            elif kind != gp.GP_WIDGET_BUTTON:
                listed = kind in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU)
                choices = [str(choice) for choice in widget.get_choices()] if listed else []
                found[widget.get_name()] = {
                    "value": str(widget.get_value()),
                    "choices": ["0", "1"] if kind == gp.GP_WIDGET_TOGGLE else choices,
                    "span": list(widget.get_range()[:2]) if kind == gp.GP_WIDGET_RANGE else None,
                    "read_only": bool(widget.get_readonly())
                    or kind in (gp.GP_WIDGET_TEXT, gp.GP_WIDGET_DATE),
                }
        return found

    def configure(self, request: dict[str, Any]) -> str:
        """Set a list, a switch or a number of the configuration, and read it back."""
        gp, word, value = self._gp, request["word"], request["value"]
        widget = self._camera.get_single_config(word)
        kind = widget.get_type()
        if kind in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU):
            return self.write(request)
        if kind == gp.GP_WIDGET_RANGE:
            widget.set_value(float(value))
        elif kind == gp.GP_WIDGET_TOGGLE:
            widget.set_value(int(value == "1"))
        else:
            raise RequestRefusedError(
                gp.GP_ERROR_BAD_PARAMETERS, f"{word} is a text and stays as it is"
            )
        self._camera.set_single_config(word, widget)
        return str(self._camera.get_single_config(word).get_value())

    def summary(self, _request: dict[str, Any]) -> dict[str, str]:
        """The camera's summary of itself."""
        words = ("serialnumber", "eosserialnumber", "manufacturer", "batterylevel", "lensname")
        known = {word: self.read({"word": word}) for word in words}
        values = {word: entry["value"] for word, entry in known.items() if entry is not None}
        return {"model": self._camera.get_abilities().model, **values}

    def shoot(self, request: dict[str, Any]) -> dict[str, Any]:
        """Release the shutter, and download every file of the shot.

        If an earlier process was lost between release and download, its shot is on the card. It is
        then downloaded instead of taking another one.
        """
        note = _note(request)
        if note.exists():
            with contextlib.suppress(self._gp.GPhoto2Error, RequestRefusedError):
                return self.fetch(request)
        written = note.with_name(f"{note.name}.part")
        written.write_text(json.dumps(self._release(request["due"], request["quiet_ms"])))
        written.replace(note)
        return self.fetch(request)

    def fetch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Download the files recorded beside a stem, and remove the record.

        Returns:
            ``parts``, the written files, and ``on_card``, their paths on the card.
        """
        note = _note(request)
        on_card = json.loads(note.read_text())
        parts = [
            str(self._download(folder, name, Path(request["stem"]))) for folder, name in on_card
        ]
        note.unlink()
        return {"parts": parts, "on_card": on_card}

    def delete(self, request: dict[str, Any]) -> None:
        """Delete a file on the card."""
        self._camera.file_delete(request["folder"], request["name"])

    def _release(self, due: int | None, quiet_ms: int) -> list[CardFile]:
        """Take a shot; return folder and name of its files on the camera."""
        first = self._camera.capture(self._gp.GP_CAPTURE_IMAGE)
        try:
            return files_of_shot(
                (first.folder, first.name), self._listen, due=due, quiet_seconds=quiet_ms / 1000
            )
        except MissingFileError as error:
            raise RequestRefusedError(self._gp.GP_ERROR_TIMEOUT, str(error)) from error

    def _listen(self, seconds: float) -> Told:
        gp = self._gp
        kind, data = self._camera.wait_for_event(max(1, round(seconds * 1000)))
        if kind == gp.GP_EVENT_FILE_ADDED:
            return Told("file", (data.folder, data.name))
        if kind == gp.GP_EVENT_CAPTURE_COMPLETE:
            return Told("complete")
        return Told("nothing" if kind == gp.GP_EVENT_TIMEOUT else "other")

    def preview(self, request: dict[str, Any]) -> None:
        """Store one picture of the live view, a JPEG, at a path."""
        # The data point into the CameraFile: it must stay in a variable until they are copied.
        camera_file = self._camera.capture_preview()
        Path(request["path"]).write_bytes(bytes(camera_file.get_data_and_size()))

    def _download(self, folder: str, name: str, stem: Path) -> Path:
        """Store a file as ``<stem><suffix>.part``; it stays on the camera."""
        gp = self._gp
        # The data point into the CameraFile: it must stay in a variable until they are copied.
        camera_file = self._camera.file_get(folder, name, gp.GP_FILE_TYPE_NORMAL)
        content = bytes(camera_file.get_data_and_size())
        expected = self._camera.file_get_info(folder, name).file.size
        if expected and len(content) != expected:
            raise RequestRefusedError(
                gp.GP_ERROR_CORRUPTED_DATA, f"{name}: {len(content)} of {expected} bytes arrived"
            )
        target = stem.with_name(f"{stem.name}{Path(name).suffix.lower()}.part")
        target.write_bytes(content)
        return target


def _note(request: dict[str, Any]) -> Path:
    """Path of the record of a shot's files on the card, kept until they are downloaded."""
    stem = Path(request["stem"])
    return stem.with_name(f"{stem.name}{ON_CARD}")


def answer(holder: ChildCamera, request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request: ``ok`` with a value, or ``kind``, ``code`` and ``text``."""
    import gphoto2

    actions: dict[str, Callable[[dict[str, Any]], Any]] = {
        "detect": holder.detect,
        "open": holder.open,
        "close": holder.close,
        "read": holder.read,
        "write": holder.write,
        "words": holder.words,
        "configure": holder.configure,
        "summary": holder.summary,
        "shoot": holder.shoot,
        "fetch": holder.fetch,
        "delete": holder.delete,
        "preview": holder.preview,
    }
    try:
        return {"ok": True, "value": actions[request["do"]](request)}
    except gphoto2.GPhoto2Error as error:
        text = f"{error.string} (libgphoto2 error {error.code})"
        return {"ok": False, "kind": "camera", "code": error.code, "text": text}
    except RequestRefusedError as error:
        return {"ok": False, "kind": "camera", "code": error.code, "text": str(error)}
    except OSError as error:
        return {"ok": False, "kind": "storage", "code": error.errno, "text": str(error.filename)}


def lines_of(descriptor: int, idle_seconds: float, idle: Callable[[], None]) -> Iterator[bytes]:
    """Yield the lines of a pipe until it ends.

    Args:
        descriptor: Reading end of the pipe.
        idle_seconds: Interval without a line after which ``idle`` is called, repeatedly.
        idle: Function to call when idle.
    """
    waiting = b""
    while True:
        while b"\n" not in waiting:
            if not select.select([descriptor], [], [], idle_seconds)[0]:
                idle()
                continue
            read = os.read(descriptor, 65536)
            if not read:
                return
            waiting += read
        line, waiting = waiting.split(b"\n", 1)
        yield line


def main() -> None:
    """Answer requests until stdin ends."""
    with json_output() as out:
        holder = ChildCamera()
        for line in lines_of(sys.stdin.fileno(), KEEP_ALIVE_SECONDS, holder.keep_alive):
            request = json.loads(line)
            out.write({"number": request["number"], **answer(holder, request)})
        holder.close({})


if __name__ == "__main__":
    main()
