"""Breakdown of a picture's score: blurred regions, edges, place, and the score of the input."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.columns import CIRCLE_NAMES, CIRCLES_PX, place_score
from defocus.benchmark.metrics.psnr import METRIC, decibels
from defocus.benchmark.scoring.profiles import Profile
from defocus.benchmark.scoring.protocols import Target
from defocus.benchmark.scoring.score import score_picture
from defocus.datasets.files.arrays import read_array
from defocus.datasets.pair import Pair

__all__ = [
    "BLURRED_PX",
    "psnr_by_place",
    "psnr_by_region",
    "psnr_over_input",
]

BLURRED_PX = 2.0
"""A smaller circle of confusion counts as in focus."""

_EDGE_SHARE = 0.1


Region = tuple[str, NDArray[np.bool_]]


def psnr_by_region(
    restored: NDArray[np.float64],
    target: Target,
    profile: Profile,
    pair: Pair,
    corner: tuple[int, int] = (0, 0),
) -> dict[str, float | None]:
    """PSNR of each region, dB: ``psnr_edges``, ``psnr_in_focus``, ``psnr_coc_2_4`` and so on."""
    # Edges are the tenth of the pixels where the target's brightness changes most. ``corner`` is
    # the row and column of the pair's pictures where the restored one begins.
    squares = np.square(restored - target.reference).mean(axis=2)
    found: dict[str, float | None] = {}
    for name, region in (*_edges(target), *_by_circle(pair, target, corner)):
        counted = squares[region & target.mask]
        found[f"psnr_{name}"] = decibels(float(counted.mean()), profile) if counted.size else None
    return found


def psnr_by_place(psnr: float | None, pair: Pair) -> dict[str, float | None]:
    """The same score as ``psnr_indoor`` or ``psnr_outdoor``, if the place is known."""
    name = place_score(pair.metadata)
    return {name: psnr} if name else {}


def psnr_over_input(
    psnr: float | None,
    blurry: NDArray[np.floating[Any]],
    target: Target,
    profile: Profile,
) -> dict[str, float | None]:
    """Gain in dB over a blurry input in [0, 1]; ``made_worse`` is 1 if it is negative, else 0."""
    before = score_picture(blurry, target, profile, {"psnr": METRIC})["psnr"].value
    if psnr is None or before is None:
        return {"psnr_gain": None, "made_worse": None}
    return {"psnr_gain": psnr - before, "made_worse": float(psnr < before)}


def _edges(target: Target) -> Iterator[Region]:
    grey = target.reference.mean(axis=2)
    steep = np.hypot(cv2.Sobel(grey, cv2.CV_64F, 1, 0), cv2.Sobel(grey, cv2.CV_64F, 0, 1))
    edges = steep > np.quantile(steep, 1 - _EDGE_SHARE)
    yield "edges", edges
    yield "flat", ~edges


def _by_circle(pair: Pair, target: Target, corner: tuple[int, int]) -> Iterator[Region]:
    if pair.defocus_map is None:
        return
    circle_px = np.abs(read_array(pair.defocus_map))
    (top, left), (height, width) = corner, target.mask.shape
    circle_px = circle_px[top : top + height, left : left + width]
    yield "in_focus", circle_px < BLURRED_PX
    yield "blurred", circle_px >= BLURRED_PX
    for name, (low, high) in zip(CIRCLE_NAMES, pairwise(CIRCLES_PX), strict=True):
        yield name, (circle_px >= low) & (circle_px < high)
