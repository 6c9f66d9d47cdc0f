"""Reblurring networks of the paper's ablation: free kernels, and one kernel without weights.

Source: JDRL (AAAI 2023), Table 4, lines 5 and 6.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.objectives.jdrl.reblur import FEATURES, LEVELS, ReblurNet, Trunk, initialise
from defocus.baselines.objectives.jdrl.settings import JDRLSettings
from defocus.baselines.operators.reblurring.operator import Path, isotropic_reblur
from defocus.baselines.operators.reblurring.rings import seed_count

__all__ = ["FreeKernelNet", "SingleKernelNet", "reblurring_network"]


class FreeKernelNet(nn.Module):
    """Kernels of the same sizes and weights of the levels, but each tap is predicted by itself."""

    # Such kernels can shift content, so nothing holds the restored picture at the blurry one's
    # place.

    def __init__(self, levels: int = LEVELS, features: int = FEATURES) -> None:
        super().__init__()
        self.taps = [(2 * radius + 1) ** 2 for radius in range(1, levels)]
        self.kernel_map_gene = Trunk(6, levels, features)
        self.kpn = Trunk(6, sum(self.taps), features)
        self.apply(initialise)

    def forward(self, restored: torch.Tensor, blurry: torch.Tensor) -> torch.Tensor:
        """As :meth:`ReblurNet.forward`."""
        pictures = torch.cat([restored, blurry], dim=1)
        weights = torch.softmax(self.kernel_map_gene(pictures), dim=1)
        count, colours, height, width = restored.shape
        blurred = weights[:, :1] * restored
        for radius, logits in enumerate(torch.split(self.kpn(pictures), self.taps, dim=1), 1):
            shifted = functional.unfold(restored, 2 * radius + 1, padding=radius)
            shifted = shifted.view(count, colours, -1, height, width)
            level = (torch.softmax(logits, dim=1)[:, None] * shifted).sum(dim=2)
            blurred = blurred + weights[:, radius : radius + 1] * level
        return blurred


class SingleKernelNet(nn.Module):
    """One isotropic kernel per pixel, of the largest size, 2 m - 1 taps across; no mixing."""

    def __init__(
        self, levels: int = LEVELS, features: int = FEATURES, operator: Path | None = None
    ) -> None:
        super().__init__()
        self.levels, self.operator = levels, operator
        self.kpn = Trunk(6, levels, features)
        self.apply(initialise)

    def forward(self, restored: torch.Tensor, blurry: torch.Tensor) -> torch.Tensor:
        """As :meth:`ReblurNet.forward`."""
        seeds = self.kpn(torch.cat([restored, blurry], dim=1))
        unused = (0, 0, 0, 0, seed_count(self.levels) - self.levels, 0)
        weights = torch.zeros_like(seeds)
        weights[:, -1] = 1.0
        return isotropic_reblur(restored, functional.pad(seeds, unused), weights, self.operator)


def reblurring_network(settings: JDRLSettings) -> nn.Module | None:
    """The network of the settings; None if nothing is reblurred."""
    levels, features, operator = settings.levels, settings.features, settings.operator
    if settings.kernels == "free":
        return FreeKernelNet(levels, features)
    if settings.kernels == "single":
        return SingleKernelNet(levels, features, operator)
    return ReblurNet(levels, features, operator) if settings.kernels == "isotropic" else None
