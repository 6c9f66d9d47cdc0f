"""What the numbers of a picture mean: its profile, its header, two pictures in one colour space.

A profile is handed on until a release is converted; pairs that differ are converted at once."""

import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms, UnidentifiedImageError

from defocus.errors import ImageError
from defocus.pictures.bmp import bmp_profile
from defocus.pictures.headers import MAX_PIXELS, MOST_BYTES, kind_in
from defocus.pictures.heif import HEIF_KINDS, heif_contents, unusual_code
from defocus.pictures.png import early_chunks
from defocus.pictures.raw import is_raw
from defocus.pictures.tags import ORIENTATION, first_directory
from defocus.pictures.tiff import tiff_pictures
from defocus.pictures.values import equal_colours
from defocus.reading import FileBytes, mapped, read_bytes

PillowImage.MAX_IMAGE_PIXELS = (
    MAX_PIXELS  # Pillow's own limit is less than a camera's picture
)

NO_PICTURE = (
    *(OSError, UnidentifiedImageError, PillowImage.DecompressionBombError),
    *(PillowImage.DecompressionBombWarning, struct.error, SyntaxError, ValueError),
    *(
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
    ),
)
"""Errors that Pillow and tifffile raise for damaged headers."""

Image = NDArray[np.unsignedinteger[Any]]

_ICC = 34675
_LEVELS = 5
_MOST_STEPS = 1
"""Largest difference, in steps of 8 bits, between two profiles that both mean sRGB."""
_INTEROPERABILITY = 0xA005
"""EXIF tag that names the rule by which a file was written."""
_ADOBE_RGB = "R03"
"""Name of the rule of files in Adobe RGB (DCF 2.0)."""
_SRGB_GAMMA = 1 / 2.2
_SRGB_PLACES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_CODE_ERROR = 0.01
"""Largest difference from sRGB's gamma, white point and primaries at which a PNG's own numbers
still mean sRGB."""
_MODES = {"RGB ": "RGB", "GRAY": "L"}
"""Pillow's mode for a picture, by the colour space of its profile."""
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    SyntaxError,
    ArithmeticError,
)

PLAIN = "sRGB or nothing"
"""Word for the colours of a file that names none."""
_GREY_MODES = {
    "1",
    "L",
    "LA",
    "La",
    "I",
    "I;16",
    "I;16B",
    "I;16L",
    "F",
}
_DECLARED = {
    "CMYK": "CMYK",
    "LAB": "Lab",
    "YCbCr": PLAIN,
    "HSV": "HSV",
}
"""Colour space, in words, by Pillow's mode."""


def profile_of(path: Path) -> bytes:
    """The ICC profile inside a picture file; empty if it has none, as all RAW files."""
    if is_raw(path):
        return b""
    try:
        kind = kind_in(path)
        if kind in HEIF_KINDS:
            return heif_contents(read_bytes(path, MOST_BYTES), kind).icc
        if kind == "BMP":
            return bmp_profile(read_bytes(path, MOST_BYTES))
        if kind == "TIFF":  # Pillow does not open all that are read
            return _profile_of_tiff(path)
        if not kind:
            return b""
        with _opened(path) as picture:
            return picture.info.get("icc_profile") or b""
    except _DAMAGE:  # no header that says the colours
        return b""


@contextmanager
def _opened(path: Path) -> Iterator[PillowImage.Image]:
    """Open a picture by Pillow without its warnings: damage is said where the pixels are read."""
    with (
        warnings.catch_warnings(action="ignore"),
        PillowImage.open(path) as picture,
    ):
        yield picture


def _profile_of_tiff(path: Path) -> bytes:
    with path.open("rb") as file:
        first = first_directory(FileBytes(file))
    entry = None if first is None else first[1].entry(_ICC)
    return b"" if entry is None else entry.content


def colour_code(path: Path) -> str:
    """The colours that a file names by a code and not by a profile; empty for those of sRGB."""
    # A PNG, HEIC or AVIF has such codes, and a JPEG of a camera that was set to Adobe RGB. They are
    # not converted: a pair whose members name different ones is refused.
    try:
        kind = kind_in(path)
        if kind in HEIF_KINDS:
            code = heif_contents(read_bytes(path, MOST_BYTES), kind).colour_code
            return "" if code is None else _code_words(*code)
        if kind == "PNG":
            # mapped: what says the colours comes before the pixels
            with (
                path.open("rb") as file,
                mmap(file.fileno(), 0, access=ACCESS_READ) as content,
            ):
                return _code_of_png(early_chunks(content))
        return _code_of_jpeg(path) if kind == "JPEG" else ""
    except (*_DAMAGE, struct.error):
        return ""


