"""DRBNet, with layers and names of the released ``DRBNet_single`` and ``DeblurNet_dual``.

Source: Ruan et al., Learning to Deblur using Light Field Generated and Real Defocus Images (2022).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual, residual
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.systems.ifan.network import (
    MULTIPLE,
    SLOPE,
    FourScales,
    conv,
    right_first,
    up,
)

SIDE = 7


def filtered(picture: Tensor, kernels: Tensor) -> Tensor:
    """Apply each pixel's own 7 × 7 kernel to all colours; border values are repeated."""
    # ``(N, 49, h, w)`` row by row: tap ``7 ky + kx`` weighs the pixel ``ky - 3`` rows below and
    # ``kx - 3`` columns to the right; they need not sum to 1 (DRBNet, filter adaptive convolution).
    # Tap by tap, so that memory holds one shifted picture and not 49.
    height, width = picture.shape[-2:]
    radius = SIDE // 2
    padded = functional.pad(picture, (radius,) * 4, mode="replicate")
    result = torch.zeros_like(picture)
    for tap in range(SIDE * SIDE):
        top, left = divmod(tap, SIDE)
        rows = slice(top, top + height)
        columns = slice(left, left + width)
        window = padded[..., rows, columns]
        result = torch.addcmul(result, window, kernels[:, tap : tap + 1])
    return result


LEVELS = 4
"""Number of scales: 1, 1/2, 1/4 and 1/8."""


def _signed(picture: Tensor) -> Tensor:
    """From [0, 1] to [-1, 1]."""
    return 2 * picture - 1


def _unsigned(picture: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1]."""
    return (picture + 1) / 2


class DRBNet(FourScales):
    """From a blurry picture to the restored one, coarse to fine over four scales."""

    # At each scale the picture so far is filtered by per-pixel kernels and gets a residual, both
    # predicted from the decoder's features and the picture's own. Inside, colours are in [-1, 1].
    # ``dual``: the encoder sees right and left view instead. ``adds_input``: each scale begins with
    # the details of the picture that the coarser one lacks, as in narrow copies; not in the paper.

    def __init__(
        self,
        *,
        dual: bool = False,
        width: int = 32,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.dual = dual
        inputs = 6 if dual else 3
        channels = tuple(width << level for level in range(LEVELS))
        self.add_encoder("conv", inputs, channels)
        deep = channels[-1]
        self.conv4_4 = nn.Sequential(
            conv(deep, deep),
            _residual(deep),
            _residual(deep),
            conv(deep, deep),
        )
        self._add_predictions(channels)

    def _add_predictions(self, channels: tuple[int, ...]) -> None:
        """The layers of each scale, the smallest first."""
        width, two, four, deep = channels
        self._add_up(3, channels)
        self.img_d8_feature = _picture_features(two, four, deep)
        self._add_heads(3, 2 * deep, (deep, four), (deep, two))
        self._add_up(2, channels)
        self.img_d4_feature = _picture_features(two, four, four)
        self._add_heads(2, deep, (four, four), (four, two))
        self.img_d2_feature = _picture_features(two, two, two)
        self._add_up(1, channels)
        self.img_d1_feature = _picture_features(two, two, width)
        self._add_heads(1, four, (two, two), (two, two))
        self._add_heads(0, two, (two, two), (two, two))

    def outputs(
        self,
        blurry: Tensor,
        dual_pixel: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """``restored`` ``(N, 3, H, W)`` in [0, 1], and what each of the four scales predicts."""
        # ``dual_pixel`` is left and right view. Of each ``level`` from 3 (1/8 of the padded size)
        # to 0: ``kernel{level}`` ``(N, 49, h, w)``, ``residual{level}`` for colours in [-1, 1] and,
        # but for 0, the picture so far, ``scale{level}`` in [0, 1], not clipped.
        picture = _signed(pad_to_multiple(blurry, MULTIPLE))
        seen = picture if dual_pixel is None else _signed(right_first(dual_pixel))
        *skips, deepest = self.encoded("conv", seen)
        given: dict[str, Tensor] = {}
        estimate = functional.avg_pool2d(picture, MULTIPLE)
        features = self.conv4_4(deepest)
        for level in (3, 2, 1, 0):
            if level < 3:
                given[f"scale{level + 1}"] = _unsigned(estimate)
                estimate = self._enlarged(estimate, picture, level)
                features = self.raised(level + 1, features, skips[level])
            estimate, kernel, change = self._refined(level, estimate, features)
            given |= {f"kernel{level}": kernel, f"residual{level}": change}
        given["restored"] = cropped(_unsigned(estimate.clamp(-1, 1)), blurry)
        return given

    def _enlarged(
        self,
        estimate: Tensor,
        picture: Tensor,
        level: int,
    ) -> Tensor:
        """The picture so far at twice the size, with the input's details where they are added."""
        larger = _doubled(estimate)
        if self.adds_input:
            larger = larger + _details(picture, level)
        return larger

    def _refined(
        self,
        level: int,
        picture: Tensor,
        features: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The picture of a scale after its kernels and residual; these two as well."""
        own = self.get_submodule(f"img_d{2**level}_feature")(picture)
        joined = torch.cat([features, own], dim=1)
        kernel = self.get_submodule(f"upconv{level}_kernel")(joined)
        change = self.get_submodule(f"upconv{level}_res")(joined)
        refined = picture + filtered(picture, kernel) + change
        return refined, kernel, change

    def _add_up(self, level: int, channels: tuple[int, ...]) -> None:
        outputs = channels[level - 1]
        self.add_module(f"upconv{level}_u", up(channels[level], outputs))
        self.add_module(f"upconv{level}_1", _residual(outputs))
        self.add_module(f"upconv{level}_2", _residual(outputs))

    def _add_heads(
        self,
        level: int,
        inputs: int,
        kernel: tuple[int, int],
        change: tuple[int, int],
    ) -> None:
        predict = nn.Conv2d(kernel[1], SIDE * SIDE, 1)
        kernels = nn.Sequential(conv(inputs, kernel[0]), conv(*kernel), predict)
        self.add_module(f"upconv{level}_kernel", kernels)
        # the residual's last layer keeps its activation, as the released code has it
        last = nn.Sequential(
            nn.Conv2d(change[1], 3, 1),
            nn.LeakyReLU(SLOPE, inplace=True),
        )
        residuals = nn.Sequential(conv(inputs, change[0]), conv(*change), last)
        self.add_module(f"upconv{level}_res", residuals)


def _residual(channels: int) -> Residual:
    """A residual block; no activation after the sum, unlike IFAN's."""
    first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
    layers = nn.Sequential(first, nn.LeakyReLU(SLOPE, inplace=True), second)
    return residual(stem=nn.Sequential(layers))


def _picture_features(first: int, second: int, third: int) -> nn.Sequential:
    return nn.Sequential(conv(3, first), conv(first, second), conv(second, third))


def _doubled(picture: Tensor) -> Tensor:
    return functional.interpolate(picture, scale_factor=2, mode="nearest")


def _details(picture: Tensor, level: int) -> Tensor:
    """Details of the picture at a scale that the next coarser one lacks."""
    finer = functional.avg_pool2d(picture, 2**level)
    return finer - _doubled(functional.avg_pool2d(finer, 2))
