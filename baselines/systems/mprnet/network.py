"""MPRNet, with layers and state-dict names of the released ``MPRNet`` for deblurring.

Source: Zamir et al., Multi-Stage Progressive Image Restoration, CVPR 2021."""

import torch
from torch import Tensor, nn

from defocus.baselines.layers.attention import ChannelAttention
from defocus.baselines.layers.named import Residual, SeveralOutputs, named, residual
from defocus.baselines.layers.padding import cropped, join, pad_to_multiple, split
from defocus.baselines.weights.entries import separate_aliases

REDUCTION = 4


def conv(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)


class AttentionBlock(nn.Module):
    """A residual block whose channels are weighted by their means over the whole patch."""

    # ``activation`` is the network's one PReLU, shared by all its blocks.

    def __init__(self, channels: int, activation: nn.PReLU) -> None:
        super().__init__()
        self.CA = ChannelAttention(channels, REDUCTION, bias=False)
        self.body = nn.Sequential(
            conv(channels, channels, 3),
            activation,
            conv(channels, channels, 3),
        )

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, h, w)`` to the same shape."""
        attended: Tensor = self.CA(self.body(features))
        return features + attended


def blocks(channels: int, count: int, activation: nn.PReLU) -> nn.Sequential:
    """``count`` attention blocks in a row."""
    return nn.Sequential(*(AttentionBlock(channels, activation) for _ in range(count)))


def down(inputs: int, outputs: int) -> nn.Sequential:
    """Half the size, bilinearly, then other channels."""
    return named(down=nn.Sequential(_scale(0.5), conv(inputs, outputs, 1)))


def up(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size, bilinearly, then other channels."""
    return named(up=nn.Sequential(_scale(2.0), conv(inputs, outputs, 1)))


class SupervisedAttention(nn.Module):
    """Makes a stage's picture, and weighs by it what the next stage gets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 1)
        self.conv2 = conv(channels, 3, 1)
        self.conv3 = conv(3, channels, 1)

    def forward(
        self,
        features: Tensor,
        picture: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The features for the next stage, and this stage's picture."""
        restored = self.conv2(features) + picture
        return features + self.conv1(features) * torch.sigmoid(
            self.conv3(restored)
        ), restored


def _scale(factor: float) -> nn.Upsample:
    return nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)


Features = list[Tensor]
"""Features at the levels 1, 1/2 and 1/4."""

PER_LEVEL = 2


class Encoder(nn.Module):
    """Features of a patch at three levels; if fused, the stage before's are added at each level."""

    def __init__(
        self,
        channels: tuple[int, int, int],
        activation: nn.PReLU,
        *,
        fused: bool = False,
    ) -> None:
        super().__init__()
        self.fused = fused
        for level, width in enumerate(channels, start=1):
            self.add_module(
                f"encoder_level{level}",
                blocks(width, PER_LEVEL, activation),
            )
        self.down12 = down(*channels[:2])
        self.down23 = down(*channels[1:])
        if fused:
            for source in ("enc", "dec"):
                for level, width in enumerate(channels, start=1):
                    self.add_module(f"csff_{source}{level}", conv(width, width, 1))

    def forward(
        self,
        features: Tensor,
        before: tuple[Features, Features] | None = None,
    ) -> Features:
        """The three levels; a fused one gets the encoder's and decoder's features before it."""
        levels: Features = []
        for level in (1, 2, 3):
            if level > 1:
                features = self.get_submodule(f"down{level - 1}{level}")(features)
            features = self.get_submodule(f"encoder_level{level}")(features)
            if before is not None:
                encoded = before[0][level - 1]
                decoded = before[1][level - 1]
                features = (
                    features
                    + self.get_submodule(f"csff_enc{level}")(encoded)
                    + self.get_submodule(f"csff_dec{level}")(decoded)
                )
            levels.append(features)
        return levels


