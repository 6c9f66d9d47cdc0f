"""A camera that streams over RTSP: ``rtsp://user@host[:554]/stream1``.

Video has 8 bits and half the colour resolution: snapshots over HTTP or ONVIF are better."""

import os
from pathlib import Path
from urllib.parse import quote

from defocus.capture.camera import CameraDescription
from defocus.extras.networkcams.address import NetworkAddress, password_of
from defocus.extras.networkcams.camera_process import InnerCamera, write_part
from defocus.extras.networkcams.hosted import HostedCamera, host
from defocus.extras.networkcams.video.newest_frame import Video, VideoSource, encoded, open_video

FFMPEG_OPTIONS = "rtsp_transport;tcp|protocol_whitelist;rtsp,rtp,tcp,udp,tls"
"""TCP loses no packets; the list keeps a hostile stream from naming local files."""


class RtspCamera(InnerCamera):
    """The frames of one stream."""

    def __init__(self, address: NetworkAddress, password: str) -> None:
        self._address = address
        self._video = stream(address, password)
        self._video.frame()

    def describe(self) -> CameraDescription:
        """Describe the camera; only the address is known."""
        return CameraDescription(
            uri=self._address.uri,
            model="RTSP camera",
            port=self._address.host_and_port,
            writes_exif=False,
            capabilities=("preview",),
        )

    def shoot(self, path_stem: Path) -> list[Path]:
        """Store the newest frame."""
        return [write_part(path_stem, ".png", encoded(self._video.frame(), ".png"))]

    def preview(self) -> bytes:
        """The newest frame."""
        return encoded(self._video.frame(), ".jpg")

    def release(self) -> None:
        """Stop reading."""
        self._video.close()


def stream(address: NetworkAddress, password: str) -> VideoSource:
    """Open the video of an RTSP address."""

    def open_it() -> Video:
        import cv2

        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = FFMPEG_OPTIONS  # read while it opens
        login = f"{quote(address.user, safe='')}:{quote(password, safe='')}@"
        rest = address.url.removeprefix("rtsp://")
        source = f"rtsp://{login if address.user else ''}{rest}"
        return open_video(source, address.uri, cv2.CAP_FFMPEG, [])

    return VideoSource(open_it, address.uri)


def open_inside(uri: str, password: str) -> RtspCamera:
    """Open the camera in its own process."""
    return RtspCamera(NetworkAddress.parse(uri), password)


def open_camera(uri: str) -> HostedCamera:
    """Open the camera of an address."""
    return host(uri, password_of(NetworkAddress.parse(uri)))
