"""Camera interface to existing pictures: it delivers the files of an imported pair."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from defocus.capture.arriving.incoming import copy_part, written_name
from defocus.capture.arriving.pairing import FoundPair
from defocus.capture.camera import CameraDescription, Setting, SettingName
from defocus.capture.planning.exposure import Bracket
from defocus.capture.planning.protocol import ShotProtocol, make_protocol
from defocus.errors import CameraError
from defocus.files import sha256_file

__all__ = ["CardCamera", "protocol_of"]


class CardCamera:
    """Delivers the files of a found pair, shot by shot."""

    def __init__(self, pair: FoundPair, folder: Path, checksum: Callable[[Path], str]) -> None:
        """Of a pair found in a folder; ``checksum`` knows that of each file."""
        self._pair, self._folder, self._checksum = pair, folder, checksum
        self._shots = iter(pair.shots)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    def describe(self) -> CameraDescription:
        """What the EXIF says."""
        exif = self._pair.sharp.exif
        return CameraDescription(
            uri=f"folder:{written_name(self._folder)}",
            model=exif.model or "unknown",
            focal_length_mm=exif.focal_length_mm,
        )

    def settings(self) -> dict[SettingName, Setting]:
        """None: the pictures are taken already."""
        return {}

    def set(self, _name: SettingName, value: str) -> str:
        """The pictures were taken with it; their EXIF is where the value comes from."""
        return value

    def shoot(self, path_stem: Path) -> list[Path]:
        """Copy the next shot, and compare the copies with their originals."""
        files = next(self._shots).files
        parts = [copy_part(path, path_stem) for path in files]
        for path, part in zip(files, parts, strict=True):
            if sha256_file(part) != self._checksum(path):
                raise CameraError(f"{path}: changed or was misread during copying; try again")
        return parts


def protocol_of(found: FoundPair, bracket: Bracket) -> ShotProtocol:
    """The protocol that the pictures were taken by, its shots as their EXIF says."""
    protocol = make_protocol(bracket, order=found.order)
    roles = ["sharp", "blurry"] if found.sharp_first else ["blurry", "sharp"]
    roles += ["anchor"] * (len(found.shots) - 2)
    frame = protocol.frames[0]
    return replace(
        protocol,
        frames=tuple(
            replace(frame, role=role, exposure=shot.exposure)
            for role, shot in zip(roles, found.shots, strict=True)
        ),
    )
