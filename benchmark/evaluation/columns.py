"""Columns of scores: a metric and its derived values, computed as a whole in one version."""

import math
from collections.abc import Mapping
from itertools import pairwise

PROTOCOL_ORDER = ("gt", "input-aligned", "deformed-gt", "truth")
"""Protocols in the order of tables; the protocols' own module needs seconds to import."""

CIRCLES_PX = (0.0, 2.0, 4.0, 8.0, 16.0, math.inf)
"""Diameters of the circle of confusion between which pixels are counted together."""

INDEPENDENT = "_independent"
"""Suffix of the name of a metric under ``deformed-gt`` whose flow comes from another estimator."""

CIRCLE_NAMES = (
    *(f"coc_{low:g}_{high:g}" for low, high in pairwise(CIRCLES_PX[:-1])),
    f"coc_{CIRCLES_PX[-2]:g}_up",
)
PLACES = ("psnr_indoor", "psnr_outdoor")
"""Names of the PSNR over pictures that were taken indoors, and outdoors."""

_REGIONS = ("edges", "flat", "in_focus", "blurred", *CIRCLE_NAMES)
BREAKDOWN = (*(f"psnr_{part}" for part in _REGIONS), *PLACES)
"""Names under which PSNR is reported for parts of a picture or of a dataset."""

MOVES = {
    "psnr_moved_right": (1, 0),
    "psnr_moved_left": (-1, 0),
    "psnr_moved_down": (0, 1),
    "psnr_moved_up": (0, -1),
}
"""Names of PSNR against a reference that is moved by its standard error, and the directions."""

PARTS = (*BREAKDOWN, "psnr_gain", "made_worse", *MOVES)
"""Names of scores that are computed together with PSNR: the parts of BREAKDOWN, the comparison with
the input, and the references of MOVES."""


def column_of(name: str) -> str:
    """The metric behind a score: ``psnr`` of ``psnr_edges``, ``made_worse``, ``psnr_moved_up``."""
    return "psnr" if name in PARTS else name.removesuffix(INDEPENDENT)


def place_score(metadata: Mapping[str, object]) -> str | None:
    """The name in :data:`PLACES` under which a pair's picture counts, by the pair's metadata."""
    name = f"psnr_{metadata.get('place')}"
    return name if name in PLACES else None
