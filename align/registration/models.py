"""Planar transforms, ``(3, 3)``, from simplest to richest, and their weighted least-squares fit."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import prev_fast_len

from defocus.align.arrays import Doubles, Grey, Mask, Shape, Size
from defocus.scene.geometry import moved_points

# Positions are from the picture's centre in half diagonals, so that the eight numbers of a
# homography are of similar size: H = I + P with P = [[p0, p1, p2], [p3, p4, p5], [p6, p7, 0]].
_UNIT = np.eye(8)
_ZOOM = _UNIT[0] + _UNIT[4]
_TURN = _UNIT[3] - _UNIT[1]
MODELS: dict[str, Doubles] = {
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

    coc_px: Doubles  # ``(N,)`` diameter of the circle of confusion at each point
    precision: float

    def of(self, chosen: Mask) -> "Spread":
        """The spread for some of the points."""
        return replace(self, coc_px=self.coc_px[chosen])


@dataclass(frozen=True)
class DisplacementScatter:
    """Scatter of displacements about a planar transform: variances along and across the parallax.

    Across it zoom and rotation are determined; a common move along it is a choice of depth."""

    axes: Doubles  # ``(2, 2)``, rows the unit vectors along and across the parallax
    variances: tuple[float, float]  # variances along and across the parallax, px^2
    parallax: bool = False

    @property
    def area(self) -> float:
        """The square of the area that the points scatter over, px^4."""
        return math.prod(self.variances)

    def turned(self, rows: Doubles) -> Doubles:
        """Rotate ``(K, 2 N, ...)`` rows of all x, then all y, to along and across the parallax."""
        x_and_y = rows.reshape(len(rows), 2, -1)
        turned = self.axes @ x_and_y
        return turned.reshape(rows.shape)

    def without_common(self, at: Doubles) -> Doubles:
        """``(2, P + 1, ...)`` vectors without the component of the last one along the parallax."""
        if not self.parallax:
            return at
        axis = self.axes[0]
        along = np.outer(axis, axis)
        common = np.tensordot(along, at[:, -1:], 1)
        return np.asarray(at - common)

    def at_corners(self, moved: Doubles) -> Doubles:
        """``(2, 4, ...)``: displacements of the corners without what parallax leaves free."""
        tiles_last = np.moveaxis(moved, (-1, -2), (0, 1))
        return self.without_common(tiles_last)[:, :4]


EVEN = DisplacementScatter(np.eye(2), (0.0, 0.0))
"""No scatter, in any direction."""


@dataclass(frozen=True)
class ModelFit:
    """A fitted model; factors are errors if a point of weight 1 errs by 1 px per coordinate."""

    model: str
    matrix: Doubles  # ``(3, 3)`` from start to end positions, px
    residuals: Doubles  # ``(N,)`` distances of the end points from their predicted positions, px
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


def radial(points: Doubles, coc_px: Doubles, shape: Shape) -> Doubles:
    """``(N, 2)`` px: the displacement of points by an asymmetry of one."""
    from_centre = moved_points(_normaliser(shape), points)
    return from_centre * coc_px[:, None]


def corners(shape: Shape) -> Doubles:
    """``(4, 2)``: x, y of the corner pixels of a picture of that height and width."""
    right = shape[1] - 1
    bottom = shape[0] - 1
    return np.array(
        [
            (0, 0),
            (right, 0),
            (0, bottom),
            (right, bottom),
        ],
        float,
    )


def corners_and_centre(shape: Shape) -> Doubles:
    """``(5, 2)``: the corners, then the centre."""
    size = np.array(shape[1::-1])
    centre = (size - 1) / 2
    return np.vstack([corners(shape), centre])


def corner_distance_px(
    first: Doubles,
    second: Doubles,
    shape: Shape,
    scatter: DisplacementScatter = EVEN,
) -> float:
    """Largest difference of two ``(3, 3)`` transforms at a corner, but for a parallax."""
    places = corners_and_centre(shape)
    apart = moved_points(first, places) - moved_points(second, places)
    at_corners = scatter.at_corners(apart)
    distances = np.linalg.norm(at_corners, axis=0)
    return float(distances.max())


def fit_model(
    model: str,
    start: Doubles,
    end: Doubles,
    weights: Doubles,
    shape: Shape,
    spread: Spread | None = None,
    scatter: DisplacementScatter = EVEN,
) -> ModelFit:
    """Fit a model of :data:`MODELS` to matched points; weights are inverse variances."""
    fits = _solved(
        model,
        start,
        end,
        weights[None],
        shape,
        spread,
        scatter,
    )
    basis = MODELS[model]
    asymmetry = half_diagonal_px(shape) * fits.parameters[0, -1]
    residuals = _residuals(fits, asymmetry, start, end)
    slopes = _slopes_with_prior(fits.slopes[0], spread)
    covariance = _covariance(slopes)
    errors = _standard_errors(basis, covariance, fits.normed[0], shape, scatter)
    fit = ModelFit(model, fits.matrices[0], residuals, *errors)
    if spread is None:
        return fit
    answer = _answer(covariance, slopes)
    return replace(
        fit,
        asymmetry=float(asymmetry),
        asymmetry_information=_information(slopes, answer) - spread.precision,
        corner_per_asymmetry_px=_corner_move(fits.normed[0], basis, answer, shape),
    )


def _covariance(slopes: Doubles) -> Doubles:
    """Covariance of the parameters of the transform for errors of 1 px."""
    of_transform = slopes[:, :-1]
    return _inverse(of_transform.T @ of_transform, 1e-15)


def _answer(covariance: Doubles, slopes: Doubles) -> Doubles:
    """What the parameters of the transform do for an asymmetry of one."""
    of_transform = slopes[:, :-1]
    of_asymmetry = slopes[:, -1]
    return -covariance @ of_transform.T @ of_asymmetry


def half_diagonal_px(shape: Shape) -> float:
    """Half the diagonal of a picture, px."""
    return math.hypot(*shape[:2]) / 2


def _residuals(
    fits: "_Solved",
    asymmetry: float,
    start: Doubles,
    end: Doubles,
) -> Doubles:
    """``(N,)``: how far off the fit moves each point."""
    beside = fits.beside.reshape(2, -1).T
    by_asymmetry = asymmetry * beside
    predicted = moved_points(fits.matrices[0], start) + by_asymmetry
    return np.asarray(np.linalg.norm(predicted - end, axis=1))


def _information(slopes: Doubles, answer: Doubles) -> float:
    """Squared part of a unit asymmetry that the other parameters cannot explain."""
    by_transform = slopes[:, :-1] @ answer
    left = by_transform + slopes[:, -1]
    return float(np.square(left).sum())


def _slopes_with_prior(slopes: Doubles, spread: Spread | None) -> Doubles:
    """The derivatives of the residuals; the prior of the asymmetry is one more row."""
    prior = 0.0 if spread is None else spread.precision
    count = slopes.shape[1]
    of_asymmetry = np.eye(count)[-1]
    row = math.sqrt(prior) * of_asymmetry
    return np.vstack([slopes, row])


def _corner_move(
    normed: Doubles,
    basis: Doubles,
    change: Doubles,
    shape: Shape,
) -> float:
    """Length by which a change of a model's parameters moves the worst corner."""
    at = moved_points(_normaliser(shape), corners(shape))
    by_parameter = _slopes(normed, at) @ basis.T
    moved = (by_parameter @ change).reshape(2, -1)
    lengths = np.linalg.norm(moved, axis=0)
    return float(lengths.max())


