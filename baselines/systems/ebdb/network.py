"""EBDB: the blur of edges at scales of their own, filtered and spread, then a deconvolution.

Source: Karaali, Jung, TIP 27 (2018); where paper and released code differ, the code."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from defocus.baselines.operators.chain import MapDeconvolution, restore_by_map
from defocus.baselines.operators.chain_cards import STRENGTHS
from defocus.baselines.operators.domain import Array
from defocus.baselines.operators.edges import canny, luma, recursive_filter
from defocus.blur.edge_blur import edge_sigma_px, gradient_magnitude

CANNY_SCALES_PX = tuple(1 + 0.5 * k for k in range(9))
FINE_PX, COARSEST_PX = 1.0, 2.5
FINEST = 4
"""Number of finest scales at which an edge must be found."""
COUPLING = 10.0
"""Coupling of neighbours on an edge."""

Mask = NDArray[np.bool_]


def estimate_sigma_px(picture: Array) -> NDArray[np.float64]:
    """The deviation of the blur at each pixel, ``(H, W)``, 0 to 5 px; 0 without any edge."""
    grey = edge_luma(picture)
    edges = canny_maps(grey)
    edge = np.asarray(edges[:FINEST].all(axis=0))
    if not edge.any():
        return np.zeros(edge.shape)
    sparse_map = sparse_sigma_px(grey, edge, chosen_scale(edges))
    sigma_px = along_edges(sparse_map, edge, edges.sum(axis=0))
    return spread(picture, edge, sigma_px)


def edge_luma(picture: Array) -> NDArray[np.float64]:
    """The luma to the power of 2.4; ``(H, W)``."""
    return np.asarray(luma(picture) ** 2.4)


def canny_maps(grey: Array) -> Mask:
    """``(9, H, W)``: edges at scales of 1 to 5 px."""
    return np.stack([canny(grey, scale) for scale in CANNY_SCALES_PX])


def chosen_scale(edges: Mask) -> NDArray[np.float64]:
    """``(H, W)``: the coarser scale to measure an edge at; 0 where there is no edge."""
    # It grows with the scales, from the finest on, at which the edge is seen without a gap.
    run = np.minimum.accumulate(edges, axis=0).sum(axis=0)
    radius = 0.5 * (1 + 0.5 * (run - 1))
    return np.where(run >= FINEST, radius, 0.0)


def sparse_sigma_px(grey: Array, edge: Mask, scale: Array) -> NDArray[np.float64]:
    """``(H, W)``: the blur of edges, 0 elsewhere and where none explains the gradients."""
    sigma_px = np.zeros(grey.shape)
    fine = gradient_magnitude(grey, FINE_PX, _radius_px(COARSEST_PX))
    for coarse in np.unique(scale[edge]).tolist():
        at = edge & (scale == coarse)
        magnitude = gradient_magnitude(grey, coarse, _radius_px(coarse))
        sigma_px[at] = edge_sigma_px(fine[at], magnitude[at], FINE_PX, coarse)
    return sigma_px


def _radius_px(scale_px: float) -> int:
    return 2 * math.ceil(2 * scale_px) + 1


def along_edges(sparse_map: Array, edge: Mask, count: Array) -> NDArray[np.float64]:
    """Make neighbours on an edge agree: least squares with a pull; ``(H, W)``, 0 off the edges."""
    own, first, second = _neighbours(edge)
    # A pixel weighs more, the more scales it is an edge at.
    weight = 1.0 + count[edge]
    pull = np.full(len(first), -2 * COUPLING)
    pixels = len(own)
    neighbours = np.bincount(first, minlength=pixels)
    neighbours = neighbours + np.bincount(second, minlength=pixels)
    upper = sparse.coo_matrix((pull, (first, second)), shape=(pixels, pixels))
    diagonal = sparse.diags(weight + 2 * COUPLING * neighbours)
    system = upper + upper.T + diagonal
    right_side = weight * sparse_map[edge]
    filtered = np.zeros(edge.shape)
    filtered[edge] = spsolve(system.tocsc(), right_side)
    return filtered


def _neighbours(
    edge: Mask,
) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]]:
    """Numbers of the edge pixels, and pairs of the numbers of neighbours."""
    own = np.arange(edge.sum())
    pairs = []
    # the other four are these, turned
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = _numbers_beside(edge, down, right)
        known = other >= 0
        pairs.append(np.stack([own[known], other[known]]))
    first, second = np.concatenate(pairs, axis=1)
    return own, first, second


def _numbers_beside(edge: Mask, down: int, right: int) -> NDArray[np.int_]:
    """Number of the edge pixel at an offset from each edge pixel; -1 where there is none."""
    index = np.full(np.add(edge.shape, 2), -1)
    inner = index[1:-1, 1:-1]
    inner[edge] = np.arange(edge.sum())
    height, width = edge.shape
    top = 1 + down
    left = 1 + right
    beside = index[top : top + height, left : left + width]
    return np.asarray(beside[edge])


def spread(picture: Array, edge: Mask, sigma_px: Array) -> NDArray[np.float64]:
    """From the edges to all pixels, across what looks alike; ``(H, W)``."""
    guide = recursive_filter(picture, 7, 0.5, 5)
    both = np.stack([sigma_px * edge, edge], axis=2).astype(np.float64)
    reach_px = min(edge.shape) / 8
    sums = recursive_filter(both, reach_px, 3.75, 5, guide=guide)
    weighted = sums[:, :, 0]
    weights = sums[:, :, 1]
    return np.asarray(weighted / weights)


def make(strength: str) -> MapDeconvolution:
    """The chain with a preset's strength, by its name."""
    restore = restore_by_map(STRENGTHS[strength])
    return MapDeconvolution(estimate_sigma_px, restore)
