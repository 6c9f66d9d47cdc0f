"""Displacement caused by an asymmetric PSF; it grows with defocus and field height.

Cat's-eye vignetting and coma move the centroid of a defocused point along the radius, by an amount
in proportion to the circle of confusion and to the distance from the centre of the picture. A flow
shows this as displacement, although the chief rays agree, so it is removed from the local flow. If
the circle of confusion is nearly constant, it cannot be told from a zoom. Then the global transform
contains it, up to 1 px, and the value here is close to zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.uncertainty import Array, block_sigma, blocks_of, sample_grid

__all__ = ["Asymmetry", "asymmetry"]

LEAST_SAMPLES = 300
LEAST_SPREAD_PX = 0.5
"""Standard deviation of the circle of confusion below which nothing can grow with it."""
SIGNIFICANT = 3.0
SHARED_ERROR = 0.003
"""What all blocks have in common: the radial part of rendered pairs with symmetric discs."""
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
        return abs(self.radial) > SIGNIFICANT * self.radial_sigma

    def field(self, coc_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(2, H, W)`` radial part of the flow for circles of confusion ``(H, W)``."""
        height, width = coc_px.shape
        x, y = _position(np.arange(width)[None], np.arange(height)[:, None], coc_px.shape)
        return np.stack([self.radial * coc_px * x, self.radial * coc_px * y]).astype(np.float32)


def asymmetry(
    residual: NDArray[np.float32],
    coc_px: NDArray[np.float32],
    reliable: NDArray[np.bool_],
    *,
    signed: bool,
) -> Asymmetry | None:
    """Fit the displacement that grows with defocus to the residual of a global transform.

    A free affine part beside it, fitted robustly (Huber), takes all that does not vary with blur.
    """
    index = sample_grid(reliable.shape)
    rows, columns = (np.arange(n)[i] for n, i in zip(reliable.shape, index, strict=True))
    y, x = np.meshgrid(rows, columns, indexing="ij")
    use = reliable[index]
    coc, flow = coc_px[index][use].astype(np.float64), residual[:, *index][:, use]
    if coc.size < LEAST_SAMPLES or coc.std() < LEAST_SPREAD_PX:
        return None
    design = _design(*_position(x[use], y[use], reliable.shape), coc)
    target = flow.T.astype(np.float64)
    blocks = blocks_of(y[use], x[use], reliable.shape)
    found, weights = _robust_fit(design, target)
    sigma = _sigma(design, target, weights, blocks)
    return Asymmetry(
        radial=float(found[0]),
        common=(float(found[1]), float(found[2])),
        radial_sigma=float(sigma[0]),
        common_sigma=(float(sigma[1]), float(sigma[2])),
        signed=signed,
    )


def _position(
    x: NDArray[np.int_], y: NDArray[np.int_], shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Positions about the centre, length 1 in the corners."""
    height, width = shape
    half = np.hypot(width - 1, height - 1) / 2
    return (x - (width - 1) / 2) / half, (y - (height - 1) / 2) / half


def _design(x: Array, y: Array, coc: Array) -> Array:
    """``(N, 2, 9)``: radial, common x, common y, then an affine transform's six."""
    one, zero = np.ones_like(x), np.zeros_like(x)
    across = np.stack([coc * x, coc, zero, one, x, y, zero, zero, zero], axis=-1)
    down = np.stack([coc * y, zero, coc, zero, zero, zero, one, x, y], axis=-1)
    return np.stack([across, down], axis=1)


def _robust_fit(design: Array, target: Array) -> tuple[Array, Array]:
    """The nine parameters and the weight of each sample, which decreases with its distance."""
    weights = np.ones(len(target))
    for _ in range(ROUNDS):
        found = _solved(*_normal(design, target, weights))
        residual = np.linalg.norm(target - design @ found, axis=1)
        scale = max(float(np.median(residual)), 1e-9)
        weights = np.minimum(1.0, HUBER * scale / np.maximum(residual, 1e-12))
    return _solved(*_normal(design, target, weights)), weights


def _normal(design: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Normal equations of the weighted fit."""
    flat = (design * weights[:, None, None]).reshape(-1, design.shape[2])
    return flat.T @ design.reshape(flat.shape), flat.T @ target.ravel()


def _solved(matrix: Array, right: Array) -> Array:
    return np.asarray(np.linalg.lstsq(matrix, right, rcond=None)[0])


def _sigma(design: Array, target: Array, weights: Array, blocks: NDArray[np.int_]) -> Array:
    """Standard errors of the parameters, from normal equations summed over blocks."""
    parts = [blocks == block for block in np.unique(blocks)]
    equations = [_normal(design[p], target[p], weights[p]) for p in parts]
    matrices, rights = (np.stack(sides) for sides in zip(*equations, strict=True))
    drawn = block_sigma(
        np.arange(len(parts)), lambda i: _solved(matrices[i].sum(axis=0), rights[i].sum(axis=0))
    )
    return np.asarray(np.hypot(drawn, SHARED_ERROR))
