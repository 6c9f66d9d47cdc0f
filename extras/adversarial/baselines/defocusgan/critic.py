"""DefocusGAN's critic (AAAI 2023, released code): one value per patch, higher for sharp pictures.

Source: PatchGAN, CVPR 2017; Gulrajani et al., Improved Training of Wasserstein GANs, NIPS 2017."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
PENALTY = 10.0


class Critic(nn.Module):
    """A PatchGAN of three strided layers, with the released state-dict names."""

    # ``channels``: number of channels of the first layer; 64 in the released network.

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, channels, 2), nn.LeakyReLU(SLOPE)]
        for factor, stride in ((2, 2), (4, 2), (8, 1)):
            wider = factor * channels
            layers += [_convolution(wider // 2, wider, stride)]
            layers += [nn.InstanceNorm2d(wider), nn.LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*layers, _convolution(8 * channels, 1, 1))

    def forward(self, picture: Tensor) -> Tensor:
        """One value per patch, ``(N, 1, h, w)``, no sigmoid, of RGB in [0, 1]; BGR inside."""
        values: Tensor = self.model(picture.flip(1))
        return values


def patch_blur(radius: Tensor, values: Tensor) -> Tensor:
    """The blur radius of each patch, by nearest neighbour, from ``(N, 1, H, W)``, px."""
    return functional.interpolate(radius.abs(), values.shape[-2:], mode="nearest")


def gradient_penalty(
    critic: nn.Module,
    sharp: Tensor,
    restored: Tensor,
) -> Tensor:
    """10 x mean of (|gradient| - 1)^2 between a sharp and a restored batch, ``(N, 3, H, W)``.

    As released: one mixing weight for the whole batch, and the norm over the colours of each pixel.
    """
    weight = torch.rand((), device=sharp.device, dtype=sharp.dtype)
    between = (weight * sharp + (1 - weight) * restored).requires_grad_()
    values = critic(between)
    (gradient,) = torch.autograd.grad(values.sum(), between, create_graph=True)
    length: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    return PENALTY * (length - 1).square().mean()


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 4, stride=stride, padding=2)
