"""Eight layers of four branches, each for blur of its own size, of generator and blur-map network.

"Kernel size" 1 is a 1 x 1 convolution at full size; others have floor(k / 3) attention blocks."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.attention import ChannelAttention

HALVING = (1, 2, 3, 4)
DOUBLING = (5, 6, 7, 8)
REDUCTION = 16


def add_layers(network: nn.Module, channels: int, kernel_sizes: Sequence[int]) -> None:
    """Register ``layer1`` … ``layer8``, each with one branch per kernel size."""
    for number in (*HALVING, *DOUBLING):
        halving = number in HALVING
        branches = [_branch(channels, size, halving) for size in kernel_sizes]
        network.add_module(f"layer{number}", nn.ModuleList(branches))


def branch(network: nn.Module, layer: int, index: int) -> nn.Module:
    """Branch ``index`` (from 0) of ``layer`` (from 1)."""
    return network.get_submodule(f"layer{layer}.{index}")


def pooled_to(features: Tensor, like: Tensor) -> Tensor:
    """Means over windows, so that the size is that of ``like``."""
    height, width = like.shape[-2:]
    if features.shape[-2:] == (height, width):
        return features
    return functional.adaptive_avg_pool2d(features, (height, width))


def _branch(channels: int, kernel_size: int, halving: bool) -> nn.Sequential:
    if kernel_size == 1:
        return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU())
    scale = nn.MaxPool2d(2) if halving else nn.Upsample(scale_factor=2)
    return nn.Sequential(_ResidualGroup(channels, kernel_size // 3), scale)


class _ResidualGroup(nn.Module):
    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        attention = [_AttentionBlock(channels) for _ in range(blocks)]
        self.body = nn.Sequential(
            *attention,
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.body(features)
        return features + residual


class _AttentionBlock(nn.Module):
    """RCAB: two convolutions, channel attention, the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            ChannelAttention(channels, REDUCTION),
        )

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.body(features)
        return features + residual
