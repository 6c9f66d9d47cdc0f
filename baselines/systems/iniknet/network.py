"""INIKNet with the official state-dict names.

Source: Quan et al., Single Image Defocus Deblurring via Implicit Neural Inverse Kernels (ICCV
2023); xinyao240/INIKNet at 10c2a326.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.systems.iniknet.across_scales import AcrossScales
from defocus.baselines.systems.iniknet.kernels import SIZES_PX, KernelDictionary
from defocus.baselines.systems.iniknet.unet import UNet

__all__ = ["INIKNet"]

MULTIPLE = 16
SMALLEST_PX = 32
"""Below, reflection runs out of pixels at the coarsest level of the coarsest scale."""
COLOURS = 3
SHARES = {"quarter": 0.25, "half": 0.5, "restored": 1.0}
"""The scales, coarsest first."""


class INIKNet(nn.Module):
    """From a blurry to the restored picture; BGR inside, as the official pipeline reads."""

    def __init__(self, width: int = 32, kernels: int = 10) -> None:
        super().__init__()
        sizes = 1 + len(SIZES_PX)  # the first one gives nothing: it only takes weight away
        self.unet = UNet(width)
        self.lstms_basis_select = AcrossScales(width)
        self.lstms_scale_select = AcrossScales(width)
        self.scale_select = nn.Conv2d(width, sizes, 1)
        self.basis_select = nn.Conv2d(width, kernels, 1)
        self.inr_conv = KernelDictionary(kernels)
        self.sum = nn.Conv2d(sizes * COLOURS * kernels, COLOURS, 1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture; see :meth:`outputs`."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """The picture restored at three scales: ``restored``, ``half``, ``quarter``, unclamped."""
        # Padded by reflection on the right and below to multiples of 16 and at least 32 px, and
        # cropped again; the smaller ones are rounded up to whole pixels.
        padded = pad_to_multiple(blurry.flip(1), MULTIPLE, least=SMALLEST_PX)
        pictures = {name: _shrunk(padded, share) for name, share in SHARES.items()}
        features = [self.unet(picture) for picture in pictures.values()]
        bases = self.lstms_basis_select(features)
        sizes = self.lstms_scale_select(features)
        kernels = self.inr_conv()
        restored = {}
        for (name, picture), of_basis, of_size in zip(pictures.items(), bases, sizes, strict=True):
            mixed = self._mixed(
                picture, kernels, self.basis_select(of_basis), self.scale_select(of_size)
            )
            whole = cropped(picture + mixed, blurry, round(1 / SHARES[name]))
            restored[name] = whole.flip(1)
        return restored

    def _mixed(
        self,
        picture: torch.Tensor,
        kernels: list[torch.Tensor],
        of_basis: torch.Tensor,
        of_size: torch.Tensor,
    ) -> torch.Tensor:
        """The filtered pictures, mixed per pixel; one size at a time, which saves memory."""
        # ``of_size`` has the weights of the sizes before their softmax, ``(N, sizes, H, W)``.
        shares = of_size.softmax(dim=1)
        per_colour = of_basis.repeat(1, COLOURS, 1, 1)
        weights = self.sum.weight.chunk(shares.shape[1], dim=1)[1:]
        mixed: torch.Tensor = self.get_parameter("sum.bias").reshape(-1, 1, 1)
        for number, (size, weight) in enumerate(zip(kernels, weights, strict=True), start=1):
            filters = size.repeat(COLOURS, 1, 1).unsqueeze(1)
            maps = functional.conv2d(picture, filters, padding=size.shape[-1] // 2, groups=COLOURS)
            summed = functional.conv2d(maps * per_colour, weight)
            mixed = mixed + summed * shares[:, number : number + 1]
        return mixed


def _shrunk(picture: torch.Tensor, share: float) -> torch.Tensor:
    if share == 1:
        return picture
    return functional.interpolate(picture, scale_factor=share, mode="bilinear", align_corners=False)
