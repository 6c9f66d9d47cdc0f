"""A release and its files: each new file belongs to the shot, or is reported as foreign to it.

Quiet is counted from the last file, as RAW or JPEG may be late. Not tried on a real body."""

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from defocus.capture.camera import CardFile

APART = "not-of-this-shot"
"""Folder next to the files of a shot for other pictures, which would be lost with the camera's
memory."""

SURPLUS_SECONDS = 0.25
"""Wait for an unexpected file after all expected files came, or after the camera said that it is
done."""

COMPANION_SECONDS = 15.0
"""Longest wait for the next expected file of a shot."""

MEMORY_SECONDS = 40.0
"""Longest wait for a file in the camera's memory, where a late file looks like one of the next
shot."""

_IN_MEMORY = re.compile(r"capt(\d{4}|_)")


@dataclass(frozen=True)
class CameraEvent:
    """A report of a camera: of a file, of the end of the shot, of something else, or no report."""

    kind: Literal["file", "complete", "nothing", "other"]
    file: CardFile | None = None


@dataclass(frozen=True)
class FilesOfShot:
    """The files of a shot, and other files that came meanwhile."""

    files: list[CardFile]
    strays: list[CardFile]


class MissingFileError(Exception):
    """Fewer files came than the format of the camera makes."""


def in_memory(place: CardFile) -> bool:
    """Whether a file is in the camera's memory only, and gone with the process."""
    return place[0] == "/" and _IN_MEMORY.match(place[1]) is not None


def apart(stem: Path, name: str) -> Path:
    """A free path for a picture that came with a shot but is not part of it; makes its folder."""
    folder = stem.parent / APART
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + sum(1 for _ in folder.glob(f"{stem.name}.*"))
    return folder / f"{stem.name}.{number}{Path(name).suffix.lower()}"


def number_of(place: CardFile) -> int | None:
    """The number by which a body names a shot; None where the name is the library's."""
    stem = PurePosixPath(place[1]).stem
    if stem.startswith("capt") and "_" not in stem:
        return None
    numbers = re.findall(r"\d+", stem)
    return int(numbers[-1]) if numbers else None


