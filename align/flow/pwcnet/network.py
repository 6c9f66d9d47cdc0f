"""PWC-Net with the entry names of sniklaus/pytorch-pwc, whose checkpoints therefore load.

Source: Sun et al., PWC-Net (CVPR 2018); written from the paper."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from defocus.align.arrays import Size

RADIUS = 4
DISPLACEMENTS = (2 * RADIUS + 1) ** 2
"""Channels of a cost volume."""

VARIANCE_FLOOR = 1e-12
"""Smallest variance of features. It keeps features without structure, as of an even grey, from a
division by zero."""


@dataclass(frozen=True)
class InnerWarp:
    """How features are warped: on a grid of aligned corners, or of pixel centres."""

    aligned_corners: (
        bool  # zero flow is the identity; else flows are scaled by W / (W - 1)
    )
    valid_above: float  # if less than this share of a sample lies inside the frame, the result is 0


SNIKLAUS = InnerWarp(aligned_corners=True, valid_above=0.999)
"""Warp of features in the present code of sniklaus/pytorch-pwc."""
JDRL = InnerWarp(aligned_corners=False, valid_above=0.999)
"""Warp of features in the older copy of that code inside JDRL's."""
NVLABS = InnerWarp(aligned_corners=True, valid_above=0.9999)
"""Warp of features in NVlabs/PWC-Net, with the sampling of the torch version that it was written
for."""


def cost_volume(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """``(N, 81, H, W)``: mean over channels of first(y, x) * second(y + dy, x + dx), zeros outside.

    The channel is (dy + 4) * 9 + (dx + 4)."""
    dtype = torch.promote_types(
        torch.promote_types(first.dtype, second.dtype),
        torch.float32,
    )
    first = first.to(dtype)
    second = second.to(dtype)
    volume: torch.Tensor = _CostVolume.apply(first, second)
    return volume


class _CostVolume(torch.autograd.Function):
    """81 shifted products, with a gradient: unfolding takes 20 times the time and memory."""

    @staticmethod
    def forward(ctx: Any, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - torch's context
        ctx.save_for_backward(first, second)
        if first.is_cuda:
            return _by_rows(first, second)
        # channels last in memory, the products of shifted views would take five times as long
        first = first.contiguous()
        second = second.contiguous()
        count, _, height, width = first.shape
        volume = first.new_empty(count, DISPLACEMENTS, height, width)
        # one for all: 81 of them leave a heap full of holes
        product = torch.empty_like(first)
        for index, moved in enumerate(_shifted(_padded(second), height, width)):
            torch.mul(first, moved, out=product)
            torch.mean(product, dim=1, out=volume[:, index])
        return volume

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401 - torch's context
        *gradients: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = ctx.saved_tensors
        gradient = gradients[0] / first.shape[1]
        of_first = torch.zeros_like(first)
        of_padded = torch.zeros_like(_padded(second))
        size = first.shape[2:]
        windows = zip(
            _shifted(_padded(second), *size),
            _shifted(of_padded, *size),
            strict=True,
        )
        for index, (moved, of_moved) in enumerate(windows):
            part = gradient[:, index : index + 1]
            of_first.addcmul_(part, moved)
            of_moved.addcmul_(part, first)
        return of_first, of_padded[
            :, :, RADIUS : RADIUS + size[0], RADIUS : RADIUS + size[1]
        ]


def _by_rows(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The cost volume for a GPU, by rows of displacements: 18 kernel launches instead of 162.

    A launch costs more time than the sums that it computes."""
    count, _, height, width = first.shape
    steps = 2 * RADIUS + 1
    volume = first.new_empty(count, steps, steps, height, width)
    padded = _padded(second)
    for dy, row in enumerate(volume.unbind(1)):
        rows = padded[:, :, dy : dy + height]
        moved = rows.unfold(3, width, 1)  # (N, C, H, 9, W)
        products = first.unsqueeze(3) * moved
        means = products.mean(dim=1)
        row.copy_(means.transpose(1, 2))
    return volume.flatten(1, 2)


def _padded(features: torch.Tensor) -> torch.Tensor:
    return nn.functional.pad(features, (RADIUS,) * 4)


def _shifted(padded: torch.Tensor, height: int, width: int) -> Iterator[torch.Tensor]:
    """Views of a padded map, one for each displacement, in the order of a cost volume."""
    steps = range(2 * RADIUS + 1)
    for dy in steps:
        rows = padded[:, :, dy : dy + height]
        for dx in steps:
            yield rows[:, :, :, dx : dx + width]


def warp_features(
    features: torch.Tensor,
    flow: torch.Tensor,
    rule: InnerWarp,
) -> torch.Tensor:
    """Backward warp, px of this level, with zeros where a sample is (partly) outside the frame."""
    height, width = features.shape[2:]
    down = flow[:, 1] * (2.0 / (height - 1))
    right = flow[:, 0] * (2.0 / (width - 1))
    rows = _axis(height, rule, flow)[:, None] + down
    columns = _axis(width, rule, flow)[None, :] + right
    ones = torch.ones_like(features[:, :1])
    sampled = nn.functional.grid_sample(
        torch.cat([features, ones], dim=1),
        torch.stack([columns, rows], dim=-1),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=rule.aligned_corners,
    )
    inside = sampled[:, -1:] > rule.valid_above
    return sampled[:, :-1] * inside.to(sampled.dtype)


def _axis(side: int, rule: InnerWarp, like: torch.Tensor) -> torch.Tensor:
    border = 0.0 if rule.aligned_corners else 1.0 / side
    return torch.linspace(
        -1.0 + border,
        1.0 - border,
        side,
        dtype=like.dtype,
        device=like.device,
    )


def normalised_features(
    first: torch.Tensor,
    second: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalise both maps by their common mean and standard deviation, for each sample.

    Else no network learns from blurry/sharp pairs. Source: Jonschkowski et al. (ECCV 2020), 3.2."""
    both = torch.stack([first, second])
    both = both.to(torch.promote_types(both.dtype, torch.float32))
    axes = (0, 2, 3, 4)
    variance, mean = torch.var_mean(both, dim=axes, correction=0, keepdim=True)
    scale = torch.rsqrt(variance + VARIANCE_FLOOR)
    return tuple((both - mean) * scale)


FLOW_SCALE = 20.0
"""The network's unit: one stands for 20 pixels of the full picture."""

SLOPE = 0.1
"""Slope of every leaky rectifier for negative values."""

FINEST = 2
"""The finest level that has a decoder."""
_AS_IT_IS = contextlib.nullcontext()

PYRAMID_CHANNELS = (16, 32, 64, 96, 128, 196)
DENSE_CHANNELS = (128, 128, 96, 64, 32)
REFINER = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))
LEVEL_NAMES = ("netOne", "netTwo", "netThr", "netFou", "netFiv", "netSix")


class Flows(NamedTuple):
    """Flows of all levels in the network's unit, coarse first; ``refined`` is the result."""

    flow6: torch.Tensor
    flow5: torch.Tensor
    flow4: torch.Tensor
    flow3: torch.Tensor
    flow2: torch.Tensor
    refined: torch.Tensor


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE, inplace=True)


