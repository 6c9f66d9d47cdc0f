"""Stdout for JSON alone; the module imports little, because each camera's process waits for it."""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol


class HasDocument(Protocol):
    """What has a JSON object of itself."""

    def to_json(self) -> dict[str, Any]:
        """The object."""
        ...


def documents_of(entries: Iterable[HasDocument]) -> list[dict[str, Any]]:
    """The JSON object of each entry."""
    return [entry.to_json() for entry in entries]


class JsonOutput:
    """The one JSON document, or the JSON lines, that a command prints on stdout."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, document: Any) -> None:  # noqa: ANN401 - any JSON document
        """Print ``document`` and a line end; missing numbers are ``None``, NaN is refused."""
        # Bytes of a file's name that are not UTF-8 are escaped as JSON does it.
        text = json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"
        printed = os.dup(self._descriptor)
        with os.fdopen(
            printed,
            "w",
            encoding="utf-8",
            errors="backslashreplace",
        ) as stream:
            stream.write(text)


@contextlib.contextmanager
def json_output() -> Iterator[JsonOutput]:
    """Reserve stdout for JSON: all other output, also of C libraries, goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield JsonOutput(kept)
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
