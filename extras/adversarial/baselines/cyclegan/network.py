"""CycleGAN's generator with the official state-dict names.

Source: Zhu et al., CycleGAN (ICCV 2017); junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py.
"""

from torch import Tensor, nn

from defocus.baselines.layers.padding import pad_to_multiple

MULTIPLE = 4  # two halvings
BLOCKS = 9
WEIGHT_STD = 0.02


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.conv_block(features)
        return changed


class Generator(nn.Module):
    """From pictures of one kind to the other: two halvings, residual blocks, two doublings."""

    # ``width``: channels at full size. ``blocks``: residual ones. ``adds_input``: whether the
    # network gives the change to the picture, as narrow copies do; not in the paper.

    def __init__(
        self,
        *,
        width: int = 64,
        blocks: int = BLOCKS,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)]
        layers += _normed(width)
        for channels in (2 * width, 4 * width):
            layers.append(nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1))
            layers += _normed(channels)
        layers += [_Block(4 * width) for _ in range(blocks)]
        for channels in (2 * width, width):
            layers.append(
                nn.ConvTranspose2d(
                    2 * channels,
                    channels,
                    3,
                    stride=2,
                    padding=1,
                    output_padding=1,
                )
            )
            layers += _normed(channels)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7)]
        layers.append(nn.Identity() if adds_input else nn.Tanh())
        self.model = nn.Sequential(*layers)
        draw_weights(self)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1]; not clamped where the input is added."""
        height, width = blurry.shape[-2:]
        picture = 2 * pad_to_multiple(blurry, MULTIPLE) - 1
        given = (
            self.model(picture) + picture if self.adds_input else self.model(picture)
        )
        restored: Tensor = ((given + 1) / 2)[..., :height, :width]
        return restored


def _normed(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU()]


def draw_weights(network: nn.Module) -> None:
    """Normal weights and no bias in all convolutions."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, WEIGHT_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
