"""The pictures of a page, restored one after the other."""

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from defocus.errors import InputError, InterruptedWorkError
from defocus.extras.pages.restore.dropped import DroppedPicture, read_dropped
from defocus.extras.pages.restore.systems import Choice
from defocus.files import make_folder
from defocus.restoration.files.own_picture import read_own_picture
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer

MOST_PICTURES = 20
"""Each takes 12 bytes per pixel of the disk for each system that restored it."""

Told = Callable[[int, int], None]


class Desk:
    """Pictures that were dropped on a page; any thread may call it."""

    # ``folder``: for their files. ``choices``: systems to choose from; they are named by their
    # place in this list. ``tile_px``: see :func:`~defocus.restoration.restorer.make_restorer`.
    # ``device``: where to restore.

    def __init__(
        self, folder: Path, choices: Sequence[Choice], tile_px: int | None, device: torch.device
    ) -> None:
        self.choices = choices
        self.pictures: dict[str, DroppedPicture] = {}
        self._folder, self._tile_px, self._device = folder, tile_px, device
        self._numbers = itertools.count(1)
        self._network = threading.Lock()
        self._loaded: tuple[int, Restorer] | None = None
        self._closed = False

    def load(self, number: int) -> Restorer:
        """The network of a choice; only the last one stays in memory."""
        if self._loaded is None or self._loaded[0] != number:
            self._loaded = None
            self._loaded = number, self.choices[number].restorer(self._tile_px, self._device)
        return self._loaded[1]

    def new_folder(self) -> Path:
        """A folder for a picture that arrives."""
        if len(self.pictures) >= MOST_PICTURES:
            raise InputError(f"{MOST_PICTURES} pictures are open; remove one first")
        return make_folder(self._folder / str(next(self._numbers)))

    def take(self, path: Path, name: str) -> DroppedPicture:
        """Read a picture that has arrived in a new folder; if it is refused its folder goes."""
        try:
            picture = read_dropped(path, name)
        except BaseException:
            shutil.rmtree(path.parent)
            raise
        self.pictures[picture.folder.name] = picture
        return picture

    def restore(self, picture: DroppedPicture, number: int, report: Told) -> None:
        """Restore a picture, unless done before; ``report`` gets the number of tiles, and all."""
        picture.stop.clear()

        def follow(tile: int, tiles: int) -> None:
            if self._closed or picture.stop.is_set():
                raise InterruptedWorkError("stopped")
            report(tile, tiles)

        with picture.busy, self._network:
            if number in picture.made:
                return
            follow(0, 0)
            restorer = self.load(number)
            started = time.perf_counter()
            blurry = read_own_picture(picture.path).colours()
            restoration = restore_colours(restorer, blurry, picture.blur_map, follow=follow)
            picture.keep(number, restoration, time.perf_counter() - started)

    def remove(self, picture: DroppedPicture) -> None:
        """Forget a picture and remove its files."""
        self.pictures.pop(picture.folder.name, None)
        picture.remove()

    def stop(self) -> None:
        """End all restoring at the next tile, for good."""
        self._closed = True

    def wait(self) -> None:
        """Wait until what is being restored has ended."""
        with self._network:
            pass
