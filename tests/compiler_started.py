"""Starts numba's compiler where this is imported: that takes a second in every new process.

Before numba reads its cache it fills its tables of types, which forks of this process then have.
"""

import numba


@numba.njit
def _nothing(number: float) -> float:
    return number


_nothing(1.0)
