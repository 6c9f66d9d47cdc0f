"""Any camera whose own program writes pictures to a folder: ``folder:/path``.

The user sets and releases it; EXIF of the pictures is compared as for any other camera."""

from pathlib import Path

from defocus.capture.arriving.hot_folder import (
    HotFolder,
    copy_part,
    picture_files,
    require_folder,
)
from defocus.capture.camera import Camera, CameraDescription, Setting, SettingName
from defocus.capture.planning.labels import APERTURES, ISOS, SHUTTERS
from defocus.errors import InputError
from defocus.pictures.metadata import Exif, read_exif
from defocus.progress import say

_WORDS: dict[SettingName, tuple[str, ...]] = {
    "aperture": APERTURES,
    "shutter": SHUTTERS,
    "iso": ISOS,
}


class FolderCamera(Camera):
    """A camera that the user sets and releases."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._uri = uri
        self._folder = folder
        self._incoming = HotFolder(folder)
        self._exif = _newest_exif(folder)
        self._set: dict[SettingName, str] = {}

    def describe(self) -> CameraDescription:
        """Describe the camera by the newest picture."""
        return CameraDescription(
            uri=self._uri,
            model=self._exif.model or "Camera behind a folder",
            port=str(self._folder),
            focal_length_mm=self._exif.focal_length_mm,
            capabilities=tuple(_WORDS),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """All third stops, which the camera is assumed to have."""
        settings = {}
        for name, words in _WORDS.items():
            value = self._set.get(name, _word(name, self._exif))
            settings[name] = Setting(name, name, value, words)
        return settings

    def set(self, name: SettingName, value: str) -> str:
        """Tell the user what to set; the EXIF of the picture shows if they did."""
        if value not in _WORDS[name]:
            raise InputError(
                f"no third stop '{value}' for the {name}; write it like a camera does"
            )
        if self._set.get(name) != value:
            say(f"on the camera, set the {name} to {value}")
        self._set[name] = value
        return value

    def shoot(self, path_stem: Path) -> list[Path]:
        """Wait for the next picture, and copy its files."""
        say(f"release the camera now; waiting for its picture in {self._folder}")
        files = self._incoming.next_shot()
        parts = [copy_part(path, path_stem) for path in files]
        self._exif = read_exif(files[0])
        say(f"{files[0].name} has come")
        return parts


def _newest_exif(folder: Path) -> Exif:
    files = picture_files(folder)
    newest = max(files, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        return Exif()
    return read_exif(newest)


def _word(name: SettingName, exif: Exif) -> str:
    """The newest picture's value of a setting; empty if unknown."""
    if name == "aperture":
        return "" if exif.f_number is None else f"f/{exif.f_number:g}"
    if name == "iso":
        return "" if exif.iso is None else f"{exif.iso:g}"
    if exif.seconds is None:
        return ""
    if exif.seconds < 0.3:
        return f"1/{1 / exif.seconds:.0f}"
    return f"{exif.seconds:g}"


def open_camera(uri: str) -> FolderCamera:
    """Open the camera of a folder."""
    return FolderCamera(
        uri, require_folder(Path(uri.removeprefix("folder:")).absolute())
    )
