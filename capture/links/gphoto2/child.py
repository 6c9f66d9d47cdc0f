"""Process of one gphoto2 camera, which isolates crashes of libgphoto2.

It ends with its stdin, so it cannot outlive its parent. Tested only on the virtual camera."""

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.capture.camera import ON_CARD, CardFile, CardSpace
from defocus.capture.links.gphoto2.entries import BodyMotor, Entries
from defocus.capture.links.gphoto2.release import (
    OpenBody,
    RequestRefusedError,
    Shutter,
    apart,
    in_memory,
)
from defocus.command_line.json_output import json_output

Json = dict[str, Any]
"""An object of a message."""


def cards_of(camera: Any, gp: Any, *, count_files: bool) -> list[CardSpace]:  # noqa: ANN401 - the binding's
    """Content of each card; files are counted only on request."""
    try:
        stores = camera.get_storageinfo()
    except gp.GPhoto2Error:
        return []
    cards = []
    for store in stores:
        capacity = _bytes(store, gp.GP_STORAGEINFO_MAXCAPACITY, store.capacitykbytes)
        free = _bytes(store, gp.GP_STORAGEINFO_FREESPACEKBYTES, store.freekbytes)
        files = _count(camera, gp, store.basedir) if count_files else 0
        cards.append(CardSpace(store.basedir, capacity, free, files))
    return cards


def _bytes(store: Any, field: int, kilobytes: int) -> int | None:  # noqa: ANN401 - the binding's
    return 1024 * int(kilobytes) if store.fields & field else None


def _count(camera: Any, gp: Any, folder: str) -> int:  # noqa: ANN401 - the binding's
    try:
        files = len(list(camera.folder_list_files(folder)))
        below = list(camera.folder_list_folders(folder))
    except gp.GPhoto2Error:
        return 0
    for name, _ in below:
        files += _count(camera, gp, f"{folder.rstrip('/')}/{name}")
    return files


# Words and choices of settings are translated by the locale; we compare English ones.
os.environ["LC_ALL"] = "C"
os.environ["LANGUAGE"] = "C"

KEEP_ALIVE_SECONDS = 25.0
"""Time between two questions that keep a body awake. Bodies sleep after half a minute at the
earliest."""


