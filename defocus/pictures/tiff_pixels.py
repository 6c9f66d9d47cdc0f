"""Layouts of TIFF files that OpenCV reads wrongly or not at all.

Source: TIFF 6.0, sections 3 to 8 and 18 (associated alpha)."""

import contextlib
import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures.headers import MOST_BYTES
from defocus.pictures.heif import divided, of_bits
from defocus.pictures.remarks import asked_white
from defocus.pictures.values import (
    FULL,
    as_stored,
    has_alpha,
    largest_value,
    without_alpha,
)
from defocus.quiet_decoders import QUIET
from defocus.strips import Bytes, Pixels

if TYPE_CHECKING:
    from tifffile import TiffPage

_TIFF_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""Errors that tifffile and its decoders raise for damaged files."""

_WHITE_IS_ZERO = 0
_BLACK_IS_ZERO = 1
_RGB = 2
_PALETTE = 3
_CMYK = 5
_YCBCR = 6
_READ = {
    _WHITE_IS_ZERO,
    _BLACK_IS_ZERO,
    _RGB,
    _PALETTE,
    _CMYK,
    _YCBCR,
}
_NAMES = {
    4: "a mask",
    8: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32803: "those of a RAW file",
    32844: "the logarithm of light",
    32845: "the logarithm of light",
    34892: "those of a RAW file",
}
_MOST_VALUES = {
    _WHITE_IS_ZERO: 2,
    _BLACK_IS_ZERO: 2,
    _PALETTE: 1,
    _YCBCR: 3,
}
"""Largest number of values per pixel by their meaning; RGB may have a transparency in addition."""
_INK_SET = 332
_INK_LEVELS = 336  # tags
_UNSTATED = 0
_MULTIPLIED = 1
_BIT_ORDER = 266  # a tag
_OLD_JPEG = 6
_JPEG = 7
_UNCHECKED = {2, 3, 4, _OLD_JPEG, _JPEG}
"""Compressions (faxes and JPEG) whose decoders give a picture even for a damaged file."""
_DAMAGE = re.compile(
    r"(?:Fax\w+: (?:Bad code word|Line length mismatch|Premature EOL)"
    r"|JPEGLib: (?:Corrupt JPEG data: (?!\d+ extraneous)|Premature end)).*"
)
"""Messages by which libtiff and libjpeg report damage among the pixels of these files."""
_OF_OPENCV = {1, 2, 3, 4, 5, _OLD_JPEG, _JPEG, 8, 32773, 32946}
"""Compressions that OpenCV decodes. It gives pictures of 8 bits with other compressions as
black."""
_USUAL_BITS = {1, 2, 4, 8, 16, 32, 64}
_WAYS = "save it as grey or RGB of 8 or 16 bits"


@dataclass(frozen=True)
class TiffLayout:
    """What must be known of a TIFF file besides the values that a decoder gives."""

    # ``misread``: OpenCV mixes the values up; ``negative``: white is 0; ``multiplied``: colours are
    # so with the transparency; ``opaque``: the last value is not transparency. ``coding`` is for
    # people; ``bits`` are those of a value.

    misread: bool = False
    orientation: int = 1
    negative: bool = False
    multiplied: bool = False
    opaque: bool = False
    coding: str = ""
    bits: int = 16

    def filled(self, picture: Pixels) -> Pixels:
        """The values of OpenCV, which leaves 10 to 14 bits in the upper ones of 16."""
        if picture.dtype != np.uint16 or not 8 < self.bits < 16:
            return picture
        return of_bits(picture >> (16 - self.bits), self.bits)

    def corrected(self, picture: Pixels) -> Pixels:
        """The values of a decoder, black as 0 and colours not multiplied."""
        if self.opaque and has_alpha(picture):
            picture = without_alpha(picture)
            if picture.shape[2] == 1:
                picture = picture[:, :, 0]
        if self.multiplied:
            picture = divided(picture)
        if self.negative:
            grey = picture
            if picture.ndim == 3:
                grey = picture[:, :, 0]
            np.subtract(_black_of(grey), grey, out=grey)
        return picture


def _black_of(grey: Pixels) -> int:
    """The value of black where white is 0: the largest one of the bits that are in use."""
    # of 8 and 14 bits in 16 the values are asked about afterwards, as where black is 0
    if grey.dtype == np.uint16:
        return asked_white(largest_value(grey)) or FULL
    return int(np.iinfo(grey.dtype).max)


def tiff_layout(path: Path, content: bytes) -> TiffLayout:
    """The layout of a file's first picture; ImageError if no reader here has it."""
    # OpenCV multiplies 8-bit colours with the transparency, drops that of grey pictures, gives grey
    # of 16 bits as it is stored even if white is 0, mixes up colours that are one after the other,
    # and knows no floats of 16 bits. What it cannot decode of 8 bits is black, without an error.
    import tifffile

    try:
        with io.BytesIO(content) as stream, tifffile.TiffFile(stream) as file:
            page = file.pages.first
            refused = _refused(page)
            layout = _layout_of(page)
            ends = [offset + count for offset, count in _places(page)]
            if any(end > len(content) for end in ends):
                # it ends before its pixels: its layout is not the cause then
                layout = replace(layout, coding="")
    except _TIFF_DAMAGE:
        return TiffLayout()  # OpenCV may read it all the same
    if refused:
        raise ImageError(f"{path}: {refused}")
    if page.compression in _UNCHECKED and (damage := _heard_damage(content)):
        raise ImageError(f"{path}: damaged ({damage}); copy it again")
    return layout


