"""A member of a pair for display, and arrows of the displacement measured between both."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.capture.sessions.state import CompletePair, file_path
from defocus.pictures.raw import (
    RAW_SUFFIXES,
    develop_raw,
    raw_preview,
    shot_white_balance,
)
from defocus.pictures.read import read_image
from defocus.pictures.values import Image
from defocus.pictures.write import LONGEST_JPEG_PX
from defocus.reports.pictures import displacement_arrows, eight_bits, small_picture
from defocus.scene.geometry import Similarity

Role = Literal["blurry", "sharp"]

LARGEST_SHIFT_PX = 10_000.0
ZOOMS = (0.5, 2.0)


def measured_similarity(entry: Mapping[str, Any]) -> Similarity | None:
    """Blurry to sharp similarity of an untrusted ``pair.json``, px; None if it is implausible."""
    try:
        geometry = entry["quality"]["misalignment"]
        x, y = map(float, geometry["shift_px"])
        zoom = float(geometry["zoom"])
        rotation_deg = float(geometry["rotation_deg"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    least_zoom, most_zoom = ZOOMS
    near = math.hypot(x, y) <= LARGEST_SHIFT_PX
    possible = near and least_zoom <= zoom <= most_zoom
    if possible and abs(rotation_deg) <= 180:
        return Similarity(zoom, rotation_deg, (x, y))
    return None


def displacement_overlay(
    model: Similarity, size: tuple[int, int], pixels: float
) -> tuple[str, NDArray[np.uint8]]:
    """Arrows and their label from blurry to sharp, RGBA, ``pixels`` of the original per px."""
    height, width = size
    factor, arrows = displacement_arrows(model.scaled(1 / pixels).flow(width, height))
    return f"Displacement × {factor}", arrows


ROLES: tuple[Role, ...] = ("blurry", "sharp")


@dataclass(frozen=True)
class PairMember:
    """A member of a pair for display."""

    picture: NDArray[np.uint8]  # ``(H, W, 3)`` RGB
    pixels: float  # pixels of the original per pixel of ``picture``, along a side


def member_path(root: Path, pair: CompletePair, role: Role) -> Path:
    """The file of a member of a pair."""
    return file_path(root, pair.id, pair.blurry if role == "blurry" else pair.sharp)


def read_member(root: Path, pair: CompletePair, role: Role, width: int) -> PairMember:
    """Read a member of a pair, at most ``width`` px wide; RAW gets the sharp one's white balance.

    RAW is developed at full size only for a whole picture."""
    path = member_path(root, pair, role)
    pixels = 1.0
    if path.suffix in RAW_SUFFIXES:
        reference = member_path(root, pair, "sharp")
        raw_sharp = reference.suffix in RAW_SUFFIXES
        balance = shot_white_balance(reference if raw_sharp else path)
        whole = width >= LONGEST_JPEG_PX  # no page shows a wider one
        picture: Image = (develop_raw if whole else raw_preview)(path, balance)
        pixels = 1.0 if whole else 2.0
    else:
        picture = read_image(path)
    small = small_picture(picture, width)
    return PairMember(eight_bits(small), pixels * picture.shape[1] / small.shape[1])
