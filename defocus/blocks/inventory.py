"""What a picture's file holds besides the pixels of its picture, whatever its kind."""

import re
import struct
from collections.abc import Callable
from dataclasses import replace

from defocus.blocks.block import Block, resolution_block
from defocus.blocks.exif import exif_blocks, with_orientation
from defocus.blocks.jpeg import jpeg_blocks
from defocus.blocks.png import colour_chunk, png_blocks
from defocus.blocks.tiff import tiff_blocks
from defocus.blocks.webp import webp_blocks
from defocus.blocks.xmp import xmp_block
from defocus.heif_pixels import HEIF_KINDS, HeifContents, heif_contents
from defocus.picture_headers import kind_of


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


def bmp_blocks(data: bytes) -> list[Block]:
    """Resolution and colour profile of a BMP. Source: Windows GDI, BITMAPV5HEADER."""
    size = int.from_bytes(data[14:18], "little")
    blocks = []
    if size >= 40 and len(data) >= 54:
        across, down = struct.unpack_from("<ii", data, 38)
        if across > 0 and down > 0:
            blocks.append(resolution_block(across, down))
    if size >= 124 and data[70:74] in {b"DEBM", b"KNIL"}:
        place, length = struct.unpack_from("<II", data, 126)
        if length:
            blocks.append(Block("colour profile", "", data[14 + place : 14 + place + length]))
    return blocks


def heif_blocks(data: bytes, kind: str) -> list[Block]:
    """What a file holds besides the pixels of its first picture, upright if decoding turns it."""
    contents = contents_as_decoded(data, kind)
    blocks = exif_blocks(contents.exif)
    blocks += [xmp_block(contents.xmp)] if contents.xmp else []
    blocks += [Block("colour profile", "", contents.icc)] if contents.icc else []
    blocks += [Block("IPTC", "", contents.iptc)] if contents.iptc else []
    if contents.colour_code is not None:  # as a PNG holds it
        chunk = colour_chunk(*contents.colour_code)
        blocks.append(Block("colour chunks", chunk.name.decode(), chunk.content))
    return blocks + [Block(name) for name in contents.further]


def contents_as_decoded(data: bytes, kind: str) -> HeifContents:
    """What a file holds, with the orientation of its pixels as they are decoded."""
    contents = heif_contents(data, kind)
    if not contents.turned:
        return contents
    xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", contents.xmp)
    return replace(contents, exif=with_orientation(contents.exif, 1), xmp=xmp)
