"""Pictures of a folder that other programs change: each is examined once, then remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defocus.capture.arriving.card_shots import CardShot, Leftover, originality, read_shots
from defocus.capture.arriving.hot_folder import decoded, picture_files, visible_files
from defocus.errors import ImageError
from defocus.files import sha256_file
from defocus.likeness import Fingerprint, fingerprint
from defocus.progress import say

Look = tuple[Path, int, int]
"""A file as it was when it was looked at: path, size, time of its last change in ns."""

VIDEOS = frozenset(
    {".3gp", ".avi", ".crm", ".insv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mts", ".mxf"}
)
OTHER_PICTURES = frozenset(
    {".3fr", ".crw", ".gif", ".gpr", ".iiq", ".jp2", ".kdc", ".mos", ".mrw", ".psd", ".rwl"}
    | {".srf", ".x3f"}
)
"""Pictures as people keep them, none of which :data:`~defocus.images.IMAGE_SUFFIXES` has."""


def look_at(path: Path) -> Fingerprint:
    """What a picture shows."""
    return fingerprint(decoded(path))


@dataclass
class PictureFolder:
    """A folder with pictures; ``left_out`` are copies of others at the last call of ``shots``."""

    path: Path
    damaged: set[Look] = field(default_factory=set)
    checksums: dict[Path, str] = field(default_factory=dict)
    left_out: list[Leftover] = field(default_factory=list)
    _known: dict[Look, str] = field(default_factory=dict)
    _shown: dict[str, Fingerprint] = field(default_factory=dict)

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
        """The shots made of the complete pictures; those of ``trusted`` checksums are complete."""
        originals: dict[str, Path] = {}
        self.left_out = []
        for look in sorted(looks, key=lambda look: originality(look[0])):
            path, checksum = look[0], self._checksum(look)
            if checksum is None or look in self.damaged:
                continue
            if checksum in originals:
                original = originals[checksum].relative_to(self.path)
                self.left_out.append(Leftover(path, f"the same file as {original}"))
            elif checksum in trusted or self._is_whole(look, checksum):
                originals[checksum] = path
        while True:
            shown = {
                path: self._shown[checksum]
                for checksum, path in originals.items()
                if checksum in self._shown
            }
            try:
                shots, edited = read_shots(originals.values(), shown)
            except FileNotFoundError:
                originals = {key: path for key, path in originals.items() if path.is_file()}
            else:
                self.left_out += edited
                return shots

    def unread(self) -> list[Leftover]:
        """Videos, and pictures of kinds that are not read."""
        words = dict.fromkeys(OTHER_PICTURES, "pictures of this kind are not read")
        words |= dict.fromkeys(VIDEOS, "a video")
        files = ((path, words.get(path.suffix.lower())) for path in visible_files(self.path))
        return [Leftover(path, reason) for path, reason in files if reason is not None]

    def _is_whole(self, look: Look, checksum: str) -> bool:
        """Whether a picture is complete; what it shows is remembered."""
        if checksum in self._shown:
            return True
        try:
            self._shown[checksum] = look_at(look[0])
        except ImageError as error:
            if look[0].exists():
                say(f"left out: {error}")
                self.damaged.add(look)
            return False
        return True

    def by_checksum(self) -> dict[str, Path]:
        """The present files in the folder, by SHA-256."""
        paths = {self._checksum(look): look[0] for look in self.looks()}
        return {checksum: path for checksum, path in paths.items() if checksum is not None}

    def _checksum(self, look: Look) -> str | None:
        """SHA-256 of a file; None if it is gone."""
        if look not in self._known:
            try:
                self._known[look] = sha256_file(look[0])
            except FileNotFoundError:
                return None
        self.checksums[look[0]] = self._known[look]
        return self._known[look]
