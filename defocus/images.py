"""Pictures in memory, ``(H, W, 3)`` sRGB-encoded RGB, and on disk, at their own bit depth.

An EXIF orientation is not applied: both members of a pair were taken by the same sensor."""

import functools
import io
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.bmp_pixels import bmp_pixels
from defocus.errors import DefocusError, FileError, ImageError
from defocus.files import atomic_path, write_bytes
from defocus.heif_pixels import HEIF_KINDS, read_heif
from defocus.isolation import reason_of, stops_everything
from defocus.jpeg_scans import jpeg_oddity, lacks_a_part
from defocus.orientation import as_stored
from defocus.picture_headers import (
    SUFFIXES,
    has_long_transparency,
    is_animated,
    kind_of,
    lacks_end,
    refuse_oversized,
    refuse_truncated,
    still_png,
    transparent_grey,
    why_no_picture,
)
from defocus.quiet_decoders import QUIET
from defocus.raw import RAW_SUFFIXES, develop_pair, develop_raw
from defocus.reading import broken_link, read_bytes
from defocus.tiff_pixels import MOST_BYTES, read_misread, tiff_layout

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of linear light (ITU-R BT.709)."""
LUMA = (0.299, 0.587, 0.114)
"""Of encoded colours (ITU-R BT.601)."""

Image: TypeAlias = NDArray[np.unsignedinteger[Any]]
FloatImage: TypeAlias = NDArray[np.floating[Any]]

SWAPPED = (np.uint8, np.uint16, np.float32)
"""Types of which OpenCV itself changes the order of colours, which takes a tenth of the time."""

STRIP_ROWS = 256
"""Rows whose colours are put in order at once."""

IMAGE_SUFFIXES = frozenset(one for each in SUFFIXES.values() for one in each) | RAW_SUFFIXES
"""Suffixes (lower case) of the files that :func:`read_image` opens."""

PNG_COLOUR_TYPE, PNG_GREY = 25, (0, 4)
"""Where a PNG says which values it has, and what it says of grey without and with transparency."""
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def read_image(path: Path) -> Image:
    """Read a picture as ``(H, W, 3)`` RGB at its own bit depth."""
    # Grey pictures are repeated into three channels; an alpha channel is dropped. RAW files are
    # developed with their own white balance; for a pair use ``read_pair``.
    stored = read_stored(path)
    if stored.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{path}: pixels are {stored.dtype}; save it with 8 or 16 bits, as integers"
        )
    if stored.ndim == 2 or stored.shape[2] == 2:
        stored = np.repeat(stored.reshape(*stored.shape[:2], -1)[:, :, :1], 3, axis=2)
    colour: Image = np.ascontiguousarray(stored[:, :, :3])
    return colour


def read_stored(path: Path) -> NDArray[Any]:
    """Read a picture with all that it has: grey stays grey, transparency and floats are kept."""
    # It is ``(H, W)`` or ``(H, W, C)`` with alpha last; colours are not multiplied with alpha.
    try:
        return _stored(path)
    except Exception as error:
        if isinstance(error, DefocusError) or stops_everything(error):
            raise
        raise ImageError(f"{path}: {reason_of(error)}") from error


def _stored(path: Path) -> NDArray[Any]:
    if path.suffix.lower() in RAW_SUFFIXES:
        return develop_raw(path)
    data = _content(path)
    refuse_truncated(path, data)
    refuse_oversized(path, data)
    if (kind := kind_of(data)) in HEIF_KINDS:
        return read_heif(path, data, kind)
    picture = _of_bytes(path, data)
    if data[:2] == b"\xff\xd8" and lacks_a_part(data, picture, functools.partial(_of_bytes, path)):
        raise ImageError(f"{path}: a part of the JPEG is missing; copy it again")
    return picture


def _content(path: Path) -> bytes:
    """The bytes of a picture of a kind that is read, whatever its suffix says."""
    try:
        content = read_bytes(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise ImageError(
            f"{path}: {broken_link(path) or 'no such picture; check the path'}"
        ) from error
    except FileError as error:
        raise ImageError(str(error)) from error
    except OSError as error:
        reason = broken_link(path) or f"cannot be read ({error.strerror}); check the path"
        raise ImageError(f"{path}: {reason}") from error
    if content and not kind_of(content):
        raise ImageError(f"{path}: {why_no_picture(content)}")
    return content


def _of_bytes(path: Path, data: bytes) -> NDArray[Any]:
    return _decode(path, np.frombuffer(data, np.uint8))


def _decode(path: Path, content: NDArray[np.uint8]) -> NDArray[Any]:
    data = _as_bytes(content)
    kind = kind_of(data)
    if kind == "TIFF":
        return _of_tiff(path, content)
    if kind == "PNG":
        return _of_png(path, content)
    decoded = bmp_pixels(path, data) if kind == "BMP" else None
    return _checked(path, _of_opencv(path, content) if decoded is None else decoded)


def _of_png(path: Path, content: NDArray[np.uint8]) -> NDArray[Any]:
    """The still picture of a PNG, with the transparency that OpenCV does not know."""
    data = _as_bytes(content)
    if is_animated(data) or has_long_transparency(data) or lacks_end(data):
        content = np.frombuffer(still_png(data), np.uint8)
    decoded = _of_opencv(path, content)
    if decoded.ndim == 2 and (level := transparent_grey(data)) is not None:
        most = np.iinfo(decoded.dtype).max
        alpha = np.where(decoded == level, 0, most).astype(decoded.dtype)
        return _checked(path, np.dstack([decoded, alpha]))
    return _checked(path, decoded)


def _of_tiff(path: Path, content: NDArray[np.uint8]) -> NDArray[Any]:
    data = _as_bytes(content)
    layout = tiff_layout(path, data)
    if layout.misread:
        return _checked(path, layout.corrected(read_misread(path, data)))
    decoded = _of_opencv(path, content, layout.coding)
    # OpenCV turns TIFF files whatever flag it is given
    return _checked(path, layout.corrected(as_stored(decoded, layout.orientation)))


def _checked(path: Path, decoded: NDArray[Any]) -> NDArray[Any]:
    if decoded.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise ImageError(
            f"{path}: pixels are {decoded.dtype}; integers of 8 or 16 bits and floats of 32 or 64 "
            "bits are read; save it so"
        )
    return np.ascontiguousarray(decoded)


def _of_opencv(path: Path, content: NDArray[np.uint8], coding: str = "") -> NDArray[Any]:
    try:
        with QUIET:
            decoded = cv2.imdecode(content, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except (cv2.error, MemoryError) as error:
        reason = getattr(error, "err", "") or "too little memory"
        raise ImageError(f"{path}: cannot be decoded ({reason}); replace the file") from error
    if decoded is None:
        if oddity := jpeg_oddity(_as_bytes(content)):
            raise ImageError(f"{path}: {oddity}, which no reader here decodes; save it as PNG")
        if coding:
            raise ImageError(f"{path}: no decoder for {coding}; save it again without compression")
        raise ImageError(f"{path}: not a picture that can be read; replace the file")
    picture: NDArray[Any] = np.asarray(decoded)
    if picture.shape[2:] == (3,) and picture.dtype in SWAPPED:
        for top in range(0, len(picture), STRIP_ROWS):  # in place: a copy takes much memory
            strip = picture[top : top + STRIP_ROWS]
            cv2.cvtColor(strip, cv2.COLOR_BGR2RGB, dst=strip)
        return picture
    png = content[:4].tobytes() == b"\x89PNG"
    if png and content[PNG_COLOUR_TYPE] in PNG_GREY and picture.ndim == 3:
        return picture[:, :, [0, -1]]
    return picture if picture.ndim == 2 else picture[:, :, [2, 1, 0, *range(3, picture.shape[2])]]


def _as_bytes(content: NDArray[np.uint8]) -> bytes:
    """These bytes, not copied where they came as such."""
    return content.base if isinstance(content.base, bytes) else content.tobytes()


def read_pair(blurry: Path, sharp: Path) -> tuple[Image, Image]:
    """Read the two members of a pair, which must have the same size, each at its own bit depth."""
    # Two RAW files are developed with one set of parameters, the sharp member's white balance in
    # both. Files whose profiles mean different colours are both converted to sRGB.
    from defocus.colour_profiles import in_one_space  # its library is not needed for one picture

    if blurry.suffix.lower() in RAW_SUFFIXES and sharp.suffix.lower() in RAW_SUFFIXES:
        first, second = develop_pair(blurry, sharp)
    else:
        first, second = read_image(blurry), read_image(sharp)
    if first.shape != second.shape:
        sizes = (first.shape[1], first.shape[0]), (second.shape[1], second.shape[0])
        raise ImageError(sizes_differ(blurry, sizes[0], sharp, sizes[1]))
    return in_one_space((blurry, sharp), (first, second))


def read_member(path: Path, other: Path | None) -> Image:
    """Read one member of a pair, in the colours that :func:`read_pair` gives it."""
    from defocus.colour_profiles import in_two_spaces, member_in_srgb

    picture = read_image(path)
    mixed = other is not None and in_two_spaces(path, other)
    return member_in_srgb(path, picture) if mixed else picture


def sizes_differ(
    first: Path, first_size: tuple[int, int], second: Path, second_size: tuple[int, int]
) -> str:
    """What is said of a pair whose pictures differ in size: width and height, px."""
    turned = first_size == second_size[::-1]  # a camera stores the turn, another program does it
    hint = ": turn one of them, orientation tags are not applied" if turned else ""
    return (
        f"{first} is {first_size[0]}x{first_size[1]} but {second} is "
        f"{second_size[0]}x{second_size[1]}; a pair needs one size{hint}"
    )


def write_image(path: Path, image: Image) -> None:
    """Write a picture atomically; PNG and TIFF keep 16 bits, JPEG has 8 bits and quality 95."""
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


def write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write a ``.npy`` file atomically; NumPy's own function does not report a full disk."""
    content = io.BytesIO()
    np.save(content, array)
    write_bytes(path, content.getvalue())


