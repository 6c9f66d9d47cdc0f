"""OKNet with the official state-dict names.

Source: Cui et al., Omni-Kernel Network for Image Restoration (AAAI 2024); c-yn/OKNet at 159cbc1b.
"""

import torch
from torch import Tensor, nn

from defocus.baselines.layers.three_scales import (
    ThreeScales,
    block_row,
    zero_padded_residual,
)

KERNEL_PX = 63


class OmniKernel(nn.Module):
    """Sums strips, a square and a point of a kernel of 63 px, and a branch over the whole map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.GELU())
        self.out_conv = nn.Conv2d(channels, channels, 1)
        self.dw_13 = _depthwise(channels, 1, KERNEL_PX)
        self.dw_31 = _depthwise(channels, KERNEL_PX, 1)
        self.dw_33 = _depthwise(channels, KERNEL_PX, KERNEL_PX)
        self.dw_11 = _depthwise(channels, 1, 1)
        self.conv = nn.Conv2d(channels, channels, 1)
        self.fac_conv = nn.Conv2d(channels, channels, 1)
        self.fgm = _SpectrumGate(channels)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        mixed = self.in_conv(features)
        local = (
            self.dw_13(mixed)
            + self.dw_31(mixed)
            + self.dw_33(mixed)
            + self.dw_11(mixed)
        )
        summed = features + local + self._over_the_map(mixed)
        given: Tensor = self.out_conv(summed.relu())
        return given

    def _over_the_map(self, mixed: Tensor) -> Tensor:
        # Officially the factor, one real number per channel, multiplies the spectrum, and the
        # modulus is taken after the way back: the same as without both transforms.
        factors = self.fac_conv(_mean(mixed))
        weighed = (factors * mixed).abs()
        shares = self.conv(_mean(weighed))
        gated: Tensor = self.fgm(shares * weighed)
        return gated


class _SpectrumGate(nn.Module):
    """Multiplies a spectrum by a map, index by index; at first the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels, 1, 1))
        self.beta = nn.Parameter(torch.ones(channels, 1, 1))
        # unused officially, but in the state dict
        self.conv = nn.Conv2d(channels, 2 * channels, 3, padding=1).requires_grad_(
            False
        )
        self.dwconv1 = nn.Conv2d(channels, channels, 1)
        self.dwconv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        # no transform of half precision
        gate = self.dwconv1(features).float()
        content = self.dwconv2(features).float()
        spectrum = gate * torch.fft.fft2(content)
        product = torch.fft.ifft2(spectrum).abs().to(features.dtype)
        gated: Tensor = self.alpha * product + self.beta * features
        return gated


def _depthwise(channels: int, height: int, width: int) -> nn.Conv2d:
    margins = (height // 2, width // 2)
    return nn.Conv2d(
        channels,
        channels,
        (height, width),
        padding=margins,
        groups=channels,
    )


def _mean(features: Tensor) -> Tensor:
    return features.mean(dim=(2, 3), keepdim=True)


class OKNet(ThreeScales):
    """From a blurry to the restored picture; ``width`` at full size is a multiple of 4."""

    multiple = 4
    smallest_px = 8

    def __init__(self, *, width: int = 32, blocks: int = 16) -> None:
        def stage(channels: int, _: bool) -> nn.Module:
            return block_row(zero_padded_residual(channels) for _ in range(blocks))

        super().__init__(width, stage)
        self.bottelneck = OmniKernel(4 * width)  # spelled so

    def bottleneck(self, features: Tensor) -> Tensor:
        """The large kernels; no residual around them."""
        mixed: Tensor = self.bottelneck(features)
        return mixed
