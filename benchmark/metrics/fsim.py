"""Feature similarity of colour pictures (FSIMc): phase congruency, gradients and chroma."""

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metric.metric import Mask, Metric, MetricUnavailableError, Picture
from defocus.benchmark.scoring.profiles import Profile

__all__ = ["METRIC", "feature_similarity"]

_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_PHASE, _GRADIENT, _CHROMA = 0.85, 160.0, 200.0
"""What keeps each similarity from dividing by nothing; of values in [0, 255]."""

_CHROMA_EXPONENT = 0.03
_SIDE_PX = 256
"""Pictures are averaged down to about this shorter side."""


def feature_similarity(
    restored: Picture, reference: Picture, mask: Mask, *, chroma: bool = True
) -> float:
    """FSIMc, or FSIM of the brightness only, in [0, 1]; higher is better."""
    # Where the mask is false the restored picture shows the reference, and averaged pixels are
    # weighted by their share inside. Source: Zhang et al. 2011, constants as in the authors' code.
    from defocus.benchmark.metric.phase_congruency import (  # imports SciPy
        kept_phase_congruency,
        phase_congruency,
    )

    shown = np.where(mask[:, :, None], restored, reference)
    factor = max(1, round(min(mask.shape) / _SIDE_PX))
    pictures = [_averaged(255.0 * picture, factor) @ _YIQ.T for picture in (shown, reference)]
    first, second = pictures
    phases = phase_congruency(first[:, :, 0]), kept_phase_congruency(second[:, :, 0])
    slopes = [_gradient(picture[:, :, 0]) for picture in pictures]
    near = _similarity(phases[0], phases[1], _PHASE)
    near = near * _similarity(slopes[0], slopes[1], _GRADIENT)
    if chroma:
        colours = _similarity(first[..., 1:], second[..., 1:], _CHROMA).prod(axis=2)
        near = near * np.abs(colours) ** _CHROMA_EXPONENT
    covered = _averaged(mask[:, :, None].astype(np.float64), factor)[:, :, 0]
    weights = np.maximum(phases[0], phases[1]) * covered
    total = float(weights.sum())
    if total == 0:
        raise MetricUnavailableError("neither picture has structure that FSIM could compare")
    return float((near * weights).sum()) / total


def _similarity(
    first: NDArray[np.float64], second: NDArray[np.float64], constant: float
) -> NDArray[np.float64]:
    return (2 * first * second + constant) / (first**2 + second**2 + constant)


def _averaged(picture: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Means of square blocks of pixels; incomplete blocks at bottom and right are dropped."""
    height, width = (side // factor for side in picture.shape[:2])
    kept = picture[: height * factor, : width * factor]
    total = np.zeros((height, width, picture.shape[2]))
    for row, column in np.ndindex(factor, factor):
        total += kept[row::factor, column::factor]
    return total / factor**2


def _gradient(brightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of Scharr's gradient, with zeros around the picture."""
    padded = np.pad(brightness, 1)
    across = padded[:, 2:] - padded[:, :-2]
    down = padded[2:] - padded[:-2]
    x = (3 * across[:-2] + 10 * across[1:-1] + 3 * across[2:]) / 16
    y = (3 * down[:, :-2] + 10 * down[:, 1:-1] + 3 * down[:, 2:]) / 16
    return np.hypot(x, y)


def _fsim(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    return feature_similarity(restored, reference, mask)


METRIC = Metric(
    name="fsim",
    display_name="FSIMc",
    better="higher",
    unit="",
    decimals=3,
    compute=_fsim,
    span=(0.0, 1.0),
    profiles=("defocus-v1",),
)
