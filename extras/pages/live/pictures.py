"""JPEGs of a session's pictures for the page, made on demand."""

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.capture.quality.quick_look import read_look
from defocus.capture.sessions.member import (
    ROLES,
    Role,
    displacement_overlay,
    measured_similarity,
    member_path,
    read_member,
)
from defocus.capture.sessions.state import CompletePair
from defocus.capture.sessions.view import pair_entry
from defocus.errors import FileError, ImageError
from defocus.extras.pages.live.preview import linear_histogram
from defocus.extras.pages.serving.jpeg import encode_jpeg
from defocus.extras.pages.serving.pair_page import SIZES
from defocus.pictures.headers import SUFFIXES
from defocus.reading import require_file

DECODERS = 2
"""Number of pictures decoded at one time: one of 30 megapixels takes 200 MB."""


@dataclass(frozen=True)
class _Made:
    """A JPEG, the height and width of its picture, and its reduction."""

    jpeg: bytes
    size: tuple[int, int]
    pixels: float


class Pictures:
    """The pictures of one session; the latest ones are cached in memory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._decoders = threading.Semaphore(DECODERS)
        self._makers = {
            SIZES["thumb"]: lru_cache(maxsize=2000)(self._make),
            SIZES["large"]: lru_cache(maxsize=24)(self._make),
            SIZES["whole"]: lru_cache(maxsize=4)(self._make),
        }
        self._histogram = lru_cache(maxsize=2000)(self._counted)

    def jpeg(self, pair: CompletePair, role: Role, width: int) -> bytes:
        """A member of a pair, RAW with the sharp one's white balance, at a width of :data:`SIZES`.

        A whole JPEG is the original, byte for byte."""
        path = member_path(self._root, pair, role)
        if width == SIZES["whole"] and path.suffix in SUFFIXES["JPEG"]:
            return _original(path)
        return self._makers[width](pair, role, width).jpeg

    def displacement(self, pair: CompletePair) -> tuple[str, NDArray[np.uint8]] | None:
        """Label and RGBA overlay of the measured misalignment; None if nothing was measured."""
        model = measured_similarity(pair_entry(self._root, pair))
        if model is None:
            return None
        picture = self._makers[SIZES["large"]](pair, "blurry", SIZES["large"])
        return displacement_overlay(model, picture.size, picture.pixels)

    def histograms(self, pair: CompletePair) -> dict[str, list[list[float]]]:
        """Histograms of both members by channel, in linear light; RAW before white balance."""
        return {role: list(map(list, self._histogram(pair, role))) for role in ROLES}

    def _counted(self, pair: CompletePair, role: Role) -> tuple[tuple[float, ...], ...]:
        with self._decoders:
            look = read_look(member_path(self._root, pair, role))
        return linear_histogram(np.clip(look.linear, 0.0, 1.0))

    def _make(self, pair: CompletePair, role: Role, width: int) -> _Made:
        with self._decoders:
            member = read_member(self._root, pair, role, width)
        height, shown = member.picture.shape[:2]
        return _Made(encode_jpeg(member.picture), (height, shown), member.pixels)


def _original(path: Path) -> bytes:
    """The bytes of a picture that browsers show."""
    try:
        require_file(path)
        return path.read_bytes()
    except (FileError, OSError) as error:
        raise ImageError(
            f"{path}: cannot be read ({error}); run 'defocus-capture check'"
        ) from error