class ChildCamera:
    """One camera and its requests; each of its public methods but ``keep_alive`` is one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        import gphoto2

        self._gp = gphoto2
        self._clock = clock
        self._ports: Any = None
        self._camera: Any = None
        self._entries: Entries | None = None
        self._shutter: Shutter | None = None
        self._body: OpenBody | None = None

    def detect(self) -> list[dict[str, str]]:
        """Model and port of every connected camera."""
        gp = self._gp
        ports = gp.PortInfoList()
        ports.load()
        abilities = gp.CameraAbilitiesList()
        abilities.load()
        cameras = abilities.detect(ports)
        return [
            {"model": cameras.get_name(index), "port": cameras.get_value(index)}
            for index in range(cameras.count())
        ]

    def open(self, port: str) -> None:
        """Open the camera at a port."""
        gp = self._gp
        # A PortInfo points into its list: the list must live as long as the camera.
        self._ports = gp.PortInfoList()
        self._ports.load()
        camera = gp.Camera()
        camera.set_port_info(self._ports[self._ports.lookup_path(port)])
        camera.init()
        self._camera = camera
        self._body = OpenBody(gp, camera, self._clock)
        self._entries, self._shutter = Entries(self._body), Shutter(self._body)

    def close(self) -> None:
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
            # the next order will say it
            with contextlib.suppress(self._gp.GPhoto2Error):
                self._camera.get_single_config("batterylevel")

    def read(self, word: str) -> Json | None:
        """One setting: value, choices, whether it is read-only; None where there is none."""
        return self.entries.read(word)

    def find(self, words: Sequence[str], patience: float) -> tuple[str, Json] | None:
        """The first of some settings that appears within a time, after its name; or None."""
        return self.entries.first_of(words, patience)

    def write(self, word: str, value: str, *, again: bool = False) -> str:
        """Set a setting to one of its choices, or a number, and read it back."""
        return self.entries.write(word, value, again=again)

    def words(self) -> dict[str, Json]:
        """The whole configuration."""
        return self.entries.everything()

    def motor(self) -> str | None:
        """How the focus motor is driven; None where there is none."""
        return self._motor.kind()

    def move_focus(self, steps: int) -> int:
        """Drive the focus motor; the steps driven."""
        return self._motor.move(steps)

    @property
    def _motor(self) -> BodyMotor:
        assert self._body is not None  # noqa: S101 - asked for after ``open`` alone
        return BodyMotor(self._body, self.entries)

    def rest(self) -> None:
        """Switch the live view off, where it is on: it heats the sensor and holds up the mirror."""
        view = self.entries.read("viewfinder")
        if view is not None and view["value"] == "1" and not view["read_only"]:
            self.entries.write("viewfinder", "0")

    def card(self, *, count_files: bool) -> list[Json]:
        """Each card (see :class:`CardSpace`)."""
        return list(
            map(asdict, cards_of(self._camera, self._gp, count_files=count_files))
        )

    def summary(self) -> dict[str, str]:
        """The camera's summary of itself."""
        words = (
            "serialnumber",
            "eosserialnumber",
            "manufacturer",
            "batterylevel",
            "lensname",
        )
        values = {}
        for word in words:
            entry = self.entries.read(word)
            if entry is not None:
                values[word] = entry["value"]
        return {"model": self._camera.get_abilities().model, **values}

    def shoot(
        self, stem: str, due: int | None, quiet_ms: int, *, all_or_none: bool
    ) -> Json:
        """Release and download a shot, or fetch the one that a lost process left on the card."""
        note = _note(stem)
        if note.exists():
            with contextlib.suppress(self._gp.GPhoto2Error, RequestRefusedError):
                return self.fetch(stem)
        assert self._shutter is not None  # noqa: S101 - asked for after ``open`` alone
        shot = self._shutter.release(due, quiet_ms / 1000, all_or_none=all_or_none)
        # memory ends with this process; names repeat
        if not any(map(in_memory, shot.files)):
            written = note.with_name(f"{note.name}.part")
            written.write_text(json.dumps(shot.files))
            written.replace(note)
        kept = []
        strays = []
        for place in shot.strays:
            if in_memory(place):
                kept.append(str(self._download(place, apart(Path(stem), place[1]))))
            else:
                strays.append(place)
        return {**self._downloaded(stem, shot.files), "strays": strays, "kept": kept}

    def fetch(self, stem: str) -> Json:
        """Download the files recorded beside a stem as ``parts``, and remove the record.

        ``strays`` are other files, which stay on the card; ``kept`` those that were in memory only.
        """
        return {
            **self._downloaded(stem, json.loads(_note(stem).read_text())),
            "strays": [],
            "kept": [],
        }

    def _downloaded(self, stem: str, places: Sequence[CardFile]) -> Json:
        parts: list[Path] = []
        for place in places:
            parts.append(self._download(place, _free_part(Path(stem), place[1], parts)))
        _note(stem).unlink(missing_ok=True)
        return {"parts": list(map(str, parts)), "on_card": list(places)}

    def delete(self, folder: str, name: str) -> None:
        """Delete a file on the card."""
        self._camera.file_delete(folder, name)

    def preview(self, path: str) -> None:
        """Store one picture of the live view, a JPEG, at a path."""
        # The data point into the CameraFile: it must stay in a variable until they are copied.
        camera_file = self._camera.capture_preview()
        Path(path).write_bytes(bytes(camera_file.get_data_and_size()))

    def _download(self, place: CardFile, target: Path) -> Path:
        """Store a file; it stays on the camera."""
        gp, (folder, name) = self._gp, place
        # The data point into the CameraFile: it must stay in a variable until they are copied.
        camera_file = self._camera.file_get(folder, name, gp.GP_FILE_TYPE_NORMAL)
        content = bytes(camera_file.get_data_and_size())
        expected = self._camera.file_get_info(folder, name).file.size
        if expected and len(content) != expected:
            raise RequestRefusedError(
                gp.GP_ERROR_CORRUPTED_DATA,
                f"{name}: {len(content)} of {expected} bytes arrived",
            )
        target.write_bytes(content)
        return target


def _free_part(stem: Path, name: str, taken: Sequence[Path]) -> Path:
    """``<stem><suffix>.part``; for a second file with that suffix, ``<stem>.2<suffix>.part``."""
    suffix = Path(name).suffix.lower()
    path = stem.with_name(f"{stem.name}{suffix}.part")
    number = 2
    while path in taken:
        path = stem.with_name(f"{stem.name}.{number}{suffix}.part")
        number += 1
    return path


def _note(stem: str) -> Path:
    """Path of the record of a shot's files on the card, kept until they are downloaded."""
    return Path(f"{stem}{ON_CARD}")


def answer(holder: ChildCamera, request: Json) -> Json:
    """Answer one request: ``ok`` with a value, or ``kind``, ``code`` and ``text``."""
    import gphoto2

    arguments = dict(request)
    arguments.pop("number", None)
    method = arguments.pop("do")
    try:
        return {"ok": True, "value": getattr(holder, method)(**arguments)}
    except gphoto2.GPhoto2Error as error:
        text = f"{error.string} (libgphoto2 error {error.code})"
        return {"ok": False, "kind": "camera", "code": error.code, "text": text}
    except RequestRefusedError as error:
        return {"ok": False, "kind": "camera", "code": error.code, "text": str(error)}
    except OSError as error:
        return {
            "ok": False,
            "kind": "storage",
            "code": error.errno,
            "text": str(error.filename),
        }


def lines_of(
    descriptor: int, idle_seconds: float, idle: Callable[[], None]
) -> Iterator[bytes]:
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
        holder.close()


if __name__ == "__main__":
    main()
