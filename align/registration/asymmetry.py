"""Asymmetry of the point spread, fitted to tiles together with a transform, or to a flow."""

import math
from dataclasses import dataclass

import numpy as np

from defocus.align.arrays import Doubles, Indices, Mask, Shape, Singles
from defocus.align.registration.robust_fit import (
    CLEARLY_MORE,
    Matches,
    Settled,
    left_out,
    settled_on,
    voted,
    without_parts,
)
from defocus.align.uncertainty import (
    blocks_of,
    drawn_equations,
    each_block,
    huber_weights,
    sample_places,
)

# In a flow: cat's-eye vignetting and coma move the centroid of a defocused point along the
# radius, in proportion to the circle of confusion and to the distance from the centre. It is
# removed from the local flow; if the circle of confusion is nearly constant, it cannot be told
# from a zoom.

LEAST_SAMPLES = 300
LEAST_SPREAD_PX = 0.5
"""Standard deviation of the circle of confusion, px, below which no displacement that grows with it
can be measured."""
SIGNIFICANT_FLOW = 3.0
SHARED_ERROR = 0.003
"""Standard error of an asymmetry that all blocks have in common: the radial part found in rendered
pairs with symmetric discs."""
ROUNDS = 4
HUBER = 1.5


@dataclass(frozen=True)
class Asymmetry:
    """The flow radial · CoC · position + common · CoC, blurry to sharp; position 1 is a corner."""

    radial: float  # px per px of circle of confusion at the corner, along the radius outwards
    common: tuple[float, float]
    radial_sigma: float
    common_sigma: tuple[float, float]
    signed: bool  # whether the circle of confusion has a sign, negative in front

    @property
    def significant(self) -> bool:
        """Whether the radial part differs from zero by more than three standard errors."""
        return abs(self.radial) > SIGNIFICANT_FLOW * self.radial_sigma

    def field(self, coc_px: Singles) -> Singles:
        """``(2, H, W)`` radial part of the flow for circles of confusion ``(H, W)``."""
        height, width = coc_px.shape
        x, y = _position(
            np.arange(width)[None],
            np.arange(height)[:, None],
            coc_px.shape,
        )
        outwards = self.radial * coc_px
        moved = np.stack([outwards * x, outwards * y])
        return moved.astype(np.float32)


def _varies(coc: Doubles) -> bool:
    """Whether enough places have blurs that differ enough."""
    return bool(coc.size >= LEAST_SAMPLES and coc.std() >= LEAST_SPREAD_PX)


def asymmetry(
    residual: Singles,
    coc_px: Singles,
    reliable: Mask,
    *,
    signed: bool,
) -> Asymmetry | None:
    """Fit the displacement that grows with defocus to the residual of a global transform.

    The robust fit (Huber) has a free affine part too, which takes what does not vary with blur."""
    shape = reliable.shape
    index, y, x = sample_places(shape)
    use = reliable[index]
    x = x[use]
    y = y[use]
    coc = coc_px[index][use].astype(np.float64)
    if not _varies(coc):
        return None
    across, down = _position(x, y, shape)
    design = _design(across, down, coc)
    target = residual[:, *index][:, use].T.astype(np.float64)
    parameters, sigma = _fitted(design, target, blocks_of(y, x, shape))
    radial, *common = parameters[:3].tolist()
    radial_sigma, *common_sigma = sigma[:3].tolist()
    return Asymmetry(
        radial,
        tuple(common),
        radial_sigma,
        tuple(common_sigma),
        signed=signed,
    )


def _position(
    x: Indices,
    y: Indices,
    shape: Shape,
) -> tuple[Doubles, Doubles]:
    """Positions about the centre, length 1 in the corners."""
    height, width = shape
    half = np.hypot(width - 1, height - 1) / 2
    across = x - (width - 1) / 2
    down = y - (height - 1) / 2
    return across / half, down / half


def _design(x: Doubles, y: Doubles, coc: Doubles) -> Doubles:
    """``(N, 2, 9)``: radial, common x, common y, then an affine transform's six."""
    one = np.ones_like(x)
    zero = np.zeros_like(x)
    across = [
        coc * x,
        coc,
        zero,
        one,
        x,
        y,
        zero,
        zero,
        zero,
    ]
    down = [
        coc * y,
        zero,
        coc,
        zero,
        zero,
        zero,
        one,
        x,
        y,
    ]
    of_x = np.stack(across, axis=-1)
    of_y = np.stack(down, axis=-1)
    return np.stack([of_x, of_y], axis=1)


def _robust_fit(design: Doubles, target: Doubles) -> tuple[Doubles, Doubles]:
    """The nine parameters and the weight of each sample, which decreases with its distance."""
    weights = np.ones(len(target))
    for _ in range(ROUNDS):
        parameters = _solved(*_normal(design, target, weights))
        left = target - design @ parameters
        residual = np.linalg.norm(left, axis=1)
        scale = max(float(np.median(residual)), 1e-9)
        weights = huber_weights(residual, HUBER * scale)
    parameters = _solved(*_normal(design, target, weights))
    return parameters, weights


def _normal(
    design: Doubles, target: Doubles, weights: Doubles
) -> tuple[Doubles, Doubles]:
    """Normal equations of the weighted fit."""
    weighted = design * weights[:, None, None]
    flat = weighted.reshape(-1, design.shape[2])
    matrix = flat.T @ design.reshape(flat.shape)
    right = flat.T @ target.ravel()
    return matrix, right


