"""Deconvolution with one disc per picture; its size is estimated from the spectrum."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft
from torch import nn

from defocus.baselines.operators.chain import as_pictures, as_tensor
from defocus.baselines.operators.domain import (
    Array,
    Domain,
    Mirrored,
    fade_to_blurry,
)
from defocus.blur.disc_diameter import disc_diameter_px
from defocus.images import linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf

__all__ = ["Deconvolution", "OneDisc"]


Deconvolution: TypeAlias = Callable[[Array, Array, Domain], Array]
"""From a channel ``(H, W)`` of linear light and a kernel to the restored channel."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Rec. 709 weights, for linear light."""


class OneDisc(nn.Module):
    """Blur size from the picture itself, then one deconvolution; nothing is trained."""

    def __init__(self, deconvolution: Deconvolution) -> None:
        super().__init__()
        self._deconvolution = deconvolution

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture in [0, 1], without gradient; as it is if no blur is found."""
        return as_tensor([self._restore(picture) for picture in as_pictures(blurry)], blurry)

    def _restore(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        linear = np.asarray(srgb_to_linear(picture))
        diameter = disc_diameter_px(linear @ LUMINANCE)
        if diameter == 0:
            return picture
        height, width = picture.shape[:2]
        shape = fft.next_fast_len(height, real=True), fft.next_fast_len(width, real=True)
        padding = ((0, shape[0] - height), (0, shape[1] - width), (0, 0))
        padded = np.pad(linear, padding, mode="symmetric")
        channels = [
            self._deconvolution(
                np.ascontiguousarray(padded[:, :, c]), disc_psf(diameter), Mirrored(shape)
            )
            for c in range(3)
        ]
        restored = np.clip(linear_to_srgb(np.stack(channels, axis=2)), 0, 1)[:height, :width]
        return fade_to_blurry(restored, picture, np.full((height, width), diameter))
