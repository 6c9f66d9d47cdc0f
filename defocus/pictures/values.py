"""Pictures in memory: their values and their white; linear light, luma and orientation."""

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import FileError, ImageError
from defocus.pictures.headers import jpeg_components, kind_in, stated_bits
from defocus.pictures.metadata import Metadata
from defocus.pictures.raw import has_black_below, is_raw
from defocus.reading import mapped
from defocus.strips import (
    WHOLE,
    Bytes,
    Part,
    Pixels,
    Rows,
    mean_of_colours,
    strips,
    three_colours,
)

Image: TypeAlias = NDArray[np.unsignedinteger[Any]]
FloatImage: TypeAlias = NDArray[np.floating[Any]]

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in the luminance of linear light (ITU-R BT.709)."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of encoded colours (ITU-R BT.601)."""


def bit_depth(image: Image) -> int:
    """Bit depth of a picture, 8 or 16."""
    return image.dtype.itemsize * 8


def upper_bits(image: Image) -> Bytes:
    """A picture of 8 bits as it is, one of 16 bits by its upper 8 bits."""
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    eight = np.empty(image.shape, np.uint8)
    return np.right_shift(image, 8, out=eight, casting="unsafe")


def as_float(image: Image, dtype: type[np.floating[Any]] = np.float32) -> FloatImage:
    """Convert integers to [0, 1] by dividing by 255 or 65535."""
    scaled: FloatImage = image.astype(dtype)
    scaled /= dtype(np.iinfo(image.dtype).max)
    return scaled


def luma_of(picture: Image) -> NDArray[np.float32]:
    """``(H, W)`` float32, 0..1: sRGB-encoded luma of a picture, BT.601 weights."""
    luma = np.empty(picture.shape[:2], np.float32)
    for rows in strips(len(luma)):
        strip = as_float(picture[rows])
        cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY, luma[rows])
    return luma


def as_integer(image: FloatImage, bits: int) -> Image:
    """Convert [0, 1] to integers of 8 or 16 bits, clamped and rounded half to even."""
    white = 2**bits - 1
    scaled = np.rint(np.clip(image, 0.0, 1.0) * white)
    kind = np.uint8 if bits == 8 else np.uint16
    return np.asarray(scaled, kind)


def srgb_to_linear(image: FloatImage) -> FloatImage:
    """Undo the sRGB transfer curve (IEC 61966-2-1); values in [0, 1], any shape."""
    light = np.maximum(image, 0.0)
    high = np.power((light + 0.055) / 1.055, 2.4)
    linear = np.where(image <= 0.04045, image / 12.92, high)
    return linear.astype(image.dtype)


def as_linear(image: Image) -> NDArray[np.float32]:
    """Linear light of sRGB-encoded integers of any shape, by a table."""
    # To the bit the same as ``srgb_to_linear(as_float(image))``, in a tenth of its time.
    table = linear_table(bit_depth(image))
    if image.dtype == np.uint8 and image.ndim <= 3:
        light = np.asarray(cv2.LUT(image, table), np.float32)
        return light.reshape(image.shape)
    return np.asarray(table[image], np.float32)


@functools.cache
def linear_table(bits: int) -> NDArray[np.float32]:
    """Linear light of every integer of 8 or 16 bits."""
    kind = np.uint8 if bits == 8 else np.uint16
    values = np.arange(2**bits, dtype=kind)
    return np.asarray(srgb_to_linear(as_float(values)), np.float32)


def linear_to_srgb(image: FloatImage) -> FloatImage:
    """Apply the sRGB transfer curve (IEC 61966-2-1); negative values become 0, any shape."""
    clipped = np.maximum(image, 0.0)
    high = 1.055 * np.power(clipped, 1.0 / 2.4) - 0.055
    codes = np.where(clipped <= 0.0031308, clipped * 12.92, high)
    return codes.astype(image.dtype)


def as_shown(stored: Pixels, orientation: int) -> Pixels:
    """Turn a stored picture as its EXIF orientation, 1 to 8, says; others change nothing."""
    return as_stored(stored, {6: 8, 8: 6}.get(orientation, orientation))


