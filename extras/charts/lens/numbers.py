"""The numbers of a lens that a fit finds, and what it begins with."""

NUMBERS: dict[str, tuple[float, float, float]] = {
    "spherical": (0.03, -60.0, 60.0),
    "spherical_6": (0.03, -60.0, 60.0),
    "oblique_07": (0.06, -90.0, 90.0),
    "oblique_corner": (0.06, -90.0, 90.0),
    "coma_07": (0.06, -90.0, 90.0),
    "coma_corner": (0.06, -90.0, 90.0),
    "astigmatism_07": (0.04, -90.0, 90.0),
    "astigmatism_corner": (0.04, -90.0, 90.0),
    "curvature_07": (0.03, -90.0, 90.0),
    "curvature_corner": (0.03, -90.0, 90.0),
    "axial_red": (0.8, -400.0, 400.0),
    "axial_blue": (0.8, -400.0, 400.0),
    "lateral_red": (0.2, -60.0, 60.0),
    "lateral_blue": (0.2, -60.0, 60.0),
    "front_shift": (0.005, -1.2, 0.0),
    "front_radius": (0.003, 1.0, 1.4),
    "rear_shift": (-0.005, 0.0, 1.2),
    "rear_radius": (0.003, 1.0, 1.4),
    "roundness": (0.01, 0.0, 1.0),
    "turn_deg": (0.4, -400.0, 400.0),
}
"""Step of the derivative, least and greatest value of each number of a lens.

Rims step towards the middle, since a fit may end where they are as far out as they may be.
With steps ten times as large, light bends so much that the derivative along the valley in which
rims, coma and lateral colour trade places is a fifth of the true one, and the fit ends too early.
"""

FIRST = (
    "spherical",
    "coma_corner",
    "curvature_corner",
    "axial_red",
    "axial_blue",
    "lateral_red",
    "lateral_blue",
    "front_shift",
    "rear_shift",
)
"""Numbers that are fitted first, so that all others begin near their values."""

DIAPHRAGM = ("roundness", "turn_deg")

RIM, CUT, CUT_AT, ROUND = 1.15, 0.05, (1.0, 0.8), 0.5
"""Values with which a fit begins: radius of the rims, how far they cut into the pupil at which
share of the way to the corner, and roundness. Rims that cut nothing have no derivative and stay."""


def first_numbers(pupil: float, place: float) -> dict[str, float]:
    """Numbers to begin with, for a pupil in radii of the open one, and where rims cut light."""
    shift = (RIM - pupil + CUT) / place
    rims = {
        "front_shift": -shift,
        "front_radius": RIM,
        "rear_shift": shift,
        "rear_radius": RIM,
    }
    return dict.fromkeys(NUMBERS, 0.0) | rims | {"roundness": ROUND}
