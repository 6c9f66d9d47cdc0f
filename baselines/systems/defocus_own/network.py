"""A residual U-Net for CPUs: plain 3x3 convolutions from half the picture's size down.

It has no normalisation, so that a tile gives what the whole picture gives."""

from collections.abc import Sequence
from functools import partial
from itertools import chain, pairwise

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual, residual
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.row_strips import (
    Strips,
    added,
    convolved,
    halved,
    in_single_precision,
    lower,
    row_by_row,
    through_blocks,
    twice,
)

FOLD = 2
"""Side of the square of pixels that become channels of one place."""


class DefocusUNet(nn.Module):
    """From a blurry to the restored picture, without information about the blur."""

    # ``widths`` and ``decoder`` are finest first; each level has half the size of the last one, and
    # the decoder has one level fewer.

    fit_for_bfloat16 = True
    """Whether restored pictures are the same to 60 dB if the convolutions run in bfloat16."""

    def __init__(
        self,
        widths: Sequence[int],
        encoder: Sequence[int],
        decoder: Sequence[int],
    ) -> None:
        super().__init__()
        folded = 3 * FOLD**2
        steps = list(pairwise(widths))
        self.multiple: int = FOLD * 2 ** len(steps)
        self.intro = nn.Conv2d(folded, widths[0], 3, padding=1)
        self.encoders = _levels(widths, encoder)
        self.downs = nn.ModuleList(
            nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in steps
        )
        self.ups = nn.ModuleList(
            nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in steps
        )
        self.decoders = _levels(widths[:-1], decoder)
        self.ending = nn.Conv2d(widths[0], folded, 3, padding=1)
        for (
            parameter
        ) in self.ending.parameters():  # an untrained network gives its input exactly
            nn.init.zeros_(parameter)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        # Padded by reflection on the right and below to whole places of the coarsest level, and
        # cropped.
        padded = pad_to_multiple(blurry, self.multiple)
        folded = functional.pixel_unshuffle(padded, FOLD)
        # bf16 has 8 bits of a picture
        with torch.autocast(folded.device.type, enabled=False):
            features = self.intro(folded.contiguous(memory_format=torch.channels_last))
        skips = []
        for blocks, down in zip(self.encoders[:-1], self.downs, strict=True):
            skips.append(blocks(features))
            features = down(skips[-1])
        features = self.encoders[-1](features)
        levels = list(zip(self.ups, self.decoders, skips, strict=True))
        for up, blocks, skip in reversed(levels):
            features = blocks(skip + functional.pixel_shuffle(up(features), 2))
        change = functional.pixel_shuffle(self.ending(features), FOLD)
        return cropped(padded + change, blurry).contiguous()

    def looks_px(self) -> int:
        """Distance, px, beyond which a pixel changes nothing."""
        reach = 2 * FOLD  # the first and the last layer
        for stacks in (self.encoders, self.decoders):
            for level, blocks in enumerate(stacks):
                convolutions = 2 * len(list(blocks.children()))
                reach += convolutions * FOLD * 2**level
        return reach + self.multiple  # a place of the coarsest level has as many px

    def in_strips(self, strips: Strips) -> Strips:
        """As :meth:`forward`, for a picture that is given in strips, to the same values."""
        first = next(strips)
        strips = chain([first], strips)
        padded = row_by_row(partial(pad_to_multiple, multiple=self.multiple), strips)
        given, seen = twice(padded)
        features = self._decoded(*self._encoded(seen), first.height)
        return added(given, _unfolded(convolved(self.ending, features), FOLD))

    def _encoded(self, strips: Strips) -> tuple[Strips, list[Strips]]:
        """The features of the coarsest level, and those of the others, finest first."""
        device = self.intro.weight.device.type
        folded = row_by_row(_folded, strips)
        features = in_single_precision(convolved(self.intro, folded), device)
        skips = []
        for blocks, down in zip(self.encoders[:-1], self.downs, strict=True):
            skip, features = twice(through_blocks(blocks.children(), features))
            skips.append(skip)
            features = halved(down, features)
        return through_blocks(self.encoders[-1].children(), features), skips

    def _decoded(
        self,
        features: Strips,
        skips: Sequence[Strips],
        strip_px: int,
    ) -> Strips:
        """The features of the finest level, in strips of at most some px."""
        levels = list(zip(self.ups, self.decoders, skips, strict=True))
        place_px = self.multiple
        for up, blocks, skip in reversed(levels):
            features = lower(features, max(1, strip_px // place_px))
            features = added(skip, _unfolded(row_by_row(up, features), 2))
            features = through_blocks(blocks.children(), features)
            place_px //= 2
        return features


def _folded(pixels: torch.Tensor) -> torch.Tensor:
    """Squares of pixels as channels, in the layout that is fast on CPUs."""
    folded = functional.pixel_unshuffle(pixels, FOLD)
    return folded.contiguous(memory_format=torch.channels_last)


def _unfolded(strips: Strips, side: int) -> Strips:
    """Channels as squares of places."""
    return row_by_row(partial(functional.pixel_shuffle, upscale_factor=side), strips)


def _block(width: int) -> Residual:
    """Two convolutions added to the identity."""
    first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
    return residual(first=first, relu=nn.ReLU(), second=second)


def _levels(widths: Sequence[int], counts: Sequence[int]) -> nn.ModuleList:
    """A stack of blocks for each level, finest first."""
    return nn.ModuleList(
        nn.Sequential(*(_block(width) for _ in range(count)))
        for width, count in zip(widths, counts, strict=True)
    )
