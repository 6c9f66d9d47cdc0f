"""IP cameras that speak ONVIF: ``onvif://user@host[:port]?profile=0&f_number=1.6``.

Without the lens's widest f-number the iris is not changed. Tested against a mock camera only."""

import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from defocus.capture.camera import CameraDescription, Setting, SettingName, Word
from defocus.capture.links.camera_words import CLOCK_SKEW, refuse_unknown
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.extras.networkcams.address import NetworkAddress, password_of
from defocus.extras.networkcams.camera_process import InnerCamera, write_part
from defocus.extras.networkcams.cameras.rtsp import stream
from defocus.extras.networkcams.focus_drive import FocusDrive, gradient_energy_of_file
from defocus.extras.networkcams.hosted import HostedCamera, host
from defocus.extras.networkcams.onvif.client import (
    PACKAGE,
    OnvifClient,
    RefusedError,
    check_package,
)
from defocus.extras.networkcams.onvif.config import cleaned, locked, with_word, words
from defocus.extras.networkcams.onvif.exposure import FIELDS, exposure_settings, field_value
from defocus.extras.networkcams.video.http_pictures import fetch_picture
from defocus.extras.networkcams.video.newest_frame import VideoSource, encoded
from defocus.progress import say
from defocus.settings import Settings

STALE_TRIES = 4
STALE_SECONDS = 0.7
"""Some cameras serve one snapshot for a second or more; a sensor never gives the same twice."""


class OnvifOptions(Settings):
    """Options of an ONVIF address: number of the media profile; f-number with the iris open."""

    profile: int = Field(default=0, ge=0, le=99)
    f_number: float | None = Field(default=None, ge=0.5, le=32)


