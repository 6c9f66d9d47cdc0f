"""HEIC, AVIF and JPEG XL files, by Pillow (AVIF of 8 bits) and the libraries of the extra ``heif``.

Source: ISO/IEC 14496-12 (boxes), 23008-12 (HEIF), 18181-2 (JPEG XL), AV1-ISOBMFF 1.2."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from defocus.errors import ImageError
from defocus.extra_packages import require
from defocus.pictures.blocks import Block, big_number, xmp_block
from defocus.pictures.png import colour_chunk
from defocus.pictures.tags import exif_blocks, with_orientation
from defocus.quiet_decoders import QUIET
from defocus.strips import Pixels, strips

HEIF_KINDS = ("HEIC", "AVIF", "JPEG XL")
HEIF_HEAD_BYTES = 200_000
_ALPHA = re.compile(rb"auxiliary:alpha|hevc:2015:auxid:1")
_UNREAD = "metadata that cannot be read"
_AUXILIARY = {
    b"hdrgainmap": "HDR gain map",
    b"tmap": "HDR gain map",
    b"auxid:2": "depth map",
    b"semantic": "masks of what is seen",
    b"portraiteffectsmatte": "portrait mask",
    b"c2pa": "content credentials (C2PA)",
}
"""Words in a file's list of items, and what each means, for messages."""
_USUAL_PRIMARIES = {0, 1, 2}
"""Codes of primaries (ITU-T H.273) that mean sRGB, or nothing."""
_USUAL_CURVES = {0, 1, 2, 6, 13, 14, 15}
"""Codes of curves (ITU-T H.273) that mean about that of sRGB, or nothing."""


@dataclass(frozen=True)
class HeifContents:
    """What a HEIC, AVIF or JPEG XL file holds besides the pixels of its first picture."""

    # ``colour_code`` is primaries and curve (ITU-T H.273), unless they are those of sRGB;
    # ``turned`` is whether decoding turns the picture, so that its orientation is done.

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    iptc: bytes = b""
    colour_code: tuple[int, int] | None = None
    further: tuple[str, ...] = ()
    pictures: int = 1
    turned: bool = True


def read_heif(path: Path, data: bytes, kind: str) -> Pixels:
    """The pixels of a file's first picture; uint8, uint16, of JPEG XL floats as well."""
    try:
        with QUIET:
            pixels = _decoded(data, kind)
    except ImageError as error:
        raise ImageError(f"{path}: is {kind}, which {error}") from error
    except Exception as error:
        words = " ".join(str(error).split())
        reason = words or type(error).__name__
        raise ImageError(
            f"{path}: the {kind} cannot be decoded ({reason}); copy it again"
        ) from error
    animated = pixels.ndim == 4 or pixels.shape[2:] > (4,)
    if kind == "JPEG XL" and animated:
        raise ImageError(f"{path}: is an animation of JPEG XL; save its picture as PNG")
    if pixels.ndim == 4:  # an animation, whose pictures are counted
        pixels = pixels[0]
    if pixels.shape[2:] == (1,):
        pixels = pixels[:, :, 0]
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    return np.ascontiguousarray(pixels)


def _decoded(data: bytes, kind: str) -> Pixels:
    if kind == "JPEG XL":
        imagecodecs = require("imagecodecs", "heif", error=ImageError)
        pixels = np.asarray(imagecodecs.jpegxl_decode(data))
        return of_bits(pixels, jpeg_xl_bits(data) or 16)
    if kind == "HEIC":
        opened: Any = require("pillow_heif", "heif", error=ImageError).open_heif(
            io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False
        )
        picture = opened[opened.primary_index]
        pixels = of_bits(np.asarray(picture), picture.info["bit_depth"])
        return divided(pixels) if picture.premultiplied_alpha else pixels
    bits = _avif_bits(data)
    if bits > 8:
        imagecodecs = require("imagecodecs", "heif", error=ImageError)
        return of_bits(np.asarray(imagecodecs.avif_decode(data)), bits)
    with io.BytesIO(data) as stream, _opened_avif(stream) as opened_avif:
        return np.asarray(opened_avif)


def _opened_avif(stream: io.BytesIO) -> Any:  # noqa: ANN401 - Pillow's picture
    from PIL import Image, features

    if not features.check("avif"):
        raise ImageError("needs a Pillow with AVIF; pip install --upgrade pillow")
    return Image.open(stream, formats=["AVIF"])


