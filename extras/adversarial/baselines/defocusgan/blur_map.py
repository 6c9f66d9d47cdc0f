"""DefocusGAN's first stage: a blur map from dual-pixel views, learnt with the kernels of the blur.

Source: AAAI 2023; ``models/blur_kernel_model.py`` and ``loss/blur_loss_alternate.py``."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.extras.adversarial.baselines.defocusgan.branches import (
    add_layers,
    branch,
    pooled_to,
)

MULTIPLE = 16  # four halvings
KERNEL_SIZES = (1, 4, 4, 7)
LIMIT = 24.0
KERNEL_RADII = (0, 1, *range(3, 10), *range(11, 18), *range(19, 26), 27, 28)
"""Half the side of each kernel, px; kernel i stands for a blur radius of i px."""


class BlurMapNet(nn.Module):
    """The signed blur radius of each pixel and colour."""

    # ``channels``: number of channels of all features; 64 in the released network.

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(6, channels, 3, padding=1), nn.ReLU())
        self.tail_hard = nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1))
        add_layers(self, channels, KERNEL_SIZES)

    def forward(self, views: Tensor) -> Tensor:
        """Radii ``(N, 3, H, W)``, RGB, -24 to 24 px, from left and right view ``(N, 6, H, W)``."""
        height, width = views.shape[-2:]
        left, right = pad_to_multiple(views, MULTIPLE).chunk(2, dim=1)
        bgr = torch.cat([left.flip(1), right.flip(1)], dim=1)
        head = self.head(bgr)
        branches = [self._branch(head, index) for index in range(len(KERNEL_SIZES))]
        total = torch.stack(branches).sum(dim=0)
        radii = self.tail_hard(head + total).flip(1)
        cropped: Tensor = radii[..., :height, :width]
        return cropped.clamp(-LIMIT, LIMIT)

    def _branch(self, head: Tensor, index: int) -> Tensor:
        """A branch as the generator's at full resolution, but with the skip of the third layer."""
        features: Tensor = branch(self, 1, index)(head)
        skips = [features]
        for layer in (2, 3, 4):
            features = features + pooled_to(head, features)
            features = branch(self, layer, index)(features)
            skips.append(features)
        features = features + pooled_to(head, features)
        features = branch(self, 5, index)(features)
        first, second, third, _ = skips
        for layer, skip in ((6, third), (7, second), (8, first)):
            features = features + skip + pooled_to(head, features)
            features = branch(self, layer, index)(features)
        return features


class KernelBank(nn.Module):
    """Learnt blur kernels by radius: one set in front of the focal plane and one behind it."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("weight_pos_set", "weight_neg_set"):
            kernels = map(_kernel, range(len(KERNEL_RADII)))
            self.add_module(name, nn.ModuleList(kernels))

    def forward(self, sharp: Tensor, radii: Tensor) -> Tensor:
        """The sharp picture blurred by a map of signed radii, px, both ``(N, 3, H, W)``.

        Sum over i of tent(map - i) (kernel i * sharp) + tent(map + i) (kernel -i * sharp)."""
        blurred = torch.zeros_like(sharp)
        for index in range(len(KERNEL_RADII)):
            for name, sign in (("weight_pos_set", 1.0), ("weight_neg_set", -1.0)):
                tent = (1 - (radii - sign * index).abs()).clamp_min(0.0)
                if not bool(tent.any()):
                    continue
                kernel = self.get_submodule(f"{name}.{index}")
                by_colour = sharp.flatten(0, 1)[:, None]
                filtered = kernel(by_colour).reshape(sharp.shape)
                share = (
                    0.5 if index == 0 else 1.0
                )  # both sets have a kernel of radius 0
                blurred = blurred + share * tent * filtered
        return blurred


def _kernel(index: int) -> nn.Conv2d:
    radius = KERNEL_RADII[index]
    layer = nn.Conv2d(1, 1, 2 * radius + 1, padding=radius, bias=False)
    with torch.no_grad():
        layer.weight.copy_(initial_kernel(index)[None, None])
    return layer


def initial_kernel(index: int) -> Tensor:
    """The initial kernel of a blur radius, 0 to 24 px: a disc with a bright rim.

    Square, of side ``2 * KERNEL_RADII[index] + 1``, sum 1, float32."""
    # A filled disc times a Butterworth high pass, brought to [0.1, 1] over its square of side 2 i +
    # 1, zero padded to the kernel's size, blurred by a Gaussian; a delta for radius 0.
    if index == 0:
        return torch.ones(1, 1)
    place = torch.arange(-index, index + 1)
    squared = (place[:, None].square() + place.square()).float()
    order = (squared / (0.8 * index) ** 2) ** 3
    high_pass = order / (1 + order)
    least = high_pass.min()
    rim = 0.1 + 0.9 * (high_pass - least) / (high_pass.max() - least)
    disc = rim * (squared <= index**2)
    edge = KERNEL_RADII[index] - index
    padded = functional.pad(disc, (edge,) * 4)
    blurred = _gaussian_blurred(padded, index)
    return blurred / blurred.sum()


def _gaussian_blurred(kernel: Tensor, index: int) -> Tensor:
    """A kernel blurred with OpenCV's sigma for a window of a seventh of its side, made odd."""
    size = round((2 * index + 1) / 7) + 1
    size += 1 - size % 2
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8
    place = torch.arange(size) - size // 2
    line = torch.exp(-place.square() / (2 * sigma**2))
    window = torch.outer(line, line)
    window = window / window.sum()
    padded = functional.pad(kernel, (size // 2,) * 4)
    blurred = functional.conv2d(padded[None, None], window[None, None])
    return blurred[0, 0]
