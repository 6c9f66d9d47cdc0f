"""Verdicts of a check that is not finished, kept in the session for the next try."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from defocus.capture.sessions.checking import CheckedPair
from defocus.progress import say

__all__ = ["KeptVerdicts", "kept_verdicts"]

NAME = ".check-in-progress.jsonl"

_CHECKED = TypeAdapter(CheckedPair)


class KeptVerdicts:
    """Verdicts by what they depend on: a JSON list in a line. An unreadable one is left out."""

    def __init__(self, path: Path) -> None:
        self._path, self._found, self._writable = path, dict[str, CheckedPair](), True
        with contextlib.suppress(OSError):
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, TypeError, ValidationError):
                    key, pair = json.loads(line)
                    self._found[str(key)] = _CHECKED.validate_python(pair)

    def get(self, key: str) -> CheckedPair | None:
        """The verdict of an earlier try."""
        return self._found.get(key)

    def add(self, key: str, pair: CheckedPair) -> None:
        """Keep a verdict; on a read-only disk the check goes on without."""
        if not self._writable:
            return
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([key, asdict(pair)]) + "\n")
        except OSError as error:
            self._writable = False
            say(f"{self._path}: cannot be written ({error.strerror}); the check cannot be resumed")

    def forget(self) -> None:
        """Remove the file, once all verdicts are known."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def kept_verdicts(root: Path) -> Iterator[KeptVerdicts]:
    """The kept verdicts of a session; they are removed if the block ends without an error."""
    kept = KeptVerdicts(root / NAME)
    yield kept
    kept.forget()
