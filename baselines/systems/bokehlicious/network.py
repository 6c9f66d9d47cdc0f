"""Bokehlicious with the official state-dict names (TimSeizinger/Bokehlicious at b5510df).

Source: Seizinger et al., Bokehlicious: Photorealistic Bokeh Rendering with Controllable Apertures
(ICCV 2025)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import FlatChannelNorm, Pointwise, doubled

MEAN_RGB = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K, which the network takes from its input and adds to its output."""

PLACE = 2
"""Channels of the map of places: how far to the right, and how far up."""

LEVELS = 2
"""Halvings of the picture before the attention."""

EPSILON = 1e-6

WIDE_OPEN = 1.0
"""2 / f-number: the official measure of the strength of blur is 1 at f/2 and 0.1 at f/20."""

NEAREST, RANGE = 2.0, 9.0
"""A pixel's weight at a distance of d px is (1 - 2^-(NEAREST + r))^d, where r grows from 0 in the
first head to almost RANGE in the last, times the fourth root of the strength."""


def _places(blurry: Tensor) -> Tensor:
    """Places ``(N, 2, H, W)`` within the square around the picture, each in [0, 1]."""
    count, _, height, width = blurry.shape
    side = max(height, width)
    margin_x = (1 - width / side) / 2
    margin_y = (1 - height / side) / 2
    right = torch.linspace(margin_x, 1 - margin_x, width)
    up = torch.linspace(1 - margin_y, margin_y, height)
    grid = torch.meshgrid(right, up, indexing="xy")
    places = torch.stack(grid).to(blurry)
    return places.expand(count, -1, -1, -1)


def _places_by_level(blurry: Tensor) -> list[Tensor]:
    """Places at full size and at each halving."""
    whole = _places(blurry)
    by_level = [whole]
    for level in range(1, LEVELS + 1):
        share = 0.5**level
        smaller = functional.interpolate(whole, scale_factor=share, mode="bilinear")
        by_level.append(smaller)
    return by_level


