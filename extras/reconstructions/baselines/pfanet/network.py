"""PFANet, rebuilt from its abstract.

Source: Frontiers in Artificial Intelligence and Applications (2024), doi 10.3233/faia241382."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import Pointwise
from defocus.extras.reconstructions.u_shape import UShape

KERNELS = (3, 5, 7)
REDUCTION = 8


class _Path(nn.Module):
    """One size of convolution at half of the channels; what a smaller size found is added first."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        half = channels // 2
        self.narrow = Pointwise(channels, half)
        self.convolve = nn.Conv2d(half, half, kernel, padding=kernel // 2)

    def forward(
        self,
        features: Tensor,
        before: Tensor | None,
    ) -> Tensor:
        narrowed = self.narrow(features)
        return functional.relu(
            self.convolve(narrowed if before is None else narrowed + before)
        )


class _Gates(nn.Module):
    """A gate per channel, then one per pixel (FFA-Net, AAAI 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // REDUCTION
        self.of_channels = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )
        self.of_pixels = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, 1, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        gated = features * self.of_channels(features.mean((2, 3), keepdim=True))
        given: Tensor = gated * self.of_pixels(gated)
        return given


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.paths = nn.ModuleList(_Path(channels, kernel) for kernel in KERNELS)
        self.join = Pointwise(len(KERNELS) * (channels // 2), channels)
        self.gates = _Gates(channels)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        seen = functional.relu(self.first(features))
        outputs: list[Tensor] = []
        for path in self.paths:
            outputs.append(path(seen, outputs[-1] if outputs else None))
        changed: Tensor = features + self.gates(self.join(torch.cat(outputs, dim=1)))
        return changed


class PFANet(UShape):
    """From a blurry to the restored picture; arguments as those of :class:`UShape`."""

    def __init__(
        self,
        *,
        width: int = 32,
        encoder: Sequence[int] = (2, 2, 2),
        middle: int = 4,
    ) -> None:
        super().__init__(width, encoder, middle, block=_Block, down=_down)

    def join(self, channels: int) -> nn.Module:
        """Features from below and from the side, in one convolution."""
        return Pointwise(2 * channels, channels)


def _down(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
