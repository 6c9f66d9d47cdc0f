"""Requirements on the members of a pair, without which it is not measured."""

import numpy as np

from defocus.align.arrays import Singles, Size
from defocus.align.rig import Rig
from defocus.errors import AlignmentError
from defocus.pictures.values import Image


def check_members(blurry: Image, sharp: Image, rig: Rig | None) -> None:
    """Refuse members of another type, or of sizes that do not fit."""
    for picture in (blurry, sharp):
        integers = picture.dtype in (np.uint8, np.uint16)
        if not integers or picture.ndim != 3:
            raise AlignmentError(
                f"a picture of {picture.dtype} and shape {picture.shape}; a pair needs "
                "(H, W, 3) of 8- or 16-bit integers"
            )
    if rig is None and blurry.shape != sharp.shape:
        raise AlignmentError(
            f"the pictures are {blurry.shape} and {sharp.shape}; a pair needs one"
        )
    if rig is None:
        return
    sizes = ((blurry, rig.blurry_size), (sharp, rig.sharp_size))
    for picture, size in sizes:
        if picture.shape[1::-1] != size:
            raise AlignmentError(
                f"a picture of {picture.shape[1]}x{picture.shape[0]} px, but the rig is for "
                f"{size[0]}x{size[1]}; give the rig file of these cameras"
            )


def check_defocus_map(coc_px: Singles, shape: Size) -> None:
    """Refuse a map of another type or size, or with values that are not finite."""
    if coc_px.shape != shape or coc_px.dtype.kind != "f":
        raise AlignmentError(
            f"a defocus map of {coc_px.dtype} and shape {coc_px.shape}; this pair needs float32 "
            f"of shape {shape}"
        )
    if not np.isfinite(coc_px).all():
        raise AlignmentError(
            "the defocus map has values that are not finite; repair it"
        )
