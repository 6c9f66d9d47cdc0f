"""Asymmetry of a PSF from its shape: displacements alone cannot tell a coma from a zoom.

The sharp picture under discs, and its derivatives, which stand for moments, are fitted to it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Grey
from defocus.align.sampling.pyramid import band, hann_window, reduced
from defocus.align.uncertainty import huber_weights

LEAST_COC_PX = 3.5
"""Smallest circle of confusion that shows a shape, px."""
LEAST_TILES = 6
BAND = 0.3
"""Standard deviation of the smoothing over the circle of confusion: past the first zero of a
disc's spectrum nothing is left."""
CATS_EYE = -16.0
"""Asymmetry over the difference of second moments along and across the radius. A pupil that is cut
by a shifted copy of itself has its centroid at half the shift. Along the radius its width shrinks
by the shift, so the variance, D^2 / 16 for a disc, falls by asymmetry * D^2 / 4; a quarter of that
is the weight of the difference of second derivatives. A pupil that is cut from both sides has its
centroid nearer: this is the largest asymmetry that its width can mean."""
COMA = -48.0
"""Asymmetry over the third moment. Third-order coma that shifts the centroid by t has, on a disc of
radius R, the moments t R^2 / 2 along and t R^2 / 6 across, that is, a Laplacian's gradient times t
R^2 / 12. Towards the first zero a coma shows more than these moments do; its estimate is up to
twice too large."""
SAMPLES = 1.5
"""Pixels per standard deviation of the smoothing: larger blurs are judged on reduced pictures."""
FLOOR = 3e-3
"""Standard error of a tile's moments from causes other than noise: depth edges, changing blur."""
RIDGE = 1e-6
HUBER = 2.2
ROUNDS = 4
PARTS = 3
SIGNIFICANT = 2.0
LEAST_FIELD = 0.4
"""Distance from the centre, 1 at the corner, from which a sharp tile shows that there is no
coma."""


@dataclass(frozen=True)
class SpreadShape:
    """Asymmetry of the centroid implied by the shape, px at the corner per px of CoC."""

    cats_eye: float
    cats_eye_sigma: float
    coma: float
    coma_sigma: float

    @property
    def asymmetry(self) -> float:
        """Possible asymmetry of the lens, as a standard deviation around zero."""
        return math.hypot(
            self.cats_eye,
            self.cats_eye_sigma,
            self.coma,
            self.coma_sigma,
        )

    def skewed(self, least: float) -> bool:
        """Whether there is a coma: a standard error above ``least``, and two above zero."""
        sigma = self.coma_sigma
        limit = max(least + sigma, SIGNIFICANT * sigma)
        return abs(self.coma) > limit


@dataclass(frozen=True)
class BlurredTiles:
    """Tiles of a blurry picture with known blur and position in the sharp one."""

    centres: Doubles  # ``(T, 2)`` x, y, px
    shifts: (
        Doubles  # ``(T, 2)``: centre + shift in the sharp picture is the blurry centre
    )
    coc_px: Doubles  # ``(T,)`` diameters of the circle of confusion
    field: Doubles  # ``(T, 2)`` centres relative to the centre of the whole picture, 1 = corner
    side: int  # side of a tile, px

    def reduced(self, factor: int) -> "BlurredTiles":
        """The tiles in pictures reduced by a factor."""
        return replace(
            self,
            centres=(self.centres + 0.5) / factor - 0.5,
            shifts=self.shifts / factor,
            coc_px=self.coc_px / factor,
            side=self.side // factor,
        )


def spread_shape(
    blurry: Grey,
    blurred: Callable[[float], Grey],
    tiles: BlurredTiles,
) -> SpreadShape | None:
    """Estimate the point spread's shape; ``blurred`` gives the sharp picture by diameter, px."""
    estimates, used = _tile_moments(blurry, blurred, tiles)
    if len(used) < LEAST_TILES:
        return None
    second, third, second_variance, third_variance = np.array(estimates).T
    field = tiles.field[used]
    cats_eye = _pooled(second, second_variance, field)
    coma = _pooled(third, third_variance, field)
    if cats_eye is None or coma is None:
        return None
    return SpreadShape(
        cats_eye=CATS_EYE * cats_eye[0],
        cats_eye_sigma=abs(CATS_EYE) * cats_eye[1],
        coma=COMA * coma[0],
        coma_sigma=abs(COMA) * coma[1],
    )