def fit_transforms(
    model: str,
    start: Doubles,
    end: Doubles,
    weights: Doubles,
    shape: Shape,
    spread: Spread | None = None,
    scatter: DisplacementScatter = EVEN,
) -> tuple[Doubles, Doubles]:
    """Transforms and asymmetries ``(K,)`` of :func:`fit_model` for each of K weights."""
    fits = _solved(
        model,
        start,
        end,
        weights,
        shape,
        spread,
        scatter,
    )
    asymmetries = half_diagonal_px(shape) * fits.parameters[:, -1]
    return fits.matrices, asymmetries


@dataclass(frozen=True)
class _Solved:
    """Solutions of the least squares for each of K weights."""

    parameters: Doubles  # ``(K, p + 1)``, the asymmetry last, in half diagonals
    slopes: Doubles  # ``(K, 2 N, p + 1)``, derivatives of the weighted residuals by the parameters
    beside: Doubles  # ``(2 N,)`` move of the points by an asymmetry of one, all x, then all y
    normed: (
        Doubles  # ``(K, 3, 3)`` transforms in units of half a diagonal about the centre
    )
    matrices: Doubles  # ``(K, 3, 3)`` transforms in px


@dataclass(frozen=True)
class _Equations:
    """Least squares for matched points, in half diagonals from the centre, for K weights."""

    basis: Doubles
    first: Doubles  # ``(N, 2)``
    second: Doubles  # ``(N, 2)``
    roots: Doubles  # ``(K, 2 N)``, of the weights
    beside: Doubles  # as in :class:`_Solved`
    prior: float  # keeps the asymmetry finite
    scatter: DisplacementScatter

    def slopes_and_step(self, parameters: Doubles) -> tuple[Doubles, Doubles]:
        """Derivatives of the weighted residuals, and the Newton step of the parameters."""
        count = len(parameters)
        asymmetry = parameters[:, -1:]
        whole = _transforms(parameters, self.basis)
        apart = self.second - moved_points(whole, self.first)
        apart = apart.swapaxes(1, 2)
        apart = apart.reshape(count, -1)
        unexplained = apart - asymmetry * self.beside
        left = self.roots * self.scatter.turned(unexplained)
        slopes = self._weighted_slopes(whole, count)
        step = _newton_step(slopes, left, self.prior, parameters[:, -1])
        return slopes, step

    def _weighted_slopes(self, whole: Doubles, count: int) -> Doubles:
        """Derivatives by the parameters of the transforms and by the asymmetry."""
        moves = _slopes(whole, self.first) @ self.basis.T
        size = (count, len(self.beside), 1)
        besides = np.broadcast_to(self.beside[:, None], size)
        slopes = np.concatenate([moves, besides], axis=2)
        weights = self.roots[:, :, None]
        return weights * self.scatter.turned(slopes)


