"""A release, and which files come of it.

Before it, the body is heard out and what its card has is remembered. After it, every new file is of
the shot, or said to be none of it: a late file of an earlier shot, or the work of somebody's finger
on the body. An error does not mean that no picture was taken, so after one the card is looked at
before anybody releases again.
"""

from defocus.capture.camera import CardFile
from defocus.capture.links.gphoto2.body.connection import OpenBody, RequestRefusedError
from defocus.capture.links.gphoto2.body.delivery import (
    COMPANION_SECONDS,
    FilesOfShot,
    MissingFileError,
    files_of_shot,
    number_of,
)

__all__ = ["Shutter"]

LOOK_SECONDS = 2.0
"""How long after a failed release the body may tell of a picture that it took all the same."""


class Shutter:
    """Releases of an open body."""

    def __init__(self, body: OpenBody) -> None:
        self._body = body
        self._known: set[CardFile] = set()
        self._numbers: set[int] = set()
        self._looked = False

    def release(self, due: int | None, quiet_seconds: float, *, all_or_none: bool) -> FilesOfShot:
        """Take a shot; see :func:`files_of_shot` for the arguments."""
        body = self._body
        if not self._looked:  # also what another program, or a process before this one, took
            self._known.update(self._newest_folders())
            self._looked = True
        body.hear_out()
        strays = self._untaken()
        first = self._first(strays)
        try:
            found = files_of_shot(
                first,
                body.listen,
                due=due,
                quiet_seconds=quiet_seconds,
                known=self._known,
                all_or_none=all_or_none,
                clock=body.clock,
            )
        except MissingFileError as error:
            found = FilesOfShot([first, *self._companions(first)], [])
            if due is None or len(found.files) < due:
                self._known.update(found.files)
                raise RequestRefusedError(body.gp.GP_ERROR_TIMEOUT, str(error)) from error
        self._known.update(found.files, found.strays)
        self._numbers.update(n for place in found.files if (n := number_of(place)) is not None)
        return FilesOfShot(found.files, strays + found.strays)

    def _untaken(self) -> list[CardFile]:
        """Files told of since the last shot: none of the coming one."""
        strays, self._body.untaken = self._body.untaken, []
        new = [place for place in strays if place not in self._known]
        self._known.update(new)
        return new

    def _first(self, strays: list[CardFile]) -> CardFile:
        """The first new file of a release."""
        body = self._body
        try:
            told = body.camera.capture(body.gp.GP_CAPTURE_IMAGE)
        except body.gp.GPhoto2Error:
            found = self._next_new(LOOK_SECONDS, strays) or self._new_on_card()
            if found is None:
                raise
            return found
        first = (told.folder, told.name)
        if self._is_new(first):
            return first
        strays.append(first)
        self._known.add(first)
        found = self._next_new(COMPANION_SECONDS, strays)
        if found is None:
            raise RequestRefusedError(
                body.gp.GP_ERROR, f"the camera handed out {first[1]}, a picture of before"
            )
        return found

    def _is_new(self, place: CardFile) -> bool:
        return place not in self._known and number_of(place) not in self._numbers

    def _next_new(self, seconds: float, strays: list[CardFile]) -> CardFile | None:
        """The next file that the body tells of and that is of no shot before."""
        body = self._body
        deadline = body.clock() + seconds
        while (left := deadline - body.clock()) > 0:
            told = body.listen(left)
            if told.file is None:
                continue
            if self._is_new(told.file):
                return told.file
            if told.file not in self._known:
                strays.append(told.file)
                self._known.add(told.file)
        return None

    def _companions(self, first: CardFile) -> list[CardFile]:
        """Files of the same shot that the body did not tell of."""
        number = number_of(first)
        return [
            place
            for place in self._newest_folders()
            if number is not None and number_of(place) == number and place != first
        ]

    def _new_on_card(self) -> CardFile | None:
        found = [place for place in self._newest_folders() if self._is_new(place)]
        return found[0] if found else None

    def _newest_folders(self) -> list[CardFile]:
        """Files of the last folder of each store; none where the body shows no card."""
        gp = self._body.gp
        try:
            return sorted(self._last_below("/"))
        except gp.GPhoto2Error:
            return []

    def _last_below(self, folder: str) -> list[CardFile]:
        camera = self._body.camera
        found = [(folder, name) for name, _ in camera.folder_list_files(folder)]
        below = sorted(name for name, _ in camera.folder_list_folders(folder))
        # Stores are separate cards; of the folders on one, only the last one grows.
        entered = below if folder == "/" else below[-1:]
        for name in entered:
            found += self._last_below(f"{folder.rstrip('/')}/{name}")
        return found
