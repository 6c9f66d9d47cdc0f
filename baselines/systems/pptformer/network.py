"""PPTformer: three levels of guided blocks, and the input picture added at the end.

Source: its ``FeMaSRNet`` of ``basicsr/archs/femasr_arch.py``; "guide" is what the paper calls mask.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from defocus.baselines.layers.named import residual
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import ChannelNorm, Pointwise
from defocus.baselines.layers.transformer import (
    cosines,
    doubling,
    gated,
    halving,
    row_norms,
)
from defocus.errors import ImageError


class DualDirectionFusion(nn.Module):
    """Features and guide change each other, then become one; no activation anywhere."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.concat = Pointwise(2 * channels, 2 * channels)
        self.fusion_two_branches = Pointwise(2 * channels, channels)
        self.mask_transfer1 = Pointwise(channels, channels)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        guide = self.mask_transfer1(guide)
        both = torch.cat([features, guide], dim=1)
        scaled = torch.addcmul(both, self.concat(both), both)
        fused: Tensor = self.fusion_two_branches(scaled)
        return features + fused


class GuidedAttention(nn.Module):
    """Attention between channels, of the features fused with the guide."""

    # In the outer blocks values are normalised over pixels like queries and keys, and the fusion is
    # registered last; in the inner ones neither.

    def __init__(self, channels: int, heads: int, *, outer: bool) -> None:
        super().__init__()
        self.heads = heads
        self.outer = outer
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        fusion = DualDirectionFusion(channels)
        if not outer:
            self.dual_direction_fusion = fusion
        self.qkv = Pointwise(channels, 3 * channels)
        self.qkv_dwconv = nn.Conv2d(
            3 * channels,
            3 * channels,
            3,
            padding=1,
            groups=3 * channels,
        )
        self.project_out = Pointwise(channels, channels)
        if outer:
            self.dual_direction_fusion = fusion

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        fused = self.dual_direction_fusion(features, guide)
        query, key, value = self.qkv_dwconv(self.qkv(fused)).chunk(3, dim=1)
        mixed = _attention(
            query,
            key,
            value,
            self.temperature,
            self.heads,
            normalise_values=self.outer,
        )
        attended: Tensor = self.project_out(mixed)
        return attended


class CrossAttention(nn.Module):
    """Attention between channels; keys and values are mixed from features and guide."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.q = Pointwise(channels, 3 * channels)
        # One group per three channels, not depthwise.
        self.q_dwconv = nn.Conv2d(
            3 * channels,
            3 * channels,
            3,
            padding=1,
            groups=channels,
        )
        self.project_out = Pointwise(channels, channels)
        self.kv = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.kv_dwconv = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        )
        self.new_k = Pointwise(2 * channels, channels)
        self.new_v = Pointwise(2 * channels, channels)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        query, key, value = self.q_dwconv(self.q(features)).chunk(3, dim=1)
        guide_key, guide_value = self.kv_dwconv(self.kv(guide)).chunk(2, dim=1)
        key = self.new_k(torch.cat([key, guide_key], dim=1))
        value = self.new_v(torch.cat([value, guide_value], dim=1))
        mixed = _attention(
            query,
            key,
            value,
            self.temperature,
            self.heads,
            normalise_values=True,
        )
        attended: Tensor = self.project_out(mixed)
        return attended


class GuidedFeedForward(nn.Module):
    """A gated feed-forward network; the guide enters the half that is not gated."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * channels
        self.project_mask = Pointwise(channels, hidden)
        self.dual_direction_fusion = DualDirectionFusion(hidden)
        self.project_in = Pointwise(channels, 2 * hidden)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden)
        self.project_out = Pointwise(hidden, channels)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        gate, value = self.dwconv(self.project_in(features)).chunk(2, dim=1)
        value = self.dual_direction_fusion(value, self.project_mask(guide))
        given: Tensor = self.project_out(gated(gate, value))
        return given


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    temperature: Tensor,
    heads: int,
    *,
    normalise_values: bool,
) -> Tensor:
    """Restormer's attention between the channels of one head, all ``(N, C, H, W)``."""
    height, width = query.shape[-2:]
    query = torch.unflatten(query.flatten(2), 1, (heads, -1))
    key = torch.unflatten(key.flatten(2), 1, (heads, -1))
    value = torch.unflatten(value.flatten(2), 1, (heads, -1))
    scores = (cosines(query, key) * temperature).softmax(dim=-1)
    if normalise_values:  # the few scores are scaled in their place
        scores = scores / row_norms(value).mT
    return torch.unflatten((scores @ value).flatten(1, 2), 2, (height, width))


