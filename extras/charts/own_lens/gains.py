"""Gains of two networks on the test pairs of a stream."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import Card
from defocus.benchmark.evaluation.columns import CIRCLES_PX
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.pair_files import read_array
from defocus.pictures.read import read_pair
from defocus.pictures.values import as_float
from defocus.progress import track

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BlurGain:
    """Gain of all pixels between two circles of confusion, PSNR less the input's, dB."""

    low: float  # limits of the diameter, px; ``high`` is None for the largest ones
    # limits of the diameter, px; ``high`` is None for the largest ones
    high: float | None
    share: float  # of all pixels
    before: float
    after: float


@dataclass(frozen=True)
class Gains:
    """Gains of the pairs, by the old and the new weights, PSNR less that of each input, dB."""

    pairs: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    by_blur: tuple[BlurGain, ...]

    @property
    def change(self) -> Floats:
        """Gain of the new weights over the old ones in each pair, dB."""
        return np.subtract(self.after, self.before)


def measure_gains(
    dataset: Dataset,
    card: Card,
    before: nn.Module,
    after: nn.Module,
    device: torch.device,
) -> Gains:
    """Restore the test pairs of a stream with two networks, which are on the device."""
    edges = list(pairwise(CIRCLES_PX))
    sums = np.zeros((3, len(edges)))
    counts = np.zeros(len(edges))
    pairs = dataset.split("test")
    scores = []
    for pair in track(pairs, "restoring held-out scenes"):
        errors = _errors(pair, card, (before, after), device)
        scores.append([decibels(float(one.mean()), DEFAULT) for one in errors])
        if pair.defocus_map is not None:
            circle = np.abs(read_array(pair.defocus_map))
            _add_by_blur(counts, sums, circle, errors)
    by_blur = _by_blur(edges, counts, sums)
    blurry, old, new = np.array(scores).T
    return Gains(
        tuple(pair.id for pair in pairs),
        tuple((old - blurry).tolist()),
        tuple((new - blurry).tolist()),
        by_blur,
    )


def _add_by_blur(
    counts: Floats,
    sums: Floats,
    circle: Floats,
    errors: Sequence[Floats],
) -> None:
    """Add the pixels of a picture, and their errors, to those of their range of blur."""
    for number, (low, high) in enumerate(pairwise(CIRCLES_PX)):
        inside = (circle >= low) & (circle < high)
        counts[number] += inside.sum()
        sums[:, number] += [one[inside].sum() for one in errors]


def _by_blur(
    edges: list[tuple[float, float]],
    counts: Floats,
    sums: Floats,
) -> tuple[BlurGain, ...]:
    """Gain in each range of circles of confusion that has pixels."""
    shares = counts / counts.sum()
    gains = []
    for k, (low, high) in enumerate(edges):
        if counts[k]:
            end = None if math.isinf(high) else high
            gains.append(BlurGain(low, end, shares[k], *_gains(sums[:, k])))
    return tuple(gains)


def _errors(
    pair: Pair,
    card: Card,
    networks: tuple[nn.Module, ...],
    device: torch.device,
) -> list[Floats]:
    """Squared error of each pixel, for the input and for the output of each network."""
    members = read_pair(pair.blurry, pair.sharp or pair.blurry, pair.white)
    blurry, sharp = (as_float(one).astype(np.float64) for one in members)
    pictures: list[NDArray[np.floating]] = [blurry]
    for network in networks:
        restoration = restore_picture(network, card, pair, device)
        pictures.append(restoration.picture)
    errors = []
    for picture in pictures:
        difference = np.clip(picture, 0, 1) - sharp
        errors.append(np.square(difference).mean(axis=2))
    return errors


def _gains(sums: Floats) -> tuple[float, float]:
    blurry, old, new = sums
    before = 10 * np.log10(blurry / old)
    after = 10 * np.log10(blurry / new)
    return float(before), float(after)
