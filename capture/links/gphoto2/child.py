"""Process of one gphoto2 camera, which isolates crashes of libgphoto2.

Requests come as JSON lines on stdin, answers go as JSON lines to stdout; the end of stdin ends the
process, so that it cannot outlive its parent. Tested only on libgphoto2's virtual camera.
"""

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from defocus.capture.camera import ON_CARD, CardFile
from defocus.capture.links.gphoto2.entries import BodyMotor, Entries
from defocus.capture.links.gphoto2.release import (
    OpenBody,
    RequestRefusedError,
    Shutter,
    apart,
    in_memory,
)
from defocus.command_line.json_output import json_output


def cards_of(
    camera: Any,  # noqa: ANN401 - the binding's
    gp: Any,  # noqa: ANN401 - likewise
    *,
    count_files: bool,
) -> list[dict[str, Any]]:
    """Each card: ``folder``, ``total_kb``, ``free_kb`` (None = not told), ``files`` (or 0)."""
    try:
        stores = camera.get_storageinfo()
    except gp.GPhoto2Error:
        return []
    return [
        {
            "folder": store.basedir,
            "total_kb": _told(store, gp.GP_STORAGEINFO_MAXCAPACITY, store.capacitykbytes),
            "free_kb": _told(store, gp.GP_STORAGEINFO_FREESPACEKBYTES, store.freekbytes),
            "files": _count(camera, gp, store.basedir) if count_files else 0,
        }
        for store in stores
    ]


def _told(store: Any, field: int, value: int) -> int | None:  # noqa: ANN401 - the binding's
    return int(value) if store.fields & field else None


def _count(camera: Any, gp: Any, folder: str) -> int:  # noqa: ANN401 - the binding's
    try:
        files = len(list(camera.folder_list_files(folder)))
        below = [name for name, _ in camera.folder_list_folders(folder)]
    except gp.GPhoto2Error:
        return 0
    return files + sum(_count(camera, gp, f"{folder.rstrip('/')}/{name}") for name in below)


# Words and choices of settings are translated by the locale; we compare English ones.
os.environ["LC_ALL"] = "C"
os.environ["LANGUAGE"] = "C"

KEEP_ALIVE_SECONDS = 25.0
"""Bodies fall asleep after half a minute at the earliest; being asked for something wakes them."""


