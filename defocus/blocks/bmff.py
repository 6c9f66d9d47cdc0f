"""Blocks of HEIC, AVIF and JPEG XL files, which are read and not written."""

import re
from dataclasses import replace

from defocus.blocks.block import Block
from defocus.blocks.exif import exif_blocks, with_orientation
from defocus.blocks.png import colour_chunk
from defocus.blocks.xmp import xmp_block
from defocus.heif_pixels import HeifContents, heif_contents


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
