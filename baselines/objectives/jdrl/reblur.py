"""The reblurring network: blurs the restored picture back with isotropic kernels only.

Isotropic kernels cannot shift content, so a restored picture that reproduces the blurry one is
aligned with it. State-dict names are those of the released ``Reblur_Model``. Source: JDRL (AAAI
2023), section 3.2 and Table 7.
"""

from typing import NamedTuple

import torch
from torch import nn

from defocus.baselines.operators.reblurring.operator import Path, isotropic_reblur
from defocus.baselines.operators.reblurring.rings import seed_count

__all__ = ["FEATURES", "LEVELS", "ReblurNet", "Reblurred", "Trunk"]

LEVELS = 8
"""m: blur levels, the identity among them; the largest kernel reaches m - 1 = 7 px."""
FEATURES = 64


class _Block(nn.Module):
    """Two convolutions with a residual connection."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        change: torch.Tensor = self.conv2(torch.relu(self.conv1(features)))
        return features + change


class Trunk(nn.Module):
    """From pictures ``(N, inputs, H, W)`` to maps ``(N, outputs, H, W)``; no pooling."""

    def __init__(self, inputs: int, outputs: int, features: int = FEATURES) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(inputs, features, 3, padding=1)
        self.block1, self.block2, self.block3 = (_Block(features) for _ in range(3))
        self.out = nn.Conv2d(features, outputs, 3, padding=1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The maps, without an activation."""
        features = self.block3(self.block2(self.block1(self.conv_first(pictures))))
        maps: torch.Tensor = self.out(features)
        return maps


class Reblurred(NamedTuple):
    """The reblurred picture; radial samples ``(N, S, H, W)``, of either sign; levels' weights."""

    picture: torch.Tensor
    seeds: torch.Tensor
    weights: torch.Tensor


class ReblurNet(nn.Module):
    """R: two trunks, one for the kernels' radial samples, one for the weights of the levels."""

    def __init__(
        self, levels: int = LEVELS, features: int = FEATURES, operator: Path | None = None
    ) -> None:
        super().__init__()
        self.operator = operator
        self.kernel_map_gene = Trunk(6, levels, features)
        self.kpn = Trunk(6, seed_count(levels), features)
        self.apply(initialise)

    def forward(self, restored: torch.Tensor, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture, blurred again; the blurry one only guides the kernels."""
        return self.reblur(restored, blurry).picture

    def reblur(self, restored: torch.Tensor, blurry: torch.Tensor) -> Reblurred:
        """Same as :meth:`forward`, with the kernels."""
        pictures = torch.cat([restored, blurry], dim=1)
        weights = torch.softmax(self.kernel_map_gene(pictures), dim=1)
        seeds = self.kpn(pictures)
        return Reblurred(isotropic_reblur(restored, seeds, weights, self.operator), seeds, weights)


def initialise(module: nn.Module) -> None:
    """Xavier's normal initialisation, biases 0, as the released code."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