def _code_of_jpeg(path: Path) -> str:
    with _opened(path) as picture:
        if picture.info.get("icc_profile"):
            return ""
        rule = picture.getexif().get_ifd(_INTEROPERABILITY).get(1)
    return "Adobe RGB by its EXIF" if rule == _ADOBE_RGB else ""


def _code_of_png(chunks: dict[bytes, bytes]) -> str:
    """The colours by the first of cICP, profile, sRGB, and gAMA with cHRM; others are ignored."""
    if b"cICP" in chunks:
        primaries, curve, _, full = chunks[b"cICP"]
        if not full:
            return f"{_code_words(primaries, curve)}, narrow range"
        return _code_words(primaries, curve) if unusual_code(primaries, curve) else ""
    if b"iCCP" in chunks or b"sRGB" in chunks:
        return ""
    words = []
    if b"gAMA" in chunks:
        (stored,) = struct.unpack(">I", chunks[b"gAMA"])
        gamma = stored / 1e5
        if abs(gamma - _SRGB_GAMMA) > _CODE_ERROR:
            words.append(f"gAMA {gamma:g}")
    if b"cHRM" in chunks:
        stored_places = struct.unpack(">8I", chunks[b"cHRM"])
        places = [one / 1e5 for one in stored_places]
        apart = np.abs(np.subtract(places, _SRGB_PLACES)).max()
        if apart > _CODE_ERROR:
            listed = " ".join(f"{one:g}" for one in places)
            words.append(f"cHRM {listed}")
    return ", ".join(words)


def _code_words(primaries: int, curve: int) -> str:
    return f"cICP primaries {primaries}, curve {curve}"


def colours_of(path: Path) -> str:
    """The colours that a file means, for messages; empty for sRGB and where nothing is said."""
    return colour_code(path) or space_name(profile_of(path))


def in_two_spaces(first: Path, second: Path) -> bool:
    """Whether two picture files mean different colours by the same numbers."""
    if colour_code(first) != colour_code(second):
        return True
    one = profile_of(first)
    other = profile_of(second)
    if one == other:
        return False
    colours = _meaning(one)
    others = _meaning(other)
    if colours is None or others is None:  # damaged, or not of RGB or grey
        return True
    return bool(cv2.absdiff(colours, others).max() > _MOST_STEPS)


def in_one_space(
    files: Sequence[Path], pictures: Sequence[Image]
) -> tuple[Image, Image]:
    """Both pictures of a pair in sRGB if their files mean different colours, else as they are."""
    first, second = pictures
    if not in_two_spaces(*files):
        return first, second
    first = member_in_srgb(files[0], first)
    second = member_in_srgb(files[1], second)
    return first, second


def member_in_srgb(path: Path, picture: Image) -> Image:
    """The colours of a member as sRGB, where the other member means other colours."""
    if code := colour_code(path):
        raise ImageError(
            f"{path}: its colours ({code}) are not those of the other member; convert both to sRGB"
        )
    return in_srgb(path, picture)


