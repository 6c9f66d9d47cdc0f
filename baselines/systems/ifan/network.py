"""IFAN, with the state-dict names of the released ``Network`` (single and dual).

Source: Lee et al., Iterative Filter Adaptive Network, CVPR 2021; where it is silent, the code."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import SeveralOutputs
from defocus.baselines.layers.padding import cropped, pad_to_multiple

TAPS = 3


def filter_channels(steps: int, channels: int) -> int:
    """How many values a pixel's stack has: two filters and a bias per step and channel."""
    return steps * channels * (2 * TAPS + 1)


def adaptive_convolution(
    features: Tensor,
    filters: Tensor,
    *,
    steps: int,
    corrected: bool = False,
    last_activation: bool = True,
) -> Tensor:
    """Apply each pixel's own filters, vertical and horizontal, a bias, a leaky ReLU; again."""
    # ``filters`` have, step by step, ``3 C`` vertical and ``3 C`` horizontal taps (the first is the
    # row above or the column on the left), then step by step the ``C`` biases. ``corrected`` uses
    # the horizontal filter: the released code applies the vertical one both ways, and its weights
    # were trained so. Source: IFAN (CVPR 2021), IAC layer.
    count, channels, height, width = features.shape
    values = steps * channels * 2 * TAPS
    pairs = filters[:, :values].reshape(count, steps, 2, channels, TAPS, height, width)
    added = filters[:, values:].reshape(count, steps, channels, height, width)
    for step in range(steps):
        features = _filtered(features, pairs[:, step, 0], axis=-2)
        features = _filtered(features, pairs[:, step, int(corrected)], axis=-1)
        features = features + added[:, step]
        if last_activation or step < steps - 1:
            features = functional.leaky_relu(features, SLOPE)
    return features


def _filtered(features: Tensor, taps: Tensor, axis: int) -> Tensor:
    """One 3-tap filter per pixel and channel along an axis; border values are repeated."""
    size = features.shape[axis]
    pad = (0, 0, 1, 1) if axis == -2 else (1, 1, 0, 0)
    padded = functional.pad(features, pad, mode="replicate")
    result = padded.narrow(axis, 0, size) * taps[:, :, 0]
    for tap in range(1, TAPS):
        shifted = padded.narrow(axis, tap, size)
        result = torch.addcmul(result, shifted, taps[:, :, tap])
    return result


