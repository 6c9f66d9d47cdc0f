"""Errors by circle of confusion: gains in sharp and in blurred regions."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import Card
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float

EDGES_PX = (0.0, 2.0, 4.0, 6.0, 8.0, math.inf)
"""Diameters of the circle of confusion between which pixels are counted together."""


def bin_names() -> tuple[str, ...]:
    """The bins as text: ``0-2``, …, ``8+``."""
    inner = [f"{low:g}-{high:g}" for low, high in pairwise(EDGES_PX[:-1])]
    return (*inner, f"{EDGES_PX[-2]:g}+")


def psnr_by_blur(
    network: nn.Module,
    card: Card,
    pairs: Sequence[Pair],
    device: torch.device,
) -> list[float | None]:
    """PSNR against the truth in each bin of :data:`EDGES_PX`, dB; None without a pixel."""
    network.to(device).eval()
    squares = np.zeros(len(EDGES_PX) - 1)
    counts = np.zeros(len(EDGES_PX) - 1)
    for pair in pairs:
        weights, place = _error_and_bin(network, card, device, pair)
        squares += np.bincount(place.ravel(), weights, len(squares))
        counts += np.bincount(place.ravel(), minlength=len(counts))
    levels: list[float | None] = []
    for square, count in zip(squares, counts, strict=True):
        levels.append(-10.0 * math.log10(square / count) if count else None)
    return levels


def _error_and_bin(
    network: nn.Module,
    card: Card,
    device: torch.device,
    pair: Pair,
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Squared error of each pixel of a restored pair, and the bin of its blur."""
    if pair.truth is None or pair.defocus_map is None:
        raise ValueError(f"pair {pair.id} is not rendered")
    restored = restore_picture(network, card, pair, device).picture
    error = np.clip(restored, 0.0, 1.0) - as_float(
        read_image(pair.truth, pair.white),
        np.float64,
    )
    blur_px = np.abs(read_array(pair.defocus_map))
    place = np.digitize(blur_px, EDGES_PX[1:-1])
    weights = np.square(error).mean(axis=2).ravel()
    return weights, place