def _solved(
    model: str,
    start: Doubles,
    end: Doubles,
    weights: Doubles,
    shape: Shape,
    spread: Spread | None,
    scatter: DisplacementScatter,
) -> _Solved:
    basis = MODELS[model]
    norm = _normaliser(shape)
    count = len(weights)
    first = moved_points(norm, start)
    x_then_y = weights.swapaxes(1, 2)
    roots = np.sqrt(x_then_y.reshape(count, -1))
    beside = _beside(first, spread)
    prior = 1.0 if spread is None else spread.precision
    second = moved_points(norm, end)
    equations = _Equations(
        basis,
        first,
        second,
        roots,
        beside,
        prior,
        scatter,
    )
    # the asymmetry is the last parameter, in units of half a diagonal
    parameters = np.zeros((count, len(basis) + 1))
    for _ in range(NEWTON_STEPS if model == "homography" else 1):
        slopes, step = equations.slopes_and_step(parameters)
        parameters = parameters + step
    normed = _transforms(parameters, basis)
    matrices = _in_pixels(normed, norm)
    return _Solved(
        parameters,
        slopes,
        beside,
        normed,
        matrices,
    )


def _in_pixels(normed: Doubles, norm: Doubles) -> Doubles:
    """Transforms of pixels, from those of coordinates that are 1 at a corner."""
    matrices = np.linalg.inv(norm) @ normed @ norm
    matrices /= matrices[:, 2:, 2:]
    return matrices


def _beside(first: Doubles, spread: Spread | None) -> Doubles:
    """``(2 N,)``: displacement of normalised points by an asymmetry of one; 0 without a spread."""
    if spread is None:
        return np.zeros(2 * len(first))
    moved = first * spread.coc_px[:, None]
    return moved.T.ravel()


def _newton_step(
    slopes: Doubles,
    left: Doubles,
    prior: float,
    asymmetry: Doubles,
) -> Doubles:
    """``(K, p + 1)``: the step of the parameters that the weighted residuals ``left`` ask for."""
    normal = slopes.swapaxes(1, 2) @ slopes
    normal[:, -1, -1] += prior
    right = np.einsum("kr,krp->kp", left, slopes)
    right[:, -1] -= prior * asymmetry
    # points on a line leave a parameter free, which then stays as it is
    inverse = _inverse(normal, LEAST_CONDITION)
    step = np.einsum("kpq,kq->kp", inverse, right)
    return np.asarray(step)


