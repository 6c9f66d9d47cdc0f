"""Light of one member over the other as a function of the place: by radius, and across."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["light_profile", "tilt_of"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

STRIDE = 8
ROUNDS = 8
SLACK = 2e-3
"""Stops that are added to the scatter, which may be nothing in a rendered pair."""
PRIOR = 1e-4
"""Relative weight of a prior that keeps terms at nothing that few places decide."""


def light_profile(log_ratio: Array, counted: Mask) -> Array:
    """What exposure and vignetting make of a log2 ratio: a cubic polynomial in squared radius."""
    x, y = _centred(log_ratio.shape)
    radius = (x * x + y * y) / np.float32(2)
    return _fitted(
        np.stack([np.ones_like(radius), radius, radius**2, radius**3]), log_ratio, counted
    )


def tilt_of(log_ratio: Array, counted: Mask) -> tuple[float, Array]:
    """By how much the light changes from the centre to a border, EV, and the plane it follows."""
    x, y = _centred(log_ratio.shape)
    plane = _fitted(np.stack([np.ones_like(x), x, y]), log_ratio, counted)
    across, down = (plane[0, -1] - plane[0, 0]) / 2, (plane[-1, 0] - plane[0, 0]) / 2
    return float(np.hypot(across, down)), plane


def _centred(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Places of pixels in half widths and half heights from the centre."""
    y, x = np.mgrid[-1 : 1 : complex(shape[0]), -1 : 1 : complex(shape[1])].astype(np.float32)
    return x, y


def _fitted(terms: Array, values: Array, counted: Mask) -> Array:
    """A robust fit (Cauchy weights) of terms ``(N, H, W)`` to the values that count."""
    rows, columns = (slice(STRIDE // 2, None, STRIDE),) * 2
    chosen = counted[rows, columns]
    if chosen.sum() <= len(terms):
        return np.zeros_like(values)
    sample = terms[:, rows, columns][:, chosen].T.astype(np.float64)
    wanted = values[rows, columns][chosen].astype(np.float64)
    weight = np.ones(len(wanted))
    prior = PRIOR * len(wanted) * np.diag([0.0, *np.ones(len(terms) - 1)])
    for _ in range(ROUNDS):
        weighted = sample * weight[:, None]
        fit = np.linalg.solve(
            weighted.T @ sample + prior + 1e-9 * np.eye(len(terms)), weighted.T @ wanted
        )
        left = wanted - sample @ fit
        spread = 1.48 * float(np.median(np.abs(left))) + SLACK
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    return np.tensordot(fit.astype(np.float32), terms, axes=1)
