"""PNG files with colour information and the shot's EXIF."""

import struct
import zlib

import cv2

from defocus.errors import ImageError
from defocus.images import Image

__all__ = ["encode_png"]

SIGNATURE_BYTES = 8
FIRST_CHUNK_BYTES = 25
"""Length, name, 13 bytes of content and check sum of ``IHDR``."""


def encode_png(picture: Image, exif: bytes, *, linear: bool) -> bytes:
    """Encode a picture as PNG with its transfer curve and EXIF.

    This is our own code because OpenCV writes 16 bits but no additional chunks, and Pillow the
    reverse.

    Args:
        picture: ``(H, W, 3)`` RGB, uint8 or uint16.
        exif: A TIFF structure, from :func:`defocus.capture.developing.kept_exif.kept_exif`, or
            empty.
        linear: Whether values are proportional to light (``gAMA`` 1.0); otherwise they are sRGB.

    Source: PNG specification, third edition, 11.3.2 (gAMA, sRGB) and 11.3.4.6 (eXIf).
    """
    done, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise ImageError("a developed picture cannot be encoded as PNG")
    content = encoded.tobytes()
    behind_head = SIGNATURE_BYTES + FIRST_CHUNK_BYTES
    meaning = _chunk(b"gAMA", struct.pack(">I", 100_000)) if linear else _chunk(b"sRGB", b"\0")
    told = _chunk(b"eXIf", exif) if exif else b""
    return content[:behind_head] + meaning + told + content[behind_head:]


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