def _inverse(normal: Doubles, least: float) -> Doubles:
    """Pseudo-inverses of ``(..., p, p)`` normal equations; numpy's own takes much longer."""
    values, vectors = np.linalg.eigh(normal)
    largest = values[..., -1:]
    sure = values > least * largest
    zeros = np.zeros_like(values)
    scales = np.divide(1.0, values, out=zeros, where=sure)
    scaled = vectors * scales[..., None, :]
    transposed = vectors.swapaxes(-1, -2)
    return np.asarray(scaled @ transposed)


def _normaliser(shape: Shape) -> Doubles:
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


def _transforms(parameters: Doubles, basis: Doubles) -> Doubles:
    """``(K, 3, 3)`` transforms of normalised points; their asymmetries are the last parameters."""
    eight = parameters[:, :-1] @ basis
    last = np.zeros((len(eight), 1))
    nine = np.append(eight, last, axis=1)
    return np.eye(3) + nine.reshape(-1, 3, 3)


def _slopes(matrix: Doubles, points: Doubles) -> Doubles:
    """``(..., 2 N, 8)``: derivatives of moved points (all x, then all y) by the eight numbers."""
    count = len(points)
    places = np.column_stack([points, np.ones(count)])
    ends = places @ matrix.swapaxes(-1, -2)
    below = ends[..., 2:]
    rows = places / below
    moved = ends[..., :2] / below
    outer = matrix.shape[:-2]
    slopes = np.zeros((*outer, 2, count, 8))
    slopes[..., 0, :, :3] = rows
    slopes[..., 1, :, 3:6] = rows
    moved_sides = moved.swapaxes(-1, -2)[..., None]
    row_of_each_side = rows[..., None, :, :2]
    slopes[..., 6:] = -moved_sides * row_of_each_side
    return slopes.reshape(*outer, -1, 8)


def _standard_errors(
    basis: Doubles,
    covariance: Doubles,
    normed: Doubles,
    shape: Shape,
    scatter: DisplacementScatter,
) -> tuple[float, float, float]:
    """Standard errors at the worst corner, at the centre (px), and of zoom and rotation."""
    points = _corners_and_centre(shape)
    slopes = _slopes(normed, points) @ basis.T
    centre = _variances(slopes, covariance)[:, 4]
    apart = scatter.without_common(slopes.reshape(2, 5, -1))
    apart = apart.reshape(slopes.shape)
    at_corners = _variances(apart, covariance)[:, :4]
    zoom = basis @ _ZOOM
    slope = zoom @ covariance @ zoom / 4
    slope_error_px = math.sqrt(max(float(slope), 0.0))
    return (
        math.sqrt(at_corners.sum(axis=0).max()),
        math.sqrt(centre.mean()),
        slope_error_px / half_diagonal_px(shape),
    )


def _variances(slopes: Doubles, covariance: Doubles) -> Doubles:
    """``(2, N)``: variances of the x and y of points, from those of the parameters."""
    variances = np.einsum("ri,ij,rj->r", slopes, covariance, slopes)
    return np.asarray(variances.reshape(2, -1))


def _corners_and_centre(shape: Shape) -> Doubles:
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
    def shown(cls, matrix: Doubles, shape: Shape) -> "Area":
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

    def mask(self, shape: Shape) -> Mask:
        """Mask of the area in a picture of that shape."""
        inside = np.zeros(shape, dtype=bool)
        rows = slice(self.top, self.bottom)
        inside[rows, self.left : self.right] = True
        return inside

    def of(self, picture: Grey) -> Grey:
        """The area's part of a picture."""
        rows = picture[self.top : self.bottom]
        return np.ascontiguousarray(rows[:, self.left : self.right])

    def tile(self, side: int) -> Size:
        """Height and width of a tile with about that side that fits; large primes are avoided."""
        height = self.bottom - self.top
        width = self.right - self.left
        return prev_fast_len(min(side, height)), prev_fast_len(min(side, width))
