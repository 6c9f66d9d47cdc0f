"""Planar transforms, ``(3, 3)``, from simplest to richest, and their weighted least-squares fit."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import prev_fast_len

from defocus.scene.geometry import moved_points

Array = NDArray[np.float64]
Grey = NDArray[np.float32]

# Positions are from the picture's centre in half diagonals, so that the eight numbers of a
# homography are of similar size: H = I + P with P = [[p0, p1, p2], [p3, p4, p5], [p6, p7, 0]].
_UNIT = np.eye(8)
_ZOOM = _UNIT[0] + _UNIT[4]
_TURN = _UNIT[3] - _UNIT[1]
MODELS: dict[str, Array] = {
    "translation": _UNIT[[2, 5]],
    "similarity": np.stack([_UNIT[2], _UNIT[5], _ZOOM, _TURN]),
    "affine": _UNIT[:6],
    "homography": _UNIT,
}
"""Parameters of each model: ``(k, 8)``, which of the eight numbers of a transform each parameter
moves."""

NEWTON_STEPS = 4
"""Newton steps of a fit. A homography near identity is settled to 1e-9 px after three, the others
after one."""
LEAST_CONDITION = 1e-12
"""Ratio of an eigenvalue of the normal equations to the largest one, below which the points do not
determine a parameter, which then keeps its value."""


@dataclass(frozen=True)
class Spread:
    """Displacement along the radius by an asymmetric point spread: asymmetry times CoC."""

    coc_px: Array  # ``(N,)`` diameter of the circle of confusion at each point
    precision: float

    def of(self, chosen: NDArray[np.bool_]) -> "Spread":
        """The spread for some of the points."""
        return replace(self, coc_px=self.coc_px[chosen])


@dataclass(frozen=True)
class DisplacementScatter:
    """Scatter of displacements about a planar transform: variances along and across the parallax.

    Across it zoom and rotation are determined; a common move along it is a choice of depth."""

    axes: Array  # ``(2, 2)``, rows the unit vectors along and across the parallax
    variances: tuple[float, float]  # variances along and across the parallax, px^2
    parallax: bool = False

    @property
    def area(self) -> float:
        """The square of the area that the points scatter over, px^4."""
        return math.prod(self.variances)

    def turned(self, rows: Array) -> Array:
        """Rotate ``(K, 2 N, ...)`` rows of all x, then all y, to along and across the parallax."""
        return (self.axes @ rows.reshape(len(rows), 2, -1)).reshape(rows.shape)

    def without_common(self, at: Array) -> Array:
        """``(2, P + 1, ...)`` vectors without the component of the last one along the parallax."""
        if not self.parallax:
            return at
        axis = self.axes[0]
        common = np.tensordot(np.outer(axis, axis), at[:, -1:], 1)
        return np.asarray(at - common)

    def at_corners(self, moved: Array) -> Array:
        """``(2, 4, ...)``: displacements of the corners without what parallax leaves free."""
        tiles_last = np.moveaxis(moved, (-1, -2), (0, 1))
        return self.without_common(tiles_last)[:, :4]


EVEN = DisplacementScatter(np.eye(2), (0.0, 0.0))
"""No scatter, in any direction."""


@dataclass(frozen=True)
class ModelFit:
    """A fitted model; factors are errors if a point of weight 1 errs by 1 px per coordinate."""

    model: str
    matrix: Array  # ``(3, 3)`` from start to end positions, px
    residuals: (
        Array  # ``(N,)`` distances of the end points from their predicted positions, px
    )
    corner_factor_px: float  # worst corner's error for errors of 1 px, but for parallax
    shift_factor_px: (
        float  # the same factor for the displacement of the centre, per coordinate
    )
    slope_factor: (
        float  # the same for zoom (ratio) and rotation (rad); 0 if translation
    )
    asymmetry: float = (
        0.0  # at the corner, outwards positive, px per px of CoC; 0 if not fitted
    )
    asymmetry_information: float = 0.0  # its inverse variance from errors of 1 px
    corner_per_asymmetry_px: float = 0.0


def radial(points: Array, coc_px: Array, shape: tuple[int, ...]) -> Array:
    """``(N, 2)`` px: the displacement of points by an asymmetry of one."""
    from_centre = moved_points(_normaliser(shape), points)
    return from_centre * coc_px[:, None]


def corners(shape: tuple[int, ...]) -> Array:
    """``(4, 2)``: x, y of the corner pixels of a picture of that height and width."""
    height, width = shape[:2]
    return np.array(
        [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)],
        float,
    )


def corners_and_centre(shape: tuple[int, ...]) -> Array:
    """``(5, 2)``: the corners, then the centre."""
    size = np.array(shape[1::-1])
    return np.vstack([corners(shape), (size - 1) / 2])


def corner_distance_px(
    first: Array,
    second: Array,
    shape: tuple[int, ...],
    scatter: DisplacementScatter = EVEN,
) -> float:
    """Largest difference of two ``(3, 3)`` transforms at a corner, but for a parallax."""
    places = corners_and_centre(shape)
    apart = moved_points(first, places) - moved_points(second, places)
    return float(np.linalg.norm(scatter.at_corners(apart), axis=0).max())


def fit_model(
    model: str,
    start: Array,
    end: Array,
    weights: Array,
    shape: tuple[int, ...],
    spread: Spread | None = None,
    scatter: DisplacementScatter = EVEN,
) -> ModelFit:
    """Fit a model of :data:`MODELS` to matched points; weights are inverse variances."""
    basis = MODELS[model]
    fits = _solved(model, start, end, weights[None], shape, spread, scatter)
    half_diagonal = math.hypot(*shape[:2]) / 2
    asymmetry = half_diagonal * fits.parameters[0, -1]
    residuals = _residuals(fits, asymmetry, start, end)
    slopes = _slopes_with_prior(fits.slopes[0], spread)
    of_transform = slopes[:, :-1]
    covariance = _inverse(of_transform.T @ of_transform, 1e-15)
    errors = _standard_errors(basis, covariance, fits.normed[0], shape, scatter)
    fit = ModelFit(model, fits.matrices[0], residuals, *errors)
    if spread is None:
        return fit
    # what the other parameters do for an asymmetry of one
    answer = -covariance @ of_transform.T @ slopes[:, -1]
    return replace(
        fit,
        asymmetry=float(asymmetry),
        asymmetry_information=_information(slopes, answer) - spread.precision,
        corner_per_asymmetry_px=_corner_move(fits.normed[0], basis, answer, shape),
    )


def _residuals(fits: "_Solved", asymmetry: float, start: Array, end: Array) -> Array:
    """``(N,)``: how far off the fit moves each point."""
    by_asymmetry = asymmetry * fits.beside.reshape(2, -1).T
    apart = moved_points(fits.matrices[0], start) + by_asymmetry - end
    return np.asarray(np.linalg.norm(apart, axis=1))


def _information(slopes: Array, answer: Array) -> float:
    """Squared part of a unit asymmetry that the other parameters cannot explain."""
    by_transform = slopes[:, :-1] @ answer
    left = by_transform + slopes[:, -1]
    return float(np.square(left).sum())


def _slopes_with_prior(slopes: Array, spread: Spread | None) -> Array:
    """The derivatives of the residuals; the prior of the asymmetry is one more row."""
    prior = 0.0 if spread is None else spread.precision
    of_asymmetry = np.eye(slopes.shape[1])[-1]
    return np.vstack([slopes, math.sqrt(prior) * of_asymmetry])


def _corner_move(
    normed: Array,
    basis: Array,
    change: Array,
    shape: tuple[int, ...],
) -> float:
    """Length by which a change of a model's parameters moves the worst corner."""
    at = moved_points(_normaliser(shape), corners(shape))
    by_parameter = _slopes(normed, at) @ basis.T
    moved = (by_parameter @ change).reshape(2, -1)
    return float(np.linalg.norm(moved, axis=0).max())


