"""The reblurring network: blurs the restored picture back with isotropic kernels only.

Isotropic kernels cannot shift content, so a restored picture that gives the blurry one again lies
where the blurry one lies. State-dict names are those of the released ``Reblur_Model``.

Source: JDRL (AAAI 2023), section 3.2 and Table 7.
"""

import torch
from torch import nn

from defocus.baselines.reblurring.operator import isotropic_reblur
from defocus.baselines.reblurring.rings import seed_count

__all__ = ["LEVELS", "ReblurNet"]

LEVELS = 8
"""m: blur levels, the identity among them; the largest kernel reaches m - 1 = 7 px."""
FEATURES = 64


class _Block(nn.Module):
    """Two convolutions and the identity beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.conv2 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        restored: torch.Tensor = self.conv2(torch.relu(self.conv1(features)))
        return features + restored


class _Trunk(nn.Module):
    """From both pictures to maps at full resolution; no normalisation, no pooling."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(6, FEATURES, 3, padding=1)
        self.block1, self.block2, self.block3 = _Block(), _Block(), _Block()
        self.out = nn.Conv2d(FEATURES, outputs, 3, padding=1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        features = self.block3(self.block2(self.block1(self.conv_first(pictures))))
        maps: torch.Tensor = self.out(features)
        return maps


class ReblurNet(nn.Module):
    """R: two trunks, one for the kernels' radial samples, one for the weights of the levels.

    Args:
        levels: m.
    """

    def __init__(self, levels: int = LEVELS) -> None:
        super().__init__()
        self.kernel_map_gene = _Trunk(levels)
        self.kpn = _Trunk(seed_count(levels))
        self.apply(_initialise)

    def forward(self, restored: torch.Tensor, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture, blurred back.

        Args:
            restored: ``(N, 3, H, W)`` float32 in [0, 1].
            blurry: Same shape; only guides the kernels.

        Returns:
            Same shape.
        """
        pictures = torch.cat([restored, blurry], dim=1)
        weights = torch.softmax(self.kernel_map_gene(pictures), dim=1)
        return isotropic_reblur(restored, self.kpn(pictures), weights)


def _initialise(module: nn.Module) -> None:
    """Xavier's normal initialisation, biases 0, as the released code."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
