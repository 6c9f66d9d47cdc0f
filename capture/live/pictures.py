"""JPEGs of a session's pictures for the page, made when asked for; nothing is written."""

import threading
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from defocus.capture.sessions.state import CompletePair, file_path
from defocus.errors import ImageError
from defocus.images import Image, read_image
from defocus.raw import RAW_SUFFIXES, raw_preview, shot_white_balance

__all__ = ["ROLES", "SIZES", "Pictures", "Role", "Size"]

Role = Literal["blurry", "sharp"]
Size = Literal["thumb", "large"]

ROLES: tuple[Role, ...] = ("blurry", "sharp")
SIZES: dict[Size, int] = {"thumb": 320, "large": 1600}
"""Longest width, px."""

DECODERS = 2
"""Pictures decoded at one time: one of 30 megapixels takes 200 MB."""


class Pictures:
    """The pictures of one session; the last ones made are kept in memory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._decoders = threading.Semaphore(DECODERS)
        self._makers = {
            "thumb": lru_cache(maxsize=2000)(self._make),
            "large": lru_cache(maxsize=24)(self._make),
        }

    def jpeg(self, pair: CompletePair, role: Role, size: Size) -> bytes:
        """A member of a pair; RAW members have the sharp one's white balance.

        Raises:
            ImageError: The original is missing or damaged.
        """
        return self._makers[size](pair.id, pair.blurry, pair.sharp, role, SIZES[size])

    def _make(self, pair_id: str, blurry: str, sharp: str, role: Role, width: int) -> bytes:
        path = file_path(self._root, pair_id, blurry if role == "blurry" else sharp)
        with self._decoders:
            if path.suffix in RAW_SUFFIXES:
                reference = file_path(self._root, pair_id, sharp)
                raw_sharp = reference.suffix in RAW_SUFFIXES
                balance = shot_white_balance(reference if raw_sharp else path)
                return _encoded(path, raw_preview(path, balance), width)
            return _encoded(path, read_image(path), width)


def _encoded(path: Path, picture: Image, width: int) -> bytes:
    if picture.shape[1] > width:
        height = max(1, round(picture.shape[0] * width / picture.shape[1]))
        resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        picture = resized.astype(picture.dtype, copy=False)
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    done, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise ImageError(f"{path}: cannot be encoded for the page")
    return encoded.tobytes()
