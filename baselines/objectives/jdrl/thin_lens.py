"""Reblurring by a known defocus map: a disc per pixel, as a thin lens draws, in linear light.

Nothing is learned: where JDRL's network chooses kernels and weights freely, the circle of confusion
fixes them here.
"""

import math
from functools import cache

import torch
from torch.nn import functional

from defocus.scene.aperture import disc_psf

__all__ = ["LARGEST_PX", "reblurred_by_map"]

LARGEST_PX = 32
"""Largest diameter of a disc; larger ones are drawn with this one."""
LINEAR_TO, TOE, SCALE, EXPONENT = 0.04045, 12.92, 1.055, 2.4
"""Of the sRGB curve (IEC 61966-2-1)."""


def reblurred_by_map(restored: torch.Tensor, diameters: torch.Tensor) -> torch.Tensor:
    """The picture with each pixel blurred by a disc of its own diameter, px, differentiable."""
    # A diameter between two whole ones mixes their pictures; borders are repeated outside the
    # frame.
    diameters = diameters.clamp(1, LARGEST_PX)  # a disc of 1 px is a point
    with torch.autocast(restored.device.type, enabled=False):  # bf16 has 8 bits of linear light
        linear = _linear(restored.float())
        blurred = torch.zeros_like(linear)
        for whole in range(1, math.ceil(float(diameters.max())) + 1):
            share = (1 - (diameters - whole).abs()).clamp(min=0)
            if share.any():
                blurred = blurred + share * _disc_blurred(linear, whole)
        return _encoded(blurred)


def _disc_blurred(linear: torch.Tensor, diameter: int) -> torch.Tensor:
    kernel = _kernel(diameter).to(linear)
    half = kernel.shape[-1] // 2
    padded = functional.pad(linear, (half,) * 4, mode="replicate")
    count, colours = linear.shape[:2]
    planes = functional.conv2d(padded.flatten(0, 1)[:, None], kernel)
    return planes.view(count, colours, *linear.shape[-2:])


@cache
def _kernel(diameter: int) -> torch.Tensor:
    return torch.from_numpy(disc_psf(diameter)).float()[None, None]


def _linear(encoded: torch.Tensor) -> torch.Tensor:
    encoded = encoded.clamp(0, 1)
    bent = ((encoded.clamp(min=LINEAR_TO) + SCALE - 1) / SCALE) ** EXPONENT
    return torch.where(encoded <= LINEAR_TO, encoded / TOE, bent)


def _encoded(linear: torch.Tensor) -> torch.Tensor:
    knee = LINEAR_TO / TOE
    bent = SCALE * linear.clamp(min=knee) ** (1 / EXPONENT) - (SCALE - 1)
    return torch.where(linear <= knee, linear * TOE, bent)
