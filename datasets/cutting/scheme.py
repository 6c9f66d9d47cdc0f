"""Positions of patches, and the choice of those that are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.images import Image, as_float

__all__ = ["SCHEMES", "PatchCorner", "Scheme", "kept", "places", "sharpnesses"]

KERNELS = (3, 7, 11, 15)
"""Sides of the Sobel kernels whose responses are multiplied."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Scheme:
    """Scheme for cutting a dataset."""

    side_px: int = 512
    overlap: float = 0.6  # share of a patch that overlaps with its neighbour, in training pictures
    validation_overlap: float = 0.01  # in validation pictures, whose patches are all kept
    edges: bool = True  # a last row and column at the border cover the whole picture
    drop: float = 0.3  # share of a training picture's patches that is dropped, the least sharp ones
    scale: float = 1.0  # size to which pictures are reduced first, 0 < scale <= 1

    def stride_px(self, *, training: bool) -> int:
        """Distance between patches, rounded down, at least 1."""
        overlap = self.overlap if training else self.validation_overlap
        return max(1, int((1.0 - overlap) * self.side_px))


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {"dpdd": Scheme(), "sdd": Scheme(edges=False, scale=0.7)}
)
"""Source of ``dpdd``: its authors' image_to_patch_filter.py. ``sdd`` is inferred: it gives the
4,830 patches of 115 pictures of 4096 x 2160 that its authors count."""


@dataclass(frozen=True)
class PatchCorner:
    """Upper left corner of a patch, px."""

    top: int
    left: int


def places(
    height: int, width: int, side: int, stride: int, *, edges: bool
) -> tuple[PatchCorner, ...]:
    """Patches' positions (px), row by row; empty if the picture is smaller than a patch."""
    rows, columns = (_starts(length, side, stride, edges=edges) for length in (height, width))
    return tuple(PatchCorner(top, left) for top in rows for left in columns)


def _starts(length: int, side: int, stride: int, *, edges: bool) -> list[int]:
    starts = list(range(0, length - side + 1, stride))
    last = length - side
    return [*starts, last] if edges and starts and starts[-1] != last else starts


def sharpnesses(patches: Sequence[Image]) -> NDArray[np.float64]:
    """Sharpness of each patch relative to the others, 0..1, as DPDD's image_to_patch_filter.py."""
    # For each size of Sobel kernel the gradient's lengths are summed over a patch and stretched
    # over the patches from 0 to 1; the four results are multiplied. A size where all are equal is
    # ignored.
    sums = np.array([_gradient_sums(patch) for patch in patches])
    low, high = sums.min(axis=0), sums.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    stretched = np.where(high > low, (sums - low) / spread, 1.0)
    return np.asarray(stretched.prod(axis=1))


def _gradient_sums(patch: Image) -> list[float]:
    grey = np.asarray(as_float(patch) @ LUMA, dtype=np.float32)
    sums = []
    for side in KERNELS:
        across, down = (
            cv2.Sobel(grey, cv2.CV_32F, *order, ksize=side) for order in ((1, 0), (0, 1))
        )
        sums.append(float(cv2.magnitude(across, down).sum(dtype=np.float64)))
    return sums


def kept(sharpness: NDArray[np.float64], drop: float) -> tuple[int, ...]:
    """Indices of the kept patches, in order; among equally sharp ones the first are dropped."""
    order = np.argsort(sharpness, kind="stable")
    return tuple(sorted(int(index) for index in order[int(drop * len(order)) :]))
