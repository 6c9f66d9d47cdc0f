"""Deconvolution with the true map of circles of confusion."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from defocus.baselines.operators.chain import as_pictures, as_tensor
from defocus.baselines.operators.domain import Array, fade_to_blurry
from defocus.baselines.operators.varying import richardson_lucy_varying, varying_blur
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

ITERATIONS = 20
SMOOTHNESS = 0.003
LEVELS = 16


class OracleMap(nn.Module):
    """A disc per pixel, as large as the map says, in linear light; nothing is trained."""

    def forward(self, blurry: Tensor, defocus_map: Tensor) -> Tensor:
        """Restore by the true diameters ``(N, 1, H, W)``, px; in [0, 1], without gradient."""
        maps = [np.abs(one[:, :, 0]) for one in as_pictures(defocus_map)]
        restored = [
            restore(*pair) for pair in zip(as_pictures(blurry), maps, strict=True)
        ]
        return as_tensor(restored, blurry)


def restore(picture: Array, diameter_px: Array) -> NDArray[np.float32]:
    """One picture ``(H, W, 3)``, sRGB in [0, 1], with its map ``(H, W)`` in px."""
    linear = np.asarray(srgb_to_linear(picture), np.float32)
    blur = varying_blur(diameter_px, shape="disc", count=LEVELS)
    channels = [
        richardson_lucy_varying(linear[:, :, c], blur, ITERATIONS, SMOOTHNESS)
        for c in range(3)
    ]
    restored = np.clip(linear_to_srgb(np.stack(channels, axis=2)), 0, 1)
    return fade_to_blurry(restored, picture, diameter_px)