SLOPE = 0.2


class InterBlock(nn.Module):
    """Fuses features with the guide, then lets the fusion guide inner blocks."""

    # ``gamma`` is what the results of outer and inner blocks are multiplied by at first.

    def __init__(
        self,
        channels: int,
        heads: int,
        expansion: int,
        *,
        blocks: int,
        units: int,
        gamma: float,
    ) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((1, channels, 1, 1), gamma))
        self.Block = nn.ModuleList(
            _IntraBlock(channels, heads, expansion, units, gamma) for _ in range(blocks)
        )
        self.Cross_Attention = CrossAttention(channels, heads)
        self.Self_Attention = GuidedAttention(channels, heads, outer=True)
        self.Mask_Aware_FFN = GuidedFeedForward(channels, expansion)
        self.concat = Pointwise(2 * channels, channels)
        self.conv1 = _mergers(channels, blocks)
        self.norm_cross_attention = ChannelNorm(channels)
        # In the released state dict, but in no forward pass: both attentions use the one above.
        self.norm_self_attention = ChannelNorm(channels).requires_grad_(False)
        self.norm_ffn = ChannelNorm(channels)
        self.norm_mask = ChannelNorm(channels)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        guide = self.norm_mask(guide)
        normed = self.norm_cross_attention(features)
        attended = [
            self.Cross_Attention(normed, guide),
            self.Self_Attention(normed, guide),
        ]
        fused = self.concat(torch.cat(attended, dim=1)) + features
        fused = fused + self.Mask_Aware_FFN(self.norm_ffn(fused), guide)
        restored = _densely(self.Block, self.conv1, features, fused)
        return self.gamma * restored + features


class _IntraBlock(nn.Module):
    """Transformer blocks with one guide."""

    def __init__(
        self,
        channels: int,
        heads: int,
        expansion: int,
        units: int,
        gamma: float,
    ) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((1, channels, 1, 1), gamma))
        self.unit1 = nn.ModuleList(
            _TransformerBlock(channels, heads, expansion) for _ in range(units)
        )
        self.conv1 = _mergers(channels, units)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        restored = _densely(self.unit1, self.conv1, features, guide)
        return self.gamma * restored + features


