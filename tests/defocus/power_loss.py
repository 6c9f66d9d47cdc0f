"""A disk that loses power: every state in which a file system may leave a folder.

What was written since the last ``fsync`` may be there, not there, in part, or as zeros.
"""

import contextlib
import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FOLDER = -1
"""In the place of a file's number."""

MOST_STATES = 40
"""Of one point in time; of more, so many are drawn."""

Names = dict[str, int]
CALLS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "write", "ftruncate")


@dataclass
class Disk:
    """What of a folder is on the disk for sure, and what may be.

    ``state`` is called with each folder that a power loss may leave; ``states`` counts them.
    """

    root: Path
    state: Callable[[Path], None]
    scratch: Path
    states: int = 0
    _durable: Names = field(default_factory=dict)
    _live: Names = field(default_factory=dict)
    _content: dict[int, bytes] = field(default_factory=dict)
    _pending: list[tuple[set[str], dict[str, int | None]]] = field(default_factory=list)
    _draws: random.Random = field(default_factory=lambda: random.Random(0))

    def begin(self) -> None:
        """All that is there now is on the disk."""
        self._durable = self._live = self._names()
        self._content = {
            ino: self._read(name) for name, ino in self._live.items() if ino >= 0
        }

    @contextlib.contextmanager
    def watched(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Try the states before and after every call that reaches the disk."""
        busy = False

        def around(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **options: Any) -> Any:
                nonlocal busy
                if busy:
                    return call(*arguments, **options)
                busy = True
                try:
                    self._look(one_by_one=True)
                    self.try_states()
                    answer = call(*arguments, **options)
                    self._look(one_by_one=False)
                    if name == "fsync":
                        self._synced(arguments[0])
                    self.try_states()
                finally:
                    busy = False
                return answer

            return called

        with monkeypatch.context() as patched:
            for name in CALLS:
                patched.setattr(os, name, around(name, getattr(os, name)))
            yield

    def try_states(self) -> None:
        """Build each state that a power loss may leave now, and let it be looked at."""
        dirty = {
            ino: self._variants(ino, self._read(name))
            for name, ino in self._live.items()
            if ino >= 0 and self._content.get(ino) != self._read(name)
        }
        choices = [(False, True)] * len(self._pending)
        every = itertools.product(*choices, *dirty.values())
        count = 2 ** len(choices)
        for options in dirty.values():
            count *= len(options)
        if count > MOST_STATES:
            drawn = [
                tuple(self._draws.choice(one) for one in (*choices, *dirty.values()))
                for _ in range(MOST_STATES)
            ]
            every = iter(drawn)  # type: ignore[assignment]
        for chosen in every:
            applied, contents = chosen[: len(choices)], chosen[len(choices) :]
            self._build(applied, dict(zip(dirty, contents, strict=True)))

    def _build(self, applied: tuple[Any, ...], dirty: dict[int, Any]) -> None:
        names: dict[str, int | None] = dict(self._durable)
        for (_, changes), wanted in zip(self._pending, applied, strict=True):
            if wanted:
                names.update(changes)
        place = self.scratch / str(self.states)
        self.states += 1
        place.mkdir()
        there = {name: ino for name, ino in names.items() if ino is not None}
        for name in sorted(there):
            parents = [str(one) for one in Path(name).parents if str(one) != "."]
            if any(there.get(one) != FOLDER for one in parents):
                continue  # its folder is not there
            if there[name] == FOLDER:
                (place / name).mkdir()
            else:
                content = dirty.get(there[name], self._content.get(there[name], b""))
                (place / name).write_bytes(content)
        self.state(place)

    def _variants(self, ino: int, now: bytes) -> list[bytes]:
        before = self._content.get(ino, b"")
        added = len(now) - len(before)
        grown = now.startswith(before)
        kept = before if grown else b""
        part = now[: len(kept) + (len(now) - len(kept)) // 2]
        zeros = kept + bytes(max(0, added if grown else len(now)))
        return list(dict.fromkeys((before, now, part, zeros)))

    def _synced(self, handle: int) -> None:
        ino = os.fstat(handle).st_ino
        for name, number in self._live.items():
            if number == ino:
                self._content[ino] = self._read(name)
        folders = {".": self.root.stat().st_ino} | {
            name: (self.root / name).stat().st_ino
            for name, n in self._live.items()
            if n == FOLDER
        }
        folder = next((name for name, number in folders.items() if number == ino), None)
        left = []
        for places, changes in self._pending:
            if folder in places:
                durable: dict[str, int | None] = {**self._durable, **changes}
                self._durable = {
                    name: n for name, n in durable.items() if n is not None
                }
            else:
                left.append((places, changes))
        self._pending = left

    def _look(self, *, one_by_one: bool) -> None:
        """Note what happened to names: each by itself, or all by one call."""
        now = self._names()
        changed: dict[str, int | None] = {
            name: now.get(name)
            for name in {*now, *self._live}
            if now.get(name) != self._live.get(name)
        }
        groups = (
            [{name: ino} for name, ino in sorted(changed.items())]
            if one_by_one
            else [changed]
        )
        for group in groups:
            if group:
                self._pending.append(
                    ({str(Path(name).parent) for name in group}, group)
                )
        gone = {*self._live.values()} - {*now.values()}
        contents = {*self._durable.values()}
        for ino in gone - contents:
            self._content.pop(ino, None)
        self._live = now

    def _names(self) -> Names:
        names: Names = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            names[name] = FOLDER if path.is_dir() else path.stat().st_ino
        return names

    def _read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()
