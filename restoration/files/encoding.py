"""Write pictures with what their files held besides the pixels, put in as the bytes that it was."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blocks.carried import png_with, pointing, remarks_after
from defocus.blocks.exif import thumbnail_of, with_thumbnail
from defocus.blocks.jpeg import (
    COMMENT,
    EXIF,
    PHOTOSHOP,
    XMP,
    JpegParts,
    Segment,
    parted,
    still_true,
    with_segments,
)
from defocus.blocks.metadata import Metadata
from defocus.blocks.photoshop import without_thumbnails
from defocus.blocks.tiff import TiffTags, further_entries, kept_entries, tiff_tags, with_tags
from defocus.blocks.webp import with_further_chunks
from defocus.bmp_pixels import bmp_with_alpha
from defocus.errors import ImageError
from defocus.files import write_bytes
from defocus.heif_pixels import HEIF_KINDS
from defocus.picture_headers import SUFFIXES, png_chunk

_QUALITY = 95
_THUMBNAIL_QUALITIES = (90, 75, 50, 25)
_MOST_XMP_BYTES = 65_000
_THUMBNAIL_PX = (160, 120)


def written_kind(path: Path, given: Path, metadata: Metadata) -> str:
    """The kind of file that a picture is written as: what it was, or what its new name says."""
    suffix = path.suffix.lower()
    read_only = metadata.kind in HEIF_KINDS  # a JPEG XL may be called .png
    if suffix == given.suffix.lower() and metadata.kind and not read_only:
        return metadata.kind
    return next((kind for kind, suffixes in SUFFIXES.items() if suffix in suffixes), "PNG")


def write_picture(path: Path, picture: NDArray[Any], metadata: Metadata, kind: str = "") -> None:
    """Write a picture atomically, with the metadata that its format can hold."""
    # Grey ``(H, W)``, with alpha ``(H, W, 2)`` (PNG and TIFF only), RGB or RGBA; uint8, uint16 (PNG
    # and TIFF only) or floats (TIFF only). The suffix decides if ``kind`` is empty.
    kind = kind or written_kind(path, path, Metadata())
    try:
        write_bytes(path, encoded_picture(picture, metadata, kind))
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error


def encoded_picture(picture: NDArray[Any], metadata: Metadata, kind: str) -> bytes:
    """The file of a picture; see :func:`write_picture`."""
    encoders = {"JPEG": _jpeg, "WebP": _webp, "BMP": _bmp}
    if kind == "TIFF":
        return _tiff(picture, metadata)
    if kind == "PNG" and picture.dtype.kind == "u":
        return _png(picture, metadata)
    if kind not in encoders or picture.dtype != np.uint8:
        raise ImageError(f"{kind} cannot hold {picture.dtype}; save the picture as TIFF first")
    return encoders[kind](picture, metadata)


def foreseen_remarks(picture: NDArray[Any], metadata: Metadata, kind: str) -> tuple[str, ...]:
    """What a written picture will not have of what its file holds, said before the work is done."""
    # It is seen by writing one pixel with everything else.
    pixel = np.ascontiguousarray(picture[:1, :1])
    return remarks_after(encoded_picture(pixel, metadata, kind), metadata, kind)


def _with_new_thumbnail(exif: bytes, picture: NDArray[Any]) -> bytes:
    """An EXIF block whose thumbnail shows this picture instead of the old one."""
    old = thumbnail_of(exif)
    if not old:
        return with_thumbnail(exif, b"")
    colours = _eight_bits(picture)
    wide, high = _size_of(old)
    height, width = colours.shape[:2]
    scale = min(wide / width, high / height, 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    for quality in _THUMBNAIL_QUALITIES:
        jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= len(old):
            return with_thumbnail(exif, jpeg)
    return with_thumbnail(exif, b"")


def _eight_bits(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture as OpenCV writes it to a JPEG, without transparency."""
    colours = picture[:, :, :1] if picture.ndim == 3 and picture.shape[2] == 2 else picture
    most = np.iinfo(colours.dtype).max if colours.dtype.kind == "u" else 1
    scaled = np.asarray(np.clip(colours.astype(np.float32) * (255 / most), 0, 255), np.uint8)
    return scaled if scaled.ndim == 2 or scaled.shape[2] == 1 else scaled[:, :, [2, 1, 0]]


def _size_of(jpeg: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg)) as opened:
            return opened.size
    except (OSError, SyntaxError, ValueError):
        return _THUMBNAIL_PX


