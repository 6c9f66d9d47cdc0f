"""Pictures read from files, ``(H, W, 3)`` sRGB-encoded RGB, at their own bit depth.

An EXIF orientation is not applied: both members of a pair were taken by the same sensor."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from defocus.errors import NO_MEMORY, DefocusError, FileError, ImageError, lacks_memory
from defocus.pictures.blocks import Remark
from defocus.pictures.bmp import bmp_pixels, of_pillow
from defocus.pictures.headers import (
    MOST_BYTES,
    SUFFIXES,
    Size,
    jpeg_components,
    jpeg_oddity,
    kind_of,
    refuse_oversized,
    refuse_truncated,
    why_no_picture,
)
from defocus.pictures.heif import HEIF_KINDS, read_heif
from defocus.pictures.jpeg import lacks_a_part
from defocus.pictures.metadata import Metadata, read_metadata
from defocus.pictures.png import (
    COLOUR_TYPE,
    GREY_TYPES,
    has_long_transparency,
    is_animated,
    lacks_end,
    still_png,
    transparent_grey,
)
from defocus.pictures.raw import (
    RAW_SUFFIXES,
    all_raw,
    develop_pair,
    develop_raw,
    develop_stored,
    is_raw,
    shot_white_balance,
)
from defocus.pictures.remarks import (
    MOSAIC,
    asked_white,
    is_mosaic,
    other_suffix,
    said_of_values,
    say_remarks,
)
from defocus.pictures.tiff_pixels import read_misread, tiff_layout
from defocus.pictures.values import (
    FULL,
    Image,
    OwnPicture,
    above_white,
    as_stored,
    float_white,
    integer_white,
    known_white,
    largest_value,
    stretched,
)
from defocus.processes.isolation import reason_of, stops_everything
from defocus.quiet_decoders import QUIET
from defocus.reading import broken_link, read_bytes
from defocus.strips import Bytes, Pixels, strips, three_colours

SWAPPED = (np.uint8, np.uint16, np.float32)
"""Types of values whose colours OpenCV can put into another order; NumPy takes ten times as
long."""

IMAGE_SUFFIXES = frozenset().union(*SUFFIXES.values(), RAW_SUFFIXES)
"""Suffixes (lower case) of the files that :func:`read_image` opens."""


def is_picture_file(path: Path) -> bool:
    """Whether a file is a picture by its suffix, and not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def read_image(path: Path, white: float | None = None) -> Image:
    """Read a picture as ``(H, W, 3)`` RGB at its own bit depth; its largest integer is white."""
    # Grey pictures are repeated into three channels; an alpha channel is dropped. RAW files are
    # developed with their own white balance; for a pair use ``read_pair``. Where a picture has 10
    # or 12 bits in 16, as ``white`` or its values say, the values are stretched.
    stored = read_integers(path)
    if white is None:
        white = known_white(path) or integer_white([stored])
        say_remarks(path, stored, white)
    return _with_white(path, np.ascontiguousarray(three_colours(stored)), white)


def read_integers(path: Path) -> Pixels:
    """A picture of 8 or 16 bits as it is stored."""
    stored = read_stored(path)
    if stored.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{path}: pixels are {stored.dtype}; save it with 8 or 16 bits, as integers"
        )
    return stored


def _with_white(path: Path, picture: Image, white: float) -> Image:
    """A picture whose largest integer is white."""
    deep = picture.dtype == np.uint16 and white < FULL
    if deep and known_white(path) is None:
        largest = largest_value(picture)
        if largest > white:
            raise ImageError(above_white(path, largest, white))
        return stretched(picture, white)
    return picture


def read_stored(path: Path) -> Pixels:
    """Read a picture with all that it has: grey stays grey, transparency and floats are kept."""
    # It is ``(H, W)`` or ``(H, W, C)`` with alpha last; colours are not multiplied with alpha.
    try:
        return _stored(path)
    except Exception as error:
        if isinstance(error, DefocusError) or stops_everything(error):
            raise
        if lacks_memory(error):
            raise DefocusError(f"{path}: {NO_MEMORY}") from error
        raise ImageError(f"{path}: {reason_of(error)}") from error


