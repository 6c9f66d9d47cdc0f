"""Pictures of a folder that other programs change: each is examined once, then remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defocus.capture.arriving.hot_folder import damage_of, picture_files
from defocus.capture.arriving.pairing import CardShot, read_shots
from defocus.files import sha256_file
from defocus.progress import say

__all__ = ["Look", "PictureFolder"]

Look = tuple[Path, int, int]
"""A file as it was when it was looked at: path, size, time of its last change in ns."""


@dataclass
class PictureFolder:
    """A folder with pictures.

    Attributes:
        path: Path of the folder.
        damaged: Incomplete picture files, in the state in which they were examined.
        checksums: SHA-256 of each file when it was last examined.
    """

    path: Path
    damaged: set[Look] = field(default_factory=set)
    checksums: dict[Path, str] = field(default_factory=dict)
    _known: dict[Look, str] = field(default_factory=dict)

    def looks(self) -> list[Look]:
        """The present pictures in the folder, without those removed meanwhile."""
        looks = []
        for path in picture_files(self.path):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # renamed since it was listed, as some programs do when they are done
            looks.append((path, status.st_size, status.st_mtime_ns))
        return looks

    def shots(self, looks: Sequence[Look], trusted: set[str]) -> list[CardShot]:
        """The shots made of the complete pictures.

        Args:
            looks: The pictures to read; removed files are skipped.
            trusted: Checksums of pictures that are known to be complete.
        """
        whole = []
        for look in looks:
            checksum = self._checksum(look)
            if look in self.damaged or checksum is None:
                continue
            problem = "" if checksum in trusted else damage_of(look[0])
            if not problem:
                whole.append(look[0])
            elif look[0].exists():
                say(f"left out: {problem}")
                self.damaged.add(look)
        while True:
            try:
                return read_shots(whole)
            except FileNotFoundError:
                whole = [path for path in whole if path.is_file()]

    def by_checksum(self) -> dict[str, Path]:
        """The present files in the folder, by SHA-256."""
        found = {self._checksum(look): look[0] for look in self.looks()}
        return {checksum: path for checksum, path in found.items() if checksum is not None}

    def _checksum(self, look: Look) -> str | None:
        """SHA-256 of a file; None if it is gone."""
        if look not in self._known:
            try:
                self._known[look] = sha256_file(look[0])
            except FileNotFoundError:
                return None
        self.checksums[look[0]] = self._known[look]
        return self._known[look]
