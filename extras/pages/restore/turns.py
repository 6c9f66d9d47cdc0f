"""Who may use the network now: a first look goes before whole pictures, which give way to it."""

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """Lets one thread at a time use the network."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._looks = 0  # first looks that wait or are at work
        self._whole = False  # a whole picture is at work, or gives way

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """The turn of a first look: the next one."""
        with self._changed:
            self._looks += 1
            self._changed.wait_for(lambda: not self._taken)
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._looks -= 1
                self._leave()

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """The turn of a whole picture, after the one before it, when no first look waits."""
        with self._changed:
            self._changed.wait_for(lambda: not self._whole)
            self._whole = True
            self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._whole = False
                self._leave()

    def give_way(self) -> None:
        """Called between the tiles of a whole picture: let waiting first looks go first."""
        with self._changed:
            if self._looks:
                self._leave()
                self._enter()

    def _enter(self) -> None:
        self._changed.wait_for(lambda: not self._taken and not self._looks)
        self._taken = True

    def _leave(self) -> None:
        self._taken = False
        self._changed.notify_all()
