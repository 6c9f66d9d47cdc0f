"""DeMoE with the official state-dict names: NAFNet whose decoder has experts for kinds of blur.

Source: Feijoo et al., Towards Unified Image Deblurring using a Mixture-of-Experts Decoder (2025);
cidautai/DeMoE, archs/."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import cropped
from defocus.baselines.systems.nafnet.network import Block, NAFNet

KINDS = ("defocus", "global motion", "local motion", "drawn global motion", "low light")
"""Kinds of blur, one for each expert. With released weights, a single expert restores the
picture."""

DEFOCUS = KINDS.index("defocus")


class _Experts(nn.Module):
    """A block for each kind of blur."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(Block(channels) for _ in KINDS)

    def forward(self, features: Tensor, kinds: list[int]) -> Tensor:
        """The features after each picture's expert, whose number is in ``kinds``."""
        if len(set(kinds)) == 1:
            alike: Tensor = self.experts[kinds[0]](features)
            return alike
        pictures = zip(kinds, torch.split(features, 1), strict=True)
        each = [self.experts[kind](picture) for kind, picture in pictures]
        return torch.cat(each)


class _Classifier(nn.Module):
    """Scores of each kind of blur, from features at the coarsest size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_bottleneck = nn.Sequential(
            nn.Conv2d(channels, 256, 1),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Dropout2d(0.2),
        )
        self.attention = nn.Sequential(nn.Conv2d(256, 1, 1), nn.Sigmoid())
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(256, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(128, len(KINDS)),
        )

    def forward(self, features: Tensor) -> Tensor:
        reduced = self.conv_bottleneck(features)
        scores: Tensor = self.classifier(reduced * self.attention(reduced))
        return scores


class DeMoE(NAFNet):
    """From a blurry to the restored picture, by the experts of defocus or by the likeliest."""

    # Without labels of the kind of blur the classifier learns nothing, so it is never trained; nor
    # are the experts of other kinds unless the classifier may choose them (``classify``).

    def __init__(
        self,
        *,
        width: int = 32,
        blocks: Sequence[int] = (2, 2, 2, 2),
        middle_blocks: int = 2,
        classify: bool = False,
    ) -> None:
        super().__init__(
            width=width,
            encoder_blocks=blocks,
            middle_blocks=middle_blocks,
            decoder_blocks=blocks,
        )
        self.classify = classify
        levels = range(len(blocks), -1, -1)
        self.experts = nn.ModuleList(_Experts(width * 2**level) for level in levels)
        self.mlp_branch = _Classifier(width * 2 ** len(blocks)).requires_grad_(False)
        if not classify:
            for experts in self.experts:
                experts.requires_grad_(False)
                experts.get_submodule(f"experts.{DEFOCUS}").requires_grad_(True)

    def level(self, times: int, channels: int) -> nn.Sequential:
        """The blocks of one size."""
        return named(modules_list=super().level(times, channels))

    def train(self, mode: bool = True) -> "DeMoE":
        """Train all but the classifier."""
        super().train(mode)
        self.mlp_branch.eval()
        return self

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        padded = self.padded(blurry)
        features, skips = self.encoded(padded)
        kinds = [DEFOCUS] * len(blurry)
        if self.classify:
            kinds = self.mlp_branch(features).argmax(dim=1).tolist()
        features = self.experts[0](self.middle_blks(features), kinds)
        levels = zip(
            self.decoders,
            self.ups,
            reversed(skips),
            self.experts[1:],
            strict=True,
        )
        for decoder, up, skip, experts in levels:
            features = experts(decoder(up(features) + skip), kinds)
        return cropped(self.ending(features) + padded, blurry)