class Decoder(nn.Module):
    """From an encoder's levels to those of the decoder."""

    def __init__(self, channels: tuple[int, int, int], activation: nn.PReLU) -> None:
        super().__init__()
        for level, width in enumerate(channels, start=1):
            self.add_module(
                f"decoder_level{level}",
                blocks(width, PER_LEVEL, activation),
            )
        self.skip_attn1 = AttentionBlock(channels[0], activation)
        self.skip_attn2 = AttentionBlock(channels[1], activation)
        self.up21 = up(channels[1], channels[0])
        self.up32 = up(channels[2], channels[1])

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
        self,
        channels: tuple[int, int, int],
        width: int,
        count: int,
        activation: nn.PReLU,
    ) -> None:
        super().__init__()
        self.orb1, self.orb2, self.orb3 = (
            _group(width, count, activation) for _ in range(3)
        )
        first, second, third = channels
        self.up_enc1 = up(second, first)
        self.up_dec1 = up(second, first)
        self.up_enc2 = nn.Sequential(up(third, second), up(second, first))
        self.up_dec2 = nn.Sequential(up(third, second), up(second, first))
        for source in ("enc", "dec"):
            for level in (1, 2, 3):
                self.add_module(f"conv_{source}{level}", conv(first, width, 1))

    def forward(
        self,
        features: Tensor,
        encoded: Features,
        decoded: Features,
    ) -> Tensor:
        """``(N, width, H, W)`` to the same shape."""
        for number in (1, 2, 3):
            features = self.get_submodule(f"orb{number}")(features)
            for source, levels in (("enc", encoded), ("dec", decoded)):
                given = levels[number - 1]
                if number > 1:
                    given = self.get_submodule(f"up_{source}{number - 1}")(given)
                features = features + self.get_submodule(f"conv_{source}{number}")(
                    given
                )
        return features


def _group(channels: int, count: int, activation: nn.PReLU) -> Residual:
    """Attention blocks and a convolution, with a residual around them."""
    members = blocks(channels, count, activation)
    return residual(body=nn.Sequential(*members, conv(channels, channels, 3)))


MULTIPLE = 8


def _joined_levels(
    levels: list[Tensor],
    rows: int,
    columns: int,
) -> list[Tensor]:
    """The features of the parts of a picture as those of the whole, at each level."""
    return [join(level, rows, columns) for level in levels]


class MPRNet(SeveralOutputs):
    """From a blurry picture to the restored one: quadrants, halves, then the whole."""

    # Channel attention takes means over each patch and over the whole picture, so that a tile of a
    # picture is not restored as the picture is. ``full_width`` is that of the last stage, with
    # ``full_blocks`` attention blocks in each of its three groups.

    def __init__(
        self,
        width: int = 96,
        growth: int = 48,
        full_width: int = 128,
        full_blocks: int = 8,
    ) -> None:
        super().__init__()
        shared = nn.PReLU()
        channels = (width, width + growth, width + 2 * growth)
        for stage in (1, 2, 3):
            shallow = nn.Sequential(conv(3, width, 3), AttentionBlock(width, shared))
            self.add_module(f"shallow_feat{stage}", shallow)
        self.stage1_encoder = Encoder(channels, shared)
        self.stage1_decoder = Decoder(channels, shared)
        self.stage2_encoder = Encoder(channels, shared, fused=True)
        self.stage2_decoder = Decoder(channels, shared)
        self.stage3_orsnet = FullResolution(channels, full_width, full_blocks, shared)
        self.sam12 = SupervisedAttention(width)
        self.sam23 = SupervisedAttention(width)
        self.concat12 = conv(2 * width, width, 3)
        self.concat23 = conv(2 * width, full_width, 3)
        self.tail = conv(full_width, 3, 3)
        separate_aliases(self)  # the activation is one for all

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """``stage1`` (quadrants), ``stage2`` (halves), ``restored`` (the whole), not clipped."""
        padded = pad_to_multiple(blurry, MULTIPLE)
        picture = padded.contiguous(memory_format=torch.channels_last)
        halves = split(picture, 2, 1)
        encoded = self.stage1_encoder(self._shallow(1, split(halves, 1, 2)))
        encoded = _joined_levels(encoded, 1, 2)
        decoded = self.stage1_decoder(encoded)
        attended, first = self.sam12(decoded[0], halves)

        joined = self._joined(2, halves, attended)
        encoded = self.stage2_encoder(joined, (encoded, decoded))
        encoded = _joined_levels(encoded, 2, 1)
        decoded = self.stage2_decoder(encoded)
        attended, second = self.sam23(decoded[0], picture)

        joined = self._joined(3, picture, attended)
        third = self.tail(self.stage3_orsnet(joined, encoded, decoded)) + picture
        return {
            "stage1": cropped(join(first, 2, 1), blurry),
            "stage2": cropped(second, blurry),
            "restored": cropped(third, blurry),
        }

    def _joined(
        self,
        stage: int,
        seen: Tensor,
        attended: Tensor,
    ) -> Tensor:
        """Features of a stage together with those that the stage before it attends to."""
        concat = self.concat12 if stage == 2 else self.concat23
        joined: Tensor = concat(
            torch.cat([self._shallow(stage, seen), attended], dim=1)
        )
        return joined

    def _shallow(self, stage: int, picture: Tensor) -> Tensor:
        features: Tensor = self.get_submodule(f"shallow_feat{stage}")(picture)
        return features