def _tile_moments(
    blurry: Grey,
    blurred: Callable[[float], Grey],
    tiles: BlurredTiles,
) -> tuple[list[tuple[float, float, float, float]], list[int]]:
    """Moments of each tile that shows them, and the numbers of these tiles."""
    estimates = []
    used = []
    shown = tiles.coc_px[tiles.coc_px >= LEAST_COC_PX]
    for diameter in np.unique(shown):
        coc_px = float(diameter)
        factor = max(1, int(BAND * coc_px / SAMPLES))
        small_px = coc_px / factor
        smooth = _smooth(blurry, factor, small_px)
        sharp = _smooth(blurred(coc_px), factor, small_px)
        seen = _derivatives(sharp, small_px)
        there = tiles.reduced(factor)
        for index in np.flatnonzero(tiles.coc_px == diameter).tolist():
            moments = _moments(smooth, seen, there, index)
            if moments is not None:
                estimates.append(moments)
                used.append(index)
    return estimates, used


def _smooth(picture: Grey, factor: int, coc_px: float) -> Grey:
    """The reduced picture without the finest detail and detail much coarser than the kernel."""
    finest_px = BAND * coc_px
    return band(reduced(picture, factor), finest_px, 2 * finest_px)


def least_spread(field: Doubles, coc_px: Doubles) -> float:
    """Largest CoC at the corner that a coma may have without showing in the tiles, by their field.

    A coma displaces a point by no more than its spread, so a sharp tile far out excludes it."""
    out = field >= LEAST_FIELD
    if not out.any():
        return float(coc_px.max())
    spread = coc_px[out] / field[out]
    return float(np.percentile(spread, 2))


def shown_coc_px(coc_px: Doubles) -> float:
    """Root mean squared CoC of the tiles that show a shape; 0 if none.

    A coma is as large in a sharp tile as in a blurred one, but it is measured in blurred ones only.
    """
    shown = coc_px[coc_px >= LEAST_COC_PX]
    if not shown.size:
        return 0.0
    mean_square = np.square(shown).mean()
    return float(np.sqrt(mean_square))


def _derivatives(picture: Grey, diameter: float) -> Grey:
    """``(8, H, W)``: itself, d/dx, d/dy, Laplacian, xx - yy, 2 xy, its gradient; per diameter."""
    y, x = np.gradient(picture * diameter)
    xy, xx = np.gradient(x * diameter)
    yy = np.gradient(y * diameter, axis=0)
    laplacian = xx + yy
    down, across = np.gradient(laplacian * diameter)
    return np.stack(
        [
            picture,
            x,
            y,
            laplacian,
            xx - yy,
            2 * xy,
            across,
            down,
        ]
    )


def _moments(
    blurry: Grey,
    seen: Grey,
    tiles: BlurredTiles,
    index: int,
) -> tuple[float, float, float, float] | None:
    """Second and third moments along the radius beyond those of a disc, and their variances.

    All other parameters are free: brightness, shift, size of the blur, other moments."""
    part, there, weight = _windows_at(blurry, seen, tiles, index)
    turned = _along_radius(part, tiles.field[index])
    rows = turned.reshape(len(part), -1)
    weighted = rows * weight
    inverse = _inverse(weighted @ rows.T)
    if inverse is None:
        return None
    target = there.ravel().astype(np.float64)
    parameters = inverse @ (weighted @ target)
    brightness = parameters[0]
    if brightness <= 0:
        return None
    left = _mean_square(target - parameters @ rows, weight)
    variance = _variances(left, tiles.coc_px[index], inverse) / brightness**2
    second, third = (parameters[[4, 6]] / brightness).tolist()
    return second, third, float(variance[4]), float(variance[6])


