"""Write pictures of 8 and 16 bits and of floats with their metadata.

OpenCV writes 16 bits and no metadata, Pillow the reverse; so each format is written in its own way.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.restore.files.metadata import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    Metadata,
    exif_bytes,
)
from defocus.errors import ImageError
from defocus.files import atomic_path
from defocus.picture_headers import PNG_HEAD_BYTES, png_chunk

__all__ = ["write_picture"]

_JPEG_QUALITY = 95
_XMP = 700
_RESOLUTION = frozenset({282, 283, 296})
"""Tags that tifffile writes whether or not it is told them."""
_METRES_PER_INCH = 0.0254


def write_picture(path: Path, picture: NDArray[Any], metadata: Metadata) -> None:
    """Write a picture atomically, with the metadata that its format can hold.

    Args:
        path: ``.png``, ``.tif``, ``.tiff``, ``.jpg``, ``.jpeg``, ``.webp`` or ``.bmp``; the last
            holds no metadata.
        picture: ``(H, W)`` grey, ``(H, W, 2)`` grey and alpha (PNG and TIFF only), ``(H, W, 3)``
            RGB or ``(H, W, 4)`` RGB and alpha; uint8, uint16 (PNG and TIFF only) or floats (TIFF
            only).
        metadata: Metadata of the picture that it was made from.

    Raises:
        ImageError: The format cannot hold the picture.
        StorageError: The disk is full or the folder is not writable.
    """
    suffix = path.suffix.lower()
    with atomic_path(path) as temporary:
        if suffix in {".tif", ".tiff"}:
            _write_tiff(temporary, picture, metadata)
        elif suffix == ".png" and picture.dtype.kind == "u":
            temporary.write_bytes(_png(picture, metadata))
        elif picture.dtype.itemsize == 1:
            _write_with_pillow(temporary, picture, metadata)
        else:
            raise ImageError(f"{path}: {suffix} cannot hold {picture.dtype}; use .tif")


def _png(picture: NDArray[Any], metadata: Metadata) -> bytes:
    """Source: PNG specification, third edition: 11.3.2.3 iCCP, 11.3.3.4 iTXt, 11.3.4 pHYs, eXIf."""
    content = _png_of_grey_and_alpha(picture) if picture.shape[2:] == (2,) else _png_of(picture)
    chunks = b""
    if metadata.icc:
        chunks += png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi:
        per_metre = (round(one / _METRES_PER_INCH) for one in metadata.dpi)
        chunks += png_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    if metadata.xmp:
        chunks += png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    if exif := exif_bytes(metadata):
        chunks += png_chunk(b"eXIf", exif)
    return content[:PNG_HEAD_BYTES] + chunks + content[PNG_HEAD_BYTES:]


def _png_of(picture: NDArray[Any]) -> bytes:
    stored = picture if picture.ndim == 2 else picture[:, :, [2, 1, 0, 3][: picture.shape[2]]]
    done, encoded = cv2.imencode(".png", stored)
    if not done:
        raise ImageError("the restored picture cannot be encoded as PNG")
    return encoded.tobytes()


def _png_of_grey_and_alpha(picture: NDArray[Any]) -> bytes:
    """OpenCV writes none, Pillow none of 16 bits. Source: the same, 9.2 (filter type 2, Up)."""
    height, width = picture.shape[:2]
    depth, colour_type, up = 8 * picture.itemsize, 4, 2
    rows = picture.astype(picture.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    lines = np.full((height, 1 + rows.shape[1]), up, np.uint8)
    lines[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(lines.tobytes()))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + png_chunk(b"IEND", b"")


def _write_with_pillow(path: Path, picture: NDArray[Any], metadata: Metadata) -> None:
    from PIL import Image as Pillow

    settings: dict[str, Any] = {"dpi": metadata.dpi} if metadata.dpi else {}
    if path.suffix.lower() != ".bmp":
        settings["quality"] = _JPEG_QUALITY
        if exif := exif_bytes(metadata):
            settings["exif"] = b"Exif\0\0" + exif
        settings |= {"icc_profile": metadata.icc} if metadata.icc else {}
        settings |= {"xmp": metadata.xmp} if metadata.xmp else {}
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        settings["subsampling"] = 0  # colour at full resolution
    Pillow.fromarray(picture).save(path, **settings)


def _write_tiff(path: Path, picture: NDArray[Any], metadata: Metadata) -> None:
    """Write the pixels with tifffile, then a directory with all tags, which tifffile cannot write.

    Source: TIFF 6.0, section 2; Exif 2.32, section 4.6.3 (pointers to the directories).
    """
    import tifffile

    tifffile.imwrite(
        path,
        picture,
        byteorder="<",
        bigtiff=False,
        photometric="minisblack" if picture.ndim == 2 or picture.shape[2] == 2 else "rgb",
        planarconfig=None if picture.ndim == 2 else "contig",
        extrasamples=["unassalpha"] if picture.shape[2:] in {(2,), (4,)} else None,
        compression="zlib",
        predictor=picture.dtype.kind == "u",
        metadata=None,
        software=False,
        iccprofile=metadata.icc,
    )
    content = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", content, 4)
    entries = _entries(content, place)
    image = dict(metadata.image) | ({_XMP: metadata.xmp} if metadata.xmp else {})
    if image:
        for tag in _RESOLUTION & image.keys():
            del entries[tag]
        entries = _entries(content, _append(content, image)) | entries
    for tag, directory in {EXIF_DIRECTORY: metadata.exif, GPS_DIRECTORY: metadata.gps}.items():
        if directory:
            entries[tag] = struct.pack("<HHII", tag, 4, 1, _append(content, directory))
    first = _even_end(content)
    content += struct.pack("<H", len(entries))
    content += b"".join(entry for _, entry in sorted(entries.items())) + b"\0\0\0\0"
    struct.pack_into("<I", content, 4, first)
    path.write_bytes(content)


def _entries(content: bytearray, place: int) -> dict[int, bytes]:
    """The entries, 12 bytes each, of the directory at an offset, by tag."""
    (count,) = struct.unpack_from("<H", content, place)
    raw = [bytes(content[place + 2 + 12 * k : place + 14 + 12 * k]) for k in range(count)]
    return {struct.unpack_from("<H", entry)[0]: entry for entry in raw}


def _append(content: bytearray, tags: dict[int, Any]) -> int:
    """Append a directory of tags to the file and return its offset."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    for tag, value in tags.items():
        directory[tag] = value
        if tag == _XMP:
            directory.tagtype[tag] = 1  # bytes
    begin = _even_end(content)
    content += directory.tobytes(begin)
    return begin


def _even_end(content: bytearray) -> int:
    """The end of the file, rounded up to an even offset, where directories may begin."""
    content += b"\0" * (len(content) % 2)
    return len(content)