def of_bits(pixels: Pixels, bits: int) -> Pixels:
    """Integers of ``bits`` bits, scaled to all bits of their type; other values as they are."""
    all_used = bits >= 8 * pixels.itemsize
    if pixels.dtype.kind != "u" or all_used:
        return pixels
    scale = np.iinfo(pixels.dtype).max / (2**bits - 1)
    scaled = np.empty_like(pixels)
    for rows in strips(len(pixels)):
        scaled[rows] = np.rint(pixels[rows] * scale)
    return scaled


def divided(picture: Pixels) -> Pixels:
    """Colours that were multiplied with the transparency, which comes last, without it."""
    integers = picture.dtype.kind == "u"
    colours = picture[:, :, :-1].astype(np.float64)
    share = picture[:, :, -1:].astype(np.float64)
    full = np.iinfo(picture.dtype).max if integers else 1.0
    divisor = np.where(share > 0, share, 1)
    whole = colours * full / divisor
    straight = np.where(share > 0, whole, colours)
    if integers:
        straight = np.rint(np.minimum(straight, full))
    return np.concatenate([straight, share], axis=2).astype(picture.dtype)


def _avif_bits(data: bytes) -> int:
    """Bits of a value, as the configuration of the codec says."""
    place = data.find(b"av1C", 0, HEIF_HEAD_BYTES)
    if not 0 <= place < len(data) - 6:
        return 8
    flags = data[place + 6]
    if not flags & 0x40:
        return 8
    return 12 if flags & 0x20 else 10


def may_have_alpha(head: bytes) -> bool:
    """Whether the list of items in a HEIC or AVIF names a transparency."""
    return _ALPHA.search(head) is not None


class _LowBits:
    """The bits of a JPEG XL header, the lowest of a byte first. Source: ISO/IEC 18181-1, B."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")

    def number(self, bits: int) -> int:
        """The number in the next bits."""
        number = self._bits & ((1 << bits) - 1)
        self._bits >>= bits
        return number

    def choice(self, *forms: tuple[int, int]) -> int:
        """One of four forms, which two bits choose: a first value, and bits that are added."""
        first, bits = forms[self.number(2)]
        return first + self.number(bits)

    def pass_size(self) -> None:
        """Pass the height, and the width unless a ratio gives it."""
        small = self.number(1)
        for of_height in (True, False):
            if not of_height and self.number(3):
                return
            if small:
                self.number(5)
            else:
                self.choice((1, 9), (1, 13), (1, 18), (1, 30))


_JPEG_XL_HEADER_BYTES = 64
"""More bytes than the header of a JPEG XL has up to the bits of a value."""


def _jpeg_xl_stream(data: bytes) -> bytes:
    """The first part of the stream in the boxes of a JPEG XL; empty if there is none."""
    for name, content in contents_of_boxes(data):
        if name == b"jxlc":
            return content
        if name == b"jxlp":  # a part begins with its number
            return content[4:]
    return b""


def jpeg_xl_bits(data: bytes) -> int:
    """Bits of an integer by the header of a JPEG XL; 0 of floats, and where it is not read."""
    stream = data[:_JPEG_XL_HEADER_BYTES]
    if data[4:8] == b"JXL ":
        stream = _jpeg_xl_stream(data)[:_JPEG_XL_HEADER_BYTES]
    bits = _LowBits(stream[2:])
    bits.pass_size()
    if bits.number(1):  # all as usual
        return 8
    if bits.number(1):
        bits.number(3)  # orientation
        if bits.number(1):  # another size for showing
            bits.pass_size()
        if bits.number(2):  # a preview or an animation
            return 0
    if bits.number(1):  # floats
        return 0
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6))


def heif_contents(data: bytes, kind: str) -> HeifContents:
    """What a file holds besides its first picture's pixels; unknown for a damaged file."""
    try:
        with QUIET:
            if kind == "JPEG XL":
                return _of_jpeg_xl(data)
            return _of_heic(data) if kind == "HEIC" else _of_avif(data)
    except Exception:  # noqa: BLE001 - the pixels may be read all the same
        return HeifContents(further=(_UNREAD,))


