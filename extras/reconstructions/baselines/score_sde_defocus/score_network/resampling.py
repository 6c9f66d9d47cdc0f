"""Downscaling and upscaling by two with a small binomial filter and zero padding.

Source: Zhang, Making Convolutional Networks Shift-Invariant Again (ICML 2019)."""

from torch import Tensor
from torch.nn import functional

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


def halved(features: Tensor) -> Tensor:
    """From ``(N, C, H, W)`` to ``(N, C, H / 2, W / 2)``."""
    kernel = _kernel(features)
    return functional.conv2d(features, kernel, stride=2, padding=1, groups=len(kernel))


def doubled(features: Tensor) -> Tensor:
    """From ``(N, C, H, W)`` to ``(N, C, 2 H, 2 W)``."""
    kernel = 4 * _kernel(features)
    return functional.conv_transpose2d(
        features,
        kernel,
        stride=2,
        padding=1,
        groups=len(kernel),
    )


def _kernel(features: Tensor) -> Tensor:
    taps = features.new_tensor(TAPS)
    return (taps[:, None] * taps).expand(features.shape[1], 1, -1, -1)
