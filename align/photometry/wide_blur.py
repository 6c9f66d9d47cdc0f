"""Blur of a pair that is wider than the discs tried on the grid of the flow.

It is measured on a reduced copy, where the disc is small again and the windows are wide."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from defocus.align.arrays import Mask, Shape, Singles
from defocus.align.photometry.equalise import (
    DIAMETERS_PX,
    OTHER_WAY,
    blur_costs,
    disc_blurred,
    least_cost_place,
)
from defocus.align.sampling.pyramid import interpolated, reduced, resized_to

REDUCTION = 4
"""Factor by which the reduced copy of a pair, on which wide blur is measured, is smaller than the
grid of the flow."""
FIRST_PX = 8.0
"""Diameter on the reduced copy, px, from which its answer is used: 32 px on the grid of the flow,
where diameters up to 43 px are tried."""
LARGEST_OF_SIDE = 0.5
"""Largest disc that is tried on the copy, as a share of its shorter side."""
LEAST_GAIN = 0.2
"""Least gain of a wide disc over a narrow one, as a difference of costs (log mean squares). With
nothing wide in a rendered picture it is below 0, with 40 px above 0.3 where there is detail."""
AT_END = 0.95
"""A diameter above this share of the largest one that is tried may be larger in truth."""

WIDE_DIAMETERS_PX = (46.0, 56.0, 68.0, 82.0, 100.0, 120.0, 144.0, 172.0)
"""Diameters that the copy adds, px of the grid of the flow."""
ALL_DIAMETERS_PX = (*DIAMETERS_PX, *WIDE_DIAMETERS_PX)


@dataclass(frozen=True)
class PairBlur:
    """How much more the blurry member is blurred, and where that is known from wide discs."""

    coc_px: Singles  # ``(H, W)`` float32
    wide: Mask  # ``(H, W)``, where the copy found a wide disc


def largest_blur_px(shape: Shape) -> float:
    """The largest diameter that is measured in a pair whose flow has a grid of this shape, px."""
    tried = _tried_on_copy(shape)
    if not tried:
        return DIAMETERS_PX[-1]
    return max(DIAMETERS_PX[-1], REDUCTION * tried[-1])


def with_wide_blur(
    blurry: Singles,
    sharp: Singles,
    valid: Mask,
    coc_px: Singles,
) -> PairBlur:
    """Replace the blur of a pair where wide discs make its members more alike.

    Pictures are ``(H, W)`` linear light of equal exposure, the sharp one on the blurry grid."""
    tried = _tried_on_copy(blurry.shape)
    narrow = sum(diameter < FIRST_PX for diameter in tried)
    if narrow + 1 >= len(tried):
        return PairBlur(coc_px, np.zeros(valid.shape, dtype=bool))
    first = reduced(blurry, REDUCTION)
    second = reduced(sharp, REDUCTION)
    shown = reduced(valid.astype(np.float32), REDUCTION) > 0.999
    filled = np.where(shown, second, first)
    costs = _costs(first, tried, filled, shown)
    full_gain = _wide_gain(valid, costs, narrow, shown)
    coarse = _diameter_px(valid, costs, shown, tried)
    # a small thing that one member lacks is alike behind a wide disc, but its surroundings are not
    wide = valid & (full_gain > LEAST_GAIN)
    wide &= coarse >= REDUCTION * FIRST_PX
    return PairBlur(np.where(wide, coarse, coc_px), wide)


def _costs(
    first: Singles,
    tried: Sequence[float],
    filled: Singles,
    shown: Mask,
) -> Singles:
    """Cost of each blur, of the blurry member first, then of the sharp one."""
    few = DIAMETERS_PX[: OTHER_WAY + 1]
    blurry = [disc_blurred(first, diameter) for diameter in few]
    sharp = [disc_blurred(filled, diameter) for diameter in tried]
    return blur_costs(blurry, sharp, shown)


def _wide_gain(
    valid: Mask,
    costs: Singles,
    narrow: int,
    shown: Mask,
) -> Singles:
    """How much less the best wide disc costs than the best narrow one."""
    first_wide = OTHER_WAY + narrow
    best_narrow = costs[:first_wide].min(axis=0)
    best_wide = costs[first_wide:].min(axis=0)
    gain = resized_to(best_narrow - best_wide, shown.shape)
    return interpolated(gain, REDUCTION, valid.shape)


def _diameter_px(
    valid: Mask,
    costs: Singles,
    shown: Mask,
    tried: Sequence[float],
) -> Singles:
    """Diameter of the disc with the least cost, px of the full picture."""
    place = least_cost_place(costs, shown)
    places = np.arange(len(tried))
    diameter = REDUCTION * np.interp(place, places, tried)
    return interpolated(diameter.astype(np.float32), REDUCTION, valid.shape)


def known_blur(blur: PairBlur, reliable: Mask) -> Mask:
    """Mask of the places where the diameter is known: from a wide disc, or from reliable flow.

    Where the narrow discs ended and no wide one was found, it is unknown."""
    narrow_end = DIAMETERS_PX[-1]
    if largest_blur_px(reliable.shape) == narrow_end:
        return reliable
    narrow = blur.coc_px < AT_END * narrow_end
    return blur.wide | (reliable & narrow)


def _tried_on_copy(shape: Shape) -> list[float]:
    side = min(shape[:2]) // REDUCTION
    largest = LARGEST_OF_SIDE * side
    return [diameter for diameter in DIAMETERS_PX if diameter <= largest]
