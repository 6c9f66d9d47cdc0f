"""Results of the tests of a sharp member."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np

from defocus.align.arrays import Mask, Singles
from defocus.align.sharp_member.absent import absent_discs
from defocus.align.sharp_member.compared import Compared
from defocus.align.sharp_member.dimmed import dimmed_discs
from defocus.align.sharp_member.discs import dark_discs
from defocus.align.sharp_member.focus import focus_elsewhere
from defocus.align.sharp_member.light import bands_ev, corner_ev, shade_ev
from defocus.align.sharp_member.smear import smear
from defocus.align.sharp_member.texture import lost_stops
from defocus.pictures.values import linear_to_srgb


@dataclass(frozen=True)
class SharpMember:
    """Numbers that a good pair shares with the other pairs of its session; None if unknown."""

    bands_ev: float  # amplitude of a sine over the rows, as of lamps that flicker
    shade_ev: (
        float  # half the range of the light over the picture, vignetting taken off
    )
    corner_ev: float  # by how much one corner differs from the other three
    # likeness of the spectrum to that of a motion or a second image, at most 1
    smear: float | None
    smear_px: float | None  # length of that motion, or distance of that second image
    # share of the tiles where the sharp member is the blurrier one
    elsewhere_share: float | None
    # by how much one half's crispest edges are softer, disc diameter
    soft_px: float | None
    # how much weaker fine detail is in weak texture than at edges
    lost_stops: float | None
    grain_stops: float | None  # grain of the sharp member over that of the blurry one
    # by how much the blurry member has more fine detail, where it has most
    finer_stops: float | None
    red_ev: float  # blurry over sharp light, red against green
    blue_ev: float  # the same of blue
    dark_stops: float  # by how much small places are darker than any blur explains
    absent_discs: int  # small dark discs that the blurry member does not have
    dimmed_discs: int  # larger ones, in texture too, where it is hardly blurred
    # how much more fine detail there is where the blurry member is crisp, and how much less
    oversharp_stops: float | None
    softer_stops: float | None
    # how much less fine detail there is in the small part that lacks most
    patch_stops: float | None
    # by how many codes of 255 the steps at the borders of 8 px blocks exceed those beside them
    block_codes: float | None
    enlarged: int  # factor by which the file was enlarged; 0 if no trace shows one
    # the clearest small dark discs, column and row as shares of the width: dust stays at its pixel
    dark_discs: tuple[tuple[float, float], ...]

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "SharpMember":
        """The numbers from their JSON fields; KeyError, TypeError or ValueError if one is wrong."""
        discs = tuple((float(x), float(y)) for x, y in document["dark_discs"])
        known = {one: document[one] for one in NUMBERS}
        values = [value for value in known.values() if value is not None]
        for disc in discs:
            values.extend(disc)
        if not all(map(math.isfinite, values)):
            raise ValueError("a number is not finite")
        return cls(**known, dark_discs=discs)

    def to_json(self) -> dict[str, Any]:
        """The numbers as :meth:`of_json` takes them, with lists, as JSON has no tuples."""
        return {
            **asdict(self),
            "dark_discs": [list(place) for place in self.dark_discs],
        }


NUMBERS = tuple(one.name for one in fields(SharpMember) if one.name != "dark_discs")
"""Names of the tests of a sharp member whose result is a single number."""


def sharp_member(pair: Compared) -> SharpMember:
    """Test the sharp member of a registered pair."""
    original = _codes(pair.original)
    aligned = _codes(pair.sharp)
    blurry = _codes(pair.blurry)
    smeared = smear(original, blurry)
    discs = dark_discs(pair.original)
    focus = focus_elsewhere(aligned, pair.coc_px)
    elsewhere, soft_px = (None, None) if focus is None else focus
    return SharpMember(
        bands_ev(pair),
        shade_ev(pair),
        corner_ev(pair),
        None if smeared is None else smeared.likeness,
        None if smeared is None else smeared.length_px,
        elsewhere,
        soft_px,
        lost_stops(original),
        pair.fine.grain_stops,
        pair.fine.finer_stops,
        pair.red_ev,
        pair.blue_ev,
        pair.dark_stops,
        absent_discs(pair, discs),
        dimmed_discs(pair),
        pair.fine.oversharp_stops,
        pair.fine.softer_stops,
        pair.fine.patch_stops,
        pair.processing.block_codes,
        pair.processing.enlarged,
        discs,
    )


def _codes(light: Singles) -> Singles:
    in_range = np.maximum(light, np.float32(0))
    return np.asarray(linear_to_srgb(in_range), np.float32)


LEAST_LIGHT = 1e-6
"""Least light of a channel, as a share of white, that a ratio is divided by."""


def cast_ev(
    blurry: Singles,
    sharp: Singles,
    usable: Mask,
) -> tuple[float, float]:
    """Log2 of blurry over sharp light of red and of blue, each against green; 0 without a place."""
    where = usable.astype(np.uint8)
    if not where.any():
        return 0.0, 0.0
    blurry_mean = cv2.mean(blurry, where)[:3]
    sharp_mean = cv2.mean(sharp, where)[:3]
    first = np.maximum(blurry_mean, LEAST_LIGHT)
    second = np.maximum(sharp_mean, LEAST_LIGHT)
    red, green, blue = np.log2(first / second)
    return float(red - green), float(blue - green)
