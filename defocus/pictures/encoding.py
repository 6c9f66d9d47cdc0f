"""Write pictures with what their files held besides the pixels, put in as the bytes that it was."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures.bmp import encoded_bmp
from defocus.pictures.carried import png_with, pointing, remarks_after
from defocus.pictures.exif import thumbnail_of, with_thumbnail
from defocus.pictures.headers import SUFFIXES, png_chunk
from defocus.pictures.heif import HEIF_KINDS
from defocus.pictures.jpeg import (
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
from defocus.pictures.metadata import Metadata
from defocus.pictures.photoshop import without_thumbnails
from defocus.pictures.tiff import TiffTags, further_entries, kept_entries, tiff_tags, with_tags
from defocus.pictures.webp import with_further_chunks
from defocus.pictures.write import JPEG_QUALITY, encoded_jpeg, encoded_png
from defocus.storage.files import atomic_path, write_bytes
from defocus.strips import strips

_THUMBNAIL_QUALITIES = (90, 75, 50, 25)
_MOST_XMP_BYTES = 65_000
_THUMBNAIL_PX = (160, 120)
_STRIP_ROWS = 64
"""Rows of a PNG that are written at once; they fit into the processor's cache."""


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
    small = np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_AREA))
    for quality in _THUMBNAIL_QUALITIES:
        jpeg = encoded_jpeg(small, quality)
        if len(jpeg) <= len(old):
            return with_thumbnail(exif, jpeg)
    return with_thumbnail(exif, b"")


def _eight_bits(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours of 8 bits, without transparency."""
    has_alpha = picture.shape[2:] in {(2,), (4,)}
    colours = picture[:, :, :-1] if has_alpha else picture
    most = np.iinfo(colours.dtype).max if colours.dtype.kind == "u" else 1
    eight = np.empty(colours.shape, np.uint8)
    for rows in strips(len(eight)):
        scaled = colours[rows].astype(np.float32)
        scaled *= 255 / most
        eight[rows] = np.clip(scaled, 0, 255, out=scaled)
    return eight


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
    Image.fromarray(picture).save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0, **settings)
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
    encode = _png_of_grey_and_alpha if picture.shape[2:] == (2,) else encoded_png
    exif = _with_new_thumbnail(metadata.exif, picture)
    return png_with(encode(picture), metadata, exif)


def _png_of_grey_and_alpha(picture: NDArray[Any]) -> bytes:
    """PNG of grey and alpha: OpenCV writes none, Pillow none of 16 bits (PNG 9.2, filter 2, Up)."""
    height = len(picture)
    up = 2
    rows = picture.astype(picture.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    lines = np.full((height, 1 + rows.shape[1]), up, np.uint8)
    lines[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    return _png_of_lines(picture, zlib.compress(lines.tobytes()))


def write_plain_png(path: Path, picture: NDArray[np.uint8], metadata: Metadata) -> None:
    """Write a PNG without compression, for what is only shown: 24 MP in 0.2 s instead of 2 s."""
    frame = png_with(_png_of_lines(picture, b""), metadata, metadata.exif)
    begin, _, end = frame.partition(png_chunk(b"IDAT", b""))
    packing = zlib.compressobj(0)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(begin)
        for top in range(0, len(picture), _STRIP_ROWS):
            strip = picture[top : top + _STRIP_ROWS]
            rows = strip.reshape(len(strip), -1)
            lines = np.zeros((len(strip), 1 + rows.shape[1]), np.uint8)  # filter 0, None
            lines[:, 1:] = rows
            file.write(png_chunk(b"IDAT", packing.compress(lines.data)))
        file.write(png_chunk(b"IDAT", packing.flush()))
        file.write(end)


def _png_of_lines(picture: NDArray[Any], compressed: bytes) -> bytes:
    """A PNG of filtered lines that are compressed already."""
    height, width = picture.shape[:2]
    channels = picture.shape[2] if picture.ndim == 3 else 1
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    depth = 8 * picture.itemsize
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [
        b"\x89PNG\r\n\x1a\n",
        png_chunk(b"IHDR", head),
        png_chunk(b"IDAT", compressed),
        png_chunk(b"IEND", b""),
    ]
    return b"".join(chunks)


def _webp(picture: NDArray[Any], metadata: Metadata) -> bytes:
    from PIL import Image

    settings: dict[str, Any] = {"quality": JPEG_QUALITY, "exact": True}
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
    return encoded_bmp(picture, metadata.parts if isinstance(metadata.parts, bytes) else b"")


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
