"""Defocus map and deconvolution as one module that runs like a network."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.operators.classical.chains.presets import DEFAULT, Preset
from defocus.baselines.operators.classical.chains.published import published_stage
from defocus.baselines.operators.classical.deconvolution.domain import Array
from defocus.baselines.operators.classical.deconvolution.krishnan_fergus import (
    krishnan_fergus_levels,
)
from defocus.baselines.operators.classical.psf import sigma_of
from defocus.baselines.operators.classical.saturation import fade_to_blurry
from defocus.baselines.operators.classical.varying.levels import deconvolve
from defocus.errors import ImageError

__all__ = ["MapDeconvolution", "Restorer", "as_pictures", "as_tensor", "restore_by_map"]

LEVELS = 8

Restorer: TypeAlias = Callable[[Array, Array], NDArray[np.float32]]
"""From a picture ``(H, W, 3)`` and diameters ``(H, W)`` in px to the restored picture."""


class MapDeconvolution(nn.Module):
    """Estimate the circle of confusion at each pixel, then deconvolve; nothing is trained."""

    # ``estimate`` gives diameters ``(H, W)`` in px of a picture ``(H, W, 3)``, sRGB in [0, 1].

    def __init__(self, estimate: Callable[[Array], Array], restore: Restorer) -> None:
        super().__init__()
        self._estimate, self._restore = estimate, restore

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture: ``outputs(blurry)["restored"]``."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """``restored`` and ``defocus_map``, ``(N, 1, H, W)`` diameters in px, without gradient."""
        pictures = as_pictures(blurry)
        maps = [self._estimate(picture) for picture in pictures]
        restored = [self._restore(*pair) for pair in zip(pictures, maps, strict=True)]
        return {
            "restored": as_tensor(restored, blurry),
            "defocus_map": as_tensor([one[:, :, None] for one in maps], blurry),
        }


def restore_by_map(preset: Preset = DEFAULT) -> Restorer:
    """Krishnan and Fergus's deconvolution of a Gaussian blur, with a published strength."""
    # The default blends 8 levels of a mirrored picture; the others are the published stage.
    if preset == DEFAULT:
        return partial(_blended, preset)
    return partial(_published, preset)


def _blended(preset: Preset, picture: Array, diameter_px: Array) -> NDArray[np.float32]:
    method = partial(krishnan_fergus_levels, prior=preset.prior)
    restored = deconvolve(picture, diameter_px, method, shape="gaussian", count=LEVELS)
    return fade_to_blurry(np.clip(restored, 0, 1), picture, diameter_px)


def _published(preset: Preset, picture: Array, diameter_px: Array) -> NDArray[np.float32]:
    sigma = np.asarray(diameter_px, np.float64) * sigma_of(1.0)
    return published_stage(picture, sigma, preset.prior)


def as_pictures(blurry: torch.Tensor) -> list[NDArray[np.float32]]:
    """Pictures ``(H, W, C)`` of a batch ``(N, C, H, W)``, which must be finite."""
    pictures = blurry.detach().float().cpu().numpy().transpose(0, 2, 3, 1)
    for index, picture in enumerate(pictures):
        if not np.isfinite(picture).all():
            y, x, _ = np.argwhere(~np.isfinite(picture))[0]
            raise ImageError(
                f"picture {index} of the batch is not finite at x {x}, y {y}; repair its file"
            )
    return [np.ascontiguousarray(picture) for picture in pictures]


def as_tensor(pictures: list[NDArray[np.float32]], like: torch.Tensor) -> torch.Tensor:
    """A float32 batch ``(N, C, H, W)`` of pictures ``(H, W, C)``, on the device of another."""
    stacked = np.stack(pictures).astype(np.float32).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(stacked)).to(like.device)
