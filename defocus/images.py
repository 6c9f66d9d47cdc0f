"""Pictures in memory and on disk, at their own bit depth.

In memory a picture is ``(H, W, 3)``, RGB, ``uint8`` or ``uint16``, sRGB-encoded; as floats it is
``float32`` or ``float64`` in [0, 1]. Reading gives the stored pixel grid: an EXIF orientation is
not applied, because both members of a pair were taken by the same sensor.
"""

import functools
import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import FileError, ImageError
from defocus.files import atomic_path
from defocus.picture_headers import (
    MAX_PIXELS,
    TIFF_BEGINS,
    is_known_kind,
    jpeg_scan_start,
    refuse_oversized,
    refuse_truncated,
)
from defocus.quiet_decoders import QUIET
from defocus.raw import RAW_SUFFIXES, develop_pair, develop_raw
from defocus.reading import read_bytes

__all__ = [
    "IMAGE_SUFFIXES",
    "FloatImage",
    "Image",
    "as_float",
    "as_integer",
    "as_linear",
    "as_shown",
    "as_stored",
    "bit_depth",
    "linear_table",
    "linear_to_srgb",
    "read_image",
    "read_pair",
    "read_stored",
    "srgb_to_linear",
    "write_image",
]

Image: TypeAlias = NDArray[np.unsignedinteger[Any]]
FloatImage: TypeAlias = NDArray[np.floating[Any]]

SWAPPED = (np.uint8, np.uint16, np.float32)
"""Types of which OpenCV itself changes the order of colours, which takes a tenth of the time."""

STRIP_ROWS = 256
"""Rows whose colours are put in order at once."""

IMAGE_SUFFIXES = (
    frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}) | RAW_SUFFIXES
)
"""Suffixes (lower case) of the files that :func:`read_image` opens."""

MOST_BYTES = 12 * MAX_PIXELS
"""Three channels of float32: no file of a picture that is read is larger."""

LARGE_PNG_BYTES = 8_000_000  # worth loading compiled code that reads them faster
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"

_TIFF_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError, struct.error, zlib.error),
)
"""What tifffile and its decoders raise for damaged files."""


def read_image(path: Path) -> Image:
    """Read a picture at its own bit depth.

    Grey pictures are repeated into three channels; an alpha channel is dropped. RAW files are
    developed with their own white balance; for a pair use :func:`read_pair`.

    Args:
        path: A file with a suffix of :data:`IMAGE_SUFFIXES`.

    Returns:
        ``(H, W, 3)`` RGB, uint8 or uint16.

    Raises:
        ImageError: The file is missing, not a picture, truncated, has an unsupported bit depth, or
            is a single-scan JPEG that lacks a part.
    """
    stored = read_stored(path)
    if stored.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{path}: pixels are {stored.dtype}; 8- or 16-bit integers are read")
    if stored.ndim == 2:
        stored = np.repeat(stored[:, :, None], 3, axis=2)
    colour: Image = np.ascontiguousarray(stored[:, :, :3])
    return colour


def read_stored(path: Path) -> NDArray[Any]:
    """Read a picture with all that it has: grey stays grey, transparency and floats are kept.

    Args:
        path: A file with a suffix of :data:`IMAGE_SUFFIXES`.

    Returns:
        ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGB and alpha; uint8, uint16, or what
        floats a TIFF file has.

    Raises:
        ImageError: The file is missing, not a picture, truncated, has an unsupported bit depth, or
            is a single-scan JPEG that lacks a part.
    """
    if path.suffix.lower() in RAW_SUFFIXES:
        return develop_raw(path)
    data = _content(path)
    content = np.frombuffer(data, np.uint8)
    refuse_truncated(path, data)
    refuse_oversized(path, data)
    picture = _decode(path, content)
    if _lacks_a_part(path, data, picture):
        raise ImageError(f"{path}: a part of the JPEG is missing; copy it again")
    return picture


