"""P2IKT's kernels: a fixed bank of inverse Gaussians and one predicted from the picture."""

import torch
from torch import nn
from torch.nn import functional

__all__ = ["MIXED", "KernelFeatures", "inverse_gaussians"]

COUNT = 5
SIZE = 5
SLOPE = 0.2
MIXED = 3 * (COUNT + 1)
"""Channels of the features: three colours times (delta and five inverse Gaussians)."""


def inverse_gaussians() -> torch.Tensor:
    """The released bank ``(6, 5, 5)``: a delta, then |W*/(|W|^2 + 0.01)| of five Gaussians."""
    # Sigma 0.25, 0.5, … 1.25 px on 3, 3, 3, 5, 5 px. The Fourier transform has the kernel's own
    # size and its inverse is not shifted back: the peak's place and the absolute value are the
    # code's. Kernels are zero padded to 5 px after the inversion and not normalised.
    bank = torch.zeros(COUNT + 1, SIZE, SIZE)
    bank[0, SIZE // 2, SIZE // 2] = 1.0
    for index in range(COUNT):
        size = 3 if index < 3 else 5
        spectrum = torch.fft.fft2(_gaussian(size, 0.25 * (index + 1)))
        inverse = torch.fft.ifft2(spectrum.conj() / (spectrum.abs().square() + 0.01)).abs()
        edge = (SIZE - size) // 2
        bank[index + 1, edge : edge + size, edge : edge + size] = inverse
    return bank


def _gaussian(size: int, sigma: float) -> torch.Tensor:
    """A Gaussian of sum 1, ``(size, size)``."""
    place = torch.arange(size) - size // 2
    line = torch.exp(-place.square() / (2 * sigma**2))
    kernel = torch.outer(line, line)
    return kernel / kernel.sum()


class KernelFeatures(nn.Module):
    """The picture filtered by the bank and by its predicted kernel, fused to 18 channels."""

    # ``corrected``: every colour meets all kernels, and has a predicted one of its own. Official
    # weights need the uncorrected form.

    bank: torch.Tensor

    def __init__(self, *, corrected: bool = False) -> None:
        super().__init__()
        self.adaption_conv = _Predictor(corrected=corrected)
        self.transform_conv = _Plain(3, MIXED)
        self.fuse_conv = _Plain(2 * MIXED, MIXED)
        self.Convsout = _Plain(3, 3)
        # In the code each kernel stands in three consecutive rows while the convolution has one
        # group of rows per colour, so red meets the first two kernels only, blue the last two.
        bank = inverse_gaussians()
        rows = (bank.repeat(3, 1, 1) if corrected else bank.repeat_interleave(3, dim=0))[:, None]
        self.register_buffer("bank", rows, persistent=False)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features ``(N, 18, H, W)`` and an auxiliary picture; H, W >= 7."""
        fixed = functional.conv2d(picture, self.bank, padding=SIZE // 2, groups=3)
        adapted = self.adaption_conv(picture)
        features = self.fuse_conv(torch.cat([fixed, self.transform_conv(adapted)], dim=1))
        return features, self.Convsout(picture)


class _Plain(nn.Module):
    """A 3 x 3 convolution without activation, under the released name."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        filtered: torch.Tensor = self.main(features)
        return filtered


class _Predictor(nn.Module):
    """A 5 x 5 kernel over three colours per picture, and the picture filtered by it."""

    def __init__(self, *, corrected: bool) -> None:
        super().__init__()
        self.corrected = corrected
        taps = SIZE * SIZE
        self.ConvNet = nn.Sequential(
            nn.Conv2d(3, 128, 11, padding=2),
            nn.LeakyReLU(SLOPE),
            nn.AdaptiveAvgPool2d(3),
            nn.Conv2d(128, taps, 1, bias=False),
            nn.LeakyReLU(SLOPE),
            nn.AdaptiveAvgPool2d((3, 1)),
            nn.Conv2d(taps, taps, 1, bias=False),
            nn.Softmax(dim=1),
        )

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """The filtered picture, same shape."""
        # The released code reads the memory of ``(N, 25, 3, 1)`` as ``(N, 3, 5, 5)``, so that taps
        # and colours are scrambled, and shows the one resulting channel in all three. Corrected,
        # each colour is filtered by the 25 taps that belong to it.
        predicted = self.ConvNet(picture)
        if self.corrected:
            return _filtered(picture, predicted.squeeze(3).transpose(1, 2).flatten(0, 1)[:, None])
        return _filtered(picture, predicted.reshape(-1, 3, SIZE * SIZE)).expand_as(picture)


def _filtered(picture: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    """Every picture by kernels of its own: ``(groups, channels of each, 25)``, zeros outside."""
    batch, size = picture.shape[0], picture.shape[-2:]
    groups = taps.shape[0]
    together = picture.reshape(1, -1, *size)
    kernels = torch.unflatten(taps, 2, (SIZE, SIZE))
    filtered = functional.conv2d(together, kernels, padding=SIZE // 2, groups=groups)
    return filtered.reshape(batch, -1, *size)