def fit_transforms(
    model: str,
    start: Array,
    end: Array,
    weights: Array,
    shape: tuple[int, ...],
    spread: Spread | None = None,
    scatter: DisplacementScatter = EVEN,
) -> tuple[Array, Array]:
    """Transforms and asymmetries ``(K,)`` of :func:`fit_model` for each of K weights."""
    fits = _solved(model, start, end, weights, shape, spread, scatter)
    half = math.hypot(*shape[:2]) / 2
    return fits.matrices, half * fits.parameters[:, -1]


@dataclass(frozen=True)
class _Solved:
    """Solutions of the least squares for each of K weights."""

    parameters: Array  # ``(K, p + 1)``, the asymmetry last, in half diagonals
    slopes: Array  # ``(K, 2 N, p + 1)``, derivatives of the weighted residuals by the parameters
    beside: Array  # ``(2 N,)`` displacement of the points by an asymmetry of one, all x, then all y
    normed: (
        Array  # ``(K, 3, 3)`` transforms in units of half a diagonal about the centre
    )
    matrices: Array  # ``(K, 3, 3)`` transforms in px


@dataclass(frozen=True)
class _Equations:
    """Least squares for matched points, in half diagonals from the centre, for K weights."""

    basis: Array
    first: Array  # ``(N, 2)``
    second: Array  # ``(N, 2)``
    roots: Array  # ``(K, 2 N)``, of the weights
    beside: Array  # as in :class:`_Solved`
    prior: float  # keeps the asymmetry finite
    scatter: DisplacementScatter

    def slopes_and_step(self, parameters: Array) -> tuple[Array, Array]:
        """Derivatives of the weighted residuals, and the Newton step of the parameters."""
        count = len(parameters)
        asymmetry = parameters[:, -1:]
        change = _matrix(parameters[:, :-1] @ self.basis)
        whole = np.eye(3) + change
        apart = self.second - moved_points(whole, self.first)
        apart = apart.swapaxes(1, 2).reshape(count, -1)
        unexplained = apart - asymmetry * self.beside
        left = self.roots * self.scatter.turned(unexplained)
        slopes = self._weighted_slopes(whole, count)
        return slopes, _newton_step(slopes, left, self.prior, parameters[:, -1])

    def _weighted_slopes(self, whole: Array, count: int) -> Array:
        """Derivatives by the parameters of the transforms and by the asymmetry."""
        moves = _slopes(whole, self.first) @ self.basis.T
        size = (count, len(self.beside), 1)
        besides = np.broadcast_to(self.beside[:, None], size)
        slopes = np.concatenate([moves, besides], axis=2)
        return self.roots[:, :, None] * self.scatter.turned(slopes)


