"""Both members of a pair in the form that the tests of the sharp member compare."""

from dataclasses import dataclass

from defocus.align.arrays import Doubles, Mask, Singles
from defocus.align.sharp_member.fine import FineDetail
from defocus.align.sharp_member.processing import Processing


@dataclass(frozen=True)
class Compared:
    """A registered pair, reduced, and what the blur map makes of its sharp member."""

    blurry: Singles  # ``(H, W)`` luminance, linear
    sharp: Singles  # the same shape: aligned, with the blurry member's exposure
    original: Singles  # ``(h, w)`` luminance of the sharp member as it was taken, not resampled
    # ``(3, 3)``, from positions in ``blurry`` to those in ``original``
    matrix: Doubles
    predicted: Singles  # ``(H, W)`` the aligned sharp member under the blur map, linear
    stops: (
        Singles  # ``(H, W)`` log2 of blurry over predicted light, vignetting taken off
    )
    usable: (
        Mask  # in the frame of both, and no blur brings in what is saturated or outside
    )
    lit: Mask  # in the frame of both, and not saturated
    coc_px: Singles  # signed: negative where the sharp member is the blurrier one
    red_ev: float  # log2 of blurry over sharp light, red against green
    blue_ev: float  # the same of blue
    dark_stops: float  # by how much small places of the sharp member alone are darker
    fine: FineDetail  # of both members at nearly full size
    processing: Processing  # of the sharp member's file
