"""U-shaped encoder and decoder of the rebuilt networks, with a residual to the picture."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.layers.pointwise import doubled


class UShape(nn.Module):
    """From a blurry to the restored picture."""

    # ``width``: channels of the finest level; each halving doubles them. ``encoder``: blocks per
    # level, finest first, of both. ``middle``: blocks of the coarsest level. ``block`` makes one of
    # a number of channels, ``down`` the layer that halves the size and doubles that number.

    def __init__(
        self,
        width: int,
        encoder: Sequence[int],
        middle: int,
        *,
        block: Callable[[int], nn.Module],
        down: Callable[[int], nn.Module],
    ) -> None:
        def blocks(count: int, channels: int) -> nn.Sequential:
            return nn.Sequential(*(block(channels) for _ in range(count)))

        super().__init__()
        widths = [width * 2**level for level in range(len(encoder))]
        wider = [2 * channels for channels in widths]
        self.multiple = 2 ** len(encoder)
        self.intro = nn.Conv2d(3, width, 3, padding=1)
        self.encoders = nn.ModuleList(map(blocks, encoder, widths))
        self.downs = nn.ModuleList(map(down, widths))
        self.middle = blocks(middle, wider[-1])
        self.ups = nn.ModuleList(map(doubled, wider))
        self.joins = nn.ModuleList(map(self.join, widths))
        self.decoders = nn.ModuleList(map(blocks, encoder, widths))
        self.ending = nn.Conv2d(width, 3, 3, padding=1)

    def join(self, channels: int) -> nn.Module:  # noqa: ARG002 - for those that learn it
        """Make the layer that joins features from below with skip features; here they are added."""
        return _Sum()

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped; padded by reflection."""
        height, width = blurry.shape[-2:]
        padded = pad_to_multiple(blurry, self.multiple)
        features = self.intro(padded)
        skips = []
        for blocks, down in zip(self.encoders, self.downs, strict=True):
            skips.append(blocks(features))
            features = down(skips[-1])
        features = self.middle(features)
        levels = list(zip(self.ups, self.joins, self.decoders, skips, strict=True))
        for up, join, blocks, skip in reversed(levels):
            features = blocks(join(torch.cat([up(features), skip], dim=1)))
        restored: Tensor = (self.ending(features) + padded)[..., :height, :width]
        return restored


class _Sum(nn.Module):
    def forward(self, both: Tensor) -> Tensor:
        risen, skip = both.chunk(2, dim=1)
        return risen + skip
