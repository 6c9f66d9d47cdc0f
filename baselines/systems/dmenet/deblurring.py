"""DMENet's map and a deconvolution with it."""

import torch
from torch import nn

from defocus.baselines.operators.classical.chains.chain import (
    as_pictures,
    as_tensor,
    restore_by_map,
)
from defocus.baselines.operators.classical.chains.presets import STRENGTHS
from defocus.baselines.operators.classical.psf import sigma_of
from defocus.baselines.systems.dmenet.network import DMENet, blur_sigma_px

__all__ = ["DMENetDeblurring"]

SHARP_LOGIT = -4.0
"""Of a map that calls everything sharp."""


class DMENetDeblurring(DMENet):
    """The network with its own names of weights, then Krishnan and Fergus's deconvolution."""

    # ``strength`` is a preset of the deconvolution. ``starts_sharp``: the first map calls
    # everything sharp, as that of narrow copies does; not in the paper.

    def __init__(
        self, strength: str = "", divide_channels_by: int = 1, *, starts_sharp: bool = False
    ) -> None:
        super().__init__(divide_channels_by)
        self._restore = restore_by_map(STRENGTHS[strength])
        if starts_sharp:
            last = self.get_submodule("main_net.defocus_net.decoder.uf.c3")
            nn.init.zeros_(last.get_parameter("weight"))
            nn.init.constant_(last.get_parameter("bias"), SHARP_LOGIT)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture: ``outputs(blurry)["restored"]``."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """DMENet's outputs, and without gradient what follows from its map for ``(N, 3, H, W)``."""
        # ``defocus_map`` has diameters in px of the circles whose blur is that of the released test
        # script's Gaussians.
        pictures = as_pictures(blurry)
        given = super().outputs(blurry)
        diameter = blur_sigma_px(given["map"].detach().float()) / sigma_of(1.0)
        maps = [one[:, :, 0] for one in as_pictures(diameter)]
        restored = [self._restore(*pair) for pair in zip(pictures, maps, strict=True)]
        return given | {"restored": as_tensor(restored, blurry), "defocus_map": diameter}