def _heard_damage(content: bytes) -> str:
    """Damage that a decoder reports although it decodes the picture; empty if there is none."""
    file = np.frombuffer(content, np.uint8)
    with QUIET.heard() as lines, contextlib.suppress(cv2.error, MemoryError):
        cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
    for line in lines:
        damage = _DAMAGE.search(line)
        if damage is not None:
            return damage.group()
    return ""


def _places(page: "TiffPage") -> Iterator[tuple[int, int]]:
    """Place and number of bytes of each part of the pixels in the file."""
    return zip(page.dataoffsets, page.databytecounts, strict=False)


def _layout_of(page: "TiffPage") -> TiffLayout:
    bits = page.bitspersample
    values = page.samplesperpixel
    kind = page.photometric
    may_be_transparent = kind in {_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB}
    transparent = values in {2, 4} and may_be_transparent
    grey_transparent = values == 2 and transparent
    apart = values > 1 and page.planarconfig == 2
    half_floats = page.dtype == np.float16
    few_colours = kind == _PALETTE and bits == 1
    predicted = bits not in _USUAL_BITS and page.predictor != 1
    misread = apart or half_floats or grey_transparent or few_colours or predicted
    misread = misread or (transparent and bits == 8) or _hides_damage(page)
    return TiffLayout(
        misread,
        _orientation(page),
        kind == _WHITE_IS_ZERO and (misread or bits > 8),
        transparent and _MULTIPLIED in page.extrasamples,
        kind == _CMYK or (transparent and _UNSTATED in page.extrasamples),
        _coding(page),
        int(bits),
    )


def _hides_damage(page: "TiffPage") -> bool:
    """Whether OpenCV would give other values, and no error, for what it cannot decode."""
    compression = int(page.compression)
    if compression not in _OF_OPENCV:
        return True
    if compression in _UNCHECKED or page.photometric == _YCBCR:
        return False
    return page.bitspersample <= 8 and page.photometric in _READ


def _orientation(page: "TiffPage") -> int:
    tag = page.tags.get(274)
    return int(tag.value) if tag is not None else 1


def _compression(page: "TiffPage") -> str:
    import tifffile

    names = {int(one): one.name for one in tifffile.COMPRESSION}
    number = int(page.compression)
    return names.get(number, str(number))


def _coding(page: "TiffPage") -> str:
    """How a file codes its pixels, and what to do, where nothing decodes it."""
    compression = _compression(page)
    if compression == "NONE":
        colours = getattr(page.photometric, "name", "")
        bits = f"{page.bitspersample} bits, {page.dtype}"
        return f"a TIFF file of {bits} ({colours}); {_WAYS}"
    return (
        f"a TIFF file of {page.dtype} with the compression {compression}; "
        "save it again without compression"
    )


def _refused(page: "TiffPage") -> str:
    """Why a layout is not read; empty if it is, or if a decoder has to find out."""
    order = page.tags.get(_BIT_ORDER)
    if refusal := _refused_colours(page):
        return refusal
    if page.is_reduced and (page.subifds or len(page.parent.pages) > 1):
        return "its first picture is a reduced copy; save the one at full size alone"
    if page.imagedepth > 1:
        return f"a volume of {page.imagedepth} slices; save the slices as pictures"
    if order is not None and order.value not in {1, 2}:
        return f"damaged: its order of bits is {order.value}, not 1 or 2; copy it again"
    return ""


