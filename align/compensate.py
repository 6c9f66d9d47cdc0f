"""Bringing the sharp picture of a pair onto the blurry one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.measure import Measurement, Misalignment
from defocus.align.resample import inside_frame, resampled_integer
from defocus.errors import AlignmentError
from defocus.images import Image

__all__ = ["AlignedPair", "compensate"]


@dataclass(frozen=True)
class AlignedPair:
    """The sharp picture in the blurry one's geometry.

    Attributes:
        sharp: ``(H, W, 3)``, the sharp picture's own depth, on the blurry grid at full size.
        valid_mask: ``(H, W)``, True where the sharp picture shows the scene and is believed.
        misalignment: What was compensated.
    """

    sharp: Image
    valid_mask: NDArray[np.bool_]
    misalignment: Misalignment


def compensate(blurry: Image, sharp: Image, measurement: Measurement) -> AlignedPair:
    """Resample the sharp picture by the measured similarity, once, in linear light.

    Args:
        blurry: ``(H, W, 3)``; only its size counts, its pixels stay as they are.
        sharp: ``(H, W, 3)`` uint8 or uint16.
        measurement: Of this pair.

    Raises:
        AlignmentError: The misalignment is unknown, or the sizes differ.
    """
    misalignment = measurement.misalignment
    if misalignment.similarity is None:
        raise AlignmentError(
            f"the pair cannot be aligned, its misalignment is unknown: {misalignment.reason}"
        )
    if blurry.shape != sharp.shape:
        raise AlignmentError(f"the pictures are {blurry.shape} and {sharp.shape}; a pair needs one")
    height, width = blurry.shape[:2]
    inside = inside_frame(misalignment.similarity, width, height)
    return AlignedPair(
        sharp=resampled_integer(sharp, misalignment.similarity),
        valid_mask=inside & measurement.reliable,
        misalignment=misalignment,
    )