def _mean_square(residuals: Doubles, weight: Doubles) -> float:
    total = np.square(residuals) @ weight
    return float(total / weight.sum())


def _variances(left: float, coc_px: float, inverse: Doubles) -> Doubles:
    """Variances of the parameters; neighbours within the smoothing do not err independently."""
    alike = 4 * math.pi * (BAND * coc_px) ** 2
    return left * alike * np.diag(inverse)


def _inverse(normal: Doubles) -> Doubles | None:
    """Inverse of normal equations with a small ridge; None if a parameter changes nothing."""
    scale = np.sqrt(np.diag(normal))
    if scale.min() <= 0:
        return None
    units = np.outer(scale, scale)
    ridge = RIDGE * np.eye(len(scale))
    scaled = normal / units + ridge
    inverse = np.linalg.inv(scaled)
    return np.asarray(inverse / units)


def _windows_at(
    blurry: Grey,
    seen: Grey,
    tiles: BlurredTiles,
    index: int,
) -> tuple[Doubles, NDArray[Any], Doubles]:
    """What both members show around a tile, and the weight of each pixel."""
    height, width = blurry.shape
    half = min(tiles.side, height, width) // 2
    side = 2 * half
    shift = tiles.shifts[index]
    place = np.round(tiles.centres[index] + shift)
    corner = np.clip(place, half, (width - half, height - half)).astype(int)
    column, row = corner
    rows = slice(row - half, row + half)
    columns = slice(column - half, column + half)
    part = seen[:, rows, columns].astype(np.float64)
    x, y = (corner - shift - 0.5).tolist()
    there = cv2.getRectSubPix(blurry, (side, side), (x, y))
    return part, there, _hann_weights(side)


def _hann_weights(side: int) -> Doubles:
    """Weights of the pixels of a tile, largest in its middle, 0 just beyond its border."""
    return hann_window(side, side).ravel()


def _along_radius(part: Doubles, field: Doubles) -> Doubles:
    """The derivatives, with second and third order rotated to along and across the radius."""
    radius = max(float(np.linalg.norm(field)), 1e-6)
    cosine, sine = field / radius
    double_cosine = cosine**2 - sine**2
    double_sine = 2 * cosine * sine
    _, _, _, _, difference, twice_mixed, across, down = part
    turned = part.copy()
    turned[4] = double_cosine * difference + double_sine * twice_mixed
    turned[5] = double_cosine * twice_mixed - double_sine * difference
    turned[6] = cosine * across + sine * down
    turned[7] = cosine * down - sine * across
    return turned


def _pooled(
    values: Doubles,
    variances: Doubles,
    field: Doubles,
) -> tuple[float, float] | None:
    """Robust slope over the field height, and its standard error by leaving out parts (jackknife).

    Overlapping tiles have correlated errors, so whole parts of the picture are left out."""
    place = np.clip(field.T + 1, 0, 1.999)
    column, row = (place * PARTS / 2).astype(int)
    part = row * PARTS + column
    height = np.linalg.norm(field, axis=1)
    weights = 1 / (variances + FLOOR**2)
    slopes = []
    for index in np.unique(part):
        keep = part != index
        if keep.sum() >= LEAST_TILES:
            slopes.append(_slope(values[keep], height[keep], weights[keep]))
    count = len(slopes)
    if count < PARTS:
        return None
    jackknife = (count - 1) * np.var(slopes)
    return _slope(values, height, weights), math.sqrt(jackknife)


def _slope(values: Doubles, height: Doubles, weights: Doubles) -> float:
    """Weighted least squares through zero, robust (Huber)."""
    roots = np.sqrt(weights)
    trusted = weights
    for _ in range(ROUNDS):
        products = trusted * height * values
        squares = trusted * height**2
        slope = float(products.sum() / squares.sum())
        distance = np.abs(values - slope * height)
        distance = distance * roots
        median = max(float(np.median(distance)), 1e-9)
        trusted = weights * huber_weights(distance, HUBER * median)
    return slope
