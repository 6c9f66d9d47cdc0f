"""The classical restorer as a module, so that it is run like a network; nothing is trained."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.wiener.blur_size import estimate_blur_diameter_px
from defocus.baselines.wiener.deconvolution import wiener
from defocus.images import linear_to_srgb, srgb_to_linear
from defocus.optics.psf import disc_psf

__all__ = ["NOISE_TO_SIGNAL", "WienerRestorer"]

NOISE_TO_SIGNAL = 0.03
"""Gains 0.8 to 3.3 dB on single discs of 3 to 15 px, 8 bit, up to 2/255 of noise. 0.003 gains more
without noise, but loses up to 6 dB with it, and more where the scene has several depths."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Rec. 709 weights, for linear light."""


class WienerRestorer(nn.Module):
    """Blur size from the picture itself, then one Wiener filter over the whole picture."""

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture.

        Args:
            blurry: ``(N, 3, H, W)`` float32 RGB in [0, 1], H, W >= 16.

        Returns:
            Same shape, in [0, 1], without gradient; each picture has a blur size of its own.
        """
        pictures = blurry.detach().cpu().numpy().transpose(0, 2, 3, 1)
        restored = np.stack([_restore(picture) for picture in pictures]).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(restored)).to(blurry.device)


def _restore(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    linear = srgb_to_linear(np.ascontiguousarray(picture, dtype=np.float32))
    diameter_px = estimate_blur_diameter_px(linear @ LUMINANCE)
    if diameter_px == 0.0:
        return picture
    deblurred = wiener(linear, disc_psf(diameter_px), NOISE_TO_SIGNAL)
    return np.asarray(np.clip(linear_to_srgb(deblurred), 0.0, 1.0), dtype=np.float32)
