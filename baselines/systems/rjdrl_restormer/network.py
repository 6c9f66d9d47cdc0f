"""Restormer with the estimated blur as a second input, from reblurring-guided JDRL.

Source: IJCV 2025, arXiv 2409.17792; ssscrystal/Reblurring-guided-JDRL at ef90c714."""

from typing import Any

import torch
from torch import Tensor, nn

from defocus.baselines.layers.attention import LinearChannelAttention
from defocus.baselines.systems.restormer.network import Restormer
from defocus.baselines.systems.rjdrl_unet.network import (
    ATTENTION_REDUCTION,
    CORE,
    FEATURES,
    Guided,
    convert,
)

__all__ = ["GuidedRestormer", "convert", "rjdrl_restormer"]


class GuidedRestormer(Restormer):
    """Channel attention and a 1 × 1 convolution bring picture and estimate to three channels."""

    # The residual is to the picture, not to these.

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - what Restormer takes
        super().__init__(**settings)
        names = list(self._modules)
        later = names[names.index("up2_1") + 1 :]
        self.adjust_channels = nn.Conv2d(3 + CORE, 3, 1)
        self.channel_attention_t = LinearChannelAttention(3 + CORE, ATTENTION_REDUCTION)
        for name in later:  # the released state dict has the two in between
            module = self._modules.pop(name)
            self.add_module(name, module)

    def forward(
        self,
        blurry: Tensor,
        core: Tensor | None = None,
    ) -> Tensor:
        """Restore ``(N, 3, H, W)`` by ``(N, 35, H, W)``, None if nothing is known of the blur."""
        # H and W are multiples of 16; not clamped.
        core = (
            blurry.new_zeros((len(blurry), CORE, *blurry.shape[2:]))
            if core is None
            else core
        )
        adapted = self.adjust_channels(
            self.channel_attention_t(torch.cat([blurry, core], dim=1))
        )
        return blurry + self.change(adapted)


def rjdrl_restormer(features: int = FEATURES, **settings: Any) -> Guided:  # noqa: ANN401 - as above
    """The guided Restormer with fresh weights; ``features`` are the blur estimator's channels."""
    return Guided(GuidedRestormer(**settings), features)
