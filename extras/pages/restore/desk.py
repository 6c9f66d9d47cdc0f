"""The pictures of a page, restored one after the other."""

import contextlib
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from defocus.errors import InputError, InterruptedWorkError
from defocus.extras.pages.restore.dropped import DroppedPicture, read_dropped
from defocus.extras.pages.restore.systems import Choice
from defocus.extras.pages.restore.turns import Turns
from defocus.pictures.read import read_own_picture
from defocus.pictures.values import OwnPicture
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer
from defocus.storage.files import make_folder

MOST_PICTURES = 20
"""Largest number of pictures. Each takes 3 bytes of disk space per pixel, and 15 more for each
system that restored it."""

Told = Callable[[int, int], None]


class Desk:
    """Pictures that were dropped on a page; any thread may call it."""

    # ``folder``: for their files. ``choices``: systems to choose from; they are named by their
    # place in this list. ``tile_px``: see :func:`~defocus.restoration.restorer.make_restorer`.
    # ``device``: where to restore.

    def __init__(
        self,
        folder: Path,
        choices: Sequence[Choice],
        tile_px: int | None,
        device: torch.device,
    ) -> None:
        self.choices = choices
        self.pictures: dict[str, DroppedPicture] = {}
        self._folder = folder
        self._tile_px = tile_px
        self._device = device
        self._numbers = itertools.count(1)
        self._arriving: set[str] = set()
        self._counting = threading.Lock()
        self._turns = Turns()
        self._loaded: tuple[int, Restorer] | None = None
        self._closed = False

    def load(self, number: int) -> Restorer:
        """The network of a choice; only the last one stays in memory."""
        if self._loaded is None or self._loaded[0] != number:
            self._loaded = None
            self._loaded = (
                number,
                self.choices[number].restorer(self._tile_px, self._device),
            )
        return self._loaded[1]

    @contextlib.contextmanager
    def arriving(self) -> Iterator[Path]:
        """A folder for a picture that arrives; meanwhile it counts among those that are open."""
        with self._counting:
            if len(self.pictures.keys() | self._arriving) >= MOST_PICTURES:
                raise InputError(f"{MOST_PICTURES} pictures are open; remove one first")
            name = str(next(self._numbers))
            self._arriving.add(name)
        try:
            yield make_folder(self._folder / name)
        finally:
            with self._counting:
                self._arriving.remove(name)

    def take(self, path: Path, name: str) -> DroppedPicture:
        """Read a picture that has arrived in a new folder; if it is refused its folder goes."""
        try:
            picture = read_dropped(path, name)
        except BaseException:
            shutil.rmtree(path.parent)
            raise
        self.pictures[picture.folder.name] = picture
        return picture

    def first_look(
        self,
        picture: DroppedPicture,
        part: OwnPicture,
        number: int,
    ) -> None:
        """Restore the part of a picture that is seen first, unless done before."""
        picture.stop.clear()

        def follow(_tile: int, _tiles: int) -> None:
            self._check(picture)

        with picture.busy, self._turns.look():
            self._check(picture)
            if picture.look_path(number).exists():
                return
            restorer = self.load(number)
            restoration = restore_colours(restorer, part.colours(), follow=follow)
            picture.keep_look(number, part, restoration.restored)

    def estimate_map(self, picture: DroppedPicture) -> None:
        """Estimate the map of blur, unless done before."""
        picture.stop.clear()
        with picture.busy:
            self._check(picture)
            if picture.blur_map is None:
                picture.map_of(read_own_picture(picture.path))

    def restore(self, picture: DroppedPicture, number: int, report: Told) -> None:
        """Restore a picture, unless done before; ``report`` gets the number of tiles, and all."""
        picture.stop.clear()

        def follow(tile: int, tiles: int) -> None:
            self._check(picture)
            report(tile, tiles)
            self._turns.give_way()

        with picture.busy, self._turns.whole():
            if number in picture.made:
                return
            follow(0, 0)
            restorer = self.load(number)
            own = read_own_picture(picture.path)
            blur_map = picture.map_of(own)
            started = time.perf_counter()
            restoration = restore_colours(
                restorer,
                own.colours(),
                blur_map,
                follow=follow,
            )
            picture.keep(number, restoration, time.perf_counter() - started)

    def _check(self, picture: DroppedPicture) -> None:
        """Raise an error if the work on a picture is to end."""
        removed = picture.folder.name not in self.pictures
        if self._closed or removed or picture.stop.is_set():
            raise InterruptedWorkError("stopped")

    def remove(self, picture: DroppedPicture) -> None:
        """Forget a picture and remove its files."""
        self.pictures.pop(picture.folder.name, None)
        picture.remove()

    def stop(self) -> None:
        """End all restoring at the next tile, for good."""
        self._closed = True

    def wait(self) -> None:
        """Wait until what is being restored has ended."""
        with self._turns.whole():
            pass
