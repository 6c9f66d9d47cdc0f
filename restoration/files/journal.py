"""``restored.json``: which files of a folder are ours, from what and how they were made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from defocus.errors import InputError
from defocus.files import sha256_file, write_json
from defocus.reading import read_json

__all__ = ["JOURNAL", "RestoreJournal"]

JOURNAL = "restored.json"


class RestoreJournal:
    """The journal of an output folder, for pictures made with some settings."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._path = folder / JOURNAL
        self._settings = settings
        self._entries: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            try:
                document = read_json(self._path)
                self._entries = {str(name): dict(entry) for name, entry in document.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{self._path}: damaged ({error}); move the folder away to start anew"
                ) from error

    def claim(self, targets: Sequence[Path]) -> None:
        """Note names before anything is written, so that a killed run knows its own files."""
        for target in targets:
            if target.exists() and target.name not in self._entries:
                raise InputError(f"{target}: a file of that name exists; choose another --out")
        for target in targets:
            self._entries.setdefault(target.name, {})
        write_json(self._path, self._entries)

    def finished(self, target: Path, source: str) -> dict[str, Any] | None:
        """What an earlier run said of a picture (SHA-256) made in the same way, if it is there."""
        entry = self._entries.get(target.name, {})
        same = entry.get("source_sha256") == source and entry.get("settings") == self._settings
        if not same or not target.exists() or sha256_file(target) != entry.get("sha256"):
            return None
        result = entry.get("result")
        return result if isinstance(result, dict) else None

    def finish(self, target: Path, source: str, result: dict[str, Any]) -> None:
        """Note that a picture is done, and what is to be told of it."""
        self._entries[target.name] = {
            "source_sha256": source,
            "settings": self._settings,
            "sha256": sha256_file(target),
            "result": result,
        }
        write_json(self._path, self._entries)