def _refused_colours(page: "TiffPage") -> str:
    """Why the values of a pixel are not read; empty if they are."""
    kind = int(page.photometric)
    if kind not in _READ:
        name = _NAMES.get(kind, f"of kind {kind}")
        return f"its colours are {name}; {_WAYS}"
    if kind == _YCBCR and (refusal := _refused_brightness(page)):
        return refusal
    if kind == _CMYK:
        return _refused_inks(page)
    if refusal := _refused_number(kind, page.samplesperpixel):
        return refusal
    bits = int(page.bitspersample)
    odd_bits = bits not in {1, 2, 4, 8, 16}
    odd_bits = odd_bits or page.sampleformat != 1
    if kind == _WHITE_IS_ZERO and odd_bits:
        return f"grey of {bits} bits or floats with white as 0; {_WAYS}"
    return ""


def _refused_number(kind: int, values: int) -> str:
    """Why this number of values per pixel is not read; empty if it is."""
    if kind == _RGB and values < 3:
        return f"colours with {values} value{'s' * (values > 1)} per pixel; {_WAYS}"
    few = values <= _MOST_VALUES.get(kind, 4)
    if few and (kind, values) != (_YCBCR, 2):
        return ""
    grey = "grey with " * (kind in {_WHITE_IS_ZERO, _BLACK_IS_ZERO})
    return f"{grey}{values} values per pixel; {_WAYS}, with one transparency at most"


def _refused_inks(page: "TiffPage") -> str:
    """Why inks are not read; empty if they are."""
    bits = int(page.bitspersample)
    values = page.samplesperpixel
    form = page.sampleformat
    if (bits, values, form) != (8, 4, 1):
        signed = "signed " * (form == 2)
        return f"{values} inks of {bits} {signed}bits; CMYK of 8 bits is read: save it as RGB"
    if _has_odd_inks(page):
        return "inks that are not CMYK from 0 to 255; save it as RGB"
    return ""


def _has_odd_inks(page: "TiffPage") -> bool:
    """Whether a file says other inks than CMYK, or that a full ink is not 255."""
    inks = page.tags.get(_INK_SET)
    if inks is not None and inks.value != 1:
        return True
    levels = page.tags.get(_INK_LEVELS)
    if levels is None:
        return False
    return tuple(levels.value[:2]) != (0, 255)


def _refused_brightness(page: "TiffPage") -> str:
    """Why brightness and colours (YCbCr) are not read; empty if they are."""
    subsampled = tuple(page.subsampling or (1, 1)) != (1, 1)
    if page.planarconfig == 2 and subsampled:
        return f"brightness and colours that lie apart, of different sizes; {_WAYS}"
    if int(page.compression) not in _OF_OPENCV:
        return (
            f"brightness and colours with the compression {_compression(page)}; {_WAYS}"
        )
    return ""


def read_misread(path: Path, content: bytes) -> Pixels:
    """Read the values of a file that OpenCV mixes up, as they are stored, upright or not."""
    # Floats of 16 bits become float32.
    import tifffile

    try:
        with io.BytesIO(content) as stream, tifffile.TiffFile(stream) as file:
            page = file.pages.first
            if page.nbytes > MOST_BYTES:
                raise ValueError(f"{page.nbytes} bytes of pixels")
            # tifffile takes it for black
            if any(at and not size for at, size in _places(page)):
                raise ValueError("a part of the pixels has no bytes")
            picture = _decoded(page, content)
            if not picture.size:
                raise ValueError("no pixels")
            colours = page.samplesperpixel
            if colours > 1 and picture.shape[0] == colours:
                picture = np.moveaxis(picture, 0, 2)
            picture = _as_colours(page, picture)
    except _TIFF_DAMAGE as error:
        raise ImageError(
            f"{path}: cannot be decoded ({error}); copy it again, or save it without compression"
        ) from error
    return picture


def _as_colours(page: "TiffPage", picture: Pixels) -> Pixels:
    """Values as they are stored, as grey or RGB of 8 or 16 bits."""
    kind = page.photometric
    if kind == _PALETTE:
        if page.colormap is None:
            raise ValueError("a palette without colours")
        return _of_palette(page.colormap, picture)
    if kind == _CMYK:
        return _of_inks(picture)
    if kind == _YCBCR:
        return _of_ycbcr(page, picture)
    if picture.dtype == np.float16:
        return picture.astype(np.float32)
    if picture.dtype == np.bool_:
        return picture * np.uint8(255)
    return of_bits(picture, page.bitspersample)


