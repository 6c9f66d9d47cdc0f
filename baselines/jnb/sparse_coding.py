"""Orthogonal matching pursuit: how many atoms of a dictionary make up a patch."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_ATOMS", "atom_counts", "code"]

MOST_ATOMS = 64


@numba.njit(nogil=True, cache=True)
def code(
    correlations: NDArray[Any],
    energies: NDArray[Any],
    gram: NDArray[Any],
    error: float,
    most: int,
    counts: NDArray[np.int32],
    chosen: NDArray[np.int32],
    values: NDArray[Any],
) -> None:
    """Add the atom that correlates most with the rest, refit, until the rest is small.

    Args:
        correlations: ``(N, A)``: of patches with the atoms.
        energies: ``(N,)``: squared lengths of the patches.
        gram: ``(A, A)``: of the atoms with each other.
        error: Squared length of the rest that is small.
        most: Atoms at most.
        counts: ``(N,)``: gets the number of atoms.
        chosen: ``(N, most)``: gets which, in order; or ``(0, 0)`` where only counts are wanted.
        values: As ``chosen``: gets their coefficients.

    Source: Rubinstein, Zibulevsky, Elad, Batch-OMP, Technion CS-2008-08.
    """
    atoms = gram.shape[0]
    factor = np.zeros((most, most))
    half, solution = np.zeros(most), np.zeros(most)
    picked = np.zeros(most, np.int32)
    rest = np.zeros(atoms)
    for n in range(correlations.shape[0]):
        energy, count = energies[n], 0
        for a in range(atoms):
            rest[a] = correlations[n, a]
        while energy > error and count < most:
            best = 0
            for a in range(1, atoms):
                if abs(rest[a]) > abs(rest[best]):
                    best = a
            if abs(rest[best]) < 1e-6:
                break
            length = gram[best, best]
            for i in range(count):  # a row of Cholesky's factor
                value = gram[best, picked[i]]
                for k in range(i):
                    value -= factor[count, k] * factor[i, k]
                factor[count, i] = value / factor[i, i]
                length -= factor[count, i] ** 2
            if length < 1e-9:
                break
            factor[count, count] = np.sqrt(length)
            picked[count] = best
            value = correlations[n, best]
            for k in range(count):
                value -= factor[count, k] * half[k]
            half[count] = value / factor[count, count]
            energy -= half[count] ** 2
            count += 1
            if energy <= error and chosen.shape[0] == 0:
                break  # the coefficients are not wanted
            for i in range(count - 1, -1, -1):
                value = half[i]
                for k in range(i + 1, count):
                    value -= factor[k, i] * solution[k]
                solution[i] = value / factor[i, i]
            for a in range(atoms):
                value = correlations[n, a]
                for i in range(count):
                    value -= gram[a, picked[i]] * solution[i]
                rest[a] = value
        counts[n] = count
        for i in range(count if chosen.shape[0] else 0):
            chosen[n, i], values[n, i] = picked[i], solution[i]


def atom_counts(
    patches: NDArray[np.float32], dictionary: NDArray[np.float32], error: float
) -> NDArray[np.int32]:
    """How many atoms each patch needs.

    Args:
        patches: ``(N, P)``, without mean.
        dictionary: ``(A, P)``, unit rows.
        error: Length of the rest that is small enough.

    Returns:
        ``(N,)``, 0 to 64.
    """
    counts = np.zeros(len(patches), np.int32)
    none = np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32)
    gram = dictionary @ dictionary.T
    energies = np.einsum("np,np->n", patches, patches)
    code(patches @ dictionary.T, energies, gram, error**2, MOST_ATOMS, counts, *none)
    return counts
