"""The common centre of pictures whose sizes are nearly equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError

__all__ = ["CommonCentre", "Crop", "Size", "common_size", "corner_of", "nearly_equal", "size_words"]

Crop = Literal["centre"]
"""What is scored of pictures whose sizes are nearly equal."""

FEW_PX = 8
MULTIPLES = (16, 32, 64)
LARGEST_SHARE = 4
"""A side that differs by more than one part in so many is no border that was cut off."""

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class CommonCentre:
    """What was scored of a picture of another size than its reference; sizes as ``1679x1120``."""

    restored: str
    reference: str
    scored: str
    px: int


def size_words(size: Sequence[int]) -> str:
    """Width and height, ``1679x1120``, of ``(H, W, …)``."""
    return f"{size[1]}x{size[0]}"


def nearly_equal(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes ``(H, W, …)`` differ by a few pixels, or by a cut or fill to a multiple."""
    return all(_near(*sorted(sides)) for sides in zip(first[:2], second[:2], strict=True))


def _near(small: int, large: int) -> bool:
    if (large - small) * LARGEST_SHARE > large:
        return False
    cut = any(large - large % multiple == small for multiple in MULTIPLES)
    filled = any(small + -small % multiple == large for multiple in MULTIPLES)
    return large - small <= FEW_PX or cut or filled


def common_size(restored: NDArray[Any], reference: NDArray[Any]) -> Size:
    """The size of the centre that two pictures of nearly equal size have in common."""
    first, second = size_words(restored.shape), size_words(reference.shape)
    if not nearly_equal(restored.shape, reference.shape):
        raise ImageError(
            f"restored {first}, to compare with {second}: too different for a common centre; "
            f"the sides may differ by {FEW_PX} px, or by a cut to a multiple of up to "
            f"{MULTIPLES[-1]}"
        )
    height, width = np.minimum(restored.shape[:2], reference.shape[:2]).tolist()
    return height, width


def corner_of(picture: NDArray[Any], size: Size) -> Size:
    """Where the centre of that size begins in a picture: row and column."""
    return (picture.shape[0] - size[0]) // 2, (picture.shape[1] - size[1]) // 2
