"""Pictures over HTTP: one JPEG per request, or the parts of an MJPEG stream; digest or basic login.

Answers are untrusted: a redirect could take the login to another host, or to ``file:``."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from functools import cache
from typing import TYPE_CHECKING, Any

from defocus.errors import CameraError, CameraNotFoundError

if TYPE_CHECKING:
    import ssl

    import httpx

MAX_BYTES = 200_000_000
"""No camera's picture is larger; a hostile reply has no end."""

TIMEOUT_SECONDS = 15.0
"""For connecting and between two pieces of a reply."""

TOTAL_SECONDS = 60.0
"""For a whole picture."""

UNAUTHORISED = 401


def fetch_picture(url: str, name: str, user: str = "", password: str = "") -> bytes:
    """Fetch the picture at an address, a complete JPEG.

    From an MJPEG stream the second part is used, because the first may be old."""
    import httpx

    started = time.monotonic()
    try:
        with _response(url, name, user, password) as response:
            kind = response.headers.get("content-type", "")
            pieces = _limited(response, name, started)
            if kind.lower().startswith("multipart/"):
                content = _second_part(pieces, kind, name)
            else:
                content = b"".join(pieces)
    except httpx.InvalidURL as error:
        raise CameraNotFoundError(f"{name}: not a web address ({error}); correct it") from error
    except httpx.ConnectError as error:
        raise CameraNotFoundError(f"{name}: no answer ({error})") from error
    except httpx.TimeoutException as error:
        raise CameraError(
            f"{name}: no answer in {TIMEOUT_SECONDS:g} s; check the camera"
        ) from error
    except httpx.HTTPError as error:
        raise CameraError(f"{name}: {type(error).__name__}: {error}; try again") from error
    check_jpeg(content, name)
    return content


@cache  # to read them takes longer than a picture of a live view
def _certificates() -> "ssl.SSLContext":
    """Those that are trusted."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


@contextmanager
def _response(url: str, name: str, user: str, password: str) -> Iterator["httpx.Response"]:
    """The answer to a request, with digest login, or basic login if the camera offers only that."""
    import httpx

    with httpx.Client(
        verify=_certificates(), timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
    ) as client:
        auth: Any = httpx.DigestAuth(user, password) if user else None
        with client.stream("GET", url, auth=auth) as response:
            offers = response.headers.get_list("www-authenticate")
            wants_basic = (
                response.status_code == UNAUTHORISED
                and offers
                and all(offer.lower().startswith("basic") for offer in offers)
            )
            if not (user and wants_basic):
                _refuse_failure(response, name)
                yield response
                return
        with client.stream("GET", url, auth=httpx.BasicAuth(user, password)) as response:
            _refuse_failure(response, name)
            yield response


def _refuse_failure(response: "httpx.Response", name: str) -> None:
    status = response.status_code
    if status == UNAUTHORISED:
        raise CameraNotFoundError(f"{name}: the camera rejects user or password; correct them")
    if response.is_redirect:
        target = response.headers.get("location", "")[:200]
        raise CameraError(f"{name}: the camera redirects to {target!r}; give that address itself")
    if not response.is_success:
        raise CameraError(f"{name}: the camera answers {status}; check the address")


def _limited(response: "httpx.Response", name: str, started: float) -> Iterator[bytes]:
    """The body in pieces, with limits of size and time."""
    total = 0
    for piece in response.iter_bytes(65536):
        total += len(piece)
        if total > MAX_BYTES:
            raise CameraError(f"{name}: a reply of over {MAX_BYTES // 10**6} MB is refused")
        if time.monotonic() - started > TOTAL_SECONDS:
            raise CameraError(f"{name}: no whole picture in {TOTAL_SECONDS:g} s; check the network")
        yield piece


def _second_part(pieces: Iterator[bytes], kind: str, name: str) -> bytes:
    """The second picture of an MJPEG stream; ``kind`` names the boundary of its parts."""
    header = Message()
    header["content-type"] = kind
    # Some cameras count the two dashes before a boundary as part of it, some do not.
    boundary = (header.get_boundary() or "").lstrip("-").encode("latin-1", "replace")
    if not boundary:
        raise CameraError(f"{name}: the stream's header {kind[:100]!r} has no boundary")
    data, place = b"", 0
    ends: list[int] = []
    for piece in pieces:
        data += piece
        while (end := data.find(b"--" + boundary, place)) >= 0:
            place = end + len(boundary) + 2
            ends.append(end)
            if len(ends) == 3:
                part = data[ends[1] : ends[2]].partition(b"\r\n\r\n")[2]
                return part[: part.rfind(b"\xff\xd9") + 2]
        place = max(place, len(data) - len(boundary) - 2)
    raise CameraError(f"{name}: the stream ended before its second picture; try again")


def check_jpeg(content: bytes, name: str) -> None:
    """Refuse data that is not a complete JPEG."""
    import cv2
    import numpy as np

    whole = content.startswith(b"\xff\xd8") and b"\xff\xd9" in content[-4096:]
    if not whole:
        raise CameraError(
            f"{name}: {len(content)} bytes arrived that are not a complete JPEG, beginning "
            f"{content[:12]!r}"
        )
    try:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_COLOR_8)
    except cv2.error as error:
        raise CameraError(f"{name}: the received JPEG is refused: {error.err}") from error
    if decoded is None:
        raise CameraError(f"{name}: the received JPEG cannot be decoded; try again")
