"""P2IKT: coarse to fine, kernels mixed per pixel with weights that are handed from scale to scale.

Source: Tang et al., Prior and Prediction Inverse Kernel Transformer for Single Image Defocus
Deblurring, AAAI 2024; the released ``model/P2IKT.py``.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.named import SeveralOutputs, named, unit
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.recurrent import Memory, MixingWeights, enlarged
from defocus.baselines.systems.p2ikt.backbone import Backbone

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
        self.transform_conv = unit(nn.Conv2d(3, MIXED, 3, padding=1))
        self.fuse_conv = unit(nn.Conv2d(2 * MIXED, MIXED, 3, padding=1))
        self.Convsout = unit(nn.Conv2d(3, 3, 3, padding=1))
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


HIDDEN = 12
SCALES = ("quarter", "half", "restored")


class P2IKT(SeveralOutputs):
    """Restores at a quarter, a half and full resolution in turn."""

    # ``width`` is 64 and ``deep``, that of the strip attention, 160 in the released network.

    def __init__(
        self, width: int = 64, deep: int = 160, *, corrected: bool = False, adds_input: bool = False
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.GCM = KernelFeatures(corrected=corrected)
        self.basemodel = Backbone(width, deep)
        layers = nn.Conv2d(width, HIDDEN, 3, padding=1), nn.BatchNorm2d(HIDDEN), nn.ReLU()
        own = named(conv=nn.Sequential(*layers))
        self.APU = MixingWeights(own, width, HIDDEN, bounded=True)
        self.SumLayer = named(conv=nn.Conv2d(2 * MIXED, 3, 1))
        self.SumLayer1 = nn.Conv2d(6, 3, 1)

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """``restored``, ``auxiliary``, ``half`` and ``quarter`` (rounded up); none is clamped."""
        # H, W >= 16; reflected on the right and below to multiples of 16 (at least 32, which the
        # predicted kernel needs at the coarsest scale), cropped back.
        padded = pad_to_multiple(blurry, 32 if min(blurry.shape[-2:]) <= 16 else 16)
        given: dict[str, torch.Tensor] = {}
        previous, memory = None, None
        for name, step in zip(SCALES, (4, 2, 1), strict=True):
            picture = padded[..., ::step, ::step]  # nearest neighbour
            previous = picture if previous is None else enlarged(previous)
            previous, auxiliary, memory = self._scale(picture, previous, memory)
            given[name] = cropped(previous, blurry, step)
        given["auxiliary"] = cropped(auxiliary, blurry)
        return given

    def _scale(
        self, picture: torch.Tensor, previous: torch.Tensor, memory: Memory | None
    ) -> tuple[torch.Tensor, torch.Tensor, Memory]:
        """One scale: the restored and the auxiliary picture, and what the next scale remembers."""
        weights, memory = self.APU(self.basemodel(picture), memory)
        of_picture, of_previous = (tile.tile(1, 3, 1, 1) for tile in weights.chunk(2, dim=1))
        features, own = self.GCM(picture)
        previous_features, before = self.GCM(previous)
        mixed = torch.cat([features * of_picture, previous_features * of_previous], dim=1)
        auxiliary = self.SumLayer1(torch.cat([before, own], dim=1))
        restored = self.SumLayer(mixed)
        return picture + restored if self.adds_input else restored, auxiliary, memory