def as_stored(picture: Pixels, orientation: int) -> Pixels:
    """The inverse of :func:`as_shown`."""
    match orientation:
        case 2:
            return picture[:, ::-1]
        case 3:
            return picture[::-1, ::-1]
        case 4:
            return picture[::-1]
        case 5:
            return picture.swapaxes(0, 1)
        case 6:
            return np.rot90(picture)
        case 7:
            return picture[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return np.rot90(picture, -1)
        case _:
            return picture


FULL = 65535
"""White of a picture whose 16 bits are all in use."""
DEEP_WHITES = (1023, 4095, FULL)
"""White of 16 bits that hold 10, 12 or 16 bits of a camera."""
EIGHT_BITS = 255
"""Largest value of 8 bits. A picture of 16 bits whose values stay below it is nearly black, or was
saved by mistake."""
FOURTEEN_BITS = 16383
"""Largest value of 14 bits. Larger values show that all 16 bits are in use."""
FLOAT_WHITES = (255, 1023, 4095, 65535)
"""White of floats that were integers of 8, 10, 12 or 16 bits."""
READING_REVISION = 4
"""Revision of reading; raise it by hand when the same file gives other values. Revision 2
recognises 10 and 12 bits in 16, revision 3 the bits that a TIFF states, and develops both RAW
members of a pair alike; revision 4 has the white of packed bits, the bits of a JPEG XL and the
colours of CMYK exactly. It is part of a dataset's identity only where revision 1 read the pictures
differently."""


def white_level(picture: Pixels) -> float:
    """The value that means white in a picture as it is stored."""
    # Integers: the largest one, but 1023 or 4095 where 16 bits hold no more than 10 or 12 of a
    # camera. Floats: 1; where most values are above 1, or all are whole numbers, that of 255, 1023,
    # 4095 and 65535 of which the largest value is more than a quarter. Others are refused, and a
    # person says it: light whose white is 1 reaches 5 as well. Transparent pixels do not count.
    values = without_alpha(picture)
    if picture.dtype.kind == "u":
        return float(integer_white([picture]))
    most = float(values.max(initial=0))
    if most <= 1:
        return 1.0
    usually_below = float(np.median(values)) <= 1
    if usually_below and (values % 1).any():
        return 1.0
    white = float_white(most)
    if white is None:
        raise ImageError(
            f"its floats reach {most:g}; say with --white, in Python white=, which value is "
            "white (1 of scene-referred light)"
        )
    return white


def integer_white(pictures: Sequence[Pixels]) -> int:
    """The one white of pictures that belong together, of uint8 or uint16."""
    deep = [picture for picture in pictures if picture.dtype == np.uint16]
    if not deep:
        return int(np.iinfo(pictures[0].dtype).max)
    return deep_white(max(map(largest_value, map(without_alpha, deep))))


def deep_white(largest: int) -> int:
    """The white of 16 bits by their largest value; 8 bits in 16 are asked about, not changed."""
    if largest <= EIGHT_BITS:
        return FULL
    return next(white for white in DEEP_WHITES if largest <= white)


def largest_value(picture: Pixels) -> int:
    """The largest value; where all 16 bits are in use, one that shows it."""
    most = 0
    for rows in strips(len(picture)):
        largest = picture[rows].max(initial=0)
        most = max(most, int(largest))
        if most > FOURTEEN_BITS:
            break
    return most


def float_white(most: float) -> float | None:
    """The white of floats that were integers, by the largest value; None if no usual white fits."""
    for white in FLOAT_WHITES:
        if white / 4 < most <= white:
            return float(white)
    return None


def stretched(picture: Pixels, white: float) -> Pixels:
    """A picture of integers whose white is the largest one; itself where that is so already."""
    if picture.dtype != np.uint16 or white == FULL:
        return picture
    output = np.empty_like(picture)
    for rows in strips(len(picture)):
        strip = picture[rows].astype(np.float32)
        strip = strip * np.float32(FULL / white)
        output[rows] = np.minimum(np.rint(strip), FULL)
    return output


def compressed(picture: Pixels, white: float) -> Pixels:
    """The opposite of :func:`stretched`: values from 0 to a white."""
    if picture.dtype != np.uint16 or white == FULL:
        return picture
    values = np.rint(picture * (white / FULL))
    return np.asarray(values, np.uint16)


def known_white(path: Path) -> int | None:
    """The white of a file whose decoder fills all bits; None where only the values tell it."""
    if is_raw(path):
        return FULL
    known = _has_few_bits(path) or kind_in(path) in {"HEIC", "AVIF"}
    return FULL if known else None


def _has_few_bits(path: Path) -> bool:
    """Whether a file states that its values have 9 to 15 bits."""
    return 8 < stated_bits(path) < 16


def is_read_anew(path: Path) -> bool:
    """Whether a file has other values than by the first reading, which a revision has changed."""
    if is_raw(path):
        return has_black_below(path)
    with contextlib.suppress(OSError, ValueError, FileError):  # said where it is read
        with mapped(path) as content:
            inks = jpeg_components(content) == 4
        return inks or _has_few_bits(path)
    return False


def above_white(name: object, largest: int, white: float) -> str:
    """Message on a picture that is brighter than its white."""
    return (
        f"{name}: values reach {largest}, but white is {white:g}; give its right white"
    )


def without_alpha(picture: Pixels) -> Pixels:
    """A picture as it is stored without its transparency."""
    return picture[:, :, :-1] if has_alpha(picture) else picture


def has_alpha(picture: Pixels) -> bool:
    """Whether a picture as it is stored is grey or colours with a transparency."""
    return picture.shape[2:] in {(2,), (4,)}


Array = NDArray[np.float32]


@dataclass(frozen=True)
class OwnPicture:
    """A picture as it is stored, in the colour space that its profile names."""

    stored: Pixels  # grey, grey and alpha, RGB or RGBA; uint8, uint16 or floats
    metadata: Metadata
    white: float = 0.0  # the value that means white

    def __post_init__(self) -> None:
        if not self.white:
            object.__setattr__(self, "white", white_level(self.stored))

    @property
    def bits(self) -> int:
        """8 or 16; 32 or 64 for floats."""
        return 8 * self.stored.dtype.itemsize

    @property
    def orientation(self) -> int:
        """How it is turned for showing, 1 to 8 (EXIF)."""
        return self.metadata.orientation

    def colours(self, part: Part = WHOLE) -> Array:
        """``(H, W, 3)`` in [0, 1] for a network: grey repeated, values beyond the range clipped."""
        colours = self.all_colours(part)
        if self._has_usual_white:
            return np.asarray(as_float(colours), np.float32)
        shares = np.clip(colours / self.white, 0, 1)
        return np.asarray(shares, np.float32)

    def luma(self) -> Array:
        """``(H, W)`` in [0, 1]: the brightness of :meth:`colours`, in less time and memory."""
        if self._has_usual_white:
            return luma_of(self.all_colours())
        luma = cv2.cvtColor(self.colours(), cv2.COLOR_RGB2GRAY)
        return np.asarray(luma, np.float32)

    def with_colours(self, restored: Rows) -> Pixels:
        """The picture in its own form with other colours ``(H, W, 3)``; integers are cut off."""
        # What has no colour gets none, however it is stored.
        output = np.empty(self.stored.shape, self.stored.dtype)
        colourless = self._colourless()
        for rows in strips(len(output)):
            colours = restored[rows]
            if colourless:
                grey = mean_of_colours(colours)[:, :, None]
                colours = np.repeat(grey, 3, axis=2)
            output[rows] = self._in_own_form(colours, rows)
        return output

    def _in_own_form(self, restored: Array, rows: slice) -> Pixels:
        """Some rows as they are stored, with other colours."""
        # Fully transparent pixels stay as they are.
        given = self.all_colours(rows)
        if self._has_usual_white:
            colours = as_integer(restored, self.bits)
        else:
            colours = self._with_what_is_beyond(restored, given)
        if self.stored.ndim == 2:
            return colours[:, :, 0]
        if not has_alpha(self.stored):
            return colours
        alpha = self.stored[rows, :, -1:]
        number = self.stored.shape[2] - 1
        seen = np.where(alpha == 0, given, colours)
        seen = seen[:, :, :number]
        return np.concatenate([seen, alpha], axis=2)

    def _with_what_is_beyond(self, restored: Array, given: Pixels) -> Pixels:
        """Colours from 0 to white, and what lay beyond white or was negative, added again."""
        kind = given.dtype
        inside = np.clip(given, 0, self.white).astype(kind)
        beyond = given - inside
        colours = restored * kind.type(self.white) + beyond
        if given.dtype.kind == "u":
            most = np.iinfo(given.dtype).max
            colours = np.rint(np.clip(colours, 0, most))
        return np.asarray(colours.astype(given.dtype))

    @property
    def _has_usual_white(self) -> bool:
        """Whether white is the largest integer."""
        return (
            self.stored.dtype.kind == "u"
            and self.white == np.iinfo(self.stored.dtype).max
        )

    def _colourless(self) -> bool:
        """Whether all colours are shades of grey."""
        if self.stored.ndim == 2 or self.stored.shape[2] == 2:
            return True
        return all(
            equal_colours(self.stored[rows]) for rows in strips(len(self.stored))
        )

    def all_colours(self, part: Part = WHOLE) -> Pixels:
        """``(H, W, 3)`` as they are stored: grey repeated, without transparency."""
        return three_colours(self.stored[part])


def equal_colours(stored: Pixels) -> bool:
    """Whether the three channels of a picture are the same."""
    red = stored[:, :, 0]
    green = stored[:, :, 1]
    blue = stored[:, :, 2]
    return np.array_equal(red, green) and np.array_equal(green, blue)


@dataclass(frozen=True)
class StoredColours:
    """The colours of a picture, ``(H, W, 3)`` in [0, 1], made part by part when asked for."""

    picture: OwnPicture

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and 3."""
        return (*self.picture.stored.shape[:2], 3)

    def __getitem__(self, part: Part) -> Array:
        """Some rows, or rows and columns, as :meth:`OwnPicture.colours` gives them."""
        return self.picture.colours(part)