def _of_inks(picture: Pixels) -> Bytes:
    """CMYK of 8 bits as RGB."""
    light = 255 - picture.astype(np.uint16)
    colours = light[:, :, :3]
    black = light[:, :, 3:]
    mixed = np.rint(colours * (black / 255))
    return np.asarray(mixed, np.uint8)


def _of_palette(palette: Pixels, picture: Pixels) -> Bytes:
    """Colours of a palette ``(3, N)`` of 16 bits; some programs write its values in 8."""
    has_eight_bits = palette.max(initial=0) < 256
    colours = palette if has_eight_bits else palette >> 8
    planes = colours[:, picture.astype(np.intp)]
    return np.moveaxis(planes, 0, 2).astype(np.uint8)


def _of_ycbcr(page: "TiffPage", picture: Pixels) -> Bytes:
    """Brightness and colours as RGB. Source: TIFF 6.0, section 21."""
    of_red, of_green, of_blue = _fractions(page, 529) or [0.299, 0.587, 0.114]
    black, white = _limits(page)
    if not of_green or np.any(white == black):
        raise ValueError("brightness and colours without a range")
    in_range = (picture - black) / (white - black)
    y, blueness, redness = np.moveaxis(in_range, 2, 0)
    brightness = y * 255
    red = brightness + redness * 127 * (2 - 2 * of_red)
    blue = brightness + blueness * 127 * (2 - 2 * of_blue)
    rest = brightness - of_red * red - of_blue * blue
    green = rest / of_green
    colours = np.dstack([red, green, blue])
    rounded = np.rint(np.clip(colours, 0, 255))
    return np.asarray(rounded, np.uint8)


def _limits(page: "TiffPage") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of black and of white, for brightness and both colours."""
    usual = [0, 255, 128, 255, 128, 255]
    limits = np.array(_fractions(page, 532) or usual, float)
    return limits[::2], limits[1::2]


def _fractions(page: "TiffPage", tag: int) -> list[float]:
    """The values of a tag of fractions; empty if it has none."""
    tag_of_page = page.tags.get(tag)
    if tag_of_page is None:
        return []
    numbers = tuple(tag_of_page.value)
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [above / below for above, below in pairs]


def _decoded(page: "TiffPage", content: bytes) -> Pixels:
    """The values of a page; Pillow reads compressions that tifffile lacks, else ValueError."""
    try:
        return np.asarray(page.asarray())
    except ImportError:
        pass
    except (ValueError, NotImplementedError) as error:
        if "imagecodecs" not in str(error):
            raise
    from PIL import Image

    if page.dtype not in (np.uint8, np.bool_):
        raise ValueError(f"{_compression(page)} with these values is not read")
    with io.BytesIO(content) as stream, QUIET, Image.open(stream) as opened:
        shown = np.asarray(opened)  # Pillow turns it
        has_alpha_band = opened.mode in {"RGBA", "LA"}
        undone = _MULTIPLIED in page.extrasamples and has_alpha_band
        # less one of no known meaning
        number = 3 if opened.mode == "RGB" else page.samplesperpixel
    picture = as_stored(shown, _orientation(page))
    size = (page.imagelength, page.imagewidth)
    expected = size if number == 1 else (*size, number)
    if picture.shape != expected:
        raise ValueError(f"{_compression(page)} with these values is not read")
    return _multiplied(picture) if undone else _as_numbers(page, picture)


def _as_numbers(page: "TiffPage", picture: Pixels) -> Pixels:
    """Values as they are stored, from values that Pillow has stretched from black to white."""
    if page.photometric == _PALETTE or page.samplesperpixel > 1:
        return picture
    most = 1 if picture.dtype == np.bool_ else 255
    white = 2 ** int(page.bitspersample) - 1
    step = most // min(most, white)
    numbers: Pixels = picture.astype(np.uint8) // step
    if page.photometric == _WHITE_IS_ZERO:
        np.subtract(white, numbers, out=numbers)
    return numbers


def _multiplied(picture: Pixels) -> Pixels:
    """Colours as they are stored, from colours that Pillow has divided by their transparency."""
    given = picture[:, :, :-1]
    alpha = picture[:, :, -1:]
    share = alpha.astype(np.float64) / 255
    multiplied = np.rint(given * share).astype(np.uint8)
    colours = np.where(share > 0, multiplied, given)
    return np.concatenate([colours, alpha], axis=2)
