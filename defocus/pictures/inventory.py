"""What a picture's file holds besides the pixels of its picture, whatever its kind."""

from collections.abc import Callable

from defocus.pictures.blocks import Block
from defocus.pictures.bmp import bmp_blocks
from defocus.pictures.headers import kind_of
from defocus.pictures.heif import HEIF_KINDS, heif_blocks
from defocus.pictures.jpeg import jpeg_blocks
from defocus.pictures.png import png_blocks
from defocus.pictures.tiff import tiff_blocks
from defocus.pictures.webp import webp_blocks


def inventory(data: bytes) -> list[Block]:
    """Every block of a picture's file in order; what damage makes inseparable is one block."""
    readers: dict[str, Callable[[bytes], list[Block]]] = {
        "JPEG": jpeg_blocks,
        "PNG": png_blocks,
        "TIFF": tiff_blocks,
        "WebP": webp_blocks,
        "BMP": bmp_blocks,
    }
    kind = kind_of(data[:512])
    if kind in HEIF_KINDS:
        return heif_blocks(data, kind)
    return readers[kind](data) if kind in readers else []