def _streamed(path: Path, pixels: NDArray[Any]) -> bool:
    """Write a PNG file piece by piece; False if it is not whole."""
    # Encoding gives the same bytes, but holds them twice, which of 24 megapixels of 16 bits are 250
    # MiB. OpenCV does not say why it fails, be it a full disk or letters in the path on Windows.
    with QUIET:
        written = cv2.imwrite(str(path), pixels)
    if not written or not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(PNG_END), 0))
        return file.read() == PNG_END


def bit_depth(image: Image) -> int:
    """Bit depth of a picture, 8 or 16."""
    return image.dtype.itemsize * 8


def upper_bits(image: Image) -> NDArray[np.uint8]:
    """A picture of 8 bits as it is, one of 16 by its upper 8."""
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    eight = np.empty(image.shape, np.uint8)
    return np.right_shift(image, 8, out=eight, casting="unsafe")


def as_float(image: Image, dtype: type[np.floating[Any]] = np.float32) -> FloatImage:
    """Convert integers to [0, 1] by dividing by 255 or 65535."""
    scaled: FloatImage = image.astype(dtype)
    scaled /= dtype(np.iinfo(image.dtype).max)
    return scaled


def as_integer(image: FloatImage, bits: int) -> Image:
    """Convert [0, 1] to integers of 8 or 16 bits, clamped and rounded half to even."""
    scaled = np.rint(np.clip(image, 0.0, 1.0) * (2**bits - 1))
    return np.asarray(scaled, np.uint8 if bits == 8 else np.uint16)


