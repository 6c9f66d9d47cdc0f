"""Uformer with the official state-dict names (misspelt ones included).

Source: Wang et al., Uformer (CVPR 2022); ZhendongWang6/Uformer at 65fc970, model.py."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.attention import (
    SHIFT,
    WINDOW,
    WindowAttention,
    merged,
    windows,
)
from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import pad, pad_to_multiple
from defocus.baselines.layers.pointwise import PointwiseLinear

EXPANSION = 4
LARGEST_DROP = 0.1
LINEAR_STD = 0.02


class _FeedForward(nn.Module):
    """Two linear layers with a depth-wise convolution between them (LeFF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = EXPANSION * channels
        self.linear1 = nn.Sequential(PointwiseLinear(channels, hidden), nn.GELU())
        self.dwconv = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
        )
        self.linear2 = nn.Sequential(PointwiseLinear(hidden, channels))

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, H, W, C)`` to the same shape."""
        hidden = self.dwconv(self.linear1(features).permute(0, 3, 1, 2))
        fed: Tensor = self.linear2(hidden.permute(0, 2, 3, 1))
        return fed


class _Block(nn.Module):
    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        shifted: bool,
        modulated: bool,
        drop: float,
    ) -> None:
        super().__init__()
        self.shift = SHIFT if shifted else 0
        self.drop = drop
        self.modulator = nn.Embedding(WINDOW**2, channels) if modulated else None
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads, shifted=shifted)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = _FeedForward(channels)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, H, W, C)`` to the same shape."""
        attended = self._attended(self.norm1(features))
        features = features + self._dropped(attended)
        fed = self.mlp(self.norm2(features))
        return features + self._dropped(fed)

    def _attended(self, normed: Tensor) -> Tensor:
        if self.shift:
            normed = normed.roll((-self.shift, -self.shift), dims=(1, 2))
        windowed = windows(normed)
        if self.modulator is not None:
            windowed = windowed + self.modulator.weight
        attended = merged(self.attn(windowed))
        if self.shift:
            attended = attended.roll((self.shift, self.shift), dims=(1, 2))
        return attended

    def _dropped(self, change: Tensor) -> Tensor:
        """In training, a block's change is left out in some of the batch's pictures."""
        if not self.training or self.drop == 0:
            return change
        drawn = torch.rand(len(change), 1, 1, 1, device=change.device)
        keep = drawn >= self.drop
        return change * keep / (1 - self.drop)


class _Level(nn.Module):
    def __init__(self, blocks: Iterable[_Block]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        pixels = features.permute(0, 2, 3, 1)
        for block in self.blocks:
            pixels = block(pixels)
        return pixels.permute(0, 3, 1, 2)


class Uformer(nn.Module):
    """From a blurry to the restored picture."""

    # ``nominal_px``, the official ``img_size``, changes no shape: levels whose nominal size is one
    # window or less leave the shift out. 256 (training) keeps it in the bottleneck, 128 (the
    # published evaluation) does not. ``square``: the official padding to a black square; else a
    # reflection to multiples of 128. ``depths`` and ``heads`` are encoder, bottleneck, decoder.

    def __init__(
        self,
        *,
        nominal_px: int = 256,
        square: bool = True,
        dim: int = 32,
        depths: Sequence[int] = (1, 2, 8, 8, 2, 8, 8, 2, 1),
        heads: Sequence[int] = (1, 2, 4, 8, 16, 16, 8, 4, 2),
    ) -> None:
        super().__init__()
        self.square = square
        self.downs = len(depths) // 2
        self.multiple = WINDOW * 2**self.downs
        drops = _drops(depths)

        def level(place: int, channels: int) -> _Level:
            halvings = min(place, len(depths) - 1 - place)
            is_large = nominal_px >> halvings > WINDOW
            return _Level(
                _Block(
                    channels,
                    heads[place],
                    shifted=is_large and number % 2 == 1,
                    modulated=place > self.downs,
                    drop=drop,
                )
                for number, drop in enumerate(drops[place])
            )

        self.input_proj = named(proj=_projection(3, dim))
        self.output_proj = named(proj=_projection(2 * dim, 3))
        self._add_levels(dim, level)
        self.apply(_initialise)

    def _add_levels(self, dim: int, level: Callable[[int, int], _Level]) -> None:
        """Encoder, bottleneck and decoder; ``level`` makes a level from its place and channels."""
        for place in range(self.downs):
            channels = dim * 2**place
            down = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1)
            self.add_module(f"encoderlayer_{place}", level(place, channels))
            self.add_module(f"dowsample_{place}", named(conv=nn.Sequential(down)))
        channels = dim * 2**self.downs
        self.conv = level(self.downs, channels)
        for place in range(self.downs):
            outputs = dim * 2 ** (self.downs - 1 - place)
            up = nn.ConvTranspose2d(channels, outputs, 2, stride=2)
            channels = 2 * outputs  # the skip is concatenated and not reduced
            self.add_module(f"upsample_{place}", named(deconv=nn.Sequential(up)))
            decoder = level(self.downs + 1 + place, channels)
            self.add_module(f"decoderlayer_{place}", decoder)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        # Put in the middle of a black square whose side is the next multiple of 128, and cropped
        # again.
        height, width = blurry.shape[-2:]
        if not self.square:
            padded = pad_to_multiple(blurry, self.multiple)
            return self._restored(padded)[..., :height, :width]
        longest = max(height, width)
        side = longest + -longest % self.multiple
        top = (side - height) // 2
        left = (side - width) // 2
        amounts = (left, side - width - left, top, side - height - top)
        restored = self._restored(pad(blurry, amounts, "zeros"))
        return restored[..., top : top + height, left : left + width]

    def _restored(self, padded: Tensor) -> Tensor:
        picture = padded.contiguous(memory_format=torch.channels_last)
        features = functional.leaky_relu(self.input_proj(picture))
        skips = []
        for place in range(self.downs):
            features = self.get_submodule(f"encoderlayer_{place}")(features)
            skips.append(features)
            features = self.get_submodule(f"dowsample_{place}")(features)
        features = self.conv(features)
        for place in range(self.downs):
            features = self.get_submodule(f"upsample_{place}")(features)
            features = torch.cat([features, skips.pop()], dim=1)
            features = self.get_submodule(f"decoderlayer_{place}")(features)
        restored: Tensor = padded + self.output_proj(features)
        return restored


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1))


def _drops(depths: Sequence[int]) -> list[list[float]]:
    """How often each block's change is left out: rising to the bottleneck, then falling."""
    downs = len(depths) // 2
    blocks = sum(depths[:downs])
    rising = torch.linspace(0, LARGEST_DROP, blocks, device="cpu").tolist()
    deepest = [LARGEST_DROP] * depths[downs]
    flat = [*rising, *deepest, *rising[::-1]]
    drops = []
    start = 0
    for depth in depths:
        drops.append(flat[start : start + depth])
        start += depth
    return drops


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=LINEAR_STD)
        nn.init.zeros_(module.bias)