def is_of_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether a profile means sRGB, judged by converted colours, or by the curve of a grey one."""
    # Its name is not a proof: "Linear sRGB" has the primaries of sRGB alone.
    space = profile.profile.xcolor_space
    if space not in _MODES:
        return False
    colours = _sampled_colours()
    if _MODES[space] == "L":
        colours = colours[..., :1].repeat(3, axis=2)
    moved = _converted(profile, colours).astype(int) - colours
    return bool(np.abs(moved).max() <= _MOST_STEPS)


def _sampled_colours() -> NDArray[np.uint8]:
    levels = np.linspace(0, 255, _LEVELS).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(
        _LEVELS, -1, 3
    )


@lru_cache(maxsize=64)  # the pictures of a camera have the same one
def _meaning(content: bytes) -> NDArray[np.uint8] | None:
    """Sampled colours by a profile, as sRGB; None if it is damaged, or not of RGB or grey."""
    colours = _sampled_colours()
    if not content:
        return colours
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        if is_of_srgb(profile):
            return colours
        if profile.profile.xcolor_space not in _MODES:
            return None
        return _converted(profile, colours)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def space_name(content: bytes) -> str:
    """The colour space that a profile means, for messages; empty for sRGB and no profile."""
    if not content:
        return ""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        if is_of_srgb(profile):
            return ""
        name = ImageCms.getProfileDescription(profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "a damaged profile"
    return " ".join((name or "").split()) or "a profile without a name"


def in_srgb(path: Path, picture: Image) -> Image:
    """The colours of a picture as sRGB; itself without a profile, or with that of sRGB."""
    # The colour library does not convert 16 bits, so such pictures are refused.
    content = profile_of(path)
    if not content:
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        name = (
            " ".join((ImageCms.getProfileDescription(profile) or "").split())
            or "without a name"
        )
        if is_of_srgb(profile):
            return picture
        space = profile.profile.xcolor_space
        if space not in _MODES:
            raise ImageError(
                f"{path}: its colour profile {name!r} is not of RGB; convert it"
            )
        if _MODES[space] == "L" and not equal_colours(picture):
            raise ImageError(
                f"{path}: its colour profile {name!r} is of grey, but the picture has colours; "
                "save it with a profile of RGB, or without one"
            )
        if picture.dtype != np.uint8:
            raise ImageError(
                f"{path}: 16 bits with the colour profile {name!r}; convert it to sRGB first"
            )
        return _converted(profile, cast(NDArray[np.uint8], picture))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise ImageError(
            f"{path}: its colour profile is damaged; convert the picture to sRGB"
        ) from error


def _converted(
    profile: ImageCms.ImageCmsProfile, picture: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The colours of a profile of RGB or grey as sRGB; of grey, the channels are alike."""
    converted = ImageCms.profileToProfile(
        PillowImage.fromarray(picture).convert(_MODES[profile.profile.xcolor_space]),
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )
    return np.asarray(converted, np.uint8)


@dataclass(frozen=True)
class PictureHeader:
    """Facts from the header of a file; ``colours`` is a colour space in words."""

    colours: str
    grey: bool
    orientation: int
    frames: int


def picture_header(path: Path) -> PictureHeader | None:
    """Facts from a file's header; None for RAW files and for what cannot be read."""
    if is_raw(path):
        return None
    try:
        kind = kind_in(path)
        if kind == "TIFF":
            return _tiff_header(path)
        if not kind:  # Pillow would open thirty more
            return None
        with _opened(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            mode = _DECLARED.get(picture.mode, PLAIN)
            silent = picture.format == "PNG" and not _has_text(path)
            orientation = 1 if silent else picture.getexif().get(ORIENTATION, 1)
            # what MPO has beside the picture is a preview or a second view
            frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
            grey = picture.mode in _GREY_MODES
            return PictureHeader(
                _colours(path, mode),
                grey,
                orientation,
                frames,
            )
    except NO_PICTURE:
        return None


def _has_text(path: Path) -> bool:
    """Whether a PNG has EXIF or text; Pillow decodes all pixels to look behind them."""
    # unbuffered: of a large picture with ten thousand chunks only their heads are read
    with path.open("rb", buffering=0) as file:
        place = file.seek(8)
        while len(start := file.read(8)) == 8:
            if start[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return True
            size = int.from_bytes(start[:4], "big")
            place = file.seek(place + 12 + size)
    return False


def _tiff_header(path: Path) -> PictureHeader:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        photometric = getattr(page.photometric, "name", "")
        mode = {"SEPARATED": "CMYK", "CIELAB": "Lab"}.get(photometric, PLAIN)
        grey = photometric in {"MINISBLACK", "MINISWHITE"}
        tag = page.tags.get(ORIENTATION)
        orientation = 1 if tag is None else int(tag.value)
    with mapped(path) as content:
        frames = tiff_pictures(content)
    return PictureHeader(
        _colours(path, mode),
        grey,
        orientation,
        frames,
    )


def _colours(path: Path, mode: str) -> str:
    """The colour space that a file declares."""
    return mode if mode != PLAIN else colours_of(path) or PLAIN
