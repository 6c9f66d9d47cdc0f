"""JNB: patches that are just noticeably blurred need fewer atoms; then a deconvolution.

Source: Shi, Xu, Jia, CVPR 2015; its dictionary is learned again (``research/learning/jnb.py``)."""

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from defocus.baselines.operators.chain import MapDeconvolution, restore_by_map
from defocus.baselines.operators.chain_cards import STRENGTHS
from defocus.baselines.operators.domain import Array
from defocus.baselines.operators.edges import luma, recursive_filter

MOST_ATOMS = 64
LEAST_LENGTH = 1e-6
"""Smallest squared length that an atom must add to those before it; a smaller one is rounding."""


@numba.njit(nogil=True, cache=True)
def code(
    correlations: NDArray[Any],
    energies: NDArray[Any],
    gram: NDArray[Any],
    error: float,
    counts: NDArray[np.int32],
    chosen: NDArray[np.int32],
    values: NDArray[Any],
) -> None:
    """Add the atom that correlates most with the residual, refit, until the residual is small."""
    # ``correlations`` ``(N, A)`` are of patches with the atoms, ``energies`` squared lengths,
    # ``gram`` ``(A, A)`` of the atoms. ``counts`` ``(N,)``, ``chosen`` and ``values`` ``(N or 1,
    # K)`` get the result; one row serves all patches where only counts are wanted. Source:
    # Rubinstein, Zibulevsky, Elad, Batch-OMP, Technion CS-2008-08.
    most = chosen.shape[1]
    factor = np.zeros((most, most))
    half = np.zeros(most)
    for n in range(correlations.shape[0]):
        row = n % chosen.shape[0]
        picked = chosen[row]
        solution = values[row]
        rest = correlations[n].copy()
        energy = energies[n]
        count = 0
        while energy > error and count < most:
            best = int(np.argmax(np.abs(rest)))
            if not _add(best, count, picked, gram, factor):
                break
            known = np.dot(factor[count, :count], half[:count])
            new = correlations[n, best] - known
            half[count] = new / factor[count, count]
            energy -= half[count] ** 2
            count += 1
            _solve(count, factor, half, solution)
            _leave(correlations[n], gram, picked[:count], solution, rest)
        counts[n] = count


@numba.njit(nogil=True, cache=True)
def _leave(
    correlation: NDArray[Any],
    gram: NDArray[Any],
    picked: NDArray[np.int32],
    solution: NDArray[Any],
    rest: NDArray[Any],
) -> None:
    """Correlations that remain after the picked atoms, into ``rest``."""
    rest[:] = correlation
    for i in range(len(picked)):
        rest -= gram[picked[i]] * solution[i]


@numba.njit(nogil=True, cache=True)
def _add(
    best: int,
    count: int,
    picked: NDArray[np.int32],
    gram: NDArray[Any],
    factor: NDArray[Any],
) -> bool:
    """Add a row to Cholesky's factor; False if the atom is already there."""
    length = gram[best, best]
    for i in range(count):
        value = gram[best, picked[i]]
        for k in range(i):
            value -= factor[count, k] * factor[i, k]
        factor[count, i] = value / factor[i, i]
        length -= factor[count, i] ** 2
    if length < LEAST_LENGTH:
        return False
    factor[count, count] = np.sqrt(length)
    picked[count] = best
    return True


@numba.njit(nogil=True, cache=True)
def _solve(
    count: int,
    factor: NDArray[Any],
    half: NDArray[Any],
    solution: NDArray[Any],
) -> None:
    """The coefficients, by back substitution."""
    for i in range(count - 1, -1, -1):
        value = half[i]
        for k in range(i + 1, count):
            value -= factor[k, i] * solution[k]
        solution[i] = value / factor[i, i]


def atom_counts(
    patches: NDArray[np.float32],
    dictionary: NDArray[np.float32],
    error: float,
) -> NDArray[np.int32]:
    """How many atoms (unit rows) each patch without its mean needs: ``(N,)``, 0 to 64."""
    counts = np.zeros(len(patches), np.int32)
    # only the counts are wanted: all patches share one row for the atoms and their values
    chosen = np.zeros((1, MOST_ATOMS), np.int32)
    values = np.zeros((1, MOST_ATOMS), np.float32)
    gram = dictionary @ dictionary.T
    energies = np.einsum("np,np->n", patches, patches)
    correlations = patches @ dictionary.T
    code(correlations, energies, gram, error**2, counts, chosen, values)
    return counts


LEARNED = Path(__file__).with_name("learned.safetensors")
PATCH_PX = 8
STRIDE_PX = 2
"""Distance between patches, px. The demo takes every patch; every second patch each way is four
times faster."""
ERROR = 1.15 * 2 * PATCH_PX
"""Largest error over a patch, in codes of 255: 1.15 times a deviation of 2 per pixel."""


def estimate_sigma_px(picture: Array) -> NDArray[np.float64]:
    """The deviation of the blur at each pixel, ``(H, W)``, 0 to 4 px; high where no edge is."""
    learned = _learned()
    atoms = smoothed(atoms_needed(picture, learned["dictionary"]), picture)
    curve = learned["atoms"].astype(np.float64)  # falling
    sigma_px = learned["sigma_px"].astype(np.float64)
    return np.asarray(np.interp(-atoms, -curve, sigma_px))


def atoms_needed(
    picture: Array,
    dictionary: NDArray[np.float32],
) -> NDArray[np.float64]:
    """``(H', W')``: atoms that the patches need, one value per stride."""
    patches, shape = patches_of(luma(picture) * 255)
    counts = atom_counts(patches, dictionary, ERROR)
    return counts.reshape(shape).astype(np.float64)


def patches_of(grey: Array) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Patches without their means, ``(N, 64)``, and the number of their rows and columns."""
    every = np.lib.stride_tricks.sliding_window_view(
        np.asarray(grey, np.float32),
        (PATCH_PX, PATCH_PX),
    )
    windows = every[::STRIDE_PX, ::STRIDE_PX]
    rows, columns = windows.shape[:2]
    patches = windows.reshape(-1, PATCH_PX**2)
    means = patches.mean(axis=1, keepdims=True)
    return patches - means, (rows, columns)


def smoothed(atoms: NDArray[np.float64], picture: Array) -> NDArray[np.float64]:
    """The count at each pixel ``(H, W)``, from one per stride, smoothed where colours are alike."""
    height, width = picture.shape[:2]
    first = (PATCH_PX - 1) / 2
    rows = (np.arange(height, dtype=np.float32) - first) / STRIDE_PX
    columns = (np.arange(width, dtype=np.float32) - first) / STRIDE_PX
    places = np.meshgrid(columns, rows)
    dense = cv2.remap(
        atoms.astype(np.float32),
        *places,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    guide = cv2.GaussianBlur(np.asarray(picture, np.float32), (5, 5), 1.0)
    return recursive_filter(
        np.asarray(dense, np.float64),
        10,
        0.2,
        3,
        guide=np.asarray(guide, np.float64),
    )


@cache
def _learned() -> dict[str, NDArray[np.float32]]:
    learned: dict[str, NDArray[np.float32]] = load_file(LEARNED)
    return learned


def make(strength: str) -> MapDeconvolution:
    """The chain with a preset's strength, by its name."""
    return MapDeconvolution(estimate_sigma_px, restore_by_map(STRENGTHS[strength]))
