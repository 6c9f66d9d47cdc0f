"""Camera interface to existing pictures: it delivers the files of an imported pair."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from defocus.capture.arriving.hot_folder import copy_part, written_name
from defocus.capture.arriving.pairing import FoundPair
from defocus.capture.camera import Camera, CameraDescription, Setting, SettingName
from defocus.capture.planning.exposure import Bracket
from defocus.capture.planning.protocol import ShotProtocol, make_protocol
from defocus.errors import CameraError
from defocus.files import sha256_file

__all__ = ["CardCamera", "protocol_of"]


class CardCamera(Camera):
    """Delivers the files of a found pair, shot by shot."""

    def __init__(self, pair: FoundPair, folder: Path, checksum: Callable[[Path], str]) -> None:
        """Take a pair found in a folder; ``checksum`` returns that of each file."""
        self._pair, self._folder, self._checksum = pair, folder, checksum
        self._shots = iter(pair.shots)

    def describe(self) -> CameraDescription:
        """Describe the camera by EXIF."""
        exif = self._pair.sharp.exif
        return CameraDescription(
            uri=f"folder:{written_name(self._folder)}",
            model=exif.model or "unknown",
            serial=exif.serial,
            lens=exif.lens,
            focal_length_mm=exif.focal_length_mm,
        )

    def settings(self) -> dict[SettingName, Setting]:
        """No settings, because the pictures exist already."""
        return {}

    def set(self, _name: SettingName, value: str) -> str:
        """Accept the value, which comes from the EXIF of the pictures."""
        return value

    def shoot(self, path_stem: Path) -> list[Path]:
        """Copy the next shot, and verify the copies."""
        files = next(self._shots).files
        parts = [copy_part(path, path_stem) for path in files]
        for path, part in zip(files, parts, strict=True):
            if sha256_file(part) != self._checksum(path):
                raise CameraError(f"{path}: changed or was misread during copying; try again")
        return parts


def protocol_of(found: FoundPair, bracket: Bracket) -> ShotProtocol:
    """The protocol of the pictures, from their EXIF."""
    protocol = make_protocol(bracket, order=found.order)
    roles = ["sharp", "blurry"] if found.sharp_first else ["blurry", "sharp"]
    roles += ["anchor"] * (len(found.shots) - 2)
    frame = protocol.frames[0]
    return replace(
        protocol,
        focus_known=False,
        frames=tuple(
            replace(frame, role=role, exposure=shot.exposure)
            for role, shot in zip(roles, found.shots, strict=True)
        ),
    )