class OnvifCamera(InnerCamera):
    """One video source of a camera, in its own process."""

    def __init__(self, address: NetworkAddress, password: str) -> None:
        self._address, self._password = address, password
        self._options = address.options(OnvifOptions)
        self._client = OnvifClient(address, password)
        try:
            self._profile = self._chosen_profile()
            self._source = str(self._profile["VideoSourceConfiguration"]["SourceToken"])
            self._limits = self._asked("GetOptions", "ImagingOptions")
            self._drive = FocusDrive(
                self._client,
                self._source,
                self._asked("GetMoveOptions", "MoveOptions"),
                lambda: gradient_energy_of_file(self.preview()),
            )
            self._snapshot_url = self._asked_snapshot_url()
        except BaseException:
            self._client.close()
            raise
        self.moves_focus = any(map(self._drive.options.get, ("Absolute", "Relative", "Continuous")))
        self._video: VideoSource | None = None
        self._last_shot = b""
        self._travel = 0
        self._is_locked = False

    def describe(self) -> CameraDescription:
        """Describe the camera: manufacturer, model and serial number."""
        about = self._client.call("devicemgmt", "GetDeviceInformation")
        focus = ("focus",) if self.moves_focus else ()
        return CameraDescription(
            uri=self._address.uri,
            model=f"{about.get('Manufacturer') or ''} {about.get('Model') or ''}".strip(),
            serial=about.get("SerialNumber"),
            port=self._address.host_and_port,
            writes_exif=False,
            capabilities=(*self.settings(), *focus, "preview", "config"),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Iris, exposure time and gain, if the camera has them."""
        return exposure_settings(
            self._imaging().get("Exposure", {}),
            self._limits.get("Exposure") or {},
            self._options.f_number,
        )

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices, with automatic functions locked."""
        setting = self.settings().get(name)
        if setting is None:
            hint = "; add ?f_number= with the lens's widest" if name == "aperture" else ""
            raise InputError(f"this camera has no setting for the {name}{hint}")
        if value not in setting.choices:
            raise InputError(
                f"the camera has no {name} '{value}'; it has {', '.join(setting.choices)}"
            )
        self._lock()
        imaging = self._imaging()
        limits = self._limits["Exposure"][FIELDS[name]]
        number = field_value(name, value, self._options.f_number, limits)
        self._write({"Exposure": {**imaging["Exposure"], FIELDS[name]: number}})
        return self.settings()[name].value

    def move_focus(self, steps: int) -> int:
        """Move the focus by steps of 1/200 of its range."""
        self._lock()
        driven = self._drive.move(steps)
        self._travel += driven
        return driven

    def shoot(self, path_stem: Path) -> list[Path]:
        """Store an unchanged snapshot, or the newest frame of the stream as PNG."""
        self._lock()
        if not self._snapshot_url:
            return [write_part(path_stem, ".png", encoded(self._stream().frame(), ".png"))]
        for _ in range(STALE_TRIES):
            content = self.preview()
            if content != self._last_shot:
                self._last_shot = content
                return [write_part(path_stem, ".jpg", content)]
            time.sleep(STALE_SECONDS)
        raise CameraError(
            f"{self._address.uri}: the camera keeps returning the same picture; restart it"
        )

    def preview(self) -> bytes:
        """A snapshot, or the newest frame of the stream."""
        address = self._address
        if self._snapshot_url:
            return fetch_picture(self._snapshot_url, address.uri, address.user, self._password)
        return encoded(self._stream().frame(), ".jpg")

    def config(self) -> dict[str, Word]:
        """The imaging settings, such as ``Exposure.Gain``, and the error of the clock."""
        skew = Word(f"{self._client.clock_skew_seconds:.0f}", read_only=True)
        return {**words(self._imaging(), self._limits), CLOCK_SKEW: skew}

    def configure(self, word: str, value: str) -> str:
        """Set an imaging setting permanently."""
        entries = words(self._imaging(), self._limits)
        refuse_unknown(word, entries)
        changed = with_word(self._imaging(), word, value, entries[word])
        top = word.split(".")[0]
        self._write({top: changed[top]}, persist=True)
        return self.config()[word].value

    def found(self) -> dict[str, Any]:
        """The present imaging settings."""
        return self._imaging()

    def put_back(self, state: dict[str, Any]) -> None:
        """Restore the settings, and the focus if needed."""
        if self._travel and state.get("Focus", {}).get("AutoFocusMode") != "AUTO":
            self._drive.move(-self._travel)
        if state and self._is_locked:
            self._write(state)

    def release(self) -> None:
        """Close all connections."""
        if self._video is not None:
            self._video.close()
        self._client.close()

    def _chosen_profile(self) -> dict[str, Any]:
        profiles = self._client.call("media", "GetProfiles") or []
        usable = [profile for profile in profiles if profile.get("VideoSourceConfiguration")]
        if self._options.profile >= len(usable):
            names = ", ".join(f"{i} {profile.get('Name')}" for i, profile in enumerate(usable))
            raise CameraNotFoundError(
                f"{self._address.uri}: no profile {self._options.profile}; "
                f"there is {names or 'none'}"
            )
        chosen: dict[str, Any] = usable[self._options.profile]
        return chosen

    def _asked(self, operation: str, key: str) -> dict[str, Any]:
        """Ask the imaging service; empty if the camera has none."""
        try:
            answer = self._client.call("imaging", operation, VideoSourceToken=self._source) or {}
        except RefusedError as error:
            say(f"{error}: focus, iris and exposure cannot be set")
            return {}
        return dict(answer.get(key) or answer)

    def _imaging(self) -> dict[str, Any]:
        if not self._limits:
            return {}
        return cleaned(self._asked("GetImagingSettings", "ImagingSettings"))

    def _write(self, imaging: dict[str, Any], *, persist: bool = False) -> None:
        self._client.call(
            "imaging",
            "SetImagingSettings",
            VideoSourceToken=self._source,
            ImagingSettings=imaging,
            ForcePersistence=persist,
        )

    def _lock(self) -> None:
        """Switch off automatic functions that could change between shots, once."""
        if not self._is_locked and self._limits:
            imaging = self._imaging()
            if locked(imaging, self._limits) != imaging:
                self._write(locked(imaging, self._limits))
            self._is_locked = True

    def _asked_snapshot_url(self) -> str:
        """Address of snapshots on the given host; empty if there is none."""
        try:
            answer = self._client.call(
                "media", "GetSnapshotUri", ProfileToken=self._profile["token"]
            )
        except RefusedError:
            return ""
        url = urlsplit(str((answer or {}).get("Uri") or ""))
        if url.scheme not in ("http", "https"):
            return ""
        own = replace(self._address, port=url.port).host_and_port
        return url._replace(netloc=own).geturl()

    def _stream(self) -> VideoSource:
        if self._video is None:
            answer = self._client.call(
                "media",
                "GetStreamUri",
                StreamSetup={"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}},
                ProfileToken=self._profile["token"],
            )
            url = urlsplit(str((answer or {}).get("Uri") or ""))
            if url.scheme != "rtsp":
                raise CameraError(
                    f"{self._address.uri}: the camera has neither snapshot nor stream"
                )
            own = replace(
                self._address, scheme="rtsp", port=url.port, path=url.path, query=url.query
            )
            self._video = stream(own, self._password)
        return self._video


def open_inside(uri: str, password: str) -> OnvifCamera:
    """Open the camera in its own process."""
    return OnvifCamera(NetworkAddress.parse(uri), password)


def open_camera(uri: str) -> HostedCamera:
    """Open the camera of an address."""
    address = NetworkAddress.parse(uri)
    address.options(OnvifOptions)
    check_package()
    return host(uri, password_of(address))


def library() -> str:
    """The package and its version."""
    check_package()
    return f"{PACKAGE} {version(PACKAGE)}"