def _stored(path: Path) -> Pixels:
    if is_raw(path):
        return develop_stored(path)
    data = _content(path)
    refuse_truncated(path, data)
    refuse_oversized(path, data)
    kind = kind_of(data)
    if kind in HEIF_KINDS:
        return read_heif(path, data, kind)
    picture = _of_bytes(path, data)
    if data[:2] != b"\xff\xd8":
        return picture
    decode = functools.partial(_of_bytes, path)
    if lacks_a_part(data, picture, decode):
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
        reason = (
            broken_link(path) or f"cannot be read ({error.strerror}); check the path"
        )
        raise ImageError(f"{path}: {reason}") from error
    if content and not kind_of(content):
        raise ImageError(f"{path}: {why_no_picture(content)}")
    return content


def _of_bytes(path: Path, data: bytes) -> Pixels:
    return _decode(path, np.frombuffer(data, np.uint8))


def _decode(path: Path, content: Bytes) -> Pixels:
    data = _as_bytes(content)
    kind = kind_of(data)
    if kind == "TIFF":
        return _of_tiff(path, content)
    if kind == "PNG":
        return _of_png(path, content)
    decoded = bmp_pixels(path, data) if kind == "BMP" else None
    inks = kind == "JPEG" and jpeg_components(data) == 4
    if inks and not jpeg_oddity(data):  # OpenCV makes them RGB that is too bright
        decoded = of_pillow(path, data, "JPEG")
    if decoded is None:
        decoded = _of_opencv(path, content)
    return _checked(path, decoded)


def decoded_lossless(content: bytes) -> Pixels:
    """The picture of a PNG that this program encoded, as it is stored."""
    return _of_png(Path("picture.png"), np.frombuffer(content, np.uint8))


def _of_png(path: Path, content: Bytes) -> Pixels:
    """The still picture of a PNG, with the transparency that OpenCV does not know."""
    data = _as_bytes(content)
    if is_animated(data) or has_long_transparency(data) or lacks_end(data):
        content = np.frombuffer(still_png(data), np.uint8)
    decoded = _of_opencv(path, content)
    level = transparent_grey(data)
    if decoded.ndim == 2 and level is not None:
        most = np.iinfo(decoded.dtype).max
        shown = np.where(decoded == level, 0, most)
        alpha = shown.astype(decoded.dtype)
        decoded = np.dstack([decoded, alpha])
    return _checked(path, decoded)


def _of_tiff(path: Path, content: Bytes) -> Pixels:
    data = _as_bytes(content)
    layout = tiff_layout(path, data)
    if layout.misread:
        return _checked(path, layout.corrected(read_misread(path, data)))
    decoded = layout.filled(_of_opencv(path, content, layout.coding))
    # OpenCV turns TIFF files whatever flag it is given
    return _checked(path, layout.corrected(as_stored(decoded, layout.orientation)))


def _checked(path: Path, decoded: Pixels) -> Pixels:
    readable = (np.uint8, np.uint16, np.float32, np.float64)
    if decoded.dtype not in readable:
        raise ImageError(
            f"{path}: pixels are {decoded.dtype}; integers of 8 or 16 bits and floats of 32 or 64 "
            "bits are read; save it so"
        )
    return np.ascontiguousarray(decoded)


AS_STORED = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
"""Flags with which OpenCV decodes all channels and bits, without turning the picture."""


