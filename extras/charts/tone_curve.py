"""A tone curve that was measured: light of stored values between the levels that were seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from defocus.pictures.values import linear_to_srgb, srgb_to_linear

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ToneCurve:
    """Light of stored values, by colour; its scale is arbitrary."""

    stored: Floats  # ``(3, K)`` stored values, 0 to 1, rising
    light: Floats  # ``(3, K)`` light of each, rising, above 0; its scale says nothing

    def __call__(self, stored: Floats) -> Floats:
        """Linear light of ``(..., 3)`` stored values, cubic and monotone between levels."""
        colours = zip(np.moveaxis(stored, -1, 0), self.stored, self.light, strict=True)
        return np.stack([_light(*colour) for colour in colours], axis=-1)


def _light(values: Floats, stored: Floats, light: Floats) -> Floats:
    scaled = light / light[-1]
    curve = PchipInterpolator(stored, linear_to_srgb(scaled))
    slopes = curve.derivative()(stored[[0, -1]])

    def encoded(at: Floats) -> Floats:
        inside = np.clip(at, stored[0], stored[-1])
        beyond = at - inside
        return np.asarray(
            curve(inside) + np.where(beyond < 0, slopes[0], slopes[1]) * beyond
        )

    ramp = _decoded(encoded(values))
    white = _decoded(encoded(np.ones(())))
    return np.asarray(ramp / white)


def _decoded(encoded: Floats) -> Floats:
    """Light of sRGB values, which goes on below 0 in a straight line."""
    return np.asarray(srgb_to_linear(encoded), np.float64)