SLOPE = 0.1


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 × 3 convolution and a leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def up(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size by a transposed 4 × 4 convolution, and a leaky ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class ResidualBlocks(nn.Module):
    """Residual blocks, activated after each inner sum; several have one residual around all."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.stem = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.LeakyReLU(SLOPE, inplace=True),
                nn.Conv2d(channels, channels, 3, padding=1),
            )
            for _ in range(count)
        )

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, h, w)`` to the same shape."""
        inner = features
        for block in self.stem:
            inner = functional.leaky_relu(inner + block(inner), SLOPE)
        return inner + features if len(self.stem) > 1 else inner


def initialise(modules: Iterable[nn.Module], gain: float = 1.0) -> None:
    """Xavier's uniform weights of that gain, biases 0."""
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight, gain=gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


MULTIPLE = 8
STEPS = 17
CHANNELS = (32, 64, 128, 128)
"""Channels at the levels 1, 1/2, 1/4 and 1/8."""

REPLACEMENT_BLOCKS = 7
"""Residual blocks in the filters' place: with them the network has the paper's 10.58 M."""

FILTER_GAIN = 1.5


class FourScales(SeveralOutputs):
    """Encoders and decoders of four levels, with the names that IFAN and DRBNet have."""

    def add_encoder(self, prefix: str, inputs: int, channels: tuple[int, ...]) -> None:
        """Register the layers of an encoder, finest level first."""
        for level, outputs in enumerate(channels, start=1):
            self.add_module(
                f"{prefix}{level}_1",
                conv(inputs, outputs, 1 if level == 1 else 2),
            )
            self.add_module(f"{prefix}{level}_2", conv(outputs, outputs))
            self.add_module(f"{prefix}{level}_3", conv(outputs, outputs))
            inputs = outputs

    def encoded(self, prefix: str, picture: Tensor) -> list[Tensor]:
        """Features of the four levels, finest first."""
        levels: list[Tensor] = []
        for level in range(1, len(CHANNELS) + 1):
            for part in (1, 2, 3):
                picture = self.get_submodule(f"{prefix}{level}_{part}")(picture)
            levels.append(picture)
        return levels

    def raised(
        self,
        level: int,
        features: Tensor,
        skip: Tensor,
    ) -> Tensor:
        """Features of a level, 1 to 3, from those of the next coarser one."""
        features = self.get_submodule(f"upconv{level}_u")(features) + skip
        features = self.get_submodule(f"upconv{level}_1")(features)
        finer: Tensor = self.get_submodule(f"upconv{level}_2")(features)
        return finer


class IFAN(FourScales):
    """From a blurry picture to the restored one."""

    # An encoder's features at 1/8 are filtered by what a second encoder (of right and left view in
    # the dual network), through a disparity map, predicts for each pixel; a decoder makes a
    # residual of them. ``filters``: ``official`` applies the vertical ones both ways, as released;
    # ``corrected`` both, as in the paper; ``none`` has residual blocks in their place.

    def __init__(
        self,
        steps: int = STEPS,
        *,
        dual: bool = False,
        filters: Literal["official", "corrected", "none"] = "official",
        channels: tuple[int, int, int, int] = CHANNELS,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.dual = dual
        self.filters = filters
        self.add_encoder("conv", 3, channels)
        deep = channels[-1]
        self.conv4_4 = nn.Sequential(
            conv(2 * deep, deep),
            *_two(deep),
            conv(deep, deep),
        )
        self.conv_res = nn.Sequential(
            conv(deep, deep),
            ResidualBlocks(deep, 3),
            conv(deep, deep),
        )
        for level in (3, 2, 1):
            self._add_up(level, channels[level], channels[level - 1])
        self.out_res = conv(channels[0], 3)
        self._add_filters(channels)
        initialise(self.modules())
        initialise(self.F.modules(), FILTER_GAIN)

    def _add_filters(self, channels: tuple[int, int, int, int]) -> None:
        """The encoder, the map of blur and what predicts the filters."""
        deep = channels[-1]
        self.add_encoder("kconv", 6 if self.dual else 3, channels)
        self.DME = nn.Sequential(
            conv(deep, deep),
            *_two(deep),
            nn.Conv2d(deep, 1, 3, padding=1),
        )
        self.conv_DME = conv(1, deep)
        last: nn.Module  # just one is made: each takes random numbers
        if self.filters == "none":
            last = ResidualBlocks(deep, REPLACEMENT_BLOCKS)
        else:
            last = nn.Conv2d(deep, filter_channels(self.steps, deep), 1)
        self.F = nn.Sequential(conv(deep, deep), *_two(deep), last)

    def _add_up(self, level: int, inputs: int, outputs: int) -> None:
        self.add_module(f"upconv{level}_u", up(inputs, outputs))
        self.add_module(f"upconv{level}_1", ResidualBlocks(outputs, 1))
        self.add_module(f"upconv{level}_2", ResidualBlocks(outputs, 1))

    def outputs(
        self,
        blurry: Tensor,
        dual_pixel: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """``restored`` ``(N, 3, H, W)``, in [0, 1] after ``eval()``; losses see values beyond."""
        # ``dual_pixel`` is left and right view. At 1/8 of the padded size ``disparity`` ``(N, 1, h,
        # w)`` in its pixels, and, unless there are none, ``filters`` ``(N, filter_channels, h,
        # w)``.
        picture = pad_to_multiple(blurry, MULTIPLE)
        seen = picture if dual_pixel is None else right_first(dual_pixel)
        *skips, features = self.encoded("conv", picture)
        encoded = self.encoded("kconv", seen)[-1]
        disparity = self.DME(encoded)
        predicted = self.F(
            self.conv4_4(torch.cat([encoded, self.conv_DME(disparity)], dim=1))
        )
        restored = picture + self._decode(self._filtered(features, predicted), skips)
        if not self.training:
            restored = restored.clamp(0, 1)
        results = {"restored": cropped(restored, blurry), "disparity": disparity}
        return results if self.filters == "none" else results | {"filters": predicted}

    def disparity(self, picture: Tensor) -> Tensor:
        """The disparity ``(N, 1, H / 8, W / 8)``, in its pixels, that the second encoder sees."""
        # In a picture ``(N, 3, H, W)``, or two views ``(N, 6, H, W)``, right first; multiples of 8.
        predicted: Tensor = self.DME(self.encoded("kconv", picture)[-1])
        return predicted

    def _filtered(
        self,
        features: Tensor,
        predicted: Tensor,
    ) -> Tensor:
        if self.filters == "none":
            return features + predicted
        return adaptive_convolution(
            features,
            predicted,
            steps=self.steps,
            corrected=self.filters == "corrected",
        )

    def _decode(
        self,
        features: Tensor,
        skips: list[Tensor],
    ) -> Tensor:
        features = self.conv_res(features)
        for level in (3, 2, 1):
            features = self.raised(level, features, skips[level - 1])
        residual: Tensor = self.out_res(features)
        return residual


def _two(channels: int) -> tuple[ResidualBlocks, ResidualBlocks]:
    return ResidualBlocks(channels, 2), ResidualBlocks(channels, 2)


def right_first(dual_pixel: Tensor) -> Tensor:
    """The views in the order right, left, padded; they are given as left, right."""
    left, right = pad_to_multiple(dual_pixel, MULTIPLE).chunk(2, dim=1)
    return torch.cat([right, left], dim=1)


WIDTH = 128


class ReblurNet(nn.Module):
    """Blurs a small sharp picture with filters made from those that deblur the features."""

    def __init__(
        self,
        filter_values: int,
        steps: int = 17,
        *,
        corrected: bool = False,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.corrected = corrected
        self.RBF = nn.Sequential(
            conv(filter_values, WIDTH),
            ResidualBlocks(WIDTH, 2),
            ResidualBlocks(WIDTH, 2),
            nn.Conv2d(WIDTH, filter_channels(steps, 3), 3, padding=1),
        )
        initialise(self.modules())

    def forward(self, sharp: Tensor, filters: Tensor) -> Tensor:
        """The reblurred picture at the filters' size, resized to it by nearest neighbour."""
        small = functional.interpolate(sharp, size=filters.shape[-2:], mode="nearest")
        blurred = adaptive_convolution(
            small,
            self.RBF(filters),
            steps=self.steps,
            corrected=self.corrected,
            last_activation=False,
        )
        return blurred + small