def _conv(
    inputs: int,
    outputs: int,
    *,
    stride: int = 1,
    dilation: int = 1,
) -> nn.Conv2d:
    return nn.Conv2d(
        inputs,
        outputs,
        3,
        stride,
        padding=dilation,
        dilation=dilation,
    )


class Extractor(nn.Module):
    """The feature pyramid: six levels, each half the size of the one before."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 3
        for name, outputs in zip(LEVEL_NAMES, PYRAMID_CHANNELS, strict=True):
            level = nn.Sequential(
                _conv(inputs, outputs, stride=2),
                _activation(),
                _conv(outputs, outputs),
                _activation(),
                _conv(outputs, outputs),
                _activation(),
            )
            self.add_module(name, level)
            inputs = outputs

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Features of levels 2 to 6 of a ``(N, 3, H, W)`` picture; level 1 is not used."""
        levels = []
        for name in LEVEL_NAMES:
            picture = self.get_submodule(name)(picture)
            levels.append(picture)
        return levels[1:]


class Decoder(nn.Module):
    """Flow of a level, 2 to 6, in units of 20 / 2^level px, from cost volume and features."""

    def __init__(self, level: int, rule: InnerWarp, *, normalise: bool) -> None:
        super().__init__()
        self.level = level
        self.rule = rule
        self.normalise = normalise
        if level < 6:
            self.netUpflow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
            self.netUpfeat = nn.ConvTranspose2d(
                dense_outputs(level + 1),
                2,
                4,
                stride=2,
                padding=1,
            )
        inputs = dense_inputs(level)
        for name, outputs in zip(LEVEL_NAMES[:5], DENSE_CHANNELS, strict=True):
            self.add_module(name, nn.Sequential(_conv(inputs, outputs), _activation()))
            inputs += outputs
        self.netSix = nn.Sequential(_conv(inputs, 2))

    def forward(
        self,
        first: torch.Tensor,
        second: torch.Tensor,
        above: tuple[torch.Tensor, torch.Tensor] | None,
        *,
        half: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Flow of this level and its dense features; ``above`` is both of the coarser level."""
        inputs = self._inputs(first, second, above)
        with torch.autocast(inputs.device.type, torch.float16) if half else _AS_IT_IS:
            return self.dense(inputs)

    def _inputs(
        self,
        first: torch.Tensor,
        second: torch.Tensor,
        above: tuple[torch.Tensor, torch.Tensor] | None,
    ) -> torch.Tensor:
        """Inputs of the dense layers, in a separate function to free temporary tensors."""
        compared = first
        sought = second
        if self.normalise:
            compared, sought = normalised_features(first, second)
        if above is None:
            return self.volume(compared, sought)
        flow = self.netUpflow(above[0])
        upfeat = self.netUpfeat(above[1])
        level_flow = flow * (FLOW_SCALE / 2**self.level)
        warped = warp_features(sought, level_flow, self.rule)
        volume = self.volume(compared, warped)
        return torch.cat([volume, first, flow, upfeat], dim=1)

    def volume(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The rectified cost volume."""
        return nn.functional.leaky_relu(cost_volume(first, second), SLOPE, inplace=True)

    def dense(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The densely connected layers, summed source by source: one wide convolution for each.

        That is faster than concatenating; one memory layout spares a copy of the finest level."""
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        layers = [self.get_submodule(name)[0] for name in LEVEL_NAMES[:6]]  # type: ignore[index]
        # of a source's channels, counted from the end of a layer's
        start = inputs.shape[1]
        bias = torch.cat([layer.bias for layer in layers])
        pending = _addends(inputs, layers, slice(-start, None), bias).to(inputs.dtype)
        features = [inputs]
        for index, outputs in enumerate(DENSE_CHANNELS):
            source = nn.functional.leaky_relu(pending[:, :outputs], SLOPE)
            features.insert(0, source)
            channels = slice(-start - outputs, -start)
            addend = _addends(source, layers[index + 1 :], channels)
            pending = addend.to(pending.dtype).add_(pending[:, outputs:])
            start += outputs
        return pending, torch.cat(features, dim=1)


def _addends(
    source: torch.Tensor,
    layers: list[Any],
    channels: slice,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Contribution of a source to several layers, which have it as their channels ``channels``."""
    weights = [layer.weight[:, channels] for layer in layers]
    weight = torch.cat(weights)
    return nn.functional.conv2d(source, weight, bias, padding=1)


def dense_inputs(level: int) -> int:
    """Number of input channels of a level's decoder."""
    return (
        DISPLACEMENTS if level == 6 else DISPLACEMENTS + PYRAMID_CHANNELS[level - 1] + 4
    )


def dense_outputs(level: int) -> int:
    """Number of channels of a level's dense features."""
    return dense_inputs(level) + sum(DENSE_CHANNELS)


class Refiner(nn.Module):
    """Dilated convolutions that add context to the finest flow."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = dense_outputs(2)
        for outputs, dilation in REFINER:
            layers += [_conv(inputs, outputs, dilation=dilation), _activation()]
            inputs = outputs
        self.netMain = nn.Sequential(*layers, _conv(inputs, 2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Correction of the flow, ``(N, 2, H, W)``."""
        refined: torch.Tensor = self.netMain(features)
        return refined


class PWCNet(nn.Module):
    """The network, 9,374,274 parameters; official weights have no normalised features."""

    def __init__(self, rule: InnerWarp = SNIKLAUS, *, normalise: bool = False) -> None:
        super().__init__()
        self.normalise = normalise
        self.netExtractor = Extractor()
        for level in range(2, 7):
            self.add_module(
                LEVEL_NAMES[level - 1],
                Decoder(level, rule, normalise=normalise),
            )
        self.netRefiner = Refiner()

    def flows(
        self,
        first: torch.Tensor,
        second: torch.Tensor,
        *,
        half: bool = False,
    ) -> Flows:
        """Flows of all levels, 1 = 20 px of the picture, of BGR with sides of multiples of 64.

        ``half`` is for the finest level and the refiner, most of the work: it rounds 20 px to 0.01
        px."""
        count = first.shape[0]
        pyramid = self.netExtractor(torch.cat([first, second]))
        above: tuple[torch.Tensor, torch.Tensor] | None = None
        flows = []
        for level in range(6, FINEST - 1, -1):
            features = pyramid.pop()
            decoder = self.get_submodule(LEVEL_NAMES[level - 1])
            above = decoder(
                features[:count],
                features[count:],
                above,
                half=half and level == FINEST,
            )
            flows.append(above[0])
        assert above is not None  # noqa: S101 - the loop ran
        with torch.autocast(first.device.type, torch.float16) if half else _AS_IT_IS:
            correction = self.netRefiner(above[1])
        finest = above[0] + correction.to(above[0].dtype)
        return Flows._make([*flows, finest])

    def forward(
        self,
        first: torch.Tensor,
        second: torch.Tensor,
        *,
        half: bool = False,
    ) -> torch.Tensor:
        """Flow in pixels of the full picture at a quarter of its size, ``(N, 2, H/4, W/4)``."""
        return self.flows(first, second, half=half).refined * FLOW_SCALE


def estimate_flow(
    network: PWCNet,
    first: torch.Tensor,
    second: torch.Tensor,
    *,
    half: bool = False,
) -> torch.Tensor:
    """``(N, 2, H, W)`` px for BGR of any size: bilinear to multiples of 64 and back, rescaled."""
    height, width = first.shape[2:]
    # the next multiples of 64
    size = (-(-height // 64) * 64, -(-width // 64) * 64)
    frames = [_resized(one, size) for one in (first, second)]
    flow = _resized(network(*frames, half=half), (height, width))
    scale = torch.tensor(
        [width / size[1], height / size[0]],
        dtype=flow.dtype,
        device=flow.device,
    )
    return flow * scale[:, None, None]


def _resized(values: torch.Tensor, size: Size) -> torch.Tensor:
    return nn.functional.interpolate(
        values,
        size=size,
        mode="bilinear",
        align_corners=False,
    )
