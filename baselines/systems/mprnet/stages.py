"""MPRNet's encoder, decoder and full-resolution stage, with the official layer names."""

import torch
from torch import nn

from defocus.baselines.systems.mprnet.blocks import AttentionBlock, Down, Up, blocks, conv

__all__ = ["Decoder", "Encoder", "Features", "FullResolution"]

Features = list[torch.Tensor]
"""Of the levels 1, 1/2 and 1/4."""

PER_LEVEL = 2


class Encoder(nn.Module):
    """Features of a patch at three levels; if fused, the stage before's are added at each level."""

    def __init__(
        self, channels: tuple[int, int, int], activation: nn.PReLU, *, fused: bool = False
    ) -> None:
        super().__init__()
        self.fused = fused
        for level, width in enumerate(channels, start=1):
            self.add_module(f"encoder_level{level}", blocks(width, PER_LEVEL, activation))
        self.down12, self.down23 = Down(*channels[:2]), Down(*channels[1:])
        if fused:
            for source in ("enc", "dec"):
                for level, width in enumerate(channels, start=1):
                    self.add_module(f"csff_{source}{level}", conv(width, width, 1))

    def forward(
        self, features: torch.Tensor, before: tuple[Features, Features] | None = None
    ) -> Features:
        """The three levels; a fused one gets the encoder's and decoder's features before it."""
        found: Features = []
        for level in (1, 2, 3):
            if level > 1:
                features = self.get_submodule(f"down{level - 1}{level}")(features)
            features = self.get_submodule(f"encoder_level{level}")(features)
            if before is not None:
                encoded, decoded = before[0][level - 1], before[1][level - 1]
                features = (
                    features
                    + self.get_submodule(f"csff_enc{level}")(encoded)
                    + self.get_submodule(f"csff_dec{level}")(decoded)
                )
            found.append(features)
        return found


class Decoder(nn.Module):
    """From an encoder's levels to those of the decoder."""

    def __init__(self, channels: tuple[int, int, int], activation: nn.PReLU) -> None:
        super().__init__()
        for level, width in enumerate(channels, start=1):
            self.add_module(f"decoder_level{level}", blocks(width, PER_LEVEL, activation))
        self.skip_attn1 = AttentionBlock(channels[0], activation)
        self.skip_attn2 = AttentionBlock(channels[1], activation)
        self.up21, self.up32 = Up(channels[1], channels[0]), Up(channels[2], channels[1])

    def forward(self, encoded: Features) -> Features:
        """The three levels, finest first."""
        level3 = self.get_submodule("decoder_level3")(encoded[2])
        level2 = self.get_submodule("decoder_level2")(
            self.up32(level3) + self.skip_attn2(encoded[1])
        )
        level1 = self.get_submodule("decoder_level1")(
            self.up21(level2) + self.skip_attn1(encoded[0])
        )
        return [level1, level2, level3]


class FullResolution(nn.Module):
    """The last stage, never smaller than the picture: three groups of attention blocks."""

    def __init__(
        self, channels: tuple[int, int, int], width: int, count: int, activation: nn.PReLU
    ) -> None:
        super().__init__()
        self.orb1, self.orb2, self.orb3 = (_Group(width, count, activation) for _ in range(3))
        first, second, third = channels
        self.up_enc1, self.up_dec1 = Up(second, first), Up(second, first)
        self.up_enc2 = nn.Sequential(Up(third, second), Up(second, first))
        self.up_dec2 = nn.Sequential(Up(third, second), Up(second, first))
        for source in ("enc", "dec"):
            for level in (1, 2, 3):
                self.add_module(f"conv_{source}{level}", conv(first, width, 1))

    def forward(self, features: torch.Tensor, encoded: Features, decoded: Features) -> torch.Tensor:
        """``(N, width, H, W)`` to the same shape."""
        for number in (1, 2, 3):
            features = self.get_submodule(f"orb{number}")(features)
            for source, levels in (("enc", encoded), ("dec", decoded)):
                given = levels[number - 1]
                if number > 1:
                    given = self.get_submodule(f"up_{source}{number - 1}")(given)
                features = features + self.get_submodule(f"conv_{source}{number}")(given)
        return features


class _Group(nn.Module):
    """Attention blocks and a convolution, with a residual around them."""

    def __init__(self, channels: int, count: int, activation: nn.PReLU) -> None:
        super().__init__()
        members = blocks(channels, count, activation)
        self.body = nn.Sequential(*members, conv(channels, channels, 3))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        added: torch.Tensor = self.body(features)
        return features + added
