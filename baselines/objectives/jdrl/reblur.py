"""The reblurring networks: JDRL's, those of its ablation, and a thin lens without weights.

State-dict names are those of ``Reblur_Model``. Source: JDRL (AAAI 2023), 3.2, Tables 4 and 7."""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual, residual
from defocus.baselines.objectives.jdrl.settings import JDRLSettings
from defocus.baselines.operators.reblurring.operator import Path, isotropic_reblur
from defocus.baselines.operators.reblurring.rings import seed_count
from defocus.scene.aperture import disc_psf

LARGEST_PX = 32
"""Largest diameter of a disc; larger ones are drawn with this one."""
LINEAR_TO, TOE, SCALE, EXPONENT = 0.04045, 12.92, 1.055, 2.4
"""Constants of the sRGB curve (IEC 61966-2-1)."""


def reblurred_by_map(restored: Tensor, diameters: Tensor) -> Tensor:
    """The picture with each pixel blurred by a disc of its own diameter, px, differentiable."""
    # A diameter between two whole ones mixes their pictures; borders are repeated outside the
    # frame.
    diameters = diameters.clamp(1, LARGEST_PX)  # a disc of 1 px is a point
    # bf16 has 8 bits of linear light
    with torch.autocast(restored.device.type, enabled=False):
        linear = _linear(restored.float())
        blurred = torch.zeros_like(linear)
        for whole in range(1, math.ceil(float(diameters.max())) + 1):
            share = (1 - (diameters - whole).abs()).clamp(min=0)
            if share.any():
                blurred = blurred + share * _disc_blurred(linear, whole)
        return _encoded(blurred)


def _disc_blurred(linear: Tensor, diameter: int) -> Tensor:
    kernel = _kernel(diameter).to(linear)
    half = kernel.shape[-1] // 2
    padded = functional.pad(linear, (half,) * 4, mode="replicate")
    by_colour = padded.flatten(0, 1)[:, None]
    planes = functional.conv2d(by_colour, kernel)
    return planes.view(linear.shape)


@cache
def _kernel(diameter: int) -> Tensor:
    psf = torch.from_numpy(disc_psf(diameter))
    return psf.float()[None, None]


def _linear(encoded: Tensor) -> Tensor:
    encoded = encoded.clamp(0, 1)
    base = (encoded.clamp(min=LINEAR_TO) + SCALE - 1) / SCALE
    bent = base**EXPONENT
    return torch.where(encoded <= LINEAR_TO, encoded / TOE, bent)


def _encoded(linear: Tensor) -> Tensor:
    knee = LINEAR_TO / TOE
    root = linear.clamp(min=knee) ** (1 / EXPONENT)
    bent = SCALE * root - (SCALE - 1)
    return torch.where(linear <= knee, linear * TOE, bent)


LEVELS = 8
"""m: blur levels, the identity among them; the largest kernel reaches m - 1 = 7 px."""
FEATURES = 64


def _block(features: int) -> Residual:
    """Two convolutions with a residual connection."""
    first, second = (nn.Conv2d(features, features, 3, padding=1) for _ in range(2))
    return residual(conv1=first, relu=nn.ReLU(), conv2=second)


