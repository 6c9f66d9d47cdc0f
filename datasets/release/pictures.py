"""Released files of a pair: pictures that say how they were taken, and unchanged arrays."""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import ARRAYS, array_shape, pair_files, read_array
from defocus.errors import DefocusError, ImageError
from defocus.pictures.carried import bare_file, dressed, meaning_of, with_exif
from defocus.pictures.metadata import EXIF_TAGS, IMAGE_TAGS, read_metadata, writable
from defocus.pictures.profiles import (
    colour_code,
    colours_of,
    in_srgb,
    in_two_spaces,
    profile_of,
)
from defocus.pictures.raw import any_raw
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.tags import EXIF_DIRECTORY
from defocus.pictures.values import FULL, Image
from defocus.pictures.write import encoded_lossless

REMOVED = "removed"

_PRIVATE = re.compile(
    r"serial|gps|latitude|longitude|altitude|location|owner|artist|author|photographer|operator"
    r"|body_?(number|id)|host|user|e?mail|uri|address|password|token|path|folder|directory",
    re.IGNORECASE,
)
SHORTEST = 4
"""Length of the shortest value that is looked for; a shorter one may be in a text by chance."""
NO_SECRETS = {"unknown", "none", "null"}


def without_private(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Remove private keys (``serial_number``, ``gps``, …), and their values from other texts."""
    texts = {text for text in _secrets(metadata) if len(text) >= SHORTEST}
    cleaned: dict[str, Any] = _cleaned(
        metadata, sorted(texts - NO_SECRETS, key=len)[::-1]
    )
    return cleaned


def _secrets(value: Any, *, private: bool = False) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """All values of private keys, as text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, private=private or bool(_PRIVATE.search(key)))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner, private=private)
    elif private and value is not None and not isinstance(value, bool):
        yield str(value)


def _cleaned(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        public = {}
        for key, inner in value.items():
            if not _PRIVATE.search(key):
                public[key] = _cleaned(inner, secrets)
        return public
    if isinstance(value, list | tuple):
        return [_cleaned(inner, secrets) for inner in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REMOVED)
    return value


ARTIST, COPYRIGHT, BODY_SERIAL, LENS_SERIAL = 315, 33432, 42033, 42037
PRIVATE = frozenset({ARTIST, COPYRIGHT, BODY_SERIAL, LENS_SERIAL})


def with_shot(path: Path, content: bytes) -> bytes:
    """A released picture with exposure, lens, date and colours' meaning of its original file."""
    metadata = read_metadata(path)
    meaning = meaning_of(metadata, converted=bool(profile_of(path)))
    return dressed(content, with_exif(meaning, _shot(metadata.exif)))


def released_blocks(path: Path) -> bytes:
    """A pixel with what the released picture of a file holds besides its pixels."""
    try:
        return with_shot(path, encoded_lossless(np.zeros((1, 1, 3), np.uint8)))
    except (DefocusError, OSError):  # it is not released, and named as such
        return b""


def _shot(exif: bytes) -> bytes:
    """The tags of an EXIF block that say how a picture was taken, in a block of their own."""
    from PIL import Image

    if not exif:
        return b""
    own = Image.Exif()
    kept = Image.Exif()
    own.load(b"Exif\0\0" + exif)
    kept.update(writable(_of(own, IMAGE_TAGS)))
    if inner := writable(_of(own.get_ifd(EXIF_DIRECTORY), EXIF_TAGS), EXIF_DIRECTORY):
        kept[EXIF_DIRECTORY] = inner
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else b""


def _of(values: Any, tags: frozenset[int]) -> dict[int, Any]:  # noqa: ANN401 - Pillow's directory
    return {tag: value for tag, value in values.items() if tag in tags - PRIVATE}


def released_members(pair: Pair) -> dict[str, bytes]:
    """The files of a pair by role, as bytes: without metadata as they are, others written anew."""
    # A new file has its picture's own bit depth, exposure, lens and date, but no position, serial
    # number or thumbnail. RAW members are developed with the same parameters. Profiles other than
    # sRGB are converted; colours that its own chunks name stay.
    require_one_size([pair])
    files = pair_files(pair)
    _require_one_space(pair)
    developed = _developed(files)
    members: dict[str, bytes] = {}
    height = 0
    width = 0
    for role, path in files.items():  # the blurry picture is the first
        if role in ARRAYS:
            # written again: the file may have more behind the array
            members[role] = encoded(
                role, read_array(path, array_shape(role, height, width))
            )
            continue
        picture = (
            developed[path]
            if path in developed
            else in_srgb(path, read_image(path, pair.white))
        )
        if role == "blurry":
            height, width = picture.shape[:2]
        as_stored = path not in developed and pair.white in {None, FULL}
        members[role] = _picture(path, picture, as_stored=as_stored)
    return members


def _require_one_space(pair: Pair) -> None:
    """Refuse members in two colour spaces."""
    if pair.sharp is not None and in_two_spaces(pair.blurry, pair.sharp):
        pictures = pair.blurry, pair.sharp
        blurry, sharp = (colours_of(one) or "sRGB" for one in pictures)
        help_of_us = "'defocus-data compensate' brings both to one space"
        raise ImageError(
            f"pair {pair.id}: the blurry picture is in {blurry}, the sharp one in {sharp}; "
            + (
                "convert both to sRGB"
                if any(map(colour_code, pictures))
                else help_of_us
            )
        )


def _developed(files: Mapping[str, Path]) -> dict[Path, Image]:
    """Develop both pictures of a pair if one is a RAW file; otherwise return nothing."""
    raw = [files[role] for role in ("blurry", "sharp") if role in files]
    if len(raw) == 2 and any_raw(*raw):
        blurry, sharp = raw
        return dict(zip(raw, read_pair(blurry, sharp), strict=True))
    return {}


def _picture(path: Path, picture: Image, *, as_stored: bool) -> bytes:
    content = bare_file(path) if as_stored else b""
    return content or with_shot(path, encoded("blurry", picture))


def encoded(role: str, array: NDArray[Any]) -> bytes:
    """Encode the file of a role: a picture ``(H, W, 3)``, or an array as ``.npy``."""
    if role in ARRAYS:
        content = io.BytesIO()
        np.save(content, array)
        return content.getvalue()
    return encoded_lossless(array)
