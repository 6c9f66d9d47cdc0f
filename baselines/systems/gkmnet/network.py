"""GKMNet, as released (csZcWu/GKMNet at 05304e5) and as updated (GKMNet_updating at 3830ec1).

Source: Quan et al., Gaussian Kernel Mixture Network (NeurIPS 2021)."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual, SeveralOutputs, named
from defocus.baselines.layers.padding import pad
from defocus.baselines.layers.recurrent import Memory, MixingWeights, enlarged

COUNT = 21
"""Number of Gaussians in a whole bank; a delta comes before them."""
SIDE = 21
COLOURS = 3
# Kernel i has sigma 0.25 (i + 1) px on 3 to 21 px; separable, a bank costs two passes.
SIGMA_STEP_PX = 0.25


def _taps(gaussians: int) -> list[list[float]]:
    """The bank's kernels in one dimension, in the middle of ``SIDE`` taps."""
    # Fewer Gaussians are evenly spaced ones of the whole bank; the widest is always there.
    delta = [0.0] * SIDE
    delta[SIDE // 2] = 1.0
    taps = [delta]
    for place in range(gaussians):
        number = round((place + 1) * COUNT / gaussians) - 1
        taps.append(_gaussian(number))
    return taps


def _gaussian(number: int) -> list[float]:
    side = min(SIDE, 3 + int(number * 18 / 19) // 2 * 2)
    radius = side // 2
    sigma = SIGMA_STEP_PX * (number + 1)
    places = range(-radius, radius + 1)
    spread = 2 * sigma**2
    values = [math.exp(-(place**2) / spread) for place in places]
    total = sum(values)
    inside = [value / total for value in values]
    outside = [0.0] * (SIDE // 2 - radius)
    return [*outside, *inside, *outside]


class _Bank(nn.Module):
    """A bank of separable filters: each channel is one colour filtered by one kernel."""

    # Colours ascend or repeat, with equally many channels per colour.

    taps: Tensor
    colours: Tensor

    def __init__(
        self,
        gaussians: int,
        kernels: Sequence[int],
        colours: Sequence[int],
    ) -> None:
        super().__init__()
        bank = _taps(gaussians)
        taps = torch.tensor([bank[number] for number in kernels])
        self.register_buffer("taps", taps, persistent=False)
        self.register_buffer("colours", torch.tensor(colours), persistent=False)

    def filtered(self, padded: Tensor) -> Tensor:
        """From ``(N, 3, H + 20, W + 20)`` to ``(N, channels, H, W)``."""
        channels = len(self.taps)
        # not by brackets, whose gradient is slow
        picked = padded.index_select(1, self.colours)
        picked = picked.to(self.taps.dtype, memory_format=torch.channels_last)
        # in bf16 a CPU takes minutes for some numbers of channels, and Gaussians are not learned
        with torch.autocast(picked.device.type, enabled=False):
            across = self.taps[:, None, None, :]
            rows = functional.conv2d(picked, across, groups=channels)
            down = self.taps[:, None, :, None]
            return functional.conv2d(rows, down, groups=channels)


class GroupedBank(_Bank):
    """The released grouping: 22 channels per colour, and no colour sees the whole bank of 21."""

    # Each kernel was repeated three times in a row and then given to a convolution of three groups:
    # channel j has kernel j // 3 and colour j // 22. Red gets the narrow third of the bank, blue
    # the wide one, each kernel in about three channels; only the 24 different ones are computed
    # here.

    places: Tensor

    def __init__(self, gaussians: int = COUNT) -> None:
        bank = gaussians + 1
        pairs = [(row // COLOURS, row // bank) for row in range(COLOURS * bank)]
        different = sorted(set(pairs), key=lambda pair: (pair[1], pair[0]))
        kernels, colours = zip(*different, strict=True)
        super().__init__(gaussians, kernels, colours)
        places = torch.tensor([different.index(pair) for pair in pairs])
        self.register_buffer("places", places, persistent=False)

    def forward(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)``, black outside, to ``(N, 66, H, W)``."""
        radius = SIDE // 2
        padded = pad(picture, (radius, radius, radius, radius), "zeros")
        different = self.filtered(padded)
        return different.index_select(1, self.places)

    @staticmethod
    def spread(weights: Tensor) -> Tensor:
        """From a weight per kernel, ``(N, 22, H, W)``, to one per channel."""
        return weights.repeat(1, COLOURS, 1, 1)


class InterleavedBank(_Bank):
    """Corrected grouping: every colour sees every kernel; reflection padding."""

    def __init__(self, gaussians: int = COUNT) -> None:
        rows = range(COLOURS * (gaussians + 1))
        kernels = [row // COLOURS for row in rows]
        colours = [row % COLOURS for row in rows]
        super().__init__(gaussians, kernels, colours)

    def forward(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)`` to ``(N, 66, H, W)``."""
        radius = SIDE // 2
        padded = pad(picture, (radius, radius, radius, radius))
        return self.filtered(padded)

    @staticmethod
    def spread(weights: Tensor) -> Tensor:
        """From a weight per kernel, ``(N, 22, H, W)``, to one per channel."""
        return weights.repeat_interleave(COLOURS, dim=1)


WIDTH = 32
"""Features per pixel of the released networks."""

GATE_MOMENTUM = 0.01


Layers = tuple[nn.Conv2d | nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]


def conv_norm_relu(convolution: nn.Conv2d | nn.ConvTranspose2d) -> Layers:
    """A convolution with batch normalisation and ReLU."""
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()


class _Gate(nn.Module):
    """A gate over two axes from maximum and mean over the third one (axis 1)."""

    def __init__(self) -> None:
        super().__init__()
        convolution = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        norm = nn.BatchNorm2d(1, momentum=GATE_MOMENTUM)
        self.conv = named(conv=convolution, bn=norm, gate=nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        largest = features.amax(dim=1)
        mean = features.mean(dim=1)
        pooled = torch.stack([largest, mean], dim=1)
        gated: Tensor = features * self.conv(pooled)
        return gated


class _TripletAttention(nn.Module):
    """Source: Misra et al., Rotate to Attend (WACV 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.cw = _Gate()
        self.hc = _Gate()
        self.hw = _Gate()

    def forward(self, features: Tensor) -> Tensor:
        rows_first = features.permute(0, 2, 1, 3)
        over_height = self.cw(rows_first).permute(0, 2, 1, 3)
        columns_first = features.permute(0, 3, 2, 1)
        over_width = self.hc(columns_first).permute(0, 3, 2, 1)
        gated: Tensor = self.hw(features) + over_height + over_width
        return gated / 3


class _Block(nn.Module):
    def __init__(self, channels: int, *first: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Sequential(*first)
        self.ta = _TripletAttention()
        inner, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.res_block = named(
            conv=Residual(*conv_norm_relu(inner)),
            conv1=Residual(*conv_norm_relu(second)),
        )

    def forward(self, features: Tensor) -> Tensor:
        attended: Tensor = self.ta(self.res_block(self.conv(features)))
        return attended


class Backbone(nn.Module):
    """From a picture to features per pixel; additive skips, but none at full size."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        two = 2 * width
        four = 4 * width
        self.in_block = _Block(width, nn.Conv2d(3, width, 3, padding=1))
        self.conv_block1_1 = _down(width, two)
        self.conv_block2_1 = _down(two, four)
        deepest = conv_norm_relu(nn.Conv2d(four, four, 3, padding=1))
        self.bottle_neck_1 = _Block(four, *deepest)
        self.conv_block3_1 = _up(four, two)
        self.conv_block4_1 = _up(two, width)

    def features(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)`` to ``(N, width, H, W)``; H and W multiples of 4."""
        first = self.conv_block1_1(self.in_block(picture))
        second = self.conv_block2_1(first)
        deepest = self.bottle_neck_1(second)
        raised = self.conv_block3_1(deepest + second)
        features: Tensor = self.conv_block4_1(raised + first)
        return features


def _down(inputs: int, outputs: int) -> _Block:
    halving = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    return _Block(outputs, *conv_norm_relu(halving))


def _up(inputs: int, outputs: int) -> _Block:
    doubling = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
    return _Block(outputs, *conv_norm_relu(doubling))


MULTIPLE = 16
SCALES = 3


class GKMNet(Backbone, SeveralOutputs):
    """From a blurry to the restored picture, from the coarsest of three scales to the finest."""

    # Groupings are the first (``released``) and the second repository's (``updated``):
    # parameters are shaped alike, checkpoints do not convert.

    def __init__(
        self,
        grouping: Literal["released", "updated"] = "released",
        width: int = WIDTH,
        gaussians: int = COUNT,
        *,
        adds_input: bool = False,
    ) -> None:
        super().__init__(width)
        self.adds_input = adds_input
        bank = GroupedBank if grouping == "released" else InterleavedBank
        self.bank = bank(gaussians)
        # weights for the blurry picture, then for the scale before
        mixed = 2 * (gaussians + 1)
        layers = conv_norm_relu(nn.Conv2d(width, mixed, 3, padding=1))
        own = named(conv=nn.Sequential(*layers))
        self.APU = MixingWeights(own, width, mixed, bounded=True)
        self.SumLayer = named(conv=nn.Conv2d(3 * mixed, 3, 1))

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """The picture restored at three scales: ``restored``, ``half``, ``quarter``, unclamped."""
        # The picture is put in the middle of a black frame, to multiples of 16, and cropped again;
        # the smaller ones are of the padded picture where the sides are no multiples of 16.
        height, width = blurry.shape[-2:]
        below = -height % MULTIPLE
        right = -width % MULTIPLE
        top = below // 2
        left = right // 2
        full = pad(blurry, (left, right - left, top, below - top), "zeros")
        pyramid = [full]
        for _ in range(SCALES - 1):
            pyramid.append(_halved(pyramid[-1]))
        restored, half, quarter = self.restored_scales(pyramid)
        rows = slice(top, top + height)
        columns = slice(left, left + width)
        return {
            "restored": restored[..., rows, columns],
            "half": half,
            "quarter": quarter,
        }

    def restored_scales(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """The restored scales from a pyramid, finest first, with sides of multiples of 16."""
        before = pyramid[-1]
        memory: Memory | None = None
        restored: list[Tensor] = []
        for blurry in reversed(pyramid):
            if restored:
                before = enlarged(restored[-1])
            weights, memory = self.APU(self.features(blurry), memory)
            restored.append(self._mixed(blurry, before, weights))
        return restored[::-1]

    def _mixed(
        self,
        blurry: Tensor,
        before: Tensor,
        weights: Tensor,
    ) -> Tensor:
        of_blurry, of_before = weights.chunk(2, dim=1)
        parts = [
            self.bank(blurry) * self.bank.spread(of_blurry),
            self.bank(before) * self.bank.spread(of_before),
        ]
        mixed: Tensor = self.SumLayer(torch.cat(parts, dim=1))
        return blurry + mixed if self.adds_input else mixed


def _halved(picture: Tensor) -> Tensor:
    """The picture at half its size, rounded down."""
    height, width = picture.shape[-2:]
    size = [height // 2, width // 2]
    return functional.interpolate(picture, size, mode="bilinear", antialias=True)
