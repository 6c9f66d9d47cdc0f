"""A member of a pair for display."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from defocus.capture.sessions.state import CompletePair, file_path
from defocus.images import Image, read_image
from defocus.raw import RAW_SUFFIXES, develop_raw, raw_preview, shot_white_balance
from defocus.reports.pictures import eight_bits, small_picture

__all__ = ["LONGEST_JPEG_PX", "ROLES", "PairMember", "Role", "member_path", "read_member"]

Role = Literal["blurry", "sharp"]
ROLES: tuple[Role, ...] = ("blurry", "sharp")

LONGEST_JPEG_PX = 65_500
"""So wide a picture is shown whole; JPEG has no wider ones."""


@dataclass(frozen=True)
class PairMember:
    """A member of a pair for display."""

    picture: NDArray[np.uint8]  # ``(H, W, 3)`` RGB
    pixels: float  # pixels of the original per pixel of ``picture``, along a side


def member_path(root: Path, pair: CompletePair, role: Role) -> Path:
    """The file of a member of a pair."""
    return file_path(root, pair.id, pair.blurry if role == "blurry" else pair.sharp)


def read_member(root: Path, pair: CompletePair, role: Role, width: int) -> PairMember:
    """Read a member of a pair, at most so wide; RAW gets the sharp one's white balance.

    RAW is developed at full size for a whole picture alone.
    """
    path, pixels = member_path(root, pair, role), 1.0
    if path.suffix in RAW_SUFFIXES:
        reference = member_path(root, pair, "sharp")
        raw_sharp = reference.suffix in RAW_SUFFIXES
        balance = shot_white_balance(reference if raw_sharp else path)
        whole = width >= LONGEST_JPEG_PX
        picture: Image = (develop_raw if whole else raw_preview)(path, balance)
        pixels = 1.0 if whole else 2.0
    else:
        picture = read_image(path)
    small = small_picture(picture, width)
    return PairMember(eight_bits(small), pixels * picture.shape[1] / small.shape[1])
