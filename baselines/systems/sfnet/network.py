"""SFNet with the official state-dict names (c-yn/SFNet at b2d3c691, Motion_deblurring).

Source: Cui et al., Selective Frequency Network for Image Restoration (ICLR 2023)."""

from torch import nn

from defocus.baselines.layers.frequency_selection import Pooling, selective_blocks
from defocus.baselines.layers.named import named
from defocus.baselines.layers.three_scales import ThreeScales


class SFNet(ThreeScales):
    """From a blurry to the restored picture; the last block of each size has filters."""

    # ``width`` is 8 or a multiple of 16. ``window_px`` is the pooling window in a map of 256 px, as
    # the official tests have it; None, and training, take means over the whole map.

    multiple = 8
    smallest_px = 16

    def __init__(
        self,
        *,
        width: int = 32,
        blocks: int = 16,
        window_px: int | None = None,
    ) -> None:
        pooling = Pooling(window_px)

        def stage(channels: int, _: bool) -> nn.Module:
            return named(layers=selective_blocks(channels, pooling, blocks))

        super().__init__(width, stage)
