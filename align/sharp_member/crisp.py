"""Fine detail of the sharp member where the blurry one is crisp: both should have equally much.

More of it shows a sharp member that was sharpened too much, less of it one that was enlarged."""

import numpy as np

from defocus.align.sampling.pyramid import reduced
from defocus.align.sharp_member.cells import (
    LEAST_ENERGY,
    NO_DETAIL,
    OVER_NOISE,
    TILE_CELLS,
    Cells,
)

CRISP = 2.8
"""Least ratio of fine to coarse energy of a crisp tile. An edge behind a disc of 2.3 px has this
ratio, a crisper edge and most textures have more."""
LEAST_TILES = 40
"""Least number of crisp tiles. With 13 to 28 of them, in small pictures of texture, good sharp
members seemed sharpened by up to 1.2 stops."""
OF_COARSE = 2.5
"""Largest ratio of the stops of fine detail to those of coarse detail that counts as sharpening; an
unsharp mask of a radius of 2 to 3 px makes 1.6 to 2.4. A blur of the blurry member, which its
texture hides, mostly makes more, as it takes much more of the fine detail; so does a mask of 1
px."""
OF_GRAIN = 1.7
"""Largest ratio of the stops of fine detail to those of the grain that too much sharpening makes.
No blur changes the grain."""
MOST_TILES = 0.3
"""Quantile of the tiles that shows too much sharpening: what is a little out of focus in the blurry
member has more detail in a good sharp one too."""


def crisp_stops(
    blurry: Cells,
    sharp: Cells,
    grain_stops: float | None,
) -> tuple[float, float] | None:
    """How much more fine detail the sharp member has, and how much less; stops, at least 0 each.

    Only tiles that are crisp in the blurry member count. None if it has too few of them.
    ``grain_stops`` is the grain of the sharp member over that of the blurry one."""
    in_blurry = blurry.detail_of_tiles
    in_sharp = sharp.detail_of_tiles
    coarse = reduced(blurry.coarse, TILE_CELLS)
    coarse_in_sharp = reduced(sharp.coarse, TILE_CELLS)
    least = max(OVER_NOISE * blurry.noise, LEAST_ENERGY)
    crisp = np.isfinite(in_sharp) & (in_blurry > least)
    crisp &= in_blurry > np.float32(CRISP) * coarse
    if crisp.sum() < LEAST_TILES:
        return None
    known = np.maximum(in_sharp[crisp], np.float32(NO_DETAIL))
    stops = np.log2(known / in_blurry[crisp]) / 2
    coarse_ratio = coarse_in_sharp[crisp] / np.maximum(coarse[crisp], NO_DETAIL)
    coarse_stops = np.log2(np.maximum(coarse_ratio, NO_DETAIL)) / 2
    more = float(np.quantile(stops, MOST_TILES))
    if more > OF_COARSE * float(np.median(coarse_stops)):
        more = 0.0
    if grain_stops is not None:
        more = min(more, OF_GRAIN * grain_stops)
    less = -float(np.median(stops))
    return max(more, 0.0), max(less, 0.0)
