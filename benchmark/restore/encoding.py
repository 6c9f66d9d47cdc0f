"""Writing pictures of 8 and 16 bits together with their metadata.

OpenCV writes 16 bits and no metadata, Pillow the reverse; so each format has its own way here.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2

from defocus.benchmark.restore.metadata import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    Metadata,
    exif_bytes,
)
from defocus.errors import ImageError
from defocus.files import atomic_path
from defocus.images import Image

__all__ = ["write_picture"]

_BEHIND_PNG_HEAD = 8 + 25  # signature, IHDR
_JPEG_QUALITY = 95


def write_picture(path: Path, picture: Image, metadata: Metadata) -> None:
    """Write a picture atomically, with what its metadata its format can hold.

    Args:
        path: ``.png``, ``.tif``, ``.tiff``, ``.jpg``, ``.jpeg``, ``.webp`` or ``.bmp``; the last
            holds no metadata.
        picture: ``(H, W, 3)`` RGB, uint8 or uint16 (PNG and TIFF alone).
        metadata: Of the picture that it was made from.

    Raises:
        ImageError: The format cannot hold the picture.
        StorageError: The disk is full or the folder is not writable.
    """
    suffix = path.suffix.lower()
    with atomic_path(path) as temporary:
        if suffix in {".tif", ".tiff"}:
            _write_tiff(temporary, picture, metadata)
        elif suffix == ".png":
            temporary.write_bytes(_png(picture, metadata))
        elif picture.dtype.itemsize == 1:
            _write_with_pillow(temporary, picture, metadata)
        else:
            raise ImageError(f"{path}: {suffix} cannot hold 16 bits; use .png or .tif")


def _png(picture: Image, metadata: Metadata) -> bytes:
    """Source: PNG specification, third edition: 11.3.2.3 iCCP, 11.3.3.4 iTXt, 11.3.4.6 eXIf."""
    done, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise ImageError("the restored picture cannot be encoded as PNG")
    content = encoded.tobytes()
    chunks = b""
    if metadata.icc:
        chunks += _chunk(b"iCCP", b"profile\0\0" + zlib.compress(metadata.icc))
    if metadata.xmp:
        chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    if exif := exif_bytes(metadata):
        chunks += _chunk(b"eXIf", exif)
    return content[:_BEHIND_PNG_HEAD] + chunks + content[_BEHIND_PNG_HEAD:]


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _write_with_pillow(path: Path, picture: Image, metadata: Metadata) -> None:
    from PIL import Image as Pillow

    settings: dict[str, Any] = {}
    if path.suffix.lower() != ".bmp":
        settings = {"quality": _JPEG_QUALITY, "exif": exif_bytes(metadata)}
        settings |= {"icc_profile": metadata.icc} if metadata.icc else {}
        settings |= {"xmp": metadata.xmp} if metadata.xmp else {}
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        settings["subsampling"] = 0  # colour at full resolution
    Pillow.fromarray(picture).save(path, **settings)


def _write_tiff(path: Path, picture: Image, metadata: Metadata) -> None:
    """The pixels by tifffile; directories behind them, since it writes none below the first.

    Source: TIFF 6.0, section 2; Exif 2.32, section 4.6.3 (pointers to the directories).
    """
    import tifffile
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    below = {EXIF_DIRECTORY: metadata.exif, GPS_DIRECTORY: metadata.gps}
    extra: list[tuple[int, int, int, object, bool]] = [
        (tag, 4, 1, 0, True) for tag, entries in below.items() if entries
    ]
    extra += [tag for each in metadata.image.items() if (tag := _tiff_tag(*each)) is not None]
    if metadata.xmp:
        extra.append((700, 1, len(metadata.xmp), metadata.xmp, True))
    tifffile.imwrite(
        path,
        picture,
        byteorder="<",
        photometric="rgb",
        compression="zlib",
        predictor=True,
        metadata=None,
        software=False,
        iccprofile=metadata.icc,
        extratags=sorted(extra, key=lambda tag: tag[0]),
    )
    for tag, entries in below.items():
        if not entries:
            continue
        directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
        for key, value in entries.items():
            directory[key] = value
        with tifffile.TiffFile(path) as written:
            place = written.pages[0].tags[tag].valueoffset
        with path.open("r+b") as file:
            begin = file.seek(0, 2)
            file.write(b"\0" * (begin % 2))  # directories begin at even places
            begin += begin % 2
            file.write(directory.tobytes(begin))
            file.seek(place)
            file.write(struct.pack("<I", begin))


def _tiff_tag(tag: int, value: object) -> tuple[int, int, int, object, bool] | None:
    """A tag of the first directory as tifffile takes it; None for kinds that it cannot write."""
    from PIL.TiffImagePlugin import IFDRational

    if isinstance(value, str):
        return tag, 2, 0, value, True
    if isinstance(value, bytes):
        return tag, 7, len(value), value, True
    if isinstance(value, int):
        return tag, 3 if value < 2**16 else 4, 1, value, True
    if isinstance(value, IFDRational):
        return tag, 5, 1, (int(value.numerator), int(value.denominator)), True
    return None
