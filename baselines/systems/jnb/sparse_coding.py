"""Orthogonal matching pursuit: the number of dictionary atoms of a patch."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_ATOMS", "atom_counts", "code"]

MOST_ATOMS = 64
LEAST_LENGTH = 1e-6
"""Squared length that an atom adds to those before it; below, it is rounding."""


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
    """Add the atom that correlates most with the rest, refit, until the rest is small."""
    # ``correlations`` ``(N, A)`` are of patches with the atoms, ``energies`` squared lengths,
    # ``gram`` ``(A, A)`` of the atoms. ``counts`` ``(N,)``, ``chosen`` and ``values`` ``(N or 1,
    # K)`` get the result; one row serves all patches where only counts are wanted. Source:
    # Rubinstein, Zibulevsky, Elad, Batch-OMP, Technion CS-2008-08.
    most = chosen.shape[1]
    factor, half = np.zeros((most, most)), np.zeros(most)
    for n in range(correlations.shape[0]):
        row = n % chosen.shape[0]
        picked, solution = chosen[row], values[row]
        rest = correlations[n].copy()
        energy, count = energies[n], 0
        while energy > error and count < most:
            best = int(np.argmax(np.abs(rest)))
            if not _add(best, count, picked, gram, factor):
                break
            found = correlations[n, best] - np.dot(factor[count, :count], half[:count])
            half[count] = found / factor[count, count]
            energy -= half[count] ** 2
            count += 1
            _solve(count, factor, half, solution)
            rest[:] = correlations[n]
            for i in range(count):
                rest -= gram[picked[i]] * solution[i]
        counts[n] = count


@numba.njit(nogil=True, cache=True)
def _add(
    best: int, count: int, picked: NDArray[np.int32], gram: NDArray[Any], factor: NDArray[Any]
) -> bool:
    """A row of Cholesky's factor; False where the atom is one of those that are there."""
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
def _solve(count: int, factor: NDArray[Any], half: NDArray[Any], solution: NDArray[Any]) -> None:
    """The coefficients, by back substitution."""
    for i in range(count - 1, -1, -1):
        value = half[i]
        for k in range(i + 1, count):
            value -= factor[k, i] * solution[k]
        solution[i] = value / factor[i, i]


def atom_counts(
    patches: NDArray[np.float32], dictionary: NDArray[np.float32], error: float
) -> NDArray[np.int32]:
    """How many atoms (unit rows) each patch without its mean needs: ``(N,)``, 0 to 64."""
    counts = np.zeros(len(patches), np.int32)
    shared = np.zeros((1, MOST_ATOMS), np.int32), np.zeros((1, MOST_ATOMS), np.float32)
    gram = dictionary @ dictionary.T
    energies = np.einsum("np,np->n", patches, patches)
    code(patches @ dictionary.T, energies, gram, error**2, counts, *shared)
    return counts
