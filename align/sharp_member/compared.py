"""Both members of a pair in the form that the tests of the sharp member compare."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.sharp_member.fine import FineDetail

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Compared:
    """A registered pair, reduced, and what the blur map makes of its sharp member."""

    blurry: Array  # ``(H, W)`` luminance, linear
    sharp: Array  # the same shape: aligned, with the blurry member's exposure
    original: (
        Array  # ``(h, w)`` luminance of the sharp member as it was taken, not resampled
    )
    # ``(3, 3)``, from positions in ``blurry`` to those in ``original``
    matrix: NDArray[np.float64]
    predicted: Array  # ``(H, W)`` the aligned sharp member under the blur map, linear
    stops: Array  # ``(H, W)`` log2 of blurry over predicted light, vignetting taken off
    usable: (
        Mask  # in the frame of both, and no blur brings in what is saturated or outside
    )
    lit: Mask  # in the frame of both, and not saturated
    coc_px: Array  # signed: negative where the sharp member is the blurrier one
    red_ev: float  # log2 of blurry over sharp light, red against green
    blue_ev: float  # the same of blue
    dark_stops: float  # by how much small places of the sharp member alone are darker
    fine: FineDetail  # of both members at nearly full size
