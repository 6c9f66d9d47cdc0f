"""The folder of an aligned pair: its truth, its blur map, its description."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import blur_map, write_blur_map
from defocus.align.compensation.compensate import Compensation, released_blurry
from defocus.align.compensation.output import NUMBERS, write_array
from defocus.align.compensation.record import read_record, recorded_plan
from defocus.align.measure import Measurement
from defocus.blocks.derived import give_blocks
from defocus.datasets.deriving.derived import kept_record
from defocus.datasets.pair import Pair
from defocus.images import read_image, write_image

__all__ = ["add_blur_map", "add_truth", "described"]

PICTURES = ("truth", "dual_pixel_left", "dual_pixel_right")
"""Roles that show the scene as the blurry member does, and are cropped like it."""


def add_truth(pair: Pair, folder: Path, known_map: NDArray[np.float32] | None) -> None:
    """Add truth and defocus map of the blurry member, on its released grid."""
    plan = recorded_plan(read_record(folder / NUMBERS), folder / NUMBERS)
    for role in PICTURES:
        source: Path | None = getattr(pair, role)
        if source is not None:
            write_image(folder / f"{role}.png", released_blurry(read_image(source), plan))
            give_blocks(source, folder / f"{role}.png")
    if known_map is not None:
        write_array(folder / "defocus_map.npy", _released_map(known_map, plan))


def add_blur_map(folder: Path, measurement: Measurement) -> None:
    """Add the blur map of the pair, if there is one."""
    plan = recorded_plan(read_record(folder / NUMBERS), folder / NUMBERS)
    found = blur_map(measurement, plan.grid)
    if found is not None:
        write_blur_map(folder, found)


def _released_map(coc_px: NDArray[np.float32], plan: Compensation) -> NDArray[np.float32]:
    """The defocus map of the release, in its own pixels."""
    part = plan.grid.crop.of(coc_px)
    if plan.grid.scale == 1.0:
        return part
    size = plan.grid.shape[::-1]
    smaller = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return (plan.grid.scale * smaller).astype(np.float32)


def described(pair: Pair, folder: Path) -> Pair:
    """The pair with its new files, without the true flow, which fits the old sharp member only."""
    numbers = kept_record(folder / NUMBERS)
    compensation = numbers.pop("compensation")
    metadata = {key: v for key, v in pair.metadata.items() if key != "measured_misalignment"}
    # only a geometry that was known beforehand has no standard errors
    compensation["geometry_of"] = "blurry" if numbers["uncertainty"] else "companion"
    metadata["compensation"] = {**compensation, "misalignment": numbers}
    # names of fields are no types: these three are all paths
    roles: dict[str, Any] = {
        role: folder / f"{role}.png" for role in PICTURES if getattr(pair, role) is not None
    }
    return replace(
        pair,
        blurry=folder / "blurry.png",
        sharp=folder / "sharp.png",
        flow=None,
        defocus_map=None if pair.defocus_map is None else folder / "defocus_map.npy",
        valid_mask=folder / "valid_mask.png",
        metadata=MappingProxyType(metadata),
        **roles,
    )