def _content(path: Path) -> bytes:
    """The bytes of a picture of a kind that is read, whatever its suffix says."""
    try:
        content = read_bytes(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such picture; check the path") from error
    except FileError as error:
        raise ImageError(str(error)) from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if content and not is_known_kind(content):
        raise ImageError(f"{path}: not a picture that can be read; replace the file")
    return content


def _lacks_a_part(path: Path, data: bytes, picture: NDArray[Any]) -> bool:
    """Whether part of a single-scan JPEG is missing, for which libjpeg only prints a warning.

    Restart markers count from 0 to 7 over and over. Without them, a picture whose data end early is
    mid-grey in its last corner, and bytes added in front of the end marker change it; a complete
    picture is decoded without looking at them. A gap of less than a row or so may pass.
    """
    if data[:2] != b"\xff\xd8":
        return False
    start = jpeg_scan_start(data)
    end = data.find(b"\xff\xd9", start)
    if data.find(b"\xff\xda", start + 2, end) >= 0:
        return False
    restarts = b"".join(re.findall(rb"\xff([\xd0-\xd7])", data[start:end]))
    if any(found != 0xD0 + index % 8 for index, found in enumerate(restarts)):
        return True
    if np.any(picture[-8:, -8:] != 128):
        return False
    following = b"\xff" + bytes([0xD0 + len(restarts) % 8]) if restarts else b""
    longer = data[:end] + following + bytes(range(255)) * 8 + data[end:]
    return not np.array_equal(_decode(path, np.frombuffer(longer, np.uint8)), picture)


def _decode(path: Path, content: NDArray[np.uint8]) -> NDArray[Any]:
    tiff = content[:4].tobytes() in TIFF_BEGINS
    layout, orientation = _tiff_layout(content) if tiff else ("plain", 1)
    decoded = _large_png(content) if layout == "plain" else _of_tifffile(path, content)
    if decoded is None:
        decoded = _of_opencv(path, content)
    if decoded.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise ImageError(
            f"{path}: pixels are {decoded.dtype}; integers of 8 or 16 bits and floats of 32 or 64 "
            "bits are read"
        )
    if tiff and layout == "plain":  # OpenCV turns TIFF files whatever flag it is given
        decoded = as_stored(decoded, orientation)
    return np.ascontiguousarray(decoded)


def _large_png(content: NDArray[np.uint8]) -> NDArray[Any] | None:
    """The pixels of a large and plain PNG file; None of any other."""
    if content.size < LARGE_PNG_BYTES or content[:4].tobytes() != b"\x89PNG":
        return None
    from defocus.png_pixels import plain_png  # it loads numba

    return plain_png(_as_file(content).getvalue())


def _of_opencv(path: Path, content: NDArray[np.uint8]) -> NDArray[Any]:
    try:
        with QUIET:
            decoded = cv2.imdecode(content, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except (cv2.error, MemoryError) as error:
        reason = getattr(error, "err", "") or "too little memory"
        raise ImageError(f"{path}: cannot be decoded ({reason}); replace the file") from error
    if decoded is None:
        raise ImageError(f"{path}: not a picture that can be read; replace the file")
    picture: NDArray[Any] = np.asarray(decoded)
    if picture.shape[2:] == (3,) and picture.dtype in SWAPPED:
        for top in range(0, len(picture), STRIP_ROWS):  # in place: a copy takes much memory
            strip = picture[top : top + STRIP_ROWS]
            cv2.cvtColor(strip, cv2.COLOR_BGR2RGB, dst=strip)
        return picture
    return picture if picture.ndim == 2 else picture[:, :, [2, 1, 0, *range(3, picture.shape[2])]]


def _tiff_layout(content: NDArray[np.uint8]) -> tuple[Literal["plain", "special"], int]:
    """Whether OpenCV reads a TIFF file's values as they are, and its orientation tag.

    It multiplies 8-bit colours with the transparency, drops that of grey pictures, mixes up colours
    that lie one after the other, and knows no floats of 16 bits.
    """
    import tifffile

    try:
        with _as_file(content) as stream, tifffile.TiffFile(stream) as file:
            page = file.pages.first
            tag = page.tags.get(274)
            orientation = int(tag.value) if tag is not None else 1
            transparent = page.samplesperpixel in {2, 4} and page.photometric in {1, 2}
            apart = page.samplesperpixel > 1 and page.planarconfig == 2
            half_floats = page.dtype == np.float16
            wrong = apart or half_floats or (transparent and page.bitspersample == 8)
            return "special" if wrong else "plain", orientation
    except _TIFF_DAMAGE:
        return "plain", 1  # OpenCV may read it all the same


def _as_file(content: NDArray[np.uint8]) -> io.BytesIO:
    """These bytes, not copied. Close it: tifffile's objects keep it until they are collected."""
    return io.BytesIO(content.base if isinstance(content.base, bytes) else content.tobytes())


def _of_tifffile(path: Path, content: NDArray[np.uint8]) -> NDArray[Any]:
    import tifffile

    try:
        with _as_file(content) as stream, tifffile.TiffFile(stream) as file:
            page = file.pages.first
            if page.nbytes > MOST_BYTES:
                raise ValueError(f"{page.nbytes} bytes of pixels")
            picture: NDArray[Any] = np.asarray(page.asarray())
            if picture.dtype == np.float16:
                picture = picture.astype(np.float32)
    except _TIFF_DAMAGE as error:
        raise ImageError(
            f"{path}: cannot be decoded ({error}); save it again without compression"
        ) from error
    if page.samplesperpixel > 1 and picture.shape[0] == page.samplesperpixel:
        picture = np.moveaxis(picture, 0, 2)
    grey_and_alpha = picture.ndim == 3 and picture.shape[2] == 2
    return picture[:, :, [0, 0, 0, 1]] if grey_and_alpha else picture


def as_shown(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a stored picture as its EXIF orientation says.

    Args:
        stored: ``(H, W)`` or ``(H, W, C)``.
        orientation: 1 to 8; others change nothing.
    """
    return as_stored(stored, {6: 8, 8: 6}.get(orientation, orientation))


def as_stored(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The inverse of :func:`as_shown`."""
    turned = {
        2: lambda: picture[:, ::-1],
        3: lambda: picture[::-1, ::-1],
        4: lambda: picture[::-1],
        5: lambda: picture.swapaxes(0, 1),
        6: lambda: np.rot90(picture),
        7: lambda: picture[::-1, ::-1].swapaxes(0, 1),
        8: lambda: np.rot90(picture, -1),
    }
    return turned[orientation]() if orientation in turned else picture


def read_pair(blurry: Path, sharp: Path) -> tuple[Image, Image]:
    """Read the two members of a pair, which must have the same size.

    Two RAW files are developed with one set of parameters, the sharp member's white balance in
    both, so that development adds no difference between them.

    Returns:
        Blurry and sharp picture, each ``(H, W, 3)`` RGB at its own bit depth.

    Raises:
        ImageError: A member cannot be read, or the sizes differ.
    """
    if blurry.suffix.lower() in RAW_SUFFIXES and sharp.suffix.lower() in RAW_SUFFIXES:
        first, second = develop_pair(blurry, sharp)
    else:
        first, second = read_image(blurry), read_image(sharp)
    if first.shape != second.shape:
        raise ImageError(
            f"{blurry} is {first.shape[1]}x{first.shape[0]} but {sharp} is "
            f"{second.shape[1]}x{second.shape[0]}; a pair needs one size"
        )
    return first, second


def write_image(path: Path, image: Image) -> None:
    """Write a picture atomically; PNG and TIFF keep 16 bits, JPEG has 8 bits and quality 95.

    Args:
        path: The file; its suffix determines the format.
        image: ``(H, W, 3)`` or ``(H, W)``, uint8 or uint16, RGB.

    Raises:
        ImageError: The format cannot hold 16 bits.
        StorageError: The disk is full or the folder is not writable.
    """
    suffix = path.suffix.lower()
    if image.dtype == np.uint16 and suffix not in {".png", ".tif", ".tiff"}:
        raise ImageError(f"{path}: {suffix} cannot hold 16 bits; use .png or .tif")
    pixels: NDArray[Any] = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    del image  # if nobody else has it: two copies of a large picture take much memory
    with atomic_path(path) as temporary:
        if suffix == ".png" and _streamed(temporary, pixels):
            return
        ok, encoded = cv2.imencode(suffix, pixels)
        if not ok:
            raise ImageError(f"{path}: no encoder for {suffix}; use .png")
        temporary.write_bytes(encoded.data)


def _streamed(path: Path, pixels: NDArray[Any]) -> bool:
    """Write a PNG file piece by piece; False if it is not whole.

    Encoding gives the same bytes, but holds them twice, which of 24 megapixels of 16 bits are 250
    MiB. OpenCV does not say why it fails, be it a full disk or letters in the path on Windows, and
    may take the file away then.
    """
    with QUIET:
        done = cv2.imwrite(str(path), pixels)
    if not done or not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(PNG_END), 0))
        return file.read() == PNG_END


def bit_depth(image: Image) -> int:
    """Bit depth of a picture, 8 or 16."""
    return image.dtype.itemsize * 8


def as_float(image: Image, dtype: type[np.floating[Any]] = np.float32) -> FloatImage:
    """Convert integers to [0, 1] by dividing by 255 or 65535."""
    scaled: FloatImage = image.astype(dtype)
    scaled /= dtype(np.iinfo(image.dtype).max)
    return scaled


def as_integer(image: FloatImage, bits: int) -> Image:
    """Convert [0, 1] to integers of 8 or 16 bits, clamped and rounded half to even."""
    scaled = np.rint(np.clip(image, 0.0, 1.0) * (2**bits - 1))
    integers: Image = scaled.astype(np.uint8 if bits == 8 else np.uint16)
    return integers


def srgb_to_linear(image: FloatImage) -> FloatImage:
    """Undo the sRGB transfer curve (IEC 61966-2-1); values in [0, 1], any shape."""
    low = image / 12.92
    high = np.power((np.maximum(image, 0.0) + 0.055) / 1.055, 2.4)
    return np.where(image <= 0.04045, low, high).astype(image.dtype)


def as_linear(image: Image) -> NDArray[np.float32]:
    """Linear light of sRGB-encoded integers, by a table.

    To the bit the same as ``srgb_to_linear(as_float(image))``, in a tenth of its time; any shape.
    """
    table = linear_table(bit_depth(image))
    if image.dtype == np.uint8 and image.ndim <= 3:
        return np.asarray(cv2.LUT(image, table), np.float32).reshape(image.shape)
    linear: NDArray[np.float32] = table[image]
    return linear


@functools.cache
def linear_table(bits: int) -> NDArray[np.float32]:
    """Linear light of every integer of 8 or 16 bits."""
    values = np.arange(2**bits, dtype=np.uint8 if bits == 8 else np.uint16)
    return np.asarray(srgb_to_linear(as_float(values)), np.float32)


def linear_to_srgb(image: FloatImage) -> FloatImage:
    """Apply the sRGB transfer curve (IEC 61966-2-1); negative values become 0, any shape."""
    clipped = np.maximum(image, 0.0)
    low = clipped * 12.92
    high = 1.055 * np.power(clipped, 1.0 / 2.4) - 0.055
    return np.where(clipped <= 0.0031308, low, high).astype(image.dtype)
