"""Transformer conditioned on a prior: HI-Diff's, or with windows in every second block.

Source: Chen et al., HI-Diff (NeurIPS 2023), figure 2; zhengchen1999/HI-Diff at b3bfd16."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.layers.transformer import doubling, halving
from defocus.extras.reconstructions.baselines.swin_diff.encoder import PRIOR
from defocus.extras.reconstructions.baselines.swin_diff.mixer import TOKENS
from defocus.extras.reconstructions.baselines.swin_diff.transformer.layers import (
    Block,
    GuidedLevel,
    Pyramid,
    ToldBlock,
    Window,
)

MULTIPLE = 8  # three halvings


def _joined(features: Tensor, skip: Tensor) -> Tensor:
    return torch.cat([features, skip], dim=1)


class Transformer(nn.Module):
    """A U of four levels; each begins with an attention to the prior."""

    # ``windowed``: attention within windows, plain and shifted in turns, before each attention
    # between channels; else the latter alone. ``dim``: channels of the finest level. ``blocks``:
    # blocks per level, finest first. ``prior``: channels of a prior's token.

    def __init__(
        self,
        *,
        windowed: bool = False,
        dim: int = 48,
        blocks: Sequence[int] = (3, 5, 6, 6),
        refinement: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
        prior: int = PRIOR,
    ) -> None:
        super().__init__()

        def level(number: int, width: int, count: int) -> GuidedLevel:
            kinds = _kinds(count, windowed=windowed)
            stages = [Block(width * dim, heads[number], kind) for kind in kinds]
            return GuidedLevel(width * dim, heads[number], stages, prior)

        self.down_1 = Pyramid(TOKENS, TOKENS // 4, prior)
        self.down_2 = Pyramid(TOKENS // 4, 1, prior)
        self.patch_embed = _Embedding(dim)
        self.encoder_level1 = level(0, 1, blocks[0])
        self.down1_2 = named(body=halving(dim))
        self.encoder_level2 = level(1, 2, blocks[1])
        self.down2_3 = named(body=halving(2 * dim))
        self.encoder_level3 = level(2, 4, blocks[2])
        self.down3_4 = named(body=halving(4 * dim))
        self.latent = _Latent(
            8 * dim,
            heads[3],
            _kinds(blocks[3], windowed=windowed),
            prior,
        )
        self.up4_3 = named(body=doubling(8 * dim))
        self.reduce_chan_level3 = Pointwise(8 * dim, 4 * dim, bias=False)
        self.decoder_level3 = level(2, 4, blocks[2])
        self.up3_2 = named(body=doubling(4 * dim))
        self.reduce_chan_level2 = Pointwise(4 * dim, 2 * dim, bias=False)
        self.decoder_level2 = level(1, 2, blocks[1])
        self.up2_1 = named(body=doubling(2 * dim))
        self.decoder_level1 = level(0, 2, blocks[0])
        self.refinement = level(0, 2, refinement)
        self.output = nn.Conv2d(2 * dim, 3, 3, padding=1, bias=False)

    def forward(self, blurry: Tensor, prior: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1] by a prior ``(N, 16, prior)``; not clamped."""
        height, width = blurry.shape[-2:]
        padded = pad_to_multiple(blurry, MULTIPLE)
        fewer = self.down_1(prior)
        picture = padded.contiguous(memory_format=torch.channels_last)
        first = self.encoder_level1(self.patch_embed(picture), prior)
        second = self.encoder_level2(self.down1_2(first), fewer)
        third = self.encoder_level3(self.down2_3(second), fewer)
        features = self._deepest(third, fewer)
        features = self.reduce_chan_level3(_joined(features, third))
        features = self.up3_2(self.decoder_level3(features, fewer))
        features = self.reduce_chan_level2(_joined(features, second))
        features = self.up2_1(self.decoder_level2(features, fewer))
        features = self.decoder_level1(_joined(features, first), prior)
        restored: Tensor = self.output(self.refinement(features, prior)) + padded
        return restored[..., :height, :width]

    def _deepest(self, third: Tensor, fewer: Tensor) -> Tensor:
        """The features of the smallest level, at the size of the third."""
        latent = self.latent(self.down3_4(third), self.down_2(fewer))
        deepest: Tensor = self.up4_3(latent)
        return deepest


def _kinds(count: int, *, windowed: bool) -> list[Window | None]:
    """Plain windows, channels, shifted windows, channels, …; or channels alone."""
    turns: list[Window | None] = (
        ["plain", None, "shifted", None] if windowed else [None]
    )
    return [turns[number % len(turns)] for number in range(count)]


class _Embedding(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, 3, padding=1, bias=False)

    def forward(self, picture: Tensor) -> Tensor:
        embedded: Tensor = self.proj(picture)
        return embedded


class _Latent(nn.Module):
    """The coarsest level: every block receives the prior."""

    def __init__(
        self,
        channels: int,
        heads: int,
        kinds: Sequence[Window | None],
        prior: int,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ToldBlock(channels, heads, kind, prior) for kind in kinds
        )

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        for block in self.blocks:
            features = block(features, prior)
        return features