def srgb_to_linear(image: FloatImage) -> FloatImage:
    """Undo the sRGB transfer curve (IEC 61966-2-1); values in [0, 1], any shape."""
    high = np.power((np.maximum(image, 0.0) + 0.055) / 1.055, 2.4)
    return np.where(image <= 0.04045, image / 12.92, high).astype(image.dtype)


def as_linear(image: Image) -> NDArray[np.float32]:
    """Linear light of sRGB-encoded integers of any shape, by a table."""
    # To the bit the same as ``srgb_to_linear(as_float(image))``, in a tenth of its time.
    table = linear_table(bit_depth(image))
    if image.dtype == np.uint8 and image.ndim <= 3:
        return np.asarray(cv2.LUT(image, table), np.float32).reshape(image.shape)
    return np.asarray(table[image], np.float32)


@functools.cache
def linear_table(bits: int) -> NDArray[np.float32]:
    """Linear light of every integer of 8 or 16 bits."""
    values = np.arange(2**bits, dtype=np.uint8 if bits == 8 else np.uint16)
    return np.asarray(srgb_to_linear(as_float(values)), np.float32)


def linear_to_srgb(image: FloatImage) -> FloatImage:
    """Apply the sRGB transfer curve (IEC 61966-2-1); negative values become 0, any shape."""
    clipped = np.maximum(image, 0.0)
    high = 1.055 * np.power(clipped, 1.0 / 2.4) - 0.055
    return np.where(clipped <= 0.0031308, clipped * 12.92, high).astype(image.dtype)
