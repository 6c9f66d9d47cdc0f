"""PNG files with what their values mean and what the shot's file held besides."""

import struct
from pathlib import Path

import cv2

from defocus.blocks.derived import dressed, has_meaning, true_of_colours
from defocus.blocks.metadata import read_metadata
from defocus.blocks.png import Chunk, with_chunks
from defocus.errors import ImageError
from defocus.images import Image

__all__ = ["encode_png"]

LIGHT = Chunk(b"gAMA", struct.pack(">I", 100_000))
SRGB = Chunk(b"sRGB", b"\0")


def encode_png(picture: Image, source: Path, *, linear: bool) -> bytes:
    """Encode as PNG 3 (11.3.2): gAMA 1.0 if linear, else the original's colours, or sRGB."""
    done, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise ImageError("a developed picture cannot be encoded as PNG")
    metadata = true_of_colours(read_metadata(source), converted=linear)
    content = dressed(encoded.tobytes(), metadata)
    if linear:
        return with_chunks(content, [LIGHT])
    return content if has_meaning(content) else with_chunks(content, [SRGB])
