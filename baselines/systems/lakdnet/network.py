"""LaKDNet for defocus, single picture and dual pixel, with the official state-dict names.

Source: Ruan et al., LaKDNet (2023); lingyanruan/LaKDNet at 0c6b262, models/LaKDNet.py."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import ChannelNorm, Pointwise
from defocus.baselines.layers.transformer import FourLevels, GatedFeedForward

MULTIPLE = 8  # three halvings
EXPANSION = 2.3


class _Mixer(nn.Module):
    """Twice a depth-wise, then a point-wise convolution; the mixer's input is added each time."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()

        def depth() -> nn.Conv2d:
            return nn.Conv2d(
                channels,
                channels,
                kernel,
                padding=kernel // 2,
                groups=channels,
                bias=False,
            )

        self.dense_depth_1 = depth()
        self.dense_point_1 = Pointwise(channels, channels)
        self.dense_depth_2 = depth()
        self.dense_point_2 = Pointwise(channels, channels)

    def forward(self, normed: Tensor) -> Tensor:
        mixed = normed
        for convolution in (
            self.dense_depth_1,
            self.dense_point_1,
            self.dense_depth_2,
            self.dense_point_2,
        ):
            mixed = normed + functional.gelu(convolution(mixed))
        return mixed


class _Block(nn.Module):
    def __init__(self, channels: int, kernel: int, *, corrected: bool) -> None:
        super().__init__()
        self.corrected = corrected
        self.norm1 = ChannelNorm(channels)
        self.mixer = _Mixer(channels, kernel)
        self.norm2 = ChannelNorm(channels)
        self.ffn = GatedFeedForward(channels, EXPANSION)

    def forward(self, features: Tensor) -> Tensor:
        mixed = features + self.mixer(self.norm1(features))
        # The released code adds the block's input here, so that the mixer acts through the
        # feed-forward part only; the paper's figure adds the mixed features.
        kept = mixed if self.corrected else features
        fed: Tensor = kept + self.ffn(self.norm2(mixed))
        return fed


class LaKDNet(FourLevels):
    """From a blurry picture, or it and two dual-pixel views, to the restored picture."""

    # ``dim`` is 32 for S, 48 for L. ``corrected``: the chain of the paper's figure, and no
    # clipping; not for official weights. The decoder's levels have as many blocks as the encoder's.

    def __init__(
        self,
        *,
        dim: int = 32,
        dual: bool = False,
        corrected: bool = False,
        blocks: Sequence[int] = (8, 12, 12, 16),
        kernel: int = 9,
    ) -> None:
        super().__init__()

        def block(channels: int, level: int) -> _Block:  # noqa: ARG001 - all levels are alike
            return _Block(channels, kernel, corrected=corrected)

        self.dual = dual
        self.corrected = corrected
        self.embed = nn.Conv2d(9 if dual else 3, dim, 3, padding=1, bias=False)
        self.add_levels(dim, blocks, block)
        self.output = nn.Conv2d(2 * dim, 3, 3, padding=1, bias=False)
        # the kept mixers add up over 88 blocks: start from the picture itself
        if corrected:
            nn.init.zeros_(self.output.weight)

    def forward(
        self,
        blurry: Tensor,
        dual_pixel: Tensor | None = None,
    ) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1]; a dual network gets left and right view too."""
        # Clipped to [0, 1] as the official network does, in training too: values outside have no
        # gradient. The corrected form is not clipped.
        restored = self.unclipped(blurry, dual_pixel)
        return restored if self.corrected else restored.clamp(0, 1)

    def unclipped(
        self,
        blurry: Tensor,
        dual_pixel: Tensor | None = None,
    ) -> Tensor:
        """The restored picture before it is clipped."""
        if self.dual != (dual_pixel is not None):
            raise TypeError("a dual LaKDNet needs dual_pixel, and no other takes it")
        views = blurry if dual_pixel is None else torch.cat([dual_pixel, blurry], dim=1)
        padded = pad_to_multiple(views, MULTIPLE)
        features = self.embed(padded.contiguous(memory_format=torch.channels_last))
        change = self.output(self.decoded(features))
        return cropped(change + padded[:, -3:], blurry)