class ChildCamera:
    """One camera and its requests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        import gphoto2

        self._gp, self._clock = gphoto2, clock
        self._ports: Any = None
        self._camera: Any = None
        self._entries: Entries | None = None
        self._shutter: Shutter | None = None
        self._body: OpenBody | None = None

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
        self._body = OpenBody(gp, camera, self._clock)
        self._entries, self._shutter = Entries(self._body), Shutter(self._body)

    def close(self, _request: dict[str, Any]) -> None:
        """Release the camera."""
        if self._camera is not None:
            self._camera.exit()
            self._camera = None

    @property
    def entries(self) -> Entries:
        """The configuration of the open camera."""
        assert self._entries is not None  # noqa: S101 - asked for after ``open`` alone
        return self._entries

    def keep_alive(self) -> None:
        """Read the battery level, to keep the body awake."""
        if self._camera is not None:
            with contextlib.suppress(self._gp.GPhoto2Error):  # the next order will say it
                self._camera.get_single_config("batterylevel")

    def read(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """One setting: value, choices, whether it is read-only; None where there is none."""
        return self.entries.read(request["word"])

    def find(self, request: dict[str, Any]) -> list[Any] | None:
        """The first of some settings that is there within a time, after its name; None = none."""
        found = self.entries.first_of(request["words"], request["patience"])
        return None if found is None else list(found)

    def write(self, request: dict[str, Any]) -> str:
        """Set a setting to one of its choices, or a number, and read it back."""
        word, value = request["word"], request["value"]
        return self.entries.write(word, value, again=request.get("again", False))

    def words(self, _request: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The whole configuration."""
        return self.entries.everything()

    def motor(self, _request: dict[str, Any]) -> str | None:
        """How the focus motor is driven; None where there is none."""
        return self._motor.kind()

    def move_focus(self, request: dict[str, Any]) -> int:
        """Drive the focus motor; the steps driven."""
        return self._motor.move(request["steps"])

    @property
    def _motor(self) -> BodyMotor:
        assert self._body is not None  # noqa: S101 - asked for after ``open`` alone
        return BodyMotor(self._body, self.entries)

    def rest(self, _request: dict[str, Any]) -> None:
        """Switch the live view off, where it is on: it heats the sensor and holds up the mirror."""
        found = self.entries.read("viewfinder")
        if found is not None and found["value"] == "1" and not found["read_only"]:
            self.entries.write("viewfinder", "0")

    def card(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Each card: its folder, kilobytes in all and free (None = not told), number of files."""
        return cards_of(self._camera, self._gp, count_files=bool(request["count_files"]))

    def summary(self, _request: dict[str, Any]) -> dict[str, str]:
        """The camera's summary of itself."""
        words = ("serialnumber", "eosserialnumber", "manufacturer", "batterylevel", "lensname")
        known = {word: self.read({"word": word}) for word in words}
        values = {word: entry["value"] for word, entry in known.items() if entry is not None}
        return {"model": self._camera.get_abilities().model, **values}

    def shoot(self, request: dict[str, Any]) -> dict[str, Any]:
        """Release and download a shot, or fetch the one that a lost process left on the card."""
        note = _note(request)
        if note.exists():
            with contextlib.suppress(self._gp.GPhoto2Error, RequestRefusedError):
                return self.fetch(request)
        assert self._shutter is not None  # noqa: S101 - asked for after ``open`` alone
        found = self._shutter.release(
            request["due"], request["quiet_ms"] / 1000, all_or_none=request["all_or_none"]
        )
        if not any(map(in_memory, found.files)):  # memory ends with this process; names repeat
            written = note.with_name(f"{note.name}.part")
            written.write_text(json.dumps(found.files))
            written.replace(note)
        kept = [self._apart(request, place) for place in found.strays if in_memory(place)]
        strays = [place for place in found.strays if not in_memory(place)]
        return {**self._downloaded(request, found.files), "strays": strays, "kept": kept}

    def _apart(self, request: dict[str, Any], place: CardFile) -> str:
        """Download a picture that is none of the shot; its path."""
        folder, name = place
        return str(self._download(folder, name, apart(Path(request["stem"]), name)))

    def fetch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Download the files recorded beside a stem as ``parts``, and remove the record.

        ``strays`` are other files, which stay on the card; ``kept`` those that were in memory only.
        """
        places = json.loads(_note(request).read_text())
        return {**self._downloaded(request, places), "strays": [], "kept": []}

    def _downloaded(self, request: dict[str, Any], places: Sequence[CardFile]) -> dict[str, Any]:
        stem, parts = Path(request["stem"]), list[Path]()
        for folder, name in places:
            parts.append(self._download(folder, name, _free_part(stem, name, parts)))
        _note(request).unlink(missing_ok=True)
        return {"parts": [str(part) for part in parts], "on_card": list(places)}

    def delete(self, request: dict[str, Any]) -> None:
        """Delete a file on the card."""
        self._camera.file_delete(request["folder"], request["name"])

    def preview(self, request: dict[str, Any]) -> None:
        """Store one picture of the live view, a JPEG, at a path."""
        # The data point into the CameraFile: it must stay in a variable until they are copied.
        camera_file = self._camera.capture_preview()
        Path(request["path"]).write_bytes(bytes(camera_file.get_data_and_size()))

    def _download(self, folder: str, name: str, target: Path) -> Path:
        """Store a file; it stays on the camera."""
        gp = self._gp
        # The data point into the CameraFile: it must stay in a variable until they are copied.
        camera_file = self._camera.file_get(folder, name, gp.GP_FILE_TYPE_NORMAL)
        content = bytes(camera_file.get_data_and_size())
        expected = self._camera.file_get_info(folder, name).file.size
        if expected and len(content) != expected:
            raise RequestRefusedError(
                gp.GP_ERROR_CORRUPTED_DATA, f"{name}: {len(content)} of {expected} bytes arrived"
            )
        target.write_bytes(content)
        return target


def _free_part(stem: Path, name: str, taken: Sequence[Path]) -> Path:
    """``<stem><suffix>.part``; of a second file of one suffix ``<stem>.2<suffix>.part``."""
    suffix = Path(name).suffix.lower()
    numbers = ("", *(f".{number}" for number in range(2, len(taken) + 2)))
    paths = (stem.with_name(f"{stem.name}{number}{suffix}.part") for number in numbers)
    return next(path for path in paths if path not in taken)


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
        "find": holder.find,
        "write": holder.write,
        "words": holder.words,
        "summary": holder.summary,
        "shoot": holder.shoot,
        "fetch": holder.fetch,
        "delete": holder.delete,
        "motor": holder.motor,
        "move_focus": holder.move_focus,
        "rest": holder.rest,
        "card": holder.card,
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
    """Yield the lines of a pipe until it ends; call ``idle`` after every interval without one."""
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
