"""Whether straight edges stay straight and in place."""

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import edge_window
from defocus.edges.edge_line import EdgeLine, fit_edge_line, row_places, upright
from defocus.edges.straightness import LEAST_PLACES, Straightness, line_deviation
from defocus.errors import ImageError

Array = NDArray[np.float64]

BLOCK_ROWS = 8


def measure_straightness(light: Array) -> Straightness | None:
    """Deviation of an edge from its best straight line; None with fewer than 40 rows."""
    region, _ = upright(light)
    places, line = _places(region)
    return _deviation(places / np.hypot(1.0, line.slope), 0.0)


def compare_edges(picture: Array, sharp: Array) -> Straightness:
    """Deviation of an edge from where the sharp picture has it; the lens's distortion drops out."""
    if picture.shape != sharp.shape:
        raise ImageError(
            f"regions of {picture.shape} and {sharp.shape} px; give the same region"
        )
    first, lying = upright(picture)
    places, line = _places(first)
    true_places, true_line = _places(sharp.T if lying else sharp)
    cosine = 1.0 / np.hypot(1.0, true_line.slope)
    shift = (line.coefficients[0] - true_line.coefficients[0]) * cosine
    straightness = _deviation((places - true_places) * cosine, float(shift))
    if straightness is None:
        raise ImageError(
            "the edge is too short for its straightness; give 40 rows or more"
        )
    return straightness


def _places(region: Array) -> tuple[Array, EdgeLine]:
    """Place in each row (NaN where it cannot be measured), and the polynomial through them."""
    window = edge_window(region)
    line = fit_edge_line(region, window)
    columns, rows = row_places(region, line, window)
    places = np.full(len(region), np.nan)
    places[rows.astype(np.intp)] = columns
    return places, line


def _deviation(differences: Array, shift_px: float) -> Straightness | None:
    """Deviation of blocks of rows from the best straight line; None with too few of them."""
    rows = len(differences)
    count = rows // BLOCK_ROWS
    blocks = differences[: count * BLOCK_ROWS].reshape(count, BLOCK_ROWS)
    full = np.isfinite(blocks).all(axis=1)
    middles = (np.flatnonzero(full) + 0.5) * BLOCK_ROWS - 0.5
    where = 2.0 * middles / (rows - 1) - 1.0
    means = blocks[full].mean(axis=1)
    return line_deviation(where, means, shift_px)


def places_straightness(places: Array) -> Straightness | None:
    """Deviation of places ``(N, 2)`` from their best straight line; None with fewer than five."""
    seen = places[np.isfinite(places).all(axis=1)]
    if len(seen) < LEAST_PLACES:
        return None
    centred = seen - seen.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    along, across = (centred @ axes.T).T
    farthest = np.abs(along).max()
    return line_deviation(along / farthest, across)