def _solved(
    model: str,
    start: Array,
    end: Array,
    weights: Array,
    shape: tuple[int, ...],
    spread: Spread | None,
    scatter: DisplacementScatter,
) -> _Solved:
    basis = MODELS[model]
    norm = _normaliser(shape)
    count = len(weights)
    first = moved_points(norm, start)
    roots = np.sqrt(weights.swapaxes(1, 2).reshape(count, -1))
    beside = _beside(first, spread)
    prior = 1.0 if spread is None else spread.precision
    second = moved_points(norm, end)
    equations = _Equations(basis, first, second, roots, beside, prior, scatter)
    # the asymmetry is the last parameter, in units of half a diagonal
    parameters = np.zeros((count, len(basis) + 1))
    for _ in range(NEWTON_STEPS if model == "homography" else 1):
        slopes, step = equations.slopes_and_step(parameters)
        parameters = parameters + step
    normed = np.eye(3) + _matrix(parameters[:, :-1] @ basis)
    return _Solved(parameters, slopes, beside, normed, _in_pixels(normed, norm))


def _in_pixels(normed: Array, norm: Array) -> Array:
    """Transforms of pixels, from those of coordinates that are 1 at a corner."""
    matrices = np.linalg.inv(norm) @ normed @ norm
    matrices /= matrices[:, 2:, 2:]
    return matrices


def _beside(first: Array, spread: Spread | None) -> Array:
    """``(2 N,)``: displacement of normalised points by an asymmetry of one; 0 without a spread."""
    if spread is None:
        return np.zeros(2 * len(first))
    moved = first * spread.coc_px[:, None]
    return moved.T.ravel()


def _newton_step(slopes: Array, left: Array, prior: float, asymmetry: Array) -> Array:
    """``(K, p + 1)``: the step of the parameters that the weighted residuals ``left`` ask for."""
    normal = slopes.swapaxes(1, 2) @ slopes
    normal[:, -1, -1] += prior
    right = np.einsum("kr,krp->kp", left, slopes)
    right[:, -1] -= prior * asymmetry
    # points on a line leave a parameter free, which then stays as it is
    inverse = _inverse(normal, LEAST_CONDITION)
    return np.asarray(np.einsum("kpq,kq->kp", inverse, right))