class Trunk(nn.Module):
    """From pictures ``(N, inputs, H, W)`` to maps ``(N, outputs, H, W)``; no pooling."""

    def __init__(self, inputs: int, outputs: int, features: int = FEATURES) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(inputs, features, 3, padding=1)
        self.block1, self.block2, self.block3 = (_block(features) for _ in range(3))
        self.out = nn.Conv2d(features, outputs, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """The maps, without an activation."""
        first = self.block1(self.conv_first(pictures))
        features = self.block3(self.block2(first))
        maps: Tensor = self.out(features)
        return maps


class Reblurred(NamedTuple):
    """The reblurred picture; radial samples ``(N, S, H, W)``, of either sign; levels' weights."""

    picture: Tensor
    seeds: Tensor
    weights: Tensor


class ReblurNet(nn.Module):
    """R: two trunks, one for the kernels' radial samples, one for the weights of the levels."""

    # Isotropic kernels cannot shift content, so a restored picture that reproduces the blurry one
    # is aligned with it.

    def __init__(
        self,
        levels: int = LEVELS,
        features: int = FEATURES,
        operator: Path | None = None,
    ) -> None:
        super().__init__()
        self.operator = operator
        self.kernel_map_gene = Trunk(6, levels, features)
        self.kpn = Trunk(6, seed_count(levels), features)
        self.apply(initialise)

    def forward(self, restored: Tensor, blurry: Tensor) -> Tensor:
        """The restored picture, blurred again; the blurry one only guides the kernels."""
        return self.reblur(restored, blurry).picture

    def reblur(self, restored: Tensor, blurry: Tensor) -> Reblurred:
        """Same as :meth:`forward`, with the kernels."""
        pictures = torch.cat([restored, blurry], dim=1)
        weights = torch.softmax(self.kernel_map_gene(pictures), dim=1)
        seeds = self.kpn(pictures)
        picture = isotropic_reblur(restored, seeds, weights, self.operator)
        return Reblurred(picture, seeds, weights)


def initialise(module: nn.Module) -> None:
    """Xavier's normal initialisation, biases 0, as the released code."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class FreeKernelNet(nn.Module):
    """Kernels of the same sizes and level weights, but each tap is predicted separately."""

    # Such kernels can shift content, so nothing holds the restored picture at the blurry one's
    # place.

    def __init__(self, levels: int = LEVELS, features: int = FEATURES) -> None:
        super().__init__()
        self.taps = [(2 * radius + 1) ** 2 for radius in range(1, levels)]
        self.kernel_map_gene = Trunk(6, levels, features)
        self.kpn = Trunk(6, sum(self.taps), features)
        self.apply(initialise)

    def forward(self, restored: Tensor, blurry: Tensor) -> Tensor:
        """As :meth:`ReblurNet.forward`."""
        pictures = torch.cat([restored, blurry], dim=1)
        weights = torch.softmax(self.kernel_map_gene(pictures), dim=1)
        count, colours, height, width = restored.shape
        blurred = weights[:, :1] * restored
        by_radius = torch.split(self.kpn(pictures), self.taps, dim=1)
        for radius, logits in enumerate(by_radius, start=1):
            shifted = functional.unfold(restored, 2 * radius + 1, padding=radius)
            shifted = shifted.view(count, colours, -1, height, width)
            taps = torch.softmax(logits, dim=1)[:, None]
            level = (taps * shifted).sum(dim=2)
            blurred = blurred + weights[:, radius : radius + 1] * level
        return blurred


class SingleKernelNet(nn.Module):
    """One isotropic kernel per pixel, of the largest size, 2 m - 1 taps across; no mixing."""

    def __init__(
        self,
        levels: int = LEVELS,
        features: int = FEATURES,
        operator: Path | None = None,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.operator = operator
        self.kpn = Trunk(6, levels, features)
        self.apply(initialise)

    def forward(self, restored: Tensor, blurry: Tensor) -> Tensor:
        """As :meth:`ReblurNet.forward`."""
        seeds = self.kpn(torch.cat([restored, blurry], dim=1))
        unused = (0, 0, 0, 0, seed_count(self.levels) - self.levels, 0)
        weights = torch.zeros_like(seeds)
        weights[:, -1] = 1.0
        return isotropic_reblur(
            restored,
            functional.pad(seeds, unused),
            weights,
            self.operator,
        )


def reblurring_network(settings: JDRLSettings) -> nn.Module | None:
    """The network of the settings; None if nothing is reblurred."""
    levels = settings.levels
    features = settings.features
    operator = settings.operator
    if settings.kernels == "free":
        return FreeKernelNet(levels, features)
    if settings.kernels == "single":
        return SingleKernelNet(levels, features, operator)
    return (
        ReblurNet(levels, features, operator)
        if settings.kernels == "isotropic"
        else None
    )
