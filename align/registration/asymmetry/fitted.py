"""Asymmetry of the point spread, fitted to the displacements together with a transform."""

import math
from dataclasses import dataclass

import numpy as np

from defocus.align.registration.robust_fit import (
    Matches,
    Settled,
    left_out,
    settled_on,
    voted,
    without_parts,
)
from defocus.align.registration.tiles.parallax import CLEARLY_MORE

__all__ = ["ASYMMETRY", "TileAsymmetry", "fitted_asymmetry"]

ASYMMETRY = 0.12
"""Standard deviation of a lens's asymmetry where the shape of the point spread does not tell it, px
at the corner per px of circle of confusion: symmetric kernels need 0.02, a strong cat's eye 0.2."""
LEAST_ASYMMETRY_GAIN = 0.7
"""What an asymmetry has to make of the squared error with which left-out parts are predicted."""
TRIED_ASYMMETRIES = (0.0, 0.1, -0.1, 0.2, -0.2)
ASYMMETRY_ERROR = 0.02
"""Standard error of an asymmetry that all tiles share: what pairs of symmetric kernels need, in
which depth moves a place as well as it blurs it."""
SIGNIFICANT = 3.0
"""So many standard errors an asymmetry has to differ from none before the fit allows for it."""


@dataclass(frozen=True)
class TileAsymmetry:
    """Asymmetry of a point spread by a pair's tiles, px at the corner per px, outwards positive."""

    value: float
    information: float  # its inverse variance, 0 if they tell nothing
    prior: float
    taken: float  # what the transform was fitted with; 0 if the value is not significant
    corner_px: float  # how far an asymmetry of one moves the corners of the transform inwards, px
    coma_px: float = 0.0

    @property
    def sigma(self) -> float:
        """Standard error of ``value``."""
        return 1 / math.sqrt(self.information) if self.information > 0 else math.inf

    @property
    def doubt(self) -> float:
        """Standard error of ``taken``."""
        left = math.sqrt(1 / (1 / self.prior**2 + self.information))
        # parallax may look like an asymmetry too, so that what it explains is never sure
        return math.hypot(left, self.taken) if self.taken else left

    @property
    def doubt_px(self) -> float:
        """Standard error at the worst corner from the asymmetry."""
        return self.corner_px * self.doubt


def fitted_asymmetry(
    matches: Matches, shape: tuple[int, ...], prior: float
) -> TileAsymmetry | None:
    """The asymmetry of the point spread, fitted together with a similarity; None if none fits."""
    keep = np.zeros(len(matches.first), dtype=bool)
    for tried in TRIED_ASYMMETRIES:
        agree = voted(matches.without(tried, shape))
        keep = agree if agree.sum() > CLEARLY_MORE * keep.sum() else keep
    joint = settled_on("similarity", matches, keep, shape, asymmetric=True)
    if joint is None:
        return None
    fit, precision = joint.fit, matches.spread.precision
    # the least that the tiles can err by, and what leaving out parts shows, without the prior
    least = precision * prior**2 / max(fit.asymmetry_information, 1e-9)
    shrunk = fit.asymmetry_information / (fit.asymmetry_information + precision)
    shown = _sigma(joint, matches, shape) / max(shrunk, 1e-9)
    variance = max(least, shown**2) + ASYMMETRY_ERROR**2
    significant = fit.asymmetry**2 > SIGNIFICANT**2 * shrunk**2 * variance
    taken = significant and _predicts_better(joint, matches, shape)
    return TileAsymmetry(
        value=fit.asymmetry / max(shrunk, 1e-9),
        information=1 / variance,
        prior=prior,
        taken=fit.asymmetry if taken else 0.0,
        corner_px=fit.corner_per_asymmetry_px,
    )


def _predicts_better(joint: Settled, matches: Matches, shape: tuple[int, ...]) -> bool:
    """Whether an asymmetry predicts parts of the picture that it was not fitted to."""
    plain = settled_on(joint.fit.model, matches, voted(matches), shape)
    none = np.inf if plain is None else without_parts(plain, matches, shape).squared
    return without_parts(joint, matches, shape, True).squared < LEAST_ASYMMETRY_GAIN * none


def _sigma(joint: Settled, matches: Matches, shape: tuple[int, ...]) -> float:
    """Standard error of the asymmetry by leaving out parts of the picture (jackknife)."""
    found = left_out(joint, matches, shape, asymmetric=True)
    if found is None:
        return math.inf
    return math.sqrt((len(found.asymmetries) - 1) * np.var(found.asymmetries))