def _of_opencv(path: Path, content: Bytes, coding: str = "") -> Pixels:
    decoded = _decoded_by_opencv(path, content)
    if decoded is None:
        raise ImageError(f"{path}: {_why_not_decoded(content, coding)}")
    picture: Pixels = np.asarray(decoded)
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 3 and picture.dtype in SWAPPED:
        for rows in strips(len(picture)):  # in place: a copy takes much memory
            strip = picture[rows]
            cv2.cvtColor(strip, cv2.COLOR_BGR2RGB, dst=strip)
        return picture
    is_png = content[:4].tobytes() == b"\x89PNG"
    if is_png and content[COLOUR_TYPE] in GREY_TYPES:
        return picture[:, :, [0, -1]]
    order = [2, 1, 0, *range(3, picture.shape[2])]
    return picture[:, :, order]


def _decoded_by_opencv(path: Path, content: Bytes) -> Pixels | None:
    """OpenCV's decoded picture, colours from the last to the first; None if it gives no reason."""
    try:
        with QUIET:
            decoded = cv2.imdecode(content, AS_STORED)
        return _once_more(content) if decoded is None else decoded
    except cv2.error as error:
        if lacks_memory(error):
            raise
        raise ImageError(
            f"{path}: cannot be decoded ({error.err}); replace the file"
        ) from error


def _why_not_decoded(content: Bytes, coding: str) -> str:
    """Message on a file that OpenCV does not decode, with what to do."""
    if oddity := jpeg_oddity(_as_bytes(content)):
        return f"{oddity}, which no reader here decodes; save it as PNG"
    if coding:
        return f"no decoder for {coding}"
    return "not a picture that can be read; replace the file"


def _once_more(content: Bytes) -> Pixels | None:
    """OpenCV's second attempt; ``MemoryError`` where libpng says that it lacks memory."""
    with QUIET.heard() as lines:
        decoded = cv2.imdecode(content, AS_STORED)
    if decoded is None and any("insufficient memory" in line for line in lines):
        raise MemoryError
    return decoded


def _as_bytes(content: Bytes) -> bytes:
    """The content as bytes, without a copy if it is bytes already."""
    return content.base if isinstance(content.base, bytes) else content.tobytes()


def read_pair(
    blurry: Path, sharp: Path, white: float | None = None
) -> tuple[Image, Image]:
    """Read the two members of a pair, which must have the same size, each at its own bit depth."""
    # Two RAW files are developed with one set of parameters, the sharp member's white balance in
    # both. Files whose profiles mean different colours are both converted to sRGB. Both have one
    # white, ``white`` or what the values of both say.
    from defocus.pictures.profiles import in_one_space  # not needed for one picture

    if all_raw(blurry, sharp):
        pictures = develop_pair(blurry, sharp)
        for path, picture in zip((blurry, sharp), pictures, strict=True):
            if white is None:
                say_remarks(path, picture, FULL)
    else:
        alike = read_alike([blurry, sharp], white)
        pictures = alike[blurry], alike[sharp]
    first, second = pictures
    if first.shape != second.shape:
        blurry_size = (first.shape[1], first.shape[0])
        sharp_size = (second.shape[1], second.shape[0])
        raise ImageError(sizes_differ(blurry, blurry_size, sharp, sharp_size))
    return in_one_space((blurry, sharp), (first, second))


def read_alike(files: Sequence[Path], white: float | None = None) -> dict[Path, Image]:
    """Pictures that belong together, by file, with one white: ``white`` or what values show."""
    return alike_of({path: read_integers(path) for path in files}, white)


def alike_of(stored: dict[Path, Pixels], white: float | None) -> dict[Path, Image]:
    """Like :func:`read_alike`, of pictures as they are stored, which it takes from ``stored``."""
    if stored and white is None:
        known = any(map(known_white, stored))
        white = FULL if known else integer_white(list(stored.values()))
        for path, picture in stored.items():
            say_remarks(path, picture, white)
    alike = {}
    for path in list(stored):
        colours = np.ascontiguousarray(three_colours(stored.pop(path)))
        alike[path] = _with_white(path, colours, white or FULL)
    return alike


def read_two_cameras(blurry: Path, sharp: Path) -> tuple[Image, Image]:
    """Members of two cameras, which may differ in size; RAW files have their own white balance."""
    from defocus.pictures.profiles import in_one_space  # not needed for one picture

    alike = read_alike([blurry, sharp])
    return in_one_space((blurry, sharp), (alike[blurry], alike[sharp]))