def _solved(matrix: Doubles, right: Doubles) -> Doubles:
    solution = np.linalg.lstsq(matrix, right, rcond=None)[0]
    return np.asarray(solution)


ASYMMETRY = 0.12
"""Standard deviation of a lens's asymmetry where the shape of the point spread does not give it, px
at the corner per px of circle of confusion: symmetric kernels need 0.02, a strong cat's eye 0.2."""
LEAST_ASYMMETRY_GAIN = 0.7
"""Largest ratio of the squared errors of predicted parts, with an asymmetry over without, at which
the asymmetry is kept."""
TRIED_ASYMMETRIES = (0.0, 0.1, -0.1, 0.2, -0.2)
ASYMMETRY_ERROR = 0.02
"""Standard error of an asymmetry that all tiles share. Rendered pairs with symmetric kernels need
this much, because depth moves a place as well as it blurs it."""
SIGNIFICANT = 3.0
"""An asymmetry is taken into the fit if it differs from 0 by at least this many standard errors."""


@dataclass(frozen=True)
class TileAsymmetry:
    """Asymmetry of a point spread by a pair's tiles, px at the corner per px, outwards positive."""

    value: float
    information: float  # its inverse variance, 0 if they say nothing
    prior: float
    taken: (
        float  # what the transform was fitted with; 0 if the value is not significant
    )
    corner_px: float  # how far an asymmetry of one moves the corners of the transform inwards, px
    coma_px: float = 0.0

    @property
    def sigma(self) -> float:
        """Standard error of ``value``."""
        if self.information <= 0:
            return math.inf
        return 1 / math.sqrt(self.information)

    @property
    def doubt(self) -> float:
        """Standard error of ``taken``."""
        known = 1 / self.prior**2 + self.information
        left = math.sqrt(1 / known)
        # parallax may look like an asymmetry too, so that what it explains is never sure
        return math.hypot(left, self.taken) if self.taken else left

    @property
    def doubt_px(self) -> float:
        """Standard error at the worst corner from the asymmetry."""
        return self.corner_px * self.doubt


def _fitted(
    design: Doubles,
    target: Doubles,
    blocks: Indices,
) -> tuple[Doubles, Doubles]:
    """Parameters of a robust fit, and their standard errors by a block bootstrap."""
    parameters, weights = _robust_fit(design, target)
    equations = []
    for block in each_block(blocks):
        normal = _normal(design[block], target[block], weights[block])
        equations.append(normal)
    draws, sums = drawn_equations(equations)
    sigma = draws.sigma([_solved(*drawn) for drawn in sums])
    return parameters, np.hypot(sigma, SHARED_ERROR)


def fitted_asymmetry(
    matches: Matches,
    shape: Shape,
    prior: float,
) -> TileAsymmetry | None:
    """The asymmetry of the point spread, fitted together with a similarity; None if none fits."""
    keep = _agreeing(matches, shape)
    joint = settled_on("similarity", matches, keep, shape, asymmetric=True)
    if joint is None:
        return None
    fit = joint.fit
    information = fit.asymmetry_information
    precision = matches.spread.precision
    # the least that the tiles can err by, and what leaving out parts shows, without the prior
    least = precision * prior**2 / max(information, 1e-9)
    shrunk = information / (information + precision)
    unshrunk = max(shrunk, 1e-9)
    shown = _sigma(joint, matches, shape) / unshrunk
    variance = max(least, shown**2) + ASYMMETRY_ERROR**2
    least_square = SIGNIFICANT**2 * shrunk**2 * variance
    significant = fit.asymmetry**2 > least_square
    taken = significant and _predicts_better(joint, matches, shape)
    return TileAsymmetry(
        value=fit.asymmetry / unshrunk,
        information=1 / variance,
        prior=prior,
        taken=fit.asymmetry if taken else 0.0,
        corner_px=fit.corner_per_asymmetry_px,
    )


def _agreeing(matches: Matches, shape: Shape) -> Mask:
    """Tiles that agree without an asymmetry, or with one if clearly more agree then."""
    keep = np.zeros(len(matches.first), dtype=bool)
    for tried in TRIED_ASYMMETRIES:
        agree = voted(matches.without(tried, shape))
        if agree.sum() > CLEARLY_MORE * keep.sum():
            keep = agree
    return keep


def _predicts_better(joint: Settled, matches: Matches, shape: Shape) -> bool:
    """Whether an asymmetry predicts parts of the picture that it was not fitted to."""
    plain = settled_on(joint.fit.model, matches, voted(matches), shape)
    none = np.inf
    if plain is not None:
        none = without_parts(plain, matches, shape).squared
    joint_squared = without_parts(joint, matches, shape, True).squared
    return joint_squared < LEAST_ASYMMETRY_GAIN * none


def _sigma(joint: Settled, matches: Matches, shape: Shape) -> float:
    """Standard error of the asymmetry by leaving out parts of the picture (jackknife)."""
    fits = left_out(joint, matches, shape, asymmetric=True)
    if fits is None:
        return math.inf
    others = len(fits.asymmetries) - 1
    return math.sqrt(others * np.var(fits.asymmetries))
