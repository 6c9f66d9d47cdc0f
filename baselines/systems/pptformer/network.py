"""PPTformer: three levels of guided blocks, and the input picture added at the end.

Source: PPTformer (Pseudo multi-perspective transformer); the released ``FeMaSRNet`` of
``basicsr/archs/femasr_arch.py`` with the options of its configuration file.
"""

from collections.abc import Sequence

import torch
from torch import nn

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.systems.pptformer.blocks import GuideFeatures, InterBlock
from defocus.baselines.systems.pptformer.regions import regions

__all__ = ["PPTformer"]

MULTIPLE = 4  # two halvings
EXPANSION = 3


class PPTformer(nn.Module):
    """Restores a picture with the help of a parsed (segmented) version of it."""

    # ``channels`` is 32 in the released network, doubled at each further level. ``gamma`` is what
    # the results of blocks are multiplied by at first; narrow copies learn faster with 1.

    def __init__(
        self,
        channels: int = 32,
        blocks: Sequence[int] = (2, 2, 5),
        units: Sequence[int] = (2, 3, 4),
        heads: Sequence[int] = (1, 2, 4),
        gamma: float = 0.0,
    ) -> None:
        super().__init__()
        self.Mask_Feature_Representation = GuideFeatures(channels)
        self.restoration_network = _Restoration(channels, blocks, units, heads, gamma)

    def forward(self, blurry: torch.Tensor, *, parser: torch.Tensor | None = None) -> torch.Tensor:
        """Restore by the parsed picture, or by :func:`regions` in its place; not clamped."""
        # RGB in [0, 1], H, W >= 16; reflected on the right and below to multiples of 4, cropped
        # back.
        if parser is None:
            parser = regions(blurry)
        height, width = blurry.shape[-2:]
        guides = self.Mask_Feature_Representation(_padded(parser))
        restored = self.restoration_network(_padded(blurry), guides)
        cropped: torch.Tensor = restored[..., :height, :width]
        return cropped


def _padded(picture: torch.Tensor) -> torch.Tensor:
    """To whole multiples, pixel by pixel in memory: the order that the layers are fast in."""
    padded = pad_to_multiple(picture, MULTIPLE)
    return padded.contiguous(memory_format=torch.channels_last)


class _Restoration(nn.Module):
    def __init__(
        self,
        channels: int,
        blocks: Sequence[int],
        units: Sequence[int],
        heads: Sequence[int],
        gamma: float,
    ) -> None:
        super().__init__()

        def block(level: int) -> InterBlock:
            return InterBlock(
                channels * 2**level,
                heads[level],
                EXPANSION,
                blocks=blocks[level],
                units=units[level],
                gamma=gamma,
            )

        self.enter = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1))
        self.en_block1 = block(0)
        self.c_128to64 = _halve(channels)
        self.en_block2 = block(1)
        self.c_64to32 = _halve(2 * channels)
        self.bottom_block3 = block(2)
        self.c_32to64 = _double(4 * channels)
        self.skip1 = nn.Conv2d(4 * channels, 2 * channels, 1, bias=False)
        self.de_block2 = block(1)
        self.c_64to128 = _double(2 * channels)
        self.skip2 = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.de_block3 = block(0)
        self.exit = nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, picture: torch.Tensor, guides: Sequence[torch.Tensor]) -> torch.Tensor:
        full, half, quarter = guides
        one = self.en_block1(self.enter(picture), full)
        two = self.en_block2(self.c_128to64(one), half)
        deepest = self.bottom_block3(self.c_64to32(two), quarter)
        features = self.skip1(torch.cat([self.c_32to64(deepest), two], dim=1))
        features = self.de_block2(features, half)
        features = self.skip2(torch.cat([self.c_64to128(features), one], dim=1))
        residual: torch.Tensor = self.exit(self.de_block3(features, full))
        return picture + residual


def _halve(channels: int) -> nn.Sequential:
    """Half the size, twice the channels."""
    convolution = nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.PixelUnshuffle(2))


def _double(channels: int) -> nn.Sequential:
    """Twice the size, half the channels."""
    convolution = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.PixelShuffle(2))