def files_of_shot(
    first: CardFile,
    listen: Callable[[float], CameraEvent],
    *,
    due: int | None,
    quiet_seconds: float,
    earlier: Collection[CardFile] = (),
    all_or_none: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> FilesOfShot:
    """The files of a shot, the ``first`` one from the release, in the order of the camera's events.

    Without ``due``, how many are written, all have come when no file came for ``quiet_seconds``."""
    files = [first]
    last = clock()
    complete = False
    strays: list[CardFile] = []
    on_card = due is not None and not in_memory(first)
    companion_seconds = MEMORY_SECONDS if in_memory(first) else COMPANION_SECONDS
    while True:
        missing = due is not None and len(files) < due
        patience = quiet_seconds
        if missing:
            patience = companion_seconds
        elif complete or on_card:
            patience = min(quiet_seconds, SURPLUS_SECONDS)
        left = last + patience - clock()
        event = listen(left) if left > 0 else CameraEvent("nothing")
        file = event.file
        if file is not None and file not in (*files, *strays):
            if file in earlier or not _belongs(file, first):
                strays.append(file)
                continue
            files.append(file)
            last = clock()
        elif left <= 0:
            if missing and all_or_none:
                raise MissingFileError(
                    f"{len(files)} of {due} files came in {patience:g} s"
                )
            return FilesOfShot(files, strays)
        elif event.kind == "complete" and not missing and not complete:
            complete = True
            last = clock()


def _belongs(place: CardFile, first: CardFile) -> bool:
    """Whether a file that came after the first one of a shot is of the same shot."""
    if in_memory(place) != in_memory(first):
        return False
    numbers = number_of(place), number_of(first)
    if None in numbers:  # the library counts files, not shots
        return place[1] > first[1]
    return numbers[0] == numbers[1]


NOT_THERE = (-2, -6)
"""Error codes for an entry that does not exist: bad parameters, not supported. Many bodies give the
first code also when they are busy, refuse a value, or have a read-only entry."""

BREATH_SECONDS = 0.05
"""Seconds without an event after which a body has nothing more to report."""

SPEAK_OUT_SECONDS = 3.0
"""Longest time for which a body may report changed settings before it is interrupted."""


class RequestRefusedError(Exception):
    """A request that must not reach the library, or that it answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class OpenBody:
    """A body and the binding that holds it; ``untaken`` are files that nobody waited for."""

    def __init__(
        self,
        gp: Any,  # noqa: ANN401 - a module without types
        camera: Any,  # noqa: ANN401 - its camera
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gp = gp
        self.camera = camera
        self.clock = clock
        self.untaken: list[CardFile] = []

    def listen(self, seconds: float) -> CameraEvent:
        """The next thing that the body reports, within a time."""
        gp = self.gp
        try:
            kind, data = self.camera.wait_for_event(max(1, round(seconds * 1000)))
        except gp.GPhoto2Error as error:
            if error.code != gp.GP_ERROR:
                raise
            # some bodies deny access to what an event is about
            return CameraEvent("other")
        if kind == gp.GP_EVENT_FILE_ADDED:
            return CameraEvent("file", (data.folder, data.name))
        if kind == gp.GP_EVENT_CAPTURE_COMPLETE:
            return CameraEvent("complete")
        return CameraEvent("nothing" if kind == gp.GP_EVENT_TIMEOUT else "other")

    def hear_out(self, seconds: float = SPEAK_OUT_SECONDS) -> None:
        """Let the body report its pending events; files among them are kept for later."""
        # libgphoto2 keeps values and files until an event is read
        deadline = self.clock() + seconds
        while self.clock() < deadline:
            event = self.listen(BREATH_SECONDS)
            if event.kind == "nothing":
                return
            if event.file is not None and event.file not in self.untaken:
                self.untaken.append(event.file)


LOOK_SECONDS = 2.0
"""Time after a failed release within which the body may still report a picture."""


class Shutter:
    """Releases of an open body."""

    def __init__(self, body: OpenBody) -> None:
        self._body = body
        self._known: set[CardFile] = set()
        self._numbers: set[int] = set()
        self._looked = False

    def release(
        self, due: int | None, quiet_seconds: float, *, all_or_none: bool
    ) -> FilesOfShot:
        """Take a shot; see :func:`files_of_shot` for the arguments."""
        body = self._body
        # also what another program, or a process before this one, took
        if not self._looked:
            self._known.update(self._newest_folders())
            self._looked = True
        body.hear_out()
        strays = self._untaken()
        first = self._first(strays)
        try:
            shot = files_of_shot(
                first,
                body.listen,
                due=due,
                quiet_seconds=quiet_seconds,
                earlier=self._known,
                all_or_none=all_or_none,
                clock=body.clock,
            )
        except MissingFileError as error:
            shot = FilesOfShot([first, *self._companions(first)], [])
            if due is None or len(shot.files) < due:
                self._known.update(shot.files)
                raise RequestRefusedError(
                    body.gp.GP_ERROR_TIMEOUT, str(error)
                ) from error
        self._known.update(shot.files, shot.strays)
        for place in shot.files:
            number = number_of(place)
            if number is not None:
                self._numbers.add(number)
        return FilesOfShot(shot.files, strays + shot.strays)

    def _untaken(self) -> list[CardFile]:
        """Files reported since the last shot: they do not belong to the coming one."""
        strays, self._body.untaken = self._body.untaken, []
        new = [place for place in strays if place not in self._known]
        self._known.update(new)
        return new

    def _first(self, strays: list[CardFile]) -> CardFile:
        """The first new file of a release."""
        body = self._body
        try:
            answer = body.camera.capture(body.gp.GP_CAPTURE_IMAGE)
        except body.gp.GPhoto2Error:
            place = self._next_new(LOOK_SECONDS, strays) or self._new_on_card()
            if place is None:
                raise
            return place
        first = (answer.folder, answer.name)
        if self._is_new(first):
            return first
        strays.append(first)
        self._known.add(first)
        place = self._next_new(COMPANION_SECONDS, strays)
        if place is None:
            raise RequestRefusedError(
                body.gp.GP_ERROR,
                f"the camera handed out {first[1]}, a picture of before",
            )
        return place

    def _is_new(self, place: CardFile) -> bool:
        return place not in self._known and number_of(place) not in self._numbers

    def _next_new(self, seconds: float, strays: list[CardFile]) -> CardFile | None:
        """The next file that the body reports and that belongs to no earlier shot."""
        body = self._body
        deadline = body.clock() + seconds
        while (left := deadline - body.clock()) > 0:
            event = body.listen(left)
            if event.file is None:
                continue
            if self._is_new(event.file):
                return event.file
            if event.file not in self._known:
                strays.append(event.file)
                self._known.add(event.file)
        return None

    def _companions(self, first: CardFile) -> list[CardFile]:
        """Files of the same shot that the body did not report."""
        number = number_of(first)
        if number is None:
            return []
        companions = []
        for one in self._newest_folders():
            same_shot = number_of(one) == number
            if same_shot and one != first:
                companions.append(one)
        return companions

    def _new_on_card(self) -> CardFile | None:
        return next(filter(self._is_new, self._newest_folders()), None)

    def _newest_folders(self) -> list[CardFile]:
        """Files of the last folder of each store; none where the body shows no card."""
        gp = self._body.gp
        try:
            return sorted(self._last_below("/"))
        except gp.GPhoto2Error:
            return []

    def _last_below(self, folder: str) -> list[CardFile]:
        camera = self._body.camera
        places = [(folder, name) for name, _ in camera.folder_list_files(folder)]
        below = sorted(name for name, _ in camera.folder_list_folders(folder))
        # Stores are separate cards; of the folders on one, only the last one grows.
        entered = below if folder == "/" else below[-1:]
        for name in entered:
            places += self._last_below(f"{folder.rstrip('/')}/{name}")
        return places