def _jpeg(picture: NDArray[Any], metadata: Metadata) -> bytes:
    from PIL import Image

    if picture.shape[2:] in {(2,), (4,)}:
        raise ImageError("JPEG cannot hold transparency; use .png")
    own = isinstance(metadata.parts, JpegParts)
    stream = io.BytesIO()
    settings = {"icc_profile": metadata.icc} if metadata.icc and not own else {}
    Image.fromarray(picture).save(stream, "JPEG", quality=_QUALITY, subsampling=0, **settings)
    exif = _with_new_thumbnail(metadata.exif, picture)
    resources = without_thumbnails(metadata.resources)
    xmp = pointing(metadata, "JPEG")
    if not isinstance(metadata.parts, JpegParts):
        further = [*parted(0xE1, EXIF, exif), *parted(0xED, PHOTOSHOP, resources)]
        further += parted(0xE1, XMP, xmp)[:1] if len(xmp) < _MOST_XMP_BYTES else []
        further += [Segment(COMMENT, one) for one in metadata.comments]
        return with_segments(stream.getvalue(), JpegParts((), 0, b""), tuple(further))
    changed = {(0xE1, EXIF): exif, (0xED, PHOTOSHOP): resources}
    changed |= {(0xE1, XMP): xmp} if xmp != metadata.xmp else {}
    segments: list[Segment] = []
    replaced: set[tuple[int, bytes]] = set()
    for segment in still_true(metadata.parts.segments, profile=bool(metadata.icc)):
        marker, content = segment.marker, segment.content
        key = next(
            (one for one in changed if one[0] == marker and content.startswith(one[1])), None
        )
        if key is None:
            segments.append(segment)
        elif key not in replaced:
            segments += parted(*key, changed[key])
            replaced.add(key)
    return with_segments(stream.getvalue(), metadata.parts, tuple(segments))


def _png(picture: NDArray[Any], metadata: Metadata) -> bytes:
    if picture.shape[2:] == (2,):
        encoded = _png_of_grey_and_alpha(picture)
    else:
        stored = picture if picture.ndim == 2 else picture[:, :, [2, 1, 0, 3][: picture.shape[2]]]
        whole, array = cv2.imencode(".png", stored)
        if not whole:
            raise ImageError("the restored picture cannot be encoded as PNG")
        encoded = array.tobytes()
    return png_with(encoded, metadata, _with_new_thumbnail(metadata.exif, picture))


def _png_of_grey_and_alpha(picture: NDArray[Any]) -> bytes:
    """PNG of grey and alpha: OpenCV writes none, Pillow none of 16 bits (PNG 9.2, filter 2, Up)."""
    height, width = picture.shape[:2]
    depth, colour_type, up = 8 * picture.itemsize, 4, 2
    rows = picture.astype(picture.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    lines = np.full((height, 1 + rows.shape[1]), up, np.uint8)
    lines[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(lines.tobytes()))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + png_chunk(b"IEND", b"")


def _webp(picture: NDArray[Any], metadata: Metadata) -> bytes:
    from PIL import Image

    settings: dict[str, Any] = {"quality": _QUALITY, "exact": True}
    if metadata.lossless:
        settings["lossless"] = True
    exif = _with_new_thumbnail(metadata.exif, picture)
    blocks = {"exif": exif, "xmp": pointing(metadata, "WebP"), "icc_profile": metadata.icc}
    settings |= {name: content for name, content in blocks.items() if content}
    stream = io.BytesIO()
    try:
        Image.fromarray(picture).save(stream, "WEBP", **settings)
    except (OSError, ValueError) as error:
        raise ImageError(f"WebP cannot hold the picture ({error}); use .png") from error
    given = metadata.parts
    return (
        with_further_chunks(stream.getvalue(), given)
        if isinstance(given, bytes)
        else (stream.getvalue())
    )


def _bmp(picture: NDArray[Any], metadata: Metadata) -> bytes:
    from PIL import Image

    head = metadata.parts if isinstance(metadata.parts, bytes) else b""
    has_resolution = len(head) >= 54 and int.from_bytes(head[14:18], "little") >= 40
    per_metre = head[38:46] if has_resolution else bytes(8)
    if picture.shape[2:] == (4,):
        written = bytearray(bmp_with_alpha(picture))
    else:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "BMP")
        written = bytearray(stream.getvalue())
    written[38:46] = per_metre
    return bytes(written)


def _tiff(picture: NDArray[Any], metadata: Metadata) -> bytes:
    """The pixels by tifffile, then a directory with all tags, which tifffile cannot write."""
    import tifffile

    given = metadata.parts
    tags = given if isinstance(given, TiffTags) else tiff_tags(metadata.exif)
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        picture,
        byteorder="<" if tags.order == "<" else ">",
        bigtiff=False,
        photometric="minisblack" if picture.ndim == 2 or picture.shape[2] == 2 else "rgb",
        planarconfig=None if picture.ndim == 2 else "contig",
        extrasamples=["unassalpha"] if picture.shape[2:] in {(2,), (4,)} else None,
        compression="zlib",
        predictor=picture.dtype.kind == "u",
        metadata=None,
        software=False,
        iccprofile=None if isinstance(given, TiffTags) else metadata.icc or None,
    )
    image = kept_entries(tags, picture.shape[2:], profile=bool(metadata.icc))
    if not isinstance(given, TiffTags):
        image += further_entries(pointing(metadata, "TIFF"), metadata.resources)
    return with_tags(stream.getvalue(), image, tags.directories)
