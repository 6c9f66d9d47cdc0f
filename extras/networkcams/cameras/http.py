"""A camera that serves pictures over HTTP: ``http://user@host/snap.jpg``, a JPEG or MJPEG stream.

Nothing can be set, so it is for viewing, or for one member of a pair of two cameras."""

from importlib.metadata import version
from pathlib import Path

from defocus.capture.camera import CameraDescription
from defocus.errors import CameraNotFoundError
from defocus.extra_packages import require
from defocus.extras.networkcams.address import NetworkAddress, password_of
from defocus.extras.networkcams.camera_process import InnerCamera, write_part
from defocus.extras.networkcams.hosted import HostedCamera, host
from defocus.extras.networkcams.video.http_pictures import fetch_picture


class HttpCamera(InnerCamera):
    """The pictures at one address."""

    def __init__(self, address: NetworkAddress, password: str) -> None:
        self._address, self._password = address, password
        self.preview()

    def describe(self) -> CameraDescription:
        """Describe the camera; only the address is known."""
        return CameraDescription(
            uri=self._address.uri,
            model="HTTP camera",
            port=self._address.host_and_port,
            writes_exif=False,
            capabilities=("preview",),
        )

    def shoot(self, path_stem: Path) -> list[Path]:
        """Store the JPEG unchanged."""
        return [write_part(path_stem, ".jpg", self.preview())]

    def preview(self) -> bytes:
        """The picture, which is no smaller than a shot."""
        address = self._address
        return fetch_picture(address.url, address.uri, address.user, self._password)


def open_inside(uri: str, password: str) -> HttpCamera:
    """Open the camera in its own process."""
    return HttpCamera(NetworkAddress.parse(uri), password)


def library() -> str:
    """The package and its version."""
    require("httpx", "networkcams", error=CameraNotFoundError)
    return f"httpx {version('httpx')}"


def open_camera(uri: str) -> HostedCamera:
    """Open the camera of an address."""
    address = NetworkAddress.parse(uri)
    require("httpx", "networkcams", error=CameraNotFoundError)
    return host(uri, password_of(address))