class _Attention(nn.Module):
    """Attention along rows, then along columns; how fast it fades with distance is given."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(channels, channels)
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.lepe = _depthwise(channels, 5)
        self.out_proj = nn.Linear(channels, channels)

    def forward(
        self,
        features: Tensor,
        fading: Sequence[Tensor],
    ) -> Tensor:
        query = self._by_row(self.q_proj(features))
        key = self._by_row(self.k_proj(features))
        values = self.v_proj(features)
        value = self._by_row(values)
        of_columns, of_rows = (mask[:, None] for mask in fading)
        rows = functional.scaled_dot_product_attention(query, key, value, of_rows)
        query = query.transpose(1, 3)
        key = key.transpose(1, 3)
        value = rows.transpose(1, 3)
        columns = functional.scaled_dot_product_attention(query, key, value, of_columns)
        attended = columns.permute(0, 3, 1, 2, 4).flatten(-2)
        positions = _of_pixels(self.lepe, values)
        given: Tensor = self.out_proj(attended + positions)
        return given

    def _by_row(self, features: Tensor) -> Tensor:
        """From ``(N, H, W, C)`` to ``(N, H, heads, W, C / heads)``."""
        by_head = features.reshape(*features.shape[:3], self.heads, -1)
        return by_head.transpose(2, 3)


class _AttentionBlock(nn.Module):
    """Attention and two linear layers for each pixel ``(N, H, W, C)``."""

    def __init__(self, channels: int, heads: int, dropped: float) -> None:
        super().__init__()
        self.attention_layer_norm = nn.LayerNorm(channels, eps=EPSILON)
        self.attention = _Attention(channels, heads)
        self.final_layer_norm = nn.LayerNorm(channels, eps=EPSILON)
        self.ffn = named(
            fc1=nn.Linear(channels, 2 * channels),
            gelu=nn.GELU(),
            fc2=nn.Linear(2 * channels, channels),
        )
        self.pos = _depthwise(channels, 3)
        self.dropped = dropped

    def forward(
        self,
        features: Tensor,
        fading: Sequence[Tensor],
    ) -> Tensor:
        features = features + _of_pixels(self.pos, features)
        normed = self.attention_layer_norm(features)
        attended = self.attention(normed, fading)
        features = features + self._kept(attended)
        fed = self.ffn(self.final_layer_norm(features))
        return features + self._kept(fed)

    def _kept(self, change: Tensor) -> Tensor:
        """The change; in training for some of the pictures only, and scaled up there."""
        each = change.new_ones(len(change), 1, 1, 1)
        return change * functional.dropout(each, self.dropped, self.training)


class _Group(nn.Module):
    """Attention blocks and a convolution that knows the places, around which features are added."""

    def __init__(self, channels: int, heads: int, dropped: Sequence[float]) -> None:
        super().__init__()
        blocks = nn.ModuleList(
            _AttentionBlock(channels, heads, share) for share in dropped
        )
        self.residual_group = nn.Module()
        self.residual_group.Relpos = _Angles(channels // heads)
        self.residual_group.blocks = blocks
        self.conv = nn.Conv2d(channels + PLACE, channels, 3, padding=1)

    def forward(
        self,
        features: Tensor,
        places: Tensor,
        fading: Sequence[Tensor],
    ) -> Tensor:
        mixed = features
        for block in self.residual_group.get_submodule("blocks").children():
            mixed = block(mixed, fading)
        maps = torch.cat([mixed.permute(0, 3, 1, 2), places], dim=1)
        change = self.conv(maps).permute(0, 2, 3, 1)
        added: Tensor = features + change
        return added


class _Angles(nn.Module):
    """Angles that are in the official state dict and used by nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        angles = 10000.0 ** -torch.linspace(0, 1, channels // 2)
        self.register_buffer("angle", angles.repeat_interleave(2))


class _Block(nn.Module):
    """NAFNet's block with GELU, with channel attention and with places; at first the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.conv1 = named(
            conv1=Pointwise(channels + PLACE, channels),
            conv2=nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
        )
        self.attention = named(
            model=nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(channels, channels // 2, 1),
                nn.ReLU(),
                nn.Conv2d(channels // 2, channels, 1),
                nn.Sigmoid(),
            )
        )
        self.conv2 = Pointwise(channels, channels)
        self.conv3 = Pointwise(channels, 2 * channels)
        self.conv4 = Pointwise(2 * channels, channels)
        self.norm1 = FlatChannelNorm(channels, EPSILON)
        self.norm2 = FlatChannelNorm(channels, EPSILON)

    def forward(self, features: Tensor, places: Tensor) -> Tensor:
        placed = torch.cat([self.norm1(features), places], dim=1)
        mixed = functional.gelu(self.conv1(placed))
        attended = self.conv2(mixed * self.attention(mixed))
        features = features + attended * self.beta
        opened = self.conv3(self.norm2(features))
        fed = self.conv4(functional.gelu(opened))
        given: Tensor = features + fed * self.gamma
        return given


class Bokehlicious(nn.Module):
    """From a blurry to the restored picture, as in training on RealDefocus."""

    # ``width`` is at full size, ``channels`` at a quarter of it, where ``groups`` of ``depth``
    # blocks attend. Blocks are dropped in training, the last one ``dropped`` of the time. A copy
    # that is to begin as the identity has a ``mean`` of 0.

    def __init__(
        self,
        *,
        width: int = 16,
        channels: int = 96,
        heads: int = 3,
        groups: int = 3,
        depth: int = 3,
        dropped: float = 0.1,
        mean: Sequence[float] = MEAN_RGB,
    ) -> None:
        super().__init__()
        self.mean = mean
        widths = [width * 2**level for level in range(LEVELS + 1)]
        self.heads = heads
        self._add_encoders(widths)
        blocks = groups * depth
        step = dropped / max(1, blocks - 1)
        rates = [step * number for number in range(blocks)]
        by_group = [rates[start : start + depth] for start in range(0, blocks, depth)]
        self._add_attention(widths[-1], channels, by_group)
        self._add_decoders(widths)
        self.apply(_initialised)

    def _add_encoders(self, widths: Sequence[int]) -> None:
        *outer, _ = widths
        finest = outer[0]
        self.in_stage = nn.Conv2d(3 + PLACE + 1, finest, 3, padding=1)
        self.in_stage_2 = nn.Conv2d(finest, finest, 3, padding=1)
        self.encoders = nn.ModuleList(_blocks(1, wide) for wide in outer)
        self.downs = nn.ModuleList(
            nn.Conv2d(wide, 2 * wide, 2, stride=2) for wide in outer
        )

    def _add_attention(
        self,
        wide: int,
        channels: int,
        rates: Sequence[Sequence[float]],
    ) -> None:
        """Register the layers at a quarter of the size; ``rates`` are those of each group."""
        self.conv_prep = nn.Conv2d(wide, channels, 3, padding=1)
        self.patch_embed = named(norm=nn.LayerNorm(channels))
        self.blocks = nn.ModuleList(
            _Group(channels, self.heads, part) for part in rates
        )
        self.norm = nn.LayerNorm(channels, eps=EPSILON)
        self.conv_after_body = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels + PLACE, wide, 3, padding=1)

    def _add_decoders(self, widths: Sequence[int]) -> None:
        finest, second, *_ = widths
        coarser = _blocks(2, second)
        finer = _blocks(4, finest)
        self.decoders = nn.ModuleList([coarser, finer])
        coarsest_first = widths[:0:-1]
        self.ups = nn.ModuleList(map(doubled, coarsest_first))
        self.out_stage = nn.Conv2d(finest + PLACE, 3, 3, padding=1)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped, as if it were taken at f/2."""
        strength = blurry.new_full((len(blurry),), WIDE_OPEN)
        return self.restored(blurry, strength)

    def restored(self, blurry: Tensor, strength: Tensor) -> Tensor:
        """Pictures restored for a ``strength`` ``(N,)``, which is 2 / f-number."""
        padded = pad_to_multiple(blurry, 2**LEVELS)
        places = _places_by_level(padded)
        mean = padded.new_tensor(self.mean)[:, None, None]
        everywhere = strength[:, None, None, None].expand_as(padded[:, :1])
        given = torch.cat([padded - mean, places[0], everywhere], dim=1)
        features = self.in_stage_2(self.in_stage(given))
        features, skips = self._encoded(features, places)
        features = features + self._attended(features, places[-1], strength)
        features = self._decoded(features, skips, places)
        change = self.out_stage(torch.cat([features, places[0]], dim=1))
        restored = change + mean + padded
        return cropped(restored, blurry)

    def _encoded(
        self,
        features: Tensor,
        places: list[Tensor],
    ) -> tuple[Tensor, list[Tensor]]:
        skips = []
        for encoder, down, place in zip(
            self.encoders,
            self.downs,
            places[:-1],
            strict=True,
        ):
            for block in encoder.children():
                features = block(features, place)
            skips.append(features)
            features = down(features)
        return features, skips

    def _decoded(
        self,
        features: Tensor,
        skips: list[Tensor],
        places: list[Tensor],
    ) -> Tensor:
        levels = zip(
            self.decoders,
            self.ups,
            reversed(skips),
            reversed(places[:-1]),
            strict=True,
        )
        for decoder, up, skip, place in levels:
            features = up(features) + skip
            for block in decoder.children():
                features = block(features, place)
        return features

    def _attended(
        self,
        features: Tensor,
        places: Tensor,
        strength: Tensor,
    ) -> Tensor:
        """Contribution of the attention at a quarter of the size."""
        prepared = self.conv_prep(features)
        fading = [self._fading(strength, side) for side in prepared.shape[-2:]]
        pixels = self.patch_embed(prepared.permute(0, 2, 3, 1))
        for group in self.blocks:
            pixels = group(pixels, places, fading)
        normed = self.norm(pixels).permute(0, 3, 1, 2)
        mixed = self.conv_after_body(normed) + prepared
        placed = torch.cat([mixed, places], dim=1)
        change: Tensor = self.conv_last(placed)
        return change

    def _fading(self, strength: Tensor, side: int) -> Tensor:
        """Logarithms of the weights of pixels by their distance, ``(N, heads, side, side)``."""
        head = torch.arange(self.heads, device=strength.device) / self.heads
        fourth_root = strength[:, None].abs() ** 0.25
        growth = RANGE * head * fourth_root
        ranges = NEAREST + growth
        decay = torch.log(1 - 2**-ranges)
        place = torch.arange(side, device=strength.device)
        distance = (place[:, None] - place).abs()
        return distance * decay[:, :, None, None]


def _blocks(times: int, channels: int) -> nn.ModuleList:
    return nn.ModuleList(_Block(channels) for _ in range(times))


def _depthwise(channels: int, size: int) -> nn.Sequential:
    convolution = nn.Conv2d(
        channels,
        channels,
        size,
        padding=size // 2,
        groups=channels,
    )
    return named(conv=convolution)


def _of_pixels(layer: nn.Module, pixels: Tensor) -> Tensor:
    """A layer of maps applied to ``(N, H, W, C)``."""
    given: Tensor = layer(pixels.permute(0, 3, 1, 2))
    return given.permute(0, 2, 3, 1)


def _initialised(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.trunc_normal_(layer.weight, std=0.02)
        nn.init.zeros_(layer.bias)