def read_blurry(blurry: Path, sharp: Path | None, white: float | None = None) -> Image:
    """Read the blurry member of a pair, in the colours that :func:`read_pair` gives it."""
    if sharp is not None and all_raw(blurry, sharp):
        picture = develop_raw(blurry, shot_white_balance(sharp))
        if white is None:
            say_remarks(blurry, picture, FULL)
        return picture
    return _read_member(blurry, sharp, white)


def read_sharp(sharp: Path, blurry: Path | None, white: float | None = None) -> Image:
    """Read the sharp member of a pair, in the colours that :func:`read_pair` gives it."""
    return _read_member(sharp, blurry, white)


def _read_member(path: Path, other: Path | None, white: float | None) -> Image:
    from defocus.pictures.profiles import in_two_spaces, member_in_srgb

    picture = read_image(path, white)
    mixed = other is not None and in_two_spaces(path, other)
    return member_in_srgb(path, picture) if mixed else picture


def sizes_differ(
    first: Path,
    first_size: Size,
    second: Path,
    second_size: Size,
) -> str:
    """Message on a pair whose pictures differ in size: width and height, px."""
    # a camera stores the turn, another program does it
    turned = first_size == second_size[::-1]
    hint = ": turn one of them, orientation tags are not applied" if turned else ""
    return (
        f"{first} is {first_size[0]}x{first_size[1]} but {second} is "
        f"{second_size[0]}x{second_size[1]}; a pair needs one size{hint}"
    )


def read_own_picture(
    path: Path, white: float | None = None, deep_white: int | None = None
) -> OwnPicture:
    """Read a picture and its metadata; without ``white`` that of :func:`white_level` counts."""
    return own_picture(path, read_stored(path), white, deep_white)


def own_picture(
    path: Path,
    stored: Pixels,
    white: float | None = None,
    deep_white: int | None = None,
) -> OwnPicture:
    """Like :func:`read_own_picture`, of a picture as it is stored."""
    floats = stored.dtype.kind == "f"
    if floats and not np.isfinite(stored).all():
        raise ImageError(f"{path}: has values that are not finite; mend the picture")
    metadata = _with_true_kind(path, read_metadata(path))
    if white is not None:
        return OwnPicture(stored, metadata, white)
    known = None
    if stored.dtype == np.uint16:
        known = known_white(path) or deep_white
    try:
        picture = OwnPicture(stored, metadata, known or 0.0)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    remarks = metadata.remarks
    if known != FULL and (said := _said_of_white(picture)):
        remarks = (*remarks, Remark(said))
    if is_mosaic(stored):
        remarks = (*remarks, Remark(MOSAIC))
    return replace(picture, metadata=replace(metadata, remarks=remarks))


def _with_true_kind(path: Path, metadata: Metadata) -> Metadata:
    """The metadata, with a remark if the suffix names another kind than the content."""
    kind = metadata.kind
    if not other_suffix(path, kind):
        return metadata
    goes_on = "" if kind in HEIF_KINDS else f", and stays {kind}"
    remark = Remark(f"is {kind}, whatever its suffix says{goes_on}")
    return replace(metadata, remarks=(remark, *metadata.remarks))


def _said_of_white(picture: OwnPicture) -> str:
    """Remark on the white that was chosen, and the other one; empty if there was no choice."""
    words = said_of_values(picture.stored, picture.white)
    if not words:
        return ""
    floats = picture.stored.dtype.kind == "f"
    usual = 1 if floats else np.iinfo(picture.stored.dtype).max
    if picture.white != usual:
        return f"{words}; --white {usual} if it is that"
    most = float(picture.all_colours().max(initial=0))
    if floats:
        return f"{words}; --white {float_white(most):g} if it is that"
    return f"{words} --white {asked_white(int(most))} if they are"