def _inverse(normal: Array, least: float) -> Array:
    """Pseudo-inverses of ``(..., p, p)`` normal equations; numpy's own takes much longer."""
    values, vectors = np.linalg.eigh(normal)
    sure = values > least * values[..., -1:]
    scales = np.divide(1.0, values, out=np.zeros_like(values), where=sure)
    scaled = vectors * scales[..., None, :]
    return np.asarray(scaled @ vectors.swapaxes(-1, -2))


def _normaliser(shape: tuple[int, ...]) -> Array:
    height, width = shape[:2]
    half = math.hypot(width, height) / 2
    x = (width - 1) / 2
    y = (height - 1) / 2
    return np.array(
        [
            [1 / half, 0, -x / half],
            [0, 1 / half, -y / half],
            [0, 0, 1],
        ]
    )


def _matrix(eight: Array) -> Array:
    last = np.zeros((len(eight), 1))
    return np.append(eight, last, axis=1).reshape(-1, 3, 3)


def _slopes(matrix: Array, points: Array) -> Array:
    """``(..., 2 N, 8)``: derivatives of moved points (all x, then all y) by the eight numbers."""
    places = np.column_stack([points, np.ones(len(points))])
    ends = places @ matrix.swapaxes(-1, -2)
    below = ends[..., 2:]
    rows = places / below
    moved = ends[..., :2] / below
    outer = matrix.shape[:-2]
    slopes = np.zeros((*outer, 2, len(points), 8))
    slopes[..., 0, :, :3] = rows
    slopes[..., 1, :, 3:6] = rows
    moved_sides = moved.swapaxes(-1, -2)[..., None]
    slopes[..., 6:] = -moved_sides * rows[..., None, :, :2]
    return slopes.reshape(*matrix.shape[:-2], -1, 8)


def _standard_errors(
    basis: Array,
    covariance: Array,
    normed: Array,
    shape: tuple[int, ...],
    scatter: DisplacementScatter,
) -> tuple[float, float, float]:
    """Standard errors at the worst corner, at the centre (px), and of zoom and rotation."""
    half = math.hypot(*shape[:2]) / 2
    points = _corners_and_centre(shape)
    slopes = _slopes(normed, points) @ basis.T
    variances = np.einsum("ri,ij,rj->r", slopes, covariance, slopes)
    centre = variances.reshape(2, -1)[:, 4]
    apart = scatter.without_common(slopes.reshape(2, 5, -1))
    apart = apart.reshape(slopes.shape)
    apart_variances = np.einsum("ri,ij,rj->r", apart, covariance, apart)
    at_corners = apart_variances.reshape(2, -1)[:, :4]
    zoom = basis @ _ZOOM
    slope = zoom @ covariance @ zoom / 4
    return (
        math.sqrt(at_corners.sum(axis=0).max()),
        math.sqrt(centre.mean()),
        math.sqrt(max(float(slope), 0.0)) / half,
    )


def _corners_and_centre(shape: tuple[int, ...]) -> Array:
    """Normalised corners and centre."""
    at_corners = moved_points(_normaliser(shape), corners(shape))
    return np.vstack([at_corners, [[0.0, 0.0]]])


@dataclass(frozen=True)
class Area:
    """Rectangle of the blurry picture that both show; outside, repeated borders bias tiles."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def shown(cls, matrix: Array, shape: tuple[int, ...]) -> "Area":
        """The part of the rectangle that a transformed sharp picture shows."""
        height, width = shape
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = moved_points(
            np.asarray(np.linalg.inv(matrix), np.float64),
            corners(shape),
        )
        return cls(
            math.ceil(min(max(0.0, x0, x2), width)),
            math.ceil(min(max(0.0, y0, y1), height)),
            math.floor(max(0.0, min(width - 1.0, x1, x3))) + 1,
            math.floor(max(0.0, min(height - 1.0, y2, y3))) + 1,
        )

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Mask of the area in a picture of that shape."""
        inside = np.zeros(shape, dtype=bool)
        rows = slice(self.top, self.bottom)
        inside[rows, self.left : self.right] = True
        return inside

    def of(self, picture: Grey) -> Grey:
        """The area's part of a picture."""
        return np.ascontiguousarray(
            picture[self.top : self.bottom, self.left : self.right]
        )

    def tile(self, side: int) -> tuple[int, int]:
        """Height and width of a tile with about that side that fits; large primes are avoided."""
        height = self.bottom - self.top
        width = self.right - self.left
        return prev_fast_len(min(side, height)), prev_fast_len(min(side, width))