class _TransformerBlock(nn.Module):
    def __init__(self, channels: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.attn = GuidedAttention(channels, heads, outer=False)
        self.norm2 = ChannelNorm(channels)
        self.ffn = GuidedFeedForward(channels, expansion)
        self.norm_feature = ChannelNorm(channels)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        guide = self.norm_feature(guide)
        features = features + self.attn(self.norm1(features), guide)
        changed: Tensor = self.ffn(self.norm2(features), guide)
        return features + changed


class GuideFeatures(nn.Module):
    """Features of the parsed picture at full, half and quarter resolution, doubled each time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.in_conv = _stage(3, channels, stride=1)
        self.blocks = nn.ModuleList(
            _stage(channels * factor, 2 * channels * factor, stride=2)
            for factor in (1, 2)
        )

    def forward(self, parser: Tensor) -> list[Tensor]:
        """Finest first, from ``(N, 3, H, W)``."""
        levels = [self.in_conv(parser)]
        for block in self.blocks:
            levels.append(block(levels[-1]))
        return levels


def _residual(channels: int) -> nn.Module:
    first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
    return residual(res=nn.Sequential(first, nn.LeakyReLU(SLOPE), second))


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
    return nn.Sequential(convolution, _residual(outputs), _residual(outputs))


def _mergers(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(
        Pointwise((number + 2) * channels, channels) for number in range(count)
    )


def _densely(
    units: Iterable[nn.Module],
    mergers: Iterable[nn.Module],
    features: Tensor,
    guide: Tensor,
) -> Tensor:
    """Apply units in turn; after each, the input and all results so far are merged."""
    given = [features]
    for unit, merger in zip(units, mergers, strict=True):
        given.append(unit(features, guide))
        features = merger(torch.cat(given, dim=1))
    return features


SCALE = 100
"""Scale of the difference that neighbouring regions may have. Larger values give larger regions."""
SMOOTHING_PX = 0.8
SMALLEST_PX = 50
"""Smallest number of pixels of a region, which is an area, not a side."""


def regions(blurry: Tensor) -> Tensor:
    """Each picture with every region painted in its mean colour, without gradient."""
    # They stand in for the parser, which the authors do not name. Source: Felzenszwalb,
    # Huttenlocher, Efficient Graph-Based Image Segmentation (2004).
    # Tensors without memory, by which costs are counted, have no values to look at: what they give
    # has none either.
    if blurry.is_meta:
        return torch.empty_like(blurry)
    if not bool(torch.isfinite(blurry).all()):
        raise ImageError(
            "the picture has values that are not finite; its regions are undefined"
        )
    pictures = blurry.detach().float().movedim(1, -1).cpu().numpy()
    painted = np.stack([_painted(picture) for picture in pictures])
    return torch.from_numpy(painted).movedim(-1, 1).to(blurry).contiguous()


def _painted(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    from skimage.segmentation import felzenszwalb

    labels = felzenszwalb(
        picture,
        scale=SCALE,
        sigma=SMOOTHING_PX,
        min_size=SMALLEST_PX,
    )
    sums = [
        np.bincount(labels.ravel(), colour.ravel())
        for colour in np.moveaxis(picture, -1, 0)
    ]
    means: NDArray[np.float64] = (
        np.stack(sums, axis=-1) / np.bincount(labels.ravel())[:, None]
    )
    painted: NDArray[np.float32] = means.astype(np.float32)[labels]
    return painted


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

    def forward(
        self,
        blurry: Tensor,
        *,
        parser: Tensor | None = None,
    ) -> Tensor:
        """Restore by the parsed picture, or by :func:`regions` in its place; not clamped."""
        if parser is None:
            parser = regions(blurry)
        guides = self.Mask_Feature_Representation(_padded(parser))
        restored = self.restoration_network(_padded(blurry), guides)
        return cropped(restored, blurry)


def _padded(picture: Tensor) -> Tensor:
    """Pad to whole multiples, channels last in memory: the order in which layers are fast."""
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
        self.c_128to64 = halving(channels)
        self.en_block2 = block(1)
        self.c_64to32 = halving(2 * channels)
        self.bottom_block3 = block(2)
        self._add_decoder(channels, block)
        self.exit = nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1))

    def _add_decoder(self, channels: int, block: Callable[[int], InterBlock]) -> None:
        self.c_32to64 = doubling(4 * channels)
        self.skip1 = nn.Conv2d(4 * channels, 2 * channels, 1, bias=False)
        self.de_block2 = block(1)
        self.c_64to128 = doubling(2 * channels)
        self.skip2 = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.de_block3 = block(0)

    def forward(
        self,
        picture: Tensor,
        guides: Sequence[Tensor],
    ) -> Tensor:
        full, half, quarter = guides
        one = self.en_block1(self.enter(picture), full)
        two = self.en_block2(self.c_128to64(one), half)
        deepest = self.bottom_block3(self.c_64to32(two), quarter)
        features = self.skip1(torch.cat([self.c_32to64(deepest), two], dim=1))
        features = self.de_block2(features, half)
        features = self.skip2(torch.cat([self.c_64to128(features), one], dim=1))
        change: Tensor = self.exit(self.de_block3(features, full))
        return picture + change