def _of_heic(data: bytes) -> HeifContents:
    import pillow_heif

    opened: Any = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    info = opened[opened.primary_index].info
    records = b""
    for item in info.get("metadata") or ():
        if item.get("type") == "iptc":
            records += item["data"]
    icc = info.get("icc_profile") or b""
    return HeifContents(
        (info.get("exif") or b"").removeprefix(b"Exif\0\0"),
        info.get("xmp") or b"",
        icc,
        records,
        _colour_code(data, icc),
        _further(data),
        len(opened),
    )


def _of_avif(data: bytes) -> HeifContents:
    with io.BytesIO(data) as stream, _opened_avif(stream) as opened:
        info = opened.info
        pictures = getattr(opened, "n_frames", 1)
    icc = info.get("icc_profile") or b""
    exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    return HeifContents(
        exif=exif,
        xmp=info.get("xmp") or b"",
        icc=icc,
        colour_code=_colour_code(data, icc),
        further=_further(data),
        pictures=pictures,
        turned=False,
    )


def _of_jpeg_xl(data: bytes) -> HeifContents:
    boxes = {}
    if data[4:8] == b"JXL ":
        boxes = dict(contents_of_boxes(data))
    exif = boxes.get(b"Exif", b"")
    further = ["content credentials (C2PA)"] if b"jumb" in boxes else []
    further += ["compressed metadata"] if b"brob" in boxes else []
    further += ["HDR gain map"] if b"jhgm" in boxes else []
    start = 4 + int.from_bytes(exif[:4], "big")
    return HeifContents(
        exif=exif[start:].removeprefix(b"Exif\0\0"),
        xmp=boxes.get(b"xml ", b""),
        further=tuple(further),
    )


def _colour_code(data: bytes, icc: bytes) -> tuple[int, int] | None:
    """The colours that a file's codes say, where a profile does not."""
    place = data.find(b"colrnclx", 0, HEIF_HEAD_BYTES)
    if place < 0 or len(data) < place + 12:
        return None
    primaries = data[place + 9]
    curve = data[place + 11]
    if not unusual_code(primaries, curve):
        return None
    said_by_profile = bool(icc) and curve in _USUAL_CURVES
    return None if said_by_profile else (primaries, curve)


def unusual_code(primaries: int, curve: int) -> bool:
    """Whether codes of ITU-T H.273 mean other colours than those of sRGB."""
    return primaries not in _USUAL_PRIMARIES or curve not in _USUAL_CURVES


def _further(data: bytes) -> tuple[str, ...]:
    head = data[:HEIF_HEAD_BYTES]
    names = [name for word, name in _AUXILIARY.items() if word in head]
    if b"mpvd" in dict(contents_of_boxes(data)):
        names.append("film of the motion photo")
    return tuple(dict.fromkeys(names))


def contents_of_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box of a file, or of a box."""
    place = 0
    while place + 8 <= len(data):
        head = 8
        size = big_number(data, place, 4)
        name = data[place + 4 : place + 8]
        if size == 1:  # it has a longer number
            head = 16
            size = big_number(data, place + 8, 8)
        size = size or len(data) - place
        end = place + size
        yield name, data[place + head : end]
        place += max(size, head)


def heif_blocks(data: bytes, kind: str) -> list[Block]:
    """What a file holds besides the pixels of its first picture, upright if decoding turns it."""
    contents = contents_as_decoded(data, kind)
    blocks = exif_blocks(contents.exif)
    if contents.xmp:
        blocks.append(xmp_block(contents.xmp))
    if contents.icc:
        blocks.append(Block("colour profile", "", contents.icc))
    if contents.iptc:
        blocks.append(Block("IPTC", "", contents.iptc))
    if contents.colour_code is not None:  # as a PNG holds it
        chunk = colour_chunk(*contents.colour_code)
        blocks.append(Block("colour chunks", chunk.name.decode(), chunk.content))
    blocks += map(Block, contents.further)
    return blocks


def contents_as_decoded(data: bytes, kind: str) -> HeifContents:
    """What a file holds, with the orientation of its pixels as they are decoded."""
    contents = heif_contents(data, kind)
    if not contents.turned:
        return contents
    xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", contents.xmp)
    return replace(contents, exif=with_orientation(contents.exif, 1), xmp=xmp)
